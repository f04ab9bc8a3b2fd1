/* SPDX-License-Identifier: Apache-2.0 */
/* Visits: from the wire into a row, and on to the dispatcher. */
#include "cells.h"

#include <errno.h>

static int append_row(struct mq_ingest *ingest, const struct mq_element *element, const struct mq_sender_of *from,
                      const struct mq_visit *visit, struct mq_columns *row) {
    const struct mq_subject *subject = visit->has_subject ? &visit->subject : NULL;
    mq_cells_uuid(row, &visit->id);
    mq_columns_text(row, from->account);
    mq_columns_text(row, from->role);
    mq_columns_text(row, visit->observed_at);
    mq_cells_text(ingest, visit->text, subject, row);
    mq_cells_text(ingest, visit->service, subject, row);
    mq_cells_hash(row, element->bytes);
    mq_columns_optional(row, visit->area);
    mq_cells_location(ingest, visit->has_location ? &visit->location : NULL, row);
    mq_cells_uuid(row, &visit->task);
    mq_cells_attachments(ingest, &visit->attachments, row);
    int r = mq_cells_subject(ingest, &visit->id, subject ? visit->subject_raw : (struct mq_str){ NULL, 0 }, row);
    mq_columns_optional(row, visit->extra);
    mq_cells_trace(element->arrival, row);
    return r;
}

int mq_visit_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_visit visit = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_sender_of from;
    if (!mq_cells_sender(element->arrival->topic, &from))
        return -EINVAL;
    if (!mq_cells_decode(&mq_visit_object, element, &visit, &document, faults))
        return 1;
    return append_row(mq_stage_userdata(stage), element, &from, &visit, row);
}
