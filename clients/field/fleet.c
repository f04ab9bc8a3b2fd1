/* SPDX-License-Identifier: Apache-2.0 */
/* The officers of a simulation. */
#include "fleet.h"

#include "common/clock.h"
#include "common/secret_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK_US 250000 /* how often an idle connection is looked at */
#define SESSION_S 120 /* as devices do, so that what is told while the link is down is not lost; and soon forgotten */
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS 10000

/* ---- reports that wait ---- */

static size_t turn_of(const struct mq_fleet *fleet, size_t index) {
    int severity = fleet->tally->workload->reports[index].severity;
    return (size_t)(severity < 1 ? 0 : severity > 4 ? 3 : severity - 1);
}

static bool settled(const struct mq_fleet *fleet, size_t index) {
    return fleet->tally->trails[index].fate != MQ_FATE_UNKNOWN;
}

static void link_last(struct mq_officer *officer, size_t index) {
    struct mq_queued *queue = officer->fleet->queue;
    size_t t = turn_of(officer->fleet, index);
    queue[index].next = -1;
    queue[index].linked = true;
    if (officer->turns[t].head < 0)
        officer->turns[t].head = (int32_t)index;
    else
        queue[officer->turns[t].tail].next = (int32_t)index;
    officer->turns[t].tail = (int32_t)index;
}

static void link_first(struct mq_officer *officer, size_t index) {
    size_t t = turn_of(officer->fleet, index);
    officer->fleet->queue[index].next = officer->turns[t].head;
    officer->fleet->queue[index].linked = true;
    if (officer->turns[t].head < 0)
        officer->turns[t].tail = (int32_t)index;
    officer->turns[t].head = (int32_t)index;
}

static void link_postponed(struct mq_officer *officer, size_t index) {
    officer->fleet->queue[index].next = officer->postponed;
    officer->fleet->queue[index].linked = true;
    officer->postponed = (int32_t)index;
}

static void unlink_first(struct mq_officer *officer, size_t t) {
    struct mq_queued *first = &officer->fleet->queue[officer->turns[t].head];
    officer->turns[t].head = first->next;
    first->linked = false;
}

static void wake_postponed(struct mq_officer *officer, int64_t now_us) {
    struct mq_queued *queue = officer->fleet->queue;
    int32_t at = officer->postponed;
    officer->postponed = -1;
    while (at >= 0) {
        size_t index = (size_t)at;
        at = queue[index].next;
        queue[index].linked = false;
        if (settled(officer->fleet, index))
            continue;
        if (queue[index].not_before_us <= now_us)
            link_first(officer, index);
        else
            link_postponed(officer, index);
    }
}

static bool among(int64_t key, const int64_t *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (keys[i] == key)
            return true;
    return false;
}

/* What is taken or settled leaves its list when its turn comes. */
static int next(void *userdata, const int64_t *taken, size_t count, struct mq_waiting *out) {
    struct mq_officer *officer = userdata;
    struct mq_fleet *fleet = officer->fleet;
    int64_t now = mq_clock_monotonic_us();
    wake_postponed(officer, now);
    for (size_t t = MQ_LENGTH(officer->turns); t-- > 0;)
        while (officer->turns[t].head >= 0) {
            size_t index = (size_t)officer->turns[t].head;
            bool gone = settled(fleet, index) || among((int64_t)index, taken, count);
            if (!gone && fleet->queue[index].not_before_us <= now) {
                const struct mq_simulated *report = &fleet->tally->workload->reports[index];
                *out = (struct mq_waiting){ (int64_t)index, report->id, report->severity, fleet->queue[index].sends };
                return 1;
            }
            unlink_first(officer, t);
            if (!gone)
                link_postponed(officer, index);
        }
    return 0;
}

static int read_one(void *userdata, int64_t key, struct mq_letter *out) {
    const struct mq_officer *officer = userdata;
    const struct mq_workload *workload = officer->fleet->tally->workload;
    size_t index = (size_t)key;
    if (settled(officer->fleet, index))
        return 0;
    *out = (struct mq_letter){ MQ_RECEIPT_REPORT, mq_workload_payload(workload, index), mq_str(workload->reports[index].traceparent) };
    return 1;
}

