/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of cases become deliveries. */
#include "webhook.h"

#include "common/log.h"
#include "common/message.h"

#include <signal.h>
#include <unistd.h>

int mq_deliver_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    (void)stage;
    struct mq_dispatched dispatched;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_dispatched_object, &dispatched, &document, faults))
        return 1;
    char ref[MQ_UUID_TEXT];
    mq_uuid_format(&dispatched.ref, ref);
    mq_columns_integer(row, dispatched.event);
    mq_columns_text(row, mq_str(ref));
    return 0;
}

int mq_deliver_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    struct mq_webhook *webhook = mq_stage_userdata(stage);
    int rows = PQntuples(result);
    mq_metrics_add(mq_stage_metrics(stage), MQ_METRIC_STORED, (uint64_t)rows);
    if (rows > 0)
        mq_sender_wake(webhook->sender);
    return 0;
}

void mq_deliver_tick(struct mq_stage *stage) {
    struct mq_webhook *webhook = mq_stage_userdata(stage);
    if (!webhook->sender && webhook->failed == 0)
        webhook->failed = mq_sender_start(&webhook->options, &webhook->sender);
    else if (webhook->sender && webhook->failed == 0)
        webhook->failed = mq_sender_failed(webhook->sender);
    if (webhook->sender)
        mq_sender_count(webhook->sender, mq_stage_metrics(stage));
    /* the loop's own way to a clean stop; main then says that it failed, and the supervisor starts anew */
    if (webhook->failed < 0) {
        mq_log_limited("sender-failed", 60000, MQ_ERROR, "the sender of webhooks ended: %s; the line before says why: 'sv restart webhook' or systemctl when mended", strerror(-webhook->failed));
        kill(getpid(), SIGTERM);
    }
}
