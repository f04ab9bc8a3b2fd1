/* SPDX-License-Identifier: Apache-2.0 */
/* minqing case list: the cases an account may see, one line each. */
#include "ask.h"
#include "minqing.h"
#include "shown.h"
#include "when.h"
#include "words.h"

#include "clients/common/text.h"

#include <stdio.h>

struct row {
    struct mq_uuid case_id;
    struct mq_str number, state, domain, domain_name, kind, kind_name;
    int64_t severity;
    bool restricted, exercise;
    struct mq_str area, area_name, lead, lead_name, sign_by, handle_by, summary;
};

#define AT(member) .offset = offsetof(struct row, member)
static const struct mq_field row_fields[] = {
    { "case", MQ_UUID, AT(case_id), .required = true },
    { "number", MQ_STRING, AT(number), .required = true },
    { "state", MQ_STRING, AT(state), .required = true },
    { "domain", MQ_STRING, AT(domain), .nullable = true },
    { "domain_name", MQ_STRING, AT(domain_name), .nullable = true },
    { "kind", MQ_STRING, AT(kind), .nullable = true },
    { "kind_name", MQ_STRING, AT(kind_name), .nullable = true },
    { "severity", MQ_INTEGER, AT(severity), .nullable = true },
    { "restricted", MQ_BOOLEAN, AT(restricted), .nullable = true },
    { "exercise", MQ_BOOLEAN, AT(exercise), .nullable = true },
    { "area", MQ_STRING, AT(area), .nullable = true },
    { "area_name", MQ_STRING, AT(area_name), .nullable = true },
    { "lead", MQ_STRING, AT(lead), .nullable = true },
    { "lead_name", MQ_STRING, AT(lead_name), .nullable = true },
    { "sign_by", MQ_STRING, AT(sign_by), .nullable = true },
    { "handle_by", MQ_STRING, AT(handle_by), .nullable = true },
    { "summary", MQ_STRING, AT(summary), .nullable = true },
    { .name = NULL },
};
static const struct mq_object row_object = { "case", sizeof(struct row), row_fields, 0 };

struct listing {
    struct row row; /* the one being shown */
    struct mq_buffer line;
    size_t count, columns;
    int64_t now_us;
    bool colour;
};

/* The deadline that counts now: of signing while nobody has, of handling while it is not handled. */
static void append_deadline(struct mq_buffer *out, const struct row *row, int64_t now_us) {
    static const char *const handling[] = { "signed", "in_progress", "suspended" };
    char text[64] = "-", at[80];
    const char *which = "";
    if (mq_str_equal(row->state, MQ_STR("assigned"))) {
        mq_when_deadline(row->sign_by, now_us, text);
        which = "签 ";
    }
    for (size_t i = 0; i < MQ_LENGTH(handling); i++)
        if (mq_str_equal(row->state, mq_str(handling[i]))) {
            mq_when_deadline(row->handle_by, now_us, text);
            which = "办 ";
        }
    snprintf(at, sizeof(at), "%s%s", which, text);
    mq_text_column(out, mq_str(at), 24);
}

static void show_row(void *userdata) {
    struct listing *listing = userdata;
    const struct row *row = &listing->row;
    struct mq_buffer *out = &listing->line;
    struct mq_str what = row->kind_name.n     ? row->kind_name
                         : row->kind.n        ? row->kind
                         : row->domain_name.n ? row->domain_name
                                              : mq_word(row->domain);
    mq_buffer_reset(out, SIZE_MAX);
    mq_show_severity(out, row->severity, listing->colour);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, row->number, 15);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, mq_word(row->state), 8);
    mq_buffer_append_char(out, ' ');
    append_deadline(out, row, listing->now_us);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, what.n ? what : MQ_STR("-"), 16);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, row->lead_name.n ? row->lead_name : row->lead.n ? row->lead : MQ_STR("-"), 18);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, row->area_name.n ? row->area_name : row->area, 24);
    mq_buffer_append_text(out, row->exercise ? " 〔演练〕" : " ");
    mq_buffer_append_text(out, row->restricted ? "〔受限〕" : "");
    size_t used = 121 + (row->exercise ? 8U : 0U) + (row->restricted ? 8U : 0U);
    if (listing->columns == 0)
        mq_text_clean(out, row->summary);
    else
        mq_text_cut(out, row->summary, listing->columns > used + 20 ? listing->columns - used : 20);
    puts(mq_buffer_text(out));
    listing->count++;
}

