/* SPDX-License-Identifier: Apache-2.0 */
/* Corpus: labelled texts from files, from decisions that people took, and the catalogue that names the labels. */
#ifndef MQ_CORPUS_H
#define MQ_CORPUS_H

#include "common/base.h"

#define MQ_CORPUS_DOMAINS 64 /* at most; a domain is also a bit of `also` */
#define MQ_CORPUS_KINDS 512
#define MQ_CORPUS_NAME 48    /* bytes of a label with its zero byte */

/* Labels. The label after the last domain, number `domain_count`, is “none of them” where has_none. */
struct mq_labels {
    size_t domain_count, kind_count;
    bool has_none;
    char domains[MQ_CORPUS_DOMAINS][MQ_CORPUS_NAME];
    char kinds[MQ_CORPUS_KINDS][MQ_CORPUS_NAME]; /* full codes: domain.kind */
    int kind_domain[MQ_CORPUS_KINDS];
    int kind_severity[MQ_CORPUS_KINDS];
    bool restricted[MQ_CORPUS_DOMAINS]; /* nobody else may see its reports */
};

struct mq_example {
    struct mq_str text;  /* in the corpus's own memory */
    int domain;          /* 0…domain_count, the last for none */
    int kind;            /* -1: not known */
    int severity;        /* 1–4; 0: not known */
    uint64_t also;       /* bits of domains */
    bool decided;        /* by a person, of a report; not a sentence of the corpus */
    const char *file;
    unsigned line;
};

struct mq_corpus {
    struct mq_labels labels;
    struct mq_example *examples;
    size_t count, capacity;
    char **blocks; /* what was read, which texts point into */
    size_t block_count;
};

void mq_corpus_deinit(struct mq_corpus *corpus);

/* Reads the catalogue of kinds (columns `code`, `severity` and, if there, `restricted`; domains in order of appearance; “none” is a
 * label too). */
MQ_MUST_CHECK int mq_corpus_catalogue(struct mq_corpus *corpus, const char *path);

/* Adds a file with the header `domain kind severity also text`, or every *.tsv of a folder in order of names. 0, -ENOENT, or
 * -EINVAL after one line a fault on standard error. */
MQ_MUST_CHECK int mq_corpus_add(struct mq_corpus *corpus, const char *path);

/* Adds rows `domain kind severity text` as exported from the table of decisions: \N or empty for null, kinds as full codes. */
MQ_MUST_CHECK int mq_corpus_add_decisions(struct mq_corpus *corpus, const char *path);

/* The same straight from the database. -EIO after a line on standard error. */
MQ_MUST_CHECK int mq_corpus_add_database(struct mq_corpus *corpus, const char *conninfo);

/* Adds a file of `text<TAB>label`, the label in `label_column` (1 is the first; 0: the last), the text in the first other one.
 * With `learn_labels` unknown labels become domains; without, they are faults. */
MQ_MUST_CHECK int mq_corpus_add_tsv(struct mq_corpus *corpus, const char *path, unsigned label_column, bool learn_labels);

#endif
