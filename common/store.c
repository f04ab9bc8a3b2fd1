/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL through libpq. */
#include "store.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>

#define STATEMENTS 32 /* prepared on one connection */
#define COLUMNS 40    /* parameters of one statement */

struct mq_store {
    char *conninfo, *program;
    PGconn *connection;
    const struct mq_statement *prepared[STATEMENTS];
    size_t prepared_count;
    uint64_t executed; /* statements on this connection */
    struct mq_buffer parameters[COLUMNS];
    char fault[512];
};

int mq_store_new(const char *conninfo, const char *program, struct mq_store **out) {
    struct mq_store *store = calloc(1, sizeof(*store));
    if (!store)
        return -ENOMEM;
    store->conninfo = strdup(conninfo);
    store->program = strdup(program);
    if (!store->conninfo || !store->program) {
        mq_store_free(store);
        return -ENOMEM;
    }
    *out = store;
    return 0;
}

void mq_store_free(struct mq_store *store) {
    if (!store)
        return;
    mq_store_disconnect(store);
    for (size_t i = 0; i < COLUMNS; i++)
        mq_buffer_deinit(&store->parameters[i]);
    free(store->conninfo);
    free(store->program);
    free(store);
}

void mq_store_disconnect(struct mq_store *store) {
    PQfinish(store->connection);
    store->connection = NULL;
    store->prepared_count = 0;
    store->executed = 0;
}

bool mq_store_connected(const struct mq_store *store) { return store->connection && PQstatus(store->connection) == CONNECTION_OK; }

/* Notices are the server's chatter; what matters comes as an error. */
static void on_notice(void *userdata, const PGresult *result) {
    (void)userdata;
    (void)result;
}

static int check_schema(struct mq_store *store) {
    PGresult *r = PQexec(store->connection, "select max(number) from minqing.schema_migrations");
    int outcome = -EAGAIN;
    const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
    if (PQresultStatus(r) == PGRES_TUPLES_OK) {
        int found = (int)mq_result_integer(r, 0, 0);
        outcome = found == mq_store_schema_version ? 0 : -EPROTO;
        if (outcome)
            mq_log(MQ_ERROR, "the database has schema %d, this program knows %d: %s", found, mq_store_schema_version,
                   found < mq_store_schema_version ? "run 'minqing migrate'" : "install the program that belongs to it");
    } else if (state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        mq_log(MQ_ERROR, "the database has no schema of minqing: run 'minqing migrate'");
        outcome = -EPROTO;
    } else if (state && strcmp(state, "42501") == 0) {
        mq_log(MQ_ERROR, "the role may not read the database: %s; give it the rights of its service", PQresultErrorMessage(r));
        outcome = -EPROTO;
    }
    PQclear(r);
    return outcome;
}

