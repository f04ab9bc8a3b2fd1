/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event to standard error, as text ("AT level service/instance event: message"), or as JSON lines when
 * MINQING_LOG_FORMAT=json; with <N> priorities when the journal reads it (JOURNAL_STREAM), which adds time and unit itself. */
#ifndef MQ_LOG_H
#define MQ_LOG_H

#include "base.h"
#include <stdarg.h>

enum mq_level { MQ_ERROR = 3, MQ_WARNING = 4, MQ_INFO = 6, MQ_DEBUG = 7 }; /* syslog's numbers */

/* Sets the service's (or program's) name and the least severe level that is written. */
void mq_log_init(const char *service, enum mq_level level);
/* Which of the service's instances this is; "" at first. */
void mq_log_instance(const char *instance);
MQ_MUST_CHECK bool mq_log_level_parse(const char *name, enum mq_level *level); /* error, warning, info, debug */

/* Writes one line; control characters in the text are escaped, long lines cut at 2 KiB. Safe from any thread. `event` is a short
 * name that stays the same from version to version ("database-away"): what machines look for; docs/operations.md lists them. The
 * text names what was wrong, where, and what to do; it never contains report text or subject. */
void mq_log(enum mq_level level, const char *event, const char *format, ...) MQ_PRINTF(3, 4);

/* The same at most once every `every_ms` for this `event`, with the number of lines left out in between. */
void mq_log_limited(const char *event, int64_t every_ms, enum mq_level level, const char *format, ...) MQ_PRINTF(4, 5);

/* The same without limit, with a number of lines that were left out before it; for outage.c. */
void mq_log_left_out(const char *event, enum mq_level level, uint64_t left_out, const char *format, va_list arguments) MQ_PRINTF(4, 0);

#endif
