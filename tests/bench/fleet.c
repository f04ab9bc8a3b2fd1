/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that send reports, and those who listen. */
#include "fleet.h"

#include "common/clock.h"
#include "common/topic.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define RECEIPT_LOST_US 5000000 /* receipts travel at QoS 0 */
#define QUIET_US 8000000        /* nothing came out for so long: nothing more will */
#define EVENTS 256
#define IDLE_US 50000

static bool closed_loop(const struct fleet *fleet) {
    return fleet->options->rate <= 0;
}

void fleet_ready(struct fleet *fleet, uint32_t device) {
    if (closed_loop(fleet) && fleet->ready_count < fleet->ready_size)
        fleet->ready[(fleet->ready_from + fleet->ready_count++) % fleet->ready_size] = device;
}

static void mark_dirty(struct fleet *fleet, size_t wire) {
    if (!fleet->is_dirty[wire]) {
        fleet->is_dirty[wire] = true;
        fleet->dirty[fleet->dirty_count++] = (uint32_t)wire;
    }
}

static int flush(struct fleet *fleet) {
    size_t kept = 0;
    for (size_t i = 0; i < fleet->dirty_count; i++) {
        uint32_t wire = fleet->dirty[i];
        int r = wire_flush(&fleet->wires[wire]);
        if (r < 0)
            return r;
        fleet->is_dirty[wire] = r > 0;
        if (r > 0)
            fleet->dirty[kept++] = wire;
    }
    fleet->dirty_count = kept;
    return 0;
}

static int send_next(struct fleet *fleet, uint32_t device, int64_t due_us) {
    char trace[MQ_TRACEPARENT_TEXT];
    if (fleet->next == fleet->reports->count) {
        fleet->exhausted = true;
        return 0;
    }
    struct report *report = &fleet->reports->list[fleet->next++];
    mq_traceparent_new(trace);
    struct wire_publish p = {
        .topic = mq_str(fleet->devices[device].topic), .payload = { fleet->reports->text.data + report->offset, report->bytes },
        .traceparent = mq_str(trace), .qos = 1,
    };
    report->device = device;
    report->due_us = due_us;
    fleet->devices[device].waiting++;
    fleet->now.sent++;
    mark_dirty(fleet, device);
    return wire_publish(&fleet->wires[device], &p);
}

/* Sends what is due. Out: microseconds until there is more, or `IDLE_US`. */
static int send_due(struct fleet *fleet, int64_t *wait_us) {
    int r = 0;
    *wait_us = IDLE_US;
    if (closed_loop(fleet)) {
        while (r == 0 && fleet->ready_count && fleet->now.sent - fleet->now.out < fleet->options->backlog && !fleet->exhausted) {
            uint32_t device = fleet->ready[fleet->ready_from];
            fleet->ready_from = (fleet->ready_from + 1) % fleet->ready_size;
            fleet->ready_count--;
            r = send_next(fleet, device, fleet->now_us);
        }
        return r;
    }
    while (r == 0 && fleet->due <= (double)fleet->now_us && !fleet->exhausted) {
        size_t device = fleet->next % fleet->options->devices; /* NOLINT(clang-analyzer-core.DivideZero): the option's least is 1 */
        r = send_next(fleet, (uint32_t)device, (int64_t)fleet->due);
        fleet->due += -log(1 - mq_random_unit(&fleet->random)) / fleet->options->rate * 1e6;
    }
    double left = fleet->due - (double)fleet->now_us;
    *wait_us = left > IDLE_US ? IDLE_US : left > 0 ? (int64_t)left : 0;
    return r;
}

/* A receipt that was lost must not hold its device up for ever. */
static void give_up_receipts(struct fleet *fleet) {
    for (; fleet->oldest < fleet->next; fleet->oldest++) {
        struct report *report = &fleet->reports->list[fleet->oldest];
        if (report->receipt_us == 0) {
            if (fleet->now_us - report->due_us < RECEIPT_LOST_US)
                return;
            report->receipt_us = -1;
            fleet->lost_receipts++;
            fleet->devices[report->device].waiting--;
            fleet_ready(fleet, report->device);
        }
    }
}

static int handle_events(struct fleet *fleet, int64_t wait_us) {
    struct epoll_event events[EVENTS];
    struct timespec wait = { wait_us / 1000000, wait_us % 1000000 * 1000 };
    int n = epoll_pwait2(fleet->epoll, events, EVENTS, &wait, NULL);
    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < n; i++) {
        size_t wire = events[i].data.u64;
        fleet->now_us = mq_clock_monotonic_us();
        int r = wire_read(&fleet->wires[wire], fleet_heard, fleet);
        if (r < 0)
            return r;
        if (fleet->wires[wire].out.len)
            mark_dirty(fleet, wire);
    }
    return 0;
}

