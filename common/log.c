/* SPDX-License-Identifier: Apache-2.0 */
/* The log: one write(2) a line, so that lines of several threads and programs never mix. */
#include "log.h"

#include "clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_BYTES 2048
#define NAME_BYTES 48
#define LIMITED_KEYS 64

enum style { STYLE_UNKNOWN, STYLE_TEXT, STYLE_JOURNAL, STYLE_JSON, STYLE_JSON_JOURNAL };

/* The log belongs to the process, as standard error does. */
static struct {
    char service[NAME_BYTES], instance[NAME_BYTES];
    _Atomic int level, style;
} state = { .service = "minqing", .level = MQ_INFO };

static const struct {
    const char *name;
    enum mq_level level;
} levels[] = { { "error", MQ_ERROR }, { "warning", MQ_WARNING }, { "info", MQ_INFO }, { "debug", MQ_DEBUG } };

bool mq_log_level_parse(const char *name, enum mq_level *level) {
    for (size_t i = 0; i < MQ_LENGTH(levels); i++) {
        if (name && strcmp(name, levels[i].name) == 0) {
            *level = levels[i].level;
            return true;
        }
    }
    return false;
}

static const char *level_name(enum mq_level level) {
    for (size_t i = 0; i < MQ_LENGTH(levels); i++) {
        if (levels[i].level == level)
            return levels[i].name;
    }
    return "notice";
}

/* JOURNAL_STREAM is inherited by programs whose standard error was redirected since, so device and inode must match. */
static bool journal_reads(void) {
    const char *text = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;
    return text && sscanf(text, "%llu:%llu", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
           st.st_ino == inode;
}

static enum style find_style(void) {
    const char *format = getenv("MINQING_LOG_FORMAT");
    bool json = format && strcmp(format, "json") == 0;
    bool journal = journal_reads();
    return json ? (journal ? STYLE_JSON_JOURNAL : STYLE_JSON) : (journal ? STYLE_JOURNAL : STYLE_TEXT);
}

static enum style current_style(void) {
    int style = atomic_load_explicit(&state.style, memory_order_relaxed);
    if (style == STYLE_UNKNOWN) {
        style = (int)find_style();
        atomic_store_explicit(&state.style, style, memory_order_relaxed);
    }
    return (enum style)style;
}

void mq_log_init(const char *service, enum mq_level level) {
    snprintf(state.service, sizeof(state.service), "%s", service);
    state.instance[0] = '\0';
    atomic_store(&state.level, (int)level);
    atomic_store(&state.style, (int)find_style());
}

void mq_log_instance(const char *instance) { snprintf(state.instance, sizeof(state.instance), "%s", instance); }

static bool wanted(enum mq_level level) {
    return (int)level <= atomic_load_explicit(&state.level, memory_order_relaxed);
}

struct line {
    char bytes[LINE_BYTES];
    size_t n, room; /* room: what may be used so that the end of the line still fits */
};

static bool add(struct line *line, const char *bytes, size_t n) {
    if (n > line->room - line->n)
        return false;
    memcpy(line->bytes + line->n, bytes, n);
    line->n += n;
    return true;
}

static bool add_text(struct line *line, const char *text) {
    return add(line, text, strlen(text));
}

/* Length of the well-formed UTF-8 sequence at the front, 0: malformed. */
static size_t sequence_length(const unsigned char *s, size_t n) {
    size_t length = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    bool never_first = (s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4;
    if (never_first || length > n)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || outside ? 0 : length;
}

/* C0, DEL and C1: a terminal obeys them, and a line feed would forge a line. */
static bool is_control(const unsigned char *s, size_t length) {
    return (length == 1 && (s[0] < 0x20 || s[0] == 0x7f)) || (length == 2 && s[0] == 0xc2 && s[1] < 0xa0);
}

static bool add_escaped(struct line *line, const unsigned char *s, size_t length, bool json) {
    char text[12];
    if (*s == '\n' || *s == '\r' || *s == '\t')
        snprintf(text, sizeof(text), "\\%c", *s == '\n' ? 'n' : *s == '\r' ? 'r' : 't');
    else if (json)
        snprintf(text, sizeof(text), length == 0 ? "\\ufffd" : "\\u%04x", length == 2 ? s[1] : s[0]);
    else
        snprintf(text, sizeof(text), length == 2 ? "\\x%02x\\x%02x" : "\\x%02x", s[0], s[1]);
    return add_text(line, text);
}

/* Appends a message made harmless; what does not fit is left out, never half a character. `s` ends with a zero byte. */
static void add_message(struct line *line, const char *s, bool json) {
    size_t left = strlen(s);
    for (const unsigned char *p = (const unsigned char *)s; left > 0;) {
        size_t length = sequence_length(p, left);
        bool fits;
        if (length == 0 || is_control(p, length))
            fits = add_escaped(line, p, length, json);
        else if (json && (*p == '"' || *p == '\\'))
            fits = add(line, (char[]){ '\\', (char)*p }, 2);
        else
            fits = add(line, (const char *)p, length);
        if (!fits)
            return;
        p += length ? length : 1;
        left -= length ? length : 1;
    }
}

static void add_member(struct line *line, const char *name, const char *value) {
    add_text(line, "\"");
    add_text(line, name);
    add_text(line, "\":\"");
    add_message(line, value, true);
    add_text(line, "\",");
}

/* What stands before the message. */
static void add_head(struct line *line, enum style style, enum mq_level level, const char *event) {
    char at[MQ_TIME_TEXT];
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), at);
    if (style == STYLE_JOURNAL || style == STYLE_JSON_JOURNAL)
        add(line, (char[]){ '<', (char)('0' + level), '>' }, 3);
    if (style == STYLE_JSON || style == STYLE_JSON_JOURNAL) {
        add_text(line, "{");
        add_member(line, "at", at);
        add_member(line, "level", level_name(level));
        add_member(line, "service", state.service);
        add_member(line, "instance", state.instance);
        add_member(line, "event", event);
        add_text(line, "\"message\":\"");
        return;
    }
    if (style == STYLE_TEXT) {
        add_text(line, at);
        add_text(line, " ");
        add_text(line, level_name(level));
        add_text(line, " ");
        add_message(line, state.service, false);
        add_text(line, *state.instance ? "/" : "");
        add_message(line, state.instance, false);
        add_text(line, " ");
    }
    add_message(line, event, false);
    add_text(line, ": ");
}

