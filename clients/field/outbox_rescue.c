/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged outbox: what SQLite still reads of it, then what lies readable in its bytes, goes into a new file. */
#include "outbox_internal.h"

#include "common/clock.h"
#include "common/message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME 4096
#define BEFORE_ID 16   /* bytes of a message before its "id" */
#define BEHIND 256     /* bytes behind a message in which its digest lies */
#define GAP_MAX 100000 /* keys that are tried one by one where the table cannot be walked */

struct rescue {
    sqlite3 *to;
    struct mq_outbox_rescue *seen;
    int error;
};

/* What can be read of a message whose kind is not yet known; each begins with its id. */
union message {
    struct mq_uuid id;
    struct mq_report report;
    struct mq_visit visit;
    struct mq_answer answer;
};

static bool reads_as(enum mq_receipt_kind kind, struct mq_str payload, union message *out) {
    static const struct mq_object *const objects[] = {
        [MQ_RECEIPT_REPORT] = &mq_report_object,
        [MQ_RECEIPT_VISIT] = &mq_visit_object,
        [MQ_RECEIPT_ANSWER] = &mq_answer_object,
    };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    return mq_json_decode(objects[kind], payload, out, &document, &faults);
}

bool mq_outbox_named_id(const struct mq_outbox_entry *entry, struct mq_uuid *id) {
    union message message;
    if (!reads_as(entry->kind, entry->payload, &message))
        return false;
    *id = message.id;
    return true;
}

/* Of a row whose payload alone is proven everything else comes from the payload. A refused one waits anew: the server says again why. */
static bool from_payload(struct mq_outbox_entry *entry) {
    union message message;
    if (!reads_as(entry->kind, entry->payload, &message))
        return false;
    bool has = entry->kind == MQ_RECEIPT_REPORT && message.report.has_severity;
    *entry = (struct mq_outbox_entry){
        .id = message.id,
        .kind = entry->kind,
        .severity = has ? (int)message.report.severity : 0,
        .payload = entry->payload,
    };
    return true;
}

static void bring(struct rescue *rescue, sqlite3_stmt *row, bool refused) {
    struct mq_outbox_entry entry;
    struct mq_uuid named;
    enum mq_outbox_proof proof = mq_outbox_row(row, &entry);
    if (proof == MQ_OUTBOX_OLD && mq_outbox_named_id(&entry, &named))
        entry.id = named;
    refused = refused && proof != MQ_OUTBOX_PAYLOAD;
    if (proof == MQ_OUTBOX_BROKEN || (proof == MQ_OUTBOX_PAYLOAD && !from_payload(&entry))) {
        rescue->seen->unreadable++;
        return;
    }
    int r = mq_outbox_insert(rescue->to, refused, &entry);
    if (r < 0)
        rescue->error = r;
    else if (!refused)
        rescue->seen->rescued += (size_t)r;
}

/* Files from earlier versions have fewer columns. */
static int select_rows(sqlite3 *from, bool refused, const char *rest, sqlite3_stmt **statement) {
    static const char *const sql[2][3] = {
        { "select " MQ_OUTBOX_WAITING " from waiting", "select " MQ_OUTBOX_WAITING_OF("kind", "null") " from waiting",
          "select " MQ_OUTBOX_WAITING_OF("0", "null") " from waiting" },
        { "select " MQ_OUTBOX_REFUSED " from refused", "select " MQ_OUTBOX_REFUSED_OF("kind", "null") " from refused",
          "select " MQ_OUTBOX_REFUSED_OF("0", "null") " from refused" },
    };
    int rc = SQLITE_ERROR;
    for (size_t i = 0; i < MQ_LENGTH(sql[0]) && rc != SQLITE_OK; i++) {
        char text[256];
        snprintf(text, sizeof(text), "%s %s", sql[refused][i], rest);
        rc = sqlite3_prepare_v2(from, text, -1, statement, NULL);
    }
    return rc;
}

