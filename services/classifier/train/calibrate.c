/* SPDX-License-Identifier: Apache-2.0 */
/* Fitting of mixtures and thresholds. */
#include "calibrate.h"

#include "outcome.h"
#include "softmax.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define RIDGE 1e-2
#define SHARPNESS 4.0f

/* What one fit reads. */
struct source {
    const struct mq_unseen *unseen;
    const struct mq_shape *shape;
    const struct mq_model_label *kinds;
    size_t columns;
    struct mq_calibration *out;
};

static const float *scores_of(const struct source *s, size_t text) { return s->unseen->scores + text * s->columns; }

void mq_model_labels(const struct mq_corpus *corpus, const struct mq_shape *shape, struct mq_model_label *out) {
    const struct mq_labels *labels = &corpus->labels;
    for (uint32_t d = 0; d < shape->domains; d++) {
        out[d] = (struct mq_model_label){ .domain = d };
        strcpy(out[d].name, mq_label_name(labels, d));
    }
    for (uint32_t k = 0; k < shape->kinds; k++) {
        struct mq_model_label *label = &out[shape->domains + k];
        *label = (struct mq_model_label){ .domain = (uint32_t)labels->kind_domain[k] };
        strcpy(label->name, labels->kinds[k]);
        /* The catalogue's severity weighs as much as four examples. */
        float count[MQ_MODEL_SEVERITIES] = { 0.5f, 0.5f, 0.5f, 0.5f }, sum = 6;
        count[labels->kind_severity[k] - 1] += 4;
        for (size_t i = 0; i < corpus->count; i++)
            if (corpus->examples[i].kind == (int)k && corpus->examples[i].severity) {
                count[corpus->examples[i].severity - 1]++;
                sum++;
            }
        for (size_t s = 0; s < MQ_MODEL_SEVERITIES; s++)
            label->severity[s] = logf(count[s] / sum);
    }
}

static bool is_restricted(const struct source *s, size_t domain) {
    const struct mq_labels *labels = s->unseen->labels;
    return labels && domain < labels->domain_count && labels->restricted[domain];
}

static int fit_domains(const struct source *s) {
    const struct mq_shape *shape = s->shape;
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count, shape->domains, 3 + shape->domains) < 0)
        return -ENOMEM;
    s->out->sharpness = SHARPNESS;
    for (size_t i = 0; i < s->unseen->count; i++) {
        float evidence[MQ_MODEL_DOMAINS];
        const float *scores = scores_of(s, i);
        mq_kind_evidence(shape, s->kinds, SHARPNESS, scores, evidence);
        choice.chosen[i] = s->unseen->examples[i].domain;
        for (size_t d = 0; d < shape->domains; d++) {
            float *f = mq_choice_features(&choice, i, d);
            f[0] = scores[mq_column_direct(shape) + d];
            f[1] = shape->several ? scores[mq_column_several(shape) + d] : 0;
            f[2] = shape->kinds ? evidence[d] : 0;
            f[3 + d] = 1;
        }
    }
    double weights[MQ_CHOICE_WEIGHTS] = { 1 };
    mq_choice_fit(&choice, RIDGE, weights);
    s->out->direct = (float)weights[0];
    s->out->several = (float)weights[1];
    s->out->kind = (float)weights[2];
    for (size_t d = 0; d < shape->domains; d++)
        s->out->domain_bias[d] = (float)weights[3 + d] + (is_restricted(s, d) ? logf(MQ_RESTRICTED) : 0);
    mq_choice_deinit(&choice);
    return 0;
}

