/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at the services, at what waits, and at the disks. */
#include "doctor.h"

#include "common/store.h"
#include "version.h"

#include <libgen.h>
#include <stdio.h>

static void check_health(struct mq_doctor *d) {
    for (size_t i = 0; mq_health_services[i]; i++) {
        const char *service = mq_health_services[i];
        const struct mq_instance *instance = mq_health_of(&d->screen.health, service);
        if (!instance)
            mq_doctor_say(d, "service", MQ_CHECK_FAULT, "%s: 从未上报 was never heard of", service);
        else if (mq_instance_down(instance))
            mq_doctor_say(d, "service", MQ_CHECK_FAULT, "%s/%s: 已停 is down", service, instance->name);
        else if (mq_instance_stale(instance))
            mq_doctor_say(d, "service", MQ_CHECK_FAULT, "%s/%s: 失联 silent for %.0f s", service, instance->name,
                          (double)instance->age_us / 1e6);
        else if (strcmp(instance->version, MQ_VERSION) != 0)
            mq_doctor_say(d, "service", MQ_CHECK_FAULT, "%s/%s: 版本 version %s，本程序 this program %s", service, instance->name,
                          instance->version, MQ_VERSION);
        else
            mq_doctor_say(d, "service", MQ_CHECK_GOOD, "%s/%s: %s, %s, %.1f s", service, instance->name, instance->state,
                          instance->version, (double)instance->age_us / 1e6);
    }
}

static void check_drops(struct mq_doctor *d) {
    for (size_t i = 0; mq_health_services[i]; i++) {
        long long dropped = (long long)mq_health_sum(&d->screen.health, mq_health_services[i], MQ_METRIC_DROPPED);
        if (dropped > 0)
            mq_doctor_say(d, "drops", MQ_CHECK_GOOD, "%s: 自启动丢弃 dropped since its start %lld, all swept again",
                          mq_health_services[i], dropped);
    }
    if (d->screen.figures.dropped < 0)
        mq_doctor_say(
            d, "drops", MQ_CHECK_UNKNOWN,
            "还没有消息服务器的数据 no figures of the broker: it gives them 10 s after its start, else minqing account sync");
    else
        mq_doctor_say(d, "drops", MQ_CHECK_GOOD, "消息服务器自启动丢弃 the broker dropped since its start: %lld",
                      (long long)d->screen.figures.dropped);
}

static void check_backlog(struct mq_doctor *d) {
    bool behind = false;
    mq_screen_explain(&d->screen);
    for (size_t i = 0; i < d->screen.stage_count; i++) {
        const struct mq_behind *b = &d->screen.stages[i];
        bool clock = strcmp(b->stage, "deadlines") == 0;
        if (clock)
            mq_doctor_say(d, "deadlines", b->why ? MQ_CHECK_FAULT : MQ_CHECK_GOOD, "到期未办 due and not done: %lld",
                          (long long)b->rows);
        else if (b->why)
            mq_doctor_say(d, "backlog", MQ_CHECK_FAULT, "%s: %lld 行，最久 rows, the oldest %lld s: %s → %s", b->stage,
                          (long long)b->rows, (long long)b->oldest_s, b->why->said, b->why->action);
        behind = behind || (b->why && !clock);
    }
    if (!behind)
        mq_doctor_say(d, "backlog", MQ_CHECK_GOOD, "各环节没有积压 no stage is behind");
}

/* The active notifier's session holds the lock. Whoever else holds it, or holds it while no notifier speaks, keeps all others
 * waiting. */
static void check_lock(struct mq_doctor *d) {
    const PGresult *r = d->screen.database_row;
    bool speaks = mq_health_service_up(&d->screen.health, "notifier");
    const char *holder = PQgetisnull(r, 0, MQ_DB_NOTIFIER_LOCK) ? NULL : PQgetvalue(r, 0, MQ_DB_NOTIFIER_LOCK);
    if (!holder)
        mq_doctor_say(d, "lock", MQ_CHECK_FAULT, "没有主用通知器 no notifier holds its lock: none is active");
    else if (!speaks || strncmp(holder, "minqing-notifier ", strlen("minqing-notifier ")) != 0)
        mq_doctor_say(d, "lock", MQ_CHECK_FAULT, "锁在 held by %s，而没有通知器在说话 while no notifier speaks", holder);
    else
        mq_doctor_say(d, "lock", MQ_CHECK_GOOD, "%s", holder);
}

static void check_webhooks(struct mq_doctor *d) {
    const PGresult *r = d->screen.database_row;
    if (PQgetisnull(r, 0, MQ_DB_WEBHOOKS))
        mq_doctor_say(d, "webhooks", MQ_CHECK_GOOD, "没有失败的 none fails");
    else
        mq_doctor_say(d, "webhooks", MQ_CHECK_FAULT, "%s", PQgetvalue(r, 0, MQ_DB_WEBHOOKS));
}

static void check_disk(struct mq_doctor *d, const char *what, const char *folder) {
    int bytes_percent, inodes_percent;
    int64_t bytes;
    if (!folder || !mq_disk_free(folder, &bytes_percent, &inodes_percent, &bytes)) {
        mq_doctor_say(d, "disk", MQ_CHECK_UNKNOWN, "%s: %s 从此处看不到 cannot be seen from here", what, folder ? folder : "-");
        return;
    }
    bool good = bytes_percent >= d->disk_percent && inodes_percent * 2 >= d->disk_percent;
    mq_doctor_say(d, "disk", good ? MQ_CHECK_GOOD : MQ_CHECK_FAULT, "%s %s: 空闲 free %d%% (%lld MiB), inodes %d%%", what, folder,
                  bytes_percent, (long long)(bytes >> 20), inodes_percent);
}

void mq_doctor_services(struct mq_doctor *d) {
    if (d->screen.broker) {
        check_health(d);
        check_drops(d);
    }
    if (d->screen.database) {
        const PGresult *r = d->screen.database_row;
        check_backlog(d);
        check_webhooks(d);
        check_disk(d, "数据库 database", PQgetisnull(r, 0, MQ_DB_FOLDER) ? NULL : PQgetvalue(r, 0, MQ_DB_FOLDER));
        if (d->screen.broker)
            check_lock(d);
    }
    if (*d->broker_folder)
        check_disk(d, "消息服务器 broker", d->broker_folder);
}
