/* SPDX-License-Identifier: Apache-2.0 */
/* The messages that C code reads or writes: one struct and one table of fields each. schemas/messages has the contract; a test
 * holds the tables against it. Messages that only SQL writes are here as far as clients show them. */
#ifndef MQ_MESSAGE_H
#define MQ_MESSAGE_H

#include "json.h"

#define MQ_REPORT_BYTES 65536 /* of a report, after which it is rejected */
#define MQ_FORMAT 1           /* `v` of every message and stage element */

/* Words on the wire; each array ends with NULL. */
extern const char *const mq_domain_words[];      /* anti_drug … public_security, in the order of the catalogue */
extern const char *const mq_datum_words[];       /* wgs84, gcj02 */
extern const char *const mq_origin_words[];      /* patrol, visit, telephone, hotline, resident, sensor */
extern const char *const mq_receipt_kind_words[];   /* report, visit, answer, attachment */
extern const char *const mq_receipt_status_words[]; /* accepted, duplicate, rejected, later */
extern const char *const mq_answer_words[];   /* acknowledged, arrived, result, verified, rework */
extern const char *const mq_answered_words[]; /* answer, visit */
extern const char *const mq_query_words[];  /* case, cases, report, review, subject, audit, stats, officers: names in the topic */
extern const char *const mq_state_words[];  /* of a case: assigned … merged */
extern const char *const mq_by_words[];     /* of what figures are: department, town, village, grid, domain, kind, day, month */
extern const char *const mq_action_words[]; /* decide, admit, … all of the design, desk's first */

enum mq_receipt_kind { MQ_RECEIPT_REPORT, MQ_RECEIPT_VISIT, MQ_RECEIPT_ANSWER, MQ_RECEIPT_ATTACHMENT };
enum mq_answer_word { MQ_ANSWER_ACKNOWLEDGED, MQ_ANSWER_ARRIVED, MQ_ANSWER_RESULT, MQ_ANSWER_VERIFIED, MQ_ANSWER_REWORK };
enum mq_receipt_status { MQ_ACCEPTED, MQ_DUPLICATE, MQ_REJECTED, MQ_LATER };

struct mq_location {
    double lat, lon;
    double accuracy_m; /* 0: not said */
    int datum;         /* mq_datum_words, -1: not said, which means wgs84 */
};

/* Whom a report is about. Never stored in clear. */
struct mq_subject {
    struct mq_str name, phone, id_number, address;
};

struct mq_report {
    struct mq_uuid id;
    struct mq_str observed_at; /* RFC 3339 */
    struct mq_str text;        /* 1–4000 code points */
    struct mq_location location;
    bool has_location;
    struct mq_str area; /* 12 or 15 digits */
    int domain;         /* the officer's own view; -1: none */
    struct mq_str kind; /* "fire_safety.hill_fire" */
    int64_t severity;   /* 1–4, 0: none */
    bool has_severity;
    struct mq_array attachments; /* of struct mq_str: SHA-256 as 64 hexadecimal digits, at most 16 */
    struct mq_subject subject;
    bool has_subject;
    struct mq_str subject_raw; /* the same as its bytes: what is sealed */
    int origin;
    int64_t v;           /* 0: not said, which means MQ_FORMAT */
    struct mq_str extra; /* unknown members as one object */
};
extern const struct mq_object mq_report_object;

struct mq_error {
    struct mq_str path, message;
};

struct mq_receipt {
    int64_t v;
    int kind, status;
    struct mq_uuid id; /* nil: null on the wire, none could be read */
    struct mq_array errors; /* of struct mq_error */
    int64_t retry_after_s;
    bool has_retry_after;
    struct mq_str at;
};
extern const struct mq_object mq_receipt_object;

