/* SPDX-License-Identifier: Apache-2.0 */
/* The command simulate: officers who walk and report, and a measurement of what becomes of it. */
#include "field.h"

#include "common/clock.h"
#include "common/message.h"
#include "fleet.h"
#include "history.h"
#include "options.h"
#include "progress.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define INBOX_BYTES (64 << 20)
#define INBOX_MESSAGES 262144
#define BATCH 256
#define WATCH_RETRY_US 1000000
#define LATER_US 5000000
#define QUIET_US 300000 /* without a retained message for so long: all are there */

struct simulation {
    struct mq_workload_options work;
    const char *accounts, *history;
    int64_t officers, rate, seed, seconds_ms, settle_ms;
    bool json;

    struct mq_workload workload;
    struct mq_tally tally;
    struct mq_fleet fleet;
    struct mq_inbox *inbox;
    _Atomic uint64_t dropped;
    struct mq_bus *watch; /* the operator's; NULL: departments are not watched */
    int64_t watch_due_us;
};

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

/* On Paho's thread, the same for all connections, so that the inbox has one writer. Only receipts and status are read. */
static void arrived(void *userdata, const struct mq_arrival *arrival) {
    struct simulation *s = userdata;
    struct mq_arrival copy = *arrival;
    struct mq_topic_parts parts;
    copy.more = false; /* what is behind it may be left out */
    if (arrival->payload.n == 0)
        return; /* an ended topic is cleared */
    if (!mq_topic_parse(MQ_TOPIC_FIELD_RECEIPT, arrival->topic, &parts)
        && !mq_topic_parse(MQ_TOPIC_FIELD_STATUS, arrival->topic, &parts))
        copy.payload = (struct mq_str){ NULL, 0 };
    if (!mq_inbox_put(s->inbox, &copy))
        atomic_fetch_add_explicit(&s->dropped, 1, memory_order_relaxed);
}

/* ---- what arrives ---- */

static void on_receipt(struct simulation *s, const struct mq_arrival *arrival) {
    struct mq_receipt receipt;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    size_t index;
    bool is_case;
    if (!mq_json_decode(&mq_receipt_object, arrival->payload, &receipt, &document, &faults)
        || !mq_tally_find(&s->tally, &receipt.id, &index, &is_case) || is_case)
        return;
    struct mq_trail *trail = &s->tally.trails[index];
    if (trail->fate != MQ_FATE_UNKNOWN)
        return;
    if (receipt.status == MQ_LATER) {
        mq_fleet_postpone(&s->fleet, index, receipt.has_retry_after ? receipt.retry_after_s * 1000000 : LATER_US);
        return;
    }
    trail->receipt_us = arrival->arrived_us;
    trail->fate = receipt.status == MQ_REJECTED    ? MQ_FATE_REJECTED
                  : receipt.status == MQ_DUPLICATE ? MQ_FATE_DUPLICATE
                                                   : MQ_FATE_ACCEPTED;
    if (trail->fate == MQ_FATE_REJECTED && receipt.errors.count > 0) {
        const struct mq_error *e = receipt.errors.items;
        mq_ignore(mq_complain(0, "被拒 rejected %s: %.*s: %.*s", s->fleet.officers[s->workload.reports[index].officer].account,
                              (int)e->path.n, e->path.s, (int)e->message.n, e->message.s));
    }
    s->tally.receipts++;
    mq_fleet_land(&s->fleet, index);
}

static void note_joined(struct simulation *s, const struct mq_uuid *report, const struct mq_uuid *joined, int64_t at_us) {
    size_t index;
    bool is_case;
    if (!mq_tally_find(&s->tally, report, &index, &is_case) || is_case)
        return;
    struct mq_trail *trail = &s->tally.trails[index];
    if (trail->joined_us || memcmp(&s->workload.reports[index].case_id, joined, sizeof(*joined)) == 0)
        return;
    trail->joined = *joined;
    trail->joined_us = at_us;
}

/* Only the reporter is told that a report became part of another's case. */
static void on_status(struct simulation *s, const struct mq_arrival *arrival) {
    struct mq_progress progress;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (!mq_json_decode(&mq_progress_object, arrival->payload, &progress, &document, &faults) || mq_uuid_is_nil(&progress.case_id))
        return;
    note_joined(s, &progress.report, &progress.case_id, arrival->arrived_us);
    const struct mq_str *ids = progress.reports.items;
    for (size_t i = 0; i < progress.reports.count; i++) {
        struct mq_uuid id;
        if (mq_uuid_parse(ids[i], &id))
            note_joined(s, &id, &progress.case_id, arrival->arrived_us);
    }
}

static void on_topic_id(struct simulation *s, struct mq_str id, bool of_case, int64_t at_us) {
    struct mq_uuid uuid;
    size_t index;
    bool is_case;
    if (!mq_uuid_parse(id, &uuid) || !mq_tally_find(&s->tally, &uuid, &index, &is_case) || is_case != of_case)
        return;
    int64_t *first = of_case ? &s->tally.trails[index].department_us : &s->tally.trails[index].review_us;
    if (*first == 0)
        *first = at_us;
}