/* The end stays whole where the message must be cut. */
static void write_line(enum mq_level level, const char *event, uint64_t left_out, const char *message) {
    enum style style = current_style();
    bool json = style == STYLE_JSON || style == STYLE_JSON_JOURNAL;
    char end[80] = "";
    if (json)
        snprintf(end, sizeof(end), left_out ? "\",\"left_out\":%llu}\n" : "\"}\n", (unsigned long long)left_out);
    else
        snprintf(end, sizeof(end), left_out ? " (%llu like this left out)\n" : "\n", (unsigned long long)left_out);
    struct line line = { .n = 0, .room = LINE_BYTES - strlen(end) };
    add_head(&line, style, level, event);
    add_message(&line, message, json);
    line.room = LINE_BYTES;
    add_text(&line, end);
    while (write(STDERR_FILENO, line.bytes, line.n) < 0 && errno == EINTR)
        ;
}

void mq_log_left_out(const char *event, enum mq_level level, uint64_t left_out, const char *format, va_list arguments) {
    if (!wanted(level))
        return;
    int error = errno;
    char text[LINE_BYTES];
    if (vsnprintf(text, sizeof(text), format, arguments) < 0)
        text[0] = '\0';
    write_line(level, event, left_out, text);
    errno = error;
}

void mq_log(enum mq_level level, const char *event, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    mq_log_left_out(event, level, 0, format, arguments);
    va_end(arguments);
}

/* Has the time come for `key`? Then *left_out is how many lines were held back since the last one. With more keys than places
 * the one unheard of for longest gives way. */
static bool due(const char *key, int64_t every_ms, uint64_t *left_out) {
    static struct {
        const char *key;
        int64_t written_us;
        uint64_t left_out;
    } keys[LIMITED_KEYS];
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

    int64_t now = mq_clock_monotonic_us();
    pthread_mutex_lock(&lock);
    size_t at = 0;
    for (size_t i = 0; i < MQ_LENGTH(keys); i++) {
        if (!keys[i].key || strcmp(keys[i].key, key) == 0) {
            at = i;
            break;
        }
        if (keys[i].written_us < keys[at].written_us)
            at = i;
    }
    bool known = keys[at].key && strcmp(keys[at].key, key) == 0;
    bool write = !known || now - keys[at].written_us >= every_ms * 1000;
    *left_out = known ? keys[at].left_out : 0;
    if (write) {
        keys[at].key = key;
        keys[at].written_us = now;
        keys[at].left_out = 0;
    } else {
        keys[at].left_out++;
    }
    pthread_mutex_unlock(&lock);
    return write;
}

void mq_log_limited(const char *event, int64_t every_ms, enum mq_level level, const char *format, ...) {
    uint64_t left_out;
    if (!wanted(level) || !due(event, every_ms, &left_out))
        return;
    va_list arguments;
    va_start(arguments, format);
    mq_log_left_out(event, level, left_out, format, arguments);
    va_end(arguments);
}
