/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox as a file: opening, whose it is, whether it is sound. */
#include "outbox_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 5000 /* for another process's write */

int mq_outbox_errno(int rc) {
    if (rc == SQLITE_IOERR_SHMSIZE)
        return -ENOSPC; /* a disk without room shows here first: SQLite's shared memory is a file too */
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return 0;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our tables are not there or are others */
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
    case SQLITE_CONSTRAINT:
        return -EUCLEAN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

int mq_outbox_exec(sqlite3 *db, const char *sql) {
    int r = mq_outbox_errno(sqlite3_exec(db, sql, NULL, NULL, NULL));
    /* a file that it could not make for want of room */
    return r == -EACCES && sqlite3_system_errno(db) == ENOSPC ? -ENOSPC : r;
}

static bool prepares(sqlite3 *db, const char *sql) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    return sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK;
}

/* What files from earlier versions lack: others than reports, and a digest of all columns. */
static const struct {
    const char *look, *add;
} additions[] = {
    { "select w.kind, r.kind from waiting w, refused r", "alter table waiting add column kind integer not null default 0;"
                                                         "alter table refused add column kind integer not null default 0;" },
    { "select w.row_digest, r.row_digest from waiting w, refused r", "alter table waiting add column row_digest blob;"
                                                                     "alter table refused add column row_digest blob;" },
};

/* Gives a row from before its digest. The payload proves itself, and that the id is its own; the rest is taken as it is. */
static int prove_row(sqlite3 *db, const char *update, sqlite3_stmt *row, bool refused) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    struct mq_outbox_entry entry;
    struct mq_uuid named;
    unsigned char digest[MQ_OUTBOX_DIGEST];
    if (mq_outbox_row(row, &entry) != MQ_OUTBOX_OLD
        || (mq_outbox_named_id(&entry, &named) && memcmp(&named, &entry.id, sizeof(named)) != 0))
        return -EUCLEAN;
    mq_outbox_digest(entry.kind, entry.payload, digest);
    mq_outbox_row_digest(refused, &entry, digest, digest);
    int rc = sqlite3_prepare_v2(db, update, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return mq_outbox_errno(rc);
    sqlite3_bind_blob(statement, 1, digest, sizeof(digest), SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, entry.key);
    return mq_outbox_errno(sqlite3_step(statement));
}

static int prove_rows(sqlite3 *db, bool refused) {
    static const char *const next[] = {
        "select " MQ_OUTBOX_WAITING " from waiting where row_digest is null and key > ?1 order by key limit 1",
        "select " MQ_OUTBOX_REFUSED " from refused where row_digest is null and key > ?1 order by key limit 1",
    };
    static const char *const update[] = {
        "update waiting set row_digest = ?1 where key = ?2",
        "update refused set row_digest = ?1 where key = ?2",
    };
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(db, next[refused], -1, &statement, NULL);
    int r = mq_outbox_errno(rc);
    sqlite3_bind_int64(statement, 1, INT64_MIN);
    while (r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        int64_t key = sqlite3_column_int64(statement, 0);
        r = prove_row(db, update[refused], statement, refused);
        sqlite3_reset(statement);
        sqlite3_bind_int64(statement, 1, key);
    }
    return r < 0 ? r : mq_outbox_errno(rc);
}

static bool up_to_date(sqlite3 *db) {
    bool all = true;
    for (size_t i = 0; i < MQ_LENGTH(additions); i++)
        all = all && prepares(db, additions[i].look);
    return all;
}

/* In one transaction, so that whoever is killed in it leaves the file as it was. Two programs may open it at once. A row without digest
 * in a file that has the column comes from an earlier version that ran meanwhile. */
static int bring_up_to_date(sqlite3 *db) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    if (up_to_date(db)) {
        int rc = sqlite3_prepare_v2(db,
                                    "select 1 from waiting where row_digest is null"
                                    " union all select 1 from refused where row_digest is null",
                                    -1, &statement, NULL);
        if (rc != SQLITE_OK || (rc = sqlite3_step(statement)) != SQLITE_ROW)
            return mq_outbox_errno(rc);
        sqlite3_reset(statement);
    }
    int r = mq_outbox_exec(db, "begin immediate");
    if (r < 0)
        return r;
    for (size_t i = 0; i < MQ_LENGTH(additions) && r == 0; i++)
        if (!prepares(db, additions[i].look))
            r = mq_outbox_exec(db, additions[i].add);
    if (r == 0)
        r = prove_rows(db, false);
    if (r == 0)
        r = prove_rows(db, true);
    int ended = mq_outbox_exec(db, r < 0 ? "rollback" : "commit");
    return r < 0 ? r : ended;
}

