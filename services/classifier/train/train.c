/* SPDX-License-Identifier: Apache-2.0 */
/* From corpus to model. */
#include "train.h"

#include "folds.h"
#include "model_internal.h"
#include "write_model.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

double mq_processor_seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int mq_train_read(const struct mq_train_options *options, struct mq_corpus *corpus) {
    int r = mq_corpus_catalogue(corpus, options->catalogue);
    for (size_t i = 0; r == 0 && i < options->corpus_count; i++)
        r = mq_corpus_add(corpus, options->corpus[i]);
    for (size_t i = 0; r == 0 && i < options->decisions_count; i++)
        r = mq_corpus_add_decisions(corpus, options->decisions[i]);
    if (r == 0 && options->database)
        r = mq_corpus_add_database(corpus, options->database);
    if (r == 0 && corpus->count < 2 * options->folds) {
        fprintf(stderr, "%zu texts are too few to learn from\n", corpus->count);
        r = -EINVAL;
    }
    return r;
}

/* All that one training holds. */
struct training {
    struct mq_corpus corpus;
    struct mq_terms terms;
    struct mq_vocabulary vocabulary;
    struct mq_weights weights;
    struct mq_calibration uncorrected, calibration; /* as the folds of the corpus say, and with the texts set apart heard as well */
    struct mq_figures figures, apart;               /* out of fold, by the former; of the texts set apart, by the latter */
    struct mq_model_label *labels;
    struct mq_outcome *outcomes;
    struct mq_model_seen *seen;
    unsigned *fold_of;
    float *scores;
    bool *chosen;
    size_t learned; /* texts to learn from; those behind them are for calibration */
};

static void training_deinit(struct training *t) {
    mq_weights_deinit(&t->weights);
    mq_vocabulary_deinit(&t->vocabulary);
    mq_terms_deinit(&t->terms);
    mq_corpus_deinit(&t->corpus);
    free(t->labels);
    free(t->outcomes);
    free(t->seen);
    free(t->fold_of);
    free(t->scores);
    free(t->chosen);
}

static int training_init(struct training *t, const struct mq_train_options *options) {
    int r = mq_train_read(options, &t->corpus);
    t->learned = t->corpus.count;
    for (size_t i = 0; r == 0 && i < options->calibration_count; i++)
        r = mq_corpus_add(&t->corpus, options->calibration[i]);
    if (r < 0)
        return r;
    size_t n = t->corpus.count;
    t->labels = calloc(MQ_MODEL_DOMAINS + MQ_MODEL_KINDS, sizeof(*t->labels));
    t->outcomes = calloc(n, sizeof(*t->outcomes));
    t->seen = calloc(n, sizeof(*t->seen));
    t->fold_of = calloc(n, sizeof(*t->fold_of));
    t->chosen = malloc(n);
    if (!t->labels || !t->outcomes || !t->seen || !t->fold_of || !t->chosen)
        return -ENOMEM;
    memset(t->chosen, false, n);
    memset(t->chosen, true, t->learned);
    r = mq_terms_init(&t->terms, &t->corpus);
    if (r == 0)
        r = mq_folds(&t->corpus, options->folds, t->fold_of);
    for (size_t i = t->learned; i < n; i++)
        t->fold_of[i] = MQ_HELD_OUT;
    return r;
}

static uint16_t kind_number(int kind) { return kind < 0 ? MQ_MODEL_NO_KIND : (uint16_t)kind; }

/* Remembers what the model would have said of each text that it is going to know. */
static int remember(struct training *t) {
    struct mq_fold *fold = malloc(sizeof(*fold));
    struct mq_symbol *symbols = malloc(MQ_FOLD_SYMBOLS * sizeof(*symbols));
    int r = fold && symbols ? 0 : -ENOMEM;
    if (r == 0)
        mq_fold_init(fold);
    for (size_t i = 0; r == 0 && i < t->learned; i++) {
        const struct mq_example *e = &t->corpus.examples[i];
        const struct mq_outcome *o = &t->outcomes[i];
        t->seen[i] = (struct mq_model_seen){ .text = mq_model_text_hash(symbols, mq_fold_text(fold, e->text, symbols)),
                                             .domain = (uint8_t)e->domain, .severity = (uint8_t)e->severity,
                                             .said_domain = (uint8_t)o->domain, .said_severity = (uint8_t)o->severity,
                                             .kind = kind_number(e->kind), .said_kind = kind_number(o->best_kind) };
    }
    free(fold);
    free(symbols);
    return r;
}

/* A view of the texts to learn from; owns nothing. */
static struct mq_corpus learned_part(const struct training *t) {
    struct mq_corpus part = t->corpus;
    part.count = t->learned;
    return part;
}

/* The finished model on the texts that were set apart: what it says of each, and the correction that follows. */
static int calibrate_apart(struct training *t, const struct mq_train_options *options, const struct mq_shape *shape,
                           const struct mq_model_label *kinds) {
    size_t columns = mq_column_count(shape);
    for (size_t i = t->learned; i < t->corpus.count; i++)
        mq_weights_score(&t->weights, &t->terms, &t->vocabulary, i, t->scores + i * columns);
    struct mq_unseen apart = { t->corpus.examples + t->learned, t->scores + t->learned * columns, t->terms.length + t->learned,
                               t->corpus.count - t->learned, &t->corpus.labels };
    t->calibration = t->uncorrected;
    int r = mq_crossvalidate_correction(&apart, shape, kinds, &t->uncorrected, options->folds, t->outcomes + t->learned);
    return r == 0 ? mq_recalibrate(&apart, shape, kinds, &t->calibration) : r;
}

