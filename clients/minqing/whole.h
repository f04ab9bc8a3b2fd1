/* SPDX-License-Identifier: Apache-2.0 */
/* A case as the query service tells it: whole to a desk of it, the bare progress to who reported it, little of a restricted one to
 * an operator. So nearly everything may be absent. */
#ifndef MQ_WHOLE_H
#define MQ_WHOLE_H

#include "shown.h"

struct mq_whole_part {
    struct mq_str department, department_name, role, state;
};

struct mq_whole_report {
    struct mq_uuid id;
    struct mq_str observed_at, text;
};

struct mq_whole_reports {
    int64_t count;
    struct mq_array latest; /* of struct mq_whole_report */
};

struct mq_whole_event {
    struct mq_str at, what, by, person, department, state, note, words;
    int64_t version;
};

struct mq_whole {
    struct mq_uuid case_id;
    struct mq_str number, state, domain, domain_name, kind, kind_name;
    int64_t version, state_version, severity, returns, rating;
    bool restricted, exercise, has_subject;
    struct mq_str area, area_name, lead, lead_name, level, summary, text, result, merged_into;
    struct mq_str opened_at, sign_by, handle_by, outcome_by, suspended_until;
    struct mq_array also; /* of struct mq_str */
    struct mq_array parts;
    struct mq_str reports_raw;
    struct mq_whole_reports reports; /* count 0: a device's, whose `reports` are ids */
    struct mq_request request;
    bool has_request;
    struct mq_mobilisation mobilisation;
    bool has_mobilisation;
    struct mq_array events;  /* of struct mq_whole_event, oldest first */
    struct mq_array allowed; /* of struct mq_str */
};

/* What a whole case's texts point into; zeroed before. */
struct mq_whole_documents {
    struct mq_document *whole, *reports;
};
void mq_whole_free(struct mq_whole_documents *documents);

/* As mq_json_decode. */
MQ_MUST_CHECK bool mq_whole_decode(struct mq_str bytes, struct mq_whole *out, struct mq_whole_documents *documents,
                                   struct mq_faults *faults);

#endif
