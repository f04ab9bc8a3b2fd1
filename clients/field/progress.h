/* SPDX-License-Identifier: Apache-2.0 */
/* What a device is told of its reports: the status message as field programs read it, with all reports of the device in the case.
 */
#ifndef MQ_PROGRESS_H
#define MQ_PROGRESS_H

#include "common/json.h"

struct mq_progress {
    struct mq_uuid report;   /* the latest of ours in the case */
    struct mq_array reports; /* of struct mq_str: all of ours */
    struct mq_uuid case_id;  /* nil: there is none */
    struct mq_str number, state, lead_name, text;
};
extern const struct mq_object mq_progress_object;

/* Is it about this report? */
bool mq_progress_names(const struct mq_progress *progress, const struct mq_uuid *report);

#endif
