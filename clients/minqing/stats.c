/* SPDX-License-Identifier: Apache-2.0 */
/* minqing stats: the figures of a period, as the query service describes its columns. */
#include "ask.h"
#include "minqing.h"
#include "shown.h"
#include "table.h"
#include "when.h"
#include "words.h"

#include <stdio.h>

/* What fits a screen; --wide and --csv have all. */
static const char *const narrow[] = {
    "name",
    "rank",
    "opened",
    "due_handle",
    "handled_in_time",
    "due_close",
    "closed",
    "closed_in_time",
    "close_rate",
    "close_in_time_rate",
    "handle_in_time_rate",
    "rework_rate",
    "return_rate",
    "sign_median_minutes",
    "handle_median_minutes",
};

struct column {
    struct mq_str name, name_zh, name_en;
};

#define AT(member) .offset = offsetof(struct column, member)
static const struct mq_field column_fields[] = {
    { "name", MQ_STRING, AT(name), .required = true },
    { "name_zh", MQ_STRING, AT(name_zh), .nullable = true },
    { "name_en", MQ_STRING, AT(name_en), .nullable = true },
    { .name = NULL },
};
static const struct mq_object column_object = { "column", sizeof(struct column), column_fields, 0 };

struct figures {
    struct mq_table table;
    struct column column;             /* the one being decoded */
    char names[MQ_TABLE_COLUMNS][65]; /* of the members, in the order of the columns */
    bool wide, csv;
    size_t place;        /* column that is looked for in a row */
    struct mq_str value; /* found */
};

static bool wanted(const struct figures *f, struct mq_str name) {
    for (size_t i = 0; !f->wide && i < MQ_LENGTH(narrow); i++)
        if (mq_str_equal(name, mq_str(narrow[i])))
            return true;
    return f->wide;
}

static void take_column(void *userdata) {
    struct figures *f = userdata;
    const struct column *c = &f->column;
    if (!wanted(f, c->name) || f->table.columns == MQ_TABLE_COLUMNS)
        return;
    snprintf(f->names[f->table.columns++], sizeof(f->names[0]), "%.*s", (int)c->name.n, c->name.s);
    mq_table_add(&f->table, f->csv ? c->name : c->name_zh.n ? c->name_zh : c->name);
}

static int find_member(void *userdata, struct mq_str key, struct mq_str value) {
    struct figures *f = userdata;
    if (!mq_str_equal(key, mq_str(f->names[f->place])))
        return 0;
    f->value = value;
    return 1;
}

struct text {
    struct mq_str x;
};

/* A number as it is, a string without its quotes and escapes, null as "" (CSV) or "-". */
static void add_value(struct figures *f) {
    static const struct mq_field fields[] = { { "x", MQ_STRING, .offset = offsetof(struct text, x), .nullable = true },
                                              { .name = NULL } };
    static const struct mq_object object = { "text", sizeof(struct text), fields, 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer wrapped = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { .count = 0 };
    struct text text = { f->value };
    if (f->value.n > 0 && *f->value.s == '"') {
        mq_buffer_append_text(&wrapped, "{\"x\":");
        mq_buffer_append_str(&wrapped, f->value);
        mq_buffer_append_char(&wrapped, '}');
        mq_ignore(mq_json_decode(&object, (struct mq_str){ wrapped.data, wrapped.len }, &text, &document, &faults));
    }
    if (mq_str_equal(text.x, MQ_STR("null")) || text.x.n == 0)
        text.x = f->csv ? MQ_STR("") : MQ_STR("-");
    mq_table_add(&f->table, text.x);
}

static int take_row(void *userdata, struct mq_str row) {
    struct figures *f = userdata;
    for (f->place = 0; f->place < f->table.columns; f->place++) {
        f->value = MQ_STR("");
        if (mq_json_each_member(row, find_member, f) < 0)
            return -1;
        add_value(f);
    }
    return 0;
}

static int print(const struct mq_asked *asked, struct figures *f) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    int status = mq_ask_each(asked->told.columns, &column_object, &f->column, take_column, f);
    if (status != 0)
        return status;
    if (f->table.columns == 0 || (asked->told.rows.s && mq_json_each(asked->told.rows, take_row, f) != 0)
        || (asked->told.all.s && take_row(f, asked->told.all) != 0))
        return mq_ask_garbled(NULL);
    if (f->csv)
        mq_table_csv(&f->table, &out);
    else
        mq_table_align(&f->table, 30, &out);
    if (f->table.failed || out.failed)
        return mq_complain(MQ_EXIT_FAILED, "内存不足 / out of memory");
    fputs(mq_buffer_text(&out), stdout);
    return MQ_EXIT_GOOD;
}

