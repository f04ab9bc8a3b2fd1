/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of text into symbols. */
#include "fold.h"

#include "traditional.h"

#include <utf8proc.h>

#define IDEOGRAPH_FIRST 0x4e00u
#define IDEOGRAPH_LAST 0x9fffu
#define EXPANSION 32 /* no code point has more in its compatibility decomposition */

void mq_fold_init(struct mq_fold *fold) {
    for (size_t i = 0; i < MQ_LENGTH(fold->ideographs); i++)
        fold->ideographs[i] = (uint16_t)(IDEOGRAPH_FIRST + i);
    for (size_t i = 0; i + 1 < MQ_LENGTH(mq_traditional); i += 2)
        fold->ideographs[mq_traditional[i] - IDEOGRAPH_FIRST] = mq_traditional[i + 1];
}

/* Reads one code point; returns its bytes. Bytes that are not UTF-8 are unknown, one at a time. */
static size_t decode(const unsigned char *s, size_t left, uint32_t *code) {
    utf8proc_int32_t c;
    if (*s < 0x80) {
        *code = *s;
        return 1;
    }
    utf8proc_ssize_t n = utf8proc_iterate(s, left < 4 ? (utf8proc_ssize_t)left : 4, &c);
    if (n <= 0) {
        *code = MQ_SYMBOL_UNKNOWN;
        return 1;
    }
    *code = (uint32_t)c;
    return (size_t)n;
}

static uint32_t by_category(utf8proc_int32_t code) {
    switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CS:
        return MQ_SYMBOL_UNKNOWN;
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return MQ_SYMBOL_BREAK;
    default:
        return (uint32_t)code;
    }
}

static uint32_t fold_ascii(uint32_t c) {
    if (c >= 'A' && c <= 'Z')
        return c + ('a' - 'A');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return c;
    /* A number's inner signs; what is left of them becomes a break when numbers are read. */
    return c == '.' || c == ':' || c == '-' ? c : MQ_SYMBOL_BREAK;
}

/* Folds one code point into symbols' codes and returns how many. */
static size_t fold_code(const struct mq_fold *fold, uint32_t c, uint32_t out[EXPANSION]) {
    if (c >= 0xff01 && c <= 0xff5e)
        c -= 0xfee0;
    if (c < 0x80) {
        *out = fold_ascii(c);
        return 1;
    }
    if (c >= IDEOGRAPH_FIRST && c <= IDEOGRAPH_LAST) {
        *out = fold->ideographs[c - IDEOGRAPH_FIRST];
        return 1;
    }
    if (c == MQ_SYMBOL_UNKNOWN || (c >= 0x3000 && c <= 0x3003)) {
        *out = c == MQ_SYMBOL_UNKNOWN ? c : MQ_SYMBOL_BREAK;
        return 1;
    }
    utf8proc_int32_t parts[EXPANSION];
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, EXPANSION,
                                                 UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE
                                                     | UTF8PROC_STRIPMARK, &boundary);
    if (n < 0 || n > EXPANSION) {
        *out = MQ_SYMBOL_UNKNOWN;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < n; i++) {
        uint32_t part = (uint32_t)parts[i];
        if (part < 0x80)
            out[i] = fold_ascii(part);
        else if (part >= IDEOGRAPH_FIRST && part <= IDEOGRAPH_LAST)
            out[i] = fold->ideographs[part - IDEOGRAPH_FIRST];
        else
            out[i] = by_category(parts[i]);
    }
    return (size_t)n;
}

static bool digit(uint32_t code) { return code >= '0' && code <= '9'; }

static uint32_t number_class(const char *digits, size_t n, bool point, bool colon) {
    static const char *const helplines[] = { "110", "119", "120", "122", "12119", "12122", "12305", "12315", "12328", "12333", "12345",
                                             "12350", "12355", "12369", "12395" };
    if (colon)
        return MQ_SYMBOL_TIME;
    if (point)
        return MQ_SYMBOL_DECIMAL;
    for (size_t i = 0; n <= 5 && i < MQ_LENGTH(helplines); i++)
        if (strlen(helplines[i]) == n && memcmp(helplines[i], digits, n) == 0)
            return MQ_SYMBOL_HELPLINE;
    if (n == 15 || n == 18)
        return MQ_SYMBOL_IDENTITY;
    if ((n == 11 && (*digits == '1' || *digits == '0')) || (n == 12 && *digits == '0') || (n == 13 && memcmp(digits, "86", 2) == 0))
        return MQ_SYMBOL_PHONE;
    return n >= 7 ? MQ_SYMBOL_NUMBER_LONG : MQ_SYMBOL_NUMBER_1 + (uint32_t)n - 1;
}

/* Reads the number that begins at symbol `at`, with the signs inside it; returns the symbols read. */
static size_t read_number(const struct mq_symbol *symbols, size_t n, size_t at, uint32_t *class) {
    char digits[20];
    size_t count = 0, i = at;
    bool point = false, colon = false;
    for (; i < n; i++) {
        uint32_t c = symbols[i].code;
        bool inner = i + 1 < n && digit(symbols[i + 1].code);
        if (digit(c)) {
            if (count < sizeof(digits))
                digits[count] = (char)c;
            count++;
        } else if (inner && (c == '.' || c == ':' || c == '-')) {
            point |= c == '.';
            colon |= c == ':';
        } else if (count == 17 && c == 'x') {
            digits[count++] = 'x';
        } else {
            break;
        }
    }
    *class = number_class(digits, count, point, colon);
    return i - at;
}

/* Turns numbers into classes and runs of breaks into one, in place. */
static size_t compact(struct mq_symbol *symbols, size_t n) {
    size_t out = 0;
    for (size_t i = 0; i < n;) {
        struct mq_symbol symbol = symbols[i];
        size_t read = 1;
        if (digit(symbol.code)) {
            read = read_number(symbols, n, i, &symbol.code);
            symbol.end = symbols[i + read - 1].end;
        } else if (symbol.code == '.' || symbol.code == ':' || symbol.code == '-') {
            symbol.code = MQ_SYMBOL_BREAK;
        }
        i += read;
        if (symbol.code == MQ_SYMBOL_BREAK && (out == 0 || symbols[out - 1].code == MQ_SYMBOL_BREAK))
            continue;
        symbols[out++] = symbol;
    }
    return out && symbols[out - 1].code == MQ_SYMBOL_BREAK ? out - 1 : out;
}

size_t mq_fold_text(const struct mq_fold *fold, struct mq_str text, struct mq_symbol *out) {
    size_t count = 0;
    const unsigned char *bytes = (const unsigned char *)text.s;
    size_t limit = text.n < UINT32_MAX ? text.n : UINT32_MAX;
    for (size_t at = 0; at < limit;) {
        uint32_t code, parts[EXPANSION];
        size_t length = decode(bytes + at, limit - at, &code);
        size_t n = fold_code(fold, code, parts);
        if (count + n > MQ_FOLD_SYMBOLS)
            break;
        for (size_t i = 0; i < n; i++)
            out[count++] = (struct mq_symbol){ parts[i], (uint32_t)at, (uint32_t)(at + length) };
        at += length;
    }
    return compact(out, count);
}
