/* SPDX-License-Identifier: Apache-2.0 */
/* Any labelled texts: for comparison with other classifiers on public data. */
#include "train.h"

#include "model_internal.h"
#include "folds.h"
#include "write_model.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Learns from the whole corpus and writes the model; the calibration is fitted before. */
static int learn_and_write(const struct mq_corpus *corpus, const struct mq_train_options *options, const char *path,
                           double *learning) {
    struct mq_terms terms = { 0 };
    struct mq_vocabulary vocabulary = { 0 };
    struct mq_weights weights = { 0 };
    struct mq_calibration calibration;
    struct mq_shape shape = mq_corpus_shape(corpus);
    struct mq_model_label labels[MQ_MODEL_DOMAINS];
    unsigned *fold_of = calloc(corpus->count + 1, sizeof(*fold_of));
    bool *chosen = malloc(corpus->count + 1);
    float *scores = NULL;
    int r = fold_of && chosen ? mq_terms_init(&terms, corpus) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        chosen[i] = true;
        fold_of[i] = (unsigned)(i % options->folds);
    }
    if (r == 0)
        r = mq_crossvalidate(corpus, &terms, fold_of, options->folds, &options->learn, &scores);
    if (r == 0) {
        mq_model_labels(corpus, &shape, labels);
        struct mq_unseen unseen = { corpus->examples, scores, terms.length, corpus->count };
        r = mq_calibrate(&unseen, &shape, labels + shape.domains, &calibration);
    }
    mq_terms_deinit(&terms);
    double began = mq_processor_seconds();
    if (r == 0)
        r = mq_terms_init(&terms, corpus);
    if (r == 0)
        r = mq_vocabulary_init(&vocabulary, &terms, chosen, options->learn.min_count);
    if (r == 0)
        r = mq_learn(corpus, &terms, &vocabulary, chosen, &options->learn, &weights);
    *learning = mq_processor_seconds() - began;
    struct mq_model_parts parts = { .terms = &terms, .vocabulary = &vocabulary, .weights = &weights, .labels = labels,
                                    .calibration = &calibration };
    if (r == 0)
        r = mq_write_model(path, &parts);
    mq_weights_deinit(&weights);
    mq_vocabulary_deinit(&vocabulary);
    mq_terms_deinit(&terms);
    free(fold_of);
    free(chosen);
    free(scores);
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
        r = learn_and_write(&corpus, options, path, &learning);
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
