/* SPDX-License-Identifier: Apache-2.0 */
/* minqing status: services, backlog and database on one screen. */
#include "database.h"
#include "live.h"
#include "minqing.h"
#include "retained.h"
#include "sql.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/clock.h"
#include "common/message.h"
#include "common/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define INSTANCES 64
#define STALE_US 30000000 /* a service speaks every 5 s, unless set otherwise */

/* What must be there for the flow to flow. */
static const char *const expected[] = { "ingest", "classifier", "dispatcher", "notifier", "query", "webhook" };

/* Counters worth a column. */
static const char *const shown_counters[] = { "received", "dropped", "rejected" };

struct instance {
    char service[64], name[64], state[16], version[64];
    int64_t age_us, inbox_messages, behind, counters[MQ_LENGTH(shown_counters)];
    char *payload; /* owned */
};

struct health {
    struct instance instances[INSTANCES];
    size_t count, left_out;
};

static void copy(char *out, size_t size, struct mq_str text) {
    snprintf(out, size, "%.*s", (int)text.n, text.s ? text.s : "");
}

static int take_counter(void *userdata, struct mq_str key, struct mq_str value) {
    struct instance *instance = userdata;
    for (size_t i = 0; i < MQ_LENGTH(shown_counters); i++)
        if (mq_str_equal(key, mq_str(shown_counters[i])))
            instance->counters[i] = strtoll(value.s, NULL, 10);
    return 0;
}

static void take_health(void *userdata, const struct mq_arrival *arrival) {
    struct health *health = userdata;
    struct mq_health h;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (arrival->payload.n == 0)
        return;
    if (health->count == INSTANCES || !mq_json_decode(&mq_health_object, arrival->payload, &h, &document, &faults)) {
        health->left_out++;
        return;
    }
    struct instance *instance = &health->instances[health->count++];
    int64_t at = 0;
    copy(instance->service, sizeof(instance->service), h.service);
    copy(instance->name, sizeof(instance->name), h.instance);
    copy(instance->state, sizeof(instance->state), h.state);
    copy(instance->version, sizeof(instance->version), h.version);
    if (mq_clock_parse(h.at, &at))
        instance->age_us = mq_clock_now_us() - at;
    instance->inbox_messages = h.inbox_messages;
    instance->behind = h.behind;
    if (h.counters.n)
        mq_ignore(mq_json_each_member(h.counters, take_counter, instance));
    instance->payload = strndup(arrival->payload.s, arrival->payload.n);
    if (!instance->payload) {
        health->count--;
        health->left_out++;
    }
}

static void health_deinit(struct health *health) {
    for (size_t i = 0; i < health->count; i++)
        free(health->instances[i].payload);
}

static bool stale(const struct instance *instance) {
    return instance->age_us > STALE_US;
}

static bool speaks(const struct instance *instance) {
    return strcmp(instance->state, "down") != 0 && !stale(instance);
}

/* One instance that is up is enough for a service. */
static bool service_up(const struct health *health, const char *service) {
    for (size_t i = 0; i < health->count; i++)
        if (strcmp(health->instances[i].service, service) == 0 && speaks(&health->instances[i]))
            return true;
    return false;
}

static bool all_up(const struct health *health) {
    for (size_t i = 0; i < MQ_LENGTH(expected); i++)
        if (!service_up(health, expected[i]))
            return false;
    for (size_t i = 0; i < health->count; i++)
        if (!service_up(health, health->instances[i].service))
            return false;
    return true;
}

/* In the order of the flow, what is not part of it behind, by name. */
static int compare(const void *a, const void *b) {
    const struct instance *left = a, *right = b;
    size_t l = 0, r = 0;
    while (l < MQ_LENGTH(expected) && strcmp(expected[l], left->service) != 0)
        l++;
    while (r < MQ_LENGTH(expected) && strcmp(expected[r], right->service) != 0)
        r++;
    int by_name = strcmp(left->service, right->service);
    return l != r ? (l < r ? -1 : 1) : by_name ? by_name : strcmp(left->name, right->name);
}

