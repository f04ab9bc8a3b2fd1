/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus itself: near-duplicates, and how much there is of each kind. */
#include "train.h"

#include "folds.h"

#include <errno.h>
#include <stdlib.h>

struct pairs {
    const struct mq_corpus *corpus;
    size_t set_ends[2 + MQ_TRAIN_INPUTS]; /* corpus, calibration, then each file apart */
    size_t within, across;
};

static size_t set_of(const struct pairs *pairs, size_t text) {
    size_t set = 0;
    while (text >= pairs->set_ends[set])
        set++;
    return set;
}

static void print_pair(void *context, size_t a, size_t b, double overlap) {
    struct pairs *pairs = context;
    const struct mq_example *x = &pairs->corpus->examples[a], *y = &pairs->corpus->examples[b];
    size_t p = set_of(pairs, a), q = set_of(pairs, b);
    if (p == q && p > 0) /* what is set apart is not learned, so may repeat itself */
        return;
    pairs->within += p == q;
    pairs->across += p != q;
    printf("%.2f %s:%u %s:%u\n     %.*s\n     %.*s\n", overlap, x->file, x->line, y->file, y->line, (int)x->text.n, x->text.s,
           (int)y->text.n, y->text.s);
}

static void print_counts(const struct mq_corpus *corpus) {
    const struct mq_labels *labels = &corpus->labels;
    for (size_t d = 0; d <= labels->domain_count; d++) {
        size_t total = 0, open = 0, also = 0;
        for (size_t i = 0; i < corpus->count; i++) {
            total += corpus->examples[i].domain == (int)d;
            open += corpus->examples[i].domain == (int)d && corpus->examples[i].kind < 0;
            also += corpus->examples[i].domain == (int)d && corpus->examples[i].also;
        }
        printf("%6zu %s (%zu without a kind, %zu that touch others)\n", total, mq_label_name(labels, d), open, also);
        for (size_t k = 0; k < labels->kind_count; k++) {
            size_t count = 0;
            for (size_t i = 0; i < corpus->count; i++)
                count += corpus->examples[i].kind == (int)k;
            if (labels->kind_domain[k] == (int)d)
                printf("%6zu   %s\n", count, labels->kinds[k]);
        }
    }
}

/* Adds calibration and files apart behind the corpus, and notes where each ends. */
static int add_sets(const struct mq_train_options *options, struct mq_corpus *corpus, struct pairs *pairs) {
    int r = 0;
    pairs->set_ends[0] = corpus->count;
    for (size_t i = 0; r == 0 && i < options->calibration_count; i++)
        r = mq_corpus_add(corpus, options->calibration[i]);
    pairs->set_ends[1] = corpus->count;
    for (size_t i = 0; r == 0 && i < options->apart_count; i++) {
        r = mq_corpus_add(corpus, options->apart[i]);
        pairs->set_ends[2 + i] = corpus->count;
    }
    return r;
}

int mq_check(const struct mq_train_options *options) {
    struct mq_corpus corpus = { 0 };
    struct pairs pairs = { .corpus = &corpus };
    int r = mq_train_read(options, &corpus);
    if (r == 0)
        r = add_sets(options, &corpus, &pairs);
    if (r == 0)
        r = mq_near_duplicates(&corpus, print_pair, &pairs);
    if (r == 0) {
        struct mq_corpus learned = corpus;
        learned.count = pairs.set_ends[0];
        print_counts(&learned);
        printf("%6zu texts, %zu pairs of near-duplicates; %zu texts set apart, %zu pairs of near-duplicates with another set\n",
               learned.count, pairs.within, corpus.count - learned.count, pairs.across);
        r = pairs.within + pairs.across > 0;
    }
    mq_corpus_deinit(&corpus);
    return r;
}