static int put_back(void *userdata, const struct mq_flight *flight, int64_t for_us) {
    struct mq_officer *officer = userdata;
    struct mq_queued *queued = &officer->fleet->queue[flight->key];
    queued->not_before_us = mq_clock_monotonic_us() + for_us;
    queued->sends = flight->sends;
    if (!queued->linked)
        link_postponed(officer, (size_t)flight->key);
    return 0;
}

static void sending(void *userdata, const struct mq_flight *flight) {
    const struct mq_officer *officer = userdata;
    struct mq_trail *trail = &officer->fleet->tally->trails[flight->key];
    if (trail->sent_us == 0)
        trail->sent_us = mq_clock_monotonic_us();
}

static const struct mq_source source = { next, read_one, put_back, sending };

/* ---- the officers ---- */

static int read_accounts(struct mq_fleet *fleet, FILE *file, const char *name, size_t count) {
    char line[512];
    while (fleet->count < count && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\r\n")] = '\0';
        char *tab = strchr(line, '\t');
        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (tab)
            *tab = '\0';
        if (!tab || !mq_topic_account_valid(mq_str(line)))
            return mq_complain(MQ_EXIT_USAGE, "%s: 每行应为 each line must be: account<TAB>secret", name);
        struct mq_officer *officer = &fleet->officers[fleet->count];
        *officer = (struct mq_officer){ .fleet = fleet, .postponed = -1 };
        memcpy(officer->account, line, strlen(line) + 1); /* 32 characters at most, as just checked */
        officer->secret = strdup(tab + 1);
        if (!officer->secret)
            return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
        for (size_t t = 0; t < MQ_LENGTH(officer->turns); t++)
            officer->turns[t].head = -1;
        fleet->count++;
    }
    explicit_bzero(line, sizeof(line));
    return fleet->count == count ? 0
                                 : mq_complain(MQ_EXIT_USAGE, "%s: 只有 has only %zu 个账号 accounts: --officers %zu", name,
                                               fleet->count, fleet->count);
}

int mq_fleet_init(struct mq_fleet *fleet, const char *name, size_t count, struct mq_tally *tally) {
    *fleet = (struct mq_fleet){ .tally = tally };
    fleet->officers = calloc(count, sizeof(*fleet->officers));
    fleet->queue = calloc(tally->workload->count + 1, sizeof(*fleet->queue));
    if (!fleet->officers || !fleet->queue)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    FILE *file = fopen(name, "re");
    if (!file)
        return mq_complain(MQ_EXIT_USAGE, "打不开 cannot open %s: %s", name, strerror(errno));
    int status = read_accounts(fleet, file, name, count);
    fclose(file);
    return status;
}

void mq_fleet_deinit(struct mq_fleet *fleet) {
    for (size_t i = 0; i < fleet->count; i++) {
        if (fleet->officers[i].bus)
            mq_bus_disconnect(fleet->officers[i].bus, 100);
        mq_bus_free(fleet->officers[i].bus);
        explicit_bzero(fleet->officers[i].secret, strlen(fleet->officers[i].secret));
        free(fleet->officers[i].secret);
    }
    free(fleet->officers);
    free(fleet->queue);
    *fleet = (struct mq_fleet){ .count = 0 };
}

