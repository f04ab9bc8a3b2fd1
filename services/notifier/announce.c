/* SPDX-License-Identifier: Apache-2.0 */
/* Announcements: rows of announce.sql become publications. */
#include "notifier.h"

#include <stdio.h>
#include <string.h>

/* Columns of announce.sql. */
enum { TOPIC, REF, AUDIENCE, SCOPE, VERSION, LIVE, PAYLOAD, TRACEPARENT, DOMAIN_, SEVERITY, TARGETS, OPENED };

/* Values of announcements.topic. */
enum { STREAM, CASE, RESTRICTED, REVIEW, STATUS, TASK };

/* A row of announce.sql. */
struct announcement {
    long kind;
    struct mq_str ref, audience, scope, version, payload, traceparent, domain, severity;
    struct mq_str targets; /* s NULL: audience and scope are the only one */
    bool live;
};

#define ALL MQ_STR("all")

int mq_announce_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_notifier *notifier = mq_stage_userdata(stage);
    struct mq_dispatched dispatched;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_dispatched_object, &dispatched, &document, faults))
        return 1;
    char ref[MQ_UUID_TEXT];
    mq_uuid_format(&dispatched.ref, ref);
    mq_columns_integer(row, dispatched.event);
    mq_columns_text(row, mq_str(ref));
    size_t place = notifier->opened_count % MQ_BATCH_MESSAGES;
    if (mq_opened_read(&dispatched, &notifier->opened[place])) {
        notifier->opened_count++;
        mq_columns_integer(row, (int64_t)place);
        mq_columns_text(row, mq_opened_inner(&notifier->opened[place], MQ_OPENED_ACCOUNT));
    } else {
        mq_columns_null(row);
        mq_columns_null(row);
    }
    return 0;
}

/* County and town levels of a topic from an area code; codes shorter than a county are for all. A village with a desk of its own stands
 * in the town's place. */
static void scope_parts(struct mq_str scope, struct mq_str *county, struct mq_str *town) {
    *county = scope.n >= 6 ? (struct mq_str){ scope.s, 6 } : ALL;
    *town = scope.n >= 9 ? scope : ALL;
}

static int topic_of(const struct announcement *a, struct mq_str audience, struct mq_str scope, char topic[MQ_TOPIC_BYTES]) {
    struct mq_str county, town;
    scope_parts(scope, &county, &town);
    switch (a->kind) {
    case STREAM: {
        struct mq_str parts[] = { county, town, a->domain, a->severity };
        return mq_topic_format(MQ_TOPIC_STREAM, parts, 4, topic);
    }
    case CASE: {
        struct mq_str parts[] = { audience, county, town, a->ref };
        return mq_topic_format(MQ_TOPIC_DEPARTMENT_CASE, parts, 4, topic);
    }
    case RESTRICTED: {
        struct mq_str parts[] = { audience, county, town, a->ref };
        return mq_topic_format(MQ_TOPIC_DEPARTMENT_RESTRICTED, parts, 4, topic);
    }
    case REVIEW: {
        struct mq_str parts[] = { county, town, a->ref };
        return mq_topic_format(MQ_TOPIC_COMMAND_REVIEW, parts, 3, topic);
    }
    case TASK:
        return mq_topic_format(MQ_TOPIC_FIELD_TASK, &audience, 1, topic);
    default:
        return mq_topic_format(MQ_TOPIC_FIELD_STATUS, &audience, 1, topic);
    }
}

static struct mq_publication publication_of(const struct mq_notifier *notifier, const struct announcement *a) {
    struct mq_publication p = { .payload = a->payload, .qos = a->kind == STREAM ? 0 : 1, .traceparent = a->traceparent };
    if (a->kind == STREAM)
        p.expiry_s = notifier->stream_expiry_ms / 1000;
    else if (a->kind == STATUS || a->kind == TASK)
        p.expiry_s = (a->kind == TASK ? notifier->task_expiry_ms : notifier->status_expiry_ms) / 1000;
    else
        p.retained = a->live;
    return p;
}

