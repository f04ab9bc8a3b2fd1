/* SPDX-License-Identifier: Apache-2.0 */
/* Writing of the model file. */
#ifndef MQ_WRITE_MODEL_H
#define MQ_WRITE_MODEL_H

#include "learn.h"

/* What goes into a model. */
struct mq_model_parts {
    const struct mq_terms *terms;
    const struct mq_vocabulary *vocabulary;
    const struct mq_weights *weights;
    const struct mq_model_label *labels; /* domains, then kinds */
    const struct mq_calibration *calibration;
    const struct mq_model_seen *seen;
    size_t seen_count;
};

/* Puts the file in place whole: a temporary file beside it, then a rename. Negative errno after a line on standard error. */
MQ_MUST_CHECK int mq_write_model(const char *path, const struct mq_model_parts *parts);

#endif
