/* SPDX-License-Identifier: Apache-2.0 */
/* A growing byte buffer whose first failed allocation sticks, so that only the end of a row of appends needs a check. */
#ifndef MQ_BUFFER_H
#define MQ_BUFFER_H

#include "base.h"

struct mq_buffer {
    char *data;      /* owned; always followed by a zero byte once anything was appended */
    size_t len;      /* bytes in use, the zero byte not counted */
    size_t capacity; /* bytes allocated */
    bool failed;     /* an allocation failed: contents are incomplete */
};

/* Frees the bytes; the buffer is empty and usable again. NULL is allowed. */
void mq_buffer_deinit(struct mq_buffer *b);

/* Empties the buffer and keeps its memory, unless it holds more than `keep` bytes. */
void mq_buffer_reset(struct mq_buffer *b, size_t keep);

/* Makes room for `more` bytes. 0, or -ENOMEM (also kept in `failed`). */
int mq_buffer_reserve(struct mq_buffer *b, size_t more);

void mq_buffer_append(struct mq_buffer *b, const void *bytes, size_t n);
void mq_buffer_append_str(struct mq_buffer *b, struct mq_str s);
void mq_buffer_append_text(struct mq_buffer *b, const char *text);
void mq_buffer_append_char(struct mq_buffer *b, char c);
void mq_buffer_append_integer(struct mq_buffer *b, int64_t value);
void mq_buffer_printf(struct mq_buffer *b, const char *format, ...) MQ_PRINTF(2, 3);

/* The text so far, "" while empty. Valid until the next append. */
const char *mq_buffer_text(const struct mq_buffer *b);

#endif
