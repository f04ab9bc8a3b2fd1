/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what waits, follows receipts and status. */
#include "deliver.h"

#include "common/clock.h"
#include "common/message.h"
#include "common/secret_name.h"
#include "progress.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define SESSION_S (14 * 86400)
#define LATER_S 5 /* where the server does not say how much later */
#define LATER_MAX_S 3600
#define LOOK_US 250000 /* how often the outbox is looked at for what became due or was added */

struct run {
    const struct mq_delivery *what;
    struct mq_client *client;
    struct mq_courier courier;
    int64_t deadline_us;
    size_t accepted, refused;
    bool settled, rejected; /* the message that the outcome is about */
    bool told;              /* its status came */
    bool said_denied;
};

void mq_deliver_say(bool json, const char *event, const char *words, const struct mq_uuid *id, struct mq_str path,
                    struct mq_str message) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    char text[MQ_UUID_TEXT];
    mq_uuid_format(id, text);
    if (json) {
        mq_buffer_printf(&line, "{\"event\":\"%s\",\"id\":\"%s\"", event, text);
        if (message.n) {
            mq_buffer_append_text(&line, ",\"path\":");
            mq_json_string(&line, path);
            mq_buffer_append_text(&line, ",\"message\":");
            mq_json_string(&line, message);
        }
        mq_buffer_append_char(&line, '}');
    } else {
        mq_buffer_printf(&line, "%s %s %s", words, event, text);
        if (message.n) {
            mq_buffer_append_text(&line, "  ");
            mq_text_clean(&line, path);
            mq_buffer_append_text(&line, path.n ? ": " : "");
            mq_text_clean(&line, message);
        }
    }
    puts(mq_buffer_text(&line));
    fflush(stdout);
}

static bool ours(const struct run *run, const struct mq_uuid *id) {
    return run->what->id && memcmp(run->what->id, id, sizeof(*id)) == 0;
}

static int on_later(struct run *run, const struct mq_receipt *receipt) {
    int64_t s = receipt->has_retry_after && receipt->retry_after_s > 0 ? receipt->retry_after_s : LATER_S;
    s = s < LATER_MAX_S ? s : LATER_MAX_S;
    struct mq_flight flight = { 0 };
    mq_sender_land(&run->courier.sender, &receipt->id, &flight);
    int r = mq_outbox_postpone(run->what->keeping->outbox, &receipt->id, flight.sends, mq_clock_now_us() + s * 1000000);
    if (r == 1)
        mq_deliver_say(run->what->json, "later", "稍后再发", &receipt->id, (struct mq_str){ 0 }, (struct mq_str){ 0 });
    return r < 0 ? r : 0;
}

static int on_rejected(struct run *run, const struct mq_receipt *receipt) {
    const struct mq_error *error = receipt->errors.items;
    struct mq_str path = receipt->errors.count ? error[0].path : MQ_STR("");
    struct mq_str message = receipt->errors.count ? error[0].message : MQ_STR("no reason given");
    mq_sender_land(&run->courier.sender, &receipt->id, NULL);
    int r = mq_outbox_refuse(run->what->keeping->outbox, &receipt->id, path, message, mq_clock_now_us());
    if (r != 1)
        return r;
    run->refused++;
    run->rejected = run->rejected || ours(run, &receipt->id);
    mq_deliver_say(run->what->json, "rejected", "被拒", &receipt->id, path, message);
    for (size_t i = 1; i < receipt->errors.count && !run->what->json; i++)
        printf("        %.*s: %.*s\n", (int)error[i].path.n, error[i].path.s, (int)error[i].message.n, error[i].message.s);
    return 0;
}

