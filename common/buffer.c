/* SPDX-License-Identifier: Apache-2.0 */
/* The growing byte buffer. */
#include "buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SMALLEST 64

void mq_buffer_deinit(struct mq_buffer *b) {
    if (!b)
        return;
    free(b->data);
    *b = (struct mq_buffer){ 0 };
}

void mq_buffer_reset(struct mq_buffer *b, size_t keep) {
    if (b->capacity > keep)
        mq_buffer_deinit(b);
    b->len = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

int mq_buffer_reserve(struct mq_buffer *b, size_t more) {
    if (b->failed)
        return -ENOMEM;
    if (b->capacity > b->len && more < b->capacity - b->len)
        return 0;

    size_t capacity = 0;
    if (__builtin_add_overflow(b->len, more, &capacity) || __builtin_add_overflow(capacity, 1, &capacity)) {
        b->failed = true;
        return -ENOMEM;
    }
    /* Doubling keeps a row of small appends linear. */
    if (capacity < SMALLEST)
        capacity = SMALLEST;
    if (b->capacity <= SIZE_MAX / 2 && capacity < b->capacity * 2)
        capacity = b->capacity * 2;
    char *data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return -ENOMEM;
    }
    data[b->len] = '\0';
    b->data = data;
    b->capacity = capacity;
    return 0;
}

void mq_buffer_append(struct mq_buffer *b, const void *bytes, size_t n) {
    if (mq_buffer_reserve(b, n) < 0)
        return;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void mq_buffer_append_str(struct mq_buffer *b, struct mq_str s) {
    mq_buffer_append(b, s.s, s.n);
}

void mq_buffer_append_text(struct mq_buffer *b, const char *text) {
    mq_buffer_append(b, text, strlen(text));
}

void mq_buffer_append_char(struct mq_buffer *b, char c) {
    if (mq_buffer_reserve(b, 1) < 0)
        return;
    b->data[b->len++] = c;
    b->data[b->len] = '\0';
}

void mq_buffer_append_integer(struct mq_buffer *b, int64_t value) {
    char text[24], *end = text + sizeof(text), *p = end;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do
        *--p = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--p = '-';
    mq_buffer_append(b, p, (size_t)(end - p));
}

void mq_buffer_printf(struct mq_buffer *b, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    char small[256];
    int n = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if ((size_t)n < sizeof small) {
        mq_buffer_append(b, small, (size_t)n);
        return;
    }
    if (mq_buffer_reserve(b, (size_t)n) < 0)
        return;
    va_start(arguments, format);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, arguments);
    va_end(arguments);
    b->len += (size_t)n;
}

const char *mq_buffer_text(const struct mq_buffer *b) {
    return b->data ? b->data : "";
}
