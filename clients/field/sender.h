/* SPDX-License-Identifier: Apache-2.0 */
/* What a device sends when: a window of 16 messages without receipt, resends with growing delays, reconnections. A state machine
 * without a clock, a disk or a connection of its own: whoever turns it passes in monotonic microseconds.
 *
 * Turning it: while mq_sender_room, take the message whose turn it is and mq_sender_add it; while mq_sender_due gives a flight,
 * publish it with mq_sender_ack's cell and say mq_sender_sent; at a receipt mq_sender_land; then wait until mq_sender_wake. */
#ifndef MQ_SENDER_H
#define MQ_SENDER_H

#include "common/base.h"
#include "common/bus.h"
#include "common/uuid.h"

#define MQ_SENDER_WINDOW 16
#define MQ_SENDER_ACKS 64            /* publishes whose answer by the broker may be outstanding */
#define MQ_SENDER_RECEIPT_US 2000000 /* without a receipt for so long, it is sent again */
#define MQ_SENDER_UNHEARD_US 200000  /* the same where the broker said that nobody is there */
#define MQ_SENDER_CAP_US 60000000    /* no delay is longer */
#define MQ_SENDER_SILENT_US 10000000 /* no answer of the broker for so long: the connection is dead */
#define MQ_SENDER_RECONNECT_MS 1000  /* first delay before connecting again … */
#define MQ_SENDER_RECONNECT_CAP_MS 30000

/* One message on its way. */
struct mq_flight {
    int64_t key; /* the owner's name for it */
    struct mq_uuid id;
    int severity;
    unsigned sends;   /* how often it was sent */
    unsigned unheard; /* how often of those nobody was there */
    bool refused;     /* the broker said at the last time that we may not */
    int64_t sent_us;  /* last */
    int64_t taken_us; /* when the broker's first PUBACK was seen; 0: not yet */
    int64_t due_us;   /* when it is sent (again) */
    enum mq_ack *ack; /* the broker's answer to the last time; NULL: seen */
};

struct mq_sender {
    struct mq_flight flights[MQ_SENDER_WINDOW]; /* the first `count` */
    size_t count;
    enum mq_ack acks[MQ_SENDER_ACKS]; /* outlive their flights: the broker's answer may come after the receipt */
    bool connected;
    unsigned tries; /* to connect, since the last success */
    int64_t connect_due_us;
    uint64_t sent, resent; /* publishes; those of them that were not the first of their message */
};

/* Not connected, may connect at once. */
void mq_sender_init(struct mq_sender *sender);

/* Is it time to connect? */
bool mq_sender_may_connect(const struct mq_sender *sender, int64_t now_us);
void mq_sender_connect_failed(struct mq_sender *sender, int64_t now_us);
/* Everything without receipt is due at once: what was on the way may be lost. */
void mq_sender_connected(struct mq_sender *sender, int64_t now_us);
void mq_sender_lost(struct mq_sender *sender, int64_t now_us);

/* Is there room for one more? */
bool mq_sender_room(const struct mq_sender *sender);
/* The flight that a message of `severity` may push out of a full window, NULL for none: less severe, and unanswered for so long
 * that it no longer counts as on its way. */
struct mq_flight *mq_sender_weakest(struct mq_sender *sender, int severity, int64_t now_us);
/* Adds one, due at once; there must be room. `sends`: how often it was sent before. */
void mq_sender_add(struct mq_sender *sender, int64_t key, const struct mq_uuid *id, int severity, unsigned sends, int64_t now_us);
/* Takes one out without an answer. */
void mq_sender_remove(struct mq_sender *sender, struct mq_flight *flight);

/* The keys of what is in the window. */
size_t mq_sender_keys(const struct mq_sender *sender, int64_t keys[MQ_SENDER_WINDOW]);

/* The most severe, then oldest flight that is due, NULL for none or without connection. */
struct mq_flight *mq_sender_due(struct mq_sender *sender, int64_t now_us);
/* A cell for the broker's answer to the publish that follows; NULL: all are outstanding, wait. */
enum mq_ack *mq_sender_ack(struct mq_sender *sender);
/* It was published; `ack` is what mq_sender_ack gave. */
void mq_sender_sent(struct mq_sender *sender, struct mq_flight *flight, enum mq_ack *ack, int64_t now_us);

/* Looks at the broker's answers; what nobody heard is due soon. false: the broker has been silent too long, reconnect. */
MQ_MUST_CHECK bool mq_sender_look(struct mq_sender *sender, int64_t now_us);

/* A receipt for `id` came. true: it was in the window, and *flight (may be NULL) is what it was. */
bool mq_sender_land(struct mq_sender *sender, const struct mq_uuid *id, struct mq_flight *flight);

/* When there is something to do next (monotonic; INT64_MAX: only when something arrives). */
int64_t mq_sender_wake(const struct mq_sender *sender, int64_t now_us);

#endif
