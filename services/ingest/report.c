/* SPDX-License-Identifier: Apache-2.0 */
/* Reports: from the wire into the table, receipts back, elements on. */
#include "ingest.h"

#include "gcj02.h"
#include "mask.h"
#include "sql.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>

static const struct mq_statement store_reports = { "store_reports", mq_sql_store_reports, 22 };

/* The sender as the topic says, which the broker has checked. */
struct sender {
    struct mq_str account, role, area;
    char area_text[12];
};

static bool sender_of(struct mq_str topic, struct sender *out) {
    struct mq_topic_parts parts;
    *out = (struct sender){ .role = MQ_STR("device") };
    if (mq_topic_parse(MQ_TOPIC_FIELD_REPORT, topic, &parts)) {
        out->account = parts.part[0];
        return true;
    }
    if (!mq_topic_parse(MQ_TOPIC_COMMAND_REPORT, topic, &parts))
        return false;
    out->account = parts.part[2];
    out->role = MQ_STR("operator");
    out->area = mq_str_equal(parts.part[1], MQ_STR("all")) ? parts.part[0] : parts.part[1];
    return true;
}

static void location_cells(struct mq_ingest *ingest, const struct mq_report *report, struct mq_columns *row) {
    if (!report->has_location) {
        mq_columns_null(row);
        mq_columns_null(row);
        mq_columns_null(row);
        return;
    }
    double lat = report->location.lat, lon = report->location.lon;
    bool gcj02 = report->location.datum > 0;
    if (gcj02)
        mq_gcj02_to_wgs84(&lat, &lon);
    mq_columns_number(row, lat);
    mq_columns_number(row, lon);
    struct mq_buffer *given = &ingest->scratch[0];
    mq_buffer_reset(given, 4096);
    mq_buffer_printf(given, "{\"lat\":%.9g,\"lon\":%.9g,\"accuracy_m\":%.6g,\"datum\":\"%s\"}", report->location.lat, report->location.lon,
                     report->location.accuracy_m, gcj02 ? "gcj02" : "wgs84");
    mq_columns_text(row, (struct mq_str){ given->data, given->len });
}

static void attachments_cell(struct mq_ingest *ingest, const struct mq_array *attachments, struct mq_columns *row) {
    struct mq_buffer *joined = &ingest->scratch[0];
    mq_buffer_reset(joined, 4096);
    const struct mq_str *hash = attachments->items;
    for (size_t i = 0; i < attachments->count; i++) {
        if (i)
            mq_buffer_append_char(joined, ',');
        mq_buffer_append_str(joined, hash[i]);
    }
    mq_columns_optional(row, (struct mq_str){ joined->data, joined->len });
}

static int subject_cells(struct mq_ingest *ingest, const struct mq_report *report, struct mq_columns *row) {
    if (!report->has_subject) {
        mq_columns_null(row);
        mq_columns_null(row);
        return 0;
    }
    struct mq_buffer *sealed = &ingest->scratch[1];
    mq_buffer_reset(sealed, 4096);
    struct mq_str context = { (const char *)report->id.bytes, sizeof(report->id.bytes) };
    int r = mq_seal_close(ingest->seal, report->subject_raw, context, sealed);
    mq_columns_bytes(row, (struct mq_str){ sealed->data, sealed->len });
    mq_columns_text(row, mq_str(mq_seal_key_id(ingest->seal)));
    return r;
}

static int append_row(struct mq_ingest *ingest, const struct mq_element *element, const struct sender *from,
                      const struct mq_report *report, struct mq_columns *row) {
    char id[MQ_UUID_TEXT], trace[MQ_TRACEPARENT_TEXT];
    unsigned char sha256[crypto_hash_sha256_BYTES];
    mq_uuid_format(&report->id, id);
    crypto_hash_sha256(sha256, (const unsigned char *)element->bytes.s, element->bytes.n);
    struct mq_buffer *masked = &ingest->scratch[2];
    mq_buffer_reset(masked, MQ_REPORT_BYTES);
    bool differs = mq_mask(report->text, report->has_subject ? &report->subject : NULL, masked);

    mq_columns_text(row, mq_str(id));
    mq_columns_text(row, from->account);
    mq_columns_text(row, from->role);
    mq_columns_optional(row, from->area);
    mq_columns_text(row, report->observed_at);
    mq_columns_text(row, report->text);
    mq_columns_optional(row, differs ? (struct mq_str){ masked->data, masked->len } : (struct mq_str){ NULL, 0 });
    mq_columns_bytes(row, (struct mq_str){ (const char *)sha256, sizeof(sha256) });
    mq_columns_optional(row, report->area);
    location_cells(ingest, report, row);
    mq_columns_optional(row, report->domain >= 0 ? mq_str(mq_domain_words[report->domain]) : (struct mq_str){ NULL, 0 });
    mq_columns_optional(row, report->kind);
    if (report->has_severity)
        mq_columns_integer(row, report->severity);
    else
        mq_columns_null(row);
    mq_columns_optional(row, report->origin >= 0 ? mq_str(mq_origin_words[report->origin]) : (struct mq_str){ NULL, 0 });
    attachments_cell(ingest, &report->attachments, row);
    int r = subject_cells(ingest, report, row);
    mq_columns_optional(row, report->extra);
    if (mq_traceparent_valid(element->arrival->traceparent)) {
        mq_columns_text(row, element->arrival->traceparent);
    } else {
        mq_traceparent_new(trace);
        mq_columns_text(row, mq_str(trace));
    }
    return r;
}

