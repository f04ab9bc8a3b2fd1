/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's decisions carried out. */
#include "courier.h"

#include "common/clock.h"

#include <errno.h>

int mq_courier_init(struct mq_courier *courier, struct mq_str account, struct mq_bus *bus, const struct mq_source *source,
                    void *userdata) {
    if (!mq_topic_account_valid(account))
        return -EINVAL;
    courier->bus = bus;
    courier->source = source;
    courier->userdata = userdata;
    mq_sender_init(&courier->sender);
    static const enum mq_topic topics[] = {
        [MQ_RECEIPT_REPORT] = MQ_TOPIC_FIELD_REPORT,
        [MQ_RECEIPT_VISIT] = MQ_TOPIC_FIELD_VISIT,
        [MQ_RECEIPT_ANSWER] = MQ_TOPIC_FIELD_ANSWER,
    };
    int r = 0;
    for (size_t i = 0; i < MQ_LENGTH(topics) && r == 0; i++)
        r = mq_topic_format(topics[i], &account, 1, courier->topics[i]);
    if (r == 0)
        r = mq_topic_format(MQ_TOPIC_FIELD_RECEIPT, &account, 1, courier->receipt_topic);
    if (r == 0)
        r = mq_topic_format(MQ_TOPIC_FIELD_STATUS, &account, 1, courier->status_topic);
    return r;
}

int mq_courier_connect(struct mq_courier *courier) {
    int r = mq_bus_connect(courier->bus);
    if (r == 0) {
        /* again at every connection: a session that the broker still knows may be an older one */
        char *filters[] = { courier->receipt_topic, courier->status_topic };
        r = mq_bus_subscribe(courier->bus, filters, MQ_LENGTH(filters), 1);
        if (r < 0)
            mq_bus_disconnect(courier->bus, 0);
    }
    if (r < 0)
        mq_sender_connect_failed(&courier->sender, mq_clock_monotonic_us());
    else
        mq_sender_connected(&courier->sender, mq_clock_monotonic_us());
    return r;
}

/* A more severe message takes the place of one that has long been without answer. */
static int push_out(struct mq_courier *courier, struct mq_flight *weakest, const struct mq_waiting *waiting, int64_t now_us) {
    int64_t wait_us = weakest->due_us - now_us;
    int r = courier->source->put_back(courier->userdata, weakest, wait_us > 0 ? wait_us : 0);
    if (r < 0)
        return r;
    mq_sender_remove(&courier->sender, weakest);
    mq_sender_add(&courier->sender, waiting->key, &waiting->id, waiting->severity, waiting->sends, now_us);
    return 1;
}

static int fill(struct mq_courier *courier, int64_t now_us) {
    for (;;) {
        bool room = mq_sender_room(&courier->sender);
        if (!room && !mq_sender_weakest(&courier->sender, INT32_MAX, now_us))
            return 0;
        int64_t taken[MQ_SENDER_WINDOW];
        size_t count = mq_sender_keys(&courier->sender, taken);
        struct mq_waiting waiting;
        int r = courier->source->next(courier->userdata, taken, count, &waiting);
        if (r <= 0)
            return r;
        struct mq_flight *weakest = room ? NULL : mq_sender_weakest(&courier->sender, waiting.severity, now_us);
        if (room)
            mq_sender_add(&courier->sender, waiting.key, &waiting.id, waiting.severity, waiting.sends, now_us);
        else if (!weakest)
            return 0;
        else if ((r = push_out(courier, weakest, &waiting, now_us)) < 0)
            return r;
    }
}

/* 0; -ENOTCONN; -EAGAIN: too much is unanswered by the broker; other errno of the source. */
static int publish(struct mq_courier *courier, struct mq_flight *flight) {
    struct mq_publication p = { .qos = 1 };
    enum mq_ack *ack = mq_sender_ack(&courier->sender);
    if (!ack)
        return -EAGAIN;
    struct mq_letter letter = { .kind = MQ_RECEIPT_REPORT };
    int r = courier->source->read(courier->userdata, flight->key, &letter);
    if (r < 0)
        return r;
    if (r == 0) {
        mq_sender_remove(&courier->sender, flight);
        return 0;
    }
    p.payload = letter.payload;
    p.traceparent = letter.traceparent;
    if (courier->source->sending)
        courier->source->sending(courier->userdata, flight);
    if (mq_bus_publish(courier->bus, courier->topics[letter.kind], &p, ack) < 0)
        return -ENOTCONN;
    mq_sender_sent(&courier->sender, flight, ack, mq_clock_monotonic_us());
    return 0;
}

int mq_courier_turn(struct mq_courier *courier, int64_t now_us) {
    struct mq_sender *sender = &courier->sender;
    if (!sender->connected)
        return 0;
    if (!mq_sender_look(sender, now_us))
        mq_bus_disconnect(courier->bus, 0);
    if (!mq_bus_connected(courier->bus)) {
        mq_sender_lost(sender, now_us);
        return 0;
    }
    int r = fill(courier, now_us);
    struct mq_flight *due;
    while (r >= 0 && (due = mq_sender_due(sender, now_us)))
        r = publish(courier, due);
    if (r == -ENOTCONN) {
        mq_bus_disconnect(courier->bus, 0);
        mq_sender_lost(sender, now_us);
    }
    return r == -ENOTCONN || r == -EAGAIN ? 0 : r;
}
