/* SPDX-License-Identifier: Apache-2.0 */
/* Model file: what minqing-train writes and mq_model_open maps. In the byte order of the machine; every section begins at a
 * multiple of 64 bytes.
 *
 *   header | labels | index | idf | weights | columns | seen
 *
 * labels   domains (“none” last where it is one), then kinds
 * index    open addressing from a feature's hash to its row; a free slot has row MQ_MODEL_FREE
 * idf      float of each row
 * weights  int8 [row][stride], the columns of one feature side by side
 * columns  {scale, bias} of each of `stride` columns: a score is bias + scale · Σ value · weight
 * seen     the texts learned from, by hash, with the labels learned and what a model that had not seen them said: for a fair
 *          comparison later */
#ifndef MQ_MODEL_FORMAT_H
#define MQ_MODEL_FORMAT_H

#include "common/base.h"

#define MQ_MODEL_MAGIC "MQMODEL"
#define MQ_MODEL_VERSION 2u
#define MQ_MODEL_ORDER 0x01020304u
#define MQ_MODEL_DOMAINS 64     /* with none */
#define MQ_MODEL_KINDS 512
#define MQ_MODEL_SEVERITIES 4
#define MQ_MODEL_CONFIDENCE 9
#define MQ_MODEL_NAME 48
#define MQ_MODEL_FREE UINT32_MAX
#define MQ_MODEL_NO_KIND UINT16_MAX
#define MQ_MODEL_BLOCK 16       /* the stride is a multiple */
#define MQ_MODEL_VALUE 32767    /* a feature's value of 1 */

/* The questions asked of a text, one column each, in this order. */
struct mq_shape {
    uint32_t domains;    /* none included; what naive Bayes says of each comes first */
    uint32_t has_none;   /* 1: the last domain is “none of them” */
    uint32_t kinds;
    uint32_t several;    /* two-class models of each domain: domains, or 0 */
    uint32_t severities; /* “at least 2”, “at least 3”, “at least 4”: 3, or 0 */
};

static inline size_t mq_column_direct(const struct mq_shape *s) { (void)s; return 0; }
static inline size_t mq_column_several(const struct mq_shape *s) { return s->domains; }
static inline size_t mq_column_kinds(const struct mq_shape *s) { return s->domains + s->several; }
/* After the kinds comes one column that keeps texts of no domain from being taken for a kind, where none is a label. */
static inline size_t mq_column_severity(const struct mq_shape *s) {
    return s->domains + s->several + s->kinds + (s->kinds ? s->has_none : 0);
}
static inline size_t mq_column_count(const struct mq_shape *s) { return mq_column_severity(s) + s->severities; }

/* How scores become probabilities, and from where on they are acted on. Fitted to scores of texts not learned from. */
struct mq_calibration {
    float direct, several, kind;           /* what naive Bayes, the two-class models and the kinds say of a domain, mixed */
    float domain_bias[MQ_MODEL_DOMAINS];
    float confidence[MQ_MODEL_CONFIDENCE]; /* from what is known about a decision to how often such ones are right */
    float sharpness;                       /* of the maximum over a domain's kinds */
    float kind_slope;                      /* of a kind's score among the kinds of its domain */
    float several_slope, several_bias;     /* of the two-class models' scores */
    float severity_score, severity_kind;   /* what the text's own score and its kind say about severity, mixed */
    float severity_bias[MQ_MODEL_SEVERITIES];
    float dispatch_from;                   /* probability of the domain below which people decide */
    float kind_from;                       /* probability below which the kind stays open */
    float also_from;                       /* probability from which a further domain is named */
    float critical_from;                   /* probability of severity 4 from which a text looks critical */
};

struct mq_model_label {
    char name[MQ_MODEL_NAME];
    uint32_t domain;                            /* of a kind; of a domain itself */
    float severity[MQ_MODEL_SEVERITIES];        /* of a kind: logarithm of each severity's share */
};

struct mq_model_slot {
    uint32_t hash, row;
};

struct mq_model_column {
    float scale, bias;
};

struct mq_model_seen {
    uint64_t text;                      /* hash */
    uint8_t domain, severity;           /* learned; severity 0: not known */
    uint8_t said_domain, said_severity; /* without having seen it */
    uint16_t kind, said_kind;           /* MQ_MODEL_NO_KIND: not known */
};

struct mq_model_header {
    char magic[8];
    uint32_t version, order;
    uint64_t bytes;    /* of the file */
    uint64_t checksum; /* of the file with this field zero */
    struct mq_shape shape;
    uint32_t rows, stride, slot_bits, seen;
    uint32_t reserved;
    uint64_t labels_at, index_at, idf_at, weights_at, columns_at, seen_at;
    float unknown_idf; /* what an unknown feature counts in a text's length */
    struct mq_calibration calibration;
};

/* Checksum of the bytes with the header's field taken as zero; bytes ≥ sizeof(struct mq_model_header). */
uint64_t mq_model_checksum(const void *bytes, size_t n);

/* Probabilities from scores. */
struct mq_mixed {
    float domain[MQ_MODEL_DOMAINS];       /* how the domains share the text; sums to 1 */
    float confidence;                     /* probability that the best domain is right, alone or among others */
    float several[MQ_MODEL_DOMAINS];      /* each on its own */
    float severity[MQ_MODEL_SEVERITIES];  /* sums to 1 */
    uint32_t best, second;                /* domains */
    uint32_t kind;                        /* most probable of the best domain; UINT32_MAX where it has none */
    float kind_probability;
};

/* The calibrated features behind the probabilities; training fits the calibration to them. kind_evidence[domain]: a soft maximum
 * over the scores of the domain's kinds. */
void mq_kind_evidence(const struct mq_shape *shape, const struct mq_model_label *kinds, float sharpness, const float *scores,
                      float *evidence);
void mq_severity_steps(const struct mq_shape *shape, const float *scores, float steps[MQ_MODEL_SEVERITIES]);

void mq_mix(const struct mq_shape *shape, const struct mq_model_label *kinds, const struct mq_calibration *calibration,
            const float *scores, size_t symbols, struct mq_mixed *out);

/* What is known about the decision that `mixed` takes. */
void mq_confidence_features(const struct mq_shape *shape, const struct mq_mixed *mixed, const float *scores, size_t symbols,
                            float out[MQ_MODEL_CONFIDENCE]);

#endif
