/* SPDX-License-Identifier: Apache-2.0 */
/* One device's way to the server: the sender's decisions carried out over a connection, for messages from any source. */
#ifndef MQ_COURIER_H
#define MQ_COURIER_H

#include "common/message.h"
#include "common/topic.h"
#include "sender.h"

/* A message that waits. */
struct mq_waiting {
    int64_t key;
    struct mq_uuid id;
    int severity;
    unsigned sends;
};

/* What is published of it, and on which of the device's topics. */
struct mq_letter {
    enum mq_receipt_kind kind; /* report, visit or answer */
    struct mq_str payload, traceparent;
};

/* Where messages come from: the outbox on disk, or memory. */
struct mq_source {
    /* The message whose turn it is, not among `taken`. 1, 0: none, negative errno. */
    int (*next)(void *userdata, const int64_t *taken, size_t count, struct mq_waiting *out);
    /* What is published; valid until the next call. 1, 0: it is gone, negative errno. */
    int (*read)(void *userdata, int64_t key, struct mq_letter *out);
    /* It gave way to a more severe one and waits again, until `for_us` from now. 0 or negative errno. */
    int (*put_back)(void *userdata, const struct mq_flight *flight, int64_t for_us);
    /* About to be published; may be NULL. */
    void (*sending)(void *userdata, const struct mq_flight *flight);
};

struct mq_courier {
    struct mq_sender sender;
    struct mq_bus *bus; /* not owned */
    const struct mq_source *source;
    void *userdata;
    char topics[MQ_RECEIPT_ATTACHMENT][MQ_TOPIC_BYTES]; /* by kind */
    char receipt_topic[MQ_TOPIC_BYTES], status_topic[MQ_TOPIC_BYTES];
};

/* -EINVAL: not an account. */
MQ_MUST_CHECK int mq_courier_init(struct mq_courier *courier, struct mq_str account, struct mq_bus *bus,
                                  const struct mq_source *source, void *userdata);

/* Connects and subscribes to receipts and status. As mq_bus_connect; the sender knows the outcome. */
MQ_MUST_CHECK int mq_courier_connect(struct mq_courier *courier);

/* Fills the window and publishes what is due. 0, also when the connection went (the sender knows); negative errno of the source. */
MQ_MUST_CHECK int mq_courier_turn(struct mq_courier *courier, int64_t now_us);

#endif
