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
    size_t corpus_count, decisions_count, calibration_count;
    const char *database;  /* libpq connection string */
    const char *catalogue;
    const char *out, *in_use, *report;
    const char *score, *model;
    const char *tsv, *test;
    unsigned label_column; /* of --tsv; 0: the last */
    unsigned folds;
    bool force, quick, json;
    struct mq_learn_options learn;
};

/* Learns from corpus and decisions, says how well, writes the model. 1: a model, but worse than the one in use. */
MQ_MUST_CHECK int mq_train(const struct mq_train_options *options);

/* Prints near-duplicates and how many sentences each kind has. 1: there are near-duplicates. */
MQ_MUST_CHECK int mq_check(const struct mq_train_options *options);

/* Scores a model on labelled texts. */
MQ_MUST_CHECK int mq_score(const struct mq_train_options *options);

/* Learns any TSV of texts and labels, and tests on another. */
MQ_MUST_CHECK int mq_train_tsv(const struct mq_train_options *options);

/* A page with reliability diagram, coverage curve and confusion matrix. */
MQ_MUST_CHECK int mq_report_html(const char *path, const struct mq_labels *labels, const struct mq_figures *figures,
                                 const struct mq_calibration *calibration, const char *model_name);

/* Reads all that the options name, catalogue first. */
MQ_MUST_CHECK int mq_train_read(const struct mq_train_options *options, struct mq_corpus *corpus);

/* Outcomes of an opened model for examples; seconds of processor time in `seconds`. */
struct mq_model;
MQ_MUST_CHECK int mq_predict_all(const struct mq_model *model, const struct mq_corpus *corpus, struct mq_outcome *outcomes,
                                 double *seconds);

/* Whether the new outcomes are worse than what the model at `path` says of the same texts, where neither had seen them.
 * 1: worse; 0: not; prints the comparison. */
MQ_MUST_CHECK int mq_compare(const char *path, const struct mq_corpus *corpus, const struct mq_outcome *outcomes);

double mq_processor_seconds(void);

#endif
