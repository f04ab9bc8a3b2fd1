/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the answer to one attempt. */
#ifndef MQ_WEBHOOK_VERDICT_H
#define MQ_WEBHOOK_VERDICT_H

#include "common/base.h"

#define MQ_RETRY_AFTER_MOST_MS 3600000 /* whatever Retry-After asks for: nobody silences call-outs for a day */

enum mq_outcome {
    MQ_DELIVERED,  /* any 2xx */
    MQ_TRY_AGAIN,
    MQ_DO_NOT_TRY, /* 410 */
};

struct mq_answer_of {
    int status;            /* HTTP status, 0: no answer */
    int64_t retry_after_s; /* 0: not said */
    bool own_fault;        /* there is no answer because it was not sent: says nothing of the webhook */
    unsigned attempt;      /* 1: the first */
    unsigned failures;     /* of the webhook in a row, before this one */
};

struct mq_verdict {
    enum mq_outcome outcome;
    bool away;         /* the webhook as a whole cannot be had now (no answer, 429, 502, 503, 504): all its deliveries wait */
    bool gone;         /* 410: the webhook is to be disabled */
    int64_t delay_ms;  /* until the next attempt of this delivery: grows with its attempts */
    int64_t pause_ms;  /* until the next attempt of any, where away: grows with the webhook's failures */
    unsigned failures; /* in a row, with this one; 0 unless away */
};

/* Delays grow from `first_ms` to `cap_ms` with jitter, and are never shorter than Retry-After. */
struct mq_verdict mq_verdict_of(const struct mq_answer_of *answer, int64_t first_ms, int64_t cap_ms);

/* "done", "again", "never": the word of settle.sql. */
const char *mq_outcome_word(enum mq_outcome outcome);

#endif
