/* SPDX-License-Identifier: Apache-2.0 */
/* What the services said of themselves last: their retained health, read and judged. */
#ifndef MQ_HEALTH_H
#define MQ_HEALTH_H

#include "clients/common/client.h"
#include "common/metrics.h"

#define MQ_HEALTH_INSTANCES 64

struct mq_instance {
    char service[64], name[64], state[16], version[64];
    int64_t pid, age_us, inbox_messages, inbox_bytes, behind;
    bool database_away;
    int64_t counters[MQ_METRIC_COUNT];
    int64_t recent[MQ_METRIC_COUNT]; /* of the last five to ten minutes */
    char *payload; /* owned: as it came; NULL: out of memory */
};

struct mq_health_set {
    struct mq_instance instances[MQ_HEALTH_INSTANCES]; /* in the order of the flow, then by name */
    size_t count, left_out;
};

/* What must be there for the flow to flow, in its order; ended by NULL. */
extern const char *const mq_health_services[];

/* Reads all of them into a zeroed set. 0 or negative errno as mq_retained_read. */
MQ_MUST_CHECK int mq_health_read(struct mq_client *client, struct mq_health_set *set);
void mq_health_set_deinit(struct mq_health_set *set);

/* No word for longer than any service keeps silent (30 s; they speak every 5 s, unless set otherwise). */
bool mq_instance_stale(const struct mq_instance *instance);
/* A clean stop, or the last will of a connection that broke. */
bool mq_instance_down(const struct mq_instance *instance);
/* Neither down nor stale. */
bool mq_instance_speaks(const struct mq_instance *instance);

/* The instance of a service that speaks for it: one that is up if there is any, else any; NULL: never heard of. */
const struct mq_instance *mq_health_of(const struct mq_health_set *set, const char *service);
/* One instance that is up is enough. */
bool mq_health_service_up(const struct mq_health_set *set, const char *service);
/* All that must be there, and all others that were ever heard of. */
bool mq_health_all_up(const struct mq_health_set *set);
/* A counter summed over the instances of a service. */
int64_t mq_health_sum(const struct mq_health_set *set, const char *service, enum mq_metric counter);

#endif
