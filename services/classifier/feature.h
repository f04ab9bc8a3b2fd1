/* SPDX-License-Identifier: Apache-2.0 */
/* Features of a text: hashed n-grams of its symbols. The same in training and prediction, on every machine. */
#ifndef MQ_FEATURE_H
#define MQ_FEATURE_H

#include "fold.h"

#define MQ_FEATURE_ORDER 2                                         /* symbols in the longest n-gram */
#define MQ_FEATURES ((size_t)MQ_FEATURE_ORDER * (MQ_FOLD_SYMBOLS + 2)) /* of one text at most */

struct mq_feature {
    uint32_t hash;
    uint16_t first;  /* symbol at which it begins */
    uint16_t length; /* symbols */
};

/* Writes the features of `n` symbols, in the order of the text, repeated ones repeatedly; returns how many. */
size_t mq_features(const struct mq_symbol *symbols, size_t n, struct mq_feature *out);

/* Logarithmic term frequency: 1 + ln(count), from a table for small counts. */
float mq_feature_frequency(uint32_t count);

#endif
