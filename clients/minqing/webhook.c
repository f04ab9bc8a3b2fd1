/* SPDX-License-Identifier: Apache-2.0 */
/* minqing webhook: list, remove, enable, disable, test, deliveries, erase. */
#include "database.h"
#include "minqing.h"
#include "sql.h"

#include "clients/common/text.h"
#include "common/clock.h"
#include "common/store.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

#define LOOK_MS 200 /* between two looks for what became of a test */

/* What all verbs begin with. -1 to go on with *connection open, else the exit status. */
static int begin(const struct mq_command_line *line, int argc, char **argv, enum mq_database_who who, const char *const *conninfo,
                 size_t *words, PGconn **connection) {
    int status = mq_options_parse(line, argc, argv, words);
    if (status >= 0)
        return status;
    status = mq_database_open(who, *conninfo, false, connection);
    return status != 0 ? status : -1;
}

static int unknown(const char *name) {
    return mq_complain(MQ_EXIT_FAILED, "没有推送 %s / no such webhook: see 'minqing webhook list'", name);
}

/* ---- list, deliveries ---- */

/* One line of cells; the last is as long as it likes. */
static void print_cells(const PGresult *r, int row, const size_t *widths, int count) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    for (int i = 0; i < count; i++) {
        mq_text_column(&line, mq_result_str(r, row, i), widths[i]);
        mq_buffer_append_char(&line, ' ');
    }
    mq_text_clean(&line, mq_result_str(r, row, count));
    puts(mq_buffer_text(&line));
}

static void print_rows(const PGresult *r, bool json, const char *head, const size_t *widths, int count) {
    if (!json && PQntuples(r) > 0)
        puts(head);
    for (int i = 0; i < PQntuples(r); i++) {
        if (json)
            puts(PQgetvalue(r, i, count + 1));
        else
            print_cells(r, i, widths, count);
    }
}

int mq_webhook_list(int argc, char **argv) {
    static const size_t widths[] = { 18, 9, 18, 10, 4, 24, 7 };
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *conninfo = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "每行一个 JSON 对象 one object a line", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "", "推送、状态、部门、辖区、最低级别、事件词、待推条数、地址。\nName, state, department, area, severity, events, how many wait, address.",
        options, NULL, 0, 0,
    };
    size_t words;
    int status = begin(&line, argc, argv, MQ_DATABASE_READER, &conninfo, &words, &connection);
    if (status >= 0)
        return status;
    status = mq_database_query(connection, "webhook list", mq_sql_webhook_list, NULL, 0, &result);
    if (status == 0)
        print_rows(result, json, "名称 name          状态      部门 department    辖区       级别 事件 events              待推    地址 url", widths,
                   MQ_LENGTH(widths));
    return status;
}

int mq_webhook_deliveries(int argc, char **argv) {
    static const size_t widths[] = { 29, 18, 16, 14, 8, 4 };
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *conninfo = NULL;
    bool json = false, failed = false;
    int64_t most = 50;
    const struct mq_option options[] = {
        { 0, "failed", MQ_OPTION_FLAG, &failed, NULL, "只列失败的 only those given up, or tried and not taken", 0, 0 },
        { 0, "count", MQ_OPTION_INTEGER, &most, "N", "最多条数 at most (50)", 1, 100000 },
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "每行一个 JSON 对象 one object a line", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "[NAME]", "推送记录，最新的在前：时间、推送、案号、事件、状态、次数、回应。\nNewest first: when, webhook, case, event, state, attempts, what came back.",
        options, NULL, 0, 1,
    };
    size_t words = 0;
    int status = begin(&line, argc, argv, MQ_DATABASE_READER, &conninfo, &words, &connection);
    if (status >= 0)
        return status;
    char count[24];
    snprintf(count, sizeof(count), "%" PRId64, most);
    const char *values[] = { words > 0 ? argv[1] : NULL, failed ? "true" : "false", count };
    status = mq_database_query(connection, "webhook deliveries", mq_sql_webhook_deliveries, values, MQ_LENGTH(values), &result);
    if (status == 0)
        print_rows(result, json, "时间 made                     推送 webhook       案号 case        事件 event     状态     次数 回应 answer", widths,
                   MQ_LENGTH(widths));
    return status;
}

/* ---- remove, enable, disable, erase ---- */

