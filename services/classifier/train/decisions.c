/* SPDX-License-Identifier: Apache-2.0 */
/* Decisions that people took, from the database. */
#include "corpus_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

static const char select_examples[] = "select e.domain, e.kind, e.severity, r.text from minqing.examples e "
                                      "join minqing.reports r on r.id = e.report order by e.id";

static int add_rows(struct mq_corpus *corpus, const PGresult *result) {
    for (int i = 0; i < PQntuples(result); i++) {
        char *cells[4];
        for (int c = 0; c < 3; c++)
            cells[c] = PQgetvalue(result, i, c);
        cells[3] = strdup(PQgetvalue(result, i, 3));
        int r = cells[3] ? mq_corpus_keep(corpus, cells[3]) : -ENOMEM;
        if (r == 0)
            r = mq_corpus_push_decision(corpus, "database", (unsigned)i + 1, cells);
        if (r < 0)
            return r;
    }
    return 0;
}

int mq_corpus_add_database(struct mq_corpus *corpus, const char *conninfo) {
    PGconn *connection = PQconnectdb(conninfo);
    PGresult *result = NULL;
    int r = -EIO;
    if (PQstatus(connection) == CONNECTION_OK)
        result = PQexec(connection, select_examples);
    if (PQresultStatus(result) == PGRES_TUPLES_OK)
        r = add_rows(corpus, result);
    else
        fprintf(stderr, "database: %s", PQerrorMessage(connection));
    PQclear(result);
    PQfinish(connection);
    return r;
}
