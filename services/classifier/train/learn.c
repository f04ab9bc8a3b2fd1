/* SPDX-License-Identifier: Apache-2.0 */
/* Learning of the linear models with LIBLINEAR. */
#include "learn.h"

#include "naive.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define TOLERANCE 0.1 /* LIBLINEAR's own default; a tenth of it changes no figure and takes three times as long */
#define KIND_SMOOTHING 10.0
#define DOMAIN_SMOOTHING 0.3
#define NEVER (-8.0f) /* bias of a label without examples, which must never win */

struct mq_shape mq_corpus_shape(const struct mq_corpus *corpus) {
    const struct mq_labels *labels = &corpus->labels;
    bool severity = false;
    for (size_t i = 0; i < corpus->count; i++)
        severity |= corpus->examples[i].severity != 0;
    uint32_t domains = (uint32_t)labels->domain_count + labels->has_none;
    return (struct mq_shape){ .domains = domains, .has_none = labels->has_none, .kinds = (uint32_t)labels->kind_count, .several = domains,
                              .severities = severity ? MQ_MODEL_SEVERITIES - 1 : 0 };
}

static void silent(const char *text) { (void)text; }

/* One question to the chosen texts. */
struct question {
    const struct mq_corpus *corpus;
    const struct mq_vectors *vectors;
    struct problem problem;
    struct feature_node *scaled; /* room for as many nodes as the vectors have */
    double *strength;            /* [rows + 1] */
    double cost;
    unsigned seed;
};

/* The answer of one example to a question's item; negative: none. */
typedef int (*answer_fn)(const struct mq_labels *labels, const struct mq_example *example, size_t item);

static int answer_domain(const struct mq_labels *labels, const struct mq_example *e, size_t item) {
    (void)labels, (void)item;
    return e->domain;
}

static int answer_touches(const struct mq_labels *labels, const struct mq_example *e, size_t domain) {
    (void)labels;
    return e->domain == (int)domain || (e->also >> domain & 1);
}

/* Texts of no domain are a class of their own: without them some kind would take them. */
static int answer_kind(const struct mq_labels *labels, const struct mq_example *e, size_t item) {
    (void)item;
    return e->domain == (int)labels->domain_count ? (int)labels->kind_count : e->kind;
}

static int answer_severity(const struct mq_labels *labels, const struct mq_example *e, size_t step) {
    (void)labels;
    return e->severity ? e->severity >= (int)step + 2 : -1;
}

/* Copies the weights of LIBLINEAR's class c to a column. */
static void copy_column(const struct model *model, int c, struct mq_weights *out, size_t column) {
    /* Two classes share one vector, which speaks for the first label. */
    bool shared = model->nr_class == 2 && model->param.solver_type != MCSVM_CS;
    size_t width = shared ? 1 : (size_t)model->nr_class, from = shared ? 0 : (size_t)c;
    float sign = shared && c == 1 ? -1.0f : 1.0f;
    for (size_t row = 0; row < out->rows; row++)
        out->weights[row * out->columns + column] = sign * (float)model->w[row * width + from];
    out->bias[column] = sign * (float)model->w[out->rows * width + from];
}

static void gather(struct question *q, answer_fn answer, size_t item) {
    q->problem.l = 0;
    for (size_t i = 0; i < q->corpus->count; i++) {
        int y = q->vectors->x[i] ? answer(&q->corpus->labels, &q->corpus->examples[i], item) : -1;
        if (y < 0)
            continue;
        q->problem.x[q->problem.l] = q->vectors->x[i];
        q->problem.y[q->problem.l++] = y;
    }
}

static struct model *fit(const struct question *q) {
    struct parameter parameter = { .solver_type = L2R_LR_DUAL, .eps = TOLERANCE, .C = q->cost, .p = 0.1 };
    srand(q->seed);
    set_print_string_function(silent);
    return train(&q->problem, &parameter);
}

/* Learns each answer against all others: answer a into column + a. */
static int learn_each(struct question *q, answer_fn answer, size_t column, struct mq_weights *out) {
    gather(q, answer, 0);
    struct model *model = q->problem.l ? fit(q) : NULL;
    if (!model)
        return q->problem.l ? -ENOMEM : 0;
    for (int c = 0; model->nr_class > 1 && c < model->nr_class; c++)
        copy_column(model, c, out, column + (size_t)model->label[c]);
    free_and_destroy_model(&model);
    return 0;
}

/* Learns answer 1 against answer 0 into one column. */
static int learn_yes(struct question *q, answer_fn answer, size_t item, size_t column, struct mq_weights *out) {
    gather(q, answer, item);
    struct model *model = q->problem.l ? fit(q) : NULL;
    if (!model)
        return q->problem.l ? -ENOMEM : 0;
    for (int c = 0; model->nr_class == 2 && c < 2; c++)
        if (model->label[c] == 1)
            copy_column(model, c, out, column);
    free_and_destroy_model(&model);
    return 0;
}

