/* SPDX-License-Identifier: Apache-2.0 */
/* Messages in and out of the outbox. */
#include "outbox_internal.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/statvfs.h>

#define ROOM_TO_SEND ((size_t)512 * 1024) /* bytes of disk that are left for sending what waits */

#define TAKEN_MAX 64

void mq_outbox_digest(enum mq_receipt_kind kind, struct mq_str payload, unsigned char out[MQ_OUTBOX_DIGEST]) {
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)payload.s, payload.n);
    if (kind != MQ_RECEIPT_REPORT) {
        const char *word = mq_receipt_kind_words[kind];
        crypto_hash_sha256_update(&state, (const unsigned char *)word, strlen(word));
    }
    crypto_hash_sha256_final(&state, out);
}

void mq_outbox_row_digest(bool refused, const struct mq_outbox_entry *e, const unsigned char payload[MQ_OUTBOX_DIGEST],
                          unsigned char out[MQ_OUTBOX_DIGEST]) {
    char id[MQ_UUID_TEXT], head[256];
    mq_uuid_format(&e->id, id);
    int n = snprintf(head, sizeof(head), "%s %s %d %d %lld %lld %zu %zu %zu ", refused ? "refused" : "waiting", id, (int)e->kind,
                     e->severity, (long long)e->kept_at_us, (long long)e->refused_at_us, e->traceparent.n, e->path.n, e->message.n);
    struct mq_str parts[] = {
        { head, (size_t)n }, { (const char *)payload, MQ_OUTBOX_DIGEST }, e->traceparent, e->path, e->message,
    };
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < MQ_LENGTH(parts); i++)
        if (parts[i].n)
            crypto_hash_sha256_update(&state, (const unsigned char *)parts[i].s, parts[i].n);
    crypto_hash_sha256_final(&state, out);
}

static struct mq_str column_str(sqlite3_stmt *statement, int column) {
    const char *bytes = sqlite3_column_blob(statement, column);
    return (struct mq_str){ bytes, bytes ? (size_t)sqlite3_column_bytes(statement, column) : 0 };
}

static bool is_digest(struct mq_str kept, const unsigned char digest[MQ_OUTBOX_DIGEST]) {
    return mq_str_equal(kept, (struct mq_str){ (const char *)digest, MQ_OUTBOX_DIGEST });
}

enum mq_outbox_proof mq_outbox_row(sqlite3_stmt *statement, struct mq_outbox_entry *entry) {
    bool refused = sqlite3_column_count(statement) > 11;
    int kind = sqlite3_column_int(statement, 9);
    if (kind < MQ_RECEIPT_REPORT || kind >= MQ_RECEIPT_ATTACHMENT)
        return MQ_OUTBOX_BROKEN;
    *entry = (struct mq_outbox_entry){
        .key = sqlite3_column_int64(statement, 0),
        .kind = (enum mq_receipt_kind)kind,
        .severity = sqlite3_column_int(statement, 2),
        .sends = (unsigned)sqlite3_column_int(statement, 3),
        .kept_at_us = sqlite3_column_int64(statement, 4),
        .not_before_us = sqlite3_column_int64(statement, 5),
        .payload = column_str(statement, 6),
        .traceparent = column_str(statement, 7),
        .refused_at_us = refused ? sqlite3_column_int64(statement, 11) : 0,
        .path = refused ? column_str(statement, 12) : (struct mq_str){ 0 },
        .message = refused ? column_str(statement, 13) : (struct mq_str){ 0 },
    };
    unsigned char digest[MQ_OUTBOX_DIGEST];
    mq_outbox_digest(entry->kind, entry->payload, digest);
    if (entry->payload.n == 0 || !is_digest(column_str(statement, 8), digest))
        return MQ_OUTBOX_BROKEN;
    bool named = mq_uuid_parse(column_str(statement, 1), &entry->id);
    struct mq_str row = column_str(statement, 10);
    if (row.n == 0)
        return named ? MQ_OUTBOX_OLD : MQ_OUTBOX_PAYLOAD;
    mq_outbox_row_digest(refused, entry, digest, digest);
    return named && is_digest(row, digest) ? MQ_OUTBOX_WHOLE : MQ_OUTBOX_PAYLOAD;
}

static int prepare(struct mq_outbox *outbox, const char *sql, sqlite3_stmt **statement) {
    sqlite3_finalize(outbox->reading);
    outbox->reading = NULL;
    return mq_outbox_errno(sqlite3_prepare_v2(outbox->db, sql, -1, statement, NULL));
}

static void bind_str(sqlite3_stmt *statement, int at, struct mq_str text) {
    if (text.s)
        sqlite3_bind_text(statement, at, text.s, (int)text.n, SQLITE_STATIC);
}

