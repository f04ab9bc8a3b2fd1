/* SPDX-License-Identifier: Apache-2.0 */
/* Choice among alternatives, fitted: p(a) ∝ exp(Σ weight · feature(a)), the weights shared by all alternatives. */
#ifndef MQ_SOFTMAX_H
#define MQ_SOFTMAX_H

#include "common/base.h"

#define MQ_CHOICE_WEIGHTS 96

struct mq_choice {
    size_t rows, alternatives, weights;
    float *features; /* [row][alternative][weight] */
    int *chosen;     /* of each row; negative: the row is left out */
};

MQ_MUST_CHECK int mq_choice_init(struct mq_choice *choice, size_t rows, size_t alternatives, size_t weights);
void mq_choice_deinit(struct mq_choice *choice);
float *mq_choice_features(const struct mq_choice *choice, size_t row, size_t alternative);

/* Finds the weights of greatest likelihood by Newton's method, held towards zero by `ridge`; `weights` holds where to begin.
 * Returns the mean logarithmic loss. */
double mq_choice_fit(const struct mq_choice *choice, double ridge, double weights[MQ_CHOICE_WEIGHTS]);

#endif
