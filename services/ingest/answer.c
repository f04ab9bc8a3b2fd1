/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of officers: from the wire into a row, and on to the dispatcher. */
#include "cells.h"

#include <errno.h>

static void append_row(struct mq_ingest *ingest, const struct mq_element *element, const struct mq_sender_of *from,
                       const struct mq_answer *answer, struct mq_columns *row) {
    mq_cells_uuid(row, &answer->id);
    mq_columns_text(row, from->account);
    mq_columns_text(row, from->role);
    mq_columns_text(row, answer->at);
    mq_cells_uuid(row, &answer->task);
    mq_cells_uuid(row, &answer->case_id);
    mq_columns_text(row, mq_str(mq_answer_words[answer->answer]));
    mq_columns_optional(row, answer->note);
    mq_cells_hash(row, element->bytes);
    mq_cells_location(ingest, answer->has_location ? &answer->location : NULL, row);
    mq_cells_attachments(ingest, &answer->attachments, row);
    mq_columns_optional(row, answer->extra);
    mq_cells_trace(element->arrival, row);
}

int mq_answer_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_answer answer = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_sender_of from;
    if (!mq_cells_sender(element->arrival->topic, &from))
        return -EINVAL;
    if (mq_cells_decode(&mq_answer_object, element, &answer, &document, faults))
        mq_answer_check(&answer, faults);
    if (faults->count)
        return 1;
    append_row(mq_stage_userdata(stage), element, &from, &answer, row);
    return 0;
}
