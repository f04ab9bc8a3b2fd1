/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one process. */
#include "metrics.h"

#include <inttypes.h>
#include <string.h>

#define RECENT_US INT64_C(300000000)

static const char *const names[] = {
#define X(symbol, name, help) [MQ_METRIC_##symbol] = name,
    MQ_METRICS(X)
#undef X
};

const char *mq_metrics_name(enum mq_metric which) {
    return (size_t)which < MQ_LENGTH(names) ? names[which] : NULL;
}

void mq_metrics_json(const struct mq_metrics *m, struct mq_buffer *out) {
    for (size_t i = 0; i < MQ_LENGTH(names); i++) {
        uint64_t value = mq_metrics_get(m, (enum mq_metric)i);
        mq_buffer_printf(out, "%c\"%s\":%" PRIu64, i == 0 ? '{' : ',', names[i], value);
    }
    mq_buffer_append_char(out, '}');
}

void mq_recent_json(struct mq_recent *recent, const struct mq_metrics *m, int64_t monotonic_us, struct mq_buffer *out) {
    if (recent->due_us == 0)
        recent->due_us = monotonic_us + RECENT_US;
    if (monotonic_us >= recent->due_us) {
        memcpy(recent->earlier, recent->later, sizeof(recent->earlier));
        for (size_t i = 0; i < MQ_METRIC_COUNT; i++)
            recent->later[i] = mq_metrics_get(m, (enum mq_metric)i);
        recent->due_us = monotonic_us + RECENT_US;
    }
    const char *before = "{";
    for (size_t i = 0; i < MQ_METRIC_COUNT; i++) {
        uint64_t value = mq_metrics_get(m, (enum mq_metric)i) - recent->earlier[i];
        if (value == 0)
            continue;
        mq_buffer_printf(out, "%s\"%s\":%" PRIu64, before, names[i], value);
        before = ",";
    }
    mq_buffer_append_text(out, *before == '{' ? "{}" : "}");
}
