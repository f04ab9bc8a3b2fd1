/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of the messages' fields, and the words on the wire. */
#include "message.h"

#define AT(type, member) .offset = offsetof(struct type, member)
#define HAS(type, member) .has = offsetof(struct type, member)
#define FORMAT .min = MQ_FORMAT, .max = MQ_FORMAT, .pattern = "format"
#define COUNT .min = 0, .max = 9007199254740992.0
#define POSITIVE .min = 1, .max = 9007199254740992.0
#define SEVERITY .min = 1, .max = 4
#define ANY_AREA .min = 6, .max = 15, .pattern = "digits" /* a village may not be known */
#define CODE .min = 1, .max = 64, .pattern = "code"
#define KIND .min = 1, .max = 64, .pattern = "kind"
#define NAME .min = 0, .max = 200
#define TRACEPARENT .min = 55, .max = 55

const char *const mq_domain_words[] = {
    "anti_drug",        "natural_resources",   "anti_smuggling",    "counterfeit",       "fire_safety",
    "epidemic_control", "disaster_prevention", "livelihood_relief", "dispute_mediation", "public_security",
    NULL,
};

const char *const mq_datum_words[] = { "wgs84", "gcj02", NULL };

const char *const mq_origin_words[] = { "patrol", "visit", "telephone", "hotline", "resident", "sensor", NULL };

const char *const mq_receipt_kind_words[] = {
    [MQ_RECEIPT_REPORT] = "report", [MQ_RECEIPT_VISIT] = "visit",           [MQ_RECEIPT_ANSWER] = "answer",
    [MQ_RECEIPT_ATTACHMENT] = "attachment", [MQ_RECEIPT_ATTACHMENT + 1] = NULL,
};

const char *const mq_receipt_status_words[] = {
    [MQ_ACCEPTED] = "accepted", [MQ_DUPLICATE] = "duplicate", [MQ_REJECTED] = "rejected",
    [MQ_LATER] = "later",       [MQ_LATER + 1] = NULL,
};

/* What a desk may do, then the command centre. */
const char *const mq_action_words[] = {
    "sign",     "progress", "resolve", "return", "extend",    "suspend",  "support",    "decide", "admit",     "refuse",
    "reassign", "correct",  "approve", "deny",   "supervise", "merge",    "split",      "call_back", "close", "reopen",
    "mobilise", "stand_down", "rework", "rate",
    NULL,
};

const char *const mq_answer_words[] = {
    [MQ_ANSWER_ACKNOWLEDGED] = "acknowledged", [MQ_ANSWER_ARRIVED] = "arrived", [MQ_ANSWER_RESULT] = "result",
    [MQ_ANSWER_VERIFIED] = "verified",         [MQ_ANSWER_REWORK] = "rework",   [MQ_ANSWER_REWORK + 1] = NULL,
};

const char *const mq_query_words[] = { "case", "cases", "report", "review", "subject", "audit", "stats", "officers", NULL };

const char *const mq_state_words[] = {
    "assigned", "signed", "in_progress", "suspended", "resolved", "verified", "closed", "refused", "merged", NULL,
};

const char *const mq_by_words[] = { "department", "town", "village", "grid", "domain", "kind", "day", "month", NULL };

const char *const mq_answered_words[] = { "answer", "visit", NULL };

static const struct mq_field location_fields[] = {
    { "lat", MQ_NUMBER, AT(mq_location, lat), .required = true, .min = -90, .max = 90 },
    { "lon", MQ_NUMBER, AT(mq_location, lon), .required = true, .min = -180, .max = 180 },
    { "accuracy_m", MQ_NUMBER, AT(mq_location, accuracy_m), .min = 0, .max = 1e6 },
    { "datum", MQ_ENUM, AT(mq_location, datum), .words = mq_datum_words },
    { .name = NULL },
};
static const struct mq_object location_object = { "location", sizeof(struct mq_location), location_fields, 0 };

