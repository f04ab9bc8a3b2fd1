/* SPDX-License-Identifier: Apache-2.0 */
/* Words on the wire in Chinese, for people. */
#ifndef MQ_WORDS_H
#define MQ_WORDS_H

#include "common/base.h"

/* 立案 for opened. A word that is not in the table comes back as it is. */
struct mq_str mq_word(struct mq_str word);

#endif