static int decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_report report = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct sender from;
    if (!sender_of(element->arrival->topic, &from))
        return -EINVAL;
    if (element->arrival->retained)
        mq_fault_add(faults, "", "reports must not be retained: publish without the retain flag");
    else if (element->bytes.n > MQ_REPORT_BYTES)
        mq_fault_add(faults, "", "must have at most %d bytes, has %zu", MQ_REPORT_BYTES, element->bytes.n);
    else if (mq_json_decode(&mq_report_object, element->bytes, &report, &document, faults)) {
        const char *domain = report.domain >= 0 ? mq_domain_words[report.domain] : NULL;
        size_t n = domain ? strlen(domain) : 0;
        if (domain && report.kind.n && !(report.kind.n > n && memcmp(report.kind.s, domain, n) == 0 && report.kind.s[n] == '.'))
            mq_fault_add(faults, "/kind", "must be of domain %s", domain);
    }
    if (faults->count)
        return 1;
    return append_row(mq_stage_userdata(stage), element, &from, &report, row);
}

/* What a receipt needs of a message that may be wrong: its id, if one can be read. */
static struct mq_uuid id_of(const struct mq_element *element) {
    struct mq_report report = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults ignored;
    ignored.count = 0;
    /* faults were told; what could be read is there all the same */
    if (element->bytes.n <= MQ_REPORT_BYTES)
        mq_ignore(mq_json_decode(&mq_report_object, element->bytes, &report, &document, &ignored));
    return report.id;
}

static void reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    struct mq_uuid id = id_of(element);
    mq_ingest_receipt(stage, element, MQ_RECEIPT_REPORT, &id, MQ_REJECTED, faults);
}

static int encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    for (int i = 0; i < PQntuples(result); i++) {
        const struct mq_element *element = &elements[mq_result_integer(result, i, 0)];
        const char *outcome = PQgetvalue(result, i, 1);
        if (outcome[0] == 'r') {
            struct mq_faults faults;
            faults.count = 0;
            mq_fault_add(&faults, PQgetvalue(result, i, 2), "%s", PQgetvalue(result, i, 3));
            mq_stage_put_aside(stage, &mq_ingest_routes[0], element, &faults);
            continue;
        }
        bool accepted = outcome[0] == 'a';
        mq_metrics_add(mq_stage_metrics(stage), accepted ? MQ_METRIC_STORED : MQ_METRIC_DUPLICATE, 1);
        struct mq_uuid id;
        if (!mq_uuid_parse(mq_result_str(result, i, 5), &id))
            return -EINVAL;
        mq_ingest_receipt(stage, element, MQ_RECEIPT_REPORT, &id, accepted ? MQ_ACCEPTED : MQ_DUPLICATE, NULL);
        if (accepted)
            mq_stage_pass(stage, MQ_TOPIC_STAGE_RECEIVED, mq_result_str(result, i, 4));
    }
    return 0;
}

const struct mq_route mq_ingest_routes[] = {
    { MQ_TOPIC_FIELD_REPORT, true, false, &store_reports, decode, encode, reject, NULL },
    { MQ_TOPIC_COMMAND_REPORT, true, false, &store_reports, decode, encode, reject, NULL },
};
const size_t mq_ingest_route_count = MQ_LENGTH(mq_ingest_routes);

void mq_ingest_deinit(struct mq_ingest *ingest) {
    for (size_t i = 0; i < MQ_LENGTH(ingest->scratch); i++)
        mq_buffer_deinit(&ingest->scratch[i]);
    mq_seal_free(ingest->seal);
}
