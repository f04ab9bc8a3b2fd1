/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends more than it may: one token bucket for messages and one for bytes a sender, in a table of fixed size.
 *
 * Time is the caller's, in monotonic microseconds, and everything follows from it. One thread uses a table. */
#ifndef MQ_RATE_H
#define MQ_RATE_H

#include "base.h"

#define MQ_RATE_WAYS 8 /* places in which one sender may be kept */

/* A burst of more than three years at its rate counts as three years. */
struct mq_rate_limits {
    int64_t per_s, burst;             /* messages: steadily, and at once after a rest; at least 1 */
    int64_t bytes_per_s, bytes_burst; /* of payload; at least 1 */
    int64_t told_per_s, told_burst;   /* of those above its rate: how many are answered, so that it hears of it; at least 1 */
};

enum mq_rate_verdict {
    MQ_RATE_WITHIN,
    MQ_RATE_OVER,   /* above its rate, and worth an answer */
    MQ_RATE_EXCESS, /* above its rate, and was told so just now: not worth anything */
};

struct mq_rate;

/* Room for at least `senders`, 32 bytes each, all of it allocated here. -ENOMEM, -EINVAL. */
MQ_MUST_CHECK int mq_rate_new(const struct mq_rate_limits *limits, size_t senders, struct mq_rate **out);
void mq_rate_free(struct mq_rate *rate);
static inline void mq_rate_cleanup(struct mq_rate **rate) {
    mq_rate_free(*rate);
}

/* One message of `bytes` of `sender`. Only what is within takes from its buckets, so that however much a sender sends, as much as it
 * may gets through. A message larger than the whole burst of bytes is within when the bucket is full.
 *
 * Where a set of the table is full, the sender in it that owes least is forgotten: usually one that has been quiet, of whom there is
 * nothing to remember. Should all be busy, it begins again with a full bucket: the table gives too much then, never too little. */
enum mq_rate_verdict mq_rate_take(struct mq_rate *rate, struct mq_str sender, size_t bytes, int64_t now_us);

#endif