/* Tells one audience. An ended topic: whoever listens sees the last state, then the broker forgets it. */
static void tell(struct mq_stage *stage, const struct announcement *a, struct mq_str audience, struct mq_str scope, const struct mq_publication *p) {
    char topic[MQ_TOPIC_BYTES];
    if (topic_of(a, audience, scope, topic) < 0) {
        if (a->kind != STREAM)
            mq_stage_unconfirmed(stage);
    } else if (a->kind == STREAM) {
        mq_stage_publish(stage, topic, p);
    } else if (p->retained || a->kind == STATUS || a->kind == TASK) {
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

/* What is told of a case just opened, made of what came with its event. */
static void tell_opened(struct mq_notifier *notifier, const struct mq_opened *opened, struct announcement *a) {
    mq_buffer_reset(&notifier->payload, MQ_BATCH_BYTES);
    switch (a->kind) {
    case STREAM:
        mq_opened_line(opened, &notifier->payload);
        a->scope = mq_opened_inner(opened, MQ_OPENED_TOWN);
        a->domain = mq_opened_restricted(opened) ? MQ_STR("none") : mq_opened_inner(opened, MQ_OPENED_DOMAIN);
        a->severity = opened->part[MQ_OPENED_SEVERITY];
        break;
    case STATUS:
        mq_opened_status(opened, &notifier->payload);
        break;
    case CASE:
        if (mq_opened_restricted(opened)) {
            mq_opened_redacted(opened, &notifier->payload);
            break;
        }
        /* fall through */
    case RESTRICTED:
        mq_opened_case(opened, &notifier->payload);
        break;
    default:
        return; /* the event brings nothing for it: its payload stays absent */
    }
    a->traceparent = mq_str(opened->traceparent);
    a->payload = (struct mq_str){ notifier->payload.failed ? NULL : notifier->payload.data, notifier->payload.len };
}

static struct announcement read_row(struct mq_notifier *notifier, const PGresult *r, int row) {
    struct announcement a = {
        .kind = mq_result_integer(r, row, TOPIC), .ref = mq_result_str(r, row, REF), .audience = mq_result_str(r, row, AUDIENCE),
        .scope = mq_result_str(r, row, SCOPE), .version = mq_result_str(r, row, VERSION), .live = PQgetvalue(r, row, LIVE)[0] == 't',
    };
    if (!PQgetisnull(r, row, TARGETS))
        a.targets = mq_result_str(r, row, TARGETS);
    if (!PQgetisnull(r, row, OPENED)) {
        tell_opened(notifier, &notifier->opened[(size_t)mq_result_integer(r, row, OPENED) % MQ_BATCH_MESSAGES], &a);
        return a;
    }
    if (!PQgetisnull(r, row, PAYLOAD))
        a.payload = mq_result_str(r, row, PAYLOAD);
    a.traceparent = mq_result_str(r, row, TRACEPARENT);
    a.domain = mq_result_str(r, row, DOMAIN_);
    a.severity = mq_result_str(r, row, SEVERITY);
    return a;
}

static void announce(struct mq_stage *stage, const struct announcement *a) {
    const struct mq_publication p = publication_of(mq_stage_userdata(stage), a);
    char kind[8];
    snprintf(kind, sizeof kind, "%ld", a->kind);
    struct mq_str cells[] = { a->ref, mq_str(kind), a->audience, a->scope, a->version };
    if (a->kind != STREAM)
        mq_stage_confirm(stage, cells, MQ_LENGTH(cells));
    if (!a->targets.s) {
        tell(stage, a, a->audience, a->scope, &p);
        return;
    }
    for (struct mq_str rest = a->targets; rest.n > 0;) {
        struct mq_str scope = cut(&rest, ' '), audience = cut(&scope, '/');
        tell(stage, a, audience, scope, &p);
    }
}

int mq_announce_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    for (int i = 0; i < PQntuples(result); i++) {
        const struct announcement a = read_row(mq_stage_userdata(stage), result, i);
        if (a.payload.s)
            announce(stage, &a);
    }
    return 0;
}