static const struct mq_field subject_fields[] = {
    { "name", MQ_STRING, AT(mq_subject, name), .max = 100 },
    { "phone", MQ_STRING, AT(mq_subject, phone), .max = 40 },
    { "id_number", MQ_STRING, AT(mq_subject, id_number), .max = 40 },
    { "address", MQ_STRING, AT(mq_subject, address), .max = 300 },
    { .name = NULL },
};
static const struct mq_object subject_object = { "subject", sizeof(struct mq_subject), subject_fields, 0 };

/* `subject_raw` comes first, so that encoding keeps what the table of the subject does not know. */
static const struct mq_field report_fields[] = {
    { "v", MQ_INTEGER, AT(mq_report, v), FORMAT },
    { "id", MQ_UUID, AT(mq_report, id), .required = true },
    { "observed_at", MQ_TIME, AT(mq_report, observed_at), .required = true },
    { "text", MQ_STRING, AT(mq_report, text), .required = true, .min = 1, .max = 4000, .pattern = "written" },
    { "location", MQ_OBJECT, AT(mq_report, location), HAS(mq_report, has_location), .object = &location_object },
    { "area", MQ_STRING, AT(mq_report, area), .min = 12, .max = 15, .pattern = "area" },
    { "domain", MQ_ENUM, AT(mq_report, domain), .words = mq_domain_words },
    { "kind", MQ_STRING, AT(mq_report, kind), KIND },
    { "severity", MQ_INTEGER, AT(mq_report, severity), HAS(mq_report, has_severity), SEVERITY },
    { "attachments", MQ_STRINGS, AT(mq_report, attachments), .max = 16, .pattern = "hex64" },
    { "subject", MQ_RAW, AT(mq_report, subject_raw) },
    { "subject", MQ_OBJECT, AT(mq_report, subject), HAS(mq_report, has_subject), .object = &subject_object },
    { "origin", MQ_ENUM, AT(mq_report, origin), .words = mq_origin_words },
    { .name = NULL },
};
const struct mq_object mq_report_object = {
    "report", sizeof(struct mq_report), report_fields, offsetof(struct mq_report, extra),
};

static const struct mq_field error_fields[] = {
    { "path", MQ_STRING, AT(mq_error, path), .required = true, .max = 200 },
    { "message", MQ_STRING, AT(mq_error, message), .required = true, .max = 400 },
    { .name = NULL },
};
static const struct mq_object error_object = { "error", sizeof(struct mq_error), error_fields, 0 };

static const struct mq_field receipt_fields[] = {
    { "v", MQ_INTEGER, AT(mq_receipt, v), .required = true, FORMAT },
    { "kind", MQ_ENUM, AT(mq_receipt, kind), .required = true, .words = mq_receipt_kind_words },
    { "id", MQ_UUID, AT(mq_receipt, id), .required = true, .nullable = true },
    { "status", MQ_ENUM, AT(mq_receipt, status), .required = true, .words = mq_receipt_status_words },
    { "errors", MQ_ARRAY, AT(mq_receipt, errors), .max = MQ_FAULTS, .object = &error_object },
    { "retry_after_s", MQ_INTEGER, AT(mq_receipt, retry_after_s), HAS(mq_receipt, has_retry_after), COUNT },
    { "at", MQ_TIME, AT(mq_receipt, at), .required = true },
    { .name = NULL },
};
const struct mq_object mq_receipt_object = { "receipt", sizeof(struct mq_receipt), receipt_fields, 0 };

