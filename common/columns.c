/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of text cells, kept so that any range of rows can become array parameters. */
#include "store.h"

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
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);
    mq_columns_text(c, (struct mq_str){ text, (size_t)n });
}

void mq_columns_number(struct mq_columns *c, double value) {
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
            mq_buffer_append_char(&c->text, digits[b >> 4]);
            mq_buffer_append_char(&c->text, digits[b & 15]);
        }
    add(c, offset, c->text.len - offset);
}

void mq_columns_cancel(struct mq_columns *c) { c->filled = 0; }