/* Walks the table from one end until its end or the first page that cannot be read. Returns the last key seen. */
static int64_t walk(struct rescue *rescue, sqlite3 *from, bool refused, bool backwards, bool *whole) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    int64_t last = 0;
    int rc = select_rows(from, refused, backwards ? "order by key desc" : "order by key", &statement);
    while (rc == SQLITE_OK && rescue->error == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        last = sqlite3_column_int64(statement, 0);
        bring(rescue, statement, refused);
        rc = SQLITE_OK;
    }
    *whole = rc == SQLITE_DONE;
    return last;
}

/* Between the two ends each key has its own way down the tree, past the pages that cannot be read. */
static void try_keys(struct rescue *rescue, sqlite3 *from, bool refused, int64_t first, int64_t end) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    if (select_rows(from, refused, "where key = ?1", &statement) != SQLITE_OK)
        return;
    for (int64_t key = first; key < end && key - first < GAP_MAX && rescue->error == 0; key++) {
        sqlite3_bind_int64(statement, 1, key);
        if (sqlite3_step(statement) == SQLITE_ROW)
            bring(rescue, statement, refused);
        sqlite3_reset(statement);
    }
}

static void read_table(struct rescue *rescue, sqlite3 *from, bool refused) {
    bool whole;
    int64_t first = walk(rescue, from, refused, false, &whole);
    if (whole)
        return;
    int64_t last = walk(rescue, from, refused, true, &whole);
    try_keys(rescue, from, refused, first + 1, last > 0 ? last : first + GAP_MAX);
}

/* The end of the JSON object that begins at `at`, 0 where there is none within a message's length. */
static size_t object_end(struct mq_str bytes, size_t at) {
    bool quoted = false;
    unsigned depth = 0;
    for (size_t i = at; i < bytes.n && i - at < MQ_REPORT_BYTES; i++) {
        char c = bytes.s[i];
        if (c == '\0')
            return 0;
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '{')
            depth++;
        else if (!quoted && c == '}' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* 1 where it is in the new file in some form. */
static int known(sqlite3 *to, const struct mq_uuid *id) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    char text[MQ_UUID_TEXT];
    mq_uuid_format(id, text);
    if (sqlite3_prepare_v2(to, "select 1 from waiting where id = ?1 union all select 1 from refused where id = ?1", -1, &statement,
                           NULL)
        != SQLITE_OK)
        return -EIO;
    sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
    return sqlite3_step(statement) == SQLITE_ROW;
}

/* Does the digest that lies behind a payload say that it is whole, and as what it was kept? */
static bool proven(struct mq_str payload, struct mq_str behind, enum mq_receipt_kind *out) {
    for (int kind = MQ_RECEIPT_REPORT; kind < MQ_RECEIPT_ATTACHMENT; kind++) {
        unsigned char digest[MQ_OUTBOX_DIGEST];
        mq_outbox_digest((enum mq_receipt_kind)kind, payload, digest);
        *out = (enum mq_receipt_kind)kind;
        if (memmem(behind.s, behind.n, digest, sizeof(digest)))
            return true;
    }
    return false;
}

/* What a message without proof looks like: good enough to show it, not to send it. */
static enum mq_receipt_kind likely_kind(struct mq_str payload) {
    union message message;
    if (reads_as(MQ_RECEIPT_ANSWER, payload, &message))
        return MQ_RECEIPT_ANSWER;
    if (reads_as(MQ_RECEIPT_VISIT, payload, &message) && (message.visit.service.n || !mq_uuid_is_nil(&message.visit.task)))
        return MQ_RECEIPT_VISIT;
    return MQ_RECEIPT_REPORT;
}

/* Whether [from, end) is a message that the new file has not yet. One whose digest is gone or is another's may have a changed word in
 * it, and a visit may be taken for a report: it goes to those refused, for a person to look at, and is not sent. */
static void carve_one(struct rescue *rescue, struct mq_str bytes, size_t from, size_t end, bool with_proof) {
    struct mq_str payload = { bytes.s + from, end - from };
    struct mq_str behind = { bytes.s + end, bytes.n - end < BEHIND ? bytes.n - end : BEHIND };
    struct mq_outbox_entry entry = { .payload = payload };
    bool whole = proven(payload, behind, &entry.kind);
    if (whole != with_proof)
        return;
    if (!whole)
        entry.kind = likely_kind(payload);
    if (!from_payload(&entry) || known(rescue->to, &entry.id) != 0)
        return;
    if (!whole) {
        entry.refused_at_us = mq_clock_now_us();
        entry.message = MQ_STR("损坏后找到，无法核实是否完整，没有发送：核对后请重报 / found in a damaged file and not proven whole, so not sent: "
                               "look at it and report it anew");
    }
    int r = mq_outbox_insert(rescue->to, !whole, &entry);
    if (r < 0)
        rescue->error = r;
    else if (whole)
        rescue->seen->rescued += (size_t)r;
    else
        rescue->seen->unproven += (size_t)r;
}

/* Whole messages in the bytes, whatever became of the tree above them. One that was delivered meanwhile does no harm: it is
 * answered "duplicate". */
static void carve(struct rescue *rescue, struct mq_str bytes, bool with_proof) {
    static const char begin[] = "\"id\":\"";
    size_t at = 0;
    while (at + sizeof(begin) < bytes.n && rescue->error == 0) {
        const char *found = memmem(bytes.s + at, bytes.n - at, begin, sizeof(begin) - 1);
        if (!found)
            return;
        size_t here = (size_t)(found - bytes.s);
        const char *brace = memrchr(bytes.s + at, '{', here - at);
        at = here + 1;
        if (!brace || found - brace > BEFORE_ID)
            continue;
        size_t from = (size_t)(brace - bytes.s);
        size_t end = object_end(bytes, from);
        if (end)
            carve_one(rescue, bytes, from, end, with_proof);
    }
}

static void carve_file(struct rescue *rescue, const char *path, const char *suffix, bool with_proof) {
    char name[NAME];
    if (snprintf(name, sizeof(name), "%s%s", path, suffix) >= (int)sizeof(name))
        return;
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
        size_t n = (size_t)status.st_size;
        void *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            carve(rescue, (struct mq_str){ bytes, n }, with_proof);
            munmap(bytes, n);
        }
    }
    if (fd >= 0)
        close(fd);
}

