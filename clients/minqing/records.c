/* SPDX-License-Identifier: Apache-2.0 */
/* minqing subject show, audit, officers: lists of a few columns. */
#include "ask.h"
#include "minqing.h"
#include "shown.h"
#include "table.h"
#include "when.h"
#include "words.h"

#include "clients/common/text.h"

#include <inttypes.h>
#include <stdio.h>

#define AT(type, member) .offset = offsetof(struct type, member)
#define TEXT(type, member)                                                                                                         \
    { #member, MQ_STRING, AT(type, member), .nullable = true }

/* A table and the row that was just decoded. */
struct rows {
    struct mq_table table;
    union {
        struct entry {
            struct mq_str at, what, account, person, department, number, reason;
            bool restricted;
        } entry;
        struct officer {
            struct mq_str account, name, unit_name, unit, area, area_name;
            struct task {
                struct mq_str kind, state, number;
                bool exercise;
            } on_task;
            bool has_task;
        } officer;
        struct subject {
            struct mq_str observed_at, name, phone, id_number, address, fault;
        } subject;
    };
    int64_t now_us;
};

static void header(struct rows *rows, const char *const *names, size_t count) {
    rows->table.columns = count;
    rows->now_us = mq_clock_now_us();
    for (size_t i = 0; i < count; i++)
        mq_table_add(&rows->table, mq_str(names[i]));
}

static void add(struct rows *rows, struct mq_str text) {
    mq_table_add(&rows->table, text.n ? text : MQ_STR("-"));
}

static void add_time(struct rows *rows, struct mq_str at) {
    char text[24];
    mq_when_short(at, rows->now_us, text);
    add(rows, mq_str(text));
}

/* Prints it, or that there is nothing; frees it. */
static void finish(struct rows *rows, const char *nothing) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    if (rows->table.count > rows->table.columns)
        mq_table_align(&rows->table, 60, &out);
    else
        mq_buffer_printf(&out, "%s\n", nothing);
    fputs(mq_buffer_text(&out), stdout);
    mq_table_deinit(&rows->table);
}

/* ---- subject ---- */

static const struct mq_field subject_fields[] = {
    TEXT(subject, observed_at), TEXT(subject, name),  TEXT(subject, phone), TEXT(subject, id_number),
    TEXT(subject, address),     TEXT(subject, fault), { .name = NULL },
};
static const struct mq_object subject_object = { "subject", sizeof(struct subject), subject_fields, 0 };

static void show_subject(void *userdata) {
    struct rows *rows = userdata;
    const struct subject *s = &rows->subject;
    add_time(rows, s->observed_at);
    add(rows, s->name);
    add(rows, s->phone);
    add(rows, s->id_number);
    add(rows, s->address.n ? s->address : s->fault);
}

struct looking {
    const char *reason, *report, *visit;
    bool json;
};

static int show_subjects(struct mq_client *client, const struct mq_client_login *login, const struct looking *looking,
                         const char *word) {
    static const char *const names[] = { "上报 told", "姓名 name", "电话 phone", "证件号 id number", "住址 address" };
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    struct mq_query question = { .state = -1, .domain = -1, .by = -1, .reason = mq_str(looking->reason) };
    struct rows rows = { 0 };
    int status = 0;
    if (looking->report && !mq_uuid_parse(mq_str(looking->report), &question.report))
        return mq_complain(MQ_EXIT_USAGE, "--report %s: 不是上报编号 / is not a report's id (a UUID)", looking->report);
    if (looking->visit && !mq_uuid_parse(mq_str(looking->visit), &question.visit))
        return mq_complain(MQ_EXIT_USAGE, "--visit %s: 不是走访编号 / is not a visit's id (a UUID)", looking->visit);
    if (word)
        status = mq_ask_case_id(client, login, word, looking->json, &question.case_id);
    if (status == 0)
        status = mq_ask_done(client, login, "subject", &question, looking->json, &asked);
    if (status != 0)
        return status;
    if (looking->json) {
        mq_show_json(&asked.bytes);
        return MQ_EXIT_GOOD;
    }
    header(&rows, names, MQ_LENGTH(names));
    status = mq_ask_each(asked.told.subjects, &subject_object, &rows.subject, show_subject, &rows);
    finish(&rows, "没有个人信息 / no personal data");
    return status;
}

