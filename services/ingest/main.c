/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-ingest. */
#include "ingest.h"

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    char *key_file = NULL;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("ingest", &settings),
        { "ingest", "seal_key_file", MQ_SETTING_TEXT, &key_file, "/etc/minqing/seal.key",
          "keys that seal personal data; made by 'minqing account seal-key'", 0, 0 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Stores reports, answers and visits from the field and answers with receipts.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    struct mq_ingest ingest = { 0 };
    status = 1;
    if (mq_seal_new(key_file, &ingest.seal) == 0) {
        const struct mq_service service = {
            .name = "ingest", .routes = mq_ingest_routes, .route_count = mq_ingest_route_count, .userdata = &ingest,
        };
        status = mq_stage_main(&service, &settings);
    }
    mq_ingest_deinit(&ingest);
    mq_config_free(table);
    return status;
}
