/* SPDX-License-Identifier: Apache-2.0 */
/* The sender's loop: what came back is written down, what is due is leased and sent, then it waits for either. */
#include "sender.h"

#include "ledger.h"

#include "common/clock.h"
#include "common/log.h"
#include "common/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST_TRANSFERS 256
#define STOP_GRACE_MS 3000
#define GIVE_UP_EVERY_US 60000000
#define TELL_EVERY_US 60000000
#define SECRET_BYTES 512 /* sealed, as it lies in the table */

struct mq_sender {
    struct mq_sender_options options;
    pthread_t thread;
    atomic_bool woken, stopping;
    atomic_int failed;
    struct mq_metrics metrics;

    /* the thread's own */
    struct mq_store *store;
    unsigned store_tries;
    int64_t store_due_us, look_due_us, give_up_due_us;
    CURLM *multi;
    struct mq_transfer transfers[MOST_TRANSFERS];
    size_t places;
    struct {
        int webhook;
        int64_t at_us;
    } told[64]; /* of which webhook's fault the log was told, and when */
};

static size_t count_state(const struct mq_sender *s, enum mq_transfer_state state) {
    size_t n = 0;
    for (size_t i = 0; i < s->places; i++)
        n += s->transfers[i].state == state;
    return n;
}

static bool store_ready(struct mq_sender *s) {
    if (mq_store_connected(s->store))
        return true;
    if (mq_clock_monotonic_us() < s->store_due_us)
        return false;
    int r = mq_store_connect(s->store);
    if (r == 0) {
        s->store_tries = 0;
        s->look_due_us = 0;
        return true;
    }
    if (r != -EAGAIN)
        atomic_store(&s->failed, r);
    s->store_due_us = mq_clock_monotonic_us()
                      + 1000 * mq_clock_backoff_ms(s->store_tries++, s->options.database_retry_first_ms, s->options.database_retry_cap_ms);
    return false;
}

/* Sends; whatever keeps it from being sent is written down as the attempt's error. */
static void dispatch(struct mq_sender *s, struct mq_transfer *t, const struct mq_transfer_order *order, struct mq_str body,
                     const char *sealed_hex, const char *key) {
    unsigned char sealed[SECRET_BYTES];
    size_t n = 0;
    struct mq_buffer secret = { 0 };
    int r = sodium_hex2bin(sealed, sizeof(sealed), sealed_hex, strlen(sealed_hex), NULL, &n, NULL) == 0 ? 0 : -EBADMSG;
    if (r == 0)
        r = mq_seal_open(s->options.seal, key, (struct mq_str){ (const char *)sealed, n }, mq_str(order->name), &secret);
    if (r == 0) {
        r = mq_transfer_send(t, s->multi, order, (struct mq_str){ secret.data, secret.len }, body);
        if (r < 0) {
            t->own_fault = true;
            mq_transfer_fail(t, s->multi, NULL);
        }
    } else {
        t->own_fault = true;
        mq_transfer_fail(t, s->multi,
                         r == -ENOKEY ? "the key of its secret is not in seal_key_file" : "its secret cannot be unsealed: add it again");
    }
    if (secret.data)
        sodium_memzero(secret.data, secret.capacity);
    mq_buffer_deinit(&secret);
}

static struct mq_transfer *free_place(struct mq_sender *s) {
    for (size_t i = 0; i < s->places; i++)
        if (s->transfers[i].state == MQ_TRANSFER_FREE)
            return &s->transfers[i];
    return NULL;
}

/* One leased row. 0, or negative errno (fatal). */
static int begin(struct mq_sender *s, const PGresult *claimed, int row) {
    struct mq_transfer *t = free_place(s);
    const struct mq_transfer_order order = {
        .id = PQgetvalue(claimed, row, MQ_CLAIM_ID), .name = PQgetvalue(claimed, row, MQ_CLAIM_NAME),
        .url = PQgetvalue(claimed, row, MQ_CLAIM_URL), .host = PQgetvalue(claimed, row, MQ_CLAIM_HOST),
        .ca_file = s->options.ca_file, .proxy = s->options.proxy,
        .attempt = (unsigned)mq_result_integer(claimed, row, MQ_CLAIM_ATTEMPT),
        .failures = (unsigned)mq_result_integer(claimed, row, MQ_CLAIM_FAILURES),
        .webhook = (int)mq_result_integer(claimed, row, MQ_CLAIM_WEBHOOK),
        .timeout_ms = mq_result_integer(claimed, row, MQ_CLAIM_TIMEOUT), .connect_timeout_ms = s->options.connect_timeout_ms,
    };
    if (!t)
        return 0; /* its lease runs out */
    int r = mq_transfer_begin(t, &order);
    if (r < 0)
        return r;
    MQ_CLEANUP(mq_result_cleanup) PGresult *payload = NULL;
    int outcome = mq_ledger_payload(s->store, &s->options, claimed, row, &payload);
    if (outcome == MQ_STORE_AWAY)
        mq_transfer_reset(t, s->multi); /* its lease runs out */
    if (outcome != MQ_STORED && outcome != MQ_BAD_DATA)
        return outcome < 0 ? outcome : 0;
    if (outcome == MQ_BAD_DATA) {
        t->own_fault = true;
        mq_transfer_fail(t, s->multi, "the database cannot write this case: see the server's log");
    } else if (PQgetisnull(payload, 0, 0)) {
        t->pointless = true;
        mq_transfer_fail(t, s->multi, "the case is gone");
    } else {
        dispatch(s, t, &order, mq_result_str(payload, 0, 0), PQgetvalue(claimed, row, MQ_CLAIM_SECRET),
                 PQgetvalue(claimed, row, MQ_CLAIM_KEY));
    }
    return 0;
}