static void handle(struct simulation *s, const struct mq_arrival *arrival) {
    struct mq_topic_parts parts;
    if (mq_topic_parse(MQ_TOPIC_DEPARTMENT_CASE, arrival->topic, &parts))
        on_topic_id(s, parts.part[3], true, arrival->arrived_us);
    else if (mq_topic_parse(MQ_TOPIC_FIELD_RECEIPT, arrival->topic, &parts))
        on_receipt(s, arrival);
    else if (mq_topic_parse(MQ_TOPIC_FIELD_STATUS, arrival->topic, &parts))
        on_status(s, arrival);
    else if (mq_topic_parse(MQ_TOPIC_COMMAND_REVIEW, arrival->topic, &parts))
        on_topic_id(s, parts.part[2], false, arrival->arrived_us);
}

static size_t drain(struct simulation *s) {
    struct mq_arrival arrivals[BATCH];
    size_t n = mq_inbox_peek(s->inbox, arrivals, BATCH, SIZE_MAX);
    for (size_t i = 0; i < n; i++)
        handle(s, &arrivals[i]);
    mq_inbox_release(s->inbox, n);
    return n;
}

static void wait_until(struct simulation *s, int64_t until_us) {
    int64_t left = until_us - mq_clock_monotonic_us();
    struct timespec timeout = { .tv_sec = left > 0 ? left / 1000000 : 0, .tv_nsec = left > 0 ? left % 1000000 * 1000 : 0 };
    struct pollfd fd = { .fd = mq_inbox_fd(s->inbox), .events = POLLIN };
    (void)ppoll(&fd, 1, &timeout, NULL);
}

/* ---- the operator's eye on the departments ---- */

static int watch_connect(struct simulation *s) {
    char cases[MQ_TOPIC_BYTES], reviews[MQ_TOPIC_BYTES];
    char *filters[] = { cases, reviews };
    int r = mq_topic_filter(MQ_TOPIC_DEPARTMENT_CASE, NULL, NULL, 0, cases);
    if (r == 0)
        r = mq_topic_filter(MQ_TOPIC_COMMAND_REVIEW, NULL, NULL, 0, reviews);
    if (r == 0)
        r = mq_bus_connect(s->watch);
    if (r == 0)
        r = mq_bus_subscribe(s->watch, filters, MQ_LENGTH(filters), 1);
    s->watch_due_us = mq_clock_monotonic_us() + WATCH_RETRY_US;
    return r;
}

/* What was retained before this run must not be measured as part of it. */
static void pass_retained(struct simulation *s) {
    do
        wait_until(s, mq_clock_monotonic_us() + QUIET_US);
    while (drain(s) > 0 && !stopped);
}

static int watch_begin(struct simulation *s, const struct mq_client_login *login) {
    if (!login->user) {
        mq_ignore(mq_complain(
            0, "没有操作员账号，不量到部门的时间 / no operator's account (MINQING_OPERATOR_USER): departments are not measured"));
        return 0;
    }
    struct mq_bus_options options = {
        .host = login->host,
        .port = login->port,
        .ca_file = login->ca_file,
        .client_id = "minqing-simulate-watch",
        .user = login->user,
        .password = login->secret,
        .keep_alive_s = 30,
        .connect_timeout_ms = 5000,
        .answer_timeout_ms = 10000,
        .window = 1,
        .receive_maximum = 1024,
        .arrived = arrived,
        .userdata = s,
    };
    int r = mq_bus_new(&options, &s->watch);
    if (r == 0)
        r = watch_connect(s);
    if (r < 0)
        return mq_client_explain(login, r);
    s->tally.departments = true;
    pass_retained(s);
    return 0;
}

/* ---- the run ---- */

static void run(struct simulation *s) {
    int64_t start = mq_clock_monotonic_us(), end = INT64_MAX, look = 0;
    for (size_t released = 0; !stopped;) {
        int64_t now = mq_clock_monotonic_us();
        while (released < s->workload.count && start + s->workload.reports[released].at_us <= now)
            mq_fleet_release(&s->fleet, released++);
        int64_t wake = mq_fleet_turn(&s->fleet, now);
        if (s->watch && !mq_bus_connected(s->watch) && now >= s->watch_due_us)
            mq_ignore(watch_connect(s));
        if (released < s->workload.count) {
            int64_t at = start + s->workload.reports[released].at_us;
            wake = at < wake ? at : wake;
        } else if (now >= look) {
            end = end == INT64_MAX ? now + s->settle_ms * 1000 : end;
            look = now + 20000;
            if (now >= end || mq_tally_complete(&s->tally))
                return;
        }
        if (drain(s) == 0)
            wait_until(s, wake < now + 50000 ? wake : now + 50000);
    }
}

