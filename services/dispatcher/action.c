/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of the command centre, and their replies. */
#include "dispatcher.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* County, town and account of the topic, which the broker has checked against the account. */
static bool actor_of(struct mq_str topic, struct mq_str *account, struct mq_str *area) {
    struct mq_topic_parts parts;
    if (!mq_topic_parse(MQ_TOPIC_COMMAND_ACTION, topic, &parts))
        return false;
    *account = parts.part[2];
    *area = mq_str_equal(parts.part[1], MQ_STR("all")) ? parts.part[0] : parts.part[1];
    return true;
}

static bool is_action(int action, const char *word) { return action >= 0 && strcmp(mq_action_words[action], word) == 0; }

static void check(const struct mq_action *action, struct mq_faults *faults) {
    if (!is_action(action->action, "decide") && !is_action(action->action, "refuse"))
        mq_fault_add(faults, "/action", "must be decide or refuse");
    if (mq_uuid_is_nil(&action->report))
        mq_fault_add(faults, "/report", "is missing: which report is decided");
}

int mq_action_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_action action = { 0 };
    struct mq_str account, area;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!actor_of(element->arrival->topic, &account, &area))
        return -EINVAL;
    if (mq_json_decode(&mq_action_object, element->bytes, &action, &document, faults))
        check(&action, faults);
    if (faults->count)
        return 1;
    char id[MQ_UUID_TEXT], report[MQ_UUID_TEXT], opened[MQ_UUID_TEXT];
    unsigned char sha256[crypto_hash_sha256_BYTES];
    struct mq_uuid case_id = mq_uuid_case_of(&action.report);
    crypto_hash_sha256(sha256, (const unsigned char *)element->bytes.s, element->bytes.n);
    mq_uuid_format(&action.id, id);
    mq_uuid_format(&action.report, report);
    mq_uuid_format(&case_id, opened);
    mq_columns_text(row, mq_str(id));
    mq_columns_bytes(row, (struct mq_str){ (const char *)sha256, sizeof(sha256) });
    mq_columns_text(row, account);
    mq_columns_text(row, area);
    mq_columns_text(row, mq_str(report));
    mq_columns_text(row, mq_str(opened));
    mq_columns_optional(row, action.domain >= 0 ? mq_str(mq_domain_words[action.domain]) : (struct mq_str){ NULL, 0 });
    mq_columns_optional(row, action.kind);
    if (action.has_severity)
        mq_columns_integer(row, action.severity);
    else
        mq_columns_null(row);
    mq_columns_boolean(row, is_action(action.action, "refuse"));
    mq_columns_optional(row, action.note.n ? action.note : action.reason);
    return 0;
}

/* To the response topic when it is the actor's own, else to …/action. */
static void reply(struct mq_stage *stage, const struct mq_element *element, struct mq_str payload) {
    char topic[MQ_TOPIC_BYTES];
    struct mq_str account, area;
    if (!actor_of(element->arrival->topic, &account, &area))
        return;
    struct mq_str asked = element->arrival->response_topic;
    if (asked.n && asked.n < sizeof(topic) && mq_topic_is_reply_of(asked, account)) {
        memcpy(topic, asked.s, asked.n);
        topic[asked.n] = '\0';
    } else {
        struct mq_str parts[] = { account, MQ_STR("action") };
        if (mq_topic_format(MQ_TOPIC_REPLY, parts, 2, topic) < 0)
            return;
    }
    struct mq_publication p = { .payload = payload, .qos = 1, .correlation = element->arrival->correlation };
    mq_stage_publish(stage, topic, &p);
}

int mq_action_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    for (int i = 0; i < PQntuples(result); i++) {
        struct mq_str answer = mq_result_str(result, i, 1), element = mq_result_str(result, i, 2);
        if (answer.s)
            reply(stage, &elements[mq_result_integer(result, i, 0)], answer);
        if (element.s)
            mq_stage_pass(stage, MQ_TOPIC_STAGE_DISPATCHED, element);
    }
    return 0;
}

void mq_action_reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    struct mq_action action = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults ignored;
    ignored.count = 0;
    mq_ignore(mq_json_decode(&mq_action_object, element->bytes, &action, &document, &ignored));
    char reason[280];
    snprintf(reason, sizeof(reason), "%s %s", faults->fault[0].path, faults->fault[0].message);
    struct mq_reply answer = { .v = MQ_FORMAT, .action = action.id, .reason = mq_str(reason) };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    mq_json_encode(&mq_reply_object, &answer, &text);
    reply(stage, element, (struct mq_str){ text.data, text.len });
}
