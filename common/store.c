/* SPDX-License-Identifier: Apache-2.0 */
/* PostgreSQL through libpq. */
#include "store.h"

#include "clock.h"
#include "drill.h"
#include "outage.h"
#include "watchdog.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#define STATEMENTS 32 /* prepared on one connection */
#define COLUMNS 40    /* parameters of one statement */

/* Of all connections of the process: one line, not one each. */
static struct mq_outage outage = MQ_OUTAGE("database-away", "database-back");

/* libpq's messages have several lines; those after the first are advice, or rows that are nobody's business. For "%.*s". */
#define FIRST_LINE(message) (int)strcspn(message, "\n"), message

struct mq_store {
    struct mq_store_options options; /* texts are owned copies */
    bool away, silent; /* silent: the last wait was given up */
    PGconn *connection;
    const struct mq_statement *prepared[STATEMENTS];
    size_t prepared_count;
    uint64_t executed; /* rows that statements on this connection were given */
    struct mq_buffer parameters[COLUMNS];
    char fault[512];
};

int mq_store_new(const struct mq_store_options *options, struct mq_store **out) {
    struct mq_store *store = calloc(1, sizeof(*store));
    if (!store)
        return -ENOMEM;
    store->options = *options;
    store->options.conninfo = strdup(options->conninfo);
    store->options.program = strdup(options->program);
    if (!store->options.conninfo || !store->options.program) {
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
    free((char *)store->options.conninfo);
    free((char *)store->options.program);
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
            mq_log(MQ_ERROR, "schema", "the database has schema %d, this program knows %d: %s", found, mq_store_schema_version,
                   found < mq_store_schema_version ? "run 'minqing migrate'" : "install the program that belongs to it");
    } else if (state && (strcmp(state, "42P01") == 0 || strcmp(state, "3F000") == 0)) {
        mq_log(MQ_ERROR, "schema", "the database has no schema of minqing: run 'minqing migrate'");
        outcome = -EPROTO;
    } else if (state && strcmp(state, "42501") == 0) {
        mq_log(MQ_ERROR, "schema", "the role may not read the database: %.*s; 'minqing migrate' gives the rights to the roles minqing_SERVICE",
               FIRST_LINE(PQresultErrorMessage(r)));
        outcome = -EPROTO;
    }
    PQclear(r);
    return outcome;
}

/* Only ever lowered: the query service's role has a bound of its own, below everybody's. */
static void limit_statements(struct mq_store *store) {
    char limit[24];
    snprintf(limit, sizeof(limit), "%lld", (long long)store->options.statement_timeout_ms);
    const char *values[] = { limit };
    if (store->options.statement_timeout_ms > 0)
        PQclear(PQexecParams(store->connection,
                             "select set_config('statement_timeout', $1, false) from pg_settings"
                             " where name = 'statement_timeout' and (setting::bigint = 0 or setting::bigint > $1::bigint)",
                             1, NULL, values, NULL, NULL, 0));
}

static void connect_database(struct mq_store *store) {
    const struct mq_store_options *o = &store->options;
    char connect_s[24], probe_s[24], answer_ms[24];
    snprintf(connect_s, sizeof(connect_s), "%lld", (long long)(o->connect_timeout_ms + 999) / 1000);
    snprintf(probe_s, sizeof(probe_s), "%lld", (long long)(o->answer_timeout_ms + 3999) / 4000); /* idle, then three probes */
    snprintf(answer_ms, sizeof(answer_ms), "%lld", (long long)o->answer_timeout_ms);
    /* what the connection string says wins over these, since dbname is expanded where it stands */
    const char *keys[] = { "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
                           "target_session_attrs", "application_name", "client_encoding", "dbname", NULL };
    const char *values[] = { connect_s, probe_s, probe_s, "3", answer_ms, "read-write", o->program, "UTF8", o->conninfo, NULL };
    store->connection = PQconnectdbParams(keys, values, 1);
}

int mq_store_connect(struct mq_store *store) {
    if (mq_store_connected(store))
        return 0;
    mq_watchdog_at("connecting to the database", NULL);
    mq_store_disconnect(store);
    connect_database(store);
    if (!mq_store_connected(store)) {
        mq_outage_met(&outage, &store->away, MQ_WARNING,
                      "cannot connect to the database: %.*s; tried again until it answers: is it running, and is [SERVICE] database right?",
                      FIRST_LINE(store->connection ? PQerrorMessage(store->connection) : "out of memory"));
        mq_store_disconnect(store);
        return -EAGAIN;
    }
    PQsetNoticeReceiver(store->connection, on_notice, NULL);
    limit_statements(store);
    int r = check_schema(store);
    if (r < 0)
        mq_store_disconnect(store);
    else
        mq_outage_over(&outage, &store->away, "the database answers again");
    return r;
}

int mq_store_fd(const struct mq_store *store) { return mq_store_connected(store) ? PQsocket(store->connection) : -1; }

