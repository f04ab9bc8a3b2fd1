/* SPDX-License-Identifier: Apache-2.0 */
/* Classified reports become cases. */
#include "dispatcher.h"

int mq_dispatch_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_classified classified;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_classified_object, &classified, &document, faults))
        return 1;
    char report[MQ_UUID_TEXT], opened[MQ_UUID_TEXT];
    struct mq_uuid case_id = mq_uuid_case_of(&classified.id);
    mq_uuid_format(&classified.id, report);
    mq_uuid_format(&case_id, opened);
    mq_columns_text(row, mq_str(report));
    mq_columns_text(row, mq_str(opened));
    return 0;
}

int mq_dispatch_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    int rows = PQntuples(result);
    mq_metrics_add(mq_stage_metrics(stage), MQ_METRIC_STORED, (uint64_t)rows);
    for (int i = 0; i < rows; i++)
        mq_stage_pass(stage, MQ_TOPIC_STAGE_DISPATCHED, mq_result_str(result, i, 0));
    return 0;
}
