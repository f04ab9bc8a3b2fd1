/* SPDX-License-Identifier: Apache-2.0 */
/* minqing doctor: checks each part and says what to do. */
#include "doctor.h"

#include "minqing.h"

#include "clients/common/text.h"
#include "common/json.h"
#include "common/store.h"
#include "version.h"

#include <errno.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Every check: its code, its name, what to do where it finds a fault. docs/operations.md has the same rows. */
/* clang-format off */
static const struct {
    const char *code, *name, *action;
} checks[] = {
    { "settings", "设置 settings", "改正所指的行 mend the line it names; minqing-SERVICE --help lists every setting" },
    { "secrets", "密钥文件权限 permissions of secrets", "chmod 600 FILE, chown 给运行服务的用户 to the user that the services run as" },
    { "seal_key", "个人信息密钥 seal keys", "从备份恢复密钥文件（密钥丢失则数据不可读） restore the key file from its backup: without it sealed data stay unreadable" },
    { "model", "分类模型 model", "minqing-train 重新生成后改名放入 make one with minqing-train and rename it there" },
    { "certificates", "证书 certificates", "换发证书，给消息服务器 SIGHUP renew it, then SIGHUP the broker" },
    { "broker", "消息服务器 broker", "启动 mosquitto；核对 MINQING_MQTT_* 和账号密码 start it; check MINQING_MQTT_* and the account's password" },
    { "broker_settings", "消息服务器设置 broker's settings", "改正后重启 mosquitto mend its configuration and restart it: deploy/system has a complete one" },
    { "access_list", "权限表 access list", "minqing account sync；mosquitto.conf 要有 must have acl_file, allow_anonymous false" },
    { "accounts", "账号文件 account files", "minqing account sync" },
    { "round_trip", "往返 round trip", "看 query 服务的日志 read the log of the service query; minqing status" },
    { "database", "数据库 database", "启动 PostgreSQL；核对 MINQING_DATABASE、MINQING_DATABASE_ADMIN start it; check these variables and pg_hba.conf" },
    { "db_version", "数据库版本 its version", "升级到 PostgreSQL 15 或更高 upgrade to 15 or later" },
    { "db_postgis", "PostGIS", "create extension postgis" },
    { "db_encoding", "编码 encoding", "以 UTF8、C.UTF-8 重建库后恢复 make the database anew (UTF8, C.UTF-8) and restore into it" },
    { "db_durable", "持久性 durability", "改回 on（否则回执不可信） set them on again: without them a receipt promises nothing; alter system reset NAME" },
    { "db_schema", "结构版本 schema", "minqing migrate，或安装匹配的程序 or install the program that belongs to it" },
    { "db_reference", "基础数据 reference data", "minqing migrate（载入 loads）" },
    { "db_roles", "角色权限 roles", "revoke / alter role 去掉多余的权限 take away what is too much; minqing migrate 建立缺少的 makes what is missing" },
    { "db_sessions", "会话数 sessions", "提高 max_connections，或查谁占用 raise it, or see who has them: select application_name, count(*) from pg_stat_activity group by 1" },
    { "db_transactions", "长事务 long transactions", "确认后 once sure: select pg_terminate_backend(PID)" },
    { "db_locks", "锁 locks", "占用者见括号 who holds them is named; once sure: select pg_terminate_backend(PID)" },
    { "db_replication", "备库与归档 standbys, archive", "修复备库或 drop 无用的复制槽，查 archive_command mend the standby or drop the slot; see archive_command" },
    { "clock", "时钟 clocks", "两台机器都用 NTP 校时 let both machines keep time by NTP" },
    { "clock_moved", "业务时钟 moved clock", "仅供测试 tests only: update minqing.clock_offset set moved = '0'" },
    { "disk", "磁盘 disks", "腾出空间；日志与备份移走 make room: old logs, backups, minqing webhook erase" },
    { "service", "服务 service", "看它的日志并启动 read its log and start it: sv up SERVICE, systemctl start minqing@SERVICE" },
    { "backlog", "积压 backlog", "见原因 see the reason; minqing status" },
    { "deadlines", "时限 deadlines", "dispatcher 的时钟停了：看日志并重启 its clock stands still: read the dispatcher's log and restart it" },
    { "lock", "主用通知器 active notifier", "确认持有者已失效后 once its holder is known to be dead: select pg_terminate_backend(PID)" },
    { "drops", "丢弃 drops", "会自动补回；频繁则看队列上限与慢的接收者 all comes back; if it goes on, see max_queued_messages and slow readers" },
    { "webhooks", "推送 webhooks", "minqing webhook list; minqing webhook test NAME" },
};
/* clang-format on */

static const struct {
    const char *mark, *word, *code;
    enum mq_colour colour;
} outcomes[] = {
    [MQ_CHECK_GOOD] = { "✓", "正常 good   ", "good", MQ_COLOUR_NONE },
    [MQ_CHECK_FAULT] = { "✗", "故障 fault  ", "fault", MQ_COLOUR_RED },
    [MQ_CHECK_UNKNOWN] = { "?", "未查 unknown", "unknown", MQ_COLOUR_YELLOW },
};