/* The same with every feature made as long as naive Bayes finds it strong: what is rare and telling is learned sooner. */
static int learn_yes_scaled(struct question *q, answer_fn answer, size_t item, size_t column, struct mq_weights *out) {
    gather(q, answer, item);
    int r = mq_naive_strength(q->problem.x, q->problem.y, (size_t)q->problem.l, out->rows, q->strength);
    struct feature_node *to = q->scaled;
    for (int i = 0; r == 0 && i < q->problem.l; i++) {
        const struct feature_node *from = q->problem.x[i];
        q->problem.x[i] = to;
        for (; from->index != -1; from++)
            *to++ = (struct feature_node){ from->index, from->value * q->strength[from->index - 1] };
        *to++ = (struct feature_node){ -1, 0 };
    }
    struct model *model = r == 0 && q->problem.l ? fit(q) : NULL;
    if (!model)
        return r < 0 ? r : q->problem.l ? -ENOMEM : 0;
    for (int c = 0; model->nr_class == 2 && c < 2; c++)
        if (model->label[c] == 1)
            copy_column(model, c, out, column);
    for (size_t row = 0; model->nr_class == 2 && row < out->rows; row++)
        out->weights[row * out->columns + column] *= (float)q->strength[row];
    free_and_destroy_model(&model);
    return 0;
}

static int learn_naive(struct question *q, answer_fn answer, size_t classes, double smoothing, double share, size_t column,
                       struct mq_weights *out) {
    gather(q, answer, 0);
    return mq_naive_add(q->problem.x, q->problem.y, (size_t)q->problem.l, classes, out->rows, smoothing, share, out->weights + column,
                        out->columns);
}

static int learn_all(struct question *q, const struct mq_learn_options *options, struct mq_weights *out) {
    const struct mq_shape *shape = &out->shape;
    size_t kinds = mq_column_kinds(shape);
    q->cost = options->kind_cost;
    int r = shape->kinds ? learn_each(q, answer_kind, kinds, out) : 0;
    if (r == 0 && shape->kinds)
        r = learn_naive(q, answer_kind, shape->kinds + shape->has_none, KIND_SMOOTHING, options->naive_share, kinds, out);
    if (r == 0)
        r = learn_naive(q, answer_domain, shape->domains, DOMAIN_SMOOTHING, 1, mq_column_direct(shape), out);
    q->cost = options->several_cost;
    for (size_t d = 0; r == 0 && d < shape->several; d++)
        r = learn_yes_scaled(q, answer_touches, d, mq_column_several(shape) + d, out);
    q->cost = options->severity_cost;
    for (size_t s = 0; r == 0 && s < shape->severities; s++)
        r = learn_yes(q, answer_severity, s, mq_column_severity(shape) + s, out);
    return r;
}

int mq_learn(const struct mq_corpus *corpus, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary, const bool *chosen,
             const struct mq_learn_options *options, struct mq_weights *out) {
    *out = (struct mq_weights){ .shape = mq_corpus_shape(corpus), .rows = vocabulary->rows };
    out->columns = mq_column_count(&out->shape);
    out->weights = calloc(out->rows * out->columns + 1, sizeof(*out->weights));
    out->bias = calloc(out->columns + 1, sizeof(*out->bias));
    for (size_t c = mq_column_several(&out->shape); out->bias && c < out->columns; c++)
        out->bias[c] = NEVER;
    struct mq_vectors vectors;
    int r = mq_vectors_init(&vectors, terms, vocabulary, chosen);
    if (r < 0) {
        mq_weights_deinit(out);
        return r;
    }
    struct question q = { .corpus = corpus, .vectors = &vectors, .problem = { .n = vectors.dimensions, .bias = 1 },
                          .seed = options->seed };
    q.problem.x = calloc(corpus->count + 1, sizeof(struct feature_node *));
    q.problem.y = calloc(corpus->count + 1, sizeof(*q.problem.y));
    q.scaled = malloc((vectors.node_count + 1) * sizeof(*q.scaled));
    q.strength = malloc((out->rows + 1) * sizeof(*q.strength));
    r = q.problem.x && q.problem.y && q.scaled && q.strength && out->weights && out->bias ? learn_all(&q, options, out) : -ENOMEM;
    free(q.problem.x);
    free(q.problem.y);
    free(q.scaled);
    free(q.strength);
    mq_vectors_deinit(&vectors);
    if (r < 0)
        mq_weights_deinit(out);
    return r;
}

void mq_weights_deinit(struct mq_weights *weights) {
    free(weights->weights);
    free(weights->bias);
    *weights = (struct mq_weights){ 0 };
}

void mq_weights_score(const struct mq_weights *w, const struct mq_terms *terms, const struct mq_vocabulary *v, size_t text,
                      float *scores) {
    float square = 0;
    memset(scores, 0, w->columns * sizeof(*scores));
    for (size_t t = terms->begin[text]; t < terms->begin[text + 1]; t++) {
        uint32_t row = v->row[terms->terms[t].feature];
        float value = mq_term_value(v, terms->terms[t]);
        square += mq_term_square(v, terms->terms[t]);
        for (size_t c = 0; row != UINT32_MAX && c < w->columns; c++)
            scores[c] += value * w->weights[row * w->columns + c];
    }
    float scale = square > 0 ? 1 / sqrtf(square) : 0;
    for (size_t c = 0; c < w->columns; c++)
        scores[c] = scores[c] * scale + w->bias[c];
}
