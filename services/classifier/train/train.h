/* SPDX-License-Identifier: Apache-2.0 */
/* What minqing-train can do, and with what. */
#ifndef MQ_TRAIN_H
#define MQ_TRAIN_H

#include "crossvalidate.h"

#define MQ_TRAIN_INPUTS 16

struct mq_train_options {
    const char *corpus[MQ_TRAIN_INPUTS];    /* files or folders */
    const char *decisions[MQ_TRAIN_INPUTS];
    const char *calibration[MQ_TRAIN_INPUTS]; /* written apart from the corpus: never learned from */
    const char *apart[MQ_TRAIN_INPUTS];       /* that corpus and calibration must share no sentence with */
    size_t corpus_count, decisions_count, calibration_count, apart_count;
    const char *database;  /* libpq connection string */
    const char *catalogue;
    const char *out, *report;
    const char *in_use; /* NULL: the model that `out` replaces */
    const char *score, *model;
    const char *tsv, *test;
    unsigned label_column; /* of --tsv; 0: the last */
    unsigned folds;
    bool force, quick, json;
    struct mq_learn_options learn;
};

/* Learns from corpus and decisions, says how well, writes the model. 1: refused, because the decisions contradict the corpus or the
 * model is worse than the one in use. */
MQ_MUST_CHECK int mq_train(const struct mq_train_options *options);

/* Prints near-duplicates within the corpus and across the sets named, and how many sentences each kind has. 1: there are
 * near-duplicates. */
MQ_MUST_CHECK int mq_check(const struct mq_train_options *options);

/* Scores a model on labelled texts. */
MQ_MUST_CHECK int mq_score(const struct mq_train_options *options);

/* Learns any TSV of texts and labels, and tests on another. */
MQ_MUST_CHECK int mq_train_tsv(const struct mq_train_options *options);

/* Figures of some texts and the thresholds by which they came about. */
struct mq_report_part {
    const char *title;
    const struct mq_figures *figures; /* NULL: there are no such texts */
    const struct mq_calibration *calibration;
};

/* A page with reliability diagram, coverage curve and confusion matrix of each part. */
MQ_MUST_CHECK int mq_report_html(const char *path, const struct mq_labels *labels, const struct mq_report_part *parts, size_t count,
                                 const char *model_name);

/* Reads all that the options name, catalogue first. */
MQ_MUST_CHECK int mq_train_read(const struct mq_train_options *options, struct mq_corpus *corpus);

/* Outcomes of an opened model for examples; seconds of processor time in `seconds`. */
struct mq_model;
MQ_MUST_CHECK int mq_predict_all(const struct mq_model *model, const struct mq_corpus *corpus, struct mq_outcome *outcomes,
                                 double *seconds);

/* Numbers in the model and in the catalogue mean the same labels. */
bool mq_same_labels(const struct mq_model *model, const struct mq_labels *labels);

/* What a new model says of texts that it had not seen: of the first `learned` out of fold, of the others because they are apart. */
struct mq_said {
    const struct mq_corpus *corpus;
    const struct mq_outcome *outcomes;
    size_t learned;
};

/* Whether the new model is worse than the one at `path`, by texts whose labels neither took from what is contested: those set apart,
 * and those which both learned under the same label, each as said before it was learned. 1: worse; 0: not. Prints the comparison. */
MQ_MUST_CHECK int mq_compare(const char *path, const struct mq_said *said);

/* Whether more decisions contradict the sentences of the corpus that say almost the same than agree with them. 1: so; prints how
 * many of each. */
MQ_MUST_CHECK int mq_contradictions(const struct mq_corpus *corpus);

double mq_processor_seconds(void);

#endif