static const struct mq_field action_fields[] = {
    { "v", MQ_INTEGER, AT(mq_action, v), FORMAT },
    { "id", MQ_UUID, AT(mq_action, id), .required = true },
    { "case", MQ_UUID, AT(mq_action, case_id) },
    { "report", MQ_UUID, AT(mq_action, report) },
    { "state_version", MQ_INTEGER, AT(mq_action, state_version), HAS(mq_action, has_state_version), .min = 0, .max = INT32_MAX },
    { "action", MQ_ENUM, AT(mq_action, action), .required = true, .words = mq_action_words },
    { "note", MQ_STRING, AT(mq_action, note), .max = 2000 },
    { "reason", MQ_STRING, AT(mq_action, reason), .max = 2000 },
    { "department", MQ_STRING, AT(mq_action, department), CODE },
    { "domain", MQ_ENUM, AT(mq_action, domain), .words = mq_domain_words },
    { "kind", MQ_STRING, AT(mq_action, kind), KIND },
    { "severity", MQ_INTEGER, AT(mq_action, severity), HAS(mq_action, has_severity), SEVERITY },
    { "until", MQ_TIME, AT(mq_action, until) },
    { "attachments", MQ_STRINGS, AT(mq_action, attachments), .max = 16, .pattern = "hex64" },
    { "into", MQ_UUID, AT(mq_action, into) },
    { "reports", MQ_STRINGS, AT(mq_action, reports), .max = 100, .pattern = "uuid" },
    { "unit", MQ_STRING, AT(mq_action, unit), .min = 3, .max = 32, .pattern = "account" },
    { "exercise", MQ_BOOLEAN, AT(mq_action, exercise) },
    { "filed", MQ_BOOLEAN, AT(mq_action, filed) },
    { "rating", MQ_INTEGER, AT(mq_action, rating), HAS(mq_action, has_rating), .min = 1, .max = 5 },
    { .name = NULL },
};
const struct mq_object mq_action_object = { "action", sizeof(struct mq_action), action_fields, 0 };

static const struct mq_field answer_fields[] = {
    { "v", MQ_INTEGER, AT(mq_answer, v), FORMAT },
    { "id", MQ_UUID, AT(mq_answer, id), .required = true },
    { "task", MQ_UUID, AT(mq_answer, task) },
    { "case", MQ_UUID, AT(mq_answer, case_id) },
    { "answer", MQ_ENUM, AT(mq_answer, answer), .required = true, .words = mq_answer_words },
    { "at", MQ_TIME, AT(mq_answer, at), .required = true },
    { "note", MQ_STRING, AT(mq_answer, note), .max = 2000 },
    { "location", MQ_OBJECT, AT(mq_answer, location), HAS(mq_answer, has_location), .object = &location_object },
    { "attachments", MQ_STRINGS, AT(mq_answer, attachments), .max = 16, .pattern = "hex64" },
    { .name = NULL },
};
const struct mq_object mq_answer_object = {
    "answer", sizeof(struct mq_answer), answer_fields, offsetof(struct mq_answer, extra),
};

void mq_answer_check(const struct mq_answer *answer, struct mq_faults *faults) {
    bool task = !mq_uuid_is_nil(&answer->task), about = !mq_uuid_is_nil(&answer->case_id);
    if (task == about)
        mq_fault_add(faults, task ? "/case" : "/task", "an answer names a task or a case, and not both");
    bool wants_note = answer->answer == MQ_ANSWER_RESULT || answer->answer == MQ_ANSWER_REWORK;
    if (wants_note && !mq_json_written(answer->note))
        mq_fault_add(faults, "/note", "is missing: %s needs one", mq_answer_words[answer->answer]);
}

