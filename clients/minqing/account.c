/* SPDX-License-Identifier: Apache-2.0 */
/* minqing account: each command that changes something ends by bringing the broker's files up to date. */
#include "account.h"

#include "database.h"
#include "minqing.h"
#include "sql.h"
#include "sync.h"

#include "clients/common/text.h"
#include "common/clock.h"
#include "common/seal.h"
#include "common/store.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void free_secret(char **secret) {
    if (*secret)
        sodium_memzero(*secret, strlen(*secret));
    free(*secret);
}

/* What all verbs begin with. -1 to go on with *connection open, else the exit status. */
static int begin(const struct mq_command_line *line, int argc, char **argv, enum mq_database_who who, const char *const *conninfo,
                 PGconn **connection) {
    size_t words;
    int status = mq_options_parse(line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (sodium_init() < 0)
        return mq_complain(MQ_EXIT_FAILED, "libsodium: %s", strerror(EIO));
    status = mq_database_open(who, *conninfo, false, connection);
    return status != 0 ? status : -1;
}

static int sync_after(PGconn *connection) {
    bool configured;
    return mq_sync(connection, &configured);
}

/* ---- add, import ---- */

static const char *secret_of(const struct mq_account_batch *batch, const char *account) {
    for (size_t i = 0; i < batch->count; i++)
        if (strcmp(batch->entries[i].account, account) == 0)
            return batch->entries[i].secret;
    return "";
}

/* account<TAB>secret of those that are new. */
static void append_secrets(const struct mq_account_batch *batch, const PGresult *stored, struct mq_buffer *out) {
    for (int i = 0; i < PQntuples(stored); i++)
        if (PQgetvalue(stored, i, 1)[0] == 't')
            mq_buffer_printf(out, "%s\t%s\n", PQgetvalue(stored, i, 0), secret_of(batch, PQgetvalue(stored, i, 0)));
}

/* Stores the batch; the secrets of new accounts are in `secrets`. Nothing is committed before `keep` (a file, or NULL) has them:
 * an account whose secret nobody knows is of no use. */
static int store(PGconn *connection, struct mq_account_batch *batch, bool change, const char *keep, PGresult **stored,
                 struct mq_buffer *secrets) {
    mq_buffer_append_char(&batch->json, ']');
    if (batch->json.failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    const char *values[] = { mq_buffer_text(&batch->json), change ? "true" : "false" };
    int status = mq_database_query(connection, "account", "begin", NULL, 0, NULL);
    if (status == 0)
        status = mq_database_query(connection, "account", mq_sql_account_store, values, 2, stored);
    if (status != 0)
        return status;
    append_secrets(batch, *stored, secrets);
    if (PQntuples(*stored) == 0)
        return mq_database_query(connection, "account", "rollback", NULL, 0, NULL);
    if (keep && secrets->len > 0 && mq_secret_write(keep, true, (struct mq_str){ secrets->data, secrets->len }) < 0)
        return MQ_EXIT_FAILED;
    return mq_database_query(connection, "account", "commit", NULL, 0, NULL);
}

static void wipe_buffer(struct mq_buffer *b) {
    if (b->data)
        sodium_memzero(b->data, b->capacity);
    mq_buffer_deinit(b);
}

static int add(PGconn *connection, const struct mq_account_input *input, const char *secret_file) {
    MQ_CLEANUP(mq_account_batch_deinit) struct mq_account_batch batch = { 0 };
    MQ_CLEANUP(wipe_buffer) struct mq_buffer secrets = { 0 };
    MQ_CLEANUP(mq_result_cleanup) PGresult *stored = NULL;
    MQ_CLEANUP(free_secret) char *given = NULL;
    int r = secret_file ? mq_secret_read(secret_file, &given) : 0;
    if (r < 0 && r != -ENOENT)
        return MQ_EXIT_FAILED;
    r = mq_account_add_entry(&batch, input, given, 0);
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(-r));
    if (secret_file && !given) {
        MQ_CLEANUP(wipe_buffer) struct mq_buffer line = { 0 };
        mq_buffer_printf(&line, "%s\n", batch.entries[0].secret);
        if (mq_secret_write(secret_file, false, (struct mq_str){ line.data, line.len }) < 0)
            return MQ_EXIT_FAILED;
    }
    int status = store(connection, &batch, false, NULL, &stored, &secrets);
    if (status != 0)
        return status;
    if (PQntuples(stored) == 0) {
        if (secret_file && !given)
            mq_ignore(unlink(secret_file));
        return mq_complain(MQ_EXIT_FAILED, "账号 %s 已存在 / account exists: 'minqing account reset' gives it a new secret",
                           input->account);
    }
    if (secret_file)
        printf("%s: 密码%s %s / secret %s\n", input->account, given ? "取自" : "写入", secret_file,
               given ? "taken from it" : "written to it");
    else
        printf("%s\t%s\n", input->account, batch.entries[0].secret);
    return sync_after(connection);
}

int mq_account_add(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    struct mq_account_input input = { 0 };
    const char *conninfo = NULL, *secret_file = NULL;
    const struct mq_option options[] = {
        { 0, "role", MQ_OPTION_TEXT, &input.role, "ROLE", "角色 device 设备, desk 部门, operator 指挥员, service 服务", 0, 0 },
        { 0, "name", MQ_OPTION_TEXT, &input.name, "PERSON", "使用人 whose it is", 0, 0 },
        { 0, "area", MQ_OPTION_TEXT, &input.area, "CODE", "区划代码 home grid of a device; area of a desk or operator", 0, 0 },
        { 0, "department", MQ_OPTION_TEXT, &input.department, "D", "部门 of a desk: fire, police, …", 0, 0 },
        { 0, "unit", MQ_OPTION_TEXT, &input.unit, "U", "所属小队 team of the person", 0, 0 },
        { 0, "phone", MQ_OPTION_TEXT, &input.phone, "P", "电话 telephone of the person", 0, 0 },
        { 0, "secret-file", MQ_OPTION_TEXT, &secret_file, "FILE",
          "密码文件：有则用其中的，无则写入 secret is read from it where it exists, else written to it", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "ACCOUNT", "新建账号，密码只显示这一次。\nMakes an account; its secret is shown this once.", options, NULL, 1, 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    input.account = argv[1];
    const char *wrong = mq_account_fault(&input);
    if (wrong)
        return mq_complain(MQ_EXIT_USAGE, "%s: %s", argv[1], wrong);
    if (sodium_init() < 0)
        return mq_complain(MQ_EXIT_FAILED, "libsodium: %s", strerror(EIO));
    status = mq_database_open(MQ_DATABASE_ADMIN, conninfo, false, &connection);
    return status != 0 ? status : add(connection, &input, secret_file);
}

int mq_account_import(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_account_batch_deinit) struct mq_account_batch batch = { 0 };
    MQ_CLEANUP(wipe_buffer) struct mq_buffer secrets = { 0 };
    MQ_CLEANUP(mq_result_cleanup) PGresult *stored = NULL;
    const char *conninfo = NULL, *secrets_file = NULL;
    const struct mq_option options[] = {
        { 0, "secrets-file", MQ_OPTION_TEXT, &secrets_file, "OUT",
          "新密码追加到此文件 new secrets are appended to it, else printed", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "FILE.tsv",
        "批量导入账号；已有的账号会更新，密码不变。列（首行为列名，制表符分隔，'-' 为无）：\n"
        "Makes or changes accounts; those that are there keep their password. Columns, named in the first line:\n"
        "account role name area department unit phone", options, NULL, 1, 1,
    };
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &connection);
    if (status >= 0)
        return status;
    status = mq_account_read_file(argv[1], &batch);
    if (status == 0)
        status = store(connection, &batch, true, secrets_file, &stored, &secrets);
    if (status != 0)
        return status;
    int made = 0;
    for (int i = 0; i < PQntuples(stored); i++)
        made += PQgetvalue(stored, i, 1)[0] == 't';
    if (!secrets_file)
        fputs(mq_buffer_text(&secrets), stdout);
    fprintf(stderr, "新建 made: %d, 更新 changed: %d\n", made, PQntuples(stored) - made);
    return sync_after(connection);
}

/* ---- lock, unlock, reset ---- */

/* Runs an update that returns the account where it is known. */
static int change(PGconn *connection, const char *account, const char *sql, const char *value) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *values[] = { account, value };
    int status = mq_database_query(connection, account, sql, values, 2, &result);
    if (status == 0 && PQntuples(result) == 0)
        status = mq_complain(MQ_EXIT_FAILED, "没有账号 %s / no such account: see 'minqing account list'", account);
    return status;
}

static int set_locked(int argc, char **argv, bool locked) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    const char *conninfo = NULL;
    const struct mq_option options[] = { MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN), { 0 } };
    const struct mq_command_line line = {
        argv[0], "ACCOUNT",
        locked ? "停用账号，已有的连接随即断开。\nTurns an account off; its open connection ends." : "恢复停用的账号。\nTurns an account on again.",
        options, NULL, 1, 1,
    };
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &connection);
    if (status >= 0)
        return status;
    status = change(connection, argv[1], mq_sql_account_lock, locked ? "true" : "false");
    return status != 0 ? status : sync_after(connection);
}

