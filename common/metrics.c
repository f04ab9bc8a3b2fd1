/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of one process. */
#include "metrics.h"

#include <inttypes.h>

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