/* `subject_raw` comes first, as in a report. */
static const struct mq_field visit_fields[] = {
    { "v", MQ_INTEGER, AT(mq_visit, v), FORMAT },
    { "id", MQ_UUID, AT(mq_visit, id), .required = true },
    { "observed_at", MQ_TIME, AT(mq_visit, observed_at), .required = true },
    { "area", MQ_STRING, AT(mq_visit, area), .min = 12, .max = 15, .pattern = "area" },
    { "location", MQ_OBJECT, AT(mq_visit, location), HAS(mq_visit, has_location), .object = &location_object },
    { "text", MQ_STRING, AT(mq_visit, text), .required = true, .min = 1, .max = 4000, .pattern = "written" },
    { "service", MQ_STRING, AT(mq_visit, service), .max = 2000 },
    { "task", MQ_UUID, AT(mq_visit, task) },
    { "subject", MQ_RAW, AT(mq_visit, subject_raw) },
    { "subject", MQ_OBJECT, AT(mq_visit, subject), HAS(mq_visit, has_subject), .object = &subject_object },
    { "attachments", MQ_STRINGS, AT(mq_visit, attachments), .max = 16, .pattern = "hex64" },
    { .name = NULL },
};
const struct mq_object mq_visit_object = {
    "visit", sizeof(struct mq_visit), visit_fields, offsetof(struct mq_visit, extra),
};

static const struct mq_field task_fields[] = {
    { "v", MQ_INTEGER, AT(mq_task, v), .required = true, FORMAT },
    { "task", MQ_UUID, AT(mq_task, task), .required = true },
    { "version", MQ_INTEGER, AT(mq_task, version), .required = true, POSITIVE },
    { "case", MQ_UUID, AT(mq_task, case_id), .nullable = true },
    { "number", MQ_STRING, AT(mq_task, number), .nullable = true, .min = 1, .max = 64 },
    { "kind", MQ_STRING, AT(mq_task, kind), .required = true, CODE },
    { "exercise", MQ_BOOLEAN, AT(mq_task, exercise) },
    { "text", MQ_STRING, AT(mq_task, text), .nullable = true, .max = 4000 },
    { "location", MQ_OBJECT, AT(mq_task, location), HAS(mq_task, has_location), .nullable = true, .object = &location_object },
    { "due_at", MQ_TIME, AT(mq_task, due_at), .nullable = true },
    { "state", MQ_STRING, AT(mq_task, state), .required = true, CODE },
    { .name = NULL },
};
const struct mq_object mq_task_object = { "task", sizeof(struct mq_task), task_fields, 0 };

static const struct mq_field reply_fields[] = {
    { "v", MQ_INTEGER, AT(mq_reply, v), .required = true, FORMAT },
    { "action", MQ_UUID, AT(mq_reply, action), .required = true, .nullable = true },
    { "done", MQ_BOOLEAN, AT(mq_reply, done), .required = true },
    { "reason", MQ_STRING, AT(mq_reply, reason), .nullable = true, .max = 2000 },
    { "state", MQ_STRING, AT(mq_reply, state), .nullable = true, CODE },
    { "state_version", MQ_INTEGER, AT(mq_reply, state_version), HAS(mq_reply, has_state_version), .nullable = true, COUNT },
    { "allowed", MQ_STRINGS, AT(mq_reply, allowed), .nullable = true, .max = 64, .pattern = "code" },
    { "case", MQ_UUID, AT(mq_reply, case_id), .nullable = true },
    { "number", MQ_STRING, AT(mq_reply, number), .nullable = true, .min = 1, .max = 64 },
    { .name = NULL },
};
const struct mq_object mq_reply_object = { "reply", sizeof(struct mq_reply), reply_fields, 0 };