/* What a desk or the command centre does to a case or a waiting report. */
struct mq_action {
    struct mq_uuid id;
    struct mq_uuid case_id; /* `case` on the wire */
    struct mq_uuid report;
    int64_t state_version;
    bool has_state_version;
    int action;
    struct mq_str note, reason; /* ≤ 2000 code points */
    struct mq_str department, kind, until;
    int domain;
    int64_t severity;
    bool has_severity;
    struct mq_array attachments;
    struct mq_uuid into;     /* merge: the case that stays */
    struct mq_array reports; /* split: of struct mq_str, those that leave */
    struct mq_str unit;      /* mobilise: team, squadron or brigade */
    bool exercise;           /* mobilise: 演练 */
    bool filed;              /* progress: the application for relief is filed, its outcome has a clock of its own */
    int64_t rating;          /* rate: 1–5, 0: none */
    bool has_rating;
    int64_t v; /* 0: not said, which means MQ_FORMAT */
};
extern const struct mq_object mq_action_object;

/* What an officer answers to a task, or says about a case (verified, rework). Exactly one of task and case_id. */
struct mq_answer {
    struct mq_uuid id;
    struct mq_uuid task, case_id; /* `case` on the wire */
    int answer;                   /* mq_answer_words */
    struct mq_str at;             /* RFC 3339, the officer's clock */
    struct mq_str note;
    struct mq_location location;
    bool has_location;
    struct mq_array attachments; /* of struct mq_str */
    int64_t v;                   /* 0: not said, which means MQ_FORMAT */
    struct mq_str extra;
};
extern const struct mq_object mq_answer_object;

/* Adds what its table cannot say: exactly one of task and case; a result and a rework need a note. */
void mq_answer_check(const struct mq_answer *answer, struct mq_faults *faults);

/* A visit 走访. `service`: what was settled on the spot. */
struct mq_visit {
    struct mq_uuid id;
    struct mq_str observed_at;
    struct mq_str area; /* 12 or 15 digits */
    struct mq_location location;
    bool has_location;
    struct mq_str text, service;
    struct mq_uuid task; /* the visit that was asked for; nil: none */
    struct mq_subject subject;
    bool has_subject;
    struct mq_str subject_raw;
    struct mq_array attachments;
    int64_t v; /* 0: not said, which means MQ_FORMAT */
    struct mq_str extra;
};
extern const struct mq_object mq_visit_object;

/* What one device is asked to do about a case. */
struct mq_task {
    int64_t v;
    struct mq_uuid task;
    int64_t version;
    struct mq_uuid case_id;
    struct mq_str number, kind; /* kind: verify, mobilise, visit, leader */
    bool exercise;
    struct mq_str text;
    struct mq_location location;
    bool has_location;
    struct mq_str due_at, state; /* state: called, acknowledged, arrived, done, stood_down */
};
extern const struct mq_object mq_task_object;

struct mq_reply {
    int64_t v;
    struct mq_uuid action;
    bool done;
    struct mq_str reason; /* why not; absent when done */
    struct mq_str state;
    int64_t state_version;
    bool has_state_version;
    struct mq_array allowed; /* of struct mq_str */
    struct mq_uuid case_id;  /* what the action made or changed */
    struct mq_str number;
};
extern const struct mq_object mq_reply_object;

/* A question to the read side; its name is in the topic. */
struct mq_query {
    struct mq_uuid id;
    struct mq_uuid case_id; /* `case` on the wire */
    struct mq_str number;
    struct mq_uuid report, visit;
    struct mq_str reason; /* subject: what for */
    int state, domain, by; /* words; -1: not said */
    struct mq_str kind;
    int64_t severity; /* least; 0: any */
    struct mq_str department, area;
    bool overdue, has_overdue;
    struct mq_str text;     /* searched for */
    struct mq_str from, to; /* RFC 3339 */
    int64_t limit;          /* 1–200; 0: not said, which means 50 */
    struct mq_str after;    /* `next` of the page before */
    int64_t v;              /* 0: not said, which means MQ_FORMAT */
};
extern const struct mq_object mq_query_object;

