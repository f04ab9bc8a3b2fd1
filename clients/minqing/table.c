/* SPDX-License-Identifier: Apache-2.0 */
/* Tables. */
#include "table.h"

#include "clients/common/text.h"

#include <stdlib.h>

void mq_table_deinit(struct mq_table *table) {
    mq_buffer_deinit(&table->text);
    free(table->ends);
    *table = (struct mq_table){ 0 };
}

void mq_table_add(struct mq_table *table, struct mq_str text) {
    if (table->count == table->room) {
        size_t room = table->room ? 2 * table->room : 64;
        size_t *ends = reallocarray(table->ends, room, sizeof(*ends));
        if (!ends) {
            table->failed = true;
            return;
        }
        table->ends = ends;
        table->room = room;
    }
    mq_buffer_append_str(&table->text, text);
    table->ends[table->count++] = table->text.len;
    table->failed = table->failed || table->text.failed;
}

static struct mq_str cell(const struct mq_table *table, size_t i) {
    size_t begin = i ? table->ends[i - 1] : 0;
    return (struct mq_str){ table->text.data ? table->text.data + begin : "", table->ends[i] - begin };
}

static bool is_number(struct mq_str text) {
    size_t digits = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (!memchr("0123456789.,-+%", text.s[i], 15))
            return false;
        digits += text.s[i] >= '0' && text.s[i] <= '9';
    }
    return digits > 0 || (text.n == 1 && *text.s == '-');
}

/* Is every cell below the header a number? */
static bool numeric(const struct mq_table *table, size_t column) {
    for (size_t i = table->columns + column; i < table->count; i += table->columns)
        if (cell(table, i).n > 0 && !is_number(cell(table, i)))
            return false;
    return table->count > table->columns;
}

static size_t width(const struct mq_table *table, size_t column, size_t widest) {
    size_t most = 0;
    for (size_t i = column; i < table->count; i += table->columns) {
        size_t n = mq_text_width(cell(table, i));
        most = n > most ? n : most;
    }
    return widest && most > widest ? widest : most;
}

/* A number to the right of its column, a text to the left, the last text as long as it is. */
static void append_cell(struct mq_buffer *out, struct mq_str text, size_t cells, bool number, bool last) {
    if (number) {
        for (size_t own = mq_text_width(text); own < cells; own++)
            mq_buffer_append_char(out, ' ');
        mq_text_cut(out, text, cells);
    } else if (last) {
        mq_text_clean(out, text);
    } else {
        mq_text_column(out, text, cells);
    }
}

void mq_table_align(const struct mq_table *table, size_t widest, struct mq_buffer *out) {
    size_t cells[MQ_TABLE_COLUMNS] = { 0 };
    bool number[MQ_TABLE_COLUMNS] = { false };
    for (size_t c = 0; c < table->columns; c++) {
        cells[c] = width(table, c, widest);
        number[c] = numeric(table, c);
    }
    for (size_t i = 0; table->columns > 0 && i < table->count; i++) {
        size_t c = i % table->columns;
        bool last = c + 1 == table->columns;
        append_cell(out, cell(table, i), cells[c], number[c], last);
        mq_buffer_append_text(out, last ? "\n" : "  ");
    }
}

void mq_table_csv(const struct mq_table *table, struct mq_buffer *out) {
    for (size_t i = 0; table->columns > 0 && i < table->count; i++) {
        struct mq_str text = cell(table, i);
        bool formula = text.n > 0 && memchr("=+-@\t\r", *text.s, 6) && !is_number(text);
        mq_buffer_append_char(out, '"');
        mq_buffer_append_text(out, formula ? "'" : "");
        for (size_t k = 0; k < text.n; k++) {
            mq_buffer_append_text(out, text.s[k] == '"' ? "\"" : "");
            mq_buffer_append_char(out, text.s[k]);
        }
        mq_buffer_append_text(out, (i + 1) % table->columns ? "\"," : "\"\r\n");
    }
}
