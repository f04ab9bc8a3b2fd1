/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to PostgreSQL: prepared statements over array parameters, and outcomes that say whether trying again helps. */
#ifndef MQ_STORE_H
#define MQ_STORE_H

#include "base.h"
#include "buffer.h"
#include <libpq-fe.h>
#include <stdlib.h>

struct mq_store;

/* The schema version that this program was built with: the number of the last file in schemas/sql. */
extern const int mq_store_schema_version;

/* A statement embedded from a .sql file: its parameters are arrays, one a column. */
struct mq_statement {
    const char *name;
    const char *sql;
    size_t columns;
};

enum mq_stored {
    MQ_STORED,       /* committed; the result is good */
    MQ_BAD_DATA,     /* class 22, 23 and all others not named here: some row is at fault; nothing was committed */
    MQ_STORE_AWAY,   /* connection, locks, resources, shutdown (08, 40, 53, 55P03, 57, 58, 25006): the same rows again later */
};

/* How long the database may keep its caller waiting; a link that is half open must not hang it for ever. */
struct mq_store_options {
    const char *conninfo, *program; /* libpq connection string, which wins over the times below; application_name */
    int64_t connect_timeout_ms;     /* rounded up to seconds, at least 2 (libpq's own bound) */
    int64_t answer_timeout_ms;      /* tcp_user_timeout and keepalives: after that without a sign of life the link is dead */
    int64_t statement_timeout_ms;   /* lowers what the role has, never raises it; 0: the role's. Waits for locks count. */
};

/* Copies its options. The role's password may come from its passfile. -ENOMEM. */
MQ_MUST_CHECK int mq_store_new(const struct mq_store_options *options, struct mq_store **out);
void mq_store_free(struct mq_store *store);

/* Connects when not connected, and checks the schema version. 0; -EAGAIN (logged, limited): not reachable now; -EPROTO: the
 * schema is older or newer than this program knows, which only an operator can mend. */
MQ_MUST_CHECK int mq_store_connect(struct mq_store *store);
bool mq_store_connected(const struct mq_store *store);
void mq_store_disconnect(struct mq_store *store);

/* Readable while nothing is asked: the server ended the connection, or has something to say; -1: not connected. mq_store_look then finds
 * out, so that an idle service knows before its next message comes. */
int mq_store_fd(const struct mq_store *store);
void mq_store_look(struct mq_store *store);

/* Rows of text cells, column by column, on their way into array parameters. */
struct mq_columns {
    size_t columns;         /* set once by mq_columns_init */
    size_t rows;
    struct mq_buffer text;  /* all cells, one after the other */
    struct mq_cell {
        size_t offset, len; /* in text; offset SIZE_MAX is null */
    } *cells;               /* rows * columns, row by row; owned */
    size_t capacity;        /* cells allocated */
    size_t filled;          /* cells of the row being added */
    bool failed;            /* out of memory */
};

void mq_columns_init(struct mq_columns *c, size_t columns);
void mq_columns_deinit(struct mq_columns *c);
void mq_columns_reset(struct mq_columns *c);
/* Appends the next cell; a row is complete after `columns` cells. */
void mq_columns_text(struct mq_columns *c, struct mq_str text);
void mq_columns_optional(struct mq_columns *c, struct mq_str text); /* s NULL or n 0: null */
void mq_columns_null(struct mq_columns *c);
void mq_columns_integer(struct mq_columns *c, int64_t value);
void mq_columns_number(struct mq_columns *c, double value);
void mq_columns_boolean(struct mq_columns *c, bool value);
void mq_columns_bytes(struct mq_columns *c, struct mq_str bytes); /* bytea */
/* Takes back the cells of a row that was begun and not finished. */
void mq_columns_cancel(struct mq_columns *c);

/* Runs the statement (prepared at first use on each connection) with rows [first, first+count) as arrays, one transaction.
 * *result (PQclear) is set for MQ_STORED only; *fault (may be NULL) gets the server's message for MQ_BAD_DATA, valid until the next
 * call. Negative errno: a programming error (class 42 or 0A), logged. */
MQ_MUST_CHECK int mq_store_run(struct mq_store *store, const struct mq_statement *statement, const struct mq_columns *columns,
                               size_t first, size_t count, PGresult **result, const char **fault);

/* Runs a statement with `count` plain text parameters (NULL is null). Same outcomes. */
MQ_MUST_CHECK int mq_store_query(struct mq_store *store, const struct mq_statement *statement, const char *const *values,
                                 size_t count, PGresult **result);

static inline void mq_result_cleanup(PGresult **result) { PQclear(*result); }

/* A cell of a result as a view; s NULL when null. */
static inline struct mq_str mq_result_str(const PGresult *r, int row, int column) {
    if (PQgetisnull(r, row, column))
        return (struct mq_str){ NULL, 0 };
    return (struct mq_str){ PQgetvalue(r, row, column), (size_t)PQgetlength(r, row, column) };
}

/* A cell that the statement made an integer; 0 when null. */
static inline long mq_result_integer(const PGresult *r, int row, int column) {
    return strtol(PQgetvalue(r, row, column), NULL, 10);
}

#endif