/* Until the given time; with `sending`, sends. */
static int run_until(struct fleet *fleet, int64_t end_us, bool sending) {
    int64_t wait_us = IDLE_US, quiet_since = mq_clock_monotonic_us();
    uint64_t out = fleet->now.out;
    int r = 0;
    for (;;) {
        fleet->now_us = mq_clock_monotonic_us();
        if (r < 0 || fleet->now_us >= end_us)
            return r;
        if (!sending && fleet->now.out >= fleet->now.sent && fleet->now.receipts + fleet->lost_receipts >= fleet->now.sent)
            return 0;
        if (out != fleet->now.out) {
            out = fleet->now.out;
            quiet_since = fleet->now_us;
        }
        if (!sending && fleet->now_us - quiet_since > QUIET_US)
            return 0;
        give_up_receipts(fleet);
        if (sending)
            r = send_due(fleet, &wait_us);
        if (r == 0)
            r = flush(fleet);
        int64_t left = end_us - fleet->now_us;
        if (r == 0)
            r = handle_events(fleet, fleet->dirty_count ? 1000 : wait_us < left ? wait_us : left);
    }
}

static void say(const char *what) {
    puts(what);
    fflush(stdout);
}

int fleet_run(struct fleet *fleet) {
    int64_t start = fleet->now_us = mq_clock_monotonic_us();
    fleet->due = (double)start;
    for (size_t i = 0; i < fleet->options->window; i++)
        for (size_t device = 0; device < fleet->options->devices; device++)
            fleet_ready(fleet, (uint32_t)device);
    int r = run_until(fleet, start + fleet->options->warm_us, true);
    if (r < 0)
        return r;
    say("begin");
    fleet->begin = fleet->now;
    fleet->begin_us = mq_clock_monotonic_us();
    r = run_until(fleet, fleet->begin_us + fleet->options->measure_us, true);
    fleet->end = fleet->now;
    fleet->end_us = fleet->now_us;
    say("end");
    return r < 0 ? r : run_until(fleet, fleet->end_us + fleet->options->drain_us, false);
}

static int listen_to(struct wire *wire, enum mq_topic topic, const struct mq_str *parts, size_t count) {
    char filter[MQ_TOPIC_BYTES];
    int r = mq_topic_filter(topic, NULL, parts, count, filter);
    return r < 0 ? r : wire_subscribe(wire, filter);
}

static int subscribe(struct fleet *fleet, const struct people *people, size_t i) {
    const struct fleet_options *o = fleet->options;
    struct wire *wire = &fleet->wires[i];
    bool device = i < o->devices;
    int r = people_connect(people, device ? "device" : "operator", device ? i : i - o->devices, o->port, wire);
    if (r)
        return r;
    wire->index = i;
    struct mq_str county = mq_str(o->county), any_county[] = { { NULL, 0 }, county };
    if (device) {
        struct mq_str account = mq_str(people_account(people, "device", i));
        r = mq_topic_format(MQ_TOPIC_FIELD_REPORT, &account, 1, fleet->devices[i].topic);
        if (r == 0)
            r = listen_to(wire, MQ_TOPIC_FIELD_RECEIPT, &account, 1);
        if (r == 0)
            r = listen_to(wire, MQ_TOPIC_FIELD_STATUS, &account, 1);
    } else if (i == o->devices) {
        r = listen_to(wire, MQ_TOPIC_DEPARTMENT_CASE, any_county, 2);
    } else {
        r = listen_to(wire, MQ_TOPIC_STREAM, &county, 1);
        if (r == 0)
            r = listen_to(wire, MQ_TOPIC_COMMAND_REVIEW, &county, 1);
    }
    struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };
    if (r == 0)
        r = wire_go(wire);
    return r ? r : epoll_ctl(fleet->epoll, EPOLL_CTL_ADD, wire->fd, &event) < 0 ? -errno : 0;
}

int fleet_init(struct fleet *fleet, const struct fleet_options *options, const struct people *people, struct reports *reports) {
    *fleet = (struct fleet){ .options = options, .reports = reports, .wire_count = options->devices + 2, .random = { options->seed } };
    fleet->ready_size = options->devices * options->window + 1;
    fleet->wires = calloc(fleet->wire_count, sizeof(*fleet->wires));
    fleet->devices = calloc(options->devices, sizeof(*fleet->devices));
    fleet->dirty = calloc(fleet->wire_count, sizeof(*fleet->dirty));
    fleet->is_dirty = calloc(fleet->wire_count, sizeof(*fleet->is_dirty));
    fleet->ready = calloc(fleet->ready_size, sizeof(*fleet->ready));
    fleet->epoll = epoll_create1(EPOLL_CLOEXEC);
    int r = fleet->wires && fleet->devices && fleet->dirty && fleet->is_dirty && fleet->ready ? 0 : -ENOMEM;
    if (r == 0 && fleet->epoll < 0)
        r = -errno;
    for (size_t i = 0; r == 0 && i < fleet->wire_count; i++)
        r = subscribe(fleet, people, i);
    if (r)
        fleet_deinit(fleet);
    return r;
}

void fleet_deinit(struct fleet *fleet) {
    for (size_t i = 0; fleet->wires && i < fleet->wire_count; i++)
        wire_close(&fleet->wires[i]);
    free(fleet->wires);
    free(fleet->devices);
    free(fleet->dirty);
    free(fleet->is_dirty);
    free(fleet->ready);
    if (fleet->epoll > 0)
        close(fleet->epoll);
    *fleet = (struct fleet){ 0 };
}
