/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one process: names in one table, atomic, printed into the health message.
 *
 * They add up, so that whatever ends unseen is seen in them. Of messages, at any time:
 *
 *     received = taken + dropped + excess + what is in the inbox (inbox_messages of the health message)
 *
 * An element is what a batch handles one by one: a message from outside, or each element of a stage message (one that cannot be split
 * is one element). Of elements, whenever no batch is in work:
 *
 *     elements + swept = handled + rejected + later + cleared + abandoned
 *
 * What `handled` is made of a service says by its own counters; those of ingest add up too:
 *
 *     handled = stored + duplicate + unanswered          and, as each of its messages is one element,
 *     received = stored + duplicate + unanswered + rejected + later + cleared + abandoned + dropped + excess + inbox_messages
 *
 * Events that the clock makes are elements of none, and neither are what a batch passes on. */
#ifndef MQ_METRICS_H
#define MQ_METRICS_H

#include "base.h"
#include "buffer.h"
#include <stdatomic.h>

/* What is counted, in the order printed: one row X(symbol, "name_in_json", "help"). */
#define MQ_METRICS(X)                                                                     \
    X(RECEIVED, "received", "messages that arrived from the broker")                      \
    X(DROPPED, "dropped", "arrivals thrown away because the inbox was full")              \
    X(EXCESS, "excess", "arrivals thrown away because their sender is far above its rate") \
    X(TAKEN, "taken", "messages taken from the inbox")                                    \
    X(ELEMENTS, "elements", "messages from outside and elements of stage messages")       \
    X(SWEPT, "swept", "elements brought by a sweep instead of a message")                 \
    X(HANDLED, "handled", "elements whose transaction was committed")                     \
    X(STORED, "stored", "rows that a statement reported as new")                          \
    X(DUPLICATE, "duplicate", "elements that were there already")                         \
    X(UNANSWERED, "unanswered", "elements that another transaction was just storing: no receipt, sent again") \
    X(REJECTED, "rejected", "elements put aside: not understood, or refused")             \
    X(UNKEPT, "unkept", "those of them without a row in rejections: too many of one sender") \
    X(LATER, "later", "elements answered with later: not stored, the sender keeps them")  \
    X(CLEARED, "cleared", "empty retained messages: a copy at the broker being cleared")  \
    X(ABANDONED, "abandoned", "elements given up when the service stopped or lost its lock: sent again or swept") \
    X(PUBLISHED, "published", "messages given to the broker")                             \
    X(UNHEARD, "unheard", "publishes that nobody was subscribed to")                      \
    X(REFUSED, "refused", "publishes the broker refused")                                 \
    X(BATCHES, "batches", "transactions")                                                 \
    X(RETRIES, "retries", "batches done again after the database failed")                 \
    X(CONNECTS, "connects", "connections made to the broker")                             \
    X(DELIVERED, "delivered", "deliveries that a webhook took")                           \
    X(UNDELIVERED, "undelivered", "attempts of deliveries that failed")                   \
    X(GIVEN_UP, "given_up", "deliveries given up")

enum mq_metric {
#define X(symbol, name, help) MQ_METRIC_##symbol,
    MQ_METRICS(X)
#undef X
    MQ_METRIC_COUNT
};

struct mq_metrics {
    _Atomic uint64_t value[MQ_METRIC_COUNT];
};

static inline void mq_metrics_add(struct mq_metrics *m, enum mq_metric which, uint64_t n) {
    atomic_fetch_add_explicit(&m->value[which], n, memory_order_relaxed);
}
static inline uint64_t mq_metrics_get(const struct mq_metrics *m, enum mq_metric which) {
    return atomic_load_explicit(&m->value[which], memory_order_relaxed);
}

const char *mq_metrics_name(enum mq_metric which);

/* What came to the counters since some time between five and ten minutes ago. Zeroed at first, which means since the start. */
struct mq_recent {
    uint64_t earlier[MQ_METRIC_COUNT], later[MQ_METRIC_COUNT];
    int64_t due_us; /* monotonic: when `later` is taken anew */
};

/* Appends {"excess":1,…}: those to which anything came. */
void mq_recent_json(struct mq_recent *recent, const struct mq_metrics *m, int64_t monotonic_us, struct mq_buffer *out);

/* Appends {"received":1,…}. */
void mq_metrics_json(const struct mq_metrics *m, struct mq_buffer *out);

#endif
