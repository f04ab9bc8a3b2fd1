/* SPDX-License-Identifier: Apache-2.0 */
/* Learning of the linear models with LIBLINEAR. */
#include "learn.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define TOLERANCE 0.1 /* LIBLINEAR's own default; a tenth of it changes no figure and takes three times as long */
#define NEVER (-8.0f) /* bias of a label without examples, which must never win */

struct mq_shape mq_corpus_shape(const struct mq_corpus *corpus) {
    const struct mq_labels *labels = &corpus->labels;
    bool severity = false;
    for (size_t i = 0; i < corpus->count; i++)
        severity |= corpus->examples[i].severity != 0;
    uint32_t domains = (uint32_t)labels->domain_count + labels->has_none;
    return (struct mq_shape){ .domains = domains, .has_none = labels->has_none, .kinds = (uint32_t)labels->kind_count,
                              .several = labels->has_none ? domains : 0, .severities = severity ? MQ_MODEL_SEVERITIES - 1 : 0 };
}

static void silent(const char *text) { (void)text; }

/* One question to the chosen texts. */
struct question {
    const struct mq_corpus *corpus;
    const struct mq_vectors *vectors;
    struct problem problem;
    int solver;
    double cost;
    unsigned seed;
    size_t column;  /* of the answer 0, or of the only one */
    bool yes_or_no; /* answers 0 and 1, of which 1 is learned */
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

static int learn_question(struct question *q, answer_fn answer, size_t item, struct mq_weights *out) {
    q->problem.l = 0;
    for (size_t i = 0; i < q->corpus->count; i++) {
        int y = q->vectors->x[i] ? answer(&q->corpus->labels, &q->corpus->examples[i], item) : -1;
        if (y < 0)
            continue;
        q->problem.x[q->problem.l] = q->vectors->x[i];
        q->problem.y[q->problem.l++] = y;
    }
    if (q->problem.l == 0)
        return 0;
    struct parameter parameter = { .solver_type = q->solver, .eps = TOLERANCE, .C = q->cost, .p = 0.1 };
    srand(q->seed);
    set_print_string_function(silent);
    struct model *model = train(&q->problem, &parameter);
    if (!model)
        return -ENOMEM;
    for (int c = 0; model->nr_class > 1 && c < model->nr_class; c++)
        if (!q->yes_or_no || model->label[c] == 1)
            copy_column(model, c, out, q->yes_or_no ? q->column : q->column + (size_t)model->label[c]);
    free_and_destroy_model(&model);
    return 0;
}

static int learn_all(struct question *q, const struct mq_learn_options *options, struct mq_weights *out) {
    const struct mq_shape *shape = &out->shape;
    q->solver = L2R_L2LOSS_SVC_DUAL;
    q->cost = options->domain_cost;
    q->column = mq_column_direct(shape);
    int r = learn_question(q, answer_domain, 0, out);
    q->cost = options->kind_cost;
    q->column = mq_column_kinds(shape);
    if (r == 0 && shape->kinds)
        r = learn_question(q, answer_kind, 0, out);
    q->yes_or_no = true;
    q->solver = L2R_LR_DUAL;
    q->cost = options->several_cost;
    q->column = mq_column_several(shape);
    for (size_t d = 0; r == 0 && d < shape->several; d++, q->column++)
        r = learn_question(q, answer_touches, d, out);
    q->cost = options->severity_cost;
    q->column = mq_column_severity(shape);
    for (size_t s = 0; r == 0 && s < shape->severities; s++, q->column++)
        r = learn_question(q, answer_severity, s, out);
    return r;
}

int mq_learn(const struct mq_corpus *corpus, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary, const bool *chosen,
             const struct mq_learn_options *options, struct mq_weights *out) {
    *out = (struct mq_weights){ .shape = mq_corpus_shape(corpus), .rows = vocabulary->rows };
    out->columns = mq_column_count(&out->shape);
    out->weights = calloc(out->rows * out->columns + 1, sizeof(*out->weights));
    out->bias = calloc(out->columns + 1, sizeof(*out->bias));
    for (size_t c = 0; out->bias && c < out->columns; c++)
        out->bias[c] = NEVER;
    struct mq_vectors vectors;
    int r = mq_vectors_init(&vectors, terms, vocabulary, chosen);
    if (r < 0) {
        mq_weights_deinit(out);
        return r;
    }
    struct question q = { .corpus = corpus, .vectors = &vectors, .problem = { .n = vectors.dimensions, .bias = 1 },
                          .seed = options->seed };
    q.problem.x = calloc(corpus->count + 1, sizeof(*q.problem.x));
    q.problem.y = calloc(corpus->count + 1, sizeof(*q.problem.y));
    r = q.problem.x && q.problem.y && out->weights && out->bias ? learn_all(&q, options, out) : -ENOMEM;
    free(q.problem.x);
    free(q.problem.y);
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