static int on_receipt(struct run *run, struct mq_str payload) {
    struct mq_receipt receipt;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (!mq_json_decode(&mq_receipt_object, payload, &receipt, &document, &faults))
        return 0; /* without a readable receipt it is sent again, which is right in any case */
    if (receipt.kind == MQ_RECEIPT_ATTACHMENT || mq_uuid_is_nil(&receipt.id))
        return 0;
    if (receipt.status == MQ_LATER)
        return on_later(run, &receipt);
    run->deadline_us = mq_clock_monotonic_us() + run->what->timeout_ms * 1000;
    if (receipt.status == MQ_REJECTED)
        return on_rejected(run, &receipt);
    mq_sender_land(&run->courier.sender, &receipt.id, NULL);
    int r = mq_outbox_settle(run->what->keeping->outbox, &receipt.id);
    if (r != 1)
        return r;
    run->accepted++;
    run->settled = run->settled || ours(run, &receipt.id);
    bool again = receipt.status == MQ_DUPLICATE;
    mq_deliver_say(run->what->json, again ? "duplicate" : "accepted", again ? "已收过" : "已收", &receipt.id, (struct mq_str){ 0 },
                   (struct mq_str){ 0 });
    return 0;
}

static void on_status(struct run *run, struct mq_str payload) {
    struct mq_progress progress;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (!mq_json_decode(&mq_progress_object, payload, &progress, &document, &faults))
        return;
    run->told = run->told || (run->what->id && mq_progress_names(&progress, run->what->id));
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    if (run->what->json) {
        mq_buffer_append_text(&line, "{\"event\":\"status\",\"status\":");
        mq_buffer_append_str(&line, payload);
        mq_buffer_append_char(&line, '}');
    } else {
        mq_text_clean(&line, progress.number.n ? progress.number : progress.state);
        mq_buffer_append_text(&line, "  ");
        mq_text_clean(&line, progress.text.n ? progress.text : progress.state);
    }
    puts(mq_buffer_text(&line));
    fflush(stdout);
}

static int handle(struct run *run, const struct mq_arrival *arrival) {
    if (mq_str_equal(arrival->topic, mq_str(run->courier.receipt_topic)))
        return on_receipt(run, arrival->payload);
    if (mq_str_equal(arrival->topic, mq_str(run->courier.status_topic)))
        on_status(run, arrival->payload);
    return 0;
}

/* All that has arrived, with one write to the disk. What is said before the write is true all the same: the server has it. */
static int handle_all(struct run *run, struct mq_arrival *arrival) {
    int r = mq_outbox_begin(run->what->keeping->outbox);
    int more = 1;
    for (unsigned n = 0; r == 0 && more == 1 && n < 256; n++) {
        r = handle(run, arrival);
        mq_client_done(run->client);
        more = mq_client_wait(run->client, 0, arrival);
    }
    int committed = mq_outbox_commit(run->what->keeping->outbox);
    return r < 0 ? r : committed;
}

/* 0 and whether all is done. */
static int finished(struct run *run, bool *done) {
    size_t waiting, refused;
    int r = mq_outbox_counts(run->what->keeping->outbox, &waiting, &refused);
    *done = r == 0 && waiting == 0;
    return r;
}

static void say_denied(struct run *run) {
    for (size_t i = 0; i < run->courier.sender.count && !run->said_denied; i++)
        if (run->courier.sender.flights[i].refused) {
            run->said_denied = true;
            mq_ignore(mq_complain(
                0, "消息服务器不许账号 %s 发送：已存，会再试 / the broker does not let this account send; kept, tried again",
                run->what->login->user));
        }
}

/* Waits for arrivals until the sender has something to do. 0, -EINTR, negative errno of the outbox. */
static int wait(struct run *run, int64_t limit_us) {
    int64_t now = mq_clock_monotonic_us();
    int64_t until = mq_sender_wake(&run->courier.sender, now);
    until = until < now + LOOK_US ? until : now + LOOK_US;
    until = until < limit_us ? until : limit_us;
    struct mq_arrival arrival;
    int r = mq_client_wait(run->client, until, &arrival);
    if (r == 1)
        return handle_all(run, &arrival);
    if (r != -ENOTCONN)
        return r;
    mq_sender_lost(&run->courier.sender, now);
    (void)poll(NULL, 0, until > now ? (int)((until - now) / 1000) : 0);
    return 0;
}