/* Leases and sends what is due, as long as there are places. */
static int look(struct mq_sender *s) {
    size_t room = count_state(s, MQ_TRANSFER_FREE);
    s->look_due_us = mq_clock_monotonic_us() + s->options.look_ms * 1000;
    if (room == 0)
        return 0;
    MQ_CLEANUP(mq_result_cleanup) PGresult *claimed = NULL;
    int outcome = mq_ledger_claim(s->store, &s->options, s->transfers, s->places, room, &claimed);
    if (outcome != MQ_STORED)
        return outcome < 0 ? outcome : 0;
    int r = 0;
    for (int i = 0; i < PQntuples(claimed) && r == 0; i++)
        r = begin(s, claimed, i);
    return r;
}

/* One line a webhook's fault and minute. */
static bool may_tell(struct mq_sender *s, int webhook) {
    size_t at = (size_t)webhook % MQ_LENGTH(s->told);
    int64_t now = mq_clock_monotonic_us();
    if (s->told[at].webhook == webhook && now - s->told[at].at_us < TELL_EVERY_US)
        return false;
    s->told[at].webhook = webhook;
    s->told[at].at_us = now;
    return true;
}

static void tell(struct mq_sender *s, const struct mq_transfer *t, const char *state) {
    const struct mq_verdict verdict = mq_ledger_verdict(&s->options, t);
    if (verdict.outcome == MQ_DELIVERED) {
        mq_metrics_add(&s->metrics, MQ_METRIC_DELIVERED, 1);
        if (t->failures > 0)
            mq_log(MQ_INFO, "webhook-back", "webhook %s (%s) answers again", t->name, t->host);
        return;
    }
    bool given_up = strcmp(state, "given_up") == 0;
    mq_metrics_add(&s->metrics, given_up ? MQ_METRIC_GIVEN_UP : MQ_METRIC_UNDELIVERED, 1);
    if (verdict.gone)
        mq_log(MQ_ERROR, "webhook-gone", "webhook %s (%s) answered 410 Gone and is disabled now: when it is back, 'minqing webhook enable %s'", t->name,
               t->host, t->name);
    else if (may_tell(s, t->webhook))
        mq_log(given_up ? MQ_ERROR : MQ_WARNING, given_up ? "webhook-given-up" : "webhook-away",
               "webhook %s (%s): delivery %s %s: %s; see 'minqing webhook deliveries --failed', try 'minqing webhook test %s'", t->name, t->host, t->id, given_up ? "given up" : "failed and is tried again", t->error, t->name);
}

static const char *state_of(const PGresult *settled, const struct mq_transfer *t) {
    for (int i = 0; i < PQntuples(settled); i++)
        if (strcmp(PQgetvalue(settled, i, 0), t->id) == 0)
            return PQgetvalue(settled, i, 1);
    return NULL; /* its webhook was removed, or another instance has it by now */
}

/* Writes down what has ended and frees the places. 0, or negative errno (fatal). */
static int write_down(struct mq_sender *s) {
    if (count_state(s, MQ_TRANSFER_ENDED) == 0)
        return 0;
    MQ_CLEANUP(mq_result_cleanup) PGresult *settled = NULL;
    int outcome = mq_ledger_settle(s->store, &s->options, s->transfers, s->places, &settled);
    if (outcome < 0 || outcome == MQ_STORE_AWAY)
        return outcome < 0 ? outcome : 0;
    if (outcome == MQ_BAD_DATA)
        mq_log_limited("settle", 60000, MQ_ERROR,
                       "the answers of webhooks cannot be written down; their deliveries are sent again when leases run out");
    for (size_t i = 0; i < s->places; i++) {
        struct mq_transfer *t = &s->transfers[i];
        if (t->state != MQ_TRANSFER_ENDED)
            continue;
        const char *state = settled ? state_of(settled, t) : NULL;
        if (state)
            tell(s, t, state);
        mq_transfer_reset(t, s->multi);
    }
    s->look_due_us = 0; /* there is room, and the next of a case may go */
    return 0;
}

static int give_up_old(struct mq_sender *s) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *old = NULL;
    s->give_up_due_us = mq_clock_monotonic_us() + GIVE_UP_EVERY_US;
    int outcome = mq_ledger_give_up(s->store, &s->options, &old);
    for (int i = 0; outcome == MQ_STORED && i < PQntuples(old); i++) {
        mq_metrics_add(&s->metrics, MQ_METRIC_GIVEN_UP, (uint64_t)mq_result_integer(old, i, 1));
        mq_log(MQ_ERROR, "webhook-given-up", "webhook %s: %s deliveries given up, too old; see 'minqing webhook deliveries --failed'", PQgetvalue(old, i, 0),
               PQgetvalue(old, i, 1));
    }
    return outcome < 0 ? outcome : 0;
}

