/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog: a thread that ends the process (SIGABRT) when one of its loops makes no progress, so that the supervisor starts it
 * again, whichever supervisor it is. Where systemd has a watchdog (WatchdogSec) it is fed from here, which covers the process as a
 * whole: frozen, or this thread stuck.
 *
 * It counts its own ticks without progress, not time: after a machine was suspended or the process stopped and continued (SIGSTOP,
 * SIGCONT) nothing is amiss, and a clock would say otherwise. */
#ifndef MQ_WATCHDOG_H
#define MQ_WATCHDOG_H

#include "base.h"

/* Begins. A watched loop that does not move for about `limit_ms` ends the process, after one line in the log that says what it was
 * doing and where (return addresses; addr2line -e PROGRAM). 0: none is ended, and only systemd is fed. Negative errno. */
MQ_MUST_CHECK int mq_watchdog_start(int64_t limit_ms);
void mq_watchdog_stop(void);

/* The calling thread is watched from now on, until mq_watchdog_leave. `name` says in the log which loop it is. */
void mq_watchdog_watch(const char *name);
void mq_watchdog_leave(void);

/* Progress: what the calling thread does next. `doing` and `what` ("statement", "store_reports"; may be NULL) are kept as they are, so
 * they live for ever. A few nanoseconds; nothing in a thread that is not watched. */
void mq_watchdog_at(const char *doing, const char *what);

#endif
