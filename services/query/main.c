/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-query. */
#include "query.h"

#include "sql.h"

static const struct mq_statement query = { "query", mq_sql_query, 4 };
static const struct mq_statement index_reports = { "index_reports", mq_sql_index, 2 };
static const struct mq_statement backlog = { "query_backlog", mq_sql_backlog, 3 };

static const struct mq_route routes[] = {
    { MQ_TOPIC_QUERY, true, false, &query, mq_question_decode, mq_question_encode, mq_question_reject, NULL },
};
/* Not subscribed to: a report can wait some seconds until it is found, and a sweep takes many at once. */
static const struct mq_route indexing = { MQ_TOPIC_STAGE_DISPATCHED, true, true, &index_reports, mq_index_decode, mq_index_encode, NULL, NULL };
static const struct mq_sweep sweeps[] = { { MQ_SWEEP_BACKLOG, &backlog, &indexing } };

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    char *key_file = NULL;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("query", &settings),
        { "query", "seal_key_file", MQ_SETTING_TEXT, &key_file, "/etc/minqing/seal.key",
          "keys that open sealed personal data; the file that ingest seals with", 0, 0 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Answers questions, each with the eyes of the account that asks.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    struct mq_query_service state = { 0 };
    status = 1;
    if (mq_seal_new(key_file, &state.seal) == 0) {
        const struct mq_service service = {
            .name = "query", .routes = routes, .route_count = MQ_LENGTH(routes), .sweeps = sweeps, .sweep_count = MQ_LENGTH(sweeps),
            .userdata = &state,
        };
        status = mq_stage_main(&service, &settings);
    }
    mq_seal_free(state.seal);
    mq_config_free(table);
    return status;
}
