/* SPDX-License-Identifier: Apache-2.0 */
/* The linear models: a column of weights for each question asked of a text. */
#ifndef MQ_LEARN_H
#define MQ_LEARN_H

#include "model_format.h"
#include "vectors.h"

/* Columns as model_format.h orders them. */
struct mq_weights {
    struct mq_shape shape;
    float *weights; /* [row][column] */
    float *bias;    /* [column] */
    size_t rows, columns;
};

/* What can be asked with these labels; severity where an example has one. */
struct mq_shape mq_corpus_shape(const struct mq_corpus *corpus);

struct mq_learn_options {
    double several_cost, kind_cost, severity_cost; /* LIBLINEAR's C */
    double naive_share;   /* of naive Bayes in what a kind says */
    unsigned min_count;   /* texts that a feature must be in */
    unsigned seed;
};

#define MQ_LEARN_DEFAULTS \
    { .several_cost = 30, .kind_cost = 40, .severity_cost = 10, .naive_share = 0.4, .min_count = 1, .seed = 1 }

/* Learns from the chosen texts. Deterministic: LIBLINEAR's rand() is seeded before each model. */
MQ_MUST_CHECK int mq_learn(const struct mq_corpus *corpus, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary,
                           const bool *chosen, const struct mq_learn_options *options, struct mq_weights *out);
void mq_weights_deinit(struct mq_weights *weights);

/* Scores of one text: scores[columns]. */
void mq_weights_score(const struct mq_weights *weights, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary,
                      size_t text, float *scores);

#endif
