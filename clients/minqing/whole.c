/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a whole case. */
#include "whole.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member)                                                                                                         \
    { #member, MQ_STRING, AT(type, member), .nullable = true }
#define COUNT(type, member)                                                                                                        \
    { #member, MQ_INTEGER, AT(type, member), .nullable = true }

static const struct mq_field part_fields[] = {
    TEXT(mq_whole_part, department),
    TEXT(mq_whole_part, department_name),
    TEXT(mq_whole_part, role),
    TEXT(mq_whole_part, state),
    { .name = NULL },
};
static const struct mq_object part_object = { "part", sizeof(struct mq_whole_part), part_fields, 0 };

static const struct mq_field report_fields[] = {
    { "id", MQ_UUID, AT(mq_whole_report, id), .required = true },
    TEXT(mq_whole_report, observed_at),
    TEXT(mq_whole_report, text),
    { .name = NULL },
};
static const struct mq_object report_object = { "report", sizeof(struct mq_whole_report), report_fields, 0 };

static const struct mq_field reports_fields[] = {
    COUNT(mq_whole_reports, count),
    { "latest", MQ_ARRAY, AT(mq_whole_reports, latest), .nullable = true, .object = &report_object },
    { .name = NULL },
};
static const struct mq_object reports_object = { "reports", sizeof(struct mq_whole_reports), reports_fields, 0 };

static const struct mq_field event_fields[] = {
    { "at", MQ_STRING, AT(mq_whole_event, at), .required = true },
    { "what", MQ_STRING, AT(mq_whole_event, what), .required = true },
    TEXT(mq_whole_event, by),
    TEXT(mq_whole_event, person),
    TEXT(mq_whole_event, department),
    TEXT(mq_whole_event, state),
    TEXT(mq_whole_event, note),
    TEXT(mq_whole_event, words),
    COUNT(mq_whole_event, version),
    { .name = NULL },
};
static const struct mq_object event_object = { "event", sizeof(struct mq_whole_event), event_fields, 0 };

static const struct mq_field fields[] = {
    { "case", MQ_UUID, AT(mq_whole, case_id), .required = true },
    { "number", MQ_STRING, AT(mq_whole, number), .required = true },
    { "state", MQ_STRING, AT(mq_whole, state), .required = true },
    COUNT(mq_whole, version),
    COUNT(mq_whole, state_version),
    COUNT(mq_whole, severity),
    TEXT(mq_whole, domain),
    TEXT(mq_whole, domain_name),
    TEXT(mq_whole, kind),
    TEXT(mq_whole, kind_name),
    { "also", MQ_STRINGS, AT(mq_whole, also), .nullable = true },
    { "restricted", MQ_BOOLEAN, AT(mq_whole, restricted), .nullable = true },
    { "exercise", MQ_BOOLEAN, AT(mq_whole, exercise), .nullable = true },
    TEXT(mq_whole, level),
    TEXT(mq_whole, area),
    TEXT(mq_whole, area_name),
    TEXT(mq_whole, lead),
    TEXT(mq_whole, lead_name),
    TEXT(mq_whole, opened_at),
    TEXT(mq_whole, sign_by),
    TEXT(mq_whole, handle_by),
    TEXT(mq_whole, outcome_by),
    TEXT(mq_whole, suspended_until),
    COUNT(mq_whole, returns),
    COUNT(mq_whole, rating),
    TEXT(mq_whole, summary),
    TEXT(mq_whole, text),
    TEXT(mq_whole, result),
    TEXT(mq_whole, merged_into),
    { "has_subject", MQ_BOOLEAN, AT(mq_whole, has_subject), .nullable = true },
    { "parts", MQ_ARRAY, AT(mq_whole, parts), .nullable = true, .object = &part_object },
    { "reports", MQ_RAW, AT(mq_whole, reports_raw), .nullable = true },
    { "request", MQ_OBJECT, AT(mq_whole, request), .has = offsetof(struct mq_whole, has_request), .nullable = true,
      .object = &mq_request_object },
    { "mobilisation", MQ_OBJECT, AT(mq_whole, mobilisation), .has = offsetof(struct mq_whole, has_mobilisation), .nullable = true,
      .object = &mq_mobilisation_object },
    { "events", MQ_ARRAY, AT(mq_whole, events), .nullable = true, .object = &event_object },
    { "allowed", MQ_STRINGS, AT(mq_whole, allowed), .nullable = true },
    { .name = NULL },
};
static const struct mq_object whole_object = { "case", sizeof(struct mq_whole), fields, 0 };

void mq_whole_free(struct mq_whole_documents *documents) {
    mq_document_free(documents->whole);
    mq_document_free(documents->reports);
    *documents = (struct mq_whole_documents){ NULL, NULL };
}

bool mq_whole_decode(struct mq_str bytes, struct mq_whole *out, struct mq_whole_documents *documents, struct mq_faults *faults) {
    if (!mq_json_decode(&whole_object, bytes, out, &documents->whole, faults))
        return false;
    if (out->reports_raw.n == 0 || *out->reports_raw.s != '{')
        return true;
    return mq_json_decode(&reports_object, out->reports_raw, &out->reports, &documents->reports, faults);
}
