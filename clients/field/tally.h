/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each report of a simulation, and when: found again by the ids in topics, without looking into payloads. */
#ifndef MQ_TALLY_H
#define MQ_TALLY_H

#include "workload.h"

#include <stdio.h>

enum mq_fate { MQ_FATE_UNKNOWN, MQ_FATE_ACCEPTED, MQ_FATE_DUPLICATE, MQ_FATE_REJECTED };

/* Monotonic microseconds; 0: not yet. */
struct mq_trail {
    enum mq_fate fate;
    unsigned sends;
    int64_t sent_us; /* first */
    int64_t taken_us; /* the broker's first PUBACK */
    int64_t receipt_us, department_us, review_us, joined_us;
    struct mq_uuid joined; /* the case of another report that it became part of */
};

struct mq_tally {
    const struct mq_workload *workload;
    struct mq_trail *trails; /* one a report; owned */
    uint32_t *slots;         /* open addressing: 2 * index + 1 (+1: by the case's id), 0 empty; owned */
    size_t mask;
    size_t receipts;  /* reports with a fate */
    bool departments; /* somebody watches the departments */
};

/* -ENOMEM. */
MQ_MUST_CHECK int mq_tally_init(struct mq_tally *tally, const struct mq_workload *workload);
void mq_tally_deinit(struct mq_tally *tally);

/* The report that the id is of, or whose case's id it is; false: neither. */
MQ_MUST_CHECK bool mq_tally_find(const struct mq_tally *tally, const struct mq_uuid *id, size_t *index, bool *is_case);

/* The moment at which a department has it (its own case or one that it joined) or the command centre reviews it; 0: not yet. */
int64_t mq_tally_arrived(const struct mq_tally *tally, size_t index);

/* Has every report a receipt, and everything accepted arrived? */
bool mq_tally_complete(const struct mq_tally *tally);

/* The figures. */
struct mq_figures {
    size_t reports, sent, accepted, duplicate, rejected, without_receipt, department, joined, review, missing;
    uint64_t resent, dropped;
    double rate;          /* receipts a second, from the first report to the last receipt */
    double receipt_ms[4]; /* p50, p90, p99, max */
    double department_ms[4];
};

/* -ENOMEM. */
MQ_MUST_CHECK int mq_tally_figures(const struct mq_tally *tally, struct mq_figures *figures);
void mq_figures_print(const struct mq_figures *figures, bool departments, bool json, FILE *out);

#endif