static int fit_confidence(const struct source *s) {
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count, 2, MQ_MODEL_CONFIDENCE) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < s->unseen->count; i++) {
        struct mq_mixed mixed;
        mq_mix(s->shape, s->kinds, s->out, scores_of(s, i), s->unseen->symbols[i], &mixed);
        struct mq_outcome o = mq_outcome_from(s->shape, s->out, &mixed);
        choice.chosen[i] = mq_outcome_right(&s->unseen->examples[i], &o);
        mq_confidence_features(s->shape, &mixed, scores_of(s, i), s->unseen->symbols[i], mq_choice_features(&choice, i, 1));
    }
    double weights[MQ_CHOICE_WEIGHTS] = { 0 };
    mq_choice_fit(&choice, RIDGE, weights);
    for (size_t i = 0; i < MQ_MODEL_CONFIDENCE; i++)
        s->out->confidence[i] = (float)weights[i];
    mq_choice_deinit(&choice);
    return 0;
}

/* The choice is among the kinds of the true domain. */
static int fit_kinds(const struct source *s) {
    const struct mq_shape *shape = s->shape;
    size_t of_domain[MQ_MODEL_DOMAINS] = { 0 }, most = 0;
    for (size_t k = 0; k < shape->kinds; k++)
        if (++of_domain[s->kinds[k].domain] > most)
            most = of_domain[s->kinds[k].domain];
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count, most, 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < s->unseen->count; i++) {
        const struct mq_example *e = &s->unseen->examples[i];
        size_t a = 0;
        choice.chosen[i] = -1;
        for (size_t k = 0; k < shape->kinds; k++) {
            if ((int)s->kinds[k].domain != e->domain)
                continue;
            if ((int)k == e->kind)
                choice.chosen[i] = (int)a;
            *mq_choice_features(&choice, i, a++) = scores_of(s, i)[mq_column_kinds(shape) + k];
        }
        for (; a < most; a++)
            *mq_choice_features(&choice, i, a) = -100;
    }
    double weights[MQ_CHOICE_WEIGHTS] = { 1 };
    mq_choice_fit(&choice, RIDGE, weights);
    s->out->kind_slope = (float)weights[0];
    mq_choice_deinit(&choice);
    return 0;
}

static int fit_several(const struct source *s) {
    size_t domains = s->shape->domains - s->shape->has_none;
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count * domains, 2, 2) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < s->unseen->count; i++)
        for (size_t d = 0; d < domains; d++) {
            const struct mq_example *e = &s->unseen->examples[i];
            choice.chosen[i * domains + d] = e->domain == (int)d || (e->also >> d & 1);
            float *f = mq_choice_features(&choice, i * domains + d, 1);
            f[0] = scores_of(s, i)[mq_column_several(s->shape) + d];
            f[1] = 1;
        }
    double weights[MQ_CHOICE_WEIGHTS] = { 1 };
    mq_choice_fit(&choice, RIDGE, weights);
    s->out->several_slope = (float)weights[0];
    s->out->several_bias = (float)weights[1];
    mq_choice_deinit(&choice);
    return 0;
}

/* What the kinds say of severity, read off a mixture in which nothing else speaks. */
static void kind_severity(const struct source *s, size_t text, float prior[MQ_MODEL_SEVERITIES]) {
    struct mq_calibration alone = *s->out;
    struct mq_mixed mixed;
    alone.severity_score = 0;
    alone.severity_kind = 1;
    memset(alone.severity_bias, 0, sizeof(alone.severity_bias));
    mq_mix(s->shape, s->kinds, &alone, scores_of(s, text), s->unseen->symbols[text], &mixed);
    for (size_t i = 0; i < MQ_MODEL_SEVERITIES; i++)
        prior[i] = logf(mixed.severity[i] + 1e-6f);
}