int mq_store_connect(struct mq_store *store) {
    if (mq_store_connected(store))
        return 0;
    mq_store_disconnect(store);
    /* what the connection string says wins over these, since dbname is expanded where it stands */
    const char *keys[] = { "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                           "target_session_attrs", "application_name", "client_encoding", "dbname", NULL };
    const char *values[] = { "5", "5", "5", "3", "15000", "read-write", store->program, "UTF8", store->conninfo, NULL };
    store->connection = PQconnectdbParams(keys, values, 1);
    if (!mq_store_connected(store)) {
        mq_log_limited("store-connect", 10000, MQ_WARNING, "cannot connect to the database: %s",
                       store->connection ? PQerrorMessage(store->connection) : "out of memory");
        mq_store_disconnect(store);
        return -EAGAIN;
    }
    PQsetNoticeReceiver(store->connection, on_notice, NULL);
    int r = check_schema(store);
    if (r < 0)
        mq_store_disconnect(store);
    return r;
}

/* Array literals: every value quoted, quotes and backslashes escaped. */
static void append_value(struct mq_buffer *out, struct mq_str value) {
    mq_buffer_append_char(out, '"');
    const char *end = value.s + value.n;
    for (const char *p = value.s; p < end;) {
        const char *q = p;
        while (q < end && *q != '"' && *q != '\\')
            q++;
        mq_buffer_append(out, p, (size_t)(q - p));
        if (q < end) {
            mq_buffer_append_char(out, '\\');
            mq_buffer_append_char(out, *q++);
        }
        p = q;
    }
    mq_buffer_append_char(out, '"');
}

static void build_array(struct mq_buffer *out, const struct mq_columns *c, size_t column, size_t first, size_t count) {
    mq_buffer_reset(out, 1 << 20);
    mq_buffer_append_char(out, '{');
    for (size_t row = first; row < first + count; row++) {
        if (row > first)
            mq_buffer_append_char(out, ',');
        const struct mq_cell *cell = &c->cells[row * c->columns + column];
        if (cell->offset == SIZE_MAX)
            mq_buffer_append_text(out, "NULL");
        else
            append_value(out, (struct mq_str){ c->text.data + cell->offset, cell->len });
    }
    mq_buffer_append_char(out, '}');
}

/* Which of the outcomes an SQLSTATE means. */
static int outcome_of(struct mq_store *store, const struct mq_statement *statement, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK)
        return MQ_STORED;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = result ? PQresultErrorMessage(result) : PQerrorMessage(store->connection);
    if (!state || PQstatus(store->connection) != CONNECTION_OK) {
        mq_log_limited("store-away", 5000, MQ_WARNING, "the database went away during %s: %s", statement->name, message);
        return MQ_STORE_AWAY;
    }
    static const char *const away[] = { "08", "40", "53", "55P03", "57", "58" };
    for (size_t i = 0; i < MQ_LENGTH(away); i++)
        if (strncmp(state, away[i], strlen(away[i])) == 0) {
            mq_log_limited("store-later", 5000, MQ_WARNING, "the database cannot do %s now: %s", statement->name, message);
            return MQ_STORE_AWAY;
        }
    if (strcmp(state, "25006") == 0) { /* a standby after failover: connect again to find the primary */
        mq_store_disconnect(store);
        return MQ_STORE_AWAY;
    }
    /* what is neither the connection's fault nor the program's (42: names, rights; 0A: features) is some row's */
    if (strncmp(state, "42", 2) != 0 && strncmp(state, "0A", 2) != 0) {
        const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(store->fault, sizeof(store->fault), "%s", primary ? primary : message);
        return MQ_BAD_DATA;
    }
    mq_log(MQ_ERROR, "statement %s failed: %s", statement->name, message);
    return -EPROTO;
}

static int prepare(struct mq_store *store, const struct mq_statement *statement) {
    for (size_t i = 0; i < store->prepared_count; i++)
        if (store->prepared[i] == statement)
            return MQ_STORED;
    if (store->prepared_count == STATEMENTS)
        return -ENOSPC;
    PGresult *r = PQprepare(store->connection, statement->name, statement->sql, 0, NULL);
    int outcome = outcome_of(store, statement, r);
    PQclear(r);
    if (outcome == MQ_STORED)
        store->prepared[store->prepared_count++] = statement;
    return outcome == MQ_BAD_DATA ? -EPROTO : outcome;
}

/* A plan is kept for the session, and one that was made while its tables were empty may read the whole of them. So plans are made anew
 * after 8, 64, 512, 4,096 and 32,768 statements: by then the tables are as large as ever matters. */
static void follow_growth(struct mq_store *store) {
    uint64_t n = ++store->executed;
    if (n == 8 || n == 64 || n == 512 || n == 4096 || n == 32768)
        PQclear(PQexec(store->connection, "discard plans"));
}

static int execute(struct mq_store *store, const struct mq_statement *statement, const char *const *values, size_t count,
                   PGresult **result) {
    if (!mq_store_connected(store))
        return MQ_STORE_AWAY;
    int outcome = prepare(store, statement);
    if (outcome != MQ_STORED)
        return outcome;
    follow_growth(store);
    PGresult *r = PQexecPrepared(store->connection, statement->name, (int)count, values, NULL, NULL, 0);
    outcome = outcome_of(store, statement, r);
    if (outcome == MQ_STORED)
        *result = r;
    else
        PQclear(r);
    return outcome;
}

int mq_store_run(struct mq_store *store, const struct mq_statement *statement, const struct mq_columns *columns, size_t first,
                 size_t count, PGresult **result, const char **fault) {
    if (columns->columns != statement->columns || columns->columns > COLUMNS)
        return -EINVAL;
    if (columns->failed || columns->text.failed)
        return -ENOMEM;
    const char *values[COLUMNS];
    for (size_t i = 0; i < columns->columns; i++) {
        build_array(&store->parameters[i], columns, i, first, count);
        if (store->parameters[i].failed)
            return -ENOMEM;
        values[i] = mq_buffer_text(&store->parameters[i]);
    }
    int outcome = execute(store, statement, values, columns->columns, result);
    if (fault)
        *fault = outcome == MQ_BAD_DATA ? store->fault : "";
    return outcome;
}

int mq_store_query(struct mq_store *store, const struct mq_statement *statement, const char *const *values, size_t count,
                   PGresult **result) {
    return execute(store, statement, values, count, result);
}
