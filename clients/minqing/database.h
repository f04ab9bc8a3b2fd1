/* SPDX-License-Identifier: Apache-2.0 */
/* The database as a person's command uses it: one connection, faults said in words, exit statuses. */
#ifndef MQ_DATABASE_H
#define MQ_DATABASE_H

#include "clients/common/options.h"

#include <libpq-fe.h>

/* Who connects: the environment that names the connection, and what stands in for it. */
enum mq_database_who {
    MQ_DATABASE_READER, /* MINQING_DATABASE, else dbname=minqing user=minqing_reader */
    MQ_DATABASE_ADMIN,  /* MINQING_DATABASE_ADMIN, else dbname=minqing: may write accounts and change the schema */
};

/* Row of an option table; `conninfo` is NULL at first. */
/* clang-format off */
#define MQ_DATABASE_OPTION(conninfo, who)                                                                                   \
    { 0, "database", MQ_OPTION_TEXT, (conninfo), "CONNINFO",                                                                \
      (who) == MQ_DATABASE_ADMIN ? "数据库 libpq connection (MINQING_DATABASE_ADMIN)"                                       \
                                 : "数据库 libpq connection (MINQING_DATABASE)", 0, 0 }
/* clang-format on */

/* Connects; `given` wins over the environment. Without `any_schema` another schema than this program's is a fault. 0 and *out
 * (PQfinish), or the exit status after a complaint. */
MQ_MUST_CHECK int mq_database_open(enum mq_database_who who, const char *given, bool any_schema, PGconn **out);

/* Runs one statement with text parameters (NULL is null). 0 and *result (PQclear; may be NULL where nobody asks), or the exit
 * status after a complaint that begins with `what`: 3 gone, 4 not allowed, 6 the data is at fault, 1 others. */
MQ_MUST_CHECK int mq_database_query(PGconn *connection, const char *what, const char *sql, const char *const *values, size_t count,
                                    PGresult **result);

/* The exit status for a result that is not good; complains. */
int mq_database_fault(PGconn *connection, const char *what, const PGresult *result);

static inline void mq_database_cleanup(PGconn **connection) { PQfinish(*connection); }

#endif