static void print_json(const char *check, const char *name, enum mq_outcome outcome, const char *found, const char *action) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_printf(&out, "{\"check\":\"%s\",\"name\":", check);
    mq_json_string(&out, mq_str(name));
    mq_buffer_printf(&out, ",\"outcome\":\"%s\",\"found\":", outcomes[outcome].code);
    mq_json_string(&out, mq_str(found));
    if (outcome == MQ_CHECK_FAULT) {
        mq_buffer_append_text(&out, ",\"do\":");
        mq_json_string(&out, mq_str(action));
    }
    mq_buffer_append_char(&out, '}');
    puts(mq_buffer_text(&out));
}

static void print_text(const char *name, enum mq_outcome outcome, const char *found, const char *action, bool colour) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_text_colour(&out, colour, outcomes[outcome].colour);
    mq_buffer_printf(&out, "%s %s", outcomes[outcome].mark, outcomes[outcome].word);
    mq_text_colour(&out, colour, MQ_COLOUR_NONE);
    mq_buffer_append_text(&out, "  ");
    mq_text_column(&out, mq_str(name), 36);
    mq_text_clean(&out, mq_str(found));
    if (outcome == MQ_CHECK_FAULT)
        mq_buffer_printf(&out, "\n      处理 do: %s", action);
    puts(mq_buffer_text(&out));
}

void mq_doctor_say(struct mq_doctor *d, const char *check, enum mq_outcome outcome, const char *format, ...) {
    char found[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(found, sizeof(found), format, arguments);
    va_end(arguments);
    for (char *end = found + strlen(found); end > found && end[-1] == '\n';)
        *--end = '\0';
    const char *name = check, *action = "";
    for (size_t i = 0; i < MQ_LENGTH(checks); i++)
        if (strcmp(checks[i].code, check) == 0) {
            name = checks[i].name;
            action = checks[i].action;
        }
    if (d->json)
        print_json(check, name, outcome, found, action);
    else
        print_text(name, outcome, found, action, d->colour);
    d->good += outcome == MQ_CHECK_GOOD;
    d->faults += outcome == MQ_CHECK_FAULT;
    d->unknown += outcome == MQ_CHECK_UNKNOWN;
}

const char *mq_doctor_setting(const struct mq_doctor *d, const char *section, const char *key) {
    for (size_t i = 0; i < d->entry_count; i++)
        if (strcmp(d->entries[i].section, section) == 0 && strcmp(d->entries[i].key, key) == 0)
            return d->entries[i].value;
    return NULL;
}

static void examine(struct mq_doctor *d) {
    mq_doctor_files(d);
    mq_doctor_database(d);
    mq_doctor_broker(d);
    mq_doctor_certificates(d);
    mq_doctor_services(d);
    if (!d->json)
        printf("%zu 项正常 good，%zu 项故障 faults，%zu 项未查 unknown\n", d->good, d->faults, d->unknown);
}

static void release(struct mq_doctor *d) {
    mq_client_free(d->client);
    PQfinish(d->reader);
    PQfinish(d->admin);
    mq_screen_deinit(&d->screen);
    mq_client_login_deinit(&d->login);
    for (size_t i = 0; i < d->entry_count; i++) {
        free(d->entries[i].section);
        free(d->entries[i].key);
        explicit_bzero(d->entries[i].value, strlen(d->entries[i].value));
        free(d->entries[i].value);
    }
    free(d);
}

int mq_doctor(int argc, char **argv) {
    struct mq_doctor *d = calloc(1, sizeof(*d));
    if (!d || sodium_init() < 0) {
        free(d);
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    }
    const char *environment = getenv("MINQING_REFERENCE");
    d->reference = environment && *environment ? environment : MQ_DATA_DIR "/reference";
    d->disk_percent = 10;
    d->clock_ms = 2000;
    d->certificate_days = 21;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &d->json, NULL, "每项一个 JSON 对象 one object a line", 0, 0 },
        { 0, "config", MQ_OPTION_TEXT, &d->config, "FILE", "各服务的设置文件 settings of the services (MINQING_CONFIG)", 0, 0 },
        { 0, "disk-free", MQ_OPTION_INTEGER, &d->disk_percent, "PERCENT", "磁盘至少空闲 least free share of a disk (10)", 0, 101 },
        { 0, "clock", MQ_OPTION_SECONDS, &d->clock_ms, "SECONDS", "时钟最多相差 most that clocks may differ (2)", 0, 3600000 },
        { 0, "certificate", MQ_OPTION_INTEGER, &d->certificate_days, "DAYS",
          "证书至少还有 least days that a certificate must last (21)", 0, 100000 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&d->login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "",
        "检查每个部分，并说明怎么办；什么也不改。退出状态：0 全部正常，1 有故障，3 连接不上。\n"
        "Checks each part and says what to do; changes nothing. Exit status 0: all good; 1: some fault; 3: broker or database\n"
        "cannot be reached. Files are looked at as far as this user may: best as root or as the user of the services. A device's\n"
        "outbox is another program's: minqing-field list.",
        options,
        connection,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status < 0) {
        d->colour = !d->json && mq_text_wants_colour();
        examine(d);
        status = d->away ? MQ_EXIT_UNREACHABLE : d->faults ? MQ_EXIT_FAILED : MQ_EXIT_GOOD;
    }
    release(d);
    return status;
}
