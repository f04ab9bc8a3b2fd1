/* SPDX-License-Identifier: Apache-2.0 */
/* minqing case show: everything of one case on one screen. */
#include "ask.h"
#include "minqing.h"
#include "when.h"
#include "whole.h"
#include "words.h"

#include "clients/common/text.h"

#include <inttypes.h>
#include <stdio.h>

#define LABEL 18 /* cells */

struct view {
    struct mq_whole c;
    int64_t now_us;
    bool colour;
};

static void label(struct mq_buffer *out, const char *text) {
    mq_buffer_append_text(out, "  ");
    mq_text_column(out, mq_str(text), LABEL);
    mq_buffer_append_char(out, ' ');
}

static void line(struct mq_buffer *out, const char *name, struct mq_str value) {
    if (value.n == 0)
        return;
    label(out, name);
    mq_text_clean(out, value);
    mq_buffer_append_char(out, '\n');
}

/* "名称 code". */
static void append_named(struct mq_buffer *out, struct mq_str name, struct mq_str code) {
    if (name.n) {
        mq_text_clean(out, name);
        mq_buffer_append_char(out, ' ');
    }
    mq_text_clean(out, code);
}

static void append_head(const struct view *view, struct mq_buffer *out) {
    const struct mq_whole *c = &view->c;
    mq_text_colour(out, view->colour, MQ_COLOUR_BOLD);
    mq_text_clean(out, c->number);
    mq_text_colour(out, view->colour, MQ_COLOUR_NONE);
    mq_buffer_append_text(out, "  ");
    if (c->severity > 0) {
        mq_show_severity(out, c->severity, view->colour);
        mq_buffer_append_text(out, "  ");
    }
    mq_word_both(c->state, out);
    mq_buffer_append_text(out, c->restricted ? "  〔受限 restricted〕" : "");
    mq_buffer_append_text(out, view->c.exercise ? "  〔演练 exercise〕" : "");
    if (view->c.level.n && !mq_str_equal(view->c.level, MQ_STR("town"))) {
        mq_buffer_append_text(out, "  级别 level: ");
        mq_word_both(view->c.level, out);
    }
    mq_buffer_append_char(out, '\n');
}

static void append_deadline(const struct view *view, struct mq_buffer *out, const char *name, struct mq_str at) {
    char text[64];
    if (!at.n)
        return;
    mq_when_deadline(at, view->now_us, text);
    line(out, name, mq_str(text));
}

static void append_facts(const struct view *view, struct mq_buffer *out) {
    const struct mq_whole *c = &view->c;
    char text[64];
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer what = { 0 }, where = { 0 };
    if (c->domain.n)
        append_named(&what, c->domain_name.n ? c->domain_name : mq_word(c->domain),
                     c->kind.n ? (struct mq_str){ "", 0 } : c->domain);
    if (c->kind.n)
        append_named(&what, c->kind_name, c->kind);
    const struct mq_str *also = c->also.items;
    for (size_t i = 0; i < c->also.count; i++) {
        mq_buffer_append_text(&what, i ? ", " : "; 另涉 also ");
        mq_text_clean(&what, mq_word(also[i]));
    }
    append_named(&where, c->area_name, c->area);
    line(out, "类别 kind", (struct mq_str){ what.data, what.len });
    line(out, "地点 where", (struct mq_str){ where.data, where.len });
    line(out, "内容 summary", c->summary.n ? c->summary : c->text);
    mq_when_short(c->opened_at, view->now_us, text);
    line(out, "立案 opened", mq_str(c->opened_at.n ? text : NULL));
    append_deadline(view, out, "签收期限 sign by", mq_str_equal(c->state, MQ_STR("assigned")) ? c->sign_by : MQ_STR(""));
    append_deadline(view, out, "办结期限 handle by", c->handle_by);
    append_deadline(view, out, "结果期限 outcome", view->c.outcome_by);
    append_deadline(view, out, "挂账至 suspended", view->c.suspended_until);
    line(out, "结果 result", view->c.result);
    line(out, "并入 merged into", view->c.merged_into);
    snprintf(text, sizeof(text), "%" PRId64, view->c.returns);
    line(out, "退单次数 returns", mq_str(view->c.returns ? text : NULL));
    snprintf(text, sizeof(text), "%" PRId64 "/5", view->c.rating);
    line(out, "评价 rating", mq_str(view->c.rating ? text : NULL));
    line(out, "个人信息 subject",
         c->has_subject ? MQ_STR("有，须说明理由查阅 there is: minqing subject show CASE --reason …") : MQ_STR(""));
}

static void append_parts(const struct view *view, struct mq_buffer *out) {
    const struct mq_whole_part *parts = view->c.parts.items;
    if (view->c.parts.count == 0)
        line(out, "主办 lead", view->c.lead_name.n ? view->c.lead_name : view->c.lead);
    for (size_t i = 0; i < view->c.parts.count; i++) {
        MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer role = { 0 }, name = { 0 };
        mq_word_both(parts[i].role, &role);
        append_named(&name, parts[i].department_name, parts[i].department);
        label(out, mq_buffer_text(&role));
        mq_text_column(out, (struct mq_str){ name.data, name.len }, 36);
        mq_buffer_append_char(out, ' ');
        mq_word_both(parts[i].state, out);
        mq_buffer_append_char(out, '\n');
    }
}

