/* SPDX-License-Identifier: Apache-2.0 */
/* Actions of desks and of the command centre, and their replies. */
#include "dispatcher.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

/* Who acts, as the topic says, which the broker has checked against the account. */
struct actor {
    struct mq_str account, department, area; /* department.s NULL: the command centre */
};

static bool actor_of(struct mq_str topic, struct actor *out) {
    struct mq_topic_parts parts;
    struct mq_str county, town;
    if (mq_topic_parse(MQ_TOPIC_COMMAND_ACTION, topic, &parts)) {
        county = parts.part[0];
        town = parts.part[1];
        *out = (struct actor){ .account = parts.part[2] };
    } else if (mq_topic_parse(MQ_TOPIC_DEPARTMENT_ACTION, topic, &parts)) {
        county = parts.part[1];
        town = parts.part[2];
        *out = (struct actor){ .department = parts.part[0], .account = parts.part[3] };
    } else {
        return false;
    }
    const struct mq_str all = MQ_STR("all");
    out->area = !mq_str_equal(town, all) ? town : !mq_str_equal(county, all) ? county : MQ_STR("");
    return true;
}

static void check(const struct mq_action *action, const struct actor *actor, struct mq_faults *faults) {
    bool of_case = !mq_uuid_is_nil(&action->case_id), of_report = !mq_uuid_is_nil(&action->report);
    if (of_case == of_report)
        mq_fault_add(faults, of_case ? "/report" : "/case", of_case ? "names a report beside a case: which is meant" : "is missing: which case is acted on");
    else if (of_report && actor->department.s)
        mq_fault_add(faults, "/report", "is for the command centre to decide: name a case");
}

int mq_action_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_action action = { 0 };
    struct actor actor;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!actor_of(element->arrival->topic, &actor))
        return -EINVAL;
    if (element->bytes.n > MQ_REPORT_BYTES)
        mq_fault_add(faults, "", "must have at most %d bytes, has %zu", MQ_REPORT_BYTES, element->bytes.n);
    else if (mq_json_decode(&mq_action_object, element->bytes, &action, &document, faults))
        check(&action, &actor, faults);
    if (faults->count)
        return 1;
    /* a case that opens from a report has an id that follows from it; one that is split off gets a new one */
    struct mq_uuid opened = mq_uuid_is_nil(&action.report) ? mq_uuid_v7() : mq_uuid_case_of(&action.report);
    char id[MQ_UUID_TEXT];
    unsigned char sha256[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sha256, (const unsigned char *)element->bytes.s, element->bytes.n);
    mq_uuid_format(&opened, id);
    /* as the table knows it: 3.0 is an integer in JSON, and none to the database */
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer message = { 0 };
    mq_json_encode(&mq_action_object, &action, &message);
    mq_columns_text(row, (struct mq_str){ message.data, message.len });
    mq_columns_bytes(row, (struct mq_str){ (const char *)sha256, sizeof(sha256) });
    mq_columns_text(row, actor.account);
    mq_columns_optional(row, actor.department);
    mq_columns_text(row, actor.area);
    mq_columns_text(row, mq_str(id));
    return message.failed ? -ENOMEM : 0;
}

static void reply(struct mq_stage *stage, const struct mq_element *element, struct mq_str payload) {
    char topic[MQ_TOPIC_BYTES];
    struct actor actor;
    if (!actor_of(element->arrival->topic, &actor)
        || mq_topic_reply(element->arrival->response_topic, actor.account, MQ_STR("action"), topic) < 0)
        return;
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
    if (element->bytes.n <= MQ_REPORT_BYTES)
        mq_ignore(mq_json_decode(&mq_action_object, element->bytes, &action, &document, &ignored));
    char reason[280];
    const char *path = faults->fault[0].path;
    snprintf(reason, sizeof(reason), "%s%s%s", path, *path ? " " : "", faults->fault[0].message);
    struct mq_reply answer = { .v = MQ_FORMAT, .action = action.id, .reason = mq_str(reason) };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    mq_json_encode(&mq_reply_object, &answer, &text);
    reply(stage, element, (struct mq_str){ text.data, text.len });
}
