/* SPDX-License-Identifier: Apache-2.0 */
/* minqing webhook add: checks what is given, seals the secret, stores the row. */
#include "webhook.h"

#include "database.h"
#include "minqing.h"
#include "secret.h"
#include "sql.h"

#include "common/buffer.h"
#include "common/seal.h"
#include "common/store.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SEAL_KEY_FILE "/etc/minqing/webhook.key"

struct input {
    const char *name, *url, *department, *area, *secret_file, *key_file;
    struct mq_option_list events;
    int64_t severity, timeout_ms;
};

bool mq_webhook_name_valid(const char *name) {
    size_t n = strlen(name);
    return n >= 3 && n <= 32 && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* The part behind "http://" or "https://"; NULL for other schemes. */
static const char *behind_scheme(const char *url) {
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < MQ_LENGTH(schemes); i++)
        if (strncmp(url, schemes[i], strlen(schemes[i])) == 0)
            return url + strlen(schemes[i]);
    return NULL;
}

static const char host_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:[]-";

bool mq_webhook_url_valid(const char *url) {
    const char *host = behind_scheme(url);
    if (!host || strlen(url) > 2000)
        return false;
    const char *rest = host + strspn(host, host_characters);
    if (rest == host || (*rest && *rest != '/' && *rest != '?'))
        return false;
    for (const char *c = rest; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == '#') /* others than ASCII must be escaped */
            return false;
    return true;
}

/* On the way to another machine, in clear. */
static bool in_clear(const char *url) {
    const char *host = behind_scheme(url);
    return strncmp(url, "http://", 7) == 0 && strncmp(host, "127.", 4) != 0 && strncmp(host, "localhost", 9) != 0
           && strncmp(host, "[::1]", 5) != 0;
}

static const char *fault(const struct input *in) {
    if (!mq_webhook_name_valid(in->name))
        return "名称应为 3–32 个小写字母、数字、- / a name is 3 to 32 of a–z, 0–9 and -";
    if (!in->url)
        return "缺少 --url / --url is missing";
    if (!mq_webhook_url_valid(in->url))
        return "--url 应为 http:// 或 https:// 开头、不含用户名和 # 的网址 / must begin with http:// or https://, without user name and #";
    for (size_t i = 0; i < in->events.count; i++)
        if (strspn(in->events.items[i], "abcdefghijklmnopqrstuvwxyz_") != strlen(in->events.items[i]) || !*in->events.items[i])
            return "--event 应为一个事件词，例如 called_out / is one word such as called_out";
    return NULL;
}

static void free_secret(char **secret) {
    if (*secret)
        sodium_memzero(*secret, strlen(*secret));
    free(*secret);
}

static void free_seal(struct mq_seal **seal) {
    mq_seal_free(*seal);
}

/* The secret of the file where it exists, else a new one, *made. The exit status. */
static int take_secret(const struct input *in, char **secret, bool *made) {
    int r = in->secret_file ? mq_secret_read(in->secret_file, secret) : -ENOENT;
    *made = r == -ENOENT;
    if (r == 0)
        return 0;
    if (!*made)
        return MQ_EXIT_FAILED;
    *secret = calloc(1, MQ_SECRET_TEXT);
    if (!*secret)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    mq_secret_new(*secret);
    return 0;
}

/* The secret as the table has it, in hexadecimal. The exit status. */
static int seal_secret(const struct input *in, const char *secret, struct mq_buffer *hex, char *key_id, size_t key_id_size) {
    MQ_CLEANUP(free_seal) struct mq_seal *seal = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 };
    const char *environment = getenv("MINQING_WEBHOOK_SEAL_KEY_FILE");
    const char *file = in->key_file ? in->key_file : environment && *environment ? environment : SEAL_KEY_FILE;
    int r = mq_seal_new(file, &seal);
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED,
                           "不能使用密钥文件 cannot use the key file %s: %s (MINQING_WEBHOOK_SEAL_KEY_FILE, --seal-key-file; "
                           "'minqing account seal-key' makes one)",
                           file, strerror(-r));
    r = mq_seal_close(seal, mq_str(secret), mq_str(in->name), &sealed);
    for (size_t i = 0; r == 0 && i < sealed.len; i++)
        mq_buffer_printf(hex, "%02x", (unsigned char)sealed.data[i]);
    if (r < 0 || hex->failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    snprintf(key_id, key_id_size, "%s", mq_seal_key_id(seal));
    return 0;
}

/* Columns of webhook_store.sql. */
enum { MADE, UNKNOWN, DEPARTMENT, AREA, WORDS };

static int explain(const struct input *in, const PGresult *stored) {
    if (!PQgetisnull(stored, 0, UNKNOWN))
        return mq_complain(MQ_EXIT_DATA, "没有这个事件词 unknown event %s; 可用 allowed: %s", PQgetvalue(stored, 0, UNKNOWN),
                           PQgetvalue(stored, 0, WORDS));
    if (PQgetvalue(stored, 0, DEPARTMENT)[0] != 't')
        return mq_complain(MQ_EXIT_DATA, "没有部门 unknown department %s: see reference/departments.tsv", in->department);
    if (PQgetvalue(stored, 0, AREA)[0] != 't')
        return mq_complain(MQ_EXIT_DATA, "没有辖区以此开头 no area begins with %s", in->area);
    return mq_complain(MQ_EXIT_FAILED, "推送 %s 已存在 / webhook exists: 'minqing webhook remove %s' first", in->name, in->name);
}

