/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-notifier. */
#include "notifier.h"

#include "sql.h"

/* Advisory lock of the one notifier that publishes: "minqing" in ASCII. */
#define NOTIFIER_LOCK 0x6d696e71696e67

static const struct mq_statement announce = { "announce", mq_sql_announce, 5 };
static const struct mq_statement confirm = { "confirm", mq_sql_confirm, 6 };
static const struct mq_statement backlog = { "notifier_backlog", mq_sql_backlog, 3 };
static const struct mq_statement reannounce = { "reannounce", mq_sql_reannounce, 3 };

static const struct mq_route routes[] = {
    { MQ_TOPIC_STAGE_DISPATCHED, true, true, &announce, mq_announce_decode, mq_announce_encode, NULL, &confirm },
};
static const struct mq_sweep sweeps[] = {
    { MQ_SWEEP_BACKLOG, &backlog, &routes[0] },
    { MQ_SWEEP_LIVE, &reannounce, &routes[0] },
};

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    static struct mq_notifier notifier;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("notifier", &settings),
        { "notifier", "status_expiry", MQ_SETTING_MS, &notifier.status_expiry_ms, "14d",
          "how long the broker keeps a status for a device that is away", 1000, 0x7fffffff },
        { "notifier", "task_expiry", MQ_SETTING_MS, &notifier.task_expiry_ms, "12h",
          "how long the broker keeps a task for a device that is away", 1000, 0x7fffffff },
        { "notifier", "stream_expiry", MQ_SETTING_MS, &notifier.stream_expiry_ms, "60s",
          "after which a line of the stream is worth nothing", 1000, 86400000 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Tells departments, command centre, reporters and operators.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    const struct mq_service service = {
        .name = "notifier", .routes = routes, .route_count = MQ_LENGTH(routes), .sweeps = sweeps, .sweep_count = MQ_LENGTH(sweeps),
        .exclusive_lock = NOTIFIER_LOCK, .userdata = &notifier,
    };
    status = mq_stage_main(&service, &settings);
    mq_buffer_deinit(&notifier.payload);
    mq_config_free(table);
    return status;
}
