/* SPDX-License-Identifier: Apache-2.0 */
/* Conditional logistic regression by Newton's method. */
#include "softmax.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define STEPS 40
#define ENOUGH 1e-9 /* gain of likelihood a row below which a step changes nothing */

int mq_choice_init(struct mq_choice *choice, size_t rows, size_t alternatives, size_t weights) {
    *choice = (struct mq_choice){ rows, alternatives, weights, calloc(rows * alternatives * weights + 1, sizeof(float)),
                                  calloc(rows + 1, sizeof(int)) };
    if (choice->features && choice->chosen && weights <= MQ_CHOICE_WEIGHTS)
        return 0;
    mq_choice_deinit(choice);
    return -ENOMEM;
}

void mq_choice_deinit(struct mq_choice *choice) {
    free(choice->features);
    free(choice->chosen);
    *choice = (struct mq_choice){ 0 };
}

float *mq_choice_features(const struct mq_choice *choice, size_t row, size_t alternative) {
    return choice->features + (row * choice->alternatives + alternative) * choice->weights;
}

/* The sums of one pass. */
struct sums {
    double loss, gradient[MQ_CHOICE_WEIGHTS], curvature[MQ_CHOICE_WEIGHTS][MQ_CHOICE_WEIGHTS];
};

static void probabilities(const struct mq_choice *choice, size_t row, const double *weights, double *p) {
    double top = -INFINITY, sum = 0;
    for (size_t a = 0; a < choice->alternatives; a++) {
        const float *f = mq_choice_features(choice, row, a);
        p[a] = 0;
        for (size_t w = 0; w < choice->weights; w++)
            p[a] += weights[w] * (double)f[w];
        top = fmax(top, p[a]);
    }
    for (size_t a = 0; a < choice->alternatives; a++)
        sum += p[a] = exp(p[a] - top);
    for (size_t a = 0; a < choice->alternatives; a++)
        p[a] /= sum;
}

static void add_row(const struct mq_choice *choice, size_t row, const double *p, struct sums *sums) {
    size_t n = choice->weights;
    double mean[MQ_CHOICE_WEIGHTS] = { 0 };
    for (size_t a = 0; a < choice->alternatives; a++) {
        const float *f = mq_choice_features(choice, row, a);
        for (size_t i = 0; i < n; i++) {
            double weighted = p[a] * (double)f[i];
            mean[i] += weighted;
            for (size_t j = 0; weighted != 0 && j <= i; j++)
                sums->curvature[i][j] += weighted * (double)f[j];
        }
    }
    const float *f = mq_choice_features(choice, row, (size_t)choice->chosen[row]);
    for (size_t i = 0; i < n; i++) {
        sums->gradient[i] += (double)f[i] - mean[i];
        for (size_t j = 0; j <= i; j++)
            sums->curvature[i][j] -= mean[i] * mean[j];
    }
    sums->loss -= log(fmax(p[choice->chosen[row]], 1e-300));
}

static void pass(const struct mq_choice *choice, const double *weights, double ridge, double *p, struct sums *sums) {
    memset(sums, 0, sizeof(*sums));
    for (size_t row = 0; row < choice->rows; row++) {
        if (choice->chosen[row] < 0)
            continue;
        probabilities(choice, row, weights, p);
        add_row(choice, row, p, sums);
    }
    for (size_t i = 0; i < choice->weights; i++) {
        sums->loss += ridge * weights[i] * weights[i] / 2;
        sums->gradient[i] -= ridge * weights[i];
        sums->curvature[i][i] += ridge + 1e-9;
    }
}

/* Solves curvature · step = gradient by Cholesky's decomposition, in place. */
static void solve(struct sums *s, size_t n) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            double sum = s->curvature[i][j];
            for (size_t k = 0; k < j; k++)
                sum -= s->curvature[i][k] * s->curvature[j][k];
            s->curvature[i][j] = i == j ? sqrt(fmax(sum, 1e-12)) : sum / s->curvature[j][j];
        }
        for (size_t k = 0; k < i; k++)
            s->gradient[i] -= s->curvature[i][k] * s->gradient[k];
        s->gradient[i] /= s->curvature[i][i];
    }
    for (size_t i = n; i-- > 0;) {
        for (size_t k = i + 1; k < n; k++)
            s->gradient[i] -= s->curvature[k][i] * s->gradient[k];
        s->gradient[i] /= s->curvature[i][i];
    }
}

double mq_choice_fit(const struct mq_choice *choice, double ridge, double weights[MQ_CHOICE_WEIGHTS]) {
    size_t rows = 0;
    for (size_t row = 0; row < choice->rows; row++)
        rows += choice->chosen[row] >= 0;
    double *p = calloc(choice->alternatives + 1, sizeof(*p)), last = INFINITY;
    struct sums *sums = calloc(1, sizeof(*sums));
    if (!p || !sums || rows == 0) {
        free(p);
        free(sums);
        return 0;
    }
    double step[MQ_CHOICE_WEIGHTS] = { 0 };
    for (int i = 0; i < STEPS; i++) {
        pass(choice, weights, ridge, p, sums);
        if (sums->loss > last) {
            /* Too far: half way back, towards where it was better. */
            for (size_t w = 0; w < choice->weights; w++)
                weights[w] -= step[w] /= 2;
            continue;
        }
        if (last - sums->loss < ENOUGH * (double)rows)
            break;
        last = sums->loss;
        solve(sums, choice->weights);
        for (size_t w = 0; w < choice->weights; w++)
            weights[w] += step[w] = sums->gradient[w];
    }
    free(p);
    free(sums);
    return last / (double)rows;
}
