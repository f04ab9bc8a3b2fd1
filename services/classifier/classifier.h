/* SPDX-License-Identifier: Apache-2.0 */
/* Classifier: what a report is about. */
#ifndef MQ_CLASSIFIER_H
#define MQ_CLASSIFIER_H

#include "common/message.h"
#include "common/stage.h"
#include "model.h"

/* userdata of the stage. */
struct mq_classifier {
    const char *model_path;
    struct mq_model *model;
    struct mq_scratch *scratch;
    struct mq_buffer because, words;
    int64_t modified_ns;  /* of the mapped file */
    uint64_t inode;
};

int mq_decide_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);
int mq_decide_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

/* Opens the model file when another one is in its place than is mapped; a bad one is refused with a log line and the mapped one
 * stays. 0 when a model is there. */
int mq_classifier_load(struct mq_classifier *classifier);
void mq_classifier_deinit(struct mq_classifier *classifier);

#endif
