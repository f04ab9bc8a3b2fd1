/* SPDX-License-Identifier: Apache-2.0 */
/* Dispatcher: opens cases for classified reports or adds them to open ones, asks the command centre where the classifier is unsure, does
 * what desks, command centre and officers decide, and what the clock has to do. */
#ifndef MQ_DISPATCHER_H
#define MQ_DISPATCHER_H

#include "common/message.h"
#include "common/stage.h"

/* Classified reports: dispatch.c. Its encode passes on the events of any statement whose first column is an element. */
int mq_dispatch_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_dispatch_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

/* Actions of desks and of the command centre: action.c. */
int mq_action_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_action_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);
void mq_action_reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);

/* Answers of officers, and visits: answered.c. */
int mq_answered_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);

#endif