static const struct mq_field query_fields[] = {
    { "v", MQ_INTEGER, AT(mq_query, v), FORMAT },
    { "id", MQ_UUID, AT(mq_query, id), .required = true },
    { "case", MQ_UUID, AT(mq_query, case_id) },
    { "number", MQ_STRING, AT(mq_query, number), .min = 1, .max = 64 },
    { "report", MQ_UUID, AT(mq_query, report) },
    { "visit", MQ_UUID, AT(mq_query, visit) },
    { "reason", MQ_STRING, AT(mq_query, reason), .min = 1, .max = 500, .pattern = "written" },
    { "state", MQ_ENUM, AT(mq_query, state), .words = mq_state_words },
    { "domain", MQ_ENUM, AT(mq_query, domain), .words = mq_domain_words },
    { "kind", MQ_STRING, AT(mq_query, kind), KIND },
    { "severity", MQ_INTEGER, AT(mq_query, severity), SEVERITY },
    { "department", MQ_STRING, AT(mq_query, department), CODE },
    { "area", MQ_STRING, AT(mq_query, area), .min = 4, .max = 15, .pattern = "digits" },
    { "overdue", MQ_BOOLEAN, AT(mq_query, overdue), HAS(mq_query, has_overdue) },
    { "text", MQ_STRING, AT(mq_query, text), .min = 2, .max = 100, .pattern = "written" },
    { "from", MQ_TIME, AT(mq_query, from) },
    { "to", MQ_TIME, AT(mq_query, to) },
    { "by", MQ_ENUM, AT(mq_query, by), .words = mq_by_words },
    { "limit", MQ_INTEGER, AT(mq_query, limit), .min = 1, .max = 200 },
    { "after", MQ_STRING, AT(mq_query, after), .min = 1, .max = 100 },
    { .name = NULL },
};
const struct mq_object mq_query_object = { "query", sizeof(struct mq_query), query_fields, 0 };

static const struct mq_field result_fields[] = {
    { "v", MQ_INTEGER, AT(mq_result, v), .required = true, FORMAT },
    { "id", MQ_UUID, AT(mq_result, id), .required = true, .nullable = true },
    { "name", MQ_STRING, AT(mq_result, name), .required = true, .min = 1, .max = 64 },
    { "done", MQ_BOOLEAN, AT(mq_result, done), .required = true },
    { "reason", MQ_STRING, AT(mq_result, reason), .nullable = true, .max = 2000 },
    { "case", MQ_RAW, AT(mq_result, case_raw), .pattern = "object" },
    { "report", MQ_RAW, AT(mq_result, report), .pattern = "object" },
    { "total", MQ_INTEGER, AT(mq_result, total), HAS(mq_result, has_total), .min = 0, .max = 1000 },
    { "next", MQ_STRING, AT(mq_result, next), .nullable = true, .max = 100 },
    { .name = NULL },
};
const struct mq_object mq_result_object = { "result", sizeof(struct mq_result), result_fields, 0 };

static const struct mq_field received_fields[] = {
    { "v", MQ_INTEGER, AT(mq_received, v), .required = true, FORMAT },
    { "id", MQ_UUID, AT(mq_received, id), .required = true },
    { "text", MQ_STRING, AT(mq_received, text), .min = 1, .max = 4000 },
    { "traceparent", MQ_STRING, AT(mq_received, traceparent), .nullable = true, TRACEPARENT },
    { "domain", MQ_ENUM, AT(mq_received, domain), .nullable = true, .words = mq_domain_words },
    { "kind", MQ_STRING, AT(mq_received, kind), .nullable = true, KIND },
    { "severity", MQ_INTEGER, AT(mq_received, severity), .nullable = true, SEVERITY },
    { .name = NULL },
};
const struct mq_object mq_received_object = { "received", sizeof(struct mq_received), received_fields, 0 };

static const struct mq_field answered_fields[] = {
    { "v", MQ_INTEGER, AT(mq_answered, v), .required = true, FORMAT },
    { "id", MQ_UUID, AT(mq_answered, id), .required = true },
    { "what", MQ_ENUM, AT(mq_answered, what), .required = true, .words = mq_answered_words },
    { "traceparent", MQ_STRING, AT(mq_answered, traceparent), .nullable = true, TRACEPARENT },
    { .name = NULL },
};
const struct mq_object mq_answered_object = { "answered", sizeof(struct mq_answered), answered_fields, 0 };