/* 0: done; -ETIMEDOUT, -EINTR, or a negative errno of the outbox. */
static int send_all(struct run *run) {
    bool done = false;
    int r = finished(run, &done);
    while (r == 0 && !done) {
        int64_t now = mq_clock_monotonic_us();
        if (now >= run->deadline_us)
            return -ETIMEDOUT;
        if (mq_sender_may_connect(&run->courier.sender, now))
            mq_ignore(mq_courier_connect(&run->courier));
        r = mq_courier_turn(&run->courier, mq_clock_monotonic_us());
        say_denied(run);
        if (r == 0)
            r = wait(run, run->deadline_us);
        if (r == 0)
            r = finished(run, &done);
    }
    return r;
}

static int wait_status(struct run *run) {
    int64_t until = mq_clock_monotonic_us() + run->what->wait_status_ms * 1000;
    int r = 0;
    while (r == 0 && !run->told && mq_clock_monotonic_us() < until && mq_bus_connected(mq_client_bus(run->client)))
        r = wait(run, until);
    if (r == 0 && !run->told && run->what->wait_status_ms > 0)
        mq_ignore(mq_complain(0, "还没有立案号，以后再告知 / no case number yet; it comes with the next connection"));
    return r;
}

static int find_refused(void *userdata, const struct mq_outbox_entry *entry) {
    struct run *run = userdata;
    if (ours(run, &entry->id)) {
        run->rejected = true;
        mq_deliver_say(run->what->json, "rejected", "被拒", &entry->id, entry->path, entry->message);
    }
    return run->rejected;
}

/* Another program may have sent our message while this one waited for its turn. */
static int learn_elsewhere(struct run *run) {
    if (!run->what->id || run->settled || run->rejected)
        return 0;
    int r = mq_outbox_each(run->what->keeping->outbox, true, find_refused, run);
    if (r == 0)
        mq_deliver_say(run->what->json, "accepted", "已收", run->what->id, (struct mq_str){ 0 }, (struct mq_str){ 0 });
    return r < 0 ? r : 0;
}

static int outcome(struct run *run, int r) {
    size_t waiting = 0, refused = 0;
    mq_ignore(mq_outbox_counts(run->what->keeping->outbox, &waiting, &refused));
    if (r < 0 && r != -ETIMEDOUT && r != -EINTR)
        return mq_keeping_explain(run->what->keeping, r);
    if (waiting > 0)
        mq_ignore(mq_complain(0, "还有 %zu 条待发，已存 / %zu kept in the outbox: minqing-field flush", waiting, waiting));
    if (run->what->id ? run->rejected : run->refused > 0)
        return MQ_EXIT_DATA;
    if (r == 0 || run->settled)
        return MQ_EXIT_GOOD;
    return r == -EINTR ? MQ_EXIT_FAILED : run->said_denied ? MQ_EXIT_DENIED : MQ_EXIT_TIMEOUT;
}

static int run_connected(struct run *run) {
    int r = mq_courier_connect(&run->courier);
    if (r < 0) {
        mq_ignore(mq_complain(0, "已存，连上后再发 / kept, to be sent when the broker can be reached: minqing-field flush"));
        return mq_client_explain(run->what->login, r);
    }
    run->deadline_us = mq_clock_monotonic_us() + run->what->timeout_ms * 1000;
    r = send_all(run);
    if (r == 0)
        r = learn_elsewhere(run);
    if (r == 0 && run->what->id && run->settled)
        r = wait_status(run);
    return outcome(run, r);
}

int mq_deliver(const struct mq_delivery *delivery) {
    struct run run = { .what = delivery };
    char client_id[MQ_SECRET_NAME];
    mq_secret_name("client", delivery->login->user, delivery->login->secret, client_id);
    struct mq_client_setup setup = {
        .client_id = client_id,
        .keep_session = true,
        .session_expiry_s = SESSION_S,
        .window = MQ_SENDER_ACKS,
    };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    int r = mq_client_new(delivery->login, &setup, &client);
    if (r == 0)
        r = mq_courier_init(&run.courier, mq_str(delivery->login->user), mq_client_bus(client), &mq_keeping_source,
                            delivery->keeping);
    if (r < 0)
        return mq_client_explain(delivery->login, r);
    run.client = client;
    int turn = mq_keeping_turn(delivery->keeping, mq_clock_monotonic_us() + delivery->timeout_ms * 1000);
    if (turn < 0)
        return outcome(&run, turn);
    int status = run_connected(&run);
    close(turn);
    return status;
}
