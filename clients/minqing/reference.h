/* SPDX-License-Identifier: Apache-2.0 */
/* Reference data (areas, kinds, routes, calendar): .tsv files of a folder, brought into the tables by its load.sql. */
#ifndef MQ_REFERENCE_H
#define MQ_REFERENCE_H

#include <libpq-fe.h>

/* Loads `folder` in one transaction: each x.tsv (officers.tsv, which has accounts, excepted) into a temporary table file_x of
 * text columns named by its first line, then load.sql. Doing it twice changes nothing. 0, or the exit status after a complaint. */
int mq_reference_load(PGconn *connection, const char *folder);

/* Runs `sql` over the files' temporary tables and takes all back: nothing is changed. 0 and *rows (PQclear), or the exit status after a
 * complaint. */
int mq_reference_compare(PGconn *connection, const char *folder, const char *sql, PGresult **rows);

#endif

