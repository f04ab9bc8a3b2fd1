/* SPDX-License-Identifier: Apache-2.0 */
/* The model: what a text is about, how sure that is, and why. One pass over the text, no allocation a prediction. */
#ifndef MQ_MODEL_H
#define MQ_MODEL_H

#include "common/base.h"

#define MQ_MODEL_PHRASES 5       /* that spoke most for the decision */
#define MQ_MODEL_PHRASE_BYTES 48
#define MQ_MODEL_ALSO 2
#define MQ_MODEL_WORDS 512 /* of one text; what follows is not compared */

struct mq_model;
struct mq_scratch; /* working memory of one thread */

struct mq_phrase {
    char text[MQ_MODEL_PHRASE_BYTES]; /* zero-terminated, cut at a character */
    double weight;                    /* its share of the score, larger is more */
};

struct mq_prediction {
    const char *domain;      /* most probable label; NULL: none of them (text of no domain) */
    double probability;      /* calibrated, of `domain` (or of none) */
    const char *kind;        /* full code, NULL while unsure */
    double kind_probability;
    int severity;            /* 1–4, of the text alone */
    double severity_probability;
    bool review;             /* below the model's threshold, or of no domain */
    bool critical;           /* looks critical, whatever the domain's probability */
    struct {
        const char *domain;
        double probability;
    } also[MQ_MODEL_ALSO];
    size_t also_count;
    const char *runner_up;   /* second most probable domain, NULL: none */
    double runner_up_probability;
    struct mq_phrase because[MQ_MODEL_PHRASES];
    size_t because_count;
};

/* Maps the file read-only and checks version and checksum. -ENOENT, -EACCES, -EBADMSG (damaged: `fault` says where),
 * -EPROTO (a version this program does not know). */
MQ_MUST_CHECK int mq_model_open(const char *path, struct mq_model **out, char fault[200]);
void mq_model_free(struct mq_model *model);

/* Name of the model: its format version and the first 12 digits of its checksum. */
const char *mq_model_name(const struct mq_model *model);

MQ_MUST_CHECK int mq_scratch_new(const struct mq_model *model, struct mq_scratch **out); /* -ENOMEM */
void mq_scratch_free(struct mq_scratch *scratch);

/* Any bytes are allowed as text; what is not UTF-8 counts as unknown characters. Strings of `out` belong to the model. */
void mq_model_predict(const struct mq_model *model, struct mq_scratch *scratch, struct mq_str text, struct mq_prediction *out);

/* Hashes of the pairs of neighbouring characters of the text last predicted, as folded, ascending and each once: by these, reports of the
 * same thing are recognised. Returns how many. */
size_t mq_model_words(const struct mq_scratch *scratch, int32_t out[MQ_MODEL_WORDS]);

#endif