static void bind_id(sqlite3_stmt *statement, int at, const struct mq_uuid *id) {
    char text[MQ_UUID_TEXT];
    mq_uuid_format(id, text);
    sqlite3_bind_text(statement, at, text, -1, SQLITE_TRANSIENT);
}

int mq_outbox_insert(sqlite3 *db, bool refused, const struct mq_outbox_entry *given) {
    struct mq_outbox_entry row = *given, *entry = &row;
    row.severity = row.severity > 0 ? row.severity : MQ_OUTBOX_ORDINARY;
    if (!refused) {
        row.refused_at_us = 0;
        row.path = row.message = (struct mq_str){ 0 };
    }
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    const char *sql =
        refused ? "insert or ignore into refused (id, severity, kept_at, payload, traceparent, digest, kind, row_digest, refused_at,"
                  " path, message) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
                : "insert or ignore into waiting (id, severity, kept_at, payload, traceparent, digest, kind, row_digest, sends,"
                  " not_before) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    int r = mq_outbox_errno(sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
    if (r < 0)
        return r;
    unsigned char digest[MQ_OUTBOX_DIGEST], row_digest[MQ_OUTBOX_DIGEST];
    mq_outbox_digest(entry->kind, entry->payload, digest);
    mq_outbox_row_digest(refused, entry, digest, row_digest);
    bind_id(statement, 1, &entry->id);
    sqlite3_bind_int(statement, 2, entry->severity);
    sqlite3_bind_int64(statement, 3, entry->kept_at_us);
    sqlite3_bind_blob(statement, 4, entry->payload.s, (int)entry->payload.n, SQLITE_STATIC);
    bind_str(statement, 5, entry->traceparent);
    sqlite3_bind_blob(statement, 6, digest, sizeof(digest), SQLITE_STATIC);
    sqlite3_bind_int(statement, 7, (int)entry->kind);
    sqlite3_bind_blob(statement, 8, row_digest, sizeof(row_digest), SQLITE_STATIC);
    if (refused) {
        sqlite3_bind_int64(statement, 9, entry->refused_at_us);
        bind_str(statement, 10, entry->path);
        bind_str(statement, 11, entry->message);
    } else {
        sqlite3_bind_int(statement, 9, (int)entry->sends);
        sqlite3_bind_int64(statement, 10, entry->not_before_us);
    }
    r = mq_outbox_errno(sqlite3_step(statement));
    return r < 0 ? r : sqlite3_changes(db);
}

/* What is sent must be written down as sent: the last room on a disk is for that, not for one message more. */
static bool has_room(const struct mq_outbox *outbox, size_t bytes) {
    struct statvfs disk;
    return statvfs(outbox->path, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize >= bytes + ROOM_TO_SEND;
}

int mq_outbox_keep(struct mq_outbox *outbox, const struct mq_outbox_entry *entry) {
    if (entry->payload.n > (size_t)outbox->options.max_bytes)
        return -EMSGSIZE;
    size_t waiting = 0, refused = 0;
    int r = mq_outbox_counts(outbox, &waiting, &refused);
    if (r < 0)
        return r;
    if (waiting >= (size_t)outbox->options.max_reports || !has_room(outbox, entry->payload.n))
        return -ENOSPC;
    r = mq_outbox_insert(outbox->db, false, entry);
    return r < 0 ? r : r == 0 ? -EEXIST : 0;
}

/* Leaves the statement open, because the entry points into its row. */
static int read_row(struct mq_outbox *outbox, sqlite3_stmt *statement, struct mq_outbox_entry *entry) {
    outbox->reading = statement;
    return mq_outbox_row(statement, entry) == MQ_OUTBOX_WHOLE ? 1 : -EUCLEAN;
}

static bool among(int64_t key, const int64_t *keys, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (keys[i] == key)
            return true;
    return false;
}

int mq_outbox_next(struct mq_outbox *outbox, int64_t now_us, const int64_t *taken, size_t taken_count,
                   struct mq_outbox_entry *entry) {
    sqlite3_stmt *statement = NULL;
    /* a postponement that reaches further than any we make comes from a clock that was wrong */
    int r = prepare(outbox,
                    "select " MQ_OUTBOX_WAITING " from waiting where not_before <= ?1 or not_before > ?1 + 7200000000"
                    " order by severity desc, key limit ?2",
                    &statement);
    if (r < 0)
        return r;
    sqlite3_bind_int64(statement, 1, now_us);
    sqlite3_bind_int(statement, 2, TAKEN_MAX + 1);
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
        if (!among(sqlite3_column_int64(statement, 0), taken, taken_count))
            return read_row(outbox, statement, entry);
    sqlite3_finalize(statement);
    return mq_outbox_errno(rc);
}

int mq_outbox_read(struct mq_outbox *outbox, int64_t key, struct mq_outbox_entry *entry) {
    sqlite3_stmt *statement = NULL;
    int r = prepare(outbox, "select " MQ_OUTBOX_WAITING " from waiting where key = ?1", &statement);
    if (r < 0)
        return r;
    sqlite3_bind_int64(statement, 1, key);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        return read_row(outbox, statement, entry);
    sqlite3_finalize(statement);
    return mq_outbox_errno(rc);
}

int mq_outbox_settle(struct mq_outbox *outbox, const struct mq_uuid *id) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = prepare(outbox, "delete from waiting where id = ?1", &statement);
    if (r < 0)
        return r;
    bind_id(statement, 1, id);
    r = mq_outbox_errno(sqlite3_step(statement));
    return r < 0 ? r : sqlite3_changes(outbox->db);
}

