/* SPDX-License-Identifier: Apache-2.0 */
/* Words that every file uses: attributes, cleanup, string views. */
#ifndef MQ_BASE_H
#define MQ_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The result is a negative errno or an outcome that the caller has to look at. */
#define MQ_MUST_CHECK __attribute__((warn_unused_result))
#define MQ_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

/* Calls fn(&variable) when the variable leaves its scope: MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = {0}; */
#define MQ_CLEANUP(fn) __attribute__((cleanup(fn)))

#define MQ_LENGTH(array) (sizeof(array) / sizeof((array)[0]))

/* Says that an outcome is deliberately not looked at. */
static inline void mq_ignore(int outcome) { (void)outcome; }

/* A view of bytes that somebody else owns; not terminated by a zero byte. */
struct mq_str {
    const char *s;
    size_t n;
};

#define MQ_STR(literal) ((struct mq_str){ (literal), sizeof(literal) - 1 })

static inline struct mq_str mq_str(const char *s) {
    return (struct mq_str){ s, s ? strlen(s) : 0 };
}

static inline bool mq_str_equal(struct mq_str a, struct mq_str b) {
    return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}

#endif
