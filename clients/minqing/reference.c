/* SPDX-License-Identifier: Apache-2.0 */
/* Reference data. */
#include "reference.h"

#include "database.h"

#include "common/buffer.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

/* Files beside the tables that are no tables: people, whom deploy/system imports as accounts. */
static const char *const not_reference[] = { "officers", "desks" };

static void close_file(FILE **file) {
    if (*file)
        fclose(*file);
}

static void free_text(char **text) {
    free(*text);
}

/* Names become SQL, so only plain ones are taken. */
static bool plain_name(const char *name, size_t n) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    for (size_t i = 0; i < n; i++)
        if (!strchr(allowed, name[i]))
            return false;
    return n > 0 && n < 60 && (name[0] < '0' || name[0] > '9');
}

/* 0, or the exit status after a complaint. */
static int run(PGconn *connection, const char *what, const char *sql) {
    PGresult *r = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(r);
    int outcome = 0;
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        outcome = mq_database_fault(connection, what, r);
    PQclear(r);
    return outcome;
}

/* "create temp table file_x (a text, b text) on commit drop" from the first line of the file. */
static int create_table(PGconn *connection, const char *path, const char *name, size_t name_length, char *head) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sql = { 0 };
    mq_buffer_printf(&sql, "create temp table file_%.*s (", (int)name_length, name);
    head[strcspn(head, "\r\n")] = '\0';
    const char *separator = "";
    for (char *rest = head, *column; (column = strsep(&rest, "\t"));) {
        if (!plain_name(column, strlen(column)))
            return mq_complain(MQ_EXIT_DATA, "%s:1: 列名 '%s' 不对 / column names have only a-z, 0-9 and _", path, column);
        mq_buffer_printf(&sql, "%s%s text", separator, column);
        separator = ", ";
    }
    mq_buffer_append_text(&sql, ") on commit drop");
    return sql.failed ? mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM)) : run(connection, path, mq_buffer_text(&sql));
}

static int copy_rows(PGconn *connection, const char *path, const char *name, size_t name_length, FILE *file) {
    char sql[256], block[65536];
    snprintf(sql, sizeof(sql), "copy file_%.*s from stdin with (format csv, delimiter E'\\t', quote E'\\x01')", (int)name_length,
             name);
    int status = run(connection, path, sql);
    if (status != 0)
        return status;
    bool sent = true;
    for (size_t n; sent && (n = fread(block, 1, sizeof(block), file)) > 0;)
        sent = PQputCopyData(connection, block, (int)n) == 1;
    const char *fault = ferror(file) ? "cannot be read" : NULL;
    sent = PQputCopyEnd(connection, fault) == 1 && sent;
    PGresult *r = PQgetResult(connection);
    if (!sent || PQresultStatus(r) != PGRES_COMMAND_OK)
        status = mq_database_fault(connection, path, r);
    while (r) {
        PQclear(r);
        r = PQgetResult(connection);
    }
    return status;
}

static int load_file(PGconn *connection, const char *path) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name) - strlen(".tsv");
    for (size_t i = 0; i < MQ_LENGTH(not_reference); i++)
        if (length == strlen(not_reference[i]) && strncmp(name, not_reference[i], length) == 0)
            return 0;
    if (!plain_name(name, length))
        return mq_complain(MQ_EXIT_DATA, "%s: 文件名不对 / names of reference files have only a-z, 0-9 and _", path);
    MQ_CLEANUP(close_file) FILE *file = fopen(path, "re");
    MQ_CLEANUP(free_text) char *head = NULL;
    size_t room = 0;
    if (!file)
        return mq_complain(MQ_EXIT_FAILED, "不能读取 cannot read %s: %s", path, strerror(errno));
    if (getline(&head, &room, file) < 0)
        return mq_complain(MQ_EXIT_DATA, "%s: 是空的 / is empty: its first line must name the columns", path);
    int status = create_table(connection, path, name, length, head);
    return status != 0 ? status : copy_rows(connection, path, name, length, file);
}

static int run_script(PGconn *connection, const char *path) {
    MQ_CLEANUP(close_file) FILE *file = fopen(path, "re");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sql = { 0 };
    char block[65536];
    if (!file)
        return mq_complain(MQ_EXIT_FAILED, "不能读取 cannot read %s: %s", path, strerror(errno));
    for (size_t n; (n = fread(block, 1, sizeof(block), file)) > 0;)
        mq_buffer_append(&sql, block, n);
    if (sql.failed || ferror(file))
        return mq_complain(MQ_EXIT_FAILED, "不能读取 cannot read %s", path);
    return run(connection, path, mq_buffer_text(&sql));
}

/* Begins a transaction with all files in it. */
static int load_files(PGconn *connection, const char *folder, const glob_t *files) {
    int status = run(connection, folder, "begin");
    for (size_t i = 0; status == 0 && i < files->gl_pathc; i++)
        status = load_file(connection, files->gl_pathv[i]);
    return status;
}

static int load_all(PGconn *connection, const char *folder, const glob_t *files) {
    char script[4096];
    if ((size_t)snprintf(script, sizeof(script), "%s/load.sql", folder) >= sizeof(script))
        return mq_complain(MQ_EXIT_USAGE, "%s: %s", folder, strerror(ENAMETOOLONG));
    int status = load_files(connection, folder, files);
    if (status == 0)
        status = run_script(connection, script);
    if (status == 0)
        return run(connection, folder, "commit");
    PQclear(PQexec(connection, "rollback"));
    return status;
}

/* 0 and *files (globfree), or the exit status after a complaint. */
static int find_files(const char *folder, glob_t *files) {
    char pattern[4096];
    if ((size_t)snprintf(pattern, sizeof(pattern), "%s/*.tsv", folder) >= sizeof(pattern))
        return mq_complain(MQ_EXIT_USAGE, "%s: %s", folder, strerror(ENAMETOOLONG));
    return glob(pattern, 0, NULL, files) == 0
               ? 0
               : mq_complain(MQ_EXIT_FAILED,
                             "%s: 没有基础数据（*.tsv）/ has no reference data: name its folder with --reference or "
                             "MINQING_REFERENCE",
                             folder);
}

int mq_reference_load(PGconn *connection, const char *folder) {
    glob_t files = { 0 };
    int status = find_files(folder, &files);
    if (status == 0)
        status = load_all(connection, folder, &files);
    globfree(&files);
    return status;
}

int mq_reference_compare(PGconn *connection, const char *folder, const char *sql, PGresult **rows) {
    glob_t files = { 0 };
    int status = find_files(folder, &files);
    if (status == 0)
        status = load_files(connection, folder, &files);
    if (status == 0)
        status = mq_database_query(connection, folder, sql, NULL, 0, rows);
    PQclear(PQexec(connection, "rollback"));
    globfree(&files);
    return status;
}
