/* SPDX-License-Identifier: Apache-2.0 */
/* Why a stage is behind: the first row of the table whose condition holds. */
#include "status.h"

#include "common/store.h"

#include <stdlib.h>
#include <string.h>

struct at {
    const struct mq_screen *screen;
    const struct mq_behind *stage;
    const struct mq_instance *instance; /* that speaks for the service; NULL: never heard of */
};

static bool never(const struct at *at) {
    return !at->instance;
}
static bool down(const struct at *at) {
    return at->instance && mq_instance_down(at->instance);
}
static bool silent(const struct at *at) {
    return at->instance && mq_instance_stale(at->instance);
}

/* Who holds the notifier's lock, while no notifier speaks? */
static bool lock_held(const struct at *at) {
    bool notifier = strcmp(at->stage->service, "notifier") == 0;
    bool speaks = at->instance && mq_instance_speaks(at->instance);
    return notifier && !speaks && at->screen->database_row && !PQgetisnull(at->screen->database_row, 0, MQ_DB_NOTIFIER_LOCK);
}

static bool away(const struct mq_instance *instance) {
    return instance && mq_instance_speaks(instance) && instance->database_away;
}
static bool database_away(const struct at *at) {
    return away(at->instance);
}

static bool locks(const struct at *at) {
    return at->screen->database_row && mq_result_integer(at->screen->database_row, 0, MQ_DB_WAITING) > 0;
}

static bool dropping(const struct at *at) {
    return at->instance->inbox_messages > 256 && mq_health_sum(&at->screen->health, at->stage->service, MQ_METRIC_DROPPED) > 0;
}

static bool retrying(const struct at *at) {
    return mq_health_sum(&at->screen->health, at->stage->service, MQ_METRIC_RETRIES) > 0;
}
static bool put_aside(const struct at *at) {
    return at->stage->rejections > 0;
}

static bool unheard(const struct at *at) {
    return strcmp(at->stage->stage, "announce") == 0 && at->instance->counters[MQ_METRIC_UNHEARD] > 0;
}

static bool refused(const struct at *at) {
    return at->instance->counters[MQ_METRIC_REFUSED] > 0;
}
static bool busy(const struct at *at) {
    return at->instance->inbox_messages > 256;
}
static bool anyway(const struct at *at) {
    (void)at;
    return true;
}

/* clang-format off */
#define NO_DATABASE \
    { "database", "服务在运行，但连不上数据库 the service is up, and its database is away", \
      "启动 PostgreSQL；核对其设置 database 的角色、密码 start it; check role and password of its setting database: its log has database-away" }
static const struct mq_why no_database = NO_DATABASE;

static const struct {
    enum mq_metric metric;
    const char *service; /* NULL: any */
    struct mq_why why;
} growing[] = {
    { MQ_METRIC_EXCESS, "ingest",
      { "excess", "有账号远超限额，其消息被丢弃（设备会重发） accounts far above their rate: thrown away (devices send again)",
        "日志 over-rate 有账号名；锁定失控设备 its log names them (over-rate): minqing account lock; or raise account_rate" } },
    { MQ_METRIC_LATER, "ingest",
      { "later", "有账号超限，已答复稍后再发 accounts above their rate were told to send later",
        "日志 over-rate 有账号名；属正常则提高限额 its log names them (over-rate); where that is their work: raise account_rate, account_bytes" } },
    { MQ_METRIC_UNKEPT, NULL,
      { "unkept", "有拒收消息未留存（同一来源过多） rejections were not kept: too many of one sender",
        "select * from minqing.rejection_counts order by hour desc; mend or lock the sender; rejections_an_hour" } },
};

