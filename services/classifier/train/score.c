/* SPDX-License-Identifier: Apache-2.0 */
/* Scoring of models. */
#include "train.h"

#include "model_internal.h"

#include <errno.h>
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

bool mq_same_labels(const struct mq_model *model, const struct mq_labels *labels) {
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
    if (mq_same_labels(*out, labels))
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