static int report(struct simulation *s) {
    struct mq_figures figures;
    if (mq_tally_figures(&s->tally, &figures) < 0)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    figures.resent = mq_fleet_resent(&s->fleet);
    figures.dropped = atomic_load(&s->dropped);
    mq_figures_print(&figures, s->tally.departments, s->json, stdout);
    mq_fleet_note(&s->fleet);
    int r = s->history ? mq_history_write(&s->fleet, s->history) : 0;
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "写不了 cannot write %s: %s", s->history, strerror(-r));
    if (s->tally.departments && figures.missing > 0)
        return mq_complain(MQ_EXIT_FAILED, "%zu 条已收却没到部门 / accepted, but reached neither a department nor review",
                           figures.missing);
    if (figures.without_receipt > 0)
        return mq_complain(MQ_EXIT_TIMEOUT, "%zu 条没有回执 / without receipt when time ran out", figures.without_receipt);
    return MQ_EXIT_GOOD;
}

/* Paho's thread begins with signals blocked, so that they come to the loop. */
static int connect_all(struct simulation *s, const struct mq_client_login *login) {
    sigset_t both, before;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &both, &before);
    int status = watch_begin(s, login);
    if (status == 0)
        status = mq_fleet_connect(&s->fleet, login, arrived, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

static int simulate(struct simulation *s, const struct mq_client_login *login) {
    int r = mq_workload_init(&s->workload, &s->work);
    if (r == 0)
        r = mq_tally_init(&s->tally, &s->workload);
    if (r == 0)
        r = mq_inbox_new(INBOX_BYTES, INBOX_MESSAGES, &s->inbox);
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(-r));
    int status = mq_fleet_init(&s->fleet, s->accounts, s->work.officers, &s->tally);
    if (status == 0)
        status = connect_all(s, login);
    if (status != 0)
        return status;
    signal(SIGINT, on_signal);
    signal(SIGTERM, on_signal);
    if (!s->json)
        printf("%zu 名网格员 officers, %zu 条 reports, %.0f 秒 s\n", s->work.officers, s->workload.count, s->work.seconds);
    fflush(stdout);
    run(s);
    return report(s);
}

static void deinit(struct simulation *s) {
    if (s->watch)
        mq_bus_disconnect(s->watch, 100);
    mq_bus_free(s->watch);
    mq_fleet_deinit(&s->fleet);
    mq_inbox_free(s->inbox);
    mq_tally_deinit(&s->tally);
    mq_workload_deinit(&s->workload);
}

static int checked(struct simulation *s) {
    s->work =
        (struct mq_workload_options){ (size_t)s->officers, (double)s->rate, (double)s->seconds_ms / 1000, (uint64_t)s->seed };
    s->accounts = s->accounts ? s->accounts : getenv("MINQING_DEVICES");
    if (!s->accounts)
        return mq_complain(MQ_EXIT_USAGE, "网格员账号文件？ where are the accounts? --accounts FILE 或 or MINQING_DEVICES");
    if (s->work.rate * s->work.seconds > 5e6)
        return mq_complain(MQ_EXIT_USAGE, "太多 too many: --rate × --seconds ≤ 5000000");
    return 0;
}

int mq_field_simulate(int argc, char **argv) {
    struct simulation s = { .officers = 84, .rate = 5, .seed = 1, .seconds_ms = 30000, .settle_ms = 15000 };
    struct mq_client_login login = { 0 };
    const struct mq_option options[] = {
        { 0, "officers", MQ_OPTION_INTEGER, &s.officers, "N", "网格员人数 officers (84)", 1, MQ_FLEET_MAX },
        { 0, "rate", MQ_OPTION_INTEGER, &s.rate, "R", "每秒条数，合计 reports a second altogether (5)", 1, 100000 },
        { 0, "seconds", MQ_OPTION_SECONDS, &s.seconds_ms, "S", "多久 for how long (30)", 100, 86400000 },
        { 0, "seed", MQ_OPTION_INTEGER, &s.seed, "N", "随机种子 the same seed, the same reports (1)", 0, INT64_MAX / 1024 },
        { 0, "accounts", MQ_OPTION_TEXT, &s.accounts, "FILE", "账号文件 account<TAB>secret lines (MINQING_DEVICES)", 0, 0 },
        { 0, "settle", MQ_OPTION_SECONDS, &s.settle_ms, "S", "最后最多等 longest wait at the end (15)", 0, 3600000 },
        { 0, "history", MQ_OPTION_TEXT, &s.history, "FILE", "逐条记录 what became of each report, one JSON object a line", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &s.json, NULL, "结果为 JSON the figures as one object", 0, 0 },
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field simulate",
        "",
        "模拟网格员走动上报，量到回执和到部门的时间；-u/-P 是操作员账号（MINQING_OPERATOR_USER）。\n"
        "Officers walk and report; measures the time to receipt and to the department. -u/-P: the operator who watches.",
        options,
        shared,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = checked(&s);
    if (status == 0)
        status = mq_client_login(&login, MQ_CLIENT_OPERATOR);
    if (status == 0)
        status = simulate(&s, &login);
    deinit(&s);
    mq_client_login_deinit(&login);
    return status;
}