/* Its answer, as far as all answers are alike; what depends on the name is in the schema. */
struct mq_result {
    int64_t v;
    struct mq_uuid id; /* nil: null on the wire, none could be read */
    struct mq_str name;
    bool done;
    struct mq_str reason;           /* why not */
    struct mq_str case_raw, report; /* raw objects: `case`, `report` */
    int64_t total;
    bool has_total;
    struct mq_str next; /* cursor of the next page */
};
extern const struct mq_object mq_result_object;

/* Elements of the stage arrays: enough to go on without reading the row again, and the ids. */
struct mq_received {
    int64_t v;
    struct mq_uuid id;
    struct mq_str text;
    struct mq_str traceparent;
    int domain;         /* the officer's; -1 */
    struct mq_str kind; /* the officer's */
    int64_t severity;   /* the officer's; 0 */
};
extern const struct mq_object mq_received_object;

/* An answer or a visit that was stored. */
struct mq_answered {
    int64_t v;
    struct mq_uuid id;
    int what; /* mq_answered_words */
    struct mq_str traceparent;
};
extern const struct mq_object mq_answered_object;

struct mq_classified {
    int64_t v;
    struct mq_uuid id; /* of the report */
    struct mq_str traceparent;
};
extern const struct mq_object mq_classified_object;

/* One change to be announced: a row of case_events. */
struct mq_dispatched {
    int64_t v;
    int64_t event;
    struct mq_uuid ref; /* the case, or the report that waits for review: ref of its announcements */
    struct mq_str traceparent;
    struct mq_str opened; /* raw object: of a case just opened what its messages are made of while it has version 1 */
};
extern const struct mq_object mq_dispatched_object;

/* One line of the operators' stream, as clients show it. */
struct mq_stream_line {
    int64_t v, event;
    struct mq_str at, what; /* what: opened, review, decided, … */
    struct mq_str domain, kind, kind_name, domain_name;
    int64_t severity;
    struct mq_str area, area_name, number, state, lead, lead_name, text;
    struct mq_uuid case_id, report;
};
extern const struct mq_object mq_stream_line_object;

struct mq_case_part {
    struct mq_str department, department_name, role, state;
};
struct mq_case_report {
    struct mq_uuid id;
    struct mq_str observed_at, text;
};
struct mq_case_reports {
    int64_t count;
    struct mq_array latest; /* of struct mq_case_report */
};
struct mq_case {
    int64_t v;
    struct mq_uuid case_id;
    struct mq_str number;
    int64_t version, state_version;
    struct mq_str state, domain, kind, domain_name, kind_name;
    int64_t severity;
    bool restricted;
    struct mq_str area, area_name, opened_at, sign_by, handle_by, lead, lead_name, summary;
    struct mq_array parts; /* of struct mq_case_part */
    struct mq_case_reports reports;
    bool has_reports;
    bool has_subject;
};
extern const struct mq_object mq_case_object;

struct mq_review {
    int64_t v;
    struct mq_uuid report;
    int64_t version;
    struct mq_str state; /* waiting, decided */
    struct mq_str text, area, area_name, observed_at, received_at, domain, kind;
    double probability;
    int64_t severity;
};
extern const struct mq_object mq_review_object;

/* Progress of what a device reported. */
struct mq_status {
    int64_t v;
    struct mq_uuid report, case_id;
    int64_t version;
    struct mq_str number, state, domain, kind, lead, lead_name, text;
};
extern const struct mq_object mq_status_object;

struct mq_health {
    int64_t v;
    struct mq_str service, instance, state, version, at; /* state: up, standby, down */
    int64_t pid, inbox_messages, inbox_bytes, behind;    /* behind: rows of the predecessor not handled, as of the last sweep */
    struct mq_str database;                              /* up, away */
    struct mq_str counters, recent;                      /* raw objects; recent: what came to the counters lately */
};
extern const struct mq_object mq_health_object;

/* All tables, ended by NULL; for tests and tools. */
extern const struct mq_object *const mq_objects[];

#endif
