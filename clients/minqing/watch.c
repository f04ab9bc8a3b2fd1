/* SPDX-License-Identifier: Apache-2.0 */
/* minqing watch. */
#include "watch.h"

#include "live.h"
#include "minqing.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/clock.h"

#include <stdio.h>

#define FILTERS 16
#define TEXT_LEAST 20 /* cells of the text on a narrow terminal */

/* ---- filters ---- */

static bool all_of(const char *text, const char *allowed) {
    return *text && strspn(text, allowed) == strlen(text);
}

static bool parse_severity(const char *text, struct mq_filter *out) {
    size_t sign = strspn(text, "<>=");
    const char *digit = text + sign;
    if (sign > 2 || *digit < '1' || *digit > '4' || digit[1] != '\0')
        return false;
    struct mq_str operation = { text, sign };
    int64_t n = *digit - '0';
    *out = (struct mq_filter){ .kind = MQ_FILTER_SEVERITY, .text = mq_str(text), .least = 1, .most = 4 };
    if (mq_str_equal(operation, MQ_STR(">=")))
        out->least = n;
    else if (mq_str_equal(operation, MQ_STR(">")))
        out->least = n + 1;
    else if (mq_str_equal(operation, MQ_STR("<=")))
        out->most = n;
    else if (mq_str_equal(operation, MQ_STR("<")))
        out->most = n - 1;
    else if (sign == 0 || mq_str_equal(operation, MQ_STR("=")))
        out->least = out->most = n;
    else
        return false;
    return true;
}

static bool domain_known(struct mq_str word) {
    if (mq_str_equal(word, MQ_STR("none")))
        return true;
    for (size_t i = 0; mq_domain_words[i]; i++)
        if (mq_str_equal(word, mq_str(mq_domain_words[i])))
            return true;
    return false;
}

bool mq_filter_parse(const char *text, struct mq_filter *out) {
    if (parse_severity(text, out))
        return true;
    size_t length = strlen(text);
    if (all_of(text, "0123456789") && length >= 4 && length <= 15) {
        *out = (struct mq_filter){ .kind = MQ_FILTER_AREA, .text = mq_str(text) };
        return true;
    }
    const char *dot = strchr(text, '.');
    struct mq_str domain = { text, dot ? (size_t)(dot - text) : length };
    if (!domain_known(domain) || (dot && !all_of(dot + 1, "abcdefghijklmnopqrstuvwxyz0123456789_")))
        return false;
    *out = (struct mq_filter){ .kind = dot ? MQ_FILTER_KIND : MQ_FILTER_DOMAIN, .text = mq_str(text) };
    return true;
}

static bool match(const struct mq_filter *filter, const struct mq_stream_line *line) {
    switch (filter->kind) {
    case MQ_FILTER_DOMAIN:
        return mq_str_equal(filter->text, line->domain.n ? line->domain : MQ_STR("none"));
    case MQ_FILTER_KIND:
        return mq_str_equal(filter->text, line->kind);
    case MQ_FILTER_SEVERITY:
        return line->severity >= filter->least && line->severity <= filter->most;
    case MQ_FILTER_AREA:
        return line->area.n >= filter->text.n && memcmp(line->area.s, filter->text.s, filter->text.n) == 0;
    }
    return false;
}

bool mq_filter_match(const struct mq_filter *filters, size_t count, const struct mq_stream_line *line) {
    for (size_t i = 0; i < count; i++)
        if (!match(&filters[i], line))
            return false;
    return true;
}

/* ---- one line ---- */

/* Hours, minutes and seconds of an RFC 3339 time, local. */
static void clock_of(struct mq_str at, char out[MQ_TIME_TEXT]) {
    int64_t us;
    char text[MQ_TIME_TEXT];
    snprintf(out, MQ_TIME_TEXT, "--:--:--");
    if (!mq_clock_parse(at, &us))
        return;
    mq_clock_format(us, mq_clock_offset_minutes(), text);
    snprintf(out, MQ_TIME_TEXT, "%.8s", text + strlen("2026-11-23T"));
}

static const struct mq_field more_fields[] = {
    { "words", MQ_STRING, .offset = offsetof(struct mq_watch_more, words), .nullable = true },
    { "exercise", MQ_BOOLEAN, .offset = offsetof(struct mq_watch_more, exercise), .nullable = true },
    { .name = NULL },
};
static const struct mq_object more_object = { "stream", sizeof(struct mq_watch_more), more_fields, 0 };

/* "〔演练〕动员第一中队 28 人 · 前面山头冒烟". */
static void append_text(const struct mq_stream_line *line, const struct mq_watch_more *more, struct mq_buffer *out) {
    mq_buffer_append_text(out, more && more->exercise ? "〔演练〕" : "");
    if (more)
        mq_buffer_append_str(out, more->words);
    mq_buffer_append_text(out, more && more->words.n && line->text.n ? " · " : "");
    mq_buffer_append_str(out, line->text);
}

