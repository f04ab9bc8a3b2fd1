/* SPDX-License-Identifier: Apache-2.0 */
/* Calibration: from scores of texts that a model had not seen to honest probabilities and thresholds. */
#ifndef MQ_CALIBRATE_H
#define MQ_CALIBRATE_H

#include "corpus.h"
#include "model_format.h"

#define MQ_TARGET_RIGHT 0.986 /* among what is dispatched: above the 97 in 100 that are wanted, for the texts it is fitted by are few */
#define MQ_RESTRICTED 1.5f    /* missing a report of a restricted domain, which others then see, is as bad as this many the other way */
#define MQ_TARGET_KIND 0.90   /* right among the kinds named */
#define MQ_TARGET_CRITICAL 0.87 /* of the critical texts that raise the alarm */

/* Labels as the model file keeps them: domains, then kinds, with the shares of severity that the corpus gives each kind. */
void mq_model_labels(const struct mq_corpus *corpus, const struct mq_shape *shape, struct mq_model_label *out);

/* Scores of texts by models that had not seen them. */
struct mq_unseen {
    const struct mq_example *examples;
    const float *scores;     /* [text][columns] */
    const uint32_t *symbols; /* of each text */
    size_t count;
    const struct mq_labels *labels;
};

/* Fits all of `out`. -ENOMEM. */
MQ_MUST_CHECK int mq_calibrate(const struct mq_unseen *unseen, const struct mq_shape *shape, const struct mq_model_label *kinds,
                               struct mq_calibration *out);

/* Corrects the confidence, and the threshold of dispatch, by texts that were set apart from the corpus, written as reports really come:
 * the corpus is a quarter hard by design, so that what is out of its folds makes a model look too unsure. Slope and intercept only.
 * Nothing changes where there are no such texts. -ENOMEM. */
MQ_MUST_CHECK int mq_recalibrate(const struct mq_unseen *apart, const struct mq_shape *shape, const struct mq_model_label *kinds,
                                 struct mq_calibration *calibration);

#endif
