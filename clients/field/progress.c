/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is told of its reports. */
#include "progress.h"

#define AT(member) .offset = offsetof(struct mq_progress, member)

static const struct mq_field fields[] = {
    { "report", MQ_UUID, AT(report), .required = true },
    { "reports", MQ_STRINGS, AT(reports), .nullable = true },
    { "case", MQ_UUID, AT(case_id), .nullable = true },
    { "number", MQ_STRING, AT(number), .nullable = true, .max = 64 },
    { "state", MQ_STRING, AT(state), .required = true, .max = 64 },
    { "lead_name", MQ_STRING, AT(lead_name), .nullable = true, .max = 200 },
    { "text", MQ_STRING, AT(text), .nullable = true, .max = 4000 },
    { .name = NULL },
};
const struct mq_object mq_progress_object = { "status", sizeof(struct mq_progress), fields, 0 };

bool mq_progress_names(const struct mq_progress *progress, const struct mq_uuid *report) {
    const struct mq_str *other = progress->reports.items;
    bool named = memcmp(&progress->report, report, sizeof(*report)) == 0;
    for (size_t i = 0; !named && i < progress->reports.count; i++) {
        struct mq_uuid id;
        named = mq_uuid_parse(other[i], &id) && memcmp(&id, report, sizeof(id)) == 0;
    }
    return named;
}
