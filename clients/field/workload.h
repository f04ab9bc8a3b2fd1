/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of a simulation, made before it starts: who reports what, where and when. */
#ifndef MQ_WORKLOAD_H
#define MQ_WORKLOAD_H

#include "common/buffer.h"
#include "common/uuid.h"

struct mq_workload_options {
    size_t officers;
    double rate; /* reports a second, all officers together */
    double seconds;
    uint64_t seed;
};

struct mq_simulated {
    struct mq_uuid id;
    struct mq_uuid case_id; /* of the case that it would open */
    size_t officer;
    int64_t at_us;        /* from the start */
    int severity;         /* as it takes its turn */
    size_t offset, bytes; /* of its payload in the workload's text */
    char traceparent[MQ_TRACEPARENT_TEXT];
};

struct mq_workload {
    struct mq_simulated *reports; /* in the order of their times; owned */
    size_t count;
    struct mq_buffer text; /* all payloads */
};

/* Poisson arrivals; the officers take turns. All but ids and times comes from the seed. -ENOMEM. */
MQ_MUST_CHECK int mq_workload_init(struct mq_workload *workload, const struct mq_workload_options *options);
void mq_workload_deinit(struct mq_workload *workload);

struct mq_str mq_workload_payload(const struct mq_workload *workload, size_t index);

#endif
