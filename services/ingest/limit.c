/* SPDX-License-Identifier: Apache-2.0 */
/* How much one account may send. A device that runs wild is told so and shut out at the door, and nobody else notices. */
#include "cells.h"

#include "common/clock.h"
#include "common/log.h"

enum mq_admission mq_ingest_admit(void *userdata, const struct mq_arrival *arrival) {
    static const enum mq_admission admission[] = {
        [MQ_RATE_WITHIN] = MQ_ADMITTED,
        [MQ_RATE_OVER] = MQ_ADMITTED_OVER,
        [MQ_RATE_EXCESS] = MQ_TURNED_AWAY,
    };
    const struct mq_ingest *ingest = userdata;
    struct mq_sender_of from;
    /* an empty retained message is the echo of a copy being cleared, often by us */
    if ((arrival->retained && arrival->payload.n == 0) || !mq_cells_sender(arrival->topic, &from))
        return MQ_ADMITTED;
    return admission[mq_rate_take(ingest->rate, from.account, arrival->payload.n, arrival->arrived_us)];
}

static enum mq_receipt_kind kind_of(struct mq_str topic) {
    struct mq_topic_parts parts;
    if (mq_topic_parse(MQ_TOPIC_FIELD_VISIT, topic, &parts))
        return MQ_RECEIPT_VISIT;
    return mq_topic_parse(MQ_TOPIC_FIELD_ANSWER, topic, &parts) ? MQ_RECEIPT_ANSWER : MQ_RECEIPT_REPORT;
}

void mq_ingest_later(struct mq_stage *stage, const struct mq_element *element) {
    struct mq_uuid id = mq_ingest_id_of(element->bytes);
    struct mq_sender_of from;
    if (mq_cells_sender(element->arrival->topic, &from))
        mq_log_limited("over-rate", 60000, MQ_WARNING, "account %.*s sends more than it may: it is told to send later, and what is far above is "
                       "thrown away; lock it, or raise account_rate or account_bytes", (int)from.account.n, from.account.s);
    struct mq_faults faults;
    faults.count = 0;
    mq_fault_add(&faults, "", "this account sends more than it may: keep it and send it again later");
    mq_ingest_receipt(stage, element, kind_of(element->arrival->topic), &id, MQ_LATER, &faults);
}
