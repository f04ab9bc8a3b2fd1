/* SPDX-License-Identifier: Apache-2.0 */
/* Words on the wire in Chinese, for people. */
#ifndef MQ_WORDS_H
#define MQ_WORDS_H

#include "common/buffer.h"

/* 立案 for opened. A word that is not in the table comes back as it is. */
struct mq_str mq_word(struct mq_str word);

/* Appends "立案 opened"; a word that is not in the table, once and cleaned. */
void mq_word_both(struct mq_str word, struct mq_buffer *out);

/* Values of options; each ends with NULL. Departments are those of the reference data: a county may have others. */
extern const char *const mq_state_words[];
extern const char *const mq_department_words[];

#endif