static int show_page(void *userdata, const struct mq_asked *page) {
    struct listing *listing = userdata;
    return mq_ask_each(page->told.cases, &row_object, &listing->row, show_row, listing);
}

static int list(struct mq_client *client, const struct mq_client_login *login, struct mq_query *question, bool all, bool json) {
    struct listing listing = { .colour = mq_text_wants_colour(),
                               .columns = mq_text_terminal_columns(),
                               .now_us = mq_clock_now_us() };
    const struct mq_pages pages = { "cases", all, json, show_page, &listing };
    int status = mq_ask_pages(client, login, question, &pages);
    mq_buffer_deinit(&listing.line);
    if (status == 0 && !json && listing.count == 0)
        puts("没有这样的事件 / no such cases");
    return status;
}

int mq_case_list(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct mq_query question = MQ_ASK_NOTHING;
    struct mq_period period = { 0 };
    const char *state = NULL, *domain = NULL, *kind = NULL, *department = NULL, *area = NULL, *text = NULL, *as = NULL;
    bool all = false, json = false;
    const struct mq_option options[] = {
        { 0, "state", MQ_OPTION_WORD, &state, "STATE", "状态 state: assigned, signed, in_progress, …", 0, 0, mq_state_words },
        { 0, "domain", MQ_OPTION_WORD, &domain, "D", "领域 domain: fire_safety, …", 0, 0, mq_domain_words },
        { 0, "kind", MQ_OPTION_TEXT, &kind, "K", "类别 kind: fire_safety.hill_fire, …", 0, 0 },
        { 0, "severity", MQ_OPTION_INTEGER, &question.severity, "N", "等级不低于 severity at least: 4 特急, 3 紧急, 2 一般, 1 知悉",
          1, 4 },
        { 0, "department", MQ_OPTION_TEXT, &department, "D", "参与的部门 department that takes part", 0, 0, mq_department_words },
        { 0, "area", MQ_OPTION_TEXT, &area, "CODE", "区划代码前缀 area: prefix of its code", 0, 0 },
        { 0, "overdue", MQ_OPTION_FLAG, &question.overdue, NULL, "只看超时的 only those past a deadline", 0, 0 },
        { 0, "text", MQ_OPTION_TEXT, &text, "WORDS", "上报内容含有 words in what was reported", 0, 0 },
        MQ_PERIOD_OPTIONS(&period),
        { 0, "limit", MQ_OPTION_INTEGER, &question.limit, "N", "每页 N 件 cases a page (50)", 1, 200 },
        { 0, "all", MQ_OPTION_FLAG, &all, NULL, "翻到最后一页 all pages", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "每页答复原文一行 each page's answer as it came, one a line", 0, 0 },
        MQ_AS_OPTION(&as),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "",
        "本账号能看到的事件：等级、事件号、状态、期限（签 签收，办 办结；余 剩余，超 超时）、类别、主办、地点、内容。\n"
        "Cases this account may see: severity, number, state, deadline (签 to sign, 办 to handle; 余 left, 超 late), kind, lead, "
        "place, text.",
        options,
        connection,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    question.state = mq_word_index(mq_state_words, state);
    question.domain = mq_word_index(mq_domain_words, domain);
    question.kind = mq_str(kind);
    question.has_overdue = question.overdue;
    question.department = mq_str(department);
    question.text = mq_str(text);
    status = mq_period_read(&period, &question);
    if (status == 0)
        status = mq_ask_area(area, &question);
    if (status == 0)
        status = mq_ask_open(&login, mq_as(as, MQ_CLIENT_ANYONE), &client);
    return status != 0 ? status : list(client, &login, &question, all, json);
}