int mq_account_lock(int argc, char **argv) {
    return set_locked(argc, argv, true);
}

int mq_account_unlock(int argc, char **argv) {
    return set_locked(argc, argv, false);
}

int mq_account_reset(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(wipe_buffer) struct mq_buffer secret_line = { 0 };
    const char *conninfo = NULL, *secret_file = NULL;
    const struct mq_option options[] = {
        { 0, "secret-file", MQ_OPTION_TEXT, &secret_file, "FILE",
          "新密码写入此文件 new secret is written to it, in place of what is there", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "ACCOUNT", "重置密码，新密码只显示这一次。\nGives an account a new secret, shown this once.", options, NULL, 1, 1,
    };
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &connection);
    if (status >= 0)
        return status;
    char secret[MQ_SECRET_TEXT], hash[MQ_HASH_TEXT];
    mq_secret_new(secret);
    mq_buffer_printf(&secret_line, "%s\n", secret);
    int r = mq_secret_hash(mq_str(secret), NULL, hash);
    sodium_memzero(secret, sizeof(secret));
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(-r));
    status = change(connection, argv[1], mq_sql_account_reset, hash);
    if (status == 0 && secret_file
        && mq_secret_write(secret_file, false, (struct mq_str){ secret_line.data, secret_line.len }) < 0)
        status = MQ_EXIT_FAILED;
    if (status == 0 && !secret_file)
        printf("%s\t%s", argv[1], mq_buffer_text(&secret_line));
    return status != 0 ? status : sync_after(connection);
}

