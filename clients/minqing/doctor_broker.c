/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at the broker. */
#include "doctor.h"

#include "ask.h"
#include "sync.h"

#include "common/clock.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- from outside ---- */

/* Operators may not write between the stages. An empty array harms nobody where the access list lets it through. */
static void check_rights(struct mq_doctor *d) {
    char topic[MQ_TOPIC_BYTES];
    enum mq_ack ack = MQ_ACK_LOST;
    const struct mq_publication p = { .payload = MQ_STR("[]"), .qos = 1 };
    int r = mq_topic_format(MQ_TOPIC_STAGE_RECEIVED, NULL, 0, topic);
    if (r == 0)
        r = mq_bus_publish(mq_client_bus(d->client), topic, &p, &ack);
    if (r == 0)
        r = mq_bus_flush(mq_client_bus(d->client));
    if (r < 0 || ack == MQ_ACK_LOST)
        mq_doctor_say(d, "access_list", MQ_CHECK_UNKNOWN, "没有答复 no answer: %s", strerror(-r));
    else
        mq_doctor_say(d, "access_list", ack == MQ_ACK_REFUSED ? MQ_CHECK_GOOD : MQ_CHECK_FAULT, "%s → %s: %s", d->login.user, topic,
                      ack == MQ_ACK_REFUSED ? "拒绝 refused" : "竟被接受 was taken, though this account has no right to");
}

/* A question about a case that cannot be: it passes broker, query service and database and leaves nothing behind. */
static void check_round_trip(struct mq_doctor *d) {
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    struct mq_query question = MQ_ASK_NOTHING;
    question.number = MQ_STR("医-0101-000");
    int64_t before = mq_clock_monotonic_us();
    int status = mq_ask(d->client, &d->login, "case", &question, &asked);
    double ms = (double)(mq_clock_monotonic_us() - before) / 1000;
    if (status == 0)
        mq_doctor_say(d, "round_trip", MQ_CHECK_GOOD, "问答往返 question and answer in %.1f ms", ms);
    else
        mq_doctor_say(d, "round_trip", MQ_CHECK_FAULT, "问了没有答 a question to the query service has no answer");
}

/* ---- its files and settings ---- */

static void check_accounts(struct mq_doctor *d, char *pid_file, size_t size) {
    char file[1024];
    switch (mq_sync_look(d->admin, d->config, file, pid_file, size < sizeof(file) ? size : sizeof(file))) {
    case MQ_IN_STEP:
        mq_doctor_say(d, "accounts", MQ_CHECK_GOOD, "%s 与账号表一致 in step with the accounts", file);
        break;
    case MQ_OUT_OF_STEP:
        mq_doctor_say(d, "accounts", MQ_CHECK_FAULT, "%s 与账号表不一致 is not what the table of accounts says", file);
        break;
    case MQ_NOT_CONFIGURED:
        mq_doctor_say(d, "accounts", MQ_CHECK_UNKNOWN, "未设置 not set: [broker] password_file, acl_file");
        break;
    case MQ_NOT_READABLE:
        mq_doctor_say(d, "accounts", MQ_CHECK_UNKNOWN, "%s 或账号表不可读 or the accounts cannot be read by this user", file);
        break;
    }
}

/* The configuration that the running broker was started with. */
static bool find_config(const char *pid_file, char *out, size_t size) {
    char path[64], arguments[4096];
    long pid = 0;
    FILE *file = *pid_file ? fopen(pid_file, "re") : NULL;
    bool read = file && fscanf(file, "%ld", &pid) == 1;
    if (file)
        fclose(file);
    snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
    file = read ? fopen(path, "re") : NULL;
    if (!file)
        return false;
    size_t n = fread(arguments, 1, sizeof(arguments) - 1, file);
    fclose(file);
    arguments[n] = '\0';
    for (char *p = arguments; p < arguments + n; p += strlen(p) + 1)
        if (strcmp(p, "-c") == 0 || strcmp(p, "--config-file") == 0) {
            p += strlen(p) + 1;
            snprintf(out, size, "%s", p < arguments + n ? p : "");
            return *out;
        }
    return false;
}

