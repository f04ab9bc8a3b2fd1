/* SPDX-License-Identifier: Apache-2.0 */
/* A fault that lasts: one line in the log when it begins, one a minute while it lasts, one when it is over; however often it is met,
 * and by however many connections of the process. */
#ifndef MQ_OUTAGE_H
#define MQ_OUTAGE_H

#include "log.h"
#include <pthread.h>

struct mq_outage {
    const char *begins, *ends; /* events of the log: "database-away", "database-back" */
    pthread_mutex_t lock;
    unsigned met_by;   /* connections that have it now */
    int64_t since_us, told_us; /* monotonic */
    uint64_t left_out; /* times met since the last line */
};

#define MQ_OUTAGE(begins, ends) { begins, ends, PTHREAD_MUTEX_INITIALIZER, 0, 0, 0, 0 }

/* This connection (`mine` is its own flag, false at first) has met the fault, for the first time or again. */
void mq_outage_met(struct mq_outage *outage, bool *mine, enum mq_level level, const char *format, ...) MQ_PRINTF(4, 5);

/* It is over for this connection; the line comes when it is over for all. Nothing where it did not have it. */
void mq_outage_over(struct mq_outage *outage, bool *mine, const char *what);

#endif