/* ---- shown ---- */

static void append_number(struct mq_buffer *out, int64_t number, size_t cells) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    for (size_t n = strlen(text); n < cells; n++)
        mq_buffer_append_char(out, ' ');
    mq_buffer_append_text(out, text);
}

static void append_instance(struct mq_buffer *out, const struct instance *i, bool colour) {
    char name[160], state[48], age[32];
    snprintf(name, sizeof(name), "%s/%s", i->service, i->name);
    struct mq_str zh = mq_word(mq_str(i->state));
    snprintf(state, sizeof(state), "%.*s %s", (int)zh.n, zh.s, i->state);
    if (strcmp(i->state, "down") != 0 && stale(i))
        snprintf(state, sizeof(state), "失联 silent");
    snprintf(age, sizeof(age), "%.1fs", (double)i->age_us / 1e6);
    mq_buffer_append_text(out, "  ");
    mq_text_column(out, mq_str(name), 18);
    mq_text_colour(out, colour, speaks(i) ? MQ_COLOUR_NONE : MQ_COLOUR_RED);
    mq_text_column(out, mq_str(state), 13);
    mq_text_colour(out, colour, MQ_COLOUR_NONE);
    mq_text_column(out, mq_str(i->version), 9);
    mq_text_column(out, mq_str(age), 9);
    append_number(out, i->inbox_messages, 8);
    append_number(out, i->behind, 9);
    for (size_t k = 0; k < MQ_LENGTH(shown_counters); k++)
        append_number(out, i->counters[k], 12);
    mq_buffer_append_char(out, '\n');
}

static void append_services(struct mq_buffer *out, const struct health *health, bool colour) {
    static const struct {
        const char *text;
        size_t cells;
    } heads[] = { { "服务 service", 18 }, { "状态 state", 13 }, { "版本", 9 }, { "几秒前", 9 } };
    mq_buffer_append_text(out, "  ");
    for (size_t i = 0; i < MQ_LENGTH(heads); i++)
        mq_text_column(out, mq_str(heads[i].text), heads[i].cells);
    mq_buffer_append_text(out, "   inbox   behind    received     dropped    rejected\n");
    for (size_t i = 0; i < health->count; i++)
        append_instance(out, &health->instances[i], colour);
    for (size_t i = 0; i < MQ_LENGTH(expected); i++) {
        bool heard = false;
        for (size_t k = 0; k < health->count; k++)
            heard = heard || strcmp(health->instances[k].service, expected[i]) == 0;
        if (!heard) {
            mq_buffer_append_text(out, "  ");
            mq_text_column(out, mq_str(expected[i]), 18);
            mq_text_colour(out, colour, MQ_COLOUR_RED);
            mq_buffer_append_text(out, "没有消息 never heard of");
            mq_text_colour(out, colour, MQ_COLOUR_NONE);
            mq_buffer_append_char(out, '\n');
        }
    }
    if (health->left_out > 0)
        mq_buffer_printf(out, "  另有 %zu 条不能识别 / %zu more not understood\n", health->left_out, health->left_out);
}

/* Columns of status.sql. */
enum { UNCLASSIFIED, UNDISPATCHED, UNANNOUNCED, WAITING, REVIEWS, REJECTIONS, REPORTS, UNDELIVERED, SCHEMA, SIZE, JSON };

static void append_backlog(struct mq_buffer *out, const PGresult *r) {
    static const struct {
        int column;
        const char *label;
    } rows[] = {
        { UNCLASSIFIED, "未分类 reports not classified" }, { UNDISPATCHED, "未派发 classified, not dispatched" },
        { UNANNOUNCED, "未通知 announcements to publish" }, { WAITING, "等设备上线 waiting for a device" },
        { REVIEWS, "待复核 reviews waiting" },             { REJECTIONS, "拒收 rejected in the last hour" },
        { REPORTS, "近一小时上报 reports in the last hour" }, { UNDELIVERED, "待推送 deliveries to webhooks" },
    };
    for (size_t i = 0; i < MQ_LENGTH(rows); i++) {
        mq_buffer_append_text(out, "  ");
        mq_text_column(out, mq_str(rows[i].label), 38);
        const char *count = PQgetvalue(r, 0, rows[i].column);
        mq_buffer_printf(out, "%10s\n", strcmp(count, "10001") == 0 ? ">10000" : count);
    }
}

