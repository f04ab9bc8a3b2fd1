/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-dispatcher. */
#include "dispatcher.h"

#include "sql.h"

static const struct mq_statement dispatch = { "dispatch", mq_sql_dispatch, 3 };
static const struct mq_statement act = { "act", mq_sql_act, 7 };
static const struct mq_statement answered = { "answered", mq_sql_answered, 3 };
static const struct mq_statement backlog = { "dispatcher_backlog", mq_sql_backlog, 3 };
static const struct mq_statement answered_backlog = { "answered_backlog", mq_sql_answered_backlog, 3 };
static const struct mq_statement clock_statement = { "clock", mq_sql_clock, 1 };

static const struct mq_route routes[] = {
    { MQ_TOPIC_STAGE_CLASSIFIED, true, true, &dispatch, mq_dispatch_decode, mq_dispatch_encode, NULL, NULL },
    { MQ_TOPIC_STAGE_ANSWERED, true, true, &answered, mq_answered_decode, mq_dispatch_encode, NULL, NULL },
    { MQ_TOPIC_COMMAND_ACTION, true, false, &act, mq_action_decode, mq_action_encode, mq_action_reject, NULL },
    { MQ_TOPIC_DEPARTMENT_ACTION, true, false, &act, mq_action_decode, mq_action_encode, mq_action_reject, NULL },
};

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    int64_t clock_ms = 0;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("dispatcher", &settings),
        { "dispatcher", "clock", MQ_SETTING_MS, &clock_ms, "1s", "time between looks for deadlines that have come", 100, 60000 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Opens cases for classified reports, follows them, and does what is decided.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    const struct mq_sweep sweeps[] = {
        { MQ_SWEEP_CLOCK, &clock_statement, &routes[0], clock_ms },
        { MQ_SWEEP_BACKLOG, &backlog, &routes[0], 0 },
        { MQ_SWEEP_BACKLOG, &answered_backlog, &routes[1], 0 },
    };
    const struct mq_service service = {
        .name = "dispatcher", .routes = routes, .route_count = MQ_LENGTH(routes), .sweeps = sweeps, .sweep_count = MQ_LENGTH(sweeps),
    };
    status = mq_stage_main(&service, &settings);
    mq_config_free(table);
    return status;
}
