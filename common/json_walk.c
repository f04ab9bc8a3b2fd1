/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the parts of a scanned array or object, the search in bytes that may be anything, and what is white space. */
#include "json.h"

#include <errno.h>

typedef unsigned char byte;

static void skip_space(const byte **p, const byte *end) {
    while (*p < end && (**p == ' ' || **p == '\t' || **p == '\n' || **p == '\r'))
        (*p)++;
}

/* Eight bytes at once: the top bit of each that is `c`. Of those marked the lowest is right; a borrow may mark others above it. */
#define ONES (UINT64_MAX / 0xff)
#define TOPS (ONES << 7)
static uint64_t same(uint64_t w, byte c) {
    uint64_t x = w ^ (ONES * c);
    return (x - ONES) & ~x;
}

size_t mq_json_plain(struct mq_str bytes) {
    size_t i = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (uint64_t w; bytes.n - i >= sizeof w; i += sizeof w) {
        memcpy(&w, bytes.s + i, sizeof w);
        uint64_t marked = (w | (w - ONES * 0x20) | same(w, '"') | same(w, '\\')) & TOPS;
        if (marked)
            return i + (size_t)__builtin_ctzll(marked) / 8;
    }
#endif
    while (i < bytes.n && (byte)bytes.s[i] >= 0x20 && (byte)bytes.s[i] < 0x80 && bytes.s[i] != '"' && bytes.s[i] != '\\')
        i++;
    return i;
}

/* How many bytes from `p` on are neither quote nor backslash. */
static size_t in_string(const byte *p, const byte *end) {
    const byte *at = p;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (uint64_t w; end - at >= (ptrdiff_t)sizeof w; at += sizeof w) {
        memcpy(&w, at, sizeof w);
        uint64_t marked = (same(w, '"') | same(w, '\\')) & TOPS;
        if (marked)
            return (size_t)(at - p) + (size_t)__builtin_ctzll(marked) / 8;
    }
#endif
    while (at < end && *at != '"' && *at != '\\')
        at++;
    return (size_t)(at - p);
}

/* Moves past one value. The bytes were scanned, so that brackets and quotes alone tell where it ends; on bytes that were not,
 * it still stays within them. */
static void skip_value(const byte **p, const byte *end) {
    size_t open = 0;
    while (*p < end) {
        byte c = **p;
        if (open == 0 && (c == ',' || c == ']' || c == '}' || c == ' ' || c == '\t' || c == '\n' || c == '\r'))
            return;
        (*p)++;
        if (c == '"') {
            while (*p < end && **p != '"')
                *p += **p == '\\' ? (end - *p > 1 ? 2 : 1) : in_string(*p, end);
            if (*p < end)
                (*p)++;
        } else if (c == '{' || c == '[') {
            open++;
            continue;
        } else if (c == '}' || c == ']') {
            open--;
        } else {
            continue;
        }
        if (open == 0)
            return;
    }
}

static struct mq_str cut_value(const byte **p, const byte *end) {
    skip_space(p, end);
    const byte *start = *p;
    skip_value(p, end);
    return (struct mq_str){ (const char *)start, (size_t)(*p - start) };
}

/* Enters `bytes` past the bracket. 1: there are parts, 0: none, -EINVAL: does not begin with it. */
static int enter(struct mq_str bytes, byte bracket, const byte **p) {
    const byte *end = *p + bytes.n;
    skip_space(p, end);
    if (*p == end || **p != bracket)
        return -EINVAL;
    (*p)++;
    skip_space(p, end);
    if (*p == end)
        return -EINVAL;
    return **p != bracket + 2; /* in ASCII each bracket's partner is two further */
}

/* After a part: 1: another follows, 0: that was the last, -EINVAL: neither. */
static int next_part(const byte **p, const byte *end, byte closing) {
    skip_space(p, end);
    if (*p == end || (**p != ',' && **p != closing))
        return -EINVAL;
    return *(*p)++ == ',';
}

int mq_json_each(struct mq_str array, int (*each)(void *userdata, struct mq_str element), void *userdata) {
    const byte *p = (const byte *)(array.n > 0 ? array.s : ""), *end = p + array.n;
    int more = enter(array, '[', &p);
    while (more > 0) {
        struct mq_str element = cut_value(&p, end);
        int result = each(userdata, element);
        if (result != 0)
            return result;
        more = next_part(&p, end, ']');
    }
    return more;
}

int mq_json_each_member(struct mq_str object, int (*each)(void *userdata, struct mq_str key, struct mq_str value),
                        void *userdata) {
    const byte *p = (const byte *)(object.n > 0 ? object.s : ""), *end = p + object.n;
    int more = enter(object, '{', &p);
    while (more > 0) {
        skip_space(&p, end);
        if (p == end || *p != '"')
            return -EINVAL;
        struct mq_str key = cut_value(&p, end);
        skip_space(&p, end);
        if (p == end || *p != ':' || key.n < 2)
            return -EINVAL;
        p++;
        struct mq_str value = cut_value(&p, end);
        int result = each(userdata, (struct mq_str){ key.s + 1, key.n - 2 }, value);
        if (result != 0)
            return result;
        more = next_part(&p, end, '}');
    }
    return more;
}

static int hex_digit(byte c) {
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

/* Takes one character: a byte, or a \u escape of ASCII, as a small letter. 0: a zero byte, or any other character. */
static byte take_letter(const byte **p, const byte *end) {
    const byte *at = *p;
    byte letter = at[0];
    *p += 1;
    if (letter == '\\' && end - at >= 6 && at[1] == 'u') {
        int value = 0;
        for (size_t i = 2; i < 6; i++)
            value = hex_digit(at[i]) < 0 || value < 0 ? -1 : value * 16 + hex_digit(at[i]);
        letter = value > 0 && value < 0x80 ? (byte)value : 0;
        *p += value < 0 ? 0 : 5;
    }
    return letter >= 'A' && letter <= 'Z' ? letter | 0x20 : letter;
}

static bool begins_with(const byte *p, const byte *end, struct mq_str word) {
    size_t i = 0;
    while (i < word.n && p < end) {
        /* text in UTF-16 or UTF-32 has zero bytes between its letters */
        if (i > 0 && *p == 0)
            p++;
        else if (take_letter(&p, end) == (byte)word.s[i])
            i++;
        else
            return false;
    }
    return i == word.n;
}

struct mq_str mq_json_before_word(struct mq_str bytes, struct mq_str word) {
    const byte *start = (const byte *)(bytes.n > 0 ? bytes.s : ""), *end = start + bytes.n;
    for (const byte *p = start; p < end; p++) {
        if (begins_with(p, end, word))
            return (struct mq_str){ bytes.s, (size_t)(p - start) };
    }
    return bytes;
}

/* White space as JSON Schema's \s has it, the ideographic space included. */
static bool is_space(uint32_t point) {
    return (point >= 0x09 && point <= 0x0d) || point == 0x20 || point == 0xa0 || point == 0x1680 ||
           (point >= 0x2000 && point <= 0x200a) || point == 0x2028 || point == 0x2029 || point == 0x202f || point == 0x205f ||
           point == 0x3000 || point == 0xfeff;
}

bool mq_json_written(struct mq_str text) {
    for (size_t i = 0; i < text.n;) {
        const unsigned char *p = (const unsigned char *)text.s + i;
        size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        uint32_t point = n == 1 ? p[0] : p[0] & (0x7fu >> n);
        for (size_t k = 1; k < n; k++)
            point = point << 6 | (p[k] & 0x3f);
        if (!is_space(point))
            return true;
        i += n;
    }
    return false;
}
