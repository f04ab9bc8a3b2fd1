/* SPDX-License-Identifier: Apache-2.0 */
/* The database as a person's command uses it. */
#include "database.h"

#include "common/store.h"

#include <stdlib.h>

static const struct {
    const char *variable, *fallback;
} sources[] = {
    [MQ_DATABASE_READER] = { "MINQING_DATABASE", "dbname=minqing user=minqing_reader" },
    [MQ_DATABASE_ADMIN] = { "MINQING_DATABASE_ADMIN", "dbname=minqing" },
};

/* Notices ("already exists, skipping") are the server's chatter; what matters comes as an error. */
static void on_notice(void *userdata, const PGresult *result) {
    (void)userdata;
    (void)result;
}

int mq_database_fault(PGconn *connection, const char *what, const PGresult *result) {
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE),
               *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    int status = MQ_EXIT_FAILED;
    if (!state || PQstatus(connection) != CONNECTION_OK)
        status = MQ_EXIT_UNREACHABLE;
    else if (strcmp(state, "42501") == 0)
        status = MQ_EXIT_DENIED;
    else if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0)
        status = MQ_EXIT_DATA;
    return mq_complain(status, "%s: 数据库 database: %s%s%s%s", what, message ? message : PQerrorMessage(connection),
                       detail ? " (" : "", detail ? detail : "", detail ? ")" : "");
}

int mq_database_query(PGconn *connection, const char *what, const char *sql, const char *const *values, size_t count,
                      PGresult **result) {
    PGresult *r = PQexecParams(connection, sql, (int)count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(r);
    int outcome = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ? 0 : mq_database_fault(connection, what, r);
    if (outcome == 0 && result)
        *result = r;
    else
        PQclear(r);
    return outcome;
}

static int check_schema(PGconn *connection) {
    PGresult *r = PQexec(connection, "select coalesce(max(number), 0) from minqing.schema_migrations");
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    int status = 0;
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        int found = atoi(PQgetvalue(r, 0, 0));
        if (found != mq_store_schema_version)
            status = mq_complain(
                MQ_EXIT_FAILED, "数据库为第 %d 版，本程序为第 %d 版 / the database has schema %d, this program knows %d: %s", found,
                mq_store_schema_version, found, mq_store_schema_version,
                found < mq_store_schema_version ? "run 'minqing migrate'" : "install the program that belongs to it");
    } else if (state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        status = mq_complain(MQ_EXIT_FAILED, "数据库尚未建立 / the database has no schema of minqing: run 'minqing migrate'");
    } else {
        status = mq_database_fault(connection, "schema_migrations", r);
    }
    PQclear(r);
    return status;
}

int mq_database_open(enum mq_database_who who, const char *given, bool any_schema, PGconn **out) {
    const char *environment = getenv(sources[who].variable);
    const char *conninfo = given ? given : environment && *environment ? environment : sources[who].fallback;
    /* what the connection string says wins over these, since dbname is expanded where it stands */
    const char *keys[] = { "connect_timeout", "application_name", "client_encoding", "dbname", NULL };
    const char *values[] = { "5", "minqing", "UTF8", conninfo, NULL };
    PGconn *connection = PQconnectdbParams(keys, values, 1);
    int status = 0;
    if (PQstatus(connection) != CONNECTION_OK)
        status = mq_complain(MQ_EXIT_UNREACHABLE, "连接不上数据库 cannot connect to the database (%s, --database): %s",
                             sources[who].variable, connection ? PQerrorMessage(connection) : "out of memory");
    else
        PQsetNoticeReceiver(connection, on_notice, NULL);
    if (status == 0 && !any_schema)
        status = check_schema(connection);
    if (status != 0) {
        PQfinish(connection);
        return status;
    }
    *out = connection;
    return 0;
}
