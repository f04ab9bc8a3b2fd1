/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the outbox share: outbox.c (messages in and out), outbox_file.c (opening), outbox_rescue.c (a damaged file). */
#ifndef MQ_OUTBOX_INTERNAL_H
#define MQ_OUTBOX_INTERNAL_H

#include "outbox.h"

#include <sqlite3.h>

/* The columns that entries are read from, in this order; `kind` is "kind", or "0" in a file from before there were others than
 * reports; `row_digest` is "row_digest", or "null" in one from before rows had a digest of their own. */
#define MQ_OUTBOX_WAITING_OF(kind, row_digest)                                                                                     \
    "key, id, severity, sends, kept_at, not_before, payload, traceparent, digest, " kind ", " row_digest
#define MQ_OUTBOX_REFUSED_OF(kind, row_digest)                                                                                     \
    "key, id, severity, 0, kept_at, 0, payload, traceparent, digest, " kind ", " row_digest ", refused_at, path, message"
#define MQ_OUTBOX_WAITING MQ_OUTBOX_WAITING_OF("kind", "row_digest")
#define MQ_OUTBOX_REFUSED MQ_OUTBOX_REFUSED_OF("kind", "row_digest")

#define MQ_OUTBOX_DIGEST 32

struct mq_outbox {
    struct mq_outbox_options options;
    char *path, *account; /* owned */
    sqlite3 *db;
    sqlite3_stmt *reading; /* of the last entry handed out */
    int lock;              /* held shared while open, alone while a damaged file is rescued; has bytes once there was an outbox */
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
 * there, also where nothing but these bytes is found. */
void mq_outbox_digest(enum mq_receipt_kind kind, struct mq_str payload, unsigned char out[MQ_OUTBOX_DIGEST]);

/* SHA-256 of that digest and of all other columns that do not change while the row is there. `payload` and `out` may be the same. */
void mq_outbox_row_digest(bool refused, const struct mq_outbox_entry *entry, const unsigned char payload[MQ_OUTBOX_DIGEST],
                          unsigned char out[MQ_OUTBOX_DIGEST]);

/* How much of a row is what had been kept. */
enum mq_outbox_proof {
    MQ_OUTBOX_BROKEN,  /* not even its payload */
    MQ_OUTBOX_PAYLOAD, /* payload and kind, not the columns beside them */
    MQ_OUTBOX_OLD,     /* payload and kind; nothing was kept that would prove the rest */
    MQ_OUTBOX_WHOLE,
};

/* Reads the row that `statement` stands on. *entry is complete for all but MQ_OUTBOX_BROKEN; of a row that is not whole its id may be
 * nil. */
MQ_MUST_CHECK enum mq_outbox_proof mq_outbox_row(sqlite3_stmt *statement, struct mq_outbox_entry *entry);

/* The id that the payload of an entry names. false: it names none. */
MQ_MUST_CHECK bool mq_outbox_named_id(const struct mq_outbox_entry *entry, struct mq_uuid *id);

/* Adds a row to `table` ("waiting" or "refused"). 1 added, 0 its id is there already, negative errno. */
MQ_MUST_CHECK int mq_outbox_insert(sqlite3 *db, bool refused, const struct mq_outbox_entry *entry);

/* Writes everything readable of the damaged file `path` into a new file beside it and puts that in its place. The damaged one stays
 * as path.damaged-N. Killed at any point, the next opening ends it (mq_outbox_finish_rescue). */
MQ_MUST_CHECK int mq_outbox_rescue_file(const char *path, const char *account, struct mq_outbox_rescue *rescue);
MQ_MUST_CHECK int mq_outbox_finish_rescue(const char *path, struct mq_outbox_rescue *rescue);

#endif
