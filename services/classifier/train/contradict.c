/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions beside the corpus: where both say of almost the same text something else. */
#include "train.h"

#include "folds.h"

#include <errno.h>
#include <stdlib.h>

#define FEW 20 /* contradictions: fewer may be the corpus's own mistakes, or people's */

enum { AGREES = 1, CONTRADICTS = 2 };

struct beside {
    const struct mq_corpus *corpus;
    unsigned char *flags; /* of each text */
};

static bool same(const struct mq_example *a, const struct mq_example *b) {
    bool kinds = a->kind < 0 || b->kind < 0 || a->kind == b->kind;
    return a->domain == b->domain ? kinds : a->also >> b->domain & 1 || b->also >> a->domain & 1;
}

static void look(void *context, size_t a, size_t b, double overlap) {
    (void)overlap;
    const struct beside *beside = context;
    const struct mq_example *x = &beside->corpus->examples[a], *y = &beside->corpus->examples[b];
    if (x->decided != y->decided)
        beside->flags[x->decided ? a : b] |= same(x, y) ? AGREES : CONTRADICTS;
}

int mq_contradictions(const struct mq_corpus *corpus) {
    size_t decisions = 0, agree = 0, contradict = 0;
    for (size_t i = 0; i < corpus->count; i++)
        decisions += corpus->examples[i].decided;
    if (decisions == 0)
        return 0;
    struct beside beside = { corpus, calloc(corpus->count + 1, 1) };
    int r = beside.flags ? mq_near_duplicates(corpus, look, &beside) : -ENOMEM;
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        agree += beside.flags[i] == AGREES;
        contradict += beside.flags[i] == CONTRADICTS;
    }
    free(beside.flags);
    if (r < 0)
        return r;
    printf("decisions: %zu, of which %zu agree with a sentence of the corpus that says almost the same and %zu contradict it\n", decisions,
           agree, contradict);
    return contradict >= FEW && contradict > agree;
}
