/* SPDX-License-Identifier: Apache-2.0 */
/* The screen of minqing status. */
#include "status.h"

#include "live.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/json.h"
#include "common/store.h"

#include <stdio.h>
#include <stdlib.h>

/* Counters worth a column. */
static const enum mq_metric columns[] = { MQ_METRIC_RECEIVED, MQ_METRIC_DROPPED, MQ_METRIC_REJECTED, MQ_METRIC_LATER,
                                          MQ_METRIC_RETRIES };

static void append_number(struct mq_buffer *out, int64_t number, size_t cells) {
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)number);
    for (size_t n = strlen(text); n < cells; n++)
        mq_buffer_append_char(out, ' ');
    mq_buffer_append_text(out, text);
}

static void append_red(struct mq_buffer *out, bool colour, const char *text) {
    mq_text_colour(out, colour, MQ_COLOUR_RED);
    mq_buffer_append_text(out, text);
    mq_text_colour(out, colour, MQ_COLOUR_NONE);
}

/* ---- stages ---- */

static const char *stage_name(const char *stage) {
    static const struct {
        const char *stage, *name;
    } names[] = {
        { "classify", "未分类 to classify" }, { "dispatch", "未派发 to dispatch" },      { "answers", "未处理答复 answers" },
        { "visits", "未处理走访 visits" },    { "deadlines", "到期未办 deadlines due" }, { "announce", "未通知 to announce" },
        { "index", "未入检索 to index" },     { "webhook", "未推送 to webhooks" },
    };
    for (size_t i = 0; i < MQ_LENGTH(names); i++)
        if (strcmp(names[i].stage, stage) == 0)
            return names[i].name;
    return stage;
}

static void append_stages(struct mq_buffer *out, const struct mq_screen *s, bool colour) {
    for (size_t i = 0; i < s->stage_count; i++) {
        const struct mq_behind *b = &s->stages[i];
        char age[40] = "";
        if (b->oldest_s >= 0)
            snprintf(age, sizeof(age), "最久 oldest %lld s", (long long)b->oldest_s);
        mq_buffer_append_text(out, "  ");
        mq_text_column(out, mq_str(stage_name(b->stage)), 26);
        mq_text_column(out, mq_str(b->service), 12);
        append_number(out, b->rows, 7);
        mq_buffer_append_text(out, b->rows > 10000 ? "+ " : "  ");
        mq_text_column(out, mq_str(age), 24);
        mq_buffer_append_text(out, b->why ? "" : "正常 good");
        if (b->why) {
            append_red(out, colour, "积压 behind");
            mq_buffer_printf(out, "\n      原因 why: %s\n      处理 do:  %s", b->why->said, b->why->action);
        }
        mq_buffer_append_char(out, '\n');
    }
}

/* ---- services ---- */

static void append_notes(struct mq_buffer *out, const struct mq_instance *i, bool colour) {
    struct mq_note notes[MQ_NOTES];
    size_t count = mq_notes_of(i, notes);
    for (size_t n = 0; n < count; n++) {
        mq_buffer_append_text(out, "      ");
        if (notes[n].fault)
            append_red(out, colour, "故障 fault: ");
        else
            mq_buffer_printf(out, "注意 note (%lld): ", (long long)notes[n].count);
        mq_buffer_printf(out, "%s\n      处理 do:  %s\n", notes[n].why->said, notes[n].why->action);
    }
}

static void append_instance(struct mq_buffer *out, const struct mq_instance *i, bool colour) {
    char name[160], state[48], age[32];
    snprintf(name, sizeof(name), "%s/%s", i->service, i->name);
    struct mq_str zh = mq_word(mq_str(i->state));
    snprintf(state, sizeof(state), "%.*s %s", (int)zh.n, zh.s, i->state);
    if (!mq_instance_down(i) && mq_instance_stale(i))
        snprintf(state, sizeof(state), "失联 silent");
    snprintf(age, sizeof(age), "%.1fs", (double)i->age_us / 1e6);
    mq_buffer_append_text(out, "  ");
    mq_text_column(out, mq_str(name), 18);
    mq_text_colour(out, colour, mq_instance_speaks(i) ? MQ_COLOUR_NONE : MQ_COLOUR_RED);
    mq_text_column(out, mq_str(state), 13);
    mq_text_colour(out, colour, MQ_COLOUR_NONE);
    mq_text_column(out, mq_str(i->version), 9);
    mq_text_column(out, mq_str(age), 9);
    append_number(out, i->inbox_messages, 8);
    append_number(out, i->behind, 8);
    for (size_t k = 0; k < MQ_LENGTH(columns); k++)
        append_number(out, i->counters[columns[k]], 10);
    mq_buffer_append_char(out, '\n');
    append_notes(out, i, colour);
}

