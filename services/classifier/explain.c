/* SPDX-License-Identifier: Apache-2.0 */
/* Which phrases of the text spoke for the decision. */
#include "model_internal.h"

/* A symbol belongs to a phrase when it says at least this share of what the loudest symbol says. */
#define LOUD 0.25f

/* What one feature's row says for the decided domain: the three models, mixed as the decision mixed them. */
static float row_weight(const struct mq_model *m, const struct mq_mixed *mixed, uint32_t row) {
    const struct mq_shape *shape = &m->header->shape;
    const struct mq_calibration *c = &m->header->calibration;
    const int8_t *weights = m->weights + (size_t)row * m->header->stride;
    size_t direct = mq_column_direct(shape) + mixed->best;
    float sum = c->direct * m->columns[direct].scale * (float)weights[direct];
    if (shape->several) {
        size_t several = mq_column_several(shape) + mixed->best;
        sum += c->several * m->columns[several].scale * (float)weights[several];
    }
    if (mixed->kind != UINT32_MAX) {
        size_t kind = mq_column_kinds(shape) + mixed->kind;
        sum += c->kind * m->columns[kind].scale * (float)weights[kind];
    }
    return sum;
}

/* Spreads what each n-gram says over its symbols; overlapping ones add up. Returns the loudest symbol's weight. */
static float weigh_symbols(const struct mq_model *m, struct mq_scratch *s) {
    float loudest = 0;
    memset(s->symbol_weight, 0, s->symbol_count * sizeof(*s->symbol_weight));
    for (size_t i = 0; i < s->feature_count; i++) {
        uint32_t row = s->row[i];
        if (row == MQ_MODEL_FREE)
            continue;
        const struct mq_feature *f = &s->features[i];
        float value = mq_feature_frequency(s->count[row]) / (float)s->count[row] * m->idf[row] * s->scale;
        float share = value * row_weight(m, &s->mixed, row) / (float)f->length;
        for (size_t at = f->first; at < (size_t)f->first + f->length; at++)
            s->symbol_weight[at] += share;
    }
    for (size_t i = 0; i < s->symbol_count; i++) {
        uint32_t code = s->symbols[i].code;
        if (mq_symbol_personal(code) || code == MQ_SYMBOL_BREAK || code == MQ_SYMBOL_UNKNOWN)
            s->symbol_weight[i] = 0;
        if (s->symbol_weight[i] > loudest)
            loudest = s->symbol_weight[i];
    }
    return loudest;
}

/* Keeps the loudest phrases, loudest first. */
static void keep(struct mq_prediction *out, struct mq_str text, uint32_t begin, uint32_t end, double weight) {
    size_t at = out->because_count;
    while (at > 0 && out->because[at - 1].weight < weight)
        at--;
    if (at == MQ_MODEL_PHRASES)
        return;
    size_t last = out->because_count < MQ_MODEL_PHRASES ? out->because_count++ : MQ_MODEL_PHRASES - 1;
    memmove(&out->because[at + 1], &out->because[at], (last - at) * sizeof(*out->because));
    struct mq_phrase *phrase = &out->because[at];
    memcpy(phrase->text, text.s + begin, end - begin);
    phrase->text[end - begin] = '\0';
    phrase->weight = weight;
}

void mq_explain(const struct mq_model *m, struct mq_scratch *s, struct mq_str text, struct mq_prediction *out) {
    float loudest = weigh_symbols(m, s), total = 0;
    if (loudest <= 0)
        return;
    for (size_t i = 0; i < s->symbol_count; i++)
        total += s->symbol_weight[i] > 0 ? s->symbol_weight[i] : 0;
    for (size_t i = 0; i < s->symbol_count;) {
        float sum = 0;
        size_t first = i;
        for (; i < s->symbol_count && s->symbol_weight[i] >= LOUD * loudest
               && s->symbols[i].end - s->symbols[first].begin < MQ_MODEL_PHRASE_BYTES; i++)
            sum += s->symbol_weight[i];
        if (i == first)
            i++;
        else
            keep(out, text, s->symbols[first].begin, s->symbols[i - 1].end, (double)(sum / total));
    }
}
