/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatcher: opens cases for classified reports, asks the command centre where the classifier is unsure, and does what desks and
 * command centre decide. */
#ifndef MQ_DISPATCHER_H
#define MQ_DISPATCHER_H

#include "common/message.h"
#include "common/stage.h"

/* Classified reports: dispatch.c. Actions of the command centre: action.c. */
int mq_dispatch_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_dispatch_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);
int mq_action_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_action_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);
void mq_action_reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);

#endif