/* What docs/guarantees.md leans on. */
static const struct wanted {
    const char *key, *exact;
    long least;
    const char *because;
} wanted[] = {
    { "persistence", "true", 0, "否则重启即丢 else a restart loses all" },
    { "allow_anonymous", "false", 0, "否则无须账号 else no account is needed" },
    { "set_tcp_nodelay", "true", 0, "否则每跳慢 40 毫秒 else 40 ms a hop" },
    { "max_queued_messages", NULL, 10000, "太小会静默丢弃 too few are dropped silently" },
    { "max_inflight_messages", NULL, 50, "太小则慢 too few are slow" },
    { "message_size_limit", NULL, 262144, "阶段消息装不下 a stage message does not fit" },
};

#define WANTED MQ_LENGTH(wanted)

static void read_line(struct mq_doctor *d, char *line, char values[WANTED][32]) {
    char *rest = line, *key = strsep(&rest, " \t"), *value = rest ? rest + strspn(rest, " \t") : NULL;
    if (!value)
        return;
    value[strcspn(value, "\r\n")] = '\0';
    for (size_t i = 0; i < WANTED; i++)
        if (strcmp(key, wanted[i].key) == 0)
            snprintf(values[i], 32, "%s", value);
    if (strcmp(key, "persistence_location") == 0)
        snprintf(d->broker_folder, sizeof(d->broker_folder), "%s", value);
    if (strcmp(key, "certfile") == 0)
        snprintf(d->broker_certificate, sizeof(d->broker_certificate), "%s", value);
}

static void check_settings(struct mq_doctor *d, const char *pid_file) {
    char values[WANTED][32] = { { 0 } }, line[2048];
    FILE *file = find_config(pid_file, d->broker_config, sizeof(d->broker_config)) ? fopen(d->broker_config, "re") : NULL;
    if (!file) {
        mq_doctor_say(d, "broker_settings", MQ_CHECK_UNKNOWN,
                      "找不到其设置文件 its configuration cannot be found from here ([broker] pid_file: %s)",
                      *pid_file ? pid_file : "-");
        return;
    }
    while (fgets(line, sizeof(line), file))
        read_line(d, line, values);
    fclose(file);
    bool good = true;
    for (size_t i = 0; i < WANTED; i++) {
        bool holds = wanted[i].exact
                         ? strcmp(values[i], wanted[i].exact) == 0
                         : (*values[i] && (strtol(values[i], NULL, 10) == 0 || strtol(values[i], NULL, 10) >= wanted[i].least));
        good = good && holds;
        if (!holds && wanted[i].exact)
            mq_doctor_say(d, "broker_settings", MQ_CHECK_FAULT, "%s: %s 应为 must be %s (%s)", d->broker_config, wanted[i].key,
                          wanted[i].exact, wanted[i].because);
        else if (!holds)
            mq_doctor_say(d, "broker_settings", MQ_CHECK_FAULT, "%s: %s 至少 must be at least %ld (%s)", d->broker_config,
                          wanted[i].key, wanted[i].least, wanted[i].because);
    }
    if (good)
        mq_doctor_say(d, "broker_settings", MQ_CHECK_GOOD, "%s", d->broker_config);
}

void mq_doctor_broker(struct mq_doctor *d) {
    char pid_file[1024] = "";
    check_accounts(d, pid_file, sizeof(pid_file));
    check_settings(d, pid_file);
    int status = mq_client_open(&d->login, MQ_CLIENT_OPERATOR, &d->client);
    if (status != 0) {
        mq_doctor_say(d, "broker", MQ_CHECK_FAULT, "%s:%lld: %s", d->login.host ? d->login.host : "-", (long long)d->login.port,
                      status == MQ_EXIT_DENIED ? "不接受账号 does not accept the account" : "连接不上 cannot be reached");
        d->away = d->away || status == MQ_EXIT_UNREACHABLE;
        return;
    }
    mq_doctor_say(d, "broker", MQ_CHECK_GOOD, "%s:%lld，账号 account %s", d->login.host, (long long)d->login.port, d->login.user);
    check_rights(d);
    check_round_trip(d);
    if (mq_screen_read_broker(&d->screen, d->client) < 0)
        mq_doctor_say(d, "broker", MQ_CHECK_FAULT, "连接中断 the connection was lost");
}