int mq_outbox_prepare(sqlite3 *db) {
    sqlite3_busy_timeout(db, WAIT_MS);
    /* few pages, so that an outbox on a disk that is nearly full can still be emptied */
    int r = mq_outbox_exec(db, "pragma synchronous = full;"
                              "pragma wal_autocheckpoint = 32;"
                              "pragma secure_delete = on;"
                              "create table if not exists owner (account text not null);"
                              "create table if not exists waiting ("
                              " key integer primary key autoincrement, id text not null unique, severity integer not null,"
                              " kept_at integer not null, payload blob not null, traceparent text, digest blob not null,"
                              " sends integer not null default 0, not_before integer not null default 0, kind integer not null default 0,"
                              " row_digest blob);"
                              "create index if not exists waiting_turn on waiting (severity desc, key);"
                              "create table if not exists refused ("
                              " key integer primary key autoincrement, id text not null unique, severity integer not null,"
                              " kept_at integer not null, payload blob not null, traceparent text, digest blob not null,"
                              " refused_at integer not null, path text, message text, kind integer not null default 0,"
                              " row_digest blob);");
    return r < 0 ? r : bring_up_to_date(db);
}

/* Not the quick check, which lets through an index that is another page: reading by it fails at every start, or leaves rows out. Of ten
 * thousand messages it takes a few milliseconds more. */
static int check(sqlite3 *db) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = mq_outbox_errno(sqlite3_prepare_v2(db, "pragma integrity_check(1)", -1, &statement, NULL));
    if (r < 0)
        return r;
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW)
        return rc == SQLITE_DONE ? -EUCLEAN : mq_outbox_errno(rc);
    return strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0 ? 0 : -EUCLEAN;
}

/* Every row's own digest: a flipped bit in a report is no fault to SQLite. */
static int check_rows(struct mq_outbox *outbox, bool refused) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    const char *sql = refused ? "select " MQ_OUTBOX_REFUSED " from refused" : "select " MQ_OUTBOX_WAITING " from waiting";
    int rc = sqlite3_prepare_v2(outbox->db, sql, -1, &statement, NULL);
    if (rc != SQLITE_OK)
        return mq_outbox_errno(rc);
    struct mq_outbox_entry entry;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        if (mq_outbox_row(statement, &entry) != MQ_OUTBOX_WHOLE)
            return -EUCLEAN;
    return mq_outbox_errno(rc);
}

static int own(struct mq_outbox *outbox) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(outbox->db, "select account from owner", -1, &statement, NULL);
    if (rc != SQLITE_OK || !outbox->account)
        return mq_outbox_errno(rc);
    rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return strcmp((const char *)sqlite3_column_text(statement, 0), outbox->account) == 0 ? 0 : -EUSERS;
    if (rc != SQLITE_DONE)
        return mq_outbox_errno(rc);
    sqlite3_finalize(statement);
    statement = NULL;
    rc = sqlite3_prepare_v2(outbox->db, "insert into owner (account) select ?1 where not exists (select 1 from owner)", -1,
                            &statement, NULL);
    if (rc != SQLITE_OK)
        return mq_outbox_errno(rc);
    sqlite3_bind_text(statement, 1, outbox->account, -1, SQLITE_STATIC);
    return mq_outbox_errno(sqlite3_step(statement));
}

/* The lock file beside it remembers that there was an outbox: an empty file is then what is left of it. SQLite would take it for a new
 * one, and throw its write-ahead log away. */
static bool emptied(const struct mq_outbox *outbox, int fd) {
    struct stat file, lock;
    return fstat(fd, &file) == 0 && file.st_size == 0 && fstat(outbox->lock, &lock) == 0 && lock.st_size > 0;
}

