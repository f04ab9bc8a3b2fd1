/* SPDX-License-Identifier: Apache-2.0 */
/* Cells that several kinds of messages have. */
#include "cells.h"

#include "gcj02.h"
#include "mask.h"

#include <sodium.h>

bool mq_cells_sender(struct mq_str topic, struct mq_sender_of *out) {
    static const enum mq_topic devices[] = { MQ_TOPIC_FIELD_REPORT, MQ_TOPIC_FIELD_VISIT, MQ_TOPIC_FIELD_ANSWER };
    struct mq_topic_parts parts;
    *out = (struct mq_sender_of){ .role = MQ_STR("device") };
    for (size_t i = 0; i < MQ_LENGTH(devices); i++)
        if (mq_topic_parse(devices[i], topic, &parts)) {
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

bool mq_cells_decode(const struct mq_object *object, const struct mq_element *element, void *out, struct mq_document **document,
                     struct mq_faults *faults) {
    if (element->bytes.n <= MQ_REPORT_BYTES)
        return mq_json_decode(object, element->bytes, out, document, faults);
    mq_fault_add(faults, "", "must have at most %d bytes, has %zu", MQ_REPORT_BYTES, element->bytes.n);
    return false;
}

void mq_cells_uuid(struct mq_columns *row, const struct mq_uuid *id) {
    char text[MQ_UUID_TEXT];
    mq_uuid_format(id, text);
    mq_columns_optional(row, mq_uuid_is_nil(id) ? (struct mq_str){ NULL, 0 } : mq_str(text));
}

void mq_cells_hash(struct mq_columns *row, struct mq_str bytes) {
    unsigned char sha256[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(sha256, (const unsigned char *)bytes.s, bytes.n);
    mq_columns_bytes(row, (struct mq_str){ (const char *)sha256, sizeof(sha256) });
}

void mq_cells_location(struct mq_ingest *ingest, const struct mq_location *location, struct mq_columns *row) {
    if (!location) {
        mq_columns_null(row);
        mq_columns_null(row);
        mq_columns_null(row);
        return;
    }
    double lat = location->lat, lon = location->lon;
    bool gcj02 = location->datum > 0;
    if (gcj02)
        mq_gcj02_to_wgs84(&lat, &lon);
    mq_columns_number(row, lat);
    mq_columns_number(row, lon);
    struct mq_buffer *given = &ingest->scratch[0];
    mq_buffer_reset(given, 4096);
    mq_buffer_printf(given, "{\"lat\":%.9g,\"lon\":%.9g,\"accuracy_m\":%.6g,\"datum\":\"%s\"}", location->lat, location->lon,
                     location->accuracy_m, gcj02 ? "gcj02" : "wgs84");
    mq_columns_text(row, (struct mq_str){ given->data, given->len });
}

void mq_cells_attachments(struct mq_ingest *ingest, const struct mq_array *attachments, struct mq_columns *row) {
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

void mq_cells_text(struct mq_ingest *ingest, struct mq_str text, const struct mq_subject *subject, struct mq_columns *row) {
    struct mq_buffer *masked = &ingest->scratch[2];
    mq_buffer_reset(masked, MQ_REPORT_BYTES);
    bool differs = mq_mask(text, subject, masked);
    mq_columns_optional(row, text);
    mq_columns_optional(row, differs ? (struct mq_str){ masked->data, masked->len } : (struct mq_str){ NULL, 0 });
}

int mq_cells_subject(struct mq_ingest *ingest, const struct mq_uuid *id, struct mq_str raw, struct mq_columns *row) {
    if (!raw.n) {
        mq_columns_null(row);
        mq_columns_null(row);
        return 0;
    }
    struct mq_buffer *sealed = &ingest->scratch[1];
    mq_buffer_reset(sealed, 4096);
    struct mq_str context = { (const char *)id->bytes, sizeof(id->bytes) };
    int r = mq_seal_close(ingest->seal, raw, context, sealed);
    mq_columns_bytes(row, (struct mq_str){ sealed->data, sealed->len });
    mq_columns_text(row, mq_str(mq_seal_key_id(ingest->seal)));
    return r;
}

void mq_cells_trace(const struct mq_arrival *arrival, struct mq_columns *row) {
    char trace[MQ_TRACEPARENT_TEXT];
    if (mq_traceparent_valid(arrival->traceparent)) {
        mq_columns_text(row, arrival->traceparent);
        return;
    }
    mq_traceparent_new(trace);
    mq_columns_text(row, mq_str(trace));
}
