/* SPDX-License-Identifier: Apache-2.0 */
/* What prediction and explanation share. */
#ifndef MQ_MODEL_INTERNAL_H
#define MQ_MODEL_INTERNAL_H

#include "feature.h"
#include "model.h"
#include "model_format.h"

struct mq_model {
    const struct mq_model_header *header; /* the mapped file */
    size_t bytes;
    const struct mq_model_label *domains, *kinds;
    const struct mq_model_slot *index;
    const float *idf;
    const int8_t *weights;
    const struct mq_model_column *columns;
    const struct mq_model_seen *seen;
    struct mq_fold fold;
    char name[32];
};

struct mq_scratch {
    struct mq_symbol symbols[MQ_FOLD_SYMBOLS];
    struct mq_feature features[MQ_FEATURES];
    uint32_t row[MQ_FEATURES];      /* of each feature; MQ_MODEL_FREE: unknown */
    uint32_t touched[MQ_FEATURES];  /* rows of this text, each once */
    float symbol_weight[MQ_FOLD_SYMBOLS];
    size_t symbol_count, feature_count, touched_count;
    float scale;                    /* makes the text's vector of length 1 */
    struct mq_mixed mixed;
    int32_t *sums;                  /* [stride] */
    float *scores;                  /* [stride] */
    uint32_t *count;                /* [rows], zero between predictions */
};

/* Fills in which phrases spoke for the decision. */
void mq_explain(const struct mq_model *model, struct mq_scratch *scratch, struct mq_str text, struct mq_prediction *out);

/* The texts that the model was learned from, in no order. */
const struct mq_model_seen *mq_model_seen(const struct mq_model *model, size_t *count);

/* 64-bit hash of a text as it was folded: how `seen` knows it. */
uint64_t mq_model_text_hash(const struct mq_symbol *symbols, size_t n);

/* For measuring: the domain's number of a prediction, none being the last. */
size_t mq_model_domain_number(const struct mq_model *model, const struct mq_prediction *prediction);

#endif
