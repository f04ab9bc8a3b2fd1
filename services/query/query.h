/* SPDX-License-Identifier: Apache-2.0 */
/* Query: answers questions about cases, reports and figures, each with the eyes of the account that asks. */
#ifndef MQ_QUERY_H
#define MQ_QUERY_H

#include "common/message.h"
#include "common/seal.h"
#include "common/stage.h"

#define MQ_QUESTION_BYTES 16384 /* of a question, after which it is refused */

/* What the routes share; userdata of the stage. */
struct mq_query_service {
    struct mq_seal *seal;
};

/* Questions and answers: question.c. */
int mq_question_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_question_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);
void mq_question_reject(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);

/* The search index follows what the dispatcher did: index.c. */
int mq_index_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_index_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

/* Columns of query.sql. */
enum mq_answer_column { MQ_ANSWER_N, MQ_ANSWER_TEXT, MQ_ANSWER_SUBJECT, MQ_ANSWER_KEY, MQ_ANSWER_SEALED, MQ_ANSWER_CONTEXT };

/* Appends the answer to `subject` with the opened data of rows [first, end) as its member `subjects`: subject.c. What cannot be
 * opened is said so in its place. 0, -ENOMEM. Whoever sends it wipes `out` afterwards. */
MQ_MUST_CHECK int mq_subject_answer(const struct mq_seal *seal, struct mq_str answer, const PGresult *result, int first, int end,
                                    struct mq_buffer *out);

#endif