/* ---- list, sync, seal-key ---- */

static void print_account(const PGresult *r, int row) {
    static const size_t widths[] = { 20, 9, 34, 22, 12, 16 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    for (int i = 0; i < (int)MQ_LENGTH(widths); i++) {
        mq_text_column(&line, mq_result_str(r, row, i), widths[i]);
        mq_buffer_append_char(&line, ' ');
    }
    mq_buffer_append_text(&line, PQgetvalue(r, row, 6)[0] == 't' ? "停用 locked" : "");
    while (line.len > 0 && line.data[line.len - 1] == ' ')
        line.data[--line.len] = '\0';
    puts(mq_buffer_text(&line));
}

int mq_account_list(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    const char *conninfo = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "每行一个 JSON 对象 one object a line", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "", "账号、角色、辖区、部门、使用人、小队。\nAccount, role, area, department, person, team.", options, NULL, 0, 0,
    };
    int status = begin(&line, argc, argv, MQ_DATABASE_READER, &conninfo, &connection);
    if (status >= 0)
        return status;
    status = mq_database_query(connection, "account list", mq_sql_account_list, NULL, 0, &result);
    for (int i = 0; status == 0 && i < PQntuples(result); i++) {
        if (json)
            puts(PQgetvalue(result, i, 7));
        else
            print_account(result, i);
    }
    return status;
}

int mq_account_sync(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    const char *conninfo = NULL;
    const struct mq_option options[] = { MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN), { 0 } };
    const struct mq_command_line line = {
        argv[0], "",
        "按账号表写入消息服务器的 password_file 和 acl_file，有变化则通知它重读。路径见设置 [broker]。\n"
        "Writes the broker's password_file and acl_file from the accounts, and tells it where they changed. Paths:\n"
        "section [broker] (MINQING_BROKER_PASSWORD_FILE, _ACL_FILE, _PID_FILE).", options, NULL, 0, 0,
    };
    int status = begin(&line, argc, argv, MQ_DATABASE_ADMIN, &conninfo, &connection);
    if (status >= 0)
        return status;
    bool configured = false;
    status = mq_sync(connection, &configured);
    return status != 0 ? status : configured ? MQ_EXIT_GOOD : MQ_EXIT_FAILED;
}

int mq_account_seal_key(int argc, char **argv) {
    const struct mq_command_line line = {
        argv[0], "FILE",
        "生成封存个人信息的密钥文件（权限 0600）。请另存一份：丢失则个人信息不可恢复。\n"
        "Makes the key file that seals personal data, mode 0600. Keep a copy: without it the data is lost.", NULL, NULL, 1, 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    char now[MQ_TIME_TEXT], id[16];
    mq_clock_format(mq_clock_now_us(), 0, now);
    snprintf(id, sizeof(id), "k%.4s%.2s%.2s", now, now + 5, now + 8);
    int r = mq_seal_create(argv[1], id);
    if (r == -EEXIST)
        return mq_complain(MQ_EXIT_FAILED, "%s 已存在，没有改动 / exists, was not changed", argv[1]);
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "不能写入 cannot write %s: %s", argv[1], strerror(-r));
    printf("%s: 密钥 key %s\n", argv[1], id);
    return MQ_EXIT_GOOD;
}
