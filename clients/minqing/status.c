/* SPDX-License-Identifier: Apache-2.0 */
/* minqing status: what is behind and why, on one screen. */
#include "status.h"

#include "database.h"
#include "minqing.h"
#include "retained.h"
#include "sql.h"

#include "clients/common/text.h"
#include "common/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>

/* ---- the broker ---- */

static void take_figure(void *userdata, const struct mq_arrival *arrival) {
    static const struct {
        enum mq_topic topic;
        const char *name;
        size_t offset;
    } wanted[] = {
        { MQ_TOPIC_BROKER_PUBLISHES, "dropped", offsetof(struct mq_broker_figures, dropped) },
        { MQ_TOPIC_BROKER_STORE, "count", offsetof(struct mq_broker_figures, stored) },
        { MQ_TOPIC_BROKER_CLIENTS, "connected", offsetof(struct mq_broker_figures, connected) },
    };
    for (size_t i = 0; i < MQ_LENGTH(wanted); i++) {
        struct mq_topic_parts parts;
        char number[24];
        if (!mq_topic_parse(wanted[i].topic, arrival->topic, &parts) || !mq_str_equal(parts.part[0], mq_str(wanted[i].name)))
            continue;
        snprintf(number, sizeof(number), "%.*s", (int)arrival->payload.n, arrival->payload.s);
        *(int64_t *)((char *)userdata + wanted[i].offset) = strtoll(number, NULL, 10);
    }
}

int mq_screen_read_broker(struct mq_screen *s, struct mq_client *client) {
    static const enum mq_topic figures[] = { MQ_TOPIC_BROKER_PUBLISHES, MQ_TOPIC_BROKER_STORE, MQ_TOPIC_BROKER_CLIENTS };
    s->figures = (struct mq_broker_figures) { -1, -1, -1 };
    int r = 0;
    for (size_t i = 0; i < MQ_LENGTH(figures) && r == 0; i++)
        r = mq_retained_read(client, &(struct mq_retained) { .topic = figures[i], .each = take_figure, .userdata = &s->figures });
    if (r == 0)
        r = mq_health_read(client, &s->health);
    s->broker = r == 0;
    return r;
}

/* ---- the database ---- */

static int64_t number_or(const PGresult *r, int row, int column, int64_t otherwise) {
    return PQgetisnull(r, row, column) ? otherwise : mq_result_integer(r, row, column);
}

static void take_stages(struct mq_screen *s) {
    for (int i = 0; i < PQntuples(s->stage_rows) && s->stage_count < MQ_STAGES; i++)
        s->stages[s->stage_count++] = (struct mq_behind) {
            .stage = PQgetvalue(s->stage_rows, i, 0),
            .service = PQgetvalue(s->stage_rows, i, 1),
            .rows = mq_result_integer(s->stage_rows, i, 2),
            .oldest_s = number_or(s->stage_rows, i, 3, -1),
            .rejections = mq_result_integer(s->stage_rows, i, 4),
        };
}

int mq_screen_read_database(struct mq_screen *s, PGconn *reader, PGconn *admin) {
    const char *lock[] = { MQ_NOTIFIER_LOCK };
    int status = mq_database_query(reader, "status", mq_sql_status, NULL, 0, &s->counts);
    if (status == 0)
        status = mq_database_query(reader, "status", mq_sql_status_stages, NULL, 0, &s->stage_rows);
    if (status == 0)
        status = mq_database_query(admin ? admin : reader, "status", mq_sql_status_database, lock, 1, &s->database_row);
    if (status == 0)
        take_stages(s);
    s->database = status == 0;
    return status;
}

bool mq_disk_free(const char *folder, int *bytes_percent, int *inodes_percent, int64_t *bytes) {
    struct statvfs fs;
    if (!folder || !*folder || statvfs(folder, &fs) < 0 || fs.f_blocks == 0)
        return false;
    *bytes = (int64_t)(fs.f_bavail * fs.f_frsize);
    *bytes_percent = (int)(100 * fs.f_bavail / fs.f_blocks);
    *inodes_percent = fs.f_files ? (int)(100 * fs.f_favail / fs.f_files) : 100; /* some file systems count none */
    return true;
}

void mq_screen_deinit(struct mq_screen *s) {
    PQclear(s->counts);
    PQclear(s->stage_rows);
    PQclear(s->database_row);
    mq_health_set_deinit(&s->health);
}

/* ---- the command ---- */

static int read_broker(struct mq_screen *s, struct mq_client_login *login) {
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    int status = mq_client_open(login, MQ_CLIENT_OPERATOR, &client);
    if (status != 0)
        return status;
    int r = mq_screen_read_broker(s, client);
    return r == 0 ? 0 : r == -EINTR ? MQ_EXIT_FAILED : mq_client_explain(login, r);
}

/* The owner sees times and states of other sessions, which the reader does not; where the environment names one it is asked. */
static int read_database(struct mq_screen *s, const char *conninfo) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *reader = NULL;
    MQ_CLEANUP(mq_database_cleanup) PGconn *admin = NULL;
    int status = mq_database_open(MQ_DATABASE_READER, conninfo, false, &reader);
    if (status == 0 && !conninfo && getenv("MINQING_DATABASE_ADMIN"))
        mq_ignore(mq_database_open(MQ_DATABASE_ADMIN, NULL, true, &admin));
    return status == 0 ? mq_screen_read_database(s, reader, admin) : status;
}

int mq_status(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    const char *conninfo = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "一个 JSON 对象 one object", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "",
        "什么积压、为什么、怎么办。退出状态：0 一切正常，1 有积压或停止，3 连接不上。\n"
        "What is behind, why, and what to do: stages, services, broker, database. Exit status 0: all is well; 1: something is\n"
        "behind or down; 3: broker or database cannot be reached. 'minqing doctor' looks deeper.",
        options,
        connection,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    struct mq_screen *s = calloc(1, sizeof(*s));
    if (!s)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    int broker = read_broker(s, &login), database = read_database(s, conninfo);
    mq_screen_explain(s);
    if (json)
        mq_screen_json(s);
    else
        mq_screen_text(s, mq_text_wants_colour());
    status = broker != 0 ? broker : database != 0 ? database : mq_screen_well(s) ? MQ_EXIT_GOOD : MQ_EXIT_FAILED;
    mq_screen_deinit(s);
    free(s);
    return status;
}