static int fit_severity(const struct source *s) {
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count, MQ_MODEL_SEVERITIES, 2 + MQ_MODEL_SEVERITIES) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < s->unseen->count; i++) {
        float steps[MQ_MODEL_SEVERITIES], prior[MQ_MODEL_SEVERITIES];
        choice.chosen[i] = s->unseen->examples[i].severity - 1;
        mq_severity_steps(s->shape, scores_of(s, i), steps);
        kind_severity(s, i, prior);
        for (size_t v = 0; v < MQ_MODEL_SEVERITIES; v++) {
            float *f = mq_choice_features(&choice, i, v);
            f[0] = steps[v];
            f[1] = prior[v];
            f[2 + v] = 1;
        }
    }
    double weights[MQ_CHOICE_WEIGHTS] = { 1 };
    mq_choice_fit(&choice, RIDGE, weights);
    s->out->severity_score = (float)weights[0];
    s->out->severity_kind = (float)weights[1];
    for (size_t v = 0; v < MQ_MODEL_SEVERITIES; v++)
        s->out->severity_bias[v] = (float)weights[2 + v];
    mq_choice_deinit(&choice);
    return 0;
}

/* A probability and whether acting on it would have been right. */
struct bet {
    float probability;
    bool right;
};

static int by_probability(const void *a, const void *b) {
    float x = ((const struct bet *)a)->probability, y = ((const struct bet *)b)->probability;
    return x < y ? 1 : x > y ? -1 : 0;
}

/* The lowest threshold above which the target share is right; 1.01 where there is none. */
static float threshold(struct bet *bets, size_t n, double target) {
    size_t right = 0, kept = 0;
    qsort(bets, n, sizeof(*bets), by_probability);
    for (size_t i = 0; i < n; i++) {
        right += bets[i].right;
        bool last_of_its_value = i + 1 == n || bets[i + 1].probability < bets[i].probability;
        if (last_of_its_value && (double)right >= target * (double)(i + 1))
            kept = i + 1;
    }
    return kept ? bets[kept - 1].probability : 1.01f;
}

/* The threshold at which naming a further domain is right as often as it is left out wrongly: the best F1. */
static float best_f1(struct bet *bets, size_t n) {
    size_t truth = 0, right = 0;
    double best = 0;
    float from = 1.01f;
    qsort(bets, n, sizeof(*bets), by_probability);
    for (size_t i = 0; i < n; i++)
        truth += bets[i].right;
    for (size_t i = 0; i < n; i++) {
        right += bets[i].right;
        double f1 = 2 * (double)right / (double)(i + 1 + truth);
        if (f1 > best) {
            best = f1;
            from = bets[i].probability;
        }
    }
    return from;
}

/* The highest threshold that still lets the target share of the right ones through. */
static float lowest_of(struct bet *bets, size_t n, double target) {
    size_t truth = 0, seen = 0;
    qsort(bets, n, sizeof(*bets), by_probability);
    for (size_t i = 0; i < n; i++)
        truth += bets[i].right;
    for (size_t i = 0; i < n; i++) {
        seen += bets[i].right;
        if (truth && (double)seen >= target * (double)truth)
            return bets[i].probability;
    }
    return 1.01f;
}

static int choose_thresholds(const struct source *s) {
    const struct mq_shape *shape = s->shape;
    size_t domains = shape->domains - shape->has_none, count = s->unseen->count, n[4] = { 0 };
    struct bet *bets = calloc(count * (domains + 3) + 1, sizeof(*bets));
    if (!bets)
        return -ENOMEM;
    struct bet *dispatch = bets, *kind = dispatch + count, *critical = kind + count, *also = critical + count;
    for (size_t i = 0; i < count; i++) {
        const struct mq_example *e = &s->unseen->examples[i];
        struct mq_mixed mixed;
        mq_mix(shape, s->kinds, s->out, scores_of(s, i), s->unseen->symbols[i], &mixed);
        struct mq_outcome o = mq_outcome_from(shape, s->out, &mixed);
        if (o.domain < (int)domains)
            dispatch[n[0]++] = (struct bet){ mixed.confidence, mq_outcome_right(e, &o) };
        if (e->kind >= 0 && o.best_kind >= 0)
            kind[n[1]++] = (struct bet){ mixed.kind_probability, o.best_kind == e->kind };
        if (e->severity)
            critical[n[2]++] = (struct bet){ mixed.severity[MQ_MODEL_SEVERITIES - 1], e->severity == 4 };
        for (size_t d = 0; shape->several && o.domain < (int)domains && d < domains; d++)
            if ((int)d != o.domain)
                also[n[3]++] = (struct bet){ mixed.several[d], (int)d == e->domain || (e->also >> d & 1) };
    }
    s->out->dispatch_from = threshold(dispatch, n[0], MQ_TARGET_RIGHT);
    s->out->kind_from = threshold(kind, n[1], MQ_TARGET_KIND);
    s->out->critical_from = lowest_of(critical, n[2], MQ_TARGET_CRITICAL);
    s->out->also_from = best_f1(also, n[3]);
    free(bets);
    return 0;
}