int mq_subject_show(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct looking looking = { 0 };
    const struct mq_option options[] = {
        { 0, "reason", MQ_OPTION_TEXT, &looking.reason, "TEXT",
          "为何查阅（必填，永久留痕） what it is needed for; required, kept for ever", 0, 0 },
        { 0, "report", MQ_OPTION_TEXT, &looking.report, "ID", "一条上报的 of one report, instead of a case", 0, 0 },
        { 0, "visit", MQ_OPTION_TEXT, &looking.visit, "ID", "走访时得知的 of a visit, instead of a case", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &looking.json, NULL, "答复原文 the answer as it came", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "[CASE]",
        "办理部门查阅当事人信息；查阅人和理由留痕。\nA desk that handles the case looks up whom it is about; who looked and why is "
        "recorded.",
        options,
        connection,
        0,
        1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (!looking.reason || !*looking.reason)
        return mq_complain(MQ_EXIT_USAGE, "须有 needs --reason: 说明为何查阅 say what it is needed for");
    if (words + (looking.report ? 1 : 0) + (looking.visit ? 1 : 0) != 1)
        return mq_complain(MQ_EXIT_USAGE, "CASE、--report、--visit 须有且只有一个 / exactly one of them; --help");
    status = mq_ask_open(&login, MQ_CLIENT_DESK, &client);
    return status != 0 ? status : show_subjects(client, &login, &looking, words ? argv[1] : NULL);
}

/* ---- audit ---- */

static const struct mq_field entry_fields[] = {
    TEXT(entry, at),         TEXT(entry, what),
    TEXT(entry, account),    TEXT(entry, person),
    TEXT(entry, department), TEXT(entry, number),
    TEXT(entry, reason),     { "restricted", MQ_BOOLEAN, AT(entry, restricted), .nullable = true },
    { .name = NULL },
};
static const struct mq_object entry_object = { "entry", sizeof(struct entry), entry_fields, 0 };

static void show_entry(void *userdata) {
    struct rows *rows = userdata;
    const struct entry *e = &rows->entry;
    add_time(rows, e->at);
    add(rows, e->what);
    add(rows, e->account);
    add(rows, e->person);
    add(rows, e->department);
    add(rows, e->number);
    add(rows, e->restricted && !e->reason.n ? MQ_STR("〔受限〕") : e->reason);
}

static int show_entries(void *userdata, const struct mq_asked *page) {
    struct rows *rows = userdata;
    return mq_ask_each(page->told.entries, &entry_object, &rows->entry, show_entry, rows);
}

int mq_audit(int argc, char **argv) {
    static const char *const names[] = { "时间 at",         "查阅 what", "账号 account", "何人 who",
                                         "部门 department", "事件 case", "理由 why" };
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct mq_query question = MQ_ASK_NOTHING;
    struct rows rows = { 0 };
    struct mq_pages pages = { .name = "audit", .show = show_entries, .userdata = &rows };
    struct mq_period period = { 0 };
    const char *as = NULL;
    const struct mq_option options[] = {
        MQ_PERIOD_OPTIONS(&period),
        { 0, "limit", MQ_OPTION_INTEGER, &question.limit, "N", "每页 N 条 entries a page (50)", 1, 200 },
        { 0, "all", MQ_OPTION_FLAG, &pages.all, NULL, "翻到最后一页 all pages", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &pages.json, NULL, "每页答复原文一行 each page's answer as it came, one a line", 0, 0 },
        MQ_AS_OPTION(&as),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "[CASE]",
        "谁在何时因何查阅了个人信息；可限于一个事件。\nWho looked at personal data, when and why; of one case, or of a period.",
        options,
        connection,
        0,
        1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_period_read(&period, &question);
    if (status == 0)
        status = mq_ask_open(&login, mq_as(as, MQ_CLIENT_ANYONE), &client);
    if (status == 0 && words > 0)
        status = mq_ask_case_id(client, &login, argv[1], pages.json, &question.case_id);
    if (status != 0)
        return status;
    header(&rows, names, MQ_LENGTH(names));
    status = mq_ask_pages(client, &login, &question, &pages);
    if (status == 0 && !pages.json)
        finish(&rows, "没有查阅记录 / nobody has looked");
    mq_table_deinit(&rows.table);
    return status;
}

/* ---- officers ---- */

static const struct mq_field task_fields[] = {
    TEXT(task, kind), TEXT(task, state), TEXT(task, number), { "exercise", MQ_BOOLEAN, AT(task, exercise), .nullable = true },
    { .name = NULL },
};
static const struct mq_object task_object = { "task", sizeof(struct task), task_fields, 0 };

static const struct mq_field officer_fields[] = {
    TEXT(officer, account),
    TEXT(officer, name),
    TEXT(officer, unit),
    TEXT(officer, unit_name),
    TEXT(officer, area),
    TEXT(officer, area_name),
    { "on_task", MQ_OBJECT, AT(officer, on_task), .has = offsetof(struct officer, has_task), .nullable = true,
      .object = &task_object },
    { .name = NULL },
};
static const struct mq_object officer_object = { "officer", sizeof(struct officer), officer_fields, 0 };

static void show_officer(void *userdata) {
    struct rows *rows = userdata;
    const struct officer *o = &rows->officer;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer task = { 0 };
    if (o->has_task) {
        struct mq_str kind = mq_word(o->on_task.kind), state = mq_word(o->on_task.state);
        mq_buffer_printf(&task, "%s%.*s %.*s %.*s", o->on_task.exercise ? "〔演练〕" : "", (int)kind.n, kind.s, (int)state.n,
                         state.s, (int)o->on_task.number.n, o->on_task.number.n ? o->on_task.number.s : "");
    }
    add(rows, o->account);
    add(rows, o->name);
    add(rows, o->unit_name.n ? o->unit_name : o->unit);
    add(rows, o->area_name.n ? o->area_name : o->area);
    add(rows, (struct mq_str){ task.data, task.len });
}

static int show_officers(void *userdata, const struct mq_asked *page) {
    struct rows *rows = userdata;
    return mq_ask_each(page->told.officers, &officer_object, &rows->officer, show_officer, rows);
}

int mq_officers(int argc, char **argv) {
    static const char *const names[] = { "账号 account", "姓名 name", "队伍 unit", "网格 grid", "任务 on task" };
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct mq_query question = MQ_ASK_NOTHING;
    struct rows rows = { 0 };
    struct mq_pages pages = { .name = "officers", .show = show_officers, .userdata = &rows };
    const char *area = NULL;
    const struct mq_option options[] = {
        { 0, "area", MQ_OPTION_TEXT, &area, "CODE", "区划代码前缀 area: prefix of its code", 0, 0 },
        { 0, "limit", MQ_OPTION_INTEGER, &question.limit, "N", "每页 N 人 officers a page (50)", 1, 200 },
        { 0, "all", MQ_OPTION_FLAG, &pages.all, NULL, "翻到最后一页 all pages", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &pages.json, NULL, "每页答复原文一行 each page's answer as it came, one a line", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "", "辖区的网格员和他们的任务。\nOfficers of the area, and what they are on.", options, connection, 0, 0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_ask_area(area, &question);
    if (status == 0)
        status = mq_ask_open(&login, MQ_CLIENT_OPERATOR, &client);
    if (status != 0)
        return status;
    header(&rows, names, MQ_LENGTH(names));
    status = mq_ask_pages(client, &login, &question, &pages);
    if (status == 0 && !pages.json)
        finish(&rows, "没有网格员 / no officers");
    mq_table_deinit(&rows.table);
    return status;
}
