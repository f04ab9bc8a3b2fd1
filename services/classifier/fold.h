/* SPDX-License-Identifier: Apache-2.0 */
/* Text as the classifier reads it: compatibility forms, case, widths and traditional characters folded, numbers as classes. */
#ifndef MQ_FOLD_H
#define MQ_FOLD_H

#include "common/base.h"

#define MQ_FOLD_SYMBOLS 8192 /* what follows in a text is not read */

/* Symbols that stand for classes; above every code point, so that no text can forge one. */
enum {
    MQ_SYMBOL_BREAK = 0x110000, /* punctuation and space, a run of them is one */
    MQ_SYMBOL_UNKNOWN,          /* what is not UTF-8, private use */
    MQ_SYMBOL_PHONE,            /* telephone number */
    MQ_SYMBOL_IDENTITY,         /* number of 15 or 18 digits */
    MQ_SYMBOL_TIME,             /* digits with a colon: 8:30 */
    MQ_SYMBOL_DECIMAL,          /* digits with a point */
    MQ_SYMBOL_HELPLINE,         /* 110, 119, 120, 122, 12345 and the like */
    MQ_SYMBOL_NUMBER_1,         /* another number of one digit; _1 + n - 1: of n digits */
    MQ_SYMBOL_NUMBER_LONG = MQ_SYMBOL_NUMBER_1 + 6, /* of seven digits and more */
    MQ_SYMBOL_EDGE,             /* before the first and after the last symbol */
};

/* Whether a symbol may hide something personal: such are never shown as part of an explanation. */
static inline bool mq_symbol_personal(uint32_t symbol) {
    return symbol == MQ_SYMBOL_PHONE || symbol == MQ_SYMBOL_IDENTITY || symbol == MQ_SYMBOL_NUMBER_LONG;
}

struct mq_symbol {
    uint32_t code;
    uint32_t begin, end; /* bytes of the text that it comes from */
};

/* The table of ideographs, 42 KB; read-only once made. */
struct mq_fold {
    uint16_t ideographs[0x9fff - 0x4e00 + 1];
};

void mq_fold_init(struct mq_fold *fold);

/* Folds the text into at most MQ_FOLD_SYMBOLS symbols and returns how many. No allocation, no locale. */
size_t mq_fold_text(const struct mq_fold *fold, struct mq_str text, struct mq_symbol *out);

#endif
