/* SPDX-License-Identifier: Apache-2.0 */
/* Texts as sparse vectors: every feature of the corpus once, and for a set of texts to learn from the vocabulary worth keeping. */
#ifndef MQ_VECTORS_H
#define MQ_VECTORS_H

#include "corpus.h"

#include <linear.h>

/* One feature in one text. */
struct mq_term {
    uint32_t feature;
    uint32_t count;
};

/* The terms of all texts of a corpus; features are numbered in order of appearance. */
struct mq_terms {
    struct mq_term *terms;
    size_t *begin;       /* of text i: begin[i] … begin[i + 1] */
    size_t count;        /* texts */
    uint32_t *length;    /* of each text, in symbols */
    uint32_t *hashes;    /* of each feature */
    size_t feature_count;
};

MQ_MUST_CHECK int mq_terms_init(struct mq_terms *terms, const struct mq_corpus *corpus);
void mq_terms_deinit(struct mq_terms *terms);

/* What is kept of the features: those in at least min_count of the texts learned from. */
struct mq_vocabulary {
    uint32_t *row;      /* of each feature; UINT32_MAX: not kept */
    float *idf;         /* of each row */
    uint32_t *features; /* of each row */
    size_t rows;
    float unknown_idf;  /* what a feature that was not kept counts in a text's length */
};

/* `chosen[i]`: text i is learned from. */
MQ_MUST_CHECK int mq_vocabulary_init(struct mq_vocabulary *vocabulary, const struct mq_terms *terms, const bool *chosen,
                                     unsigned min_count);
void mq_vocabulary_deinit(struct mq_vocabulary *vocabulary);

/* What a term adds to a text's square length, and its value before the text is scaled to length 1. */
float mq_term_square(const struct mq_vocabulary *vocabulary, struct mq_term term);
float mq_term_value(const struct mq_vocabulary *vocabulary, struct mq_term term);

/* The vectors of the chosen texts for LIBLINEAR: rows from 1, a bias of 1 last. `nodes` and `x` belong to the caller of
 * mq_vectors_deinit; x has one entry for each text, NULL where it is not chosen. */
struct mq_vectors {
    struct feature_node *nodes;
    struct feature_node **x;
    size_t node_count;
    int dimensions; /* bias included */
};

MQ_MUST_CHECK int mq_vectors_init(struct mq_vectors *vectors, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary,
                                  const bool *chosen);
void mq_vectors_deinit(struct mq_vectors *vectors);

#endif
