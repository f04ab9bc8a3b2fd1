/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's account files. */
#include "sync.h"

#include "acl.h"
#include "database.h"
#include "file.h"
#include "sql.h"

#include "common/buffer.h"
#include "common/config.h"
#include "common/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BROKER_PROGRAM "mosquitto"

static void close_file(FILE **file) {
    if (*file)
        fclose(*file);
}

/* ---- texts ---- */

/* Columns of account_sync.sql. */
enum { ACCOUNT, PASSWORD_HASH, ROLE, AREA, DEPARTMENT };

int mq_sync_texts(const PGresult *accounts, struct mq_buffer *passwords, struct mq_buffer *acl) {
    mq_buffer_append_text(acl, "# Written by 'minqing account sync'; changes here are lost.\n");
    int r = mq_acl_everybody(acl);
    for (int i = 0; r == 0 && i < PQntuples(accounts); i++) {
        const struct mq_account account = {
            mq_result_str(accounts, i, ACCOUNT), mq_result_str(accounts, i, ROLE), mq_result_str(accounts, i, AREA),
            mq_result_str(accounts, i, DEPARTMENT),
        };
        mq_buffer_printf(passwords, "%s:%s\n", PQgetvalue(accounts, i, ACCOUNT), PQgetvalue(accounts, i, PASSWORD_HASH));
        r = mq_acl_account(acl, &account);
        if (r < 0)
            mq_complain(0, "账号 %s 的辖区、部门不能用于主题 / account %s: its area or department cannot stand in a topic",
                        PQgetvalue(accounts, i, ACCOUNT), PQgetvalue(accounts, i, ACCOUNT));
    }
    return r < 0 ? r : passwords->failed || acl->failed ? -ENOMEM : 0;
}

/* ---- files ---- */

static bool same_content(const char *path, struct mq_str text) {
    MQ_CLEANUP(close_file) FILE *file = fopen(path, "re");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer content = { 0 };
    char block[65536];
    if (!file)
        return false;
    for (size_t n; content.len <= text.n && (n = fread(block, 1, sizeof(block), file)) > 0;)
        mq_buffer_append(&content, block, n);
    return !content.failed && mq_str_equal((struct mq_str){ content.data, content.len }, text);
}

/* The folder's owner and group may read it: that is whom the broker runs as. */
static int write_temporary(const char *path, int folder, struct mq_str text) {
    struct stat st;
    mq_ignore(unlink(path));
    MQ_CLEANUP(mq_file_close) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(folder, &st) < 0)
        return -errno;
    if (fchown(fd, st.st_uid, st.st_gid) < 0
        && (errno != EPERM || (st.st_uid != geteuid() && fchown(fd, (uid_t)-1, st.st_gid) < 0)))
        return -errno;
    int r = mq_file_write(fd, text);
    if (r == 0 && fchmod(fd, 0640) < 0)
        r = -errno;
    return r;
}

/* 1: written, 0: it was so already, negative errno after a complaint. */
static int replace_file(const char *path, struct mq_str text) {
    if (same_content(path, text))
        return 0;
    char copy[4096], temporary[sizeof(copy) + 4];
    bool fits = (size_t)snprintf(copy, sizeof(copy), "%s", path) < sizeof(copy);
    snprintf(temporary, sizeof(temporary), "%s.new", copy);
    MQ_CLEANUP(mq_file_close) int folder = fits ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int r = !fits ? -ENAMETOOLONG : folder < 0 ? -errno : write_temporary(temporary, folder, text);
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r == 0 && fsync(folder) < 0)
        r = -errno;
    if (r < 0) {
        if (fits)
            mq_ignore(unlink(temporary));
        mq_complain(0, "不能写入 cannot write %s: %s", path, strerror(-r));
        return r;
    }
    return 1;
}

/* Only one at a time, and whoever has waited reads the accounts afterwards. */
static int lock_files(const char *password_file) {
    char path[4096];
    snprintf(path, sizeof(path), "%s.lock", password_file);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || flock(fd, LOCK_EX) < 0) {
        int error = errno;
        mq_file_close(&fd);
        mq_complain(0, "不能锁定 cannot lock %s: %s", path, strerror(error));
        return -error;
    }
    return fd;
}

/* ---- the broker ---- */

/* A pid file may be old and its number be somebody else's by now. */
static bool is_broker(long pid) {
    char path[64], name[64] = "";
    snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
    MQ_CLEANUP(close_file) FILE *file = fopen(path, "re");
    return file && fgets(name, sizeof(name), file) && strncmp(name, BROKER_PROGRAM, strlen(BROKER_PROGRAM)) == 0;
}

