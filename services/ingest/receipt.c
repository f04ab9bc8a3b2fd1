/* SPDX-License-Identifier: Apache-2.0 */
/* Receipts. */
#include "ingest.h"

#include "common/clock.h"

/* Where the answer goes: the device's receipt topic, or the command centre's reply topic. */
static bool receipt_topic(const struct mq_arrival *arrival, char topic[MQ_TOPIC_BYTES], int *qos) {
    struct mq_topic_parts parts;
    if (mq_topic_parse(MQ_TOPIC_COMMAND_REPORT, arrival->topic, &parts)) {
        *qos = 1;
        return mq_topic_reply(arrival->response_topic, parts.part[2], MQ_STR("receipt"), topic) == 0;
    }
    *qos = 0; /* a lost receipt costs one resend */
    return (mq_topic_parse(MQ_TOPIC_FIELD_REPORT, arrival->topic, &parts) || mq_topic_parse(MQ_TOPIC_FIELD_VISIT, arrival->topic, &parts)
            || mq_topic_parse(MQ_TOPIC_FIELD_ANSWER, arrival->topic, &parts))
           && mq_topic_format(MQ_TOPIC_FIELD_RECEIPT, parts.part, 1, topic) == 0;
}

struct mq_uuid mq_ingest_id_of(struct mq_str bytes) {
    struct id {
        struct mq_uuid id;
    } found = { 0 };
    static const struct mq_field fields[] = { { "id", MQ_UUID, offsetof(struct id, id) }, { .name = NULL } };
    static const struct mq_object object = { "id", sizeof(struct id), fields, 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults ignored;
    ignored.count = 0;
    if (bytes.n <= MQ_REPORT_BYTES)
        mq_ignore(mq_json_decode(&object, bytes, &found, &document, &ignored));
    return found.id;
}

void mq_ingest_receipt(struct mq_stage *stage, const struct mq_element *element, enum mq_receipt_kind kind, const struct mq_uuid *id,
                       enum mq_receipt_status status, const struct mq_faults *faults) {
    struct mq_ingest *ingest = mq_stage_userdata(stage);
    char topic[MQ_TOPIC_BYTES], at[MQ_TIME_TEXT];
    int qos;
    if (!receipt_topic(element->arrival, topic, &qos))
        return;
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), at);
    struct mq_error errors[MQ_FAULTS];
    size_t count = faults ? (faults->count < MQ_FAULTS ? faults->count : MQ_FAULTS) : 0;
    for (size_t i = 0; i < count; i++)
        errors[i] = (struct mq_error){ mq_str(faults->fault[i].path), mq_str(faults->fault[i].message) };
    struct mq_receipt receipt = {
        .v = MQ_FORMAT, .has_retry_after = status == MQ_LATER, .retry_after_s = (ingest->retry_after_ms + 999) / 1000, .kind = (int)kind, .status = (int)status, .id = *id, .errors = { errors, count }, .at = mq_str(at),
    };
    struct mq_buffer *text = &ingest->scratch[3];
    mq_buffer_reset(text, MQ_REPORT_BYTES);
    mq_json_encode(&mq_receipt_object, &receipt, text);
    struct mq_publication p = {
        .payload = { text->data, text->len }, .qos = qos, .correlation = element->arrival->correlation,
        .traceparent = element->arrival->traceparent,
    };
    mq_stage_publish(stage, topic, &p);
}
