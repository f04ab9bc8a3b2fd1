/* SPDX-License-Identifier: Apache-2.0 */
/* Masking of telephone numbers, identity numbers and names. */
#include "mask.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/* Length in bytes of a run of digits with single spaces or hyphens between; *digits how many there are. */
static size_t number_at(struct mq_str text, size_t at, size_t *digits) {
    size_t i = at, end = at;
    *digits = 0;
    while (i < text.n) {
        if (is_digit(text.s[i])) {
            (*digits)++;
            end = ++i;
        } else if ((text.s[i] == '-' || text.s[i] == ' ') && i > at && is_digit(text.s[i - 1])) {
            i++;
        } else {
            break;
        }
    }
    return end - at;
}

/* How many bytes of personal number begin at `at`, and how many of its characters may stay; 0: none. */
static size_t personal_number(struct mq_str text, size_t at, size_t *keep) {
    if (!is_digit(text.s[at]) || (at > 0 && is_word(text.s[at - 1])))
        return 0;
    size_t digits, n = number_at(text, at, &digits);
    bool x = at + n < text.n && (text.s[at + n] == 'X' || text.s[at + n] == 'x');
    if ((digits == 17 && x) || digits == 18 || (digits == 15 && !x)) {
        *keep = 6;
        return n + (digits == 17 ? 1 : 0);
    }
    if ((digits == 11 && text.s[at] == '1') || (digits >= 10 && digits <= 12 && text.s[at] == '0')
        || (digits == 13 && text.s[at] == '8' && text.s[at + 1] == '6')) {
        *keep = 3;
        return n;
    }
    return 0;
}

static size_t given_word(struct mq_str text, size_t at, struct mq_str word) {
    bool there = word.n > 1 && text.n - at >= word.n && memcmp(text.s + at, word.s, word.n) == 0;
    return there ? word.n : 0;
}

static size_t first_character(const char *s, size_t n) {
    size_t i = 1;
    while (i < n && ((unsigned char)s[i] & 0xC0) == 0x80)
        i++;
    return i;
}

bool mq_mask(struct mq_str text, const struct mq_subject *subject, struct mq_buffer *out) {
    bool masked = false;
    size_t start = 0; /* of what was not yet appended */
    for (size_t i = 0; i < text.n;) {
        size_t keep = 0;
        size_t n = personal_number(text, i, &keep);
        if (n == 0 && subject) {
            const struct mq_str words[] = { subject->name, subject->phone, subject->id_number, subject->address };
            for (size_t w = 0; w < MQ_LENGTH(words) && n == 0; w++)
                n = given_word(text, i, words[w]);
            keep = n ? first_character(text.s + i, n) : 0;
        }
        if (n == 0) {
            i++;
            continue;
        }
        mq_buffer_append(out, text.s + start, i + keep - start);
        for (size_t k = i + keep; k < i + n; k++)
            if (((unsigned char)text.s[k] & 0xC0) != 0x80)
                mq_buffer_append_char(out, '*');
        i += n;
        start = i;
        masked = true;
    }
    if (masked)
        mq_buffer_append(out, text.s + start, text.n - start);
    return masked;
}