static const struct mq_field classified_fields[] = {
    { "v", MQ_INTEGER, AT(mq_classified, v), .required = true, FORMAT },
    { "id", MQ_UUID, AT(mq_classified, id), .required = true },
    { "traceparent", MQ_STRING, AT(mq_classified, traceparent), .nullable = true, TRACEPARENT },
    { .name = NULL },
};
const struct mq_object mq_classified_object = { "classified", sizeof(struct mq_classified), classified_fields, 0 };

static const struct mq_field dispatched_fields[] = {
    { "v", MQ_INTEGER, AT(mq_dispatched, v), .required = true, FORMAT },
    { "event", MQ_INTEGER, AT(mq_dispatched, event), .required = true, COUNT },
    { "ref", MQ_UUID, AT(mq_dispatched, ref), .required = true },
    { "traceparent", MQ_STRING, AT(mq_dispatched, traceparent), .nullable = true, TRACEPARENT },
    { "opened", MQ_RAW, AT(mq_dispatched, opened), .pattern = "object" },
    { .name = NULL },
};
const struct mq_object mq_dispatched_object = { "dispatched", sizeof(struct mq_dispatched), dispatched_fields, 0 };

static const struct mq_field stream_line_fields[] = {
    { "v", MQ_INTEGER, AT(mq_stream_line, v), .required = true, FORMAT },
    { "event", MQ_INTEGER, AT(mq_stream_line, event), .required = true, COUNT },
    { "at", MQ_TIME, AT(mq_stream_line, at), .required = true },
    { "what", MQ_STRING, AT(mq_stream_line, what), .required = true, CODE },
    { "domain", MQ_STRING, AT(mq_stream_line, domain), .nullable = true, CODE },
    { "domain_name", MQ_STRING, AT(mq_stream_line, domain_name), .nullable = true, NAME },
    { "kind", MQ_STRING, AT(mq_stream_line, kind), .nullable = true, KIND },
    { "kind_name", MQ_STRING, AT(mq_stream_line, kind_name), .nullable = true, NAME },
    { "severity", MQ_INTEGER, AT(mq_stream_line, severity), .nullable = true, SEVERITY },
    { "area", MQ_STRING, AT(mq_stream_line, area), .nullable = true, ANY_AREA },
    { "area_name", MQ_STRING, AT(mq_stream_line, area_name), .nullable = true, NAME },
    { "case", MQ_UUID, AT(mq_stream_line, case_id), .nullable = true },
    { "number", MQ_STRING, AT(mq_stream_line, number), .nullable = true, .min = 1, .max = 64 },
    { "report", MQ_UUID, AT(mq_stream_line, report), .nullable = true },
    { "state", MQ_STRING, AT(mq_stream_line, state), .nullable = true, CODE },
    { "lead", MQ_STRING, AT(mq_stream_line, lead), .nullable = true, CODE },
    { "lead_name", MQ_STRING, AT(mq_stream_line, lead_name), .nullable = true, NAME },
    { "text", MQ_STRING, AT(mq_stream_line, text), .nullable = true, .max = 4000 },
    { .name = NULL },
};
const struct mq_object mq_stream_line_object = { "stream", sizeof(struct mq_stream_line), stream_line_fields, 0 };

static const struct mq_field case_part_fields[] = {
    { "department", MQ_STRING, AT(mq_case_part, department), .required = true, CODE },
    { "department_name", MQ_STRING, AT(mq_case_part, department_name), .nullable = true, NAME },
    { "role", MQ_STRING, AT(mq_case_part, role), .required = true, CODE },
    { "state", MQ_STRING, AT(mq_case_part, state), .nullable = true, CODE },
    { .name = NULL },
};
static const struct mq_object case_part_object = { "part", sizeof(struct mq_case_part), case_part_fields, 0 };

static const struct mq_field case_report_fields[] = {
    { "id", MQ_UUID, AT(mq_case_report, id), .required = true },
    { "observed_at", MQ_TIME, AT(mq_case_report, observed_at), .required = true },
    { "text", MQ_STRING, AT(mq_case_report, text), .required = true, .max = 4000 },
    { .name = NULL },
};
static const struct mq_object case_report_object = { "case_report", sizeof(struct mq_case_report), case_report_fields, 0 };

