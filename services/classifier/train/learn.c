/* SPDX-License-Identifier: Apache-2.0 */
/* Learning of the linear models with LIBLINEAR. */
#include "learn.h"

#include <errno.h>
#include <stdlib.h>

#ifndef X_KSOLVER
#define X_KSOLVER L2R_L2LOSS_SVC_DUAL
#define X_DSOLVER L2R_L2LOSS_SVC_DUAL
#define X_SSOLVER L2R_LR_DUAL
#endif
#ifndef X_EPS
#define X_EPS 0.1
#endif

struct mq_columns_plan mq_columns_plan(const struct mq_labels *labels, bool with_severity) {
    struct mq_columns_plan p = { .domains = labels->domain_count + labels->has_none, .kind_count = labels->kind_count,
                                 .severities = with_severity ? 3 : 0 };
    p.several = p.domains;
    p.kinds = p.several + (labels->has_none ? p.domains : 0);
    p.severity = p.kinds + p.kind_count;
    p.count = p.severity + p.severities;
    return p;
}

static void silent(const char *text) { (void)text; }

/* The texts of one question: which, and their answers. */
struct question {
    struct problem problem;
    int solver;
    double cost;
    unsigned seed;
};

static int ask(struct question *question, int answer, struct feature_node *x) {
    question->problem.x[question->problem.l] = x;
    question->problem.y[question->problem.l++] = answer;
    return 0;
}

/* Learns and adds the weights of answer a to column first + a; of two answers 0 and 1, with `single`, those of 1 to column first. */
static int answer(const struct question *q, struct mq_weights *out, size_t first, bool single) {
    struct parameter parameter = { .solver_type = q->solver, .eps = X_EPS, .C = q->cost, .p = 0.1 };
    if (q->problem.l == 0)
        return 0;
    srand(q->seed);
    set_print_string_function(silent);
    struct model *model = train(&q->problem, &parameter);
    if (!model)
        return -ENOMEM;
    /* Two classes share one vector, which speaks for the first label. */
    bool shared = model->nr_class == 2 && q->solver != MCSVM_CS;
    size_t width = shared ? 1 : (size_t)model->nr_class, columns = out->plan.count;
    for (int c = 0; c < model->nr_class; c++) {
        int label = model->label[c];
        if ((single && label != 1) || model->nr_class < 2)
            continue;
        size_t column = single ? first : first + (size_t)label;
        float sign = shared && c == 1 ? -1.0f : 1.0f;
        for (size_t row = 0; row < out->rows; row++)
            out->weights[row * columns + column] = sign * (float)model->w[row * width + (shared ? 0 : (size_t)c)];
        out->bias[column] = sign * (float)model->w[out->rows * width + (shared ? 0 : (size_t)c)];
    }
    free_and_destroy_model(&model);
    return 0;
}

static int learn_all(const struct mq_corpus *corpus, const struct mq_vectors *vectors, const struct mq_learn_options *options,
                     struct question *q, struct mq_weights *out) {
    const struct mq_columns_plan *plan = &out->plan;
    int r = 0;
    q->seed = options->seed;
#define EACH_CHOSEN(i) for (size_t i = 0; i < corpus->count; i++) if (vectors->x[i])
    *q = (struct question){ q->problem, X_DSOLVER, options->domain_cost, options->seed };
    EACH_CHOSEN(i) ask(q, corpus->examples[i].domain, vectors->x[i]);
    r = answer(q, out, plan->direct, false);
    q->solver = X_SSOLVER;
    q->cost = options->several_cost;
    for (size_t d = 0; r == 0 && corpus->labels.has_none && d < plan->domains; d++) {
        q->problem.l = 0;
        EACH_CHOSEN(i) {
            const struct mq_example *e = &corpus->examples[i];
            ask(q, e->domain == (int)d || (e->also >> d & 1), vectors->x[i]);
        }
        r = answer(q, out, plan->several + d, true);
    }
    q->solver = X_KSOLVER;
    q->cost = options->kind_cost;
    q->problem.l = 0;
    if (r == 0 && plan->kind_count) {
        /* Texts of no domain are a further class whose weights are dropped: without them a kind would take them for its own. */
        EACH_CHOSEN(i) {
            const struct mq_example *e = &corpus->examples[i];
            if (e->kind >= 0)
                ask(q, e->kind, vectors->x[i]);
        }
        r = answer(q, out, plan->kinds, false);
    }
    q->solver = L2R_LR_DUAL;
    q->cost = options->severity_cost;
    for (size_t s = 0; r == 0 && s < plan->severities; s++) {
        q->problem.l = 0;
        EACH_CHOSEN(i) {
            const struct mq_example *e = &corpus->examples[i];
            if (e->severity)
                ask(q, e->severity >= (int)s + 2, vectors->x[i]);
        }
        r = answer(q, out, plan->severity + s, true);
    }
    return r;
}

int mq_learn(const struct mq_corpus *corpus, const struct mq_terms *terms, const struct mq_vocabulary *vocabulary, const bool *chosen,
             const struct mq_learn_options *options, struct mq_weights *out) {
    bool with_severity = false;
    for (size_t i = 0; i < corpus->count; i++)
        with_severity |= corpus->examples[i].severity != 0;
    *out = (struct mq_weights){ .plan = mq_columns_plan(&corpus->labels, with_severity), .rows = vocabulary->rows };
    out->weights = calloc(out->rows * out->plan.count + 1, sizeof(*out->weights));
    out->bias = calloc(out->plan.count + 1, sizeof(*out->bias));
    /* A label without examples never wins. */
    for (size_t c = 0; out->bias && c < out->plan.count; c++)
        out->bias[c] = -8;
    struct mq_vectors vectors;
    int r = mq_vectors_init(&vectors, terms, vocabulary, chosen);
    if (r < 0)
        return r;
    struct question q = { .problem = { .n = vectors.dimensions, .bias = 1 } };
    q.problem.x = calloc(corpus->count + 1, sizeof(*q.problem.x));
    q.problem.y = calloc(corpus->count + 1, sizeof(*q.problem.y));
    r = q.problem.x && q.problem.y && out->weights && out->bias ? learn_all(corpus, &vectors, options, &q, out) : -ENOMEM;
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
    size_t columns = w->plan.count;
    float square = 0;
    memset(scores, 0, columns * sizeof(*scores));
    for (size_t t = terms->begin[text]; t < terms->begin[text + 1]; t++) {
        uint32_t row = v->row[terms->terms[t].feature];
        float value = terms->terms[t].frequency * (row == UINT32_MAX ? X_UNK*v->unknown_idf : v->idf[row]);
        square += value * value;
        for (size_t c = 0; row != UINT32_MAX && c < columns; c++)
            scores[c] += value * w->weights[row * columns + c];
    }
    float scale = square > 0 ? 1.0f / __builtin_sqrtf(square) : 0;
    for (size_t c = 0; c < columns; c++)
        scores[c] = scores[c] * scale + w->bias[c];
}
