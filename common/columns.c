/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of text cells, kept so that any range of rows can become array parameters. */
#include "store.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void mq_columns_init(struct mq_columns *c, size_t columns) { *c = (struct mq_columns){ .columns = columns }; }

void mq_columns_deinit(struct mq_columns *c) {
    mq_buffer_deinit(&c->text);
    free(c->cells);
    *c = (struct mq_columns){ .columns = c->columns };
}

void mq_columns_reset(struct mq_columns *c) {
    mq_buffer_reset(&c->text, 1 << 20);
    c->rows = c->filled = 0;
    c->failed = false;
}

static void add(struct mq_columns *c, size_t offset, size_t len) {
    size_t at = c->rows * c->columns + c->filled;
    if (at >= c->capacity) {
        size_t more = c->capacity ? c->capacity * 2 : 256;
        struct mq_cell *grown = reallocarray(c->cells, more, sizeof(*grown));
        if (!grown) {
            c->failed = true;
            return;
        }
        c->cells = grown;
        c->capacity = more;
    }
    c->cells[at] = (struct mq_cell){ offset, len };
    if (++c->filled == c->columns) {
        c->filled = 0;
        c->rows++;
    }
}

void mq_columns_text(struct mq_columns *c, struct mq_str text) {
    size_t offset = c->text.len;
    mq_buffer_append(&c->text, text.s, text.n);
    add(c, offset, text.n);
}

void mq_columns_null(struct mq_columns *c) { add(c, SIZE_MAX, 0); }

void mq_columns_optional(struct mq_columns *c, struct mq_str text) {
    if (text.n)
        mq_columns_text(c, text);
    else
        mq_columns_null(c);
}

void mq_columns_integer(struct mq_columns *c, int64_t value) {
    size_t offset = c->text.len;
    mq_buffer_append_integer(&c->text, value);
    add(c, offset, c->text.len - offset);
}

/* Most numbers are decimals of a few places. Divided by ten million a whole number gives the very double that its digits with a point are
 * read as, so those digits are the number; and they cost a fifth of seventeen. */
static bool add_decimal(struct mq_columns *c, double value) {
    double scaled = nearbyint(value * 1e7);
    if (!(fabs(scaled) < 1e15) || scaled / 1e7 < value || scaled / 1e7 > value || signbit(value))
        return false;
    size_t offset = c->text.len;
    uint64_t digits = (uint64_t)scaled;
    mq_buffer_append_integer(&c->text, (int64_t)(digits / 10000000));
    char places[8] = ".";
    uint64_t left = digits % 10000000;
    for (size_t i = 7; i > 0; i--, left /= 10)
        places[i] = (char)('0' + left % 10);
    size_t n = sizeof(places);
    while (n > 1 && places[n - 1] == '0')
        n--;
    mq_buffer_append(&c->text, places, n > 1 ? n : 0);
    add(c, offset, c->text.len - offset);
    return true;
}

void mq_columns_number(struct mq_columns *c, double value) {
    if (add_decimal(c, value))
        return;
    char text[40];
    int n = snprintf(text, sizeof(text), "%.17g", value);
    mq_columns_text(c, (struct mq_str){ text, (size_t)n });
}

void mq_columns_boolean(struct mq_columns *c, bool value) { mq_columns_text(c, value ? MQ_STR("t") : MQ_STR("f")); }

void mq_columns_bytes(struct mq_columns *c, struct mq_str bytes) {
    static const char digits[] = "0123456789abcdef";
    size_t offset = c->text.len;
    mq_buffer_append_text(&c->text, "\\x");
    if (mq_buffer_reserve(&c->text, bytes.n * 2) == 0)
        for (size_t i = 0; i < bytes.n; i++) {
            unsigned char b = (unsigned char)bytes.s[i];
            c->text.data[c->text.len++] = digits[b >> 4];
            c->text.data[c->text.len++] = digits[b & 15];
        }
    add(c, offset, c->text.len - offset);
}

void mq_columns_cancel(struct mq_columns *c) { c->filled = 0; }