static int learn(struct training *t, const struct mq_train_options *options) {
    struct mq_corpus learned = learned_part(t);
    struct mq_shape shape = mq_corpus_shape(&learned);
    const struct mq_model_label *kinds = t->labels + shape.domains;
    mq_model_labels(&learned, &shape, t->labels);
    int r = mq_crossvalidate(&t->corpus, &t->terms, t->fold_of, options->folds, &options->learn, &t->scores);
    struct mq_unseen unseen = { t->corpus.examples, t->scores, t->terms.length, t->learned, &t->corpus.labels };
    if (r == 0)
        r = mq_calibrate(&unseen, &shape, kinds, &t->uncorrected);
    if (r == 0)
        r = mq_crossvalidate_outcomes(&unseen, &shape, kinds, t->fold_of, options->folds, t->outcomes);
    if (r == 0)
        r = mq_vocabulary_init(&t->vocabulary, &t->terms, t->chosen, options->learn.min_count);
    if (r == 0)
        r = mq_learn(&t->corpus, &t->terms, &t->vocabulary, t->chosen, &options->learn, &t->weights);
    if (r == 0)
        r = calibrate_apart(t, options, &shape, kinds);
    return r == 0 ? remember(t) : r;
}

static void measure(struct training *t) {
    mq_figures(&t->corpus.labels, t->corpus.examples, t->outcomes, t->learned, &t->figures);
    mq_figures(&t->corpus.labels, t->corpus.examples + t->learned, t->outcomes + t->learned, t->corpus.count - t->learned, &t->apart);
}

static void say(const struct training *t, const struct mq_train_options *options, double seconds) {
    const struct mq_calibration *c = &t->calibration;
    if (!options->quick) {
        printf("Out of fold (%u folds, near-duplicates together; threshold of dispatch %.3f):\n", options->folds,
               (double)t->uncorrected.dispatch_from);
        mq_figures_print(&t->corpus.labels, &t->figures, true, stdout);
        if (t->apart.texts) {
            printf("\nTexts set apart (threshold of dispatch %.3f):\n", (double)c->dispatch_from);
            mq_figures_print(&t->corpus.labels, &t->apart, false, stdout);
        }
        printf("\nmixture: naive %.3f, several %.3f, kinds %.3f; severity: text %.3f, kind %.3f\n", (double)c->direct,
               (double)c->several, (double)c->kind, (double)c->severity_score, (double)c->severity_kind);
    }
    printf("thresholds: dispatch %.3f, kind %.3f, also %.3f, critical %.3f\n", (double)c->dispatch_from, (double)c->kind_from,
           (double)c->also_from, (double)c->critical_from);
    printf("%zu texts, %zu set apart, %zu features, %.1f s\n", t->learned, t->corpus.count - t->learned, t->vocabulary.rows, seconds);
}

static int write_report(const struct training *t, const struct mq_train_options *options) {
    const struct mq_report_part parts[] = {
        { "另写的文本 Texts set apart", t->apart.texts ? &t->apart : NULL, &t->calibration },
        { "语料交叉验证 Corpus, out of fold", &t->figures, &t->uncorrected },
    };
    return mq_report_html(options->report, &t->corpus.labels, parts, MQ_LENGTH(parts), options->out);
}

static int write_out(const struct training *t, const struct mq_train_options *options) {
    struct mq_model_parts parts = { .terms = &t->terms, .vocabulary = &t->vocabulary, .weights = &t->weights, .labels = t->labels,
                                    .calibration = &t->calibration, .seen = t->seen, .seen_count = t->learned };
    return mq_write_model(options->out, &parts);
}

/* Goes on where --force is given; says why not where it is not. */
static int unless_forced(const struct mq_train_options *options, int r, const char *why) {
    if (r != 1 || options->force)
        return r < 0 ? r : 0;
    fprintf(stderr, "not installed: %s; --force installs it all the same\n", why);
    return 1;
}

static int compare(const struct training *t, const struct mq_train_options *options) {
    const char *in_use = options->in_use ? options->in_use : options->out;
    struct mq_said said = { &t->corpus, t->outcomes, t->learned };
    return in_use ? mq_compare(in_use, &said) : 0;
}

int mq_train(const struct mq_train_options *options) {
    struct training t = { 0 };
    double began = mq_processor_seconds();
    int r = training_init(&t, options);
    if (r == 0) {
        struct mq_corpus learned = learned_part(&t);
        r = unless_forced(options, mq_contradictions(&learned), "the decisions contradict the corpus; correct the one or the other");
    }
    if (r == 0)
        r = learn(&t, options);
    if (r == 0) {
        measure(&t);
        say(&t, options, mq_processor_seconds() - began);
    }
    if (r == 0 && options->report)
        r = write_report(&t, options);
    if (r == 0)
        r = unless_forced(options, compare(&t, options), "it is worse than the model in use");
    if (r == 0 && options->out)
        r = write_out(&t, options);
    training_deinit(&t);
    return r;
}