static const struct mq_field case_reports_fields[] = {
    { "count", MQ_INTEGER, AT(mq_case_reports, count), .required = true, COUNT },
    { "latest", MQ_ARRAY, AT(mq_case_reports, latest), .max = 100, .object = &case_report_object },
    { .name = NULL },
};
static const struct mq_object case_reports_object = { "reports", sizeof(struct mq_case_reports), case_reports_fields, 0 };

/* Of a restricted case the command centre gets no more than what is required. */
static const struct mq_field case_fields[] = {
    { "v", MQ_INTEGER, AT(mq_case, v), .required = true, FORMAT },
    { "case", MQ_UUID, AT(mq_case, case_id), .required = true },
    { "number", MQ_STRING, AT(mq_case, number), .required = true, .min = 1, .max = 64 },
    { "version", MQ_INTEGER, AT(mq_case, version), .required = true, POSITIVE },
    { "state_version", MQ_INTEGER, AT(mq_case, state_version), .required = true, COUNT },
    { "state", MQ_STRING, AT(mq_case, state), .required = true, CODE },
    { "domain", MQ_STRING, AT(mq_case, domain), .nullable = true, CODE },
    { "domain_name", MQ_STRING, AT(mq_case, domain_name), .nullable = true, NAME },
    { "kind", MQ_STRING, AT(mq_case, kind), .nullable = true, KIND },
    { "kind_name", MQ_STRING, AT(mq_case, kind_name), .nullable = true, NAME },
    { "severity", MQ_INTEGER, AT(mq_case, severity), .required = true, SEVERITY },
    { "restricted", MQ_BOOLEAN, AT(mq_case, restricted), .required = true },
    { "area", MQ_STRING, AT(mq_case, area), .required = true, ANY_AREA },
    { "area_name", MQ_STRING, AT(mq_case, area_name), .nullable = true, NAME },
    { "opened_at", MQ_TIME, AT(mq_case, opened_at), .required = true },
    { "sign_by", MQ_TIME, AT(mq_case, sign_by), .required = true },
    { "handle_by", MQ_TIME, AT(mq_case, handle_by), .required = true },
    { "lead", MQ_STRING, AT(mq_case, lead), .nullable = true, CODE },
    { "lead_name", MQ_STRING, AT(mq_case, lead_name), .nullable = true, NAME },
    { "parts", MQ_ARRAY, AT(mq_case, parts), .max = 32, .object = &case_part_object },
    { "summary", MQ_STRING, AT(mq_case, summary), .nullable = true, .max = 4000 },
    { "reports", MQ_OBJECT, AT(mq_case, reports), HAS(mq_case, has_reports), .object = &case_reports_object },
    { "has_subject", MQ_BOOLEAN, AT(mq_case, has_subject) },
    { .name = NULL },
};
const struct mq_object mq_case_object = { "case", sizeof(struct mq_case), case_fields, 0 };

static const char *const review_state_words[] = { "waiting", "decided", NULL };

static const struct mq_field review_fields[] = {
    { "v", MQ_INTEGER, AT(mq_review, v), .required = true, FORMAT },
    { "report", MQ_UUID, AT(mq_review, report), .required = true },
    { "version", MQ_INTEGER, AT(mq_review, version), .required = true, POSITIVE },
    { "state", MQ_STRING, AT(mq_review, state), .required = true, .words = review_state_words },
    { "text", MQ_STRING, AT(mq_review, text), .nullable = true, .max = 4000 },
    { "area", MQ_STRING, AT(mq_review, area), .nullable = true, ANY_AREA },
    { "area_name", MQ_STRING, AT(mq_review, area_name), .nullable = true, NAME },
    { "observed_at", MQ_TIME, AT(mq_review, observed_at), .nullable = true },
    { "received_at", MQ_TIME, AT(mq_review, received_at), .nullable = true },
    { "domain", MQ_STRING, AT(mq_review, domain), .nullable = true, CODE },
    { "kind", MQ_STRING, AT(mq_review, kind), .nullable = true, KIND },
    { "probability", MQ_NUMBER, AT(mq_review, probability), .nullable = true, .min = 0, .max = 1 },
    { "severity", MQ_INTEGER, AT(mq_review, severity), .nullable = true, SEVERITY },
    { .name = NULL },
};
const struct mq_object mq_review_object = { "review", sizeof(struct mq_review), review_fields, 0 };