struct screen {
    struct health health;
    PGresult *backlog;
    bool broker, database;
};

static void print_text(const struct screen *s, bool colour) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_printf(&out, "消息服务器 broker    %s\n", s->broker ? "已连接 connected" : "连接不上 cannot be reached");
    if (s->broker)
        append_services(&out, &s->health, colour);
    if (s->database) {
        mq_buffer_printf(&out, "数据库 database      已连接 connected, 第 %s 版 schema (程序 program %d), %s\n",
                         PQgetvalue(s->backlog, 0, SCHEMA), mq_store_schema_version, PQgetvalue(s->backlog, 0, SIZE));
        append_backlog(&out, s->backlog);
    } else {
        mq_buffer_append_text(&out, "数据库 database      连接不上 cannot be reached\n");
    }
    fputs(mq_buffer_text(&out), stdout);
}

static void print_json(const struct screen *s) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_printf(&out, "{\"broker\":%s,\"services\":[", s->broker ? "true" : "false");
    for (size_t i = 0; i < s->health.count; i++) {
        if (i > 0)
            mq_buffer_append_char(&out, ',');
        mq_live_json(&out, mq_str(s->health.instances[i].payload));
    }
    mq_buffer_printf(&out, "],\"services_up\":%s,\"database\":%s,\"backlog\":%s}",
                     s->broker && all_up(&s->health) ? "true" : "false", s->database ? "true" : "false",
                     s->database ? PQgetvalue(s->backlog, 0, JSON) : "null");
    puts(mq_buffer_text(&out));
}

/* ---- the command ---- */

static int read_broker(struct screen *s, struct mq_client_login *login) {
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    int status = mq_client_open(login, MQ_CLIENT_OPERATOR, &client);
    if (status != 0)
        return status;
    int r =
        mq_retained_read(client, &(struct mq_retained){ .topic = MQ_TOPIC_HEALTH, .each = take_health, .userdata = &s->health });
    s->broker = r == 0;
    qsort(s->health.instances, s->health.count, sizeof(*s->health.instances), compare);
    return r == 0 ? 0 : r == -EINTR ? MQ_EXIT_FAILED : mq_client_explain(login, r);
}

static int read_database(struct screen *s, const char *conninfo) {
    MQ_CLEANUP(mq_database_cleanup) PGconn *connection = NULL;
    int status = mq_database_open(MQ_DATABASE_READER, conninfo, false, &connection);
    if (status == 0)
        status = mq_database_query(connection, "status", mq_sql_status, NULL, 0, &s->backlog);
    s->database = status == 0;
    return status;
}

int mq_status(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    const char *conninfo = NULL;
    bool json = false;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "一个 JSON 对象 one object", 0, 0 },
        MQ_DATABASE_OPTION(&conninfo, MQ_DATABASE_READER),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "",
        "各服务、积压和数据库。退出状态：1 有服务停止，3 连接不上。\n"
        "Services (inbox: messages waiting in it; behind: rows of the stage before), backlog, database. Exit status\n"
        "1: a service is down; 3: broker or database cannot be reached.", options, connection, 0, 0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    struct screen *s = calloc(1, sizeof(*s));
    if (!s)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    int broker = read_broker(s, &login), database = read_database(s, conninfo);
    if (json)
        print_json(s);
    else
        print_text(s, mq_text_wants_colour());
    status = broker != 0 ? broker : database != 0 ? database : all_up(&s->health) ? MQ_EXIT_GOOD : MQ_EXIT_FAILED;
    PQclear(s->backlog);
    health_deinit(&s->health);
    free(s);
    return status;
}
