/* SPDX-License-Identifier: Apache-2.0 */
/* Text for terminals: columns that count Chinese characters as two cells, nothing that a terminal would obey, colours. */
#ifndef MQ_TEXT_H
#define MQ_TEXT_H

#include "common/buffer.h"

/* Cells that the text takes on a terminal, after cleaning. */
size_t mq_text_width(struct mq_str text);

/* Appends the text with control characters and malformed bytes replaced: line ends and tabs become spaces, all else that a
 * terminal might obey (C0, C1, bidirectional overrides) U+FFFD. */
void mq_text_clean(struct mq_buffer *out, struct mq_str text);

/* The same in exactly `cells` cells: padded with spaces on the right, or cut with "…". */
void mq_text_column(struct mq_buffer *out, struct mq_str text, size_t cells);

/* The same, cut where it is longer than `cells`, never padded. */
void mq_text_cut(struct mq_buffer *out, struct mq_str text, size_t cells);

/* Does standard output want colours? A terminal, NO_COLOR not set, TERM not dumb. */
bool mq_text_wants_colour(void);

/* Columns of the terminal on standard output; 0 where it is none. */
size_t mq_text_terminal_columns(void);

enum mq_colour { MQ_COLOUR_NONE, MQ_COLOUR_RED, MQ_COLOUR_ORANGE, MQ_COLOUR_YELLOW, MQ_COLOUR_BLUE, MQ_COLOUR_DIM, MQ_COLOUR_BOLD };

/* Appends the escape sequence that begins a colour, MQ_COLOUR_NONE the one that ends it; nothing without `wanted`. */
void mq_text_colour(struct mq_buffer *out, bool wanted, enum mq_colour colour);

/* 4 red, 3 orange, 2 yellow, 1 blue, else none. */
enum mq_colour mq_text_severity_colour(int64_t severity);

/* 特急, 紧急, 一般, 知悉; "-" for others. */
const char *mq_text_severity_name(int64_t severity);

#endif
