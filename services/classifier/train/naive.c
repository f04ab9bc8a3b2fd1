/* SPDX-License-Identifier: Apache-2.0 */
/* Naive Bayes. */
#include "naive.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define STRENGTH_LEAST 0.1

int mq_naive_add(struct feature_node *const *x, const double *y, size_t n, size_t classes, size_t rows, double smoothing, double share,
                 float *weights, size_t stride) {
    float *count = calloc(rows * classes + 1, sizeof(*count));
    double *of_class = calloc(classes + 1, sizeof(*of_class)), all = 0;
    int r = count && of_class ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < n; i++)
        for (const struct feature_node *node = x[i]; node->index != -1; node++)
            if ((size_t)node->index <= rows)
                count[((size_t)node->index - 1) * classes + (size_t)y[i]]++;
    for (size_t i = 0; r == 0 && i < rows * classes; i++) {
        of_class[i % classes] += (double)count[i];
        all += (double)count[i];
    }
    for (size_t row = 0; r == 0 && row < rows; row++) {
        double total = 0;
        for (size_t c = 0; c < classes; c++)
            total += (double)count[row * classes + c];
        for (size_t c = 0; c < classes; c++) {
            double prior = of_class[c] / all;
            double p = ((double)count[row * classes + c] + smoothing * prior) / (total + smoothing);
            if (prior > 0)
                weights[row * stride + c] += (float)(share * log(p / prior));
        }
    }
    free(count);
    free(of_class);
    return r;
}

int mq_naive_strength(struct feature_node *const *x, const double *y, size_t n, size_t rows, double *strength) {
    float *weights = calloc(2 * rows + 1, sizeof(*weights));
    int r = weights ? mq_naive_add(x, y, n, 2, rows, 1, 1, weights, 2) : -ENOMEM;
    for (size_t row = 0; r == 0 && row < rows; row++)
        strength[row] = fabs((double)weights[2 * row + 1] - (double)weights[2 * row]) + STRENGTH_LEAST;
    strength[rows] = 1;
    free(weights);
    return r;
}
