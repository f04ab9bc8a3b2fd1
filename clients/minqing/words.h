/* SPDX-License-Identifier: Apache-2.0 */
/* Words on the wire in Chinese, for people. */
#ifndef MQ_WORDS_H
#define MQ_WORDS_H

#include "common/buffer.h"

/* 立案 for opened. A word that is not in the table comes back as it is. */
struct mq_str mq_word(struct mq_str word);

/* Appends "立案 opened"; a word that is not in the table, once and cleaned. */
void mq_word_both(struct mq_str word, struct mq_buffer *out);

/* Departments of the reference data, ended by NULL; a county may have others. */
extern const char *const mq_department_words[];

/* Where a word stands in a list ended by NULL; -1: nowhere, or NULL. */
int mq_word_index(const char *const *words, const char *word);

#endif
