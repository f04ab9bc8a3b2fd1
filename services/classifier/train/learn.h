/* SPDX-License-Identifier: Apache-2.0 */
/* The linear models: one column of weights for each question that the classifier asks of a text. */
#ifndef MQ_LEARN_H
#define MQ_LEARN_H

#include "vectors.h"

/* Columns, in this order. */
struct mq_columns_plan {
    size_t direct;   /* first of the domains as one choice among all (none included, where it is a label) */
    size_t several;  /* first of the two-class models of each domain, which serve several labels (none included) */
    size_t kinds;    /* first of the kinds */
    size_t severity; /* first of: at least 2, at least 3, at least 4 */
    size_t count;
    size_t domains, kind_count, severities; /* how many of each */
};

struct mq_columns_plan mq_columns_plan(const struct mq_labels *labels, bool with_severity);

struct mq_weights {
    struct mq_columns_plan plan;
    float *weights; /* [row][column] */
    float *bias;    /* [column] */
    size_t rows;
};

struct mq_learn_options {
    double kind_cost, domain_cost, several_cost, severity_cost; /* LIBLINEAR's C */
    unsigned min_count;
    unsigned seed;
};

/* Learns from the chosen texts. Deterministic: LIBLINEAR's rand() is seeded before each model. */
MQ_MUST_CHECK int mq_learn(const struct mq_corpus *corpus, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary,
                           const bool *chosen, const struct mq_learn_options *options, struct mq_weights *out);
void mq_weights_deinit(struct mq_weights *weights);

/* Scores of one text: scores[plan.count]. */
void mq_weights_score(const struct mq_weights *weights, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary,
                      size_t text, float *scores);

#endif