static void append_pending(const struct view *view, struct mq_buffer *out) {
    if (view->c.has_request) {
        char at[24];
        const struct mq_request *r = &view->c.request;
        mq_when_short(r->at, view->now_us, at);
        label(out, "待批 pending");
        mq_show_request(out, r, view->now_us);
        mq_buffer_printf(out, "  %s ", at);
        mq_text_clean(out, r->account);
        mq_buffer_append_text(out, r->reason.n ? ": " : "");
        mq_text_clean(out, r->reason);
        mq_buffer_append_char(out, '\n');
    }
    if (view->c.has_mobilisation) {
        label(out, "动员 mobilised");
        mq_show_mobilisation(out, &view->c.mobilisation);
        mq_buffer_append_char(out, '\n');
    }
}

static void append_reports(const struct view *view, struct mq_buffer *out) {
    const struct mq_whole_report *reports = view->c.reports.latest.items;
    if (view->c.reports.count == 0)
        return;
    mq_buffer_printf(out, "\n上报 reports: %" PRId64 "\n", view->c.reports.count);
    for (size_t i = 0; i < view->c.reports.latest.count; i++) {
        char at[24], id[MQ_UUID_TEXT];
        mq_when_short(reports[i].observed_at, view->now_us, at);
        mq_uuid_format(&reports[i].id, id);
        mq_buffer_append_text(out, "  ");
        mq_text_column(out, mq_str(at), 12);
        mq_buffer_printf(out, " %s ", id);
        mq_text_clean(out, reports[i].text);
        mq_buffer_append_char(out, '\n');
    }
}

static void append_events(const struct view *view, struct mq_buffer *out) {
    const struct mq_whole_event *events = view->c.events.items;
    mq_buffer_append_text(out, view->c.events.count ? "\n经过 history:\n" : "");
    for (size_t i = 0; i < view->c.events.count; i++) {
        char at[24];
        mq_when_short(events[i].at, view->now_us, at);
        mq_buffer_append_text(out, "  ");
        mq_text_column(out, mq_str(at), 12);
        mq_buffer_append_char(out, ' ');
        mq_text_column(out, mq_word(events[i].what), 9);
        mq_text_column(out, events[i].what, 17);
        mq_text_column(out, events[i].person.n ? events[i].person : events[i].by.n ? events[i].by : MQ_STR("-"), 14);
        mq_buffer_append_char(out, ' ');
        mq_text_column(out, events[i].department.n ? events[i].department : MQ_STR("-"), 18);
        mq_buffer_append_char(out, ' ');
        mq_text_clean(out, events[i].words);
        mq_buffer_append_text(out, events[i].words.n && events[i].note.n ? "：" : "");
        mq_text_clean(out, events[i].note);
        mq_buffer_append_char(out, '\n');
    }
}

static void append_allowed(const struct view *view, struct mq_buffer *out) {
    const struct mq_str *words = view->c.allowed.items;
    mq_buffer_append_text(out, view->c.allowed.count ? "\n可做 allowed: " : "");
    for (size_t i = 0; i < view->c.allowed.count; i++) {
        mq_buffer_append_text(out, i ? ", " : "");
        mq_word_both(words[i], out);
    }
    mq_buffer_append_text(out, view->c.allowed.count ? "\n" : "");
}

static int print(const struct mq_asked *asked) {
    struct view view = { .now_us = mq_clock_now_us(), .colour = mq_text_wants_colour() };
    MQ_CLEANUP(mq_whole_free) struct mq_whole_documents documents = { NULL, NULL };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    struct mq_faults faults = { .count = 0 };
    struct mq_str bytes = asked->told.case_raw;
    if (!bytes.s || !mq_whole_decode(bytes, &view.c, &documents, &faults))
        return mq_ask_garbled(&faults);
    append_head(&view, &out);
    append_facts(&view, &out);
    append_parts(&view, &out);
    append_pending(&view, &out);
    append_reports(&view, &out);
    append_events(&view, &out);
    append_allowed(&view, &out);
    fputs(mq_buffer_text(&out), stdout);
    return MQ_EXIT_GOOD;
}

int mq_case_show(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    struct mq_query question = MQ_ASK_NOTHING;
    const char *as = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "答复原文 the answer as it came", 0, 0 },
        MQ_AS_OPTION(&as),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line command = {
        argv[0],
        "CASE",
        "一个事件的全部：期限、部门、待批、动员、上报、经过、可做的事。CASE 是事件号（博美-1123-042）或其 id。\n"
        "Everything of a case, by its number or id: deadlines, departments, what waits, reports, history, what you may do.",
        options,
        connection,
        1,
        1,
    };
    size_t words;
    int status = mq_options_parse(&command, argc, argv, &words);
    if (status >= 0)
        return status;
    mq_ask_case(&question, argv[1]);
    status = mq_ask_open(&login, mq_as(as, MQ_CLIENT_ANYONE), &client);
    if (status == 0)
        status = mq_ask_done(client, &login, "case", &question, json, &asked);
    if (status != 0)
        return status;
    if (json)
        mq_show_json(&asked.bytes);
    return json ? MQ_EXIT_GOOD : print(&asked);
}