void mq_watch_line(const struct mq_stream_line *line, const struct mq_watch_more *more, size_t columns, bool colour,
                   struct mq_buffer *out) {
    char clock[MQ_TIME_TEXT], severity[16] = "-";
    clock_of(line->at, clock);
    if (line->severity >= 1 && line->severity <= 4)
        snprintf(severity, sizeof(severity), "%d %s", (int)line->severity, mq_text_severity_name(line->severity));
    struct mq_str domain = line->domain_name.n ? line->domain_name : line->domain.n ? mq_word(line->domain) : MQ_STR("-");
    const struct {
        struct mq_str text;
        size_t cells;
    } cells[] = {
        { domain, 18 },
        { line->number.n ? line->number : MQ_STR("-"), 15 },
        { line->area_name.n ? line->area_name : line->area, 24 },
        { mq_word(line->what), 8 },
        { line->lead_name.n ? line->lead_name : line->lead.n ? line->lead : MQ_STR("-"), 18 },
    };
    mq_buffer_printf(out, "%s ", clock);
    enum mq_colour severity_colour = mq_text_severity_colour(line->severity);
    mq_text_colour(out, colour && severity_colour != MQ_COLOUR_NONE, severity_colour);
    mq_text_column(out, mq_str(severity), 6);
    mq_text_colour(out, colour && severity_colour != MQ_COLOUR_NONE, MQ_COLOUR_NONE);
    size_t used = strlen(clock) + 1 + 6;
    for (size_t i = 0; i < MQ_LENGTH(cells); i++) {
        mq_buffer_append_char(out, ' ');
        mq_text_column(out, cells[i].text, cells[i].cells);
        used += 1 + cells[i].cells;
    }
    mq_buffer_append_char(out, ' ');
    size_t room = columns > used + 1 + TEXT_LEAST ? columns - used - 1 : TEXT_LEAST;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    append_text(line, more, &text);
    if (columns == 0)
        mq_text_clean(out, (struct mq_str){ text.data, text.len });
    else
        mq_text_cut(out, (struct mq_str){ text.data, text.len }, room);
}

/* ---- the command ---- */

struct watch {
    const char *topic; /* -t */
    struct mq_filter filters[FILTERS];
    size_t filter_count;
    bool json, colour;
};

static int subscribe(void *userdata, struct mq_client *client, int qos) {
    const struct watch *watch = userdata;
    if (!watch->topic)
        return mq_client_subscribe(client, MQ_TOPIC_STREAM, NULL, 0, qos);
    char *filters[] = { (char *)watch->topic };
    return mq_bus_subscribe(mq_client_bus(client), filters, 1, qos);
}

static void show_line(const struct mq_stream_line *line, struct mq_str payload, bool colour, struct mq_buffer *out) {
    struct mq_watch_more more;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    bool good = mq_json_decode(&more_object, payload, &more, &document, &faults);
    mq_watch_line(line, good ? &more : NULL, mq_text_terminal_columns(), colour, out);
}

static enum mq_shown show(void *userdata, const struct mq_arrival *arrival, struct mq_buffer *out) {
    const struct watch *watch = userdata;
    struct mq_stream_line line;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_json_decode(&mq_stream_line_object, arrival->payload, &line, &document, &faults))
        return MQ_NOT_UNDERSTOOD;
    if (!mq_filter_match(watch->filters, watch->filter_count, &line))
        return MQ_PASSED_OVER;
    if (watch->json)
        mq_live_json(out, arrival->payload);
    else
        show_line(&line, arrival->payload, watch->colour, out);
    return MQ_SHOWN;
}

int mq_watch(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    struct watch watch = { .colour = mq_text_wants_colour() };
    struct mq_live live = { .login = &login, .who = MQ_CLIENT_OPERATOR, .userdata = &watch, .subscribe = subscribe, .show = show };
    const struct mq_option options[] = {
        MQ_LIVE_OPTIONS(&live.options),
        { 't', "topic", MQ_OPTION_TEXT, &watch.topic, "FILTER", "订阅的主题 a narrower filter than minqing/stream/+/+/+/+", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "[FILTER]…",
        "实时事件流，一行一事。FILTER: 领域 domain (fire_safety), 类别 kind (fire_safety.hill_fire), 等级 severity ('>=3'),\n"
        "区划代码前缀 area prefix (441581105); 多个须同时满足 all of several must match.",
        options, connection, 0, FILTERS,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    for (; watch.filter_count < words; watch.filter_count++)
        if (!mq_filter_parse(argv[1 + watch.filter_count], &watch.filters[watch.filter_count]))
            return mq_complain(
                MQ_EXIT_USAGE,
                "筛选条件 '%s' 不对 / filter not understood: must be a domain (fire_safety, … or none), a kind, a severity "
                "('>=3'), or 4 to 15 digits of an area code",
                argv[1 + watch.filter_count]);
    watch.json = live.options.json;
    return mq_live_run(&live);
}
