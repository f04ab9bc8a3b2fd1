/* SPDX-License-Identifier: Apache-2.0 */
/* minqing migrate: the schema's files in order, each once, then the reference data. */
#include "database.h"
#include "minqing.h"
#include "reference.h"
#include "sql.h"

#include "clients/common/text.h"
#include "common/store.h"
#include "migrations.h"
#include "version.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

/* Only one migrates at a time. Any number that nobody else uses; the notifier's is another. */
#define LOCK "5279001"

struct migration {
    const char *name, *sql; /* the name begins with its number */
};

static const struct migration migrations[] = {
#define X(name) { #name, mq_sql_##name },
    MQ_MIGRATIONS
#undef X
};

#define SHA256_TEXT (2 * crypto_hash_sha256_BYTES + 1)

static void sha256_of(const char *sql, char out[SHA256_TEXT]) {
    unsigned char hash[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(hash, (const unsigned char *)sql, strlen(sql));
    sodium_bin2hex(out, SHA256_TEXT, hash, sizeof(hash));
}

/* The row of the applied list for this number; -1: not applied. */
static int row_of(const PGresult *applied, int number) {
    for (int i = 0; i < PQntuples(applied); i++)
        if (atoi(PQgetvalue(applied, i, 0)) == number)
            return i;
    return -1;
}

/* 0: what is applied is the beginning of what this program has, unchanged. */
static int compare(const PGresult *applied) {
    char sha256[SHA256_TEXT];
    int known = (int)MQ_LENGTH(migrations);
    for (int i = 0; i < PQntuples(applied); i++) {
        int number = atoi(PQgetvalue(applied, i, 0));
        if (number < 1 || number > known)
            return mq_complain(
                MQ_EXIT_FAILED,
                "数据库已有第 %d 版（%s），本程序只到第 %d 版 / the database is newer than this program: install the "
                "program that belongs to it",
                number, PQgetvalue(applied, i, 1), known);
        sha256_of(migrations[number - 1].sql, sha256);
        if (strcmp(PQgetvalue(applied, i, 2), sha256) != 0)
            return mq_complain(MQ_EXIT_FAILED,
                               "%s 已经用于此数据库，但内容与本程序的不同 / %s was applied to this database with other contents "
                               "(sha256 %.12s there, %.12s here): applied files must never change; nothing was done",
                               migrations[number - 1].name, migrations[number - 1].name, PQgetvalue(applied, i, 2), sha256);
    }
    return 0;
}

static int exec(PGconn *connection, const char *what, const char *sql) {
    PGresult *r = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(r);
    int outcome = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ? 0 : mq_database_fault(connection, what, r);
    PQclear(r);
    return outcome;
}

static int apply(PGconn *connection, int number, const struct migration *m) {
    char sha256[SHA256_TEXT], number_text[16];
    sha256_of(m->sql, sha256);
    snprintf(number_text, sizeof(number_text), "%d", number);
    const char *values[] = { number_text, m->name, sha256 };
    int status = exec(connection, m->name, "begin");
    if (status == 0)
        status = exec(connection, m->name, m->sql);
    if (status == 0)
        status = mq_database_query(connection, m->name, mq_sql_migrate_record, values, 3, NULL);
    if (status == 0)
        status = exec(connection, m->name, "commit");
    if (status != 0)
        PQclear(PQexec(connection, "rollback"));
    /* the files set a search path for themselves */
    PQclear(PQexec(connection, "reset all"));
    if (status == 0)
        printf("%s: 已应用 applied\n", m->name);
    return status;
}

static int apply_all(PGconn *connection, const PGresult *applied) {
    int status = 0, done = 0;
    for (int number = 1; status == 0 && number <= (int)MQ_LENGTH(migrations); number++)
        if (row_of(applied, number) < 0) {
            status = apply(connection, number, &migrations[number - 1]);
            done++;
        }
    if (status == 0 && done == 0)
        printf("数据库已是第 %d 版 / the database has schema %d already\n", mq_store_schema_version, mq_store_schema_version);
    return status;
}

static int migrate(PGconn *connection, const char *folder) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *applied = NULL;
    /* the lock first: the table too is made by one only; it ends with the connection */
    int status = exec(connection, "migrate", "select pg_advisory_lock(" LOCK ")");
    if (status == 0)
        status = exec(connection, "migrate", mq_sql_migrate_table);
    if (status == 0)
        status = mq_database_query(connection, "migrate", mq_sql_migrate_applied, NULL, 0, &applied);
    if (status == 0)
        status = compare(applied);
    if (status == 0)
        status = apply_all(connection, applied);
    if (status == 0)
        status = mq_reference_load(connection, folder);
    if (status == 0)
        printf("基础数据已载入 reference data loaded: %s\n", folder);
    return status;
}

/* What is applied and what is not; changes nothing. 1 where something is missing. */
static int show(PGconn *connection) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *there = NULL, *applied = NULL;
    int status = mq_database_query(connection, "migrate", "select to_regclass('minqing.schema_migrations')", NULL, 0, &there);
    if (status == 0 && !PQgetisnull(there, 0, 0))
        status = mq_database_query(connection, "migrate", mq_sql_migrate_applied, NULL, 0, &applied);
    if (status != 0)
        return status;
    int missing = 0;
    for (int number = 1; number <= (int)MQ_LENGTH(migrations); number++) {
        int row = applied ? row_of(applied, number) : -1;
        MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
        mq_text_column(&line, mq_str(migrations[number - 1].name), 24);
        printf("%s %s\n", mq_buffer_text(&line), row >= 0 ? PQgetvalue(applied, row, 3) : "未应用 not applied");
        missing += row < 0;
    }
    status = applied ? compare(applied) : 0;
    return status != 0 ? status : missing > 0 ? MQ_EXIT_FAILED : MQ_EXIT_GOOD;
}

int mq_migrate(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    const char *conninfo = NULL, *environment = getenv("MINQING_REFERENCE");
    const char *folder = environment && *environment ? environment : MQ_DATA_DIR "/reference";
    bool only_show = false;
    const struct mq_option options[] = {
        { 0, "status", MQ_OPTION_FLAG, &only_show, NULL,
          "只查看 shows what is applied; changes nothing, status 1 where some is missing", 0, 0 },
        { 0, "reference", MQ_OPTION_TEXT, &folder, "DIR", "基础数据目录 folder of reference data (MINQING_REFERENCE)", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "",
        "建立数据库或升级到本版，并载入基础数据；可重复运行。\n"
        "Makes the schema or brings it to this version, then loads the reference data; may be run again.", options, NULL, 0, 0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (sodium_init() < 0)
        return mq_complain(MQ_EXIT_FAILED, "libsodium");
    status = mq_database_open(MQ_DATABASE_ADMIN, conninfo, true, &connection);
    if (status != 0)
        return status;
    return only_show ? show(connection) : migrate(connection, folder);
}
