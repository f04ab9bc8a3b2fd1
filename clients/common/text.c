/* SPDX-License-Identifier: Apache-2.0 */
/* Text for terminals. */
#include "text.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utf8proc.h>

#define REPLACEMENT 0xfffd

/* Would a terminal obey it, or turn the line around? */
static bool harmful(utf8proc_int32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e
           || c == 0x200f || c == 0x2028 || c == 0x2029;
}

/* Takes the next code point from the front, made harmless. */
static utf8proc_int32_t next_clean(struct mq_str *text) {
    utf8proc_int32_t c = REPLACEMENT;
    utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)text->s, (utf8proc_ssize_t)text->n, &c);
    if (n <= 0) {
        n = 1;
        c = REPLACEMENT;
    }
    text->s += n;
    text->n -= (size_t)n;
    if (c == '\n' || c == '\r' || c == '\t')
        return ' ';
    return harmful(c) ? REPLACEMENT : c;
}

static size_t cells_of(utf8proc_int32_t c) {
    int width = utf8proc_charwidth(c);
    return width > 0 ? (size_t)width : 0;
}

static void append_point(struct mq_buffer *out, utf8proc_int32_t c) {
    utf8proc_uint8_t bytes[4];
    utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);
    if (n > 0)
        mq_buffer_append(out, bytes, (size_t)n);
}

size_t mq_text_width(struct mq_str text) {
    size_t cells = 0;
    while (text.n > 0)
        cells += cells_of(next_clean(&text));
    return cells;
}

void mq_text_clean(struct mq_buffer *out, struct mq_str text) {
    while (text.n > 0)
        append_point(out, next_clean(&text));
}

/* Returns the cells written, at most `cells`. */
static size_t append_cut(struct mq_buffer *out, struct mq_str text, size_t cells) {
    bool whole = mq_text_width(text) <= cells;
    size_t room = whole ? cells : cells > 0 ? cells - 1 : 0, used = 0;
    while (text.n > 0) {
        utf8proc_int32_t c = next_clean(&text);
        if (used + cells_of(c) > room)
            break;
        used += cells_of(c);
        append_point(out, c);
    }
    if (!whole && cells > 0) {
        mq_buffer_append_text(out, "…");
        used++;
    }
    return used;
}

void mq_text_cut(struct mq_buffer *out, struct mq_str text, size_t cells) {
    append_cut(out, text, cells);
}

void mq_text_column(struct mq_buffer *out, struct mq_str text, size_t cells) {
    for (size_t used = append_cut(out, text, cells); used < cells; used++)
        mq_buffer_append_char(out, ' ');
}

bool mq_text_wants_colour(void) {
    const char *no = getenv("NO_COLOR"), *term = getenv("TERM");
    return (!no || !*no) && term && strcmp(term, "dumb") != 0 && isatty(STDOUT_FILENO);
}

size_t mq_text_terminal_columns(void) {
    struct winsize size;
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

void mq_text_colour(struct mq_buffer *out, bool wanted, enum mq_colour colour) {
    static const char *const sequences[] = {
        [MQ_COLOUR_NONE] = "\033[0m",
        [MQ_COLOUR_RED] = "\033[1;31m",
        [MQ_COLOUR_ORANGE] = "\033[38;5;208m",
        [MQ_COLOUR_YELLOW] = "\033[33m",
        [MQ_COLOUR_BLUE] = "\033[34m",
        [MQ_COLOUR_DIM] = "\033[2m",
        [MQ_COLOUR_BOLD] = "\033[1m",
    };
    if (wanted)
        mq_buffer_append_text(out, sequences[colour]);
}

enum mq_colour mq_text_severity_colour(int64_t severity) {
    static const enum mq_colour colours[] = { MQ_COLOUR_BLUE, MQ_COLOUR_YELLOW, MQ_COLOUR_ORANGE, MQ_COLOUR_RED };
    return severity >= 1 && severity <= 4 ? colours[severity - 1] : MQ_COLOUR_NONE;
}

const char *mq_text_severity_name(int64_t severity) {
    static const char *const names[] = { "知悉", "一般", "紧急", "特急" };
    return severity >= 1 && severity <= 4 ? names[severity - 1] : "-";
}
