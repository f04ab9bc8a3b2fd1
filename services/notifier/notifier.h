/* SPDX-License-Identifier: Apache-2.0 */
/* Notifier: tells departments, command centre, reporters and operators what the present state is. */
#ifndef MQ_NOTIFIER_H
#define MQ_NOTIFIER_H

#include "common/message.h"
#include "common/stage.h"
#include "opened.h"

int mq_announce_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_announce_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

/* The settings that announcing has of its own, and what came with the elements of a batch; userdata of the stage. */
struct mq_notifier {
    int64_t status_expiry_ms; /* after which the broker forgets an unheard status */
    int64_t task_expiry_ms;
    int64_t stream_expiry_ms;
    struct mq_opened opened[MQ_BATCH_MESSAGES]; /* one place after the other, and round: no batch has more elements */
    size_t opened_count;
    struct mq_buffer payload; /* made of one of them */
};

#endif
