/* SPDX-License-Identifier: Apache-2.0 */
/* Sparse vectors. */
#include "vectors.h"

#include "feature.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* Hash table from a feature's hash to its number, growing. */
struct numbers {
    uint32_t *slots; /* number + 1; 0: empty */
    size_t mask;
};

static int numbers_grow(struct numbers *numbers, const uint32_t *hashes, size_t count) {
    size_t size = numbers->slots ? 2 * (numbers->mask + 1) : 1 << 16;
    uint32_t *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t slot = hashes[i] & (size - 1);
        while (slots[slot])
            slot = (slot + 1) & (size - 1);
        slots[slot] = (uint32_t)i + 1;
    }
    free(numbers->slots);
    *numbers = (struct numbers){ slots, size - 1 };
    return 0;
}

/* The working memory of mq_terms_init. */
struct reader {
    struct mq_fold fold;
    struct mq_symbol symbols[MQ_FOLD_SYMBOLS];
    struct mq_feature features[MQ_FEATURES];
    struct numbers numbers;
    size_t hash_capacity, term_capacity;
};

static int number_of(struct mq_terms *terms, struct reader *reader, uint32_t hash, uint32_t *number) {
    if (!reader->numbers.slots || terms->feature_count * 2 > reader->numbers.mask) {
        int r = numbers_grow(&reader->numbers, terms->hashes, terms->feature_count);
        if (r < 0)
            return r;
    }
    size_t slot = hash & reader->numbers.mask;
    for (; reader->numbers.slots[slot]; slot = (slot + 1) & reader->numbers.mask) {
        *number = reader->numbers.slots[slot] - 1;
        if (terms->hashes[*number] == hash)
            return 0;
    }
    if (terms->feature_count == reader->hash_capacity) {
        size_t capacity = reader->hash_capacity ? 2 * reader->hash_capacity : 1 << 15;
        uint32_t *hashes = realloc(terms->hashes, capacity * sizeof(*hashes));
        if (!hashes)
            return -ENOMEM;
        terms->hashes = hashes;
        reader->hash_capacity = capacity;
    }
    *number = (uint32_t)terms->feature_count++;
    terms->hashes[*number] = hash;
    reader->numbers.slots[slot] = *number + 1;
    return 0;
}

static int by_hash(const void *a, const void *b) {
    uint32_t x = ((const struct mq_feature *)a)->hash, y = ((const struct mq_feature *)b)->hash;
    return x < y ? -1 : x > y;
}

static int by_feature(const void *a, const void *b) {
    uint32_t x = ((const struct mq_term *)a)->feature, y = ((const struct mq_term *)b)->feature;
    return x < y ? -1 : x > y;
}

static int add_text(struct mq_terms *terms, struct reader *reader, size_t text, struct mq_str bytes) {
    size_t used = terms->begin[text];
    size_t symbols = mq_fold_text(&reader->fold, bytes, reader->symbols);
    size_t n = mq_features(reader->symbols, symbols, reader->features);
    terms->length[text] = (uint32_t)symbols;
    qsort(reader->features, n, sizeof(*reader->features), by_hash);
    if (used + n > reader->term_capacity) {
        size_t capacity = 2 * reader->term_capacity + n;
        struct mq_term *larger = realloc(terms->terms, capacity * sizeof(*larger));
        if (!larger)
            return -ENOMEM;
        terms->terms = larger;
        reader->term_capacity = capacity;
    }
    for (size_t i = 0, run; i < n; i += run) {
        for (run = 1; i + run < n && reader->features[i + run].hash == reader->features[i].hash;)
            run++;
        uint32_t number = 0;
        int r = number_of(terms, reader, reader->features[i].hash, &number);
        if (r < 0)
            return r;
        terms->terms[used++] = (struct mq_term){ number, (uint32_t)run };
    }
    qsort(terms->terms + terms->begin[text], used - terms->begin[text], sizeof(*terms->terms), by_feature);
    terms->begin[text + 1] = used;
    return 0;
}

int mq_terms_init(struct mq_terms *terms, const struct mq_corpus *corpus) {
    *terms = (struct mq_terms){ .count = corpus->count };
    struct reader *reader = calloc(1, sizeof(*reader));
    terms->begin = calloc(corpus->count + 1, sizeof(*terms->begin));
    terms->length = calloc(corpus->count + 1, sizeof(*terms->length));
    int r = reader && terms->begin && terms->length ? 0 : -ENOMEM;
    if (r == 0)
        mq_fold_init(&reader->fold);
    for (size_t i = 0; r == 0 && i < corpus->count; i++)
        r = add_text(terms, reader, i, corpus->examples[i].text);
    if (reader)
        free(reader->numbers.slots);
    free(reader);
    if (r < 0)
        mq_terms_deinit(terms);
    return r;
}