/* Lets curl do what it can now and takes the transfers that are over. */
static void perform(struct mq_sender *s) {
    int running, left;
    curl_multi_perform(s->multi, &running);
    for (CURLMsg *m; (m = curl_multi_info_read(s->multi, &left));) {
        struct mq_transfer *t = NULL;
        CURLcode result = m->data.result;
        if (m->msg == CURLMSG_DONE && curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK && t)
            mq_transfer_end(t, s->multi, result);
    }
}

static int step(struct mq_sender *s) {
    if (!store_ready(s))
        return atomic_load(&s->failed);
    int r = write_down(s);
    int64_t now = mq_clock_monotonic_us();
    if (r == 0 && now >= s->give_up_due_us)
        r = give_up_old(s);
    if (r == 0 && (atomic_exchange(&s->woken, false) || now >= s->look_due_us))
        r = look(s);
    return r;
}

static int wait_ms(const struct mq_sender *s) {
    int64_t ms = (s->look_due_us - mq_clock_monotonic_us()) / 1000 + 1;
    if (count_state(s, MQ_TRANSFER_ENDED) > 0 || !mq_store_connected(s->store))
        ms = 100; /* the database is away: it is tried again soon */
    return ms < 0 ? 0 : ms > 1000 ? 1000 : (int)ms;
}

/* What is on the way may end; the rest is given back. */
static void finish(struct mq_sender *s) {
    int64_t end = mq_clock_monotonic_us() + STOP_GRACE_MS * 1000;
    while (count_state(s, MQ_TRANSFER_RUNNING) > 0 && mq_clock_monotonic_us() < end) {
        perform(s);
        if (count_state(s, MQ_TRANSFER_RUNNING) > 0)
            curl_multi_poll(s->multi, NULL, 0, 100, NULL);
    }
    if (mq_store_connected(s->store)) {
        mq_ignore(write_down(s));
        mq_ignore(mq_ledger_release(s->store, s->transfers, s->places));
    }
    for (size_t i = 0; i < s->places; i++)
        if (s->transfers[i].state != MQ_TRANSFER_FREE)
            mq_transfer_reset(&s->transfers[i], s->multi);
}

static void *run(void *userdata) {
    struct mq_sender *s = userdata;
    int r = 0;
    mq_watchdog_watch("sender of webhooks");
    while (r == 0 && !atomic_load(&s->stopping)) {
        mq_watchdog_at("HTTP", NULL);
        perform(s);
        r = step(s);
        if (r == 0)
            curl_multi_poll(s->multi, NULL, 0, wait_ms(s), NULL);
    }
    atomic_store(&s->failed, r);
    finish(s);
    mq_watchdog_leave();
    return NULL;
}

static void release(struct mq_sender *s) {
    if (s->multi)
        curl_multi_cleanup(s->multi);
    mq_store_free(s->store);
    free(s);
}

/* Signals are the main thread's. */
static int start_thread(struct mq_sender *s) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int mq_sender_start(const struct mq_sender_options *options, struct mq_sender **out) {
    struct mq_sender *s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    s->options = *options;
    s->places = (size_t)options->connections < MOST_TRANSFERS ? (size_t)options->connections : MOST_TRANSFERS;
    s->multi = curl_multi_init();
    int r = s->multi ? mq_store_new(&(struct mq_store_options){ .conninfo = options->database, .program = "minqing-webhook-sender",
                                                              .connect_timeout_ms = options->database_connect_timeout_ms,
                                                              .answer_timeout_ms = options->database_answer_timeout_ms,
                                                              .statement_timeout_ms = options->database_statement_timeout_ms },
                                &s->store) : -ENOMEM;
    if (r == 0) {
        curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)s->places); /* idle ones kept */
        r = start_thread(s);
    }
    if (r < 0) {
        release(s);
        return r;
    }
    *out = s;
    return 0;
}

void mq_sender_wake(struct mq_sender *s) {
    if (!s)
        return;
    atomic_store(&s->woken, true);
    curl_multi_wakeup(s->multi);
}

int mq_sender_failed(const struct mq_sender *s) { return atomic_load(&s->failed); }

void mq_sender_count(const struct mq_sender *s, struct mq_metrics *metrics) {
    static const enum mq_metric counted[] = { MQ_METRIC_DELIVERED, MQ_METRIC_UNDELIVERED, MQ_METRIC_GIVEN_UP };
    for (size_t i = 0; i < MQ_LENGTH(counted); i++)
        atomic_store(&metrics->value[counted[i]], mq_metrics_get(&s->metrics, counted[i]));
}

void mq_sender_stop(struct mq_sender *s) {
    if (!s)
        return;
    atomic_store(&s->stopping, true);
    curl_multi_wakeup(s->multi);
    pthread_join(s->thread, NULL);
    release(s);
}