static void append_services(struct mq_buffer *out, const struct mq_health_set *health, bool colour) {
    static const struct {
        const char *text;
        size_t cells;
    } heads[] = { { "服务 service", 18 }, { "状态 state", 13 }, { "版本", 9 }, { "几秒前", 9 } };
    mq_buffer_append_text(out, "  ");
    for (size_t i = 0; i < MQ_LENGTH(heads); i++)
        mq_text_column(out, mq_str(heads[i].text), heads[i].cells);
    mq_buffer_append_text(out, "   inbox   swept");
    for (size_t k = 0; k < MQ_LENGTH(columns); k++)
        mq_buffer_printf(out, "%10s", mq_metrics_name(columns[k]));
    mq_buffer_append_char(out, '\n');
    for (size_t i = 0; i < health->count; i++)
        append_instance(out, &health->instances[i], colour);
    for (size_t i = 0; mq_health_services[i]; i++)
        if (!mq_health_of(health, mq_health_services[i])) {
            mq_buffer_append_text(out, "  ");
            mq_text_column(out, mq_str(mq_health_services[i]), 18);
            append_red(out, colour, "没有消息 never heard of");
            mq_buffer_append_text(out, "；启动它 start it: sv up, systemctl start minqing@SERVICE\n");
        }
    if (health->left_out > 0)
        mq_buffer_printf(out, "  另有 %zu 条不能识别 / %zu more not understood\n", health->left_out, health->left_out);
}

/* ---- broker and database ---- */

static void append_broker(struct mq_buffer *out, const struct mq_screen *s, bool colour) {
    mq_buffer_append_text(out, "消息服务器 broker  ");
    if (!s->broker) {
        append_red(out, colour, "连接不上 cannot be reached");
        mq_buffer_append_text(out, "；启动 mosquitto，核对账号 start it, check the account: minqing doctor\n");
        return;
    }
    mq_buffer_append_text(out, "已连接 connected");
    if (s->figures.connected < 0)
        mq_buffer_append_text(out,
                              "；还没有它的数据 no figures of it: it gives them 10 s after its start, else minqing account sync");
    else
        mq_buffer_printf(out, "；在线 clients %lld，存储 messages kept %lld，丢弃 dropped %lld%s", (long long)s->figures.connected,
                         (long long)s->figures.stored, (long long)s->figures.dropped,
                         s->figures.dropped > 0 ? "（有人不收或队列已满，会补回 somebody's queue was full; swept again）" : "");
    mq_buffer_append_char(out, '\n');
}

static void append_disk(struct mq_buffer *out, const PGresult *r) {
    int bytes_percent, inodes_percent;
    int64_t bytes;
    if (!PQgetisnull(r, 0, MQ_DB_FOLDER) && mq_disk_free(PQgetvalue(r, 0, MQ_DB_FOLDER), &bytes_percent, &inodes_percent, &bytes))
        mq_buffer_printf(out, "，磁盘余 disk free %d%%", bytes_percent);
}

static void append_database(struct mq_buffer *out, const struct mq_screen *s, bool colour) {
    mq_buffer_append_text(out, "数据库 database    ");
    if (!s->database) {
        append_red(out, colour, "连接不上 cannot be reached");
        mq_buffer_append_text(out, "；启动 PostgreSQL，核对 MINQING_DATABASE start it, check MINQING_DATABASE: minqing doctor\n");
        return;
    }
    const PGresult *r = s->database_row;
    mq_buffer_printf(out, "已连接 connected, 第 %s 版 schema (程序 program %d), %s；会话 sessions %s/%s",
                     PQgetvalue(s->counts, 0, MQ_COUNT_SCHEMA), mq_store_schema_version, PQgetvalue(r, 0, MQ_DB_SIZE),
                     PQgetvalue(r, 0, MQ_DB_CONNECTIONS), PQgetvalue(r, 0, MQ_DB_MAX_CONNECTIONS));
    if (!PQgetisnull(r, 0, MQ_DB_LONGEST_S))
        mq_buffer_printf(out, "，最长事务 longest transaction %s s (%s, pid %s)", PQgetvalue(r, 0, MQ_DB_LONGEST_S),
                         PQgetvalue(r, 0, MQ_DB_LONGEST_OF), PQgetvalue(r, 0, MQ_DB_LONGEST_PID));
    if (mq_result_integer(r, 0, MQ_DB_WAITING) > 0)
        mq_buffer_printf(out, "，等锁 waiting for locks %s, 占用者 held by pid %s", PQgetvalue(r, 0, MQ_DB_WAITING),
                         PQgetvalue(r, 0, MQ_DB_BLOCKED_BY));
    if (mq_result_integer(r, 0, MQ_DB_STANDBYS) > 0)
        mq_buffer_printf(out, "，备库 standbys %s, 落后 behind %s bytes", PQgetvalue(r, 0, MQ_DB_STANDBYS),
                         PQgetvalue(r, 0, MQ_DB_LAG));
    if (!PQgetisnull(r, 0, MQ_DB_SLOT))
        mq_buffer_printf(out, "，无人读取的复制槽 slots nobody reads keep %s bytes", PQgetvalue(r, 0, MQ_DB_SLOT));
    append_disk(out, r);
    mq_buffer_printf(out, "\n  主用通知器 active notifier: %s",
                     PQgetisnull(r, 0, MQ_DB_NOTIFIER_LOCK) ? "没有 none" : PQgetvalue(r, 0, MQ_DB_NOTIFIER_LOCK));
    if (!PQgetisnull(r, 0, MQ_DB_WEBHOOKS))
        mq_buffer_printf(out, "；推送失败 webhooks failing: %s (minqing webhook list)", PQgetvalue(r, 0, MQ_DB_WEBHOOKS));
    mq_buffer_printf(out,
                     "\n  等设备上线 waiting for a device %s，待复核 reviews waiting %s，近一小时 last hour: 上报 reports %s，拒收 "
                     "rejected %s\n",
                     PQgetvalue(s->counts, 0, MQ_COUNT_WAITING), PQgetvalue(s->counts, 0, MQ_COUNT_REVIEWS),
                     PQgetvalue(s->counts, 0, MQ_COUNT_REPORTS), PQgetvalue(s->counts, 0, MQ_COUNT_REJECTIONS));
}

