/* SPDX-License-Identifier: Apache-2.0 */
/* The strict scan of JSON bytes. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* cJSON copies a number into 64 bytes before it converts it. */
#define LONGEST_NUMBER 63

/* PostgreSQL keeps 16,383 digits behind the point in a jsonb number, and refuses the row for one more. */
#define LONGEST_EXPONENT 4

#define QUOTE_(x) #x
#define QUOTE(x) QUOTE_(x)

typedef unsigned char byte;

/* One open array or object, and the part of it that is being read. */
struct step {
    bool inside; /* a part is being read, `key` or `index` tells which */
    bool array;
    size_t index;
    struct mq_str key; /* between the quotes, escapes as they came */
};

struct scan {
    const byte *start, *at, *end;
    struct mq_faults *faults;
    size_t depth;
    struct step steps[MQ_JSON_DEPTH];
    struct mq_str *parts; /* of the outermost array: the first `parts_most` elements */
    size_t parts_most, part_count; /* SIZE_MAX: it is no array */
};

/* What the duplicate check keeps of each member. */
struct seen_key {
    uint32_t hash;
    struct mq_str key;
};

static bool scan_value(struct scan *s);

/* Length of the UTF-8 sequence at `p`; 0: not one. */
static size_t utf8_length(const byte *p, const byte *end) {
    size_t n = 0;
    byte low = 0x80, high = 0xbf; /* what the second byte may be */
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    }
    if (n == 0 || (size_t)(end - p) < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

/* Value of four hexadecimal digits, -1: not four. */
static int32_t hex4(const byte *p, const byte *end) {
    if (end - p < 4)
        return -1;
    int32_t value = 0;
    for (size_t i = 0; i < 4; i++) {
        int32_t digit = p[i] >= '0' && p[i] <= '9'   ? p[i] - '0'
                        : p[i] >= 'a' && p[i] <= 'f' ? p[i] - 'a' + 10
                        : p[i] >= 'A' && p[i] <= 'F' ? p[i] - 'A' + 10
                                                     : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* The next code point of a string that was scanned, escapes resolved. */
static uint32_t next_point(const byte **p, const byte *end) {
    static const char letters[] = "b\bf\fn\nr\rt\t";
    const byte *at = *p;
    if (at[0] == '\\' && at[1] == 'u') {
        uint32_t point = (uint32_t)hex4(at + 2, end);
        *p += 6;
        if (point >= 0xd800 && point <= 0xdbff) {
            point = 0x10000 + ((point - 0xd800) << 10) + ((uint32_t)hex4(at + 8, end) - 0xdc00);
            *p += 6;
        }
        return point;
    }
    if (at[0] == '\\') {
        *p += 2;
        for (size_t i = 0; letters[i]; i += 2) {
            if (at[1] == (byte)letters[i])
                return (byte)letters[i + 1];
        }
        return at[1];
    }
    size_t n = utf8_length(at, end);
    *p += n;
    if (n == 1)
        return at[0];
    uint32_t point = at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        point = point << 6 | (at[i] & 0x3f);
    return point;
}

static uint32_t key_hash(struct mq_str key) {
    const byte *p = (const byte *)key.s, *end = p + key.n;
    uint32_t hash = 2166136261u;
    while (p < end) {
        uint32_t point = *p < 0x80 && *p != '\\' ? *p++ : next_point(&p, end);
        hash = (hash ^ point) * 16777619u;
    }
    return hash;
}

/* "\u0061" and "a" are one key. */
static bool key_equal(struct mq_str a, struct mq_str b) {
    if (mq_str_equal(a, b))
        return true;
    const byte *p = (const byte *)a.s, *p_end = p + a.n;
    const byte *q = (const byte *)b.s, *q_end = q + b.n;
    while (p < p_end && q < q_end) {
        if (next_point(&p, p_end) != next_point(&q, q_end))
            return false;
    }
    return p == p_end && q == q_end;
}

static size_t put_point(char out[4], uint32_t point) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t n = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    out[0] = (char)((0xf00u >> n & 0xff) | point);
    return n;
}

/* Appends a key as a JSON Pointer token, as much as fits. */
static size_t put_key(char *out, size_t room, struct mq_str key) {
    const byte *p = (const byte *)key.s, *end = p + key.n;
    size_t n = 0;
    while (p < end && room - n > 4) {
        uint32_t point = next_point(&p, end);
        if (point == '~' || point == '/') {
            out[n++] = '~';
            out[n++] = point == '~' ? '0' : '1';
        } else {
            n += put_point(out + n, point);
        }
    }
    return n;
}

/* The fault at byte `at`, found in the part that is being read. */
static bool refuse(struct scan *s, const byte *at, const char *what) {
    /* Longer than the path of a fault, so that mq_fault_add sees and marks the cut. */
    char path[sizeof s->faults->fault[0].path + 32];
    size_t n = 0;
    for (size_t i = 0; i < s->depth && s->steps[i].inside && sizeof path - n > 24; i++) {
        path[n++] = '/';
        if (s->steps[i].array)
            n += (size_t)snprintf(path + n, sizeof path - n, "%zu", s->steps[i].index);
        else
            n += put_key(path + n, sizeof path - n - 1, s->steps[i].key);
    }
    path[n] = '\0';
    mq_fault_add(s->faults, path, "%s, at byte %zu", what, (size_t)(at - s->start));
    return false;
}

/* What is next after white space; 0: nothing (a zero byte itself is no good anywhere). */
static byte peek(struct scan *s) {
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
    return s->at < s->end ? *s->at : 0;
}

static bool scan_escape(struct scan *s) {
    const byte *at = s->at;
    if (s->end - at < 2)
        return refuse(s, at, "has a string without end");
    if (at[1] != 'u') {
        if (!memchr("\"\\/bfnrt", at[1], 8))
            return refuse(s, at, "has an escape that JSON does not know");
        s->at += 2;
        return true;
    }
    int32_t unit = hex4(at + 2, s->end);
    if (unit < 0)
        return refuse(s, at, "has a \\u without four hexadecimal digits");
    if (unit == 0)
        return refuse(s, at, "has a \\u0000, which no text may hold");
    s->at += 6;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    int32_t second = s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u' ? hex4(s->at + 2, s->end) : -1;
    if (unit > 0xdbff || second < 0xdc00 || second > 0xdfff)
        return refuse(s, at, "has half of a surrogate pair");
    s->at += 6;
    return true;
}

/* A string whose quote is next; *text is what stands between the quotes. */
static bool scan_string(struct scan *s, struct mq_str *text) {
    const byte *start = ++s->at;
    for (;;) {
        s->at += mq_json_plain((struct mq_str){ (const char *)s->at, (size_t)(s->end - s->at) });
        if (s->at == s->end)
            return refuse(s, start - 1, "has a string without end");
        byte c = *s->at;
        if (c == '"') {
            *text = (struct mq_str){ (const char *)start, (size_t)(s->at - start) };
            s->at++;
            return true;
        }
        if (c == '\\') {
            if (!scan_escape(s))
                return false;
        } else if (c < 0x20) {
            return refuse(s, s->at, "has a control character that is not escaped");
        } else {
            /* one seldom comes alone */
            do {
                size_t n = utf8_length(s->at, s->end);
                if (n == 0)
                    return refuse(s, s->at, "has bytes that are not UTF-8");
                s->at += n;
            } while (s->at < s->end && *s->at >= 0x80);
        }
    }
}

static size_t scan_digits(struct scan *s) {
    const byte *start = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return (size_t)(s->at - start);
}

static bool scan_number(struct scan *s) {
    static const char malformed[] = "is not a number as JSON writes it";
    static const char largest[] = "9007199254740992";
    const byte *start = s->at;
    if (*s->at == '-')
        s->at++;
    const byte *digits = s->at;
    size_t whole = scan_digits(s);
    if (whole == 0 || (whole > 1 && *digits == '0'))
        return refuse(s, start, malformed);
    bool integer = true, exponent = false;
    if (s->at < s->end && *s->at == '.') {
        integer = false;
        s->at++;
        if (scan_digits(s) == 0)
            return refuse(s, start, malformed);
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        integer = false;
        exponent = true;
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        const byte *first = s->at;
        if (scan_digits(s) == 0)
            return refuse(s, start, malformed);
        while (first < s->at && *first == '0')
            first++;
        if (s->at - first > LONGEST_EXPONENT)
            return refuse(s, start, "has an exponent of more than " QUOTE(LONGEST_EXPONENT) " digits");
    }
    size_t length = (size_t)(s->at - start);
    if (integer && (whole > sizeof largest - 1 ||
                    (whole == sizeof largest - 1 && memcmp(digits, largest, sizeof largest - 1) > 0)))
        return refuse(s, start, "is an integer outside ±9007199254740992");
    if (length > LONGEST_NUMBER)
        return refuse(s, start, "is a number of more than " QUOTE(LONGEST_NUMBER) " characters");
    if (exponent) {
        char copy[LONGEST_NUMBER + 1];
        memcpy(copy, start, length);
        copy[length] = '\0';
        if (!isfinite(strtod(copy, NULL)))
            return refuse(s, start, "is a number that is not finite");
    }
    return true;
}

static bool scan_word(struct scan *s, struct mq_str word) {
    if ((size_t)(s->end - s->at) < word.n || memcmp(s->at, word.s, word.n) != 0)
        return refuse(s, s->at, "is not a JSON value");
    s->at += word.n;
    return true;
}

static bool scan_array(struct scan *s) {
    struct step *step = &s->steps[s->depth - 1];
    *step = (struct step){ .array = true };
    if (s->depth == 1)
        s->part_count = 0;
    s->at++;
    if (peek(s) == ']') {
        s->at++;
        return true;
    }
    for (;; step->index++) {
        step->inside = true;
        peek(s);
        const byte *start = s->at;
        if (!scan_value(s))
            return false;
        if (s->depth == 1 && s->part_count++ < s->parts_most)
            s->parts[step->index] = (struct mq_str){ (const char *)start, (size_t)(s->at - start) };
        step->inside = false;
        byte next = peek(s);
        if (next != ',' && next != ']')
            return refuse(s, s->at, "must have a comma or ] after an element");
        s->at++;
        if (next == ']')
            return true;
    }
}

/* Reads a key and its colon, and holds it against the keys before it. */
static bool scan_key(struct scan *s, struct step *step, struct seen_key *seen, size_t count, uint64_t *seen_bits) {
    if (peek(s) != '"')
        return refuse(s, s->at, "must have a key in quotes");
    const byte *start = s->at;
    if (!scan_string(s, &step->key))
        return false;
    if (count == MQ_JSON_MEMBERS)
        return refuse(s, start, "has more than " QUOTE(MQ_JSON_MEMBERS) " members");
    step->inside = true;
    seen[count] = (struct seen_key){ key_hash(step->key), step->key };
    /* most are told apart by one bit of 64 */
    uint64_t bit = (uint64_t)1 << (seen[count].hash >> 26);
    bool maybe = *seen_bits & bit;
    *seen_bits |= bit;
    for (size_t i = 0; i < count && maybe; i++) {
        if (seen[i].hash == seen[count].hash && key_equal(seen[i].key, step->key))
            return refuse(s, start, "is given twice");
    }
    if (peek(s) != ':')
        return refuse(s, s->at, "must have a colon after its key");
    s->at++;
    return true;
}

static bool scan_object(struct scan *s) {
    struct seen_key seen[MQ_JSON_MEMBERS + 1];
    struct step *step = &s->steps[s->depth - 1];
    *step = (struct step){ .array = false };
    s->at++;
    if (peek(s) == '}') {
        s->at++;
        return true;
    }
    uint64_t seen_bits = 0;
    for (size_t count = 0;; count++) {
        if (!scan_key(s, step, seen, count, &seen_bits) || !scan_value(s))
            return false;
        step->inside = false;
        byte next = peek(s);
        if (next != ',' && next != '}')
            return refuse(s, s->at, "must have a comma or } after a member");
        s->at++;
        if (next == '}')
            return true;
    }
}

static bool scan_value(struct scan *s) {
    struct mq_str ignored;
    byte next = peek(s);
    switch (next) {
    case '{':
    case '[':
        if (s->depth == MQ_JSON_DEPTH)
            return refuse(s, s->at, "is nested deeper than " QUOTE(MQ_JSON_DEPTH) " levels");
        s->depth++;
        if (!(next == '{' ? scan_object(s) : scan_array(s)))
            return false;
        s->depth--;
        return true;
    case '"':
        return scan_string(s, &ignored);
    case 't':
        return scan_word(s, MQ_STR("true"));
    case 'f':
        return scan_word(s, MQ_STR("false"));
    case 'n':
        return scan_word(s, MQ_STR("null"));
    default:
        if (s->at == s->end)
            return refuse(s, s->at, "ends where a value is expected");
        if (next == '-' || (next >= '0' && next <= '9'))
            return scan_number(s);
        return refuse(s, s->at, "is not a JSON value");
    }
}

bool mq_json_scan(struct mq_str bytes, struct mq_faults *faults) {
    size_t count;
    return mq_json_scan_parts(bytes, NULL, 0, &count, faults);
}

bool mq_json_scan_parts(struct mq_str bytes, struct mq_str *parts, size_t most, size_t *count, struct mq_faults *faults) {
    /* An empty view may have no bytes at all; pointers want some. */
    const byte *start = (const byte *)(bytes.n > 0 ? bytes.s : "");
    /* Not initialised as a whole: steps are set as they are entered. */
    struct scan s;
    s.start = s.at = start;
    s.end = start + bytes.n;
    s.faults = faults;
    s.depth = 0;
    s.parts = parts;
    s.parts_most = most;
    s.part_count = SIZE_MAX;
    if (!scan_value(&s))
        return false;
    *count = s.part_count;
    peek(&s);
    return s.at == s.end || refuse(&s, s.at, "has more bytes after the value");
}
