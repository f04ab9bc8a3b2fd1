/* SPDX-License-Identifier: Apache-2.0 */
/* Cross-validation. */
#include "crossvalidate.h"

#include <errno.h>
#include <stdlib.h>

static int run_fold(const struct mq_corpus *corpus, const struct mq_terms *terms, const unsigned *fold_of, unsigned fold,
                    const struct mq_learn_options *options, bool *chosen, float *scores) {
    struct mq_vocabulary vocabulary;
    struct mq_weights weights;
    for (size_t i = 0; i < corpus->count; i++)
        chosen[i] = fold_of[i] != fold && fold_of[i] != MQ_HELD_OUT;
    int r = mq_vocabulary_init(&vocabulary, terms, chosen, options->min_count);
    if (r < 0)
        return r;
    r = mq_learn(corpus, terms, &vocabulary, chosen, options, &weights);
    for (size_t i = 0; r == 0 && i < corpus->count; i++)
        if (fold_of[i] == fold)
            mq_weights_score(&weights, terms, &vocabulary, i, scores + i * weights.columns);
    if (r == 0)
        mq_weights_deinit(&weights);
    mq_vocabulary_deinit(&vocabulary);
    return r;
}

int mq_crossvalidate(const struct mq_corpus *corpus, const struct mq_terms *terms, const unsigned *fold_of, unsigned folds,
                     const struct mq_learn_options *options, float **out) {
    struct mq_shape shape = mq_corpus_shape(corpus);
    float *scores = calloc(corpus->count * mq_column_count(&shape) + 1, sizeof(*scores));
    bool *chosen = calloc(corpus->count + 1, sizeof(*chosen));
    int r = scores && chosen ? 0 : -ENOMEM;
    for (unsigned f = 0; r == 0 && f < folds; f++)
        r = run_fold(corpus, terms, fold_of, f, options, chosen, scores);
    free(chosen);
    if (r < 0)
        free(scores);
    else
        *out = scores;
    return r;
}

/* The examples and scores outside one fold, side by side. */
static int calibrate_without(const struct mq_unseen *unseen, const struct mq_shape *shape, const struct mq_model_label *kinds,
                             const unsigned *fold_of, unsigned fold, struct mq_calibration *out) {
    size_t columns = mq_column_count(shape), n = 0;
    float *scores = malloc((unseen->count * columns + 1) * sizeof(*scores));
    struct mq_example *examples = malloc((unseen->count + 1) * sizeof(*examples));
    uint32_t *symbols = malloc((unseen->count + 1) * sizeof(*symbols));
    int r = scores && examples && symbols ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < unseen->count; i++) {
        if (fold_of[i] == fold)
            continue;
        memcpy(scores + n * columns, unseen->scores + i * columns, columns * sizeof(*scores));
        symbols[n] = unseen->symbols[i];
        examples[n++] = unseen->examples[i];
    }
    struct mq_unseen part = { examples, scores, symbols, n };
    if (r == 0)
        r = mq_calibrate(&part, shape, kinds, out);
    free(scores);
    free(examples);
    free(symbols);
    return r;
}

int mq_crossvalidate_outcomes(const struct mq_unseen *unseen, const struct mq_shape *shape, const struct mq_model_label *kinds,
                              const unsigned *fold_of, unsigned folds, struct mq_outcome *outcomes) {
    size_t columns = mq_column_count(shape);
    for (unsigned f = 0; f < folds; f++) {
        struct mq_calibration calibration;
        struct mq_mixed mixed;
        int r = calibrate_without(unseen, shape, kinds, fold_of, f, &calibration);
        if (r < 0)
            return r;
        for (size_t i = 0; i < unseen->count; i++) {
            if (fold_of[i] != f)
                continue;
            mq_mix(shape, kinds, &calibration, unseen->scores + i * columns, unseen->symbols[i], &mixed);
            outcomes[i] = mq_outcome_from(shape, &calibration, &mixed);
        }
    }
    return 0;
}
