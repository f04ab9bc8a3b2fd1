/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at the database. */
#include "doctor.h"

#include "database.h"
#include "reference.h"
#include "sql.h"

#include "common/clock.h"
#include "common/seal.h"
#include "common/store.h"
#include "common/uuid.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define LONG_TRANSACTION_S 300
#define MUCH_LOG_BYTES ((int64_t)1 << 30)

/* Rows of doctor_database.sql. A check of several rows is good when none of them is bad; it is said once. */
static void check_rows(struct mq_doctor *d) {
    char version[16];
    snprintf(version, sizeof(version), "%d", mq_store_schema_version);
    const char *values[] = { version };
    MQ_CLEANUP(mq_result_cleanup) PGresult *rows = NULL;
    if (mq_database_query(d->admin ? d->admin : d->reader, "doctor", mq_sql_doctor_database, values, 1, &rows) != 0) {
        mq_doctor_say(d, "db_schema", MQ_CHECK_FAULT, "不能读取 cannot be read: %s",
                      PQerrorMessage(d->admin ? d->admin : d->reader));
        return;
    }
    bool roles = false;
    for (int i = 0; i < PQntuples(rows); i++) {
        bool good = !PQgetisnull(rows, i, 1) && PQgetvalue(rows, i, 1)[0] == 't';
        const char *check = PQgetvalue(rows, i, 0);
        roles = roles || strcmp(check, "db_roles") == 0;
        mq_doctor_say(d, check,
                      good                      ? MQ_CHECK_GOOD
                      : PQgetisnull(rows, i, 1) ? MQ_CHECK_UNKNOWN
                                                : MQ_CHECK_FAULT,
                      "%s", PQgetvalue(rows, i, 2));
    }
    if (!roles)
        mq_doctor_say(d, "db_roles", MQ_CHECK_GOOD, "7 个角色，各有所限 roles, each with its own rights and no more");
}

static void check_reference(struct mq_doctor *d) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *rows = NULL;
    if (!d->admin || mq_reference_compare(d->admin, d->reference, mq_sql_doctor_reference, &rows) != 0) {
        mq_doctor_say(d, "db_reference", MQ_CHECK_UNKNOWN, "%s: 需要 needs MINQING_DATABASE_ADMIN, MINQING_REFERENCE",
                      d->reference);
        return;
    }
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer differ = { 0 };
    long total = 0;
    for (int i = 0; i < PQntuples(rows); i++) {
        total += mq_result_integer(rows, i, 1);
        if (mq_result_integer(rows, i, 2) > 0 || mq_result_integer(rows, i, 1) == 0)
            mq_buffer_printf(&differ, "%s%s: %s/%s", differ.len ? ", " : "", PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 2),
                             PQgetvalue(rows, i, 1));
    }
    if (differ.len)
        mq_doctor_say(d, "db_reference", MQ_CHECK_FAULT, "与文件不同的行 rows unlike the files: %s (%s)", mq_buffer_text(&differ),
                      d->reference);
    else
        mq_doctor_say(d, "db_reference", MQ_CHECK_GOOD, "%d 张表 %ld 行与文件相同 tables, rows as in the files", PQntuples(rows),
                      total);
}

/* The database's clock lies between the times before and after the question; how far outside is the difference. */
static void check_clock(struct mq_doctor *d) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *r = NULL;
    int64_t before = mq_clock_now_us();
    if (mq_database_query(d->reader, "clock", "select (extract(epoch from clock_timestamp()) * 1000000)::bigint", NULL, 0, &r) != 0)
        return;
    int64_t after = mq_clock_now_us(), theirs = mq_result_integer(r, 0, 0);
    int64_t off = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
    int64_t most = (after - before) / 2 + off;
    mq_doctor_say(d, "clock", most > d->clock_ms * 1000 ? MQ_CHECK_FAULT : MQ_CHECK_GOOD,
                  "数据库与本机相差不超过 database and this machine differ by at most %.3f s", (double)most / 1e6);
}

static void check_sessions(struct mq_doctor *d) {
    const PGresult *r = d->screen.database_row;
    if (PQgetisnull(r, 0, MQ_DB_LONGEST_S) || mq_result_integer(r, 0, MQ_DB_LONGEST_S) < LONG_TRANSACTION_S)
        mq_doctor_say(d, "db_transactions", d->admin ? MQ_CHECK_GOOD : MQ_CHECK_UNKNOWN,
                      d->admin ? "没有超过五分钟的 none of over 5 minutes" : "需要 needs MINQING_DATABASE_ADMIN");
    else
        mq_doctor_say(d, "db_transactions", MQ_CHECK_FAULT, "%s (pid %s) 已开 open for %s s", PQgetvalue(r, 0, MQ_DB_LONGEST_OF),
                      PQgetvalue(r, 0, MQ_DB_LONGEST_PID), PQgetvalue(r, 0, MQ_DB_LONGEST_S));
    if (mq_result_integer(r, 0, MQ_DB_WAITING) > 0)
        mq_doctor_say(d, "db_locks", MQ_CHECK_FAULT, "%s 个会话在等，占用者 pid sessions wait, held up by pid %s",
                      PQgetvalue(r, 0, MQ_DB_WAITING), PQgetvalue(r, 0, MQ_DB_BLOCKED_BY));
    else
        mq_doctor_say(d, "db_locks", MQ_CHECK_GOOD, "无人在等 nobody waits");
}