static const struct {
    bool (*holds)(const struct at *at);
    struct mq_why why;
} reasons[] = {
    { lock_held,
      { "lock", "锁在别的会话手里，没有主用通知器 the notifier's lock is held by a session that does not speak",
        "见数据库一行的会话；确认无用后 see the session under database; once sure: select pg_terminate_backend(PID)" } },
    { never, { "never", "从未上报健康 the service was never heard of", "启动它 start it: sv up SERVICE, systemctl start minqing@SERVICE" } },
    { down, { "down", "服务已停 the service is down", "看它的日志，然后启动 read its log, then start it: sv up, systemctl start minqing@SERVICE" } },
    { silent,
      { "silent", "服务失联（无心跳） the service has no heartbeat",
        "看门狗会重启它；否则看日志、重启 its watchdog starts it again; if not, read its log and restart it" } },
    { database_away, NO_DATABASE },
    { locks,
      { "locks", "有会话在等锁 sessions wait for a lock", "见数据库一行的占用者 see who holds it under database; select pg_terminate_backend(PID)" } },
    { dropping,
      { "dropping", "收件箱已满，正在丢弃（会自动补回） its inbox is full and drops (all comes back)",
        "再开一个实例或提高 inbox_bytes；查数据库快慢 start another instance or raise inbox_bytes; is the database slow?" } },
    { retrying, { "retries", "数据库曾拒绝，正在重试 the database refused and it tries again", "看服务与数据库日志 read the logs of the service and of the database" } },
    { refused, { "refused", "消息服务器拒绝其发布 the broker refuses what it publishes", "minqing account sync; minqing doctor" } },
    { put_aside,
      { "rejections", "有行被拒收，反复补处理无效 rows were put aside and come back with every sweep",
        "select at, topic, errors from minqing.rejections where service = 'SERVICE' order by at desc" } },
    { unheard,
      { "unheard", "有通知无人接收 some announcements are heard by nobody", "查该部门席位是否在线 are the desks connected? minqing watch; minqing account list" } },
    { busy, { "busy", "积压正在处理 it works through a queue", "稍候；若不减少则再开一个实例 wait; if it does not shrink, start another instance" } },
    { anyway, { "slow", "正在补处理 the sweep brings it", "数秒后应消失；否则看日志 gone within seconds; if not, read the service's log" } },
};
/* clang-format on */

size_t mq_notes_of(const struct mq_instance *instance, struct mq_note out[MQ_NOTES]) {
    _Static_assert(MQ_LENGTH(growing) < MQ_NOTES, "one for the database, one for each counter");
    size_t n = 0;
    if (!mq_instance_speaks(instance))
        return 0;
    if (away(instance))
        out[n++] = (struct mq_note) { &no_database, 0, true };
    for (size_t i = 0; i < MQ_LENGTH(growing); i++)
        if (instance->recent[growing[i].metric] > 0 && (!growing[i].service || strcmp(growing[i].service, instance->service) == 0))
            out[n++] = (struct mq_note) { &growing[i].why, instance->recent[growing[i].metric], false };
    return n;
}

static bool any_fault(const struct mq_health_set *health) {
    for (size_t i = 0; i < health->count; i++) {
        struct mq_note notes[MQ_NOTES];
        for (size_t n = mq_notes_of(&health->instances[i], notes); n-- > 0;)
            if (notes[n].fault)
                return true;
    }
    return false;
}

void mq_screen_explain(struct mq_screen *s) {
    for (size_t i = 0; i < s->stage_count; i++) {
        struct mq_behind *stage = &s->stages[i];
        struct at at = { s, stage, mq_health_of(&s->health, stage->service) };
        stage->why = NULL;
        if (stage->rows == 0 || stage->oldest_s < MQ_BEHIND_S)
            continue;
        for (size_t k = 0; !stage->why; k++)
            if (reasons[k].holds(&at))
                stage->why = &reasons[k].why;
    }
}

bool mq_screen_well(const struct mq_screen *s) {
    for (size_t i = 0; i < s->stage_count; i++)
        if (s->stages[i].why)
            return false;
    return s->broker && s->database && mq_health_all_up(&s->health) && !any_fault(&s->health);
}