void mq_screen_text(const struct mq_screen *s, bool colour) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    if (mq_screen_well(s))
        mq_buffer_append_text(&out, "一切正常 all is well\n");
    else
        append_red(&out, colour, "有问题 something is behind or down\n");
    if (s->database) {
        mq_buffer_append_text(&out, "各环节 stages\n");
        append_stages(&out, s, colour);
    }
    if (s->broker)
        append_services(&out, &s->health, colour);
    append_broker(&out, s, colour);
    append_database(&out, s, colour);
    fputs(mq_buffer_text(&out), stdout);
}

/* ---- JSON ---- */

static void json_stages(struct mq_buffer *out, const struct mq_screen *s) {
    for (size_t i = 0; i < s->stage_count; i++) {
        const struct mq_behind *b = &s->stages[i];
        mq_buffer_printf(out, "%s{\"stage\":\"%s\",\"service\":\"%s\",\"rows\":%lld,\"rejections\":%lld", i ? "," : "", b->stage,
                         b->service, (long long)b->rows, (long long)b->rejections);
        if (b->oldest_s >= 0)
            mq_buffer_printf(out, ",\"oldest_s\":%lld", (long long)b->oldest_s);
        if (b->why) {
            mq_buffer_printf(out, ",\"why\":\"%s\",\"said\":", b->why->code);
            mq_json_string(out, mq_str(b->why->said));
            mq_buffer_append_text(out, ",\"do\":");
            mq_json_string(out, mq_str(b->why->action));
        }
        mq_buffer_append_char(out, '}');
    }
}

static void json_notes(struct mq_buffer *out, const struct mq_health_set *health) {
    const char *before = "";
    for (size_t i = 0; i < health->count; i++) {
        struct mq_note notes[MQ_NOTES];
        size_t count = mq_notes_of(&health->instances[i], notes);
        for (size_t n = 0; n < count; n++, before = ",") {
            mq_buffer_printf(out, "%s{\"service\":", before);
            mq_json_string(out, mq_str(health->instances[i].service));
            mq_buffer_append_text(out, ",\"instance\":");
            mq_json_string(out, mq_str(health->instances[i].name));
            mq_buffer_printf(out, ",\"why\":\"%s\",\"fault\":%s,\"count\":%lld,\"said\":", notes[n].why->code,
                             notes[n].fault ? "true" : "false", (long long)notes[n].count);
            mq_json_string(out, mq_str(notes[n].why->said));
            mq_buffer_append_text(out, ",\"do\":");
            mq_json_string(out, mq_str(notes[n].why->action));
            mq_buffer_append_char(out, '}');
        }
    }
}

void mq_screen_json(const struct mq_screen *s) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_printf(&out, "{\"well\":%s,\"broker\":%s,\"services\":[", mq_screen_well(s) ? "true" : "false",
                     s->broker ? "true" : "false");
    for (size_t i = 0; i < s->health.count; i++) {
        if (i > 0)
            mq_buffer_append_char(&out, ',');
        mq_live_json(&out, mq_str(s->health.instances[i].payload ? s->health.instances[i].payload : "{}"));
    }
    mq_buffer_printf(&out, "],\"services_up\":%s,\"stages\":[", s->broker && mq_health_all_up(&s->health) ? "true" : "false");
    json_stages(&out, s);
    mq_buffer_append_text(&out, "],\"notes\":[");
    json_notes(&out, &s->health);
    mq_buffer_append_char(&out, ']');
    if (s->figures.connected >= 0)
        mq_buffer_printf(&out, ",\"broker_figures\":{\"connected\":%lld,\"stored\":%lld,\"dropped\":%lld}",
                         (long long)s->figures.connected, (long long)s->figures.stored, (long long)s->figures.dropped);
    mq_buffer_printf(&out, ",\"database\":%s,\"database_figures\":%s,\"backlog\":%s}", s->database ? "true" : "false",
                     s->database ? PQgetvalue(s->database_row, 0, MQ_DB_JSON) : "null",
                     s->database ? PQgetvalue(s->counts, 0, MQ_COUNT_JSON) : "null");
    puts(mq_buffer_text(&out));
}