static void remember(const struct mq_outbox *outbox) {
    static const char text[] = "there is an outbox\n";
    struct stat lock;
    if (fstat(outbox->lock, &lock) == 0 && lock.st_size == 0)
        mq_ignore((int)pwrite(outbox->lock, text, sizeof(text) - 1, 0)); /* a full disk must not keep anybody from sending */
}

static int open_file(struct mq_outbox *outbox) {
    /* made here, so that nobody else can read it from its first moment on */
    int fd = open(outbox->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    bool lost = emptied(outbox, fd);
    close(fd);
    if (lost)
        return -EUCLEAN;
    int rc = sqlite3_open_v2(outbox->path, &outbox->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc != SQLITE_OK)
        return mq_outbox_errno(rc);
    sqlite3_busy_timeout(outbox->db, WAIT_MS);
    int r = mq_outbox_exec(outbox->db, "pragma journal_mode = wal");
    if (r == 0)
        r = check(outbox->db);
    if (r == 0)
        r = mq_outbox_prepare(outbox->db);
    if (r == 0)
        r = check_rows(outbox, false);
    if (r == 0)
        r = check_rows(outbox, true);
    if (r == 0)
        r = own(outbox);
    if (r == 0)
        remember(outbox);
    return r;
}

static void close_file(struct mq_outbox *outbox) {
    sqlite3_finalize(outbox->reading);
    outbox->reading = NULL;
    sqlite3_close(outbox->db);
    outbox->db = NULL;
}

/* Everybody who has the file open holds the lock shared, so that nobody keeps a report in a file that is being replaced. */
static int lock_file(struct mq_outbox *outbox) {
    char name[4096];
    if (snprintf(name, sizeof(name), "%s.lock", outbox->path) >= (int)sizeof(name))
        return -ENAMETOOLONG;
    outbox->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return outbox->lock < 0 || flock(outbox->lock, LOCK_SH) < 0 ? -errno : 0;
}

/* Of two processes that find the damage the second finds it mended. */
static int rescue_alone(struct mq_outbox *outbox, struct mq_outbox_rescue *rescue) {
    if (flock(outbox->lock, LOCK_EX) < 0)
        return -errno;
    int r = mq_outbox_finish_rescue(outbox->path, rescue);
    if (r == 0)
        r = open_file(outbox);
    if (r == -EUCLEAN) {
        close_file(outbox);
        r = mq_outbox_rescue_file(outbox->path, outbox->account, rescue);
        if (r == 0)
            r = open_file(outbox);
    }
    return r == 0 && flock(outbox->lock, LOCK_SH) < 0 ? -errno : r;
}

static bool rescue_begun(const char *path) {
    char name[4096];
    return snprintf(name, sizeof(name), "%s.rescued", path) < (int)sizeof(name) && access(name, F_OK) == 0;
}

static int open_sound(struct mq_outbox *outbox, struct mq_outbox_rescue *rescue) {
    int r = lock_file(outbox);
    if (r == 0)
        r = rescue_begun(outbox->path) ? -EUCLEAN : open_file(outbox);
    if (r != -EUCLEAN)
        return r;
    close_file(outbox);
    return rescue_alone(outbox, rescue);
}

int mq_outbox_open(const struct mq_outbox_options *options, struct mq_outbox **out, struct mq_outbox_rescue *rescue) {
    struct mq_outbox_rescue unseen;
    if (!rescue)
        rescue = &unseen;
    *rescue = (struct mq_outbox_rescue){ .damaged = false };
    struct mq_outbox *outbox = calloc(1, sizeof(*outbox));
    if (!outbox)
        return -ENOMEM;
    outbox->lock = -1;
    outbox->options = *options;
    outbox->path = strdup(options->path);
    outbox->account = options->account ? strdup(options->account) : NULL;
    int r = !outbox->path || (options->account && !outbox->account) ? -ENOMEM : open_sound(outbox, rescue);
    if (r < 0) {
        mq_outbox_free(outbox);
        return r;
    }
    *out = outbox;
    return 0;
}

void mq_outbox_free(struct mq_outbox *outbox) {
    if (!outbox)
        return;
    close_file(outbox);
    if (outbox->lock >= 0)
        close(outbox->lock);
    free(outbox->path);
    free(outbox->account);
    free(outbox);
}