static const struct mq_field status_fields[] = {
    { "v", MQ_INTEGER, AT(mq_status, v), .required = true, FORMAT },
    { "report", MQ_UUID, AT(mq_status, report), .required = true },
    { "case", MQ_UUID, AT(mq_status, case_id), .nullable = true },
    { "version", MQ_INTEGER, AT(mq_status, version), .required = true, POSITIVE },
    { "number", MQ_STRING, AT(mq_status, number), .nullable = true, .min = 1, .max = 64 },
    { "state", MQ_STRING, AT(mq_status, state), .required = true, CODE },
    { "domain", MQ_STRING, AT(mq_status, domain), .nullable = true, CODE },
    { "kind", MQ_STRING, AT(mq_status, kind), .nullable = true, KIND },
    { "lead", MQ_STRING, AT(mq_status, lead), .nullable = true, CODE },
    { "lead_name", MQ_STRING, AT(mq_status, lead_name), .nullable = true, NAME },
    { "text", MQ_STRING, AT(mq_status, text), .nullable = true, .max = 4000 },
    { .name = NULL },
};
const struct mq_object mq_status_object = { "status", sizeof(struct mq_status), status_fields, 0 };

static const char *const health_state_words[] = { "up", "standby", "down", NULL };
static const char *const health_database_words[] = { "up", "away", NULL };

static const struct mq_field health_fields[] = {
    { "v", MQ_INTEGER, AT(mq_health, v), .required = true, FORMAT },
    { "service", MQ_STRING, AT(mq_health, service), .required = true, CODE },
    { "instance", MQ_STRING, AT(mq_health, instance), .required = true, .min = 1, .max = 64 },
    { "state", MQ_STRING, AT(mq_health, state), .required = true, .words = health_state_words },
    { "version", MQ_STRING, AT(mq_health, version), .required = true, .min = 1, .max = 64 },
    { "at", MQ_TIME, AT(mq_health, at), .required = true },
    { "pid", MQ_INTEGER, AT(mq_health, pid), .required = true, COUNT },
    { "inbox_messages", MQ_INTEGER, AT(mq_health, inbox_messages), .required = true, COUNT },
    { "inbox_bytes", MQ_INTEGER, AT(mq_health, inbox_bytes), .required = true, COUNT },
    { "behind", MQ_INTEGER, AT(mq_health, behind), .required = true, COUNT },
    { "database", MQ_STRING, AT(mq_health, database), .words = health_database_words },
    { "counters", MQ_RAW, AT(mq_health, counters), .pattern = "object" },
    { "recent", MQ_RAW, AT(mq_health, recent), .pattern = "object" },
    { .name = NULL },
};
const struct mq_object mq_health_object = { "health", sizeof(struct mq_health), health_fields, 0 };

const struct mq_object *const mq_objects[] = {
    &mq_report_object,     &mq_receipt_object,    &mq_action_object,     &mq_reply_object,
    &mq_received_object,   &mq_classified_object, &mq_dispatched_object, &mq_stream_line_object,
    &mq_case_object,       &mq_review_object,     &mq_status_object,     &mq_health_object,
    &mq_answer_object,     &mq_visit_object,      &mq_answered_object,   &mq_task_object,
    &mq_query_object,      &mq_result_object,
    NULL,
};
