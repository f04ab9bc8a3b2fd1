/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one line an event to standard error, as key=value text, or as JSON lines when MINQING_LOG_FORMAT=json; with
 * <N> priorities when the journal reads it (JOURNAL_STREAM). */
#ifndef MQ_LOG_H
#define MQ_LOG_H

#include "base.h"

enum mq_level { MQ_ERROR = 3, MQ_WARNING = 4, MQ_INFO = 6, MQ_DEBUG = 7 }; /* syslog's numbers */

/* Sets the program's name and the least severe level that is written. */
void mq_log_init(const char *program, enum mq_level level);
MQ_MUST_CHECK bool mq_log_level_parse(const char *name, enum mq_level *level); /* error, warning, info, debug */

/* Writes one line; control characters in the text are escaped, long lines cut at 2 KiB. Safe from any thread. The text names
 * what was wrong, where, and what to do; it never contains report text or subject. */
void mq_log(enum mq_level level, const char *format, ...) MQ_PRINTF(2, 3);

/* The same at most once every `every_ms` for this `key` (a static string), with the number of lines left out in between. */
void mq_log_limited(const char *key, int64_t every_ms, enum mq_level level, const char *format, ...) MQ_PRINTF(4, 5);

#endif
