/* SPDX-License-Identifier: Apache-2.0 */
/* What officers answered, and visits. */
#include "dispatcher.h"

int mq_answered_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_answered answered;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_answered_object, &answered, &document, faults))
        return 1;
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&answered.id, id);
    mq_columns_text(row, mq_str(id));
    mq_columns_text(row, mq_str(mq_answered_words[answered.what]));
    return 0;
}
