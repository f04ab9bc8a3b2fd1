/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of ingest: what is stored is receipted and passed on, what is refused is receipted with its reason. */
#include "ingest.h"

#include "common/drill.h"
#include "sql.h"

#include <errno.h>

static const struct mq_statement store_reports = { "store_reports", mq_sql_store_reports, 22 };
static const struct mq_statement store_answers = { "store_answers", mq_sql_store_answers, 16 };
static const struct mq_statement store_visits = { "store_visits", mq_sql_store_visits, 20 };

/* What a receipt needs of a message that may be wrong: its id, if one can be read. */
static struct mq_uuid id_of(struct mq_str bytes) {
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

/* All three statements return the same columns. */
static int receipts(struct mq_stage *stage, const struct mq_element *elements, PGresult *result, enum mq_receipt_kind kind,
                    enum mq_topic next) {
    size_t answered = (size_t)PQntuples(result);
    mq_metrics_add(mq_stage_metrics(stage), MQ_METRIC_UNANSWERED, mq_stage_batch_rows(stage) - answered);
    for (int i = 0; i < PQntuples(result); i++) {
        const struct mq_element *element = &elements[mq_result_integer(result, i, 0)];
        const char *outcome = PQgetvalue(result, i, 1);
        if (outcome[0] == 'r') {
            struct mq_faults faults;
            faults.count = 0;
            mq_fault_add(&faults, PQgetvalue(result, i, 2), "%s", PQgetvalue(result, i, 3));
            mq_stage_put_aside(stage, element, &faults);
            continue;
        }
        bool accepted = outcome[0] == 'a';
        mq_metrics_add(mq_stage_metrics(stage), accepted ? MQ_METRIC_STORED : MQ_METRIC_DUPLICATE, 1);
        struct mq_uuid id;
        if (!mq_uuid_parse(mq_result_str(result, i, 5), &id))
            return -EINVAL;
        if (mq_drill_without(MQ_DEFENCE_UNIQUENESS))
            id = id_of(element->bytes);
        mq_ingest_receipt(stage, element, kind, &id, accepted ? MQ_ACCEPTED : MQ_DUPLICATE, NULL);
        if (accepted)
            mq_stage_pass(stage, next, mq_result_str(result, i, 4));
    }
    return 0;
}

static int encode_report(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    return receipts(stage, elements, result, MQ_RECEIPT_REPORT, MQ_TOPIC_STAGE_RECEIVED);
}

static int encode_answer(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    return receipts(stage, elements, result, MQ_RECEIPT_ANSWER, MQ_TOPIC_STAGE_ANSWERED);
}

static int encode_visit(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    return receipts(stage, elements, result, MQ_RECEIPT_VISIT, MQ_TOPIC_STAGE_ANSWERED);
}

static void refuse(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults, enum mq_receipt_kind kind) {
    struct mq_uuid id = mq_ingest_id_of(element->bytes);
    mq_ingest_receipt(stage, element, kind, &id, MQ_REJECTED, faults);
}

static void reject_report(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    refuse(stage, element, faults, MQ_RECEIPT_REPORT);
}

static void reject_answer(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    refuse(stage, element, faults, MQ_RECEIPT_ANSWER);
}

static void reject_visit(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    refuse(stage, element, faults, MQ_RECEIPT_VISIT);
}

const struct mq_route mq_ingest_routes[] = {
    { MQ_TOPIC_FIELD_REPORT, true, false, &store_reports, mq_report_decode, encode_report, reject_report, NULL },
    { MQ_TOPIC_COMMAND_REPORT, true, false, &store_reports, mq_report_decode, encode_report, reject_report, NULL },
    { MQ_TOPIC_FIELD_ANSWER, true, false, &store_answers, mq_answer_decode, encode_answer, reject_answer, NULL },
    { MQ_TOPIC_FIELD_VISIT, true, false, &store_visits, mq_visit_decode, encode_visit, reject_visit, NULL },
};
const size_t mq_ingest_route_count = MQ_LENGTH(mq_ingest_routes);

void mq_ingest_deinit(struct mq_ingest *ingest) {
    for (size_t i = 0; i < MQ_LENGTH(ingest->scratch); i++)
        mq_buffer_deinit(&ingest->scratch[i]);
    mq_seal_free(ingest->seal);
    mq_rate_free(ingest->rate);
}
