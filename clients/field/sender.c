/* SPDX-License-Identifier: Apache-2.0 */
/* What a device sends when. */
#include "sender.h"

#include "common/clock.h"
#include "common/drill.h"

#define NEVER_US INT64_C(31536000000000)
#define LOOK_US 20000 /* how often answers of the broker are looked for: they wake nobody */

/* Set by Paho's thread. */
static enum mq_ack seen(const enum mq_ack *ack) {
    return __atomic_load_n(ack, __ATOMIC_ACQUIRE);
}

static int64_t delay_us(unsigned again, int64_t first_us) {
    int64_t us = mq_clock_backoff_ms(again, first_us / 1000, MQ_SENDER_CAP_US / 1000) * 1000;
    return us < MQ_SENDER_CAP_US ? us : MQ_SENDER_CAP_US;
}

void mq_sender_init(struct mq_sender *sender) {
    *sender = (struct mq_sender){ .connected = false };
    for (size_t i = 0; i < MQ_SENDER_ACKS; i++)
        sender->acks[i] = MQ_ACK_LOST;
}

bool mq_sender_may_connect(const struct mq_sender *sender, int64_t now_us) {
    return !sender->connected && now_us >= sender->connect_due_us;
}

void mq_sender_connect_failed(struct mq_sender *sender, int64_t now_us) {
    int64_t ms = mq_clock_backoff_ms(sender->tries++, MQ_SENDER_RECONNECT_MS, MQ_SENDER_RECONNECT_CAP_MS);
    ms = ms < MQ_SENDER_RECONNECT_MS ? MQ_SENDER_RECONNECT_MS : ms > MQ_SENDER_RECONNECT_CAP_MS ? MQ_SENDER_RECONNECT_CAP_MS : ms;
    sender->connect_due_us = now_us + ms * 1000;
}

void mq_sender_connected(struct mq_sender *sender, int64_t now_us) {
    sender->connected = true;
    sender->tries = 0;
    for (size_t i = 0; i < sender->count; i++) {
        sender->flights[i].due_us = mq_drill_without(MQ_DEFENCE_RESEND) ? sender->flights[i].due_us : now_us;
        sender->flights[i].ack = NULL;
    }
}

void mq_sender_lost(struct mq_sender *sender, int64_t now_us) {
    if (sender->connected)
        mq_sender_connect_failed(sender, now_us);
    sender->connected = false;
}

bool mq_sender_room(const struct mq_sender *sender) {
    return sender->count < MQ_SENDER_WINDOW;
}

struct mq_flight *mq_sender_weakest(struct mq_sender *sender, int severity, int64_t now_us) {
    struct mq_flight *weakest = NULL;
    for (size_t i = 0; i < sender->count; i++) {
        struct mq_flight *f = &sender->flights[i];
        if (f->sends == 0 || f->severity >= severity || now_us - f->sent_us < MQ_SENDER_RECEIPT_US)
            continue;
        if (!weakest || f->severity < weakest->severity || (f->severity == weakest->severity && f->due_us > weakest->due_us))
            weakest = f;
    }
    return weakest;
}

void mq_sender_add(struct mq_sender *sender, int64_t key, const struct mq_uuid *id, int severity, unsigned sends, int64_t now_us) {
    sender->flights[sender->count++] =
        (struct mq_flight){ .key = key, .id = *id, .severity = severity, .sends = sends, .due_us = now_us };
}

void mq_sender_remove(struct mq_sender *sender, struct mq_flight *flight) {
    *flight = sender->flights[--sender->count];
}

size_t mq_sender_keys(const struct mq_sender *sender, int64_t keys[MQ_SENDER_WINDOW]) {
    for (size_t i = 0; i < sender->count; i++)
        keys[i] = sender->flights[i].key;
    return sender->count;
}

static bool before(const struct mq_flight *a, const struct mq_flight *b) {
    return a->severity != b->severity ? a->severity > b->severity : a->key < b->key;
}

struct mq_flight *mq_sender_due(struct mq_sender *sender, int64_t now_us) {
    struct mq_flight *due = NULL;
    for (size_t i = 0; sender->connected && i < sender->count; i++) {
        struct mq_flight *f = &sender->flights[i];
        /* while the broker has not taken the last one, another adds nothing */
        bool answered = !f->ack || seen(f->ack) != MQ_ACK_PENDING;
        if (f->due_us <= now_us && answered && (!due || before(f, due)))
            due = f;
    }
    return due;
}

enum mq_ack *mq_sender_ack(struct mq_sender *sender) {
    for (size_t i = 0; i < MQ_SENDER_ACKS; i++) {
        bool held = seen(&sender->acks[i]) == MQ_ACK_PENDING;
        for (size_t f = 0; !held && f < sender->count; f++)
            held = sender->flights[f].ack == &sender->acks[i];
        if (!held)
            return &sender->acks[i];
    }
    return NULL;
}

void mq_sender_sent(struct mq_sender *sender, struct mq_flight *flight, enum mq_ack *ack, int64_t now_us) {
    sender->sent++;
    sender->resent += flight->sends > 0;
    flight->ack = ack;
    flight->refused = false;
    flight->sent_us = now_us;
    flight->due_us = now_us + (mq_drill_without(MQ_DEFENCE_RESEND) ? NEVER_US : delay_us(flight->sends, MQ_SENDER_RECEIPT_US));
    flight->sends++;
}

bool mq_sender_look(struct mq_sender *sender, int64_t now_us) {
    for (size_t i = 0; i < sender->count; i++) {
        struct mq_flight *f = &sender->flights[i];
        enum mq_ack ack = f->ack ? seen(f->ack) : MQ_ACK_TAKEN;
        if (ack == MQ_ACK_PENDING) {
            if (sender->connected && now_us - f->sent_us >= MQ_SENDER_SILENT_US)
                return false;
            continue;
        }
        if (f->ack && ack == MQ_ACK_TAKEN && !f->taken_us)
            f->taken_us = now_us;
        if (f->ack && ack == MQ_ACK_UNHEARD && !mq_drill_without(MQ_DEFENCE_RESEND))
            f->due_us = now_us + delay_us(f->unheard++, MQ_SENDER_UNHEARD_US);
        if (f->ack && ack == MQ_ACK_REFUSED)
            f->refused = true;
        f->ack = NULL;
    }
    return true;
}

bool mq_sender_land(struct mq_sender *sender, const struct mq_uuid *id, struct mq_flight *flight) {
    for (size_t i = 0; i < sender->count; i++) {
        if (memcmp(&sender->flights[i].id, id, sizeof(*id)) != 0)
            continue;
        if (flight)
            *flight = sender->flights[i];
        mq_sender_remove(sender, &sender->flights[i]);
        return true;
    }
    return false;
}

int64_t mq_sender_wake(const struct mq_sender *sender, int64_t now_us) {
    if (!sender->connected)
        return sender->connect_due_us;
    int64_t wake = INT64_MAX;
    for (size_t i = 0; i < sender->count; i++) {
        const struct mq_flight *f = &sender->flights[i];
        int64_t at = f->ack ? now_us + LOOK_US : f->due_us;
        wake = at < wake ? at : wake;
    }
    return wake;
}
