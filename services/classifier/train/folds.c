/* SPDX-License-Identifier: Apache-2.0 */
/* Near-duplicates and folds. */
#include "folds.h"

#include "fold.h"

#include <errno.h>
#include <stdlib.h>

struct bigram {
    uint64_t code;
    uint32_t text;
};

static int by_code(const void *a, const void *b) {
    const struct bigram *x = a, *y = b;
    if (x->code != y->code)
        return x->code < y->code ? -1 : 1;
    return x->text < y->text ? -1 : x->text > y->text;
}

/* All bigrams of all texts, each once a text, ordered by bigram. */
struct bigrams {
    struct bigram *items;
    size_t count;
    uint32_t *size;    /* bigrams of each text */
    size_t *own_begin; /* of text i in own: its bigrams as positions in items of their runs */
    uint32_t *own;
};

static void bigrams_deinit(struct bigrams *b) {
    free(b->items);
    free(b->size);
    free(b->own_begin);
    free(b->own);
}

static int bigrams_init(struct bigrams *b, const struct mq_corpus *corpus) {
    size_t room = 1;
    for (size_t i = 0; i < corpus->count; i++)
        room += corpus->examples[i].text.n + 1;
    *b = (struct bigrams){ .items = malloc(room * sizeof(*b->items)), .size = calloc(corpus->count + 1, sizeof(*b->size)),
                           .own_begin = calloc(corpus->count + 2, sizeof(*b->own_begin)), .own = malloc(room * sizeof(*b->own)) };
    struct mq_fold *fold = malloc(sizeof(*fold));
    struct mq_symbol *symbols = malloc(MQ_FOLD_SYMBOLS * sizeof(*symbols));
    int r = b->items && b->size && b->own_begin && b->own && fold && symbols ? 0 : -ENOMEM;
    if (r == 0)
        mq_fold_init(fold);
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        size_t n = mq_fold_text(fold, corpus->examples[i].text, symbols);
        for (size_t s = 0; s + 1 < n || (s == 0 && n == 1); s++)
            b->items[b->count++] = (struct bigram){ (uint64_t)symbols[s].code << 32 | (n > 1 ? symbols[s + 1].code : 0), (uint32_t)i };
    }
    free(fold);
    free(symbols);
    if (r < 0)
        return r;
    qsort(b->items, b->count, sizeof(*b->items), by_code);
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++)
        if (i == 0 || by_code(&b->items[i], &b->items[kept - 1]) != 0)
            b->items[kept++] = b->items[i];
    b->count = kept;
    for (size_t i = 0; i < kept; i++)
        b->size[b->items[i].text]++;
    for (size_t i = 0; i < corpus->count; i++)
        b->own_begin[i + 1] = b->own_begin[i] + b->size[i];
    size_t *at = calloc(corpus->count + 1, sizeof(*at));
    if (!at)
        return -ENOMEM;
    uint32_t run = 0;
    for (size_t i = 0; i < kept; i++) {
        if (b->items[i].code != b->items[run].code)
            run = (uint32_t)i;
        uint32_t text = b->items[i].text;
        b->own[b->own_begin[text] + at[text]++] = run;
    }
    free(at);
    return 0;
}

static void pairs_of(const struct bigrams *b, uint32_t text, uint32_t *shared, uint32_t *touched, mq_pair_fn fn, void *context) {
    size_t touched_count = 0;
    for (size_t o = b->own_begin[text]; o < b->own_begin[text + 1]; o++)
        for (size_t i = b->own[o]; i < b->count && b->items[i].code == b->items[b->own[o]].code && b->items[i].text < text; i++)
            if (shared[b->items[i].text]++ == 0)
                touched[touched_count++] = b->items[i].text;
    for (size_t t = 0; t < touched_count; t++) {
        uint32_t other = touched[t], common = shared[other];
        double overlap = (double)common / (double)(b->size[text] + b->size[other] - common);
        if (overlap > MQ_NEAR_DUPLICATE)
            fn(context, other, text, overlap);
        shared[other] = 0;
    }
}

int mq_near_duplicates(const struct mq_corpus *corpus, mq_pair_fn fn, void *context) {
    struct bigrams b;
    uint32_t *shared = calloc(corpus->count + 1, sizeof(*shared));
    uint32_t *touched = calloc(corpus->count + 1, sizeof(*touched));
    int r = bigrams_init(&b, corpus);
    if (r == 0 && !(shared && touched))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < corpus->count; i++)
        pairs_of(&b, (uint32_t)i, shared, touched, fn, context);
    bigrams_deinit(&b);
    free(shared);
    free(touched);
    return r;
}

static size_t root(size_t *parent, size_t i) {
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static void join(void *context, size_t a, size_t b, double overlap) {
    (void)overlap;
    size_t *parent = context, x = root(parent, a), y = root(parent, b);
    if (x < y)
        parent[y] = x;
    else
        parent[x] = y;
}

int mq_folds(const struct mq_corpus *corpus, unsigned folds, unsigned *fold_of) {
    size_t *parent = malloc((corpus->count + 1) * sizeof(*parent));
    size_t classes = corpus->labels.kind_count + corpus->labels.domain_count + 1;
    size_t *size = calloc(2 * classes, sizeof(*size)), *seen = size ? size + classes : NULL;
    int r = parent && size ? 0 : -ENOMEM;
    for (size_t i = 0; r == 0 && i < corpus->count; i++)
        parent[i] = i;
    if (r == 0)
        r = mq_near_duplicates(corpus, join, parent);
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        const struct mq_example *e = &corpus->examples[i];
        size[e->kind >= 0 ? (size_t)e->kind : corpus->labels.kind_count + (size_t)e->domain]++;
    }
    for (size_t i = 0; r == 0 && i < corpus->count; i++) {
        const struct mq_example *e = &corpus->examples[i];
        size_t class = e->kind >= 0 ? (size_t)e->kind : corpus->labels.kind_count + (size_t)e->domain;
        size_t first = root(parent, i);
        fold_of[i] = first < i ? fold_of[first] : (unsigned)(seen[class] * folds / size[class]);
        seen[class]++;
    }
    free(parent);
    free(size);
    return r;
}