int mq_calibrate(const struct mq_unseen *unseen, const struct mq_shape *shape, const struct mq_model_label *kinds,
                 struct mq_calibration *out) {
    struct source s = { unseen, shape, kinds, mq_column_count(shape), out };
    memset(out, 0, sizeof(*out));
    out->sharpness = SHARPNESS;
    int r = fit_domains(&s);
    if (r == 0 && shape->kinds)
        r = fit_kinds(&s);
    if (r == 0)
        r = fit_confidence(&s);
    if (r == 0 && shape->several)
        r = fit_several(&s);
    if (r == 0 && shape->severities)
        r = fit_severity(&s);
    return r < 0 ? r : choose_thresholds(&s);
}

/* The lowest threshold above which the probabilities themselves, taken for honest, promise the target share. */
static float promised(struct bet *bets, size_t n, double target) {
    double sum = 0;
    float from = 1.01f;
    qsort(bets, n, sizeof(*bets), by_probability);
    for (size_t i = 0; i < n; i++) {
        sum += (double)bets[i].probability;
        if (sum >= target * (double)(i + 1))
            from = bets[i].probability;
    }
    return from;
}

static float logit(float p) { return logf((p + 1e-6f) / (1 - p + 1e-6f)); }

static int fit_correction(const struct source *s, double weights[MQ_CHOICE_WEIGHTS]) {
    struct mq_choice choice;
    if (mq_choice_init(&choice, s->unseen->count, 2, 2) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < s->unseen->count; i++) {
        struct mq_mixed mixed;
        mq_mix(s->shape, s->kinds, s->out, scores_of(s, i), s->unseen->symbols[i], &mixed);
        struct mq_outcome o = mq_outcome_from(s->shape, s->out, &mixed);
        choice.chosen[i] = mq_outcome_right(&s->unseen->examples[i], &o);
        float *f = mq_choice_features(&choice, i, 1);
        f[0] = logit(mixed.confidence);
        f[1] = 1;
    }
    mq_choice_fit(&choice, RIDGE, weights);
    mq_choice_deinit(&choice);
    return 0;
}

int mq_recalibrate(const struct mq_unseen *apart, const struct mq_shape *shape, const struct mq_model_label *kinds,
                   struct mq_calibration *calibration) {
    struct source s = { apart, shape, kinds, mq_column_count(shape), calibration };
    double weights[MQ_CHOICE_WEIGHTS] = { 1 };
    if (apart->count == 0)
        return 0;
    struct bet *bets = calloc(apart->count, sizeof(*bets));
    if (!bets || fit_correction(&s, weights) < 0) {
        free(bets);
        return -ENOMEM;
    }
    for (size_t i = 0; i < MQ_MODEL_CONFIDENCE; i++)
        calibration->confidence[i] *= (float)weights[0];
    calibration->confidence[0] += (float)weights[1];
    size_t n = 0;
    for (size_t i = 0; i < apart->count; i++) {
        struct mq_mixed mixed;
        mq_mix(shape, kinds, calibration, scores_of(&s, i), apart->symbols[i], &mixed);
        if (mixed.best < shape->domains - shape->has_none)
            bets[n++].probability = mixed.confidence;
    }
    calibration->dispatch_from = promised(bets, n, MQ_TARGET_RIGHT);
    free(bets);
    return 0;
}
