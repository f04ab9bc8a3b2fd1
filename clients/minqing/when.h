/* SPDX-License-Identifier: Apache-2.0 */
/* Times as people type them: RFC 3339, "2026-12-01", "2026-12-01 17:30" (local), "+48h", "+3d", "+90m". */
#ifndef MQ_WHEN_H
#define MQ_WHEN_H

#include "common/clock.h"

/* Which moment of the day a date alone means. */
enum mq_edge {
    MQ_DAY_BEGINS, /* 00:00:00: from */
    MQ_DAY_ENDS,   /* 23:59:59: a deadline */
    MQ_DAY_PAST,   /* 00:00:00 of the next day: to, not included */
};

/* Writes it as RFC 3339 with the local offset. `now_us` is where "+…" counts from. false: not a time. */
MQ_MUST_CHECK bool mq_when_parse(const char *text, int64_t now_us, enum mq_edge edge, char out[MQ_TIME_TEXT]);

/* "2026-11": its first moment and that of the next month. false: not a month. */
MQ_MUST_CHECK bool mq_when_month(const char *text, char from[MQ_TIME_TEXT], char to[MQ_TIME_TEXT]);

/* Time of day for people, local: "10:06", or "11-25 10:06" on another day than now; "-" where `at` is no time. */
void mq_when_short(struct mq_str at, int64_t now_us, char out[24]);

/* A deadline for people: the time as above and how long is left (余) or how late it is (超): "10:06 余0h04m". */
void mq_when_deadline(struct mq_str at, int64_t now_us, char out[64]);

#endif
