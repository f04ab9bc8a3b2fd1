/* SPDX-License-Identifier: Apache-2.0 */
/* minqing report: the way of one report through the system. */
#include "database.h"
#include "minqing.h"
#include "sql.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/store.h"

#include <stdio.h>
#include <stdlib.h>

/* The lines of `text`, each behind `indent` spaces. */
static void append_lines(struct mq_buffer *out, struct mq_str text, int indent) {
    while (text.n > 0) {
        const char *end = memchr(text.s, '\n', text.n);
        struct mq_str line = { text.s, end ? (size_t)(end - text.s) : text.n };
        mq_buffer_printf(out, "%*s", indent, "");
        mq_text_clean(out, line);
        mq_buffer_append_char(out, '\n');
        text.s += line.n + (end ? 1 : 0);
        text.n -= line.n + (end ? 1 : 0);
    }
}

/* "+12 ms", "+3.2 s", "+4 min". */
static void since(const PGresult *r, int row, char out[32]) {
    out[0] = '\0';
    if (PQgetisnull(r, row, 1))
        return;
    double ms = strtod(PQgetvalue(r, row, 1), NULL);
    if (ms < 1000 && ms > -1000)
        snprintf(out, 32, "%+.0f ms", ms);
    else if (ms < 120000 && ms > -120000)
        snprintf(out, 32, "%+.1f s", ms / 1000);
    else
        snprintf(out, 32, "%+.0f min", ms / 60000);
}

static void append_step(struct mq_buffer *out, const PGresult *r, int row, bool colour) {
    static const struct {
        const char *word, *label;
    } stages[] = { { "observed", "发现" }, { "received", "收到" }, { "classified", "分类" } };
    char gap[32];
    struct mq_str what = mq_result_str(r, row, 2), label = mq_word(what);
    for (size_t i = 0; i < MQ_LENGTH(stages); i++)
        if (mq_str_equal(what, mq_str(stages[i].word)))
            label = mq_str(stages[i].label);
    since(r, row, gap);
    mq_buffer_printf(out, "%s ", PQgetvalue(r, row, 0));
    mq_text_column(out, mq_str(gap), 10);
    mq_text_colour(out, colour, MQ_COLOUR_BOLD);
    mq_text_clean(out, label);
    if (!mq_str_equal(label, what)) {
        mq_buffer_append_char(out, ' ');
        mq_text_clean(out, what);
    }
    mq_text_colour(out, colour, MQ_COLOUR_NONE);
    mq_buffer_append_char(out, '\n');
    append_lines(out, mq_result_str(r, row, 3), 4);
}

static int print_text(PGconn *connection, const char *const ids[2]) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *timeline = NULL, *state = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    bool colour = mq_text_wants_colour();
    int status = mq_database_query(connection, "report show", mq_sql_report_timeline, ids, 2, &timeline);
    if (status == 0)
        status = mq_database_query(connection, "report show", mq_sql_report_state, ids, 2, &state);
    if (status != 0)
        return status;
    mq_buffer_printf(&out, "上报 report %s\n", ids[0]);
    for (int i = 0; i < PQntuples(timeline); i++)
        append_step(&out, timeline, i, colour);
    for (int i = 0; i < PQntuples(state); i++) {
        mq_buffer_append_char(&out, '\n');
        mq_text_colour(&out, colour, MQ_COLOUR_BOLD);
        mq_text_clean(&out, mq_result_str(state, i, 1));
        mq_text_colour(&out, colour, MQ_COLOUR_NONE);
        mq_buffer_append_char(&out, '\n');
        append_lines(&out, mq_result_str(state, i, 2), 4);
    }
    fputs(mq_buffer_text(&out), stdout);
    return 0;
}

static int print_json(PGconn *connection, const char *const ids[2]) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    int status = mq_database_query(connection, "report show", mq_sql_report_json, ids, 2, &result);
    if (status == 0)
        puts(PQgetvalue(result, 0, 0));
    return status;
}

int mq_report_show(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *found = NULL;
    const char *conninfo = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "一个 JSON 对象 one object", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "ID",
        "一条上报从发现到通知的全过程。ID: 上报编号、事件 id 或事件号（其首条上报）。\n"
        "The way of a report, with the milliseconds between stages. ID: a report's id, a case's id, or a case's number.",
        options, NULL, 1, 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_database_open(MQ_DATABASE_READER, conninfo, false, &connection);
    const char *values[] = { argv[1] };
    if (status == 0)
        status = mq_database_query(connection, "report show", mq_sql_report_find, values, 1, &found);
    if (status != 0)
        return status;
    if (PQntuples(found) == 0)
        return mq_complain(MQ_EXIT_FAILED, "没有上报或事件 %s / no such report or case", argv[1]);
    const char *ids[] = { PQgetvalue(found, 0, 0), PQgetisnull(found, 0, 1) ? NULL : PQgetvalue(found, 0, 1) };
    return json ? print_json(connection, ids) : print_text(connection, ids);
}
