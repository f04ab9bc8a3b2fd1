/* SPDX-License-Identifier: Apache-2.0 */
/* Webhook: other systems get the case by HTTP. The stage's loop makes deliveries (rows); a thread of its own sends them. */
#ifndef MQ_WEBHOOK_H
#define MQ_WEBHOOK_H

#include "common/stage.h"
#include "sender.h"

/* What the loop and the sender share; userdata of the stage. */
struct mq_webhook {
    struct mq_sender_options options;
    struct mq_sender *sender; /* begun by the first tick */
    int failed;               /* negative errno that kept it from beginning, or ended it */
};

/* Changes of cases become deliveries: deliver.c. */
int mq_deliver_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_deliver_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

/* Begins the sender, shows its counters in the stage's, and stops the service when the sender cannot go on. */
void mq_deliver_tick(struct mq_stage *stage);

#endif
