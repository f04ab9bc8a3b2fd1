/* SPDX-License-Identifier: Apache-2.0 */
/* Questions, and their answers. */
#include "query.h"

#include <errno.h>
#include <sodium.h>

/* Account and name of the topic, which the broker has checked against the account. */
static bool asker_of(struct mq_str topic, struct mq_str *account, struct mq_str *name) {
    struct mq_topic_parts parts;
    if (!mq_topic_parse(MQ_TOPIC_QUERY, topic, &parts))
        return false;
    *account = parts.part[0];
    *name = parts.part[1];
    return true;
}

static bool is_known(struct mq_str name) {
    for (size_t i = 0; mq_query_words[i]; i++)
        if (mq_str_equal(name, mq_str(mq_query_words[i])))
            return true;
    return false;
}

/* What each name needs beside the table of the message: at least one of `needs`. */
static const struct {
    const char *name;
    size_t offset; /* of a struct mq_uuid or mq_str, by `text` */
    bool text;
} needs[] = {
    { "case", offsetof(struct mq_query, case_id), false }, { "case", offsetof(struct mq_query, number), true },
    { "report", offsetof(struct mq_query, report), false }, { "subject", offsetof(struct mq_query, case_id), false },
    { "subject", offsetof(struct mq_query, report), false }, { "subject", offsetof(struct mq_query, visit), false },
};

static void check(struct mq_str name, const struct mq_query *query, struct mq_faults *faults) {
    size_t asked = 0, found = 0;
    for (size_t i = 0; i < MQ_LENGTH(needs); i++) {
        if (!mq_str_equal(name, mq_str(needs[i].name)))
            continue;
        const void *member = (const char *)query + needs[i].offset;
        asked++;
        found += needs[i].text ? ((const struct mq_str *)member)->n > 0 : !mq_uuid_is_nil(member);
    }
    if (!is_known(name))
        mq_fault_add(faults, "", "no question has this name: case, cases, report, review, subject, audit, stats, officers");
    else if (asked && found != 1)
        mq_fault_add(faults, "", "%.*s is about exactly one: %s", (int)name.n, name.s,
                     mq_str_equal(name, MQ_STR("case")) ? "case or number" : asked == 1 ? "report" : "case, report or visit");
    if (mq_str_equal(name, MQ_STR("subject")) && query->reason.n == 0)
        mq_fault_add(faults, "/reason", "is missing: what the personal data are needed for");
}

int mq_question_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_query query = { 0 };
    struct mq_str account, name;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!asker_of(element->arrival->topic, &account, &name))
        return -EINVAL;
    if (element->bytes.n > MQ_QUESTION_BYTES)
        mq_fault_add(faults, "", "must have at most %d bytes, has %zu", MQ_QUESTION_BYTES, element->bytes.n);
    else if (mq_json_decode(&mq_query_object, element->bytes, &query, &document, faults))
        check(name, &query, faults);
    if (faults->count)
        return 1;
    /* as the table knows it, and nothing else */
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer question = { 0 };
    mq_json_encode(&mq_query_object, &query, &question);
    mq_columns_text(row, account);
    mq_columns_text(row, name);
    mq_columns_text(row, (struct mq_str){ question.data, question.len });
    return question.failed ? -ENOMEM : 0;
}

static void publish(struct mq_stage *stage, const struct mq_element *element, int qos, struct mq_str payload) {
    char topic[MQ_TOPIC_BYTES];
    struct mq_str account, name;
    if (!asker_of(element->arrival->topic, &account, &name)
        || mq_topic_reply(element->arrival->response_topic, account, MQ_STR("query"), topic) < 0)
        return;
    struct mq_publication p = { .payload = payload, .qos = qos, .correlation = element->arrival->correlation };
    mq_stage_publish(stage, topic, &p);
}

/* Opened data go at QoS 0, so that they never lie in the broker's store. */
static int publish_subject(struct mq_stage *stage, const struct mq_element *element, PGresult *result, int first, int end) {
    const struct mq_query_service *service = mq_stage_userdata(stage);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    int r = mq_subject_answer(service->seal, mq_result_str(result, first, MQ_ANSWER_TEXT), result, first + 1, end, &text);
    if (r == 0)
        publish(stage, element, 0, (struct mq_str){ text.data, text.len });
    if (text.data)
        sodium_memzero(text.data, text.len);
    return r;
}

int mq_question_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    int rows = PQntuples(result), r = 0;
    for (int i = 0, end; i < rows && r == 0; i = end) {
        for (end = i + 1; end < rows && PQgetisnull(result, end, MQ_ANSWER_TEXT);)
            end++;
        const struct mq_element *element = &elements[mq_result_integer(result, i, MQ_ANSWER_N)];
        mq_metrics_add(mq_stage_metrics(stage), MQ_METRIC_STORED, 1);
        if (end > i + 1)
            r = publish_subject(stage, element, result, i, end);
        else
            publish(stage, element, 1, mq_result_str(result, i, MQ_ANSWER_TEXT));
    }
    return r;
}

void mq_question_reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    struct mq_query query = { 0 };
    struct mq_str account, name;
    struct mq_faults ignored;
    ignored.count = 0;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!asker_of(element->arrival->topic, &account, &name))
        return;
    /* faults were told; the id is there if it could be read */
    if (element->bytes.n <= MQ_QUESTION_BYTES)
        mq_ignore(mq_json_decode(&mq_query_object, element->bytes, &query, &document, &ignored));
    char reason[280];
    const char *path = faults->fault[0].path;
    snprintf(reason, sizeof(reason), "%s%s%s", path, *path ? " " : "", faults->fault[0].message);
    struct mq_result answer = { .v = MQ_FORMAT, .id = query.id, .name = is_known(name) ? name : MQ_STR("unknown"), .reason = mq_str(reason) };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    mq_json_encode(&mq_result_object, &answer, &text);
    publish(stage, element, 1, (struct mq_str){ text.data, text.len });
}
