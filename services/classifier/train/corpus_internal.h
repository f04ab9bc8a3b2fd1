/* SPDX-License-Identifier: Apache-2.0 */
/* What the readers of a corpus share. */
#ifndef MQ_CORPUS_INTERNAL_H
#define MQ_CORPUS_INTERNAL_H

#include "corpus.h"

/* Takes over memory that texts point into; frees it when it cannot. */
MQ_MUST_CHECK int mq_corpus_keep(struct mq_corpus *corpus, char *block);
MQ_MUST_CHECK int mq_corpus_push(struct mq_corpus *corpus, const struct mq_example *example);

/* One decision: domain, kind, severity, text; null as "", "-" or \N. */
MQ_MUST_CHECK int mq_corpus_push_decision(struct mq_corpus *corpus, const char *path, unsigned line, char *const cells[4]);

#endif