static void check_replication(struct mq_doctor *d) {
    const PGresult *r = d->screen.database_row;
    if (PQgetvalue(r, 0, MQ_DB_ARCHIVER)[0] == 't')
        mq_doctor_say(d, "db_replication", MQ_CHECK_FAULT, "归档失败 the archive_command fails");
    else if (mq_result_integer(r, 0, MQ_DB_SLOT) > MUCH_LOG_BYTES)
        mq_doctor_say(d, "db_replication", MQ_CHECK_FAULT, "复制槽无人读取，积下 a slot that nobody reads keeps %s bytes",
                      PQgetvalue(r, 0, MQ_DB_SLOT));
    else if (mq_result_integer(r, 0, MQ_DB_LAG) > MUCH_LOG_BYTES)
        mq_doctor_say(d, "db_replication", MQ_CHECK_FAULT, "备库落后 a standby is behind by %s bytes", PQgetvalue(r, 0, MQ_DB_LAG));
    else
        mq_doctor_say(d, "db_replication", MQ_CHECK_GOOD, "%s 个备库 standbys", PQgetvalue(r, 0, MQ_DB_STANDBYS));
}

/* Can the key open what was sealed? Nothing of it is shown or kept. */
static int open_row(const struct mq_seal *seal, const PGresult *rows, int row) {
    struct mq_uuid id;
    const char *hex = PQgetvalue(rows, row, 2);
    size_t length = strlen(hex) / 2, n = 0;
    unsigned char *sealed = malloc(length + 1);
    struct mq_buffer clear = { 0 };
    if (!sealed || !mq_uuid_parse(mq_result_str(rows, row, 0), &id)) {
        free(sealed);
        return -ENOMEM;
    }
    int r = sodium_hex2bin(sealed, length, hex, 2 * length, NULL, &n, NULL) == 0 ? 0 : -EBADMSG;
    if (r == 0)
        r = mq_seal_open(seal, PQgetvalue(rows, row, 1), (struct mq_str) { (const char *)sealed, n },
                         (struct mq_str) { (const char *)id.bytes, sizeof(id.bytes) }, &clear);
    if (clear.data)
        sodium_memzero(clear.data, clear.capacity);
    mq_buffer_deinit(&clear);
    free(sealed);
    return r;
}

static void check_seal(struct mq_doctor *d) {
    static const char *const services[] = { "ingest", "query" };
    for (size_t i = 0; i < MQ_LENGTH(services); i++) {
        const char *file = mq_doctor_setting(d, services[i], "seal_key_file");
        MQ_CLEANUP(mq_result_cleanup) PGresult *rows = NULL;
        struct mq_seal *seal = NULL;
        if (!file)
            continue;
        int r = mq_seal_new(file, &seal);
        if (r < 0) {
            mq_doctor_say(d, "seal_key", r == -EACCES ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "[%s] %s: %s", services[i], file,
                          strerror(-r));
            continue;
        }
        if (d->admin && mq_database_query(d->admin, "sealed", mq_sql_doctor_sealed, NULL, 0, &rows) == 0)
            for (int k = 0; k < PQntuples(rows) && r == 0; k++) {
                r = open_row(seal, rows, k);
                if (r < 0)
                    mq_doctor_say(d, "seal_key", MQ_CHECK_FAULT,
                                  "[%s] %s: 打不开用密钥 %s 加密的数据 cannot open what key %s sealed: %s", services[i], file,
                                  PQgetvalue(rows, k, 1), PQgetvalue(rows, k, 1),
                                  r == -ENOKEY ? "该密钥不在文件里 it is not in the file" : strerror(-r));
            }
        if (r == 0)
            mq_doctor_say(d, "seal_key", MQ_CHECK_GOOD, "[%s] %s, %d 个密钥的数据能打开 keys' data can be opened", services[i],
                          file, rows ? PQntuples(rows) : 0);
        mq_seal_free(seal);
    }
}

void mq_doctor_database(struct mq_doctor *d) {
    int status = mq_database_open(MQ_DATABASE_READER, NULL, true, &d->reader);
    if (status != 0) {
        mq_doctor_say(d, "database", MQ_CHECK_FAULT, "连接不上 cannot be reached");
        d->away = true;
        return;
    }
    mq_doctor_say(d, "database", MQ_CHECK_GOOD, "%s:%s %s", PQhost(d->reader), PQport(d->reader), PQdb(d->reader));
    if (getenv("MINQING_DATABASE_ADMIN") && mq_database_open(MQ_DATABASE_ADMIN, NULL, true, &d->admin) != 0)
        mq_doctor_say(d, "database", MQ_CHECK_FAULT, "MINQING_DATABASE_ADMIN: 连接不上 cannot be reached");
    check_rows(d);
    check_clock(d);
    check_seal(d);
    check_reference(d);
    if (mq_screen_read_database(&d->screen, d->reader, d->admin) != 0)
        return; /* another schema, already said: the rest cannot be asked */
    check_sessions(d);
    check_replication(d);
}
