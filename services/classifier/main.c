/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-classifier. */
#include "classifier.h"

#include "sql.h"
#include "version.h"

static const struct mq_statement store = { "store_classifications", mq_sql_store_classifications, 17 };
static const struct mq_statement backlog = { "classifier_backlog", mq_sql_backlog, 3 };

static const struct mq_route routes[] = {
    { MQ_TOPIC_STAGE_RECEIVED, true, true, &store, mq_decide_decode, mq_decide_encode, NULL, NULL },
};
static const struct mq_sweep sweeps[] = { { MQ_SWEEP_BACKLOG, &backlog, &routes[0] } };

static void look_for_model(struct mq_stage *stage) { (void)mq_classifier_load(mq_stage_userdata(stage)); }

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    char *model_path = NULL;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("classifier", &settings),
        { "classifier", "model", MQ_SETTING_TEXT, &model_path, MQ_MODEL_PATH, "model file; another one put in its place is taken up", 0, 0 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Decides which domain and kind a report belongs to.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    struct mq_classifier classifier = { .model_path = model_path };
    status = 1;
    if (mq_classifier_load(&classifier) == 0) {
        const struct mq_service service = {
            .name = "classifier", .routes = routes, .route_count = MQ_LENGTH(routes), .sweeps = sweeps, .sweep_count = MQ_LENGTH(sweeps),
            .userdata = &classifier, .tick = look_for_model,
        };
        status = mq_stage_main(&service, &settings);
    }
    mq_classifier_deinit(&classifier);
    mq_config_free(table);
    return status;
}
