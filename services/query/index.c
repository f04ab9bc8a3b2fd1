/* SPDX-License-Identifier: Apache-2.0 */
/* The search index: reports of the cases that the dispatcher changed are put into it here, off the way of the reports themselves. */
#include "query.h"

int mq_index_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_dispatched dispatched;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_dispatched_object, &dispatched, &document, faults))
        return 1;
    mq_columns_integer(row, dispatched.event);
    return 0;
}

int mq_index_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)stage;
    (void)elements;
    (void)result;
    return 0;
}