int mq_fleet_connect(struct mq_fleet *fleet, const struct mq_client_login *login,
                     void (*arrived)(void *userdata, const struct mq_arrival *arrival), void *userdata) {
    for (size_t i = 0; i < fleet->count; i++) {
        struct mq_officer *officer = &fleet->officers[i];
        char name[64], client_id[MQ_SECRET_NAME];
        /* not the device's own id and session: the real one may be connected, and its messages wait for it */
        snprintf(name, sizeof(name), "minqing-simulate-%s", officer->account);
        mq_secret_name("client", name, officer->secret, client_id);
        struct mq_bus_options options = {
            .host = login->host,
            .port = login->port,
            .ca_file = login->ca_file,
            .client_id = client_id,
            .user = officer->account,
            .password = officer->secret,
            .keep_session = true,
            .session_expiry_s = SESSION_S,
            .keep_alive_s = 30,
            .connect_timeout_ms = CONNECT_TIMEOUT_MS,
            .answer_timeout_ms = ANSWER_TIMEOUT_MS,
            .window = MQ_SENDER_ACKS,
            .receive_maximum = 512,
            .arrived = arrived,
            .userdata = userdata,
        };
        struct mq_client_login who = {
            .host = login->host, .port = login->port, .ca_file = login->ca_file, .user = officer->account
        };
        int r = mq_bus_new(&options, &officer->bus);
        if (r == 0)
            r = mq_courier_init(&officer->courier, mq_str(officer->account), officer->bus, &source, officer);
        if (r == 0)
            r = mq_courier_connect(&officer->courier);
        if (r < 0)
            return mq_client_explain(&who, r);
    }
    return 0;
}

static struct mq_officer *officer_of(struct mq_fleet *fleet, size_t index) {
    return &fleet->officers[fleet->tally->workload->reports[index].officer];
}

void mq_fleet_release(struct mq_fleet *fleet, size_t index) {
    link_last(officer_of(fleet, index), index);
    officer_of(fleet, index)->wake_us = 0;
}

void mq_fleet_postpone(struct mq_fleet *fleet, size_t index, int64_t for_us) {
    struct mq_officer *officer = officer_of(fleet, index);
    struct mq_flight flight;
    if (mq_sender_land(&officer->courier.sender, &fleet->tally->workload->reports[index].id, &flight))
        mq_ignore(put_back(officer, &flight, for_us));
}

static void note(struct mq_fleet *fleet, const struct mq_flight *flight) {
    struct mq_trail *trail = &fleet->tally->trails[flight->key];
    trail->sends = flight->sends;
    if (!trail->taken_us)
        trail->taken_us = flight->taken_us;
}

void mq_fleet_note(struct mq_fleet *fleet) {
    for (size_t i = 0; i < fleet->count; i++)
        for (size_t f = 0; f < fleet->officers[i].courier.sender.count; f++)
            note(fleet, &fleet->officers[i].courier.sender.flights[f]);
}

void mq_fleet_land(struct mq_fleet *fleet, size_t index) {
    struct mq_officer *officer = officer_of(fleet, index);
    struct mq_flight flight;
    if (mq_sender_land(&officer->courier.sender, &fleet->tally->workload->reports[index].id, &flight))
        note(fleet, &flight);
    officer->wake_us = 0;
}

int64_t mq_fleet_turn(struct mq_fleet *fleet, int64_t now_us) {
    int64_t wake = INT64_MAX;
    bool connecting = false;
    for (size_t i = 0; i < fleet->count; i++) {
        struct mq_officer *officer = &fleet->officers[i];
        struct mq_sender *sender = &officer->courier.sender;
        if (officer->wake_us <= now_us) {
            /* one a turn: a connection takes Paho 0.2 s, in which the others stand still */
            if (!connecting && mq_sender_may_connect(sender, now_us)) {
                mq_ignore(mq_courier_connect(&officer->courier));
                connecting = true;
            }
            mq_ignore(mq_courier_turn(&officer->courier, now_us)); /* memory does not fail */
            int64_t due = mq_sender_wake(sender, now_us);
            officer->wake_us = due < now_us + CHECK_US ? due : now_us + CHECK_US;
        }
        wake = officer->wake_us < wake ? officer->wake_us : wake;
    }
    return wake;
}

uint64_t mq_fleet_resent(const struct mq_fleet *fleet) {
    uint64_t resent = 0;
    for (size_t i = 0; i < fleet->count; i++)
        resent += fleet->officers[i].courier.sender.resent;
    return resent;
}