static int store(PGconn *connection, const struct input *in, const char *sealed, const char *key_id) {
    MQ_CLEANUP(mq_result_cleanup) PGresult *stored = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer events = { 0 };
    char severity[24], timeout[24];
    mq_buffer_append_char(&events, '{');
    for (size_t i = 0; i < in->events.count; i++)
        mq_buffer_printf(&events, "%s%s", i ? "," : "", in->events.items[i]);
    mq_buffer_append_char(&events, '}');
    snprintf(severity, sizeof(severity), "%" PRId64, in->severity);
    snprintf(timeout, sizeof(timeout), "%" PRId64, in->timeout_ms);
    const char *values[] = { in->name, in->url, sealed, key_id, in->department, in->area, mq_buffer_text(&events), severity, timeout };
    int status = mq_database_query(connection, "webhook add", mq_sql_webhook_store, values, MQ_LENGTH(values), &stored);
    if (status == 0 && PQgetvalue(stored, 0, MADE)[0] != 't')
        status = explain(in, stored);
    return status;
}

static int add(PGconn *connection, const struct input *in) {
    MQ_CLEANUP(free_secret) char *secret = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, line = { 0 };
    char key_id[64];
    bool made = false;
    int status = take_secret(in, &secret, &made);
    if (status == 0)
        status = seal_secret(in, secret, &sealed, key_id, sizeof(key_id));
    if (status != 0)
        return status;
    /* a secret that nobody knows is of no use: it is in its file before the row is there */
    mq_buffer_printf(&line, "%s\n", secret);
    if (made && in->secret_file && mq_secret_write(in->secret_file, false, (struct mq_str){ line.data, line.len }) < 0)
        status = MQ_EXIT_FAILED;
    if (status == 0)
        status = store(connection, in, mq_buffer_text(&sealed), key_id);
    if (status != 0 && made && in->secret_file)
        mq_ignore(unlink(in->secret_file));
    if (status == 0 && in->secret_file)
        printf("%s: 签名密钥%s %s / secret %s\n", in->name, made ? "写入" : "取自", in->secret_file, made ? "written to it" : "taken from it");
    else if (status == 0)
        printf("%s\t%s\n", in->name, secret);
    if (line.data)
        sodium_memzero(line.data, line.capacity);
    if (status == 0 && in_clear(in->url))
        mq_complain(0, "注意：http 不加密，内容会被途中看到 / careful: http is not encrypted, others on the way can read the cases; use https");
    return status;
}

int mq_webhook_add(int argc, char **argv) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    struct input in = { .area = "", .severity = 1, .timeout_ms = 10000 };
    const char *conninfo = NULL;
    const struct mq_option options[] = {
        { 0, "url", MQ_OPTION_TEXT, &in.url, "URL", "推送地址 where it is sent, http or https", 0, 0 },
        { 0, "department", MQ_OPTION_TEXT, &in.department, "D",
          "部门：只推其主办、协办的事件 only cases in which it has a part; none: the command centre's gateway", 0, 0 },
        { 0, "area", MQ_OPTION_TEXT, &in.area, "CODE", "区划代码或其开头 only cases of this area", 0, 0 },
        { 0, "event", MQ_OPTION_LIST, &in.events, "E", "事件词，可多次 only these events, such as called_out; may be repeated", 0, 0 },
        { 0, "severity", MQ_OPTION_INTEGER, &in.severity, "N", "最低级别 least severity", 1, 4 },
        { 0, "timeout", MQ_OPTION_SECONDS, &in.timeout_ms, "S", "等待回应的秒数 longest wait for an answer (10)", 100, 120000 },
        { 0, "secret-file", MQ_OPTION_TEXT, &in.secret_file, "FILE",
          "签名密钥文件：有则用其中的，无则写入 secret is read from it where it exists, else written to it", 0, 0 },
        { 0, "seal-key-file", MQ_OPTION_TEXT, &in.key_file, "FILE",
          "封存密钥 key that seals the secret (MINQING_WEBHOOK_SEAL_KEY_FILE)", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_ADMIN),
        { 0 },
    };
    const struct mq_command_line line = {
        argv[0], "NAME",
        "新建事件推送：此后的事件以 HTTP POST 发往该地址，带 HMAC-SHA256 签名。未给密钥文件时，密钥只显示这一次。\n"
        "What happens to cases from now on is posted to the address, signed with HMAC-SHA256. Without --secret-file the\n"
        "secret is shown this once. What is sent and how to verify it: docs/webhooks.md.", options, NULL, 1, 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    in.name = argv[1];
    const char *wrong = fault(&in);
    if (wrong)
        return mq_complain(MQ_EXIT_USAGE, "%s: %s", argv[1], wrong);
    if (sodium_init() < 0)
        return mq_complain(MQ_EXIT_FAILED, "libsodium: %s", strerror(EIO));
    status = mq_database_open(MQ_DATABASE_ADMIN, conninfo, false, &connection);
    return status != 0 ? status : add(connection, &in);
}