void mq_store_look(struct mq_store *store) {
    if (!mq_store_connected(store) || (PQconsumeInput(store->connection) && mq_store_connected(store)))
        return;
    mq_outage_met(&outage, &store->away, MQ_WARNING, "the database ended the connection: %.*s; connecting again until it answers",
                  FIRST_LINE(PQerrorMessage(store->connection)));
    mq_store_disconnect(store);
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
    const char *message = result          ? PQresultErrorMessage(result)
                          : store->silent ? "it does not answer any more"
                                          : PQerrorMessage(store->connection);
    store->silent = false;
    if (!state || PQstatus(store->connection) != CONNECTION_OK) {
        mq_outage_met(&outage, &store->away, MQ_WARNING, "the database went away during %s: %.*s; connecting again until it answers",
                      statement->name, FIRST_LINE(message));
        mq_store_disconnect(store);
        return MQ_STORE_AWAY;
    }
    static const char *const away[] = { "08", "40", "53", "55P03", "57", "58" };
    for (size_t i = 0; i < MQ_LENGTH(away); i++)
        if (strncmp(state, away[i], strlen(away[i])) == 0) {
            mq_log_limited("database-later", 60000, MQ_WARNING,
                           "the database cannot do %s now: %.*s; the same is tried again: see who holds it up with 'minqing doctor'",
                           statement->name, FIRST_LINE(message));
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
    mq_log(MQ_ERROR, "statement-failed", "statement %s failed: %.*s; schema and rights are not this program's: run 'minqing migrate'",
           statement->name, FIRST_LINE(message));
    return -EPROTO;
}

/* Waits for what the connection has to say, until `until_us`; false: nothing came. */
static bool wait_readable(PGconn *connection, int64_t until_us) {
    struct pollfd fd = { .fd = PQsocket(connection), .events = POLLIN };
    for (int64_t left; (left = until_us - mq_clock_monotonic_us()) > 0;) {
        int64_t ms = left / 1000 + 1;
        if (poll(&fd, 1, ms < 60000 ? (int)ms : 60000) != 0)
            return true; /* an error shows when it is read */
    }
    return false;
}

/* The last result of what was sent; NULL where no answer came. Longer than the server may work at a statement, and the network may be
 * silent, nobody waits: a server that is frozen, or was forgotten by a router on the way, says nothing at all. */
static PGresult *await_result(struct mq_store *store) {
    const struct mq_store_options *o = &store->options;
    int64_t until = o->statement_timeout_ms > 0 ? mq_clock_monotonic_us() + 1000 * (o->statement_timeout_ms + o->answer_timeout_ms) : INT64_MAX;
    PGresult *last = NULL;
    for (;;) {
        while (PQisBusy(store->connection)) {
            if (!wait_readable(store->connection, until)) {
                PQclear(last);
                store->silent = true;
                return NULL;
            }
            if (!PQconsumeInput(store->connection))
                break;
        }
        PGresult *r = PQgetResult(store->connection);
        if (!r)
            return last;
        PQclear(last);
        last = r;
    }
}

static int prepare(struct mq_store *store, const struct mq_statement *statement) {
    for (size_t i = 0; i < store->prepared_count; i++)
        if (store->prepared[i] == statement)
            return MQ_STORED;
    if (store->prepared_count == STATEMENTS)
        return -ENOSPC;
    PGresult *r = PQsendPrepare(store->connection, statement->name, statement->sql, 0, NULL) ? await_result(store) : NULL;
    int outcome = outcome_of(store, statement, r);
    PQclear(r);
    if (outcome == MQ_STORED)
        store->prepared[store->prepared_count++] = statement;
    return outcome == MQ_BAD_DATA ? -EPROTO : outcome;
}

/* A plan is kept for the session, and one that was made while its tables were empty may read the whole of them. So plans are made anew
 * after 8, 32, 128, … rows, however few statements bring them: by the last the tables are as large as ever matters. */
static int follow_growth(struct mq_store *store, const struct mq_statement *statement, size_t rows) {
    uint64_t before = store->executed;
    store->executed += rows;
    bool due = false;
    for (uint64_t n = 8; n <= 131072; n *= 4)
        due = due || (before < n && n <= store->executed);
    if (!due)
        return MQ_STORED;
    PGresult *r = PQsendQuery(store->connection, "discard plans") ? await_result(store) : NULL;
    int outcome = outcome_of(store, statement, r);
    PQclear(r);
    return outcome == MQ_BAD_DATA ? -EPROTO : outcome;
}

static int execute(struct mq_store *store, const struct mq_statement *statement, const char *const *values, size_t count, size_t rows,
                   PGresult **result) {
    if (!mq_store_connected(store))
        return MQ_STORE_AWAY;
    mq_watchdog_at("statement", statement->name); /* preparing it waits for locks, too */
    int outcome = prepare(store, statement);
    if (outcome == MQ_STORED)
        outcome = follow_growth(store, statement, rows);
    if (outcome != MQ_STORED)
        return outcome;
    PGresult *r = NULL;
    if (PQsendQueryPrepared(store->connection, statement->name, (int)count, values, NULL, NULL, 0)) {
        mq_drill_point(MQ_DRILL_STATEMENT);
        r = await_result(store);
    }
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
    int outcome = execute(store, statement, values, columns->columns, count, result);
    if (fault)
        *fault = outcome == MQ_BAD_DATA ? store->fault : "";
    return outcome;
}

int mq_store_query(struct mq_store *store, const struct mq_statement *statement, const char *const *values, size_t count,
                   PGresult **result) {
    return execute(store, statement, values, count, 1, result);
}
