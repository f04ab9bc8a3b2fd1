/* SPDX-License-Identifier: Apache-2.0 */
/* A table of texts for the terminal or as CSV: cells are added row by row, the first row is the header. */
#ifndef MQ_TABLE_H
#define MQ_TABLE_H

#include "common/buffer.h"

#define MQ_TABLE_COLUMNS 64

struct mq_table {
    size_t columns;        /* set first, at most MQ_TABLE_COLUMNS */
    struct mq_buffer text; /* all cells, one after the other */
    size_t *ends;          /* owned: where each cell ends in `text` */
    size_t count, room;
    bool failed; /* an allocation failed */
};
void mq_table_deinit(struct mq_table *table);

/* Adds the next cell; rows follow each other. */
void mq_table_add(struct mq_table *table, struct mq_str text);

/* Appends it aligned, two spaces between columns: numbers to the right, the last column as long as it is. Of columns wider than
 * `widest` cells, 0: any, the rest is cut. */
void mq_table_align(const struct mq_table *table, size_t widest, struct mq_buffer *out);

/* Appends it as RFC 4180 has it, lines ended by CR LF. What a spreadsheet would take for a formula gets an apostrophe before it. */
void mq_table_csv(const struct mq_table *table, struct mq_buffer *out);

#endif
