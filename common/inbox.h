/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox: a ring of arrived messages, bounded in bytes and in messages, between Paho's thread and the stage's loop.
 * The arrival callback only copies in and wakes; a full ring drops and counts (resends and sweeps bring everything back). */
#ifndef MQ_INBOX_H
#define MQ_INBOX_H

#include "base.h"

struct mq_inbox;

/* One arrived message. Strings point into the ring until it is released. Absent properties have s NULL. */
struct mq_arrival {
    struct mq_str topic, payload;
    struct mq_str response_topic, correlation, traceparent, content_type;
    bool retained; /* see mq_bus_options.retain_as_published */
    bool over; /* its sender is above its rate: it is answered, and not handled */
    bool more; /* another is just behind it: nobody need be woken yet */
    uint8_t qos;
    int64_t arrived_us; /* monotonic */
};

/* A ring of `bytes` (headers included) and at most `messages`. -ENOMEM, or the errno of eventfd. */
MQ_MUST_CHECK int mq_inbox_new(size_t bytes, size_t messages, struct mq_inbox **out);
void mq_inbox_free(struct mq_inbox *inbox);

/* Copies one message in and wakes the reader, unless more of them follow at once. Never blocks longer than a copy. false: full, dropped (the caller counts). */
MQ_MUST_CHECK bool mq_inbox_put(struct mq_inbox *inbox, const struct mq_arrival *arrival);

/* Wakes the reader if anything waits: for when the last of several messages was not put in. */
void mq_inbox_wake(struct mq_inbox *inbox);

/* Copies up to `max` views of the oldest messages not yet released into `out`, together at most `max_bytes` of payload (but
 * always one). They stay valid, and keep their room, until mq_inbox_release of as many. Returns how many. One reader only. */
size_t mq_inbox_peek(struct mq_inbox *inbox, struct mq_arrival *out, size_t max, size_t max_bytes);
/* Returns the bytes of the ring that they had taken. */
size_t mq_inbox_release(struct mq_inbox *inbox, size_t count);

/* Readable while something may be waiting; mq_inbox_peek clears it when the ring is empty. */
int mq_inbox_fd(const struct mq_inbox *inbox);

/* What waits now. */
void mq_inbox_usage(struct mq_inbox *inbox, size_t *messages, size_t *bytes);

#endif