/* --month, or --from and --to. 0, or the exit status after a complaint. */
static int read_period(const char *month, struct mq_period *period, struct mq_query *question) {
    if (!month)
        return mq_period_read(period, question);
    if (period->from || period->to)
        return mq_complain(MQ_EXIT_USAGE, "--month 不能与 --from、--to 同用 / cannot stand together");
    if (!mq_when_month(month, period->from_at, period->to_at))
        return mq_complain(MQ_EXIT_USAGE, "--month %s: 应为 must be a month such as 2026-11", month);
    question->from = mq_str(period->from_at);
    question->to = mq_str(period->to_at);
    return 0;
}

int mq_stats(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    struct mq_query question = MQ_ASK_NOTHING;
    struct figures f = { 0 };
    struct mq_period period = { 0 };
    const char *month = NULL, *area = NULL, *by = NULL, *domain = NULL, *kind = NULL, *department = NULL, *as = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "by", MQ_OPTION_WORD, &by, "WHAT", "按何分组 one row for each: department, town, village, domain, kind, …", 0, 0,
          mq_by_words },
        { 0, "month", MQ_OPTION_TEXT, &month, "MONTH", "某月 of a month: 2026-11", 0, 0 },
        MQ_PERIOD_OPTIONS(&period),
        { 0, "area", MQ_OPTION_TEXT, &area, "CODE", "区划代码前缀 area: prefix of its code", 0, 0 },
        { 0, "domain", MQ_OPTION_WORD, &domain, "D", "只看此领域 only this domain", 0, 0, mq_domain_words },
        { 0, "kind", MQ_OPTION_TEXT, &kind, "K", "只看此类别 only this kind", 0, 0 },
        { 0, "department", MQ_OPTION_TEXT, &department, "D", "只看此部门主办的 only what this department leads", 0, 0,
          mq_department_words },
        { 0, "wide", MQ_OPTION_FLAG, &f.wide, NULL, "全部指标 all indicators", 0, 0 },
        { 0, "csv", MQ_OPTION_FLAG, &f.csv, NULL, "CSV（全部指标） all indicators as CSV", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "答复原文 the answer as it came, with each indicator's formula", 0, 0 },
        MQ_AS_OPTION(&as),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "",
        "考核指标；末行为合计；不足 10 件的不排名。各指标的算法见 --json。\n"
        "Figures; the last line is the whole; units with fewer than 10 cases are not ranked. --json has each one's formula.",
        options,
        connection,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = read_period(month, &period, &question);
    if (status == 0)
        status = mq_ask_area(area, &question);
    question.by = mq_word_index(mq_by_words, by);
    question.domain = mq_word_index(mq_domain_words, domain);
    question.kind = mq_str(kind);
    question.department = mq_str(department);
    f.wide = f.wide || f.csv;
    if (status == 0)
        status = mq_ask_open(&login, mq_as(as, MQ_CLIENT_ANYONE), &client);
    if (status == 0)
        status = mq_ask_done(client, &login, "stats", &question, json, &asked);
    if (status == 0 && json)
        mq_show_json(&asked.bytes);
    else if (status == 0)
        status = print(&asked, &f);
    mq_table_deinit(&f.table);
    return status;
}