void mq_terms_deinit(struct mq_terms *terms) {
    free(terms->terms);
    free(terms->begin);
    free(terms->length);
    free(terms->hashes);
    *terms = (struct mq_terms){ 0 };
}

int mq_vocabulary_init(struct mq_vocabulary *v, const struct mq_terms *terms, const bool *chosen, unsigned min_count) {
    *v = (struct mq_vocabulary){ .row = calloc(terms->feature_count + 1, sizeof(*v->row)) };
    if (!v->row)
        return -ENOMEM;
    size_t texts = 0;
    for (size_t i = 0; i < terms->count; i++) {
        texts += chosen[i];
        for (size_t t = terms->begin[i]; chosen[i] && t < terms->begin[i + 1]; t++)
            v->row[terms->terms[t].feature]++;
    }
    for (size_t f = 0; f < terms->feature_count; f++)
        v->rows += v->row[f] >= min_count;
    v->idf = calloc(v->rows + 1, sizeof(*v->idf));
    v->features = calloc(v->rows + 1, sizeof(*v->features));
    if (!v->idf || !v->features) {
        mq_vocabulary_deinit(v);
        return -ENOMEM;
    }
    uint32_t row = 0;
    for (size_t f = 0; f < terms->feature_count; f++) {
        uint32_t count = v->row[f];
        v->row[f] = count >= min_count ? row : UINT32_MAX;
        if (count < min_count)
            continue;
        v->features[row] = (uint32_t)f;
        v->idf[row++] = (float)(log((double)(texts + 1) / (double)(count + 1)) + 1.0);
    }
    v->unknown_idf = (float)(log((double)(texts + 1) / 2.0) + 1.0);
    return 0;
}

void mq_vocabulary_deinit(struct mq_vocabulary *v) {
    free(v->row);
    free(v->idf);
    free(v->features);
    *v = (struct mq_vocabulary){ 0 };
}

float mq_term_value(const struct mq_vocabulary *v, struct mq_term term) {
    uint32_t row = v->row[term.feature];
    return row == UINT32_MAX ? 0 : mq_feature_frequency(term.count) * v->idf[row];
}

float mq_term_square(const struct mq_vocabulary *v, struct mq_term term) {
    float value = mq_term_value(v, term);
    return v->row[term.feature] == UINT32_MAX ? (float)term.count * v->unknown_idf * v->unknown_idf : value * value;
}

/* Writes one text's vector at `node`, of length 1 with what is unknown counted in; returns the nodes written. */
static size_t write_vector(const struct mq_terms *terms, const struct mq_vocabulary *v, size_t text, struct feature_node *node) {
    size_t n = 0;
    double square = 0;
    for (size_t t = terms->begin[text]; t < terms->begin[text + 1]; t++) {
        uint32_t row = v->row[terms->terms[t].feature];
        square += (double)mq_term_square(v, terms->terms[t]);
        if (row != UINT32_MAX)
            node[n++] = (struct feature_node){ (int)row + 1, (double)mq_term_value(v, terms->terms[t]) };
    }
    double scale = square > 0 ? 1 / sqrt(square) : 0;
    for (size_t i = 0; i < n; i++)
        node[i].value *= scale;
    node[n++] = (struct feature_node){ (int)v->rows + 1, 1 };
    node[n++] = (struct feature_node){ -1, 0 };
    return n;
}

int mq_vectors_init(struct mq_vectors *vectors, const struct mq_terms *terms, const struct mq_vocabulary *v, const bool *chosen) {
    size_t room = 0;
    for (size_t i = 0; i < terms->count; i++)
        room += chosen[i] ? terms->begin[i + 1] - terms->begin[i] + 2 : 0;
    *vectors = (struct mq_vectors){ .nodes = malloc((room + 1) * sizeof(*vectors->nodes)),
                                    .x = calloc(terms->count + 1, sizeof(struct feature_node *)),
                                    .dimensions = (int)v->rows + 1 };
    if (!vectors->nodes || !vectors->x) {
        mq_vectors_deinit(vectors);
        return -ENOMEM;
    }
    size_t used = 0;
    for (size_t i = 0; i < terms->count; i++) {
        if (!chosen[i])
            continue;
        vectors->x[i] = vectors->nodes + used;
        used += write_vector(terms, v, i, vectors->x[i]);
    }
    vectors->node_count = used;
    return 0;
}

void mq_vectors_deinit(struct mq_vectors *vectors) {
    free(vectors->nodes);
    free(vectors->x);
    *vectors = (struct mq_vectors){ 0 };
}