static int set_owner(sqlite3 *db, const char *account) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    if (!account)
        return 0;
    int rc = sqlite3_prepare_v2(db, "insert into owner (account) values (?1)", -1, &statement, NULL);
    if (rc == SQLITE_OK)
        sqlite3_bind_text(statement, 1, account, -1, SQLITE_STATIC);
    return mq_outbox_errno(rc == SQLITE_OK ? sqlite3_step(statement) : rc);
}

/* Whose the damaged file says it is: a report of somebody else's must not go out under this account. */
static int check_owner(sqlite3 *from, const char *account) {
    MQ_CLEANUP(mq_statement_cleanup) sqlite3_stmt *statement = NULL;
    if (!account || sqlite3_prepare_v2(from, "select account from owner", -1, &statement, NULL) != SQLITE_OK
        || sqlite3_step(statement) != SQLITE_ROW)
        return 0;
    const unsigned char *owner = sqlite3_column_text(statement, 0);
    return owner && strcmp((const char *)owner, account) != 0 ? -EUSERS : 0;
}

static int fill(sqlite3 *to, const char *path, const char *account, struct mq_outbox_rescue *seen) {
    MQ_CLEANUP(mq_database_cleanup) sqlite3 *from = NULL;
    struct rescue rescue = { .to = to, .seen = seen };
    int r = mq_outbox_prepare(to);
    if (r == 0)
        r = mq_outbox_exec(to, "begin");
    /* read-only: closing must not write into what is kept as it was; and beside an empty file even reading deletes the log */
    struct stat file;
    if (r == 0 && stat(path, &file) == 0 && file.st_size > 0
        && sqlite3_open_v2(path, &from, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK) {
        r = check_owner(from, account);
        if (r < 0)
            return r;
        read_table(&rescue, from, true);
        read_table(&rescue, from, false);
    }
    if (r == 0) {
        /* of several copies of a message a whole one comes first */
        for (int proof = 1; proof >= 0; proof--) {
            carve_file(&rescue, path, "", proof);
            carve_file(&rescue, path, "-wal", proof);
        }
        r = rescue.error ? rescue.error : set_owner(to, account);
    }
    return r == 0 ? mq_outbox_exec(to, "commit") : r;
}

/* Gives the file (and its write-ahead log) a second name that is free. Found under one already, that stays. */
static int keep_damaged(const char *path, struct mq_outbox_rescue *seen) {
    char wal[NAME + 8], kept_wal[NAME + 8];
    struct stat ours, other;
    if (stat(path, &ours) < 0)
        return errno == ENOENT ? 0 : -errno;
    for (unsigned n = 1;; n++) {
        if (snprintf(seen->kept_as, sizeof(seen->kept_as), "%s.damaged-%u", path, n) >= (int)sizeof(seen->kept_as))
            return -ENAMETOOLONG;
        if (link(path, seen->kept_as) == 0)
            break;
        if (errno != EEXIST)
            return -errno;
        if (stat(seen->kept_as, &other) == 0 && other.st_ino == ours.st_ino)
            break;
    }
    snprintf(wal, sizeof(wal), "%s-wal", path);
    snprintf(kept_wal, sizeof(kept_wal), "%s-wal", seen->kept_as);
    return link(wal, kept_wal) < 0 && errno != ENOENT && errno != EEXIST ? -errno : 0;
}

static int sync_folder(const char *path) {
    char folder[NAME];
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;
    if (n >= sizeof(folder))
        return -ENAMETOOLONG;
    memcpy(folder, path, n);
    folder[n] = '\0';
    int fd = open(n ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* path.rescued is whole. The old log must be gone before the new file has its name: SQLite would apply it. */
int mq_outbox_finish_rescue(const char *path, struct mq_outbox_rescue *seen) {
    char rescued[NAME], name[NAME];
    if (snprintf(rescued, sizeof(rescued), "%s.rescued", path) >= (int)sizeof(rescued))
        return -ENAMETOOLONG;
    if (access(rescued, F_OK) < 0)
        return 0;
    int r = keep_damaged(path, seen);
    if (r < 0)
        return r;
    static const char *const logs[] = { "-wal", "-shm" };
    for (size_t i = 0; i < MQ_LENGTH(logs); i++) {
        if (snprintf(name, sizeof(name), "%s%s", path, logs[i]) >= (int)sizeof(name))
            return -ENAMETOOLONG;
        if (unlink(name) < 0 && errno != ENOENT)
            return -errno;
    }
    if (rename(rescued, path) < 0)
        return -errno;
    seen->damaged = true;
    return sync_folder(path);
}

int mq_outbox_rescue_file(const char *path, const char *account, struct mq_outbox_rescue *seen) {
    char building[NAME], rescued[NAME];
    *seen = (struct mq_outbox_rescue){ .damaged = true };
    if (snprintf(building, sizeof(building), "%s.rescuing", path) >= (int)sizeof(building)
        || snprintf(rescued, sizeof(rescued), "%s.rescued", path) >= (int)sizeof(rescued))
        return -ENAMETOOLONG;
    if (unlink(building) < 0 && errno != ENOENT)
        return -errno;
    int fd = open(building, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    close(fd);
    sqlite3 *to = NULL;
    int r = mq_outbox_errno(sqlite3_open_v2(building, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL));
    if (r == 0)
        r = fill(to, path, account, seen);
    sqlite3_close(to);
    if (r < 0) {
        unlink(building);
        return r;
    }
    return rename(building, rescued) < 0 ? -errno : mq_outbox_finish_rescue(path, seen);
}
