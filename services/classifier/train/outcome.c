/* SPDX-License-Identifier: Apache-2.0 */
/* Figures from outcomes. */
#include "outcome.h"

#include <math.h>

struct mq_outcome mq_outcome_from(const struct mq_shape *shape, const struct mq_calibration *c, const struct mq_mixed *mixed) {
    struct mq_outcome o = { .domain = (int)mixed->best, .probability = (double)mixed->confidence, .best_kind = -1 };
    bool none = shape->has_none && mixed->best == shape->domains - 1;
    if (mixed->kind != UINT32_MAX)
        o.best_kind = (int)mixed->kind;
    o.kind_given = o.best_kind >= 0 && mixed->kind_probability >= c->kind_from;
    o.severity = 1;
    for (int s = 2; s <= MQ_MODEL_SEVERITIES; s++)
        if (mixed->severity[s - 1] > mixed->severity[o.severity - 1])
            o.severity = s;
    o.critical = shape->severities && mixed->severity[MQ_MODEL_SEVERITIES - 1] >= c->critical_from;
    o.review = none || !(mixed->confidence >= c->dispatch_from);
    return o;
}

bool mq_outcome_right(const struct mq_example *e, const struct mq_outcome *o) {
    return o->domain == e->domain || (e->also >> o->domain & 1);
}

const char *mq_label_name(const struct mq_labels *labels, size_t domain) {
    return domain < labels->domain_count ? labels->domains[domain] : "none";
}

static double ratio(size_t a, size_t b) { return b ? (double)a / (double)b : 0; }

static void label_figures(struct mq_figures *f) {
    size_t present = 0;
    for (size_t l = 0; l < f->labels; l++) {
        struct mq_label_figures *x = &f->label[l];
        x->right = f->confusion[l][l];
        for (size_t m = 0; m < f->labels; m++) {
            x->truth += f->confusion[l][m];
            x->said += f->confusion[m][l];
        }
        x->precision = ratio(x->right, x->said);
        x->recall = ratio(x->right, x->truth);
        x->f1 = x->right ? 2 * x->precision * x->recall / (x->precision + x->recall) : 0;
        present += x->truth > 0;
        f->macro_f1 += x->truth > 0 ? x->f1 : 0;
    }
    f->macro_f1 = present ? f->macro_f1 / (double)present : 0;
}

static void bins(const struct mq_example *examples, const struct mq_outcome *outcomes, struct mq_figures *f) {
    for (size_t i = 0; i < f->texts; i++) {
        size_t bin = (size_t)fmin(fmax(outcomes[i].probability, 0) * MQ_BINS, MQ_BINS - 1);
        f->bins[bin].texts++;
        f->bins[bin].probability += outcomes[i].probability;
        f->bins[bin].right += mq_outcome_right(&examples[i], &outcomes[i]);
    }
    for (size_t b = 0; b < MQ_BINS; b++) {
        if (f->bins[b].texts == 0)
            continue;
        f->ece += fabs(f->bins[b].probability - f->bins[b].right) / (double)f->texts;
        f->bins[b].probability /= (double)f->bins[b].texts;
        f->bins[b].right /= (double)f->bins[b].texts;
    }
}

static void curve(const struct mq_labels *labels, const struct mq_example *examples, const struct mq_outcome *outcomes,
                  struct mq_figures *f) {
    const size_t steps = MQ_LENGTH(f->curve) - 1;
    for (size_t step = 0; step <= steps; step++) {
        double from = (double)step / (double)steps;
        size_t dispatched = 0, right = 0;
        for (size_t i = 0; i < f->texts; i++) {
            bool none = labels->has_none && outcomes[i].domain == (int)labels->domain_count;
            if (none || outcomes[i].probability < from)
                continue;
            dispatched++;
            right += mq_outcome_right(&examples[i], &outcomes[i]);
        }
        f->curve[step].from = from;
        f->curve[step].dispatched = ratio(dispatched, f->texts);
        f->curve[step].right = ratio(right, dispatched);
    }
}

void mq_figures(const struct mq_labels *labels, const struct mq_example *examples, const struct mq_outcome *outcomes, size_t count,
                struct mq_figures *f) {
    size_t right = 0, strict = 0, dispatched = 0, dispatched_right = 0, none = 0, none_review = 0, domain_dispatched = 0, kinds = 0, kind = 0, given = 0,
           given_right = 0, severities = 0, severity = 0, critical = 0, critical_said = 0, critical_both = 0;
    memset(f, 0, sizeof(*f));
    f->texts = count;
    f->labels = labels->domain_count + labels->has_none;
    for (size_t i = 0; i < count; i++) {
        const struct mq_example *e = &examples[i];
        const struct mq_outcome *o = &outcomes[i];
        bool good = mq_outcome_right(e, o), is_none = labels->has_none && e->domain == (int)labels->domain_count;
        right += good;
        strict += e->domain == o->domain;
        dispatched += !o->review;
        dispatched_right += !o->review && good;
        none += is_none;
        domain_dispatched += !is_none && !o->review;
        none_review += is_none && o->review;
        kinds += e->kind >= 0;
        kind += e->kind >= 0 && o->best_kind == e->kind;
        given += e->kind >= 0 && o->kind_given;
        given_right += e->kind >= 0 && o->kind_given && o->best_kind == e->kind;
        severities += e->severity != 0;
        severity += e->severity != 0 && e->severity == o->severity;
        critical += e->severity == 4;
        critical_said += e->severity != 0 && o->critical;
        critical_both += e->severity == 4 && o->critical;
        f->confusion[e->domain][o->domain]++;
    }
    f->top1 = ratio(right, count);
    f->strict = ratio(strict, count);
    f->dispatched = ratio(dispatched, count);
    f->dispatched_of_domains = ratio(domain_dispatched, count - none);
    f->right = ratio(dispatched_right, dispatched);
    f->none_review = ratio(none_review, none);
    f->kind = ratio(kind, kinds);
    f->kind_given = ratio(given, kinds);
    f->kind_right = ratio(given_right, given);
    f->severity = ratio(severity, severities);
    f->critical_recall = ratio(critical_both, critical);
    f->critical_precision = ratio(critical_both, critical_said);
    label_figures(f);
    bins(examples, outcomes, f);
    curve(labels, examples, outcomes, f);
}
