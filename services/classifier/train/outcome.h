/* SPDX-License-Identifier: Apache-2.0 */
/* Outcomes of predictions beside the truth, and the figures that they make. */
#ifndef MQ_OUTCOME_H
#define MQ_OUTCOME_H

#include "corpus.h"
#include "model_format.h"

#include <stdio.h>

#define MQ_BINS 10 /* of the reliability diagram */

/* What was said of one text. */
struct mq_outcome {
    int domain; /* the last for none */
    double probability;
    int best_kind; /* -1: the domain has none */
    bool kind_given;
    int severity;
    bool critical, review;
};

/* What is decided from probabilities by the calibration's thresholds. */
struct mq_outcome mq_outcome_from(const struct mq_shape *shape, const struct mq_calibration *calibration, const struct mq_mixed *mixed);

struct mq_label_figures {
    size_t truth, said, right; /* texts of this label, texts said to be, both; `right` strictly, without `also` */
    double precision, recall, f1;
};

struct mq_figures {
    size_t texts, labels;
    double top1;        /* domain, or one that the report touches as well */
    double strict;      /* the domain alone */
    double dispatched;  /* share of the texts that go to a department */
    double right;       /* among those */
    double ece;
    double none_review; /* share of the texts of no domain that people see */
    double kind, kind_given, kind_right; /* best kind right; share with a kind named; right among those */
    double severity, critical_recall, critical_precision;
    double macro_f1;
    double dispatched_of_domains; /* share of the texts that have a domain */
    double per_second;  /* predictions; 0: not measured */
    struct mq_label_figures label[MQ_MODEL_DOMAINS];
    size_t confusion[MQ_MODEL_DOMAINS][MQ_MODEL_DOMAINS]; /* [truth][said] */
    struct {
        size_t texts;
        double probability, right; /* means */
    } bins[MQ_BINS];
    struct {
        double from, dispatched, right;
    } curve[21]; /* coverage by threshold: 0, 0.05, …, 1 */
};

bool mq_outcome_right(const struct mq_example *example, const struct mq_outcome *outcome);

/* Figures of outcomes[i] for examples[i]. */
void mq_figures(const struct mq_labels *labels, const struct mq_example *examples, const struct mq_outcome *outcomes, size_t count,
                struct mq_figures *out);

/* As aligned text; the summary alone unless `full`. As one JSON object. */
void mq_figures_print(const struct mq_labels *labels, const struct mq_figures *figures, bool full, FILE *out);
void mq_figures_json(const struct mq_labels *labels, const struct mq_figures *figures, FILE *out);

const char *mq_label_name(const struct mq_labels *labels, size_t domain);

#endif
