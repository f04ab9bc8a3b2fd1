/* SPDX-License-Identifier: Apache-2.0 */
/* Folds for cross-validation: near-duplicates never part, and a kind is spread over all folds. */
#ifndef MQ_FOLDS_H
#define MQ_FOLDS_H

#include "corpus.h"

#define MQ_NEAR_DUPLICATE 0.6 /* shared share of character bigrams */

typedef void (*mq_pair_fn)(void *context, size_t a, size_t b, double overlap);

/* Calls fn for each pair of texts whose bigrams overlap by more than MQ_NEAR_DUPLICATE (Jaccard). */
MQ_MUST_CHECK int mq_near_duplicates(const struct mq_corpus *corpus, mq_pair_fn fn, void *context);

/* Writes the fold of each text. Neighbours in the corpus (which one person wrote in one go) are kept together where that
 * leaves every fold with its share of every kind. */
MQ_MUST_CHECK int mq_folds(const struct mq_corpus *corpus, unsigned folds, unsigned *fold_of);

#endif
