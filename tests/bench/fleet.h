/* SPDX-License-Identifier: Apache-2.0 */
/* Devices that send reports, a listener to all departments and an operator, on one thread; when each report got its receipt and reached a
 * department. */
#ifndef MQ_BENCH_FLEET_H
#define MQ_BENCH_FLEET_H

#include "people.h"
#include "reports.h"

#include "clients/field/simulate_text.h"

struct fleet_options {
    int port;
    const char *county; /* six digits: whose departments and stream are listened to */
    size_t devices;
    double rate;        /* reports a second, open loop; 0: closed loop, as many as get through */
    size_t window;      /* closed loop: most reports of a device without receipt */
    size_t backlog;     /* closed loop: most reports altogether that were sent and have come out nowhere yet */
    int64_t warm_us, measure_us, drain_us;
    uint64_t seed;
};

/* What had been counted at some moment. */
struct fleet_counts {
    uint64_t sent, receipts;
    uint64_t handled, told, out; /* reached a department or the review queue; their device was told; either, each report once */
    uint64_t messages, bytes;    /* that arrived at devices, departments and the operator */
    uint64_t stream;
};

struct fleet_device {
    char topic[256]; /* MQ_TOPIC_BYTES */
    unsigned waiting; /* reports without receipt */
};

struct fleet {
    const struct fleet_options *options;
    struct reports *reports;
    struct fleet_device *devices; /* owned */
    struct wire *wires;           /* of the devices, then the departments' listener, then the operator; owned */
    size_t wire_count;
    uint32_t *dirty; /* wires with something to write; owned */
    bool *is_dirty;
    size_t dirty_count;
    uint32_t *ready; /* devices that may send, a ring, one entry for each report they may; owned */
    size_t ready_from, ready_count, ready_size;
    int epoll;
    size_t next, oldest; /* report to be sent next; the first that may be without receipt */
    struct mq_random random;
    double due; /* open loop: when the next report is to be sent */
    int64_t now_us, begin_us, end_us;
    struct fleet_counts now, begin, end;
    uint64_t lost_receipts, rejected, later;
    bool exhausted; /* not enough reports were made: the measurement is no good */
};

/* Connects everybody. 0, negative errno, or a reason code of the broker. */
MQ_MUST_CHECK int fleet_init(struct fleet *fleet, const struct fleet_options *options, const struct people *people, struct reports *reports);
void fleet_deinit(struct fleet *fleet);

/* Warms up, measures, drains. Prints "begin" and "end" on lines of their own when the measured time begins and ends. 0 or negative
 * errno. */
MQ_MUST_CHECK int fleet_run(struct fleet *fleet);

/* A message came (a wire_arrival): notes what it says of our reports. */
void fleet_heard(void *userdata, struct wire *wire, struct mq_str topic, struct mq_str payload);

/* Closed loop: a device may send one more. */
void fleet_ready(struct fleet *fleet, uint32_t device);

#endif
