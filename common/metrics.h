/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one process: names in one table, atomic, printed into the health message. */
#ifndef MQ_METRICS_H
#define MQ_METRICS_H

#include "base.h"
#include "buffer.h"
#include <stdatomic.h>

/* What is counted, in the order printed: one row X(symbol, "name_in_json", "help"). */
#define MQ_METRICS(X)                                                                     \
    X(RECEIVED, "received", "messages that arrived from the broker")                      \
    X(DROPPED, "dropped", "arrivals thrown away because the inbox was full")              \
    X(REJECTED, "rejected", "messages or elements put aside as not understood")           \
    X(STORED, "stored", "rows that a statement reported as new")                          \
    X(DUPLICATE, "duplicate", "rows that were there already")                             \
    X(LATER, "later", "messages answered with later: not stored, the sender keeps them")  \
    X(SWEPT, "swept", "elements brought by the backlog instead of a message")             \
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

/* Appends {"received":1,…}. */
void mq_metrics_json(const struct mq_metrics *m, struct mq_buffer *out);

#endif
