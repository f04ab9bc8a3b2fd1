/* SPDX-License-Identifier: Apache-2.0 */
/* Naive Bayes: what each feature says of each class by its count alone. It errs where logistic regression does not. */
#ifndef MQ_NAIVE_H
#define MQ_NAIVE_H

#include "vectors.h"

/* Adds share · ln(p(class | feature) / p(class)) of class c to weights[row * stride + c]. The texts are x[0…n - 1], of class y.
 * `smoothing`: how many texts the classes' own shares count as much as. */
MQ_MUST_CHECK int mq_naive_add(struct feature_node *const *x, const double *y, size_t n, size_t classes, size_t rows, double smoothing,
                               double share, float *weights, size_t stride);

/* How much each feature says for or against class 1: |ln odds ratio| plus a little. strength[rows + 1], the bias last, at 1. */
MQ_MUST_CHECK int mq_naive_strength(struct feature_node *const *x, const double *y, size_t n, size_t rows, double *strength);

#endif
