/* SPDX-License-Identifier: Apache-2.0 */
/* bench-load: the load generator, and with --replay the service of the bound. tests/bench/run calls it. */
#include "fleet.h"
#include "replay.h"

#include "clients/common/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    int64_t port, devices, rate, window, backlog, warm_ms, measure_ms, drain_ms, seed, most, days;
    const char *accounts, *county, *areas, *towns, *replay;
};

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static double percentile(const int64_t *sorted, size_t n, double share) {
    if (n == 0)
        return 0;
    size_t i = (size_t)(share * (double)(n - 1) + 0.5);
    return (double)sorted[i] / 1000;
}

/* Latencies of the reports that were to be sent in the measured time. `when`: the offset of the moment in a report. */
static void print_latency(const struct fleet *fleet, const char *name, size_t when) {
    size_t n = 0, missing = 0, sent = fleet->next;
    int64_t *all = malloc((sent + 1) * sizeof(*all));
    for (size_t i = 0; all && i < sent; i++) {
        const struct report *report = &fleet->reports->list[i];
        int64_t at;
        memcpy(&at, (const char *)report + when, sizeof(at));
        if (report->due_us < fleet->begin_us || report->due_us >= fleet->end_us)
            continue;
        if (at > 0)
            all[n++] = at - report->due_us;
        else
            missing++;
    }
    if (n)
        qsort(all, n, sizeof(*all), compare);
    printf("\"%s_ms\":{\"n\":%zu,\"missing\":%zu,\"p50\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f},", name, n, missing,
           percentile(all, n, 0.5), percentile(all, n, 0.99), percentile(all, n, 0.999), percentile(all, n, 1));
    free(all);
}

static void print_counts(const char *name, const struct fleet_counts *c) {
    printf("\"%s\":{\"sent\":%ju,\"receipts\":%ju,\"handled\":%ju,\"told\":%ju,\"out\":%ju,\"messages\":%ju,\"bytes\":%ju,\"stream\":%ju},", name,
           (uintmax_t)c->sent, (uintmax_t)c->receipts, (uintmax_t)c->handled, (uintmax_t)c->told, (uintmax_t)c->out,
           (uintmax_t)c->messages, (uintmax_t)c->bytes, (uintmax_t)c->stream);
}

static void print(const struct fleet *fleet) {
    double seconds = (double)(fleet->end_us - fleet->begin_us) / 1e6;
    unsigned refused = 0;
    for (size_t i = 0; i < fleet->wire_count; i++)
        refused += fleet->wires[i].refused;
    putchar('{');
    print_latency(fleet, "receipt", offsetof(struct report, receipt_us));
    print_latency(fleet, "department", offsetof(struct report, handled_us));
    print_latency(fleet, "told", offsetof(struct report, told_us));
    print_counts("at_begin", &fleet->begin);
    print_counts("at_end", &fleet->end);
    print_counts("drained", &fleet->now);
    printf("\"seconds\":%.3f,\"out_per_second\":%.1f,\"receipts_per_second\":%.1f,\"sent_per_second\":%.1f,\"backlog_at_end\":%ju,", seconds,
           (double)(fleet->end.out - fleet->begin.out) / seconds, (double)(fleet->end.receipts - fleet->begin.receipts) / seconds,
           (double)(fleet->end.sent - fleet->begin.sent) / seconds, (uintmax_t)(fleet->end.sent - fleet->end.out));
    printf("\"lost_receipts\":%ju,\"rejected\":%ju,\"later\":%ju,\"refused\":%u,\"exhausted\":%s}\n", (uintmax_t)fleet->lost_receipts,
           (uintmax_t)fleet->rejected, (uintmax_t)fleet->later, refused, fleet->exhausted ? "true" : "false");
}

static int load(const struct arguments *a, const struct people *people) {
    struct reports_options made = {
        .areas = a->areas, .towns = a->towns, .count = (size_t)a->most, .days = (double)a->days, .seed = (uint64_t)a->seed,
    };
    struct fleet_options options = {
        .port = (int)a->port, .county = a->county, .devices = (size_t)a->devices, .rate = (double)a->rate, .window = (size_t)a->window,
        .backlog = (size_t)a->backlog, .warm_us = a->warm_ms * 1000, .measure_us = a->measure_ms * 1000, .drain_us = a->drain_ms * 1000,
        .seed = (uint64_t)a->seed,
    };
    struct reports reports;
    struct fleet fleet;
    int r = reports_init(&reports, &made);
    if (r < 0)
        return mq_complain(MQ_EXIT_DATA, "no reports from %s and %s: %s", a->areas, a->towns, strerror(-r));
    r = fleet_init(&fleet, &options, people, &reports);
    if (r == 0) {
        r = fleet_run(&fleet);
        if (r == 0)
            print(&fleet);
        fleet_deinit(&fleet);
    }
    reports_deinit(&reports);
    return r;
}

