/* SPDX-License-Identifier: Apache-2.0 */
/* Any labelled texts: for comparison with other classifiers on public data. */
#include "train.h"

#include "model_internal.h"
#include "write_model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is tried as LIBLINEAR's C: few texts want a small one, many a large one. */
static const double costs[] = { 1, 10 };

/* One learning task. */
struct task {
    const struct mq_corpus *corpus;
    const struct mq_train_options *options;
    struct mq_terms terms;
    struct mq_shape shape;
    struct mq_model_label labels[MQ_MODEL_DOMAINS];
    unsigned *fold_of;
    struct mq_learn_options learn;
    struct mq_calibration calibration;
};

/* Cross-validates one cost; keeps it and its calibration when it is right on more texts than `best`. */
static int try_cost(struct task *t, double cost, size_t *best) {
    struct mq_learn_options learn = t->options->learn;
    struct mq_calibration calibration = { .sharpness = 0 };
    float *scores = NULL;
    size_t right = 0;
    learn.several_cost = cost;
    int r = mq_crossvalidate(t->corpus, &t->terms, t->fold_of, t->options->folds, &learn, &scores);
    if (r < 0)
        return r;
    struct mq_unseen unseen = { t->corpus->examples, scores, t->terms.length, t->corpus->count, NULL };
    r = mq_calibrate(&unseen, &t->shape, t->labels + t->shape.domains, &calibration);
    for (size_t i = 0; r == 0 && i < unseen.count; i++) {
        struct mq_mixed mixed;
        mq_mix(&t->shape, t->labels, &calibration, scores + i * mq_column_count(&t->shape), unseen.symbols[i], &mixed);
        right += (int)mixed.best == unseen.examples[i].domain;
    }
    if (r == 0 && right > *best) {
        *best = right;
        t->learn = learn;
        t->calibration = calibration;
    }
    free(scores);
    return r;
}

static int choose_cost(struct task *t) {
    size_t best = 0;
    int r = mq_terms_init(&t->terms, t->corpus);
    for (size_t i = 0; r == 0 && i < MQ_LENGTH(costs); i++)
        r = try_cost(t, costs[i], &best);
    return r;
}

/* Learns from the whole corpus and writes the model. */
static int learn_and_write(struct task *t, const char *path, double *seconds) {
    struct mq_vocabulary vocabulary = { 0 };
    struct mq_weights weights = { 0 };
    bool *chosen = malloc(t->corpus->count + 1);
    double began = mq_processor_seconds();
    if (!chosen)
        return -ENOMEM;
    memset(chosen, true, t->corpus->count);
    mq_terms_deinit(&t->terms);
    int r = mq_terms_init(&t->terms, t->corpus);
    if (r == 0)
        r = mq_vocabulary_init(&vocabulary, &t->terms, chosen, t->learn.min_count);
    if (r == 0)
        r = mq_learn(t->corpus, &t->terms, &vocabulary, chosen, &t->learn, &weights);
    *seconds = mq_processor_seconds() - began;
    struct mq_model_parts parts = { .terms = &t->terms, .vocabulary = &vocabulary, .weights = &weights, .labels = t->labels,
                                    .calibration = &t->calibration };
    if (r == 0)
        r = mq_write_model(path, &parts);
    mq_weights_deinit(&weights);
    mq_vocabulary_deinit(&vocabulary);
    free(chosen);
    return r;
}

static int learn_task(const struct mq_corpus *corpus, const struct mq_train_options *options, const char *path, double *seconds) {
    struct task *t = calloc(1, sizeof(*t));
    int r = t && (t->fold_of = calloc(corpus->count + 1, sizeof(*t->fold_of))) ? 0 : -ENOMEM;
    if (r == 0) {
        t->corpus = corpus;
        t->options = options;
        t->shape = mq_corpus_shape(corpus);
        mq_model_labels(corpus, &t->shape, t->labels);
        for (size_t i = 0; i < corpus->count; i++)
            t->fold_of[i] = (unsigned)(i % options->folds);
        r = choose_cost(t);
    }
    if (r == 0)
        r = learn_and_write(t, path, seconds);
    if (t) {
        mq_terms_deinit(&t->terms);
        free(t->fold_of);
    }
    free(t);
    return r;
}

static int test_model(const struct mq_labels *labels, const struct mq_train_options *options, const char *path, double learning) {
    struct mq_corpus test = { .labels = *labels };
    struct mq_model *model = NULL;
    struct mq_outcome *outcomes = NULL;
    struct mq_figures figures;
    struct stat st = { 0 };
    char fault[200] = "";
    double seconds = 0;
    int r = mq_corpus_add_tsv(&test, options->test, options->label_column, false);
    if (r == 0 && (r = mq_model_open(path, &model, fault)) < 0)
        fprintf(stderr, "%s: %s\n", path, fault);
    if (r == 0 && !(outcomes = calloc(test.count + 1, sizeof(*outcomes))))
        r = -ENOMEM;
    if (r == 0)
        r = mq_predict_all(model, &test, outcomes, &seconds);
    if (r == 0 && stat(path, &st) == 0) {
        mq_figures(&test.labels, test.examples, outcomes, test.count, &figures);
        printf("accuracy %.4f\nmacro_f1 %.4f\nece %.4f\nlearning_seconds %.2f\npredictions_per_second %.0f\nmodel_bytes %lld\n",
               figures.strict, figures.macro_f1, figures.ece, learning, (double)test.count / seconds, (long long)st.st_size);
    }
    free(outcomes);
    mq_model_free(model);
    mq_corpus_deinit(&test);
    return r;
}

int mq_train_tsv(const struct mq_train_options *options) {
    struct mq_corpus corpus = { 0 };
    char temporary[] = "/tmp/minqing-train-XXXXXX";
    double learning = 0;
    int fd = options->out ? -1 : mkstemp(temporary);
    if (!options->out && fd < 0)
        return -errno;
    const char *path = options->out ? options->out : temporary;
    int r = mq_corpus_add_tsv(&corpus, options->tsv, options->label_column, true);
    if (r == 0 && corpus.count < options->folds)
        r = -EINVAL;
    if (r == 0)
        r = learn_task(&corpus, options, path, &learning);
    if (r == 0)
        printf("texts %zu\nlabels %zu\n", corpus.count, corpus.labels.domain_count);
    if (r == 0 && options->test)
        r = test_model(&corpus.labels, options, path, learning);
    mq_corpus_deinit(&corpus);
    if (fd >= 0) {
        close(fd);
        unlink(temporary);
    }
    return r;
}
