/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: rows of announce.sql become publications. */
#include "notifier.h"

#include <stdio.h>
#include <stdlib.h>

/* Columns of announce.sql. */
enum { TOPIC, REF, AUDIENCE, SCOPE, VERSION, LIVE, PAYLOAD, TRACEPARENT, DOMAIN_, SEVERITY, TEXT };

/* Values of announcements.topic, and of the rows that hold a case's text for the announcements behind them. */
enum { STREAM, CASE, RESTRICTED, REVIEW, STATUS, TASK, CASE_TEXT = 7 };

#define ALL MQ_STR("all")

int mq_announce_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_dispatched dispatched;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_json_decode(&mq_dispatched_object, element->bytes, &dispatched, &document, faults))
        return 1;
    char ref[MQ_UUID_TEXT];
    mq_uuid_format(&dispatched.ref, ref);
    mq_columns_integer(row, dispatched.event);
    mq_columns_text(row, mq_str(ref));
    return 0;
}

/* County and town levels of a topic from an area code; codes shorter than a county are for all. A village with a desk of its own stands
 * in the town's place. */
static void scope_parts(struct mq_str scope, struct mq_str *county, struct mq_str *town) {
    *county = scope.n >= 6 ? (struct mq_str){ scope.s, 6 } : ALL;
    *town = scope.n >= 9 ? scope : ALL;
}

static int topic_of(const PGresult *r, int row, char topic[MQ_TOPIC_BYTES]) {
    struct mq_str county, town, audience = mq_result_str(r, row, AUDIENCE), ref = mq_result_str(r, row, REF);
    scope_parts(mq_result_str(r, row, SCOPE), &county, &town);
    switch (mq_result_integer(r, row, TOPIC)) {
    case STREAM: {
        struct mq_str parts[] = { county, town, mq_result_str(r, row, DOMAIN_), mq_result_str(r, row, SEVERITY) };
        return mq_topic_format(MQ_TOPIC_STREAM, parts, 4, topic);
    }
    case CASE: {
        struct mq_str parts[] = { audience, county, town, ref };
        return mq_topic_format(MQ_TOPIC_DEPARTMENT_CASE, parts, 4, topic);
    }
    case RESTRICTED: {
        struct mq_str parts[] = { audience, county, town, ref };
        return mq_topic_format(MQ_TOPIC_DEPARTMENT_RESTRICTED, parts, 4, topic);
    }
    case REVIEW: {
        struct mq_str parts[] = { county, town, ref };
        return mq_topic_format(MQ_TOPIC_COMMAND_REVIEW, parts, 3, topic);
    }
    case TASK:
        return mq_topic_format(MQ_TOPIC_FIELD_TASK, &audience, 1, topic);
    default:
        return mq_topic_format(MQ_TOPIC_FIELD_STATUS, &audience, 1, topic);
    }
}

/* The row that holds the payload; -1: none. A number that is left out moves those behind it to the front. */
static int text_row(const PGresult *r, int row) {
    if (PQgetisnull(r, row, TEXT))
        return PQgetisnull(r, row, PAYLOAD) ? -1 : row;
    long number = mq_result_integer(r, row, TEXT);
    for (int i = (int)number; i >= 0; i--)
        if (mq_result_integer(r, i, TOPIC) == CASE_TEXT && mq_result_integer(r, i, TEXT) == number)
            return i;
    return -1;
}

static void announce(struct mq_stage *stage, const PGresult *r, int row, int text, const char *topic) {
    const struct mq_notifier *notifier = mq_stage_userdata(stage);
    long kind = mq_result_integer(r, row, TOPIC);
    bool live = PQgetvalue(r, row, LIVE)[0] == 't';
    struct mq_publication p = { .payload = mq_result_str(r, text, PAYLOAD), .qos = 1, .traceparent = mq_result_str(r, text, TRACEPARENT) };
    if (kind == STREAM) {
        p.qos = 0;
        p.expiry_s = notifier->stream_expiry_ms / 1000;
        mq_stage_publish(stage, topic, &p);
        return;
    }
    bool to_device = kind == STATUS || kind == TASK;
    if (to_device)
        p.expiry_s = (kind == TASK ? notifier->task_expiry_ms : notifier->status_expiry_ms) / 1000;
    p.retained = live && !to_device;
    struct mq_str cells[] = { mq_result_str(r, row, REF), mq_result_str(r, row, TOPIC), mq_result_str(r, row, AUDIENCE),
                              mq_result_str(r, row, SCOPE), mq_result_str(r, row, VERSION) };
    if (live || to_device) {
        mq_stage_publish_confirmed(stage, topic, &p, cells, MQ_LENGTH(cells));
        return;
    }
    /* ended: whoever listens sees the last state, then the broker forgets the topic */
    mq_stage_publish(stage, topic, &p);
    struct mq_publication clear = { .payload = MQ_STR(""), .qos = 1, .retained = true };
    mq_stage_publish_confirmed(stage, topic, &clear, cells, MQ_LENGTH(cells));
}

int mq_announce_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    for (int i = 0; i < PQntuples(result); i++) {
        char topic[MQ_TOPIC_BYTES];
        int text = mq_result_integer(result, i, TOPIC) == CASE_TEXT ? -1 : text_row(result, i);
        if (text >= 0 && topic_of(result, i, topic) == 0)
            announce(stage, result, i, text, topic);
    }
    return 0;
}
