/* SPDX-License-Identifier: Apache-2.0 */
/* The corpus itself: near-duplicates, and how much there is of each kind. */
#include "train.h"

#include "folds.h"

#include <errno.h>
#include <stdlib.h>

struct pairs {
    const struct mq_corpus *corpus;
    size_t count;
};

static void print_pair(void *context, size_t a, size_t b, double overlap) {
    struct pairs *pairs = context;
    const struct mq_example *x = &pairs->corpus->examples[a], *y = &pairs->corpus->examples[b];
    pairs->count++;
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

int mq_check(const struct mq_train_options *options) {
    struct mq_corpus corpus = { 0 };
    struct pairs pairs = { &corpus, 0 };
    int r = mq_train_read(options, &corpus);
    if (r == 0)
        r = mq_near_duplicates(&corpus, print_pair, &pairs);
    if (r == 0) {
        print_counts(&corpus);
        printf("%6zu texts, %zu pairs of near-duplicates\n", corpus.count, pairs.count);
        r = pairs.count > 0;
    }
    mq_corpus_deinit(&corpus);
    return r;
}
