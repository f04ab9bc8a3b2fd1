/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: from the wire into a row, and on to the classifier. */
#include "cells.h"

#include "common/drill.h"

#include <errno.h>

static int append_row(struct mq_ingest *ingest, const struct mq_element *element, const struct mq_sender_of *from,
                      const struct mq_report *report, struct mq_columns *row) {
    struct mq_uuid id = mq_drill_without(MQ_DEFENCE_UNIQUENESS) ? mq_uuid_v7() : report->id;
    mq_cells_uuid(row, &id);
    mq_columns_text(row, from->account);
    mq_columns_text(row, from->role);
    mq_columns_optional(row, from->area);
    mq_columns_text(row, report->observed_at);
    mq_cells_text(ingest, report->text, report->has_subject ? &report->subject : NULL, row);
    mq_cells_hash(row, element->bytes);
    mq_columns_optional(row, report->area);
    mq_cells_location(ingest, report->has_location ? &report->location : NULL, row);
    mq_columns_optional(row, report->domain >= 0 ? mq_str(mq_domain_words[report->domain]) : (struct mq_str){ NULL, 0 });
    mq_columns_optional(row, report->kind);
    if (report->has_severity)
        mq_columns_integer(row, report->severity);
    else
        mq_columns_null(row);
    mq_columns_optional(row, report->origin >= 0 ? mq_str(mq_origin_words[report->origin]) : (struct mq_str){ NULL, 0 });
    mq_cells_attachments(ingest, &report->attachments, row);
    int r = mq_cells_subject(ingest, &report->id, report->has_subject ? report->subject_raw : (struct mq_str){ NULL, 0 }, row);
    mq_columns_optional(row, report->extra);
    mq_cells_trace(element->arrival, row);
    return r;
}

static void check(const struct mq_report *report, struct mq_faults *faults) {
    const char *domain = report->domain >= 0 ? mq_domain_words[report->domain] : NULL;
    size_t n = domain ? strlen(domain) : 0;
    if (domain && report->kind.n && !(report->kind.n > n && memcmp(report->kind.s, domain, n) == 0 && report->kind.s[n] == '.'))
        mq_fault_add(faults, "/kind", "must be of domain %s", domain);
}

int mq_report_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_report report = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_sender_of from;
    if (!mq_cells_sender(element->arrival->topic, &from))
        return -EINVAL;
    if (mq_cells_decode(&mq_report_object, element, &report, &document, faults))
        check(&report, faults);
    if (faults->count)
        return 1;
    if (mq_drill_without(MQ_DEFENCE_COMMIT_FIRST))
        mq_ingest_receipt(stage, element, MQ_RECEIPT_REPORT, &report.id, MQ_ACCEPTED, NULL);
    return append_row(mq_stage_userdata(stage), element, &from, &report, row);
}
