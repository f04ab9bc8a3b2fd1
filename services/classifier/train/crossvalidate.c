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

/* Texts outside one fold, side by side in memory of their own. */
struct part {
    float *scores;
    struct mq_example *examples;
    uint32_t *symbols;
    struct mq_unseen unseen;
};

static void part_deinit(struct part *part) {
    free(part->scores);
    free(part->examples);
    free(part->symbols);
}

static int part_init(struct part *part, const struct mq_unseen *whole, size_t columns, const unsigned *fold_of, unsigned fold) {
    size_t n = 0;
    *part = (struct part){ .scores = malloc((whole->count * columns + 1) * sizeof(*part->scores)),
                           .examples = malloc((whole->count + 1) * sizeof(*part->examples)),
                           .symbols = malloc((whole->count + 1) * sizeof(*part->symbols)) };
    if (!part->scores || !part->examples || !part->symbols) {
        part_deinit(part);
        return -ENOMEM;
    }
    for (size_t i = 0; i < whole->count; i++) {
        if (fold_of[i] == fold)
            continue;
        memcpy(part->scores + n * columns, whole->scores + i * columns, columns * sizeof(*part->scores));
        part->symbols[n] = whole->symbols[i];
        part->examples[n++] = whole->examples[i];
    }
    part->unseen = (struct mq_unseen){ part->examples, part->scores, part->symbols, n, whole->labels };
    return 0;
}

/* From the texts outside one fold to a calibration, which holds `begin` at first. */
typedef int (*calibrate_fn)(const struct mq_unseen *part, const struct mq_shape *shape, const struct mq_model_label *kinds,
                            struct mq_calibration *calibration);

static int outcomes_by(calibrate_fn calibrate, const struct mq_calibration *begin, const struct mq_unseen *unseen,
                       const struct mq_shape *shape, const struct mq_model_label *kinds, const unsigned *fold_of, unsigned folds,
                       struct mq_outcome *outcomes) {
    size_t columns = mq_column_count(shape);
    for (unsigned f = 0; f < folds; f++) {
        struct mq_calibration calibration = *begin;
        struct mq_mixed mixed;
        struct part part;
        int r = part_init(&part, unseen, columns, fold_of, f);
        if (r < 0)
            return r;
        r = calibrate(&part.unseen, shape, kinds, &calibration);
        part_deinit(&part);
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

int mq_crossvalidate_outcomes(const struct mq_unseen *unseen, const struct mq_shape *shape, const struct mq_model_label *kinds,
                              const unsigned *fold_of, unsigned folds, struct mq_outcome *outcomes) {
    struct mq_calibration none = { 0 };
    return outcomes_by(mq_calibrate, &none, unseen, shape, kinds, fold_of, folds, outcomes);
}

int mq_crossvalidate_correction(const struct mq_unseen *apart, const struct mq_shape *shape, const struct mq_model_label *kinds,
                                const struct mq_calibration *uncorrected, unsigned folds, struct mq_outcome *outcomes) {
    unsigned *fold_of = malloc((apart->count + 1) * sizeof(*fold_of));
    if (!fold_of)
        return -ENOMEM;
    for (size_t i = 0; i < apart->count; i++)
        fold_of[i] = (unsigned)(i % folds);
    int r = outcomes_by(mq_recalibrate, uncorrected, apart, shape, kinds, fold_of, folds, outcomes);
    free(fold_of);
    return r;
}