static int copy_refused(struct mq_outbox *outbox, const struct mq_uuid *id, struct mq_str path, struct mq_str message,
                        int64_t now_us) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = prepare(outbox, "select " MQ_OUTBOX_WAITING " from waiting where id = ?1", &statement);
    if (r < 0)
        return r;
    bind_id(statement, 1, id);
    int rc = sqlite3_step(statement);
    struct mq_outbox_entry entry;
    if (rc != SQLITE_ROW)
        return mq_outbox_errno(rc);
    if (mq_outbox_row(statement, &entry) != MQ_OUTBOX_WHOLE)
        return -EUCLEAN;
    entry.refused_at_us = now_us;
    entry.path = path;
    entry.message = message;
    return mq_outbox_insert(outbox->db, true, &entry);
}

int mq_outbox_refuse(struct mq_outbox *outbox, const struct mq_uuid *id, struct mq_str path, struct mq_str message,
                     int64_t now_us) {
    int r = mq_outbox_exec(outbox->db, "savepoint refusal");
    if (r < 0)
        return r;
    r = copy_refused(outbox, id, path, message, now_us);
    int settled = r < 0 ? r : mq_outbox_settle(outbox, id);
    if (settled < 0)
        mq_ignore(mq_outbox_exec(outbox->db, "rollback to refusal"));
    r = mq_outbox_exec(outbox->db, "release refusal");
    return settled < 0 || r == 0 ? settled : r;
}

int mq_outbox_postpone(struct mq_outbox *outbox, const struct mq_uuid *id, unsigned sends, int64_t not_before_us) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = prepare(outbox, "update waiting set sends = ?2, not_before = ?3 where id = ?1", &statement);
    if (r < 0)
        return r;
    bind_id(statement, 1, id);
    sqlite3_bind_int64(statement, 2, sends);
    sqlite3_bind_int64(statement, 3, not_before_us);
    r = mq_outbox_errno(sqlite3_step(statement));
    return r < 0 ? r : sqlite3_changes(outbox->db);
}

int mq_outbox_begin(struct mq_outbox *outbox) {
    return mq_outbox_exec(outbox->db, "begin immediate");
}

int mq_outbox_commit(struct mq_outbox *outbox) {
    /* an open reader would keep the transaction from ending */
    sqlite3_finalize(outbox->reading);
    outbox->reading = NULL;
    int r = mq_outbox_exec(outbox->db, "commit");
    if (r < 0)
        mq_ignore(mq_outbox_exec(outbox->db, "rollback"));
    return r;
}

int mq_outbox_counts(struct mq_outbox *outbox, size_t *waiting, size_t *refused) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = prepare(outbox, "select (select count(*) from waiting), (select count(*) from refused)", &statement);
    if (r < 0)
        return r;
    int rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW)
        return mq_outbox_errno(rc);
    *waiting = (size_t)sqlite3_column_int64(statement, 0);
    *refused = (size_t)sqlite3_column_int64(statement, 1);
    return 0;
}

int mq_outbox_each(struct mq_outbox *outbox, bool refused, int (*each)(void *userdata, const struct mq_outbox_entry *entry),
                   void *userdata) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int r = prepare(outbox,
                    refused ? "select " MQ_OUTBOX_REFUSED " from refused order by key"
                            : "select " MQ_OUTBOX_WAITING " from waiting order by severity desc, key",
                    &statement);
    if (r < 0)
        return r;
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct mq_outbox_entry entry;
        if (mq_outbox_row(statement, &entry) != MQ_OUTBOX_WHOLE)
            return -EUCLEAN;
        r = each(userdata, &entry);
        if (r != 0)
            return r;
    }
    return mq_outbox_errno(rc);
}
