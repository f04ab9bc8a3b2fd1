/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: rows of announce.sql become publications. */
#include "notifier.h"

#include <string.h>

/* Columns of announce.sql. */
enum { TOPIC, REF, AUDIENCE, SCOPE, VERSION, LIVE, PAYLOAD, TRACEPARENT, DOMAIN_, SEVERITY, TARGETS };

/* Values of announcements.topic. */
enum { STREAM, CASE, RESTRICTED, REVIEW, STATUS, TASK };

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

static int topic_of(const PGresult *r, int row, struct mq_str audience, struct mq_str scope, char topic[MQ_TOPIC_BYTES]) {
    struct mq_str county, town, ref = mq_result_str(r, row, REF);
    scope_parts(scope, &county, &town);
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

static struct mq_publication publication_of(const struct mq_notifier *notifier, const PGresult *r, int row) {
    long kind = mq_result_integer(r, row, TOPIC);
    struct mq_publication p = { .payload = mq_result_str(r, row, PAYLOAD), .qos = kind == STREAM ? 0 : 1,
                                .traceparent = mq_result_str(r, row, TRACEPARENT) };
    if (kind == STREAM)
        p.expiry_s = notifier->stream_expiry_ms / 1000;
    else if (kind == STATUS || kind == TASK)
        p.expiry_s = (kind == TASK ? notifier->task_expiry_ms : notifier->status_expiry_ms) / 1000;
    else
        p.retained = PQgetvalue(r, row, LIVE)[0] == 't';
    return p;
}

/* Tells one audience. An ended topic: whoever listens sees the last state, then the broker forgets it. */
static void tell(struct mq_stage *stage, const PGresult *r, int row, struct mq_str audience, struct mq_str scope, const struct mq_publication *p) {
    char topic[MQ_TOPIC_BYTES];
    long kind = mq_result_integer(r, row, TOPIC);
    if (topic_of(r, row, audience, scope, topic) < 0) {
        if (kind != STREAM)
            mq_stage_unconfirmed(stage);
    } else if (kind == STREAM) {
        mq_stage_publish(stage, topic, p);
    } else if (p->retained || kind == STATUS || kind == TASK) {
        mq_stage_publish_confirmed(stage, topic, p);
    } else {
        mq_stage_publish(stage, topic, p);
        mq_stage_publish_confirmed(stage, topic, &(struct mq_publication){ .payload = MQ_STR(""), .qos = 1, .retained = true });
    }
}

/* The text before `end`, which with it is cut off `rest`; all of it where there is none. */
static struct mq_str cut(struct mq_str *rest, char end) {
    const char *at = memchr(rest->s, end, rest->n);
    struct mq_str before = { rest->s, at ? (size_t)(at - rest->s) : rest->n };
    size_t gone = at ? before.n + 1 : before.n;
    *rest = (struct mq_str){ rest->s + gone, rest->n - gone };
    return before;
}

static void announce(struct mq_stage *stage, const PGresult *r, int row) {
    const struct mq_publication p = publication_of(mq_stage_userdata(stage), r, row);
    struct mq_str cells[] = { mq_result_str(r, row, REF), mq_result_str(r, row, TOPIC), mq_result_str(r, row, AUDIENCE),
                              mq_result_str(r, row, SCOPE), mq_result_str(r, row, VERSION) };
    if (mq_result_integer(r, row, TOPIC) != STREAM)
        mq_stage_confirm(stage, cells, MQ_LENGTH(cells));
    if (PQgetisnull(r, row, TARGETS)) {
        tell(stage, r, row, cells[2], cells[3], &p);
        return;
    }
    for (struct mq_str rest = mq_result_str(r, row, TARGETS); rest.n > 0;) {
        struct mq_str scope = cut(&rest, ' '), audience = cut(&scope, '/');
        tell(stage, r, row, audience, scope, &p);
    }
}

int mq_announce_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    for (int i = 0; i < PQntuples(result); i++)
        if (!PQgetisnull(result, i, PAYLOAD))
            announce(stage, result, i);
    return 0;
}
