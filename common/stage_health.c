/* SPDX-License-Identifier: Apache-2.0 */
/* The health message: retained, and the last will when the connection breaks. */
#include "stage_internal.h"

#include "clock.h"
#include "message.h"
#include "version.h"

#include <unistd.h>

void mq_health_payload(struct mq_stage *stage, const char *state, struct mq_buffer *out) {
    size_t messages = 0, bytes = 0;
    if (stage->inbox)
        mq_inbox_usage(stage->inbox, &messages, &bytes);
    char at[MQ_TIME_TEXT];
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), at);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer counters = { 0 };
    mq_metrics_json(&stage->metrics, &counters);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer recent = { 0 };
    mq_recent_json(&stage->recent, &stage->metrics, mq_clock_monotonic_us(), &recent);
    struct mq_health health = {
        .v = MQ_FORMAT,
        .service = mq_str(stage->service->name),
        .instance = mq_str(stage->settings->instance),
        .state = mq_str(state),
        .version = MQ_STR(MQ_VERSION),
        .at = mq_str(at),
        .pid = getpid(),
        .inbox_messages = (int64_t)messages,
        .inbox_bytes = (int64_t)bytes,
        .behind = (int64_t)mq_sweep_behind(stage),
        .database = stage->store && mq_store_connected(stage->store) ? MQ_STR("up") : MQ_STR("away"),
        .counters = { counters.data, counters.len },
        .recent = { recent.data, recent.len },
    };
    mq_json_encode(&mq_health_object, &health, out);
}

void mq_health_publish(struct mq_stage *stage, const char *state) {
    uint64_t published, unheard, refused;
    mq_bus_counts(stage->bus, &published, &unheard, &refused);
    atomic_store(&stage->metrics.value[MQ_METRIC_PUBLISHED], published);
    atomic_store(&stage->metrics.value[MQ_METRIC_UNHEARD], unheard);
    atomic_store(&stage->metrics.value[MQ_METRIC_REFUSED], refused);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    mq_health_payload(stage, state, &payload);
    struct mq_publication p = { .payload = { payload.data, payload.len }, .qos = 1, .retained = true };
    mq_ignore(mq_bus_publish(stage->bus, stage->health_topic, &p, NULL));
}