static int tell_broker(const char *pid_file) {
    MQ_CLEANUP(close_file) FILE *file = *pid_file ? fopen(pid_file, "re") : NULL;
    long pid = 0;
    if (!*pid_file)
        return mq_complain(0, "未设置 [broker] pid_file，请自行让消息服务器重读 / not set: make the broker read its files again yourself");
    if (!file || fscanf(file, "%ld", &pid) != 1 || pid <= 1 || !is_broker(pid))
        return mq_complain(0, "消息服务器没有运行（%s），启动时会读到新文件 / broker not running: it will read the files when it starts", pid_file);
    if (kill((pid_t)pid, SIGHUP) < 0)
        return mq_complain(errno == EPERM ? MQ_EXIT_DENIED : MQ_EXIT_FAILED,
                           "不能通知消息服务器 cannot tell the broker (pid %ld): %s; send it SIGHUP", pid, strerror(errno));
    return 0;
}

/* ---- together ---- */

struct settings {
    char *password_file, *acl_file, *pid_file;
};

static int sync_files(PGconn *connection, const struct settings *s) {
    MQ_CLEANUP(mq_file_close) int lock = lock_files(s->password_file);
    if (lock < 0)
        return lock == -EACCES || lock == -EPERM ? MQ_EXIT_DENIED : MQ_EXIT_FAILED;
    MQ_CLEANUP(mq_result_cleanup) PGresult *accounts = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer passwords = { 0 }, acl = { 0 };
    int status = mq_database_query(connection, "account sync", mq_sql_account_sync, NULL, 0, &accounts);
    if (status != 0)
        return status;
    if (mq_sync_texts(accounts, &passwords, &acl) < 0)
        return MQ_EXIT_FAILED;
    int written = replace_file(s->password_file, (struct mq_str){ passwords.data, passwords.len });
    int rules = written >= 0 && *s->acl_file ? replace_file(s->acl_file, (struct mq_str){ acl.data, acl.len }) : 0;
    if (written < 0 || rules < 0)
        return written == -EACCES || rules == -EACCES ? MQ_EXIT_DENIED : MQ_EXIT_FAILED;
    return written + rules > 0 ? tell_broker(s->pid_file) : 0;
}

#define SETTINGS(s)                                                                                                              \
    { "broker", "password_file", MQ_SETTING_TEXT, &(s)->password_file, "", "Mosquitto's password_file: account sync writes it", 0, 0 }, \
    { "broker", "acl_file", MQ_SETTING_TEXT, &(s)->acl_file, "", "Mosquitto's acl_file: account sync writes it", 0, 0 },         \
    { "broker", "pid_file", MQ_SETTING_TEXT, &(s)->pid_file, "", "Mosquitto's pid_file: whom to tell", 0, 0 },                   \
    { 0 }

static enum mq_in_step look_at(PGconn *connection, const struct settings *s, char *file, size_t size) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *accounts = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer passwords = { 0 }, acl = { 0 };
    if (!*s->password_file)
        return MQ_NOT_CONFIGURED;
    if (mq_database_query(connection, "account sync", mq_sql_account_sync, NULL, 0, &accounts) != 0
        || mq_sync_texts(accounts, &passwords, &acl) < 0)
        return MQ_NOT_READABLE;
    const struct {
        const char *path;
        const struct mq_buffer *text;
    } files[] = { { s->password_file, &passwords }, { s->acl_file, &acl } };
    for (size_t i = 0; i < MQ_LENGTH(files); i++) {
        snprintf(file, size, "%s", files[i].path);
        if (*files[i].path && access(files[i].path, R_OK) < 0 && errno == EACCES)
            return MQ_NOT_READABLE;
        if (*files[i].path && !same_content(files[i].path, (struct mq_str){ files[i].text->data, files[i].text->len }))
            return MQ_OUT_OF_STEP;
    }
    return MQ_IN_STEP;
}

enum mq_in_step mq_sync_look(PGconn *connection, const char *config, char *file, char *pid_file, size_t size) {
    struct settings s = { 0 };
    const struct mq_setting table[] = { SETTINGS(&s) };
    *file = *pid_file = '\0';
    if (mq_config_load(table, config) < 0)
        return MQ_NOT_READABLE;
    enum mq_in_step found = connection ? look_at(connection, &s, file, size) : MQ_NOT_READABLE;
    if (!*file)
        snprintf(file, size, "%s", s.password_file);
    snprintf(pid_file, size, "%s", s.pid_file);
    mq_config_free(table);
    return found;
}

int mq_sync(PGconn *connection, bool *configured) {
    struct settings s = { 0 };
    const struct mq_setting table[] = { SETTINGS(&s) };
    if (mq_config_load(table, NULL) < 0)
        return MQ_EXIT_USAGE;
    *configured = *s.password_file;
    int status = 0;
    if (*configured)
        status = sync_files(connection, &s);
    else
        mq_complain(0, "未设置 [broker] password_file (MINQING_BROKER_PASSWORD_FILE)，消息服务器的账号文件没有改动 / not set: the "
                       "broker's files were not changed");
    mq_config_free(table);
    return status;
}
