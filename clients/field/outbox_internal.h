/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbox share: outbox.c (messages in and out), outbox_file.c (opening), outbox_rescue.c (a damaged file). */
#ifndef MQ_OUTBOX_INTERNAL_H
#define MQ_OUTBOX_INTERNAL_H

#include "outbox.h"

#include <sqlite3.h>

/* The columns that entries are read from, in this order; `kind` is "kind", or "0" in a file from before there were others than
 * reports. */
#define MQ_OUTBOX_WAITING_OF(kind) "key, id, severity, sends, kept_at, not_before, payload, traceparent, digest, " kind
#define MQ_OUTBOX_REFUSED_OF(kind)                                                                                                 \
    "key, id, severity, 0, kept_at, 0, payload, traceparent, digest, " kind ", refused_at, path, message"
#define MQ_OUTBOX_WAITING MQ_OUTBOX_WAITING_OF("kind")
#define MQ_OUTBOX_REFUSED MQ_OUTBOX_REFUSED_OF("kind")

#define MQ_OUTBOX_DIGEST 32

struct mq_outbox {
    struct mq_outbox_options options;
    char *path, *account; /* owned */
    sqlite3 *db;
    sqlite3_stmt *reading; /* of the last entry handed out */
    int lock;              /* held shared while open, alone while a damaged file is rescued */
};

static inline void mq_statement_cleanup(sqlite3_stmt **statement) {
    sqlite3_finalize(*statement);
}
static inline void mq_database_cleanup(sqlite3 **db) {
    sqlite3_close(*db);
}

/* The errno of a result of SQLite's; 0 for its good ones. */
int mq_outbox_errno(int rc);

/* Runs statements without results. */
MQ_MUST_CHECK int mq_outbox_exec(sqlite3 *db, const char *sql);

/* Makes the tables in a new file, brings those of an older one up to date, and sets how it is written. -EUCLEAN when it is no
 * database. */
MQ_MUST_CHECK int mq_outbox_prepare(sqlite3 *db);

/* SHA-256 of the payload, and of the kind where it is no report, kept beside it: what comes back from the disk must be what went
 * there. */
void mq_outbox_digest(enum mq_receipt_kind kind, struct mq_str payload, unsigned char out[MQ_OUTBOX_DIGEST]);

/* Reads the row that `statement` stands on; false when it is not what had been kept. */
MQ_MUST_CHECK bool mq_outbox_row(sqlite3_stmt *statement, struct mq_outbox_entry *entry);

/* Adds a row to `table` ("waiting" or "refused"). 1 added, 0 its id is there already, negative errno. */
MQ_MUST_CHECK int mq_outbox_insert(sqlite3 *db, bool refused, const struct mq_outbox_entry *entry);

/* Writes everything readable of the damaged file `path` into a new file beside it and puts that in its place. The damaged one stays
 * as path.damaged-N. Killed at any point, the next opening ends it (mq_outbox_finish_rescue). */
MQ_MUST_CHECK int mq_outbox_rescue_file(const char *path, const char *account, struct mq_outbox_rescue *rescue);
MQ_MUST_CHECK int mq_outbox_finish_rescue(const char *path, struct mq_outbox_rescue *rescue);

#endif