/* Runs a statement that returns the webhook where it is known. */
static int change(int argc, char **argv, const char *help, const char *sql, const char *value) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *conninfo = NULL;
    const struct mq_option options[] = { MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN), { 0 } };
    const struct mq_command_line line = { argv[0], "NAME", help, options, NULL, 1, 1 };
    size_t words;
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &words, &connection);
    if (status >= 0)
        return status;
    const char *values[] = { argv[1], value };
    status = mq_database_query(connection, argv[1], sql, values, value ? 2 : 1, &result);
    return status == 0 && PQntuples(result) == 0 ? unknown(argv[1]) : status;
}

int mq_webhook_remove(int argc, char **argv) {
    return change(argc, argv, "删除推送及其记录。\nRemoves a webhook and its deliveries.", mq_sql_webhook_remove, NULL);
}

int mq_webhook_enable(int argc, char **argv) {
    return change(argc, argv,
                  "启用推送：推送此后的事件，以及停用前未推完的。\nTurns a webhook on: it gets what happens from now on, and what was left waiting.",
                  mq_sql_webhook_enable, "true");
}

int mq_webhook_disable(int argc, char **argv) {
    return change(argc, argv, "停用推送：停用期间的事件不再补推。\nTurns a webhook off: it never gets what happens meanwhile.",
                  mq_sql_webhook_enable, "false");
}

int mq_webhook_erase(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *conninfo = NULL;
    int64_t days = 0;
    const struct mq_option options[] = {
        { 0, "days", MQ_OPTION_INTEGER, &days, "N", "早于 N 天 older than N days", 1, 36500 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "", "清除早于若干天、已推完或已放弃的记录。\nErases deliveries that are over and older than some days.", options, NULL, 0, 0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (days == 0)
        return mq_complain(MQ_EXIT_USAGE, "缺少 --days / --days is missing: how old they must be");
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, days);
    const char *const values[] = { text };
    status = mq_database_open(MQ_DATABASE_ADMIN, conninfo, false, &connection);
    if (status == 0)
        status = mq_database_query(connection, "webhook erase", mq_sql_webhook_erase, values, MQ_LENGTH(values), &result);
    if (status == 0)
        printf("已清除 erased: %s\n", PQgetvalue(result, 0, 0));
    return status;
}

/* ---- test ---- */

/* Waits until the service has tried, and says what came back. */
static int watch(PGconn *connection, const char *name, const char *delivery, int64_t timeout_ms) {
    const char *values[] = { delivery };
    int64_t end = mq_clock_monotonic_us() + timeout_ms * 1000;
    do {
        MQ_CLEANUP(mq_result_cleanup) PGresult *outcome = NULL;
        int status = mq_database_query(connection, "webhook test", mq_sql_webhook_outcome, values, 1, &outcome);
        if (status != 0)
            return status;
        if (PQntuples(outcome) == 0)
            return unknown(name);
        const char *state = PQgetvalue(outcome, 0, 0), *http = PQgetvalue(outcome, 0, 1), *error = PQgetvalue(outcome, 0, 2);
        if (strcmp(state, "done") == 0) {
            printf("%s: 已送达 delivered, HTTP %s (%s)\n", name, http, delivery);
            return MQ_EXIT_GOOD;
        }
        if (strcmp(state, "waiting") != 0)
            return mq_complain(MQ_EXIT_FAILED, "%s: 未送达 not delivered: %s", name, error);
        poll(NULL, 0, LOOK_MS);
    } while (mq_clock_monotonic_us() < end);
    return mq_complain(MQ_EXIT_TIMEOUT, "%s: 尚无结果 no outcome yet: is the service webhook running? see 'minqing status'", name);
}

int mq_webhook_test(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *made = NULL;
    const char *conninfo = NULL;
    int64_t timeout_ms = 30000;
    const struct mq_option options[] = {
        { 0, "timeout", MQ_OPTION_SECONDS, &timeout_ms, "S", "最长等待（秒）longest wait for the outcome (30)", 1, 600000 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "NAME",
        "由推送服务发送一条签名的试推（不含事件），显示回应；停用的也可试。\n"
        "Lets the service send one signed test that tells of no case, and shows what came back; works for a disabled one too.",
        options, NULL, 1, 1,
    };
    size_t words;
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &words, &connection);
    if (status >= 0)
        return status;
    const char *values[] = { argv[1] };
    status = mq_database_query(connection, argv[1], mq_sql_webhook_test, values, 1, &made);
    if (status != 0)
        return status;
    return PQntuples(made) == 0 ? unknown(argv[1]) : watch(connection, argv[1], PQgetvalue(made, 0, 0), timeout_ms);
}
