/* SPDX-License-Identifier: Apache-2.0 */
/* Time: intervals from the monotonic clock, calendar time as RFC 3339. */
#ifndef MQ_CLOCK_H
#define MQ_CLOCK_H

#include "base.h"

#define MQ_TIME_TEXT 33

/* Microseconds of the monotonic clock; only differences mean anything. */
int64_t mq_clock_monotonic_us(void);

/* Microseconds since 1970 UTC. */
int64_t mq_clock_now_us(void);

/* "2026-11-23T02:10:00.123+08:00": milliseconds, with the given offset from UTC in minutes. */
void mq_clock_format(int64_t us, int offset_minutes, char out[MQ_TIME_TEXT]);

/* Strict RFC 3339 date-time with offset (years 1970–9999; calendar checked; second 60 refused). false: not one. */
MQ_MUST_CHECK bool mq_clock_parse(struct mq_str text, int64_t *us);

/* Offset of the local time zone now, in minutes (TZ, else 480: the county's own +08:00 where TZ is unset). */
int mq_clock_offset_minutes(void);

/* Delay with exponential growth and jitter: attempt 0 gives about `first_ms`, doubling up to `cap_ms`, ±25 %. */
int64_t mq_clock_backoff_ms(unsigned attempt, int64_t first_ms, int64_t cap_ms);

#endif