int main(int argc, char **argv) {
    struct arguments a = {
        .devices = 84, .window = 16, .backlog = 4096, .warm_ms = 2000, .measure_ms = 10000, .drain_ms = 20000, .seed = 1, .most = 100000,
        .days = 30, .county = "441581",
    };
    /* clang-format off */
    const struct mq_option options[] = {
        { 0, "port", MQ_OPTION_INTEGER, &a.port, "PORT", "of the broker, on 127.0.0.1", 1, 65535 },
        { 0, "accounts", MQ_OPTION_TEXT, &a.accounts, "FILE", "role, account, password: device…, two of operator, two of peer for --replay", 0, 0 },
        { 0, "areas", MQ_OPTION_TEXT, &a.areas, "FILE", "schemas/reference/areas.tsv", 0, 0 },
        { 0, "towns", MQ_OPTION_TEXT, &a.towns, "FILE", "schemas/reference/towns.tsv", 0, 0 },
        { 0, "county", MQ_OPTION_TEXT, &a.county, "CODE", "whose departments are listened to", 0, 0 },
        { 0, "devices", MQ_OPTION_INTEGER, &a.devices, "N", "that send", 1, 100000 },
        { 0, "rate", MQ_OPTION_INTEGER, &a.rate, "N", "reports a second, open loop; 0: as many as get through", 0, 1000000 },
        { 0, "window", MQ_OPTION_INTEGER, &a.window, "N", "most reports of a device without receipt", 1, 1000 },
        { 0, "backlog", MQ_OPTION_INTEGER, &a.backlog, "N", "most reports that have come out nowhere yet", 1, 100000000 },
        { 0, "warm", MQ_OPTION_SECONDS, &a.warm_ms, "S", "before the measurement", 0, 3600000 },
        { 0, "measure", MQ_OPTION_SECONDS, &a.measure_ms, "S", "how long is measured; with --replay how long is served", 100, 3600000 },
        { 0, "drain", MQ_OPTION_SECONDS, &a.drain_ms, "S", "most time for the rest to come out", 0, 3600000 },
        { 0, "seed", MQ_OPTION_INTEGER, &a.seed, "N", "of the reports", 0, INT64_MAX },
        { 0, "most", MQ_OPTION_INTEGER, &a.most, "N", "reports that are made beforehand", 1, 20000000 },
        { 0, "days", MQ_OPTION_INTEGER, &a.days, "N", "over which they were seen", 0, 3650 },
        { 0, "replay", MQ_OPTION_TEXT, &a.replay, "FILE", "be the service of the bound, with this profile", 0, 0 },
        { 0, NULL, 0, NULL, NULL, NULL, 0, 0 },
    };
    /* clang-format on */
    const struct mq_command_line line = { "bench-load", "", "Sends reports and measures what becomes of them.", options, NULL, 0, 0, NULL };
    struct people people;
    size_t words;
    int r = mq_options_parse(&line, argc, argv, &words);
    if (r >= 0)
        return r;
    if (!a.port || !a.accounts || (!a.replay && (!a.areas || !a.towns)))
        return mq_complain(MQ_EXIT_USAGE, "--port, --accounts, and --areas with --towns or --replay are needed");
    r = people_read(&people, a.accounts);
    if (r < 0)
        return mq_complain(MQ_EXIT_DATA, "%s: %s", a.accounts, strerror(-r));
    r = a.replay ? replay_run(&people, (int)a.port, a.county, a.replay, a.measure_ms * 1000) : load(&a, &people);
    people_deinit(&people);
    if (r < 0)
        return mq_complain(MQ_EXIT_UNREACHABLE, "the connection to the broker ended: %s", strerror(-r));
    return r > 0 ? mq_complain(MQ_EXIT_DENIED, "the broker refused: reason code 0x%02x", (unsigned)r) : MQ_EXIT_GOOD;
}
