/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring of models, and the comparison of a new one with the one in use. */
#include "train.h"

#include "model_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int mq_predict_all(const struct mq_model *model, const struct mq_corpus *corpus, struct mq_outcome *outcomes, double *seconds) {
    struct mq_scratch *scratch;
    struct mq_prediction prediction;
    int r = mq_scratch_new(model, &scratch);
    if (r < 0)
        return r;
    double began = mq_processor_seconds();
    for (size_t i = 0; i < corpus->count; i++) {
        mq_model_predict(model, scratch, corpus->examples[i].text, &prediction);
        outcomes[i] = mq_outcome_from(&model->header->shape, &model->header->calibration, &scratch->mixed);
    }
    *seconds = mq_processor_seconds() - began;
    mq_scratch_free(scratch);
    return 0;
}

/* Numbers in the model and in the corpus must mean the same labels. */
static bool same_labels(const struct mq_model *model, const struct mq_labels *labels) {
    const struct mq_shape *shape = &model->header->shape;
    if (shape->domains != labels->domain_count + labels->has_none || shape->kinds != labels->kind_count)
        return false;
    for (size_t d = 0; d < labels->domain_count; d++)
        if (strcmp(model->domains[d].name, labels->domains[d]) != 0)
            return false;
    for (size_t k = 0; k < labels->kind_count; k++)
        if (strcmp(model->kinds[k].name, labels->kinds[k]) != 0)
            return false;
    return true;
}

static int open_model(const char *path, const struct mq_labels *labels, struct mq_model **out) {
    char fault[200];
    int r = mq_model_open(path, out, fault);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, fault);
        return r;
    }
    if (same_labels(*out, labels))
        return 0;
    fprintf(stderr, "%s: its labels are not those of the catalogue\n", path);
    mq_model_free(*out);
    *out = NULL;
    return -EINVAL;
}

int mq_score(const struct mq_train_options *options) {
    struct mq_corpus corpus = { 0 };
    struct mq_model *model = NULL;
    struct mq_outcome *outcomes = NULL;
    struct mq_figures figures;
    double seconds = 0;
    int r = mq_corpus_catalogue(&corpus, options->catalogue);
    if (r == 0)
        r = mq_corpus_add(&corpus, options->score);
    if (r == 0)
        r = open_model(options->model, &corpus.labels, &model);
    if (r == 0 && !(outcomes = calloc(corpus.count + 1, sizeof(*outcomes))))
        r = -ENOMEM;
    if (r == 0)
        r = mq_predict_all(model, &corpus, outcomes, &seconds);
    if (r == 0) {
        mq_figures(&corpus.labels, corpus.examples, outcomes, corpus.count, &figures);
        figures.per_second = seconds > 0 ? (double)corpus.count / seconds : 0;
        if (options->json)
            mq_figures_json(&corpus.labels, &figures, stdout);
        else
            mq_figures_print(&corpus.labels, &figures, false, stdout);
    }
    free(outcomes);
    mq_model_free(model);
    mq_corpus_deinit(&corpus);
    return r;
}

static int by_text(const void *a, const void *b) {
    const struct mq_model_seen *x = a, *y = b;
    return x->text < y->text ? -1 : x->text > y->text;
}

/* What the model in use had to say of each text: where it learned from it, what it said before that. */
static int earlier_outcomes(const struct mq_model *model, const struct mq_corpus *corpus, struct mq_outcome *outcomes) {
    size_t count;
    double seconds;
    const struct mq_model_seen *seen = mq_model_seen(model, &count);
    struct mq_model_seen *sorted = malloc((count + 1) * sizeof(*sorted));
    struct mq_symbol *symbols = malloc(MQ_FOLD_SYMBOLS * sizeof(*symbols));
    int r = sorted && symbols ? mq_predict_all(model, corpus, outcomes, &seconds) : -ENOMEM;
    if (r == 0) {
        memcpy(sorted, seen, count * sizeof(*sorted));
        qsort(sorted, count, sizeof(*sorted), by_text);
    }
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        struct mq_model_seen key = { .text = mq_model_text_hash(symbols, mq_fold_text(&model->fold, corpus->examples[i].text, symbols)) };
        const struct mq_model_seen *known = bsearch(&key, sorted, count, sizeof(*sorted), by_text);
        if (known && known->domain < model->header->shape.domains) {
            outcomes[i].domain = (int)known->domain;
            outcomes[i].probability = (double)known->probability;
        }
    }
    free(sorted);
    free(symbols);
    return r;
}

int mq_compare(const char *path, const struct mq_corpus *corpus, const struct mq_outcome *outcomes) {
    struct mq_model *model = NULL;
    char fault[200];
    int r = mq_model_open(path, &model, fault);
    if (r < 0) {
        printf("in use: %s: %s; nothing to compare with\n", path, fault);
        return 0;
    }
    if (!same_labels(model, &corpus->labels)) {
        printf("in use: %s: of another catalogue; nothing to compare with\n", path);
        mq_model_free(model);
        return 0;
    }
    struct mq_outcome *earlier = calloc(corpus->count + 1, sizeof(*earlier));
    r = earlier ? earlier_outcomes(model, corpus, earlier) : -ENOMEM;
    size_t now = 0, before = 0, better = 0, worse = 0;
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        bool a = mq_outcome_right(&corpus->examples[i], &outcomes[i]), b = mq_outcome_right(&corpus->examples[i], &earlier[i]);
        now += a;
        before += b;
        better += a && !b;
        worse += b && !a;
    }
    if (r == 0) {
        /* A difference that chance makes one time in a hundred is none: a few corrected labels must not keep a model from being
         * renewed. */
        double doubt = 2.326 * sqrt((double)(better + worse));
        r = (double)worse - (double)better > doubt;
        printf("in use %s: right on %zu of %zu texts that neither had seen, this one on %zu (%zu gained, %zu lost): %s\n",
               mq_model_name(model), before, corpus->count, now, better, worse, r ? "worse" : "not worse");
    }
    free(earlier);
    mq_model_free(model);
    return r;
}
