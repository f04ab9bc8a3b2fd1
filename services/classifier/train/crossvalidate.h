/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-validation: scores of every text by models that did not learn from it. */
#ifndef MQ_CROSSVALIDATE_H
#define MQ_CROSSVALIDATE_H

#include "calibrate.h"
#include "learn.h"
#include "outcome.h"

#include <limits.h>

/* fold_of a text that no model may learn from. */
#define MQ_HELD_OUT UINT_MAX

/* scores[text][mq_column_count]: owned by the caller (free). */
MQ_MUST_CHECK int mq_crossvalidate(const struct mq_corpus *corpus, const struct mq_terms *terms, const unsigned *fold_of, unsigned folds,
                                   const struct mq_learn_options *options, float **scores);

/* Outcomes of scores by a calibration that was fitted without the text's fold, so that the figures are honest about it too.
 * `outcomes` has one entry for each text. */
MQ_MUST_CHECK int mq_crossvalidate_outcomes(const struct mq_unseen *unseen, const struct mq_shape *shape,
                                            const struct mq_model_label *kinds, const unsigned *fold_of, unsigned folds,
                                            struct mq_outcome *outcomes);

/* The same for texts set apart: outcomes by a correction (mq_recalibrate) that was fitted without the text's fold. */
MQ_MUST_CHECK int mq_crossvalidate_correction(const struct mq_unseen *apart, const struct mq_shape *shape,
                                              const struct mq_model_label *kinds, const struct mq_calibration *uncorrected,
                                              unsigned folds, struct mq_outcome *outcomes);

#endif
