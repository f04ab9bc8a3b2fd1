/* SPDX-License-Identifier: Apache-2.0 */
/* Ingest: takes what the field and the command centre report, officers' answers and visits, stores it, answers with receipts, passes
 * it on. */
#ifndef MQ_INGEST_H
#define MQ_INGEST_H

#include "common/message.h"
#include "common/rate.h"
#include "common/seal.h"
#include "common/stage.h"

/* What the routes share; userdata of the stage. */
struct mq_ingest {
    struct mq_seal *seal;
    struct mq_rate *rate;    /* of accounts; Paho's thread alone uses it */
    int64_t retry_after_ms;  /* what `later` says */
    struct mq_buffer scratch[4]; /* reused from message to message */
};

extern const struct mq_route mq_ingest_routes[];
extern const size_t mq_ingest_route_count;

/* One row of the route's statement each: report.c, answer.c, visit.c. As mq_route.decode. */
int mq_report_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_answer_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_visit_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);

void mq_ingest_deinit(struct mq_ingest *ingest);

/* The limits of accounts: limit.c. As mq_service.admit and .later. */
enum mq_admission mq_ingest_admit(void *userdata, const struct mq_arrival *arrival);
void mq_ingest_later(struct mq_stage *stage, const struct mq_element *element);

/* The id of a message that may be wrong in all else, nil if none can be read. */
struct mq_uuid mq_ingest_id_of(struct mq_str bytes);

/* Answers the sender of `element` on its receipt topic (a device), or its reply topic (the command centre; a response topic that
 * is not its own is not used). `id` nil: none could be read. `faults` NULL or empty: none. */
void mq_ingest_receipt(struct mq_stage *stage, const struct mq_element *element, enum mq_receipt_kind kind, const struct mq_uuid *id,
                       enum mq_receipt_status status, const struct mq_faults *faults);

#endif
