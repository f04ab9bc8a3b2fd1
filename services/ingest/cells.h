/* SPDX-License-Identifier: Apache-2.0 */
/* What messages of the field have in common on their way into a row: sender, hash, place, attachments, masking, sealing. Each
 * function adds the cells that its comment names, in that order. */
#ifndef MQ_CELLS_H
#define MQ_CELLS_H

#include "ingest.h"

/* The sender as the topic says, which the broker has checked. */
struct mq_sender_of {
    struct mq_str account, role;
    struct mq_str area; /* that the command centre's topic names; absent for a device */
};

/* False: no topic that ingest takes. */
MQ_MUST_CHECK bool mq_cells_sender(struct mq_str topic, struct mq_sender_of *out);

/* Adds faults where the message is too long or not `object`; true: *out was decoded. */
MQ_MUST_CHECK bool mq_cells_decode(const struct mq_object *object, const struct mq_element *element, void *out,
                                   struct mq_document **document, struct mq_faults *faults);

/* One: the id; null for the nil one. */
void mq_cells_uuid(struct mq_columns *row, const struct mq_uuid *id);

/* One: SHA-256 of the bytes. */
void mq_cells_hash(struct mq_columns *row, struct mq_str bytes);

/* Three: lat and lon in WGS 84, and the location as it was given (JSON); null without one. */
void mq_cells_location(struct mq_ingest *ingest, const struct mq_location *location, struct mq_columns *row);

/* One: hashes joined by commas; null for none. */
void mq_cells_attachments(struct mq_ingest *ingest, const struct mq_array *attachments, struct mq_columns *row);

/* Two: the text, and the text masked; null where there is nothing, or nothing to mask. `subject` may be NULL. */
void mq_cells_text(struct mq_ingest *ingest, struct mq_str text, const struct mq_subject *subject, struct mq_columns *row);

/* Two: `raw` sealed and bound to the id, and the name of the key; null where raw is empty. 0 or negative errno. */
MQ_MUST_CHECK int mq_cells_subject(struct mq_ingest *ingest, const struct mq_uuid *id, struct mq_str raw, struct mq_columns *row);

/* One: the trace that the message belongs to, a new one where it brought none. */
void mq_cells_trace(const struct mq_arrival *arrival, struct mq_columns *row);

#endif
