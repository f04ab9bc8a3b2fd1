/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-ingest. */
#include "ingest.h"

/* Messages a second of an account above its rate that are answered with `later`: as many as a device has on the way. */
#define TOLD 16

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    struct mq_rate_limits limits = { .told_per_s = TOLD, .told_burst = TOLD };
    struct mq_ingest ingest = { 0 };
    char *key_file = NULL;
    int64_t accounts;
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS("ingest", &settings),
        { "ingest", "seal_key_file", MQ_SETTING_TEXT, &key_file, "/etc/minqing/seal.key",
          "keys that seal personal data; made by 'minqing account seal-key'", 0, 0 },
        { "ingest", "account_rate", MQ_SETTING_INTEGER, &limits.per_s, "200", "messages a second that one account may send for long", 1, 1000000 },
        { "ingest", "account_burst", MQ_SETTING_INTEGER, &limits.burst, "1000", "messages that it may send at once after a rest", 1, 1000000 },
        { "ingest", "account_bytes", MQ_SETTING_BYTES, &limits.bytes_per_s, "512KiB", "their bytes a second", 1024, 1LL << 30 },
        { "ingest", "account_bytes_burst", MQ_SETTING_BYTES, &limits.bytes_burst, "4MiB", "their bytes at once", 1024, 1LL << 30 },
        { "ingest", "accounts", MQ_SETTING_INTEGER, &accounts, "16384", "accounts whose rate is remembered at a time, 32 bytes each", 8, 1 << 24 },
        { "ingest", "retry_after", MQ_SETTING_MS, &ingest.retry_after_ms, "5s", "after which an account above its rate is asked to try again", 1000, 3600000 },
        { 0 },
    };
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Stores reports, answers and visits from the field and answers with receipts.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    status = 1;
    if (mq_seal_new(key_file, &ingest.seal) == 0 && mq_rate_new(&limits, (size_t)accounts, &ingest.rate) == 0) {
        const struct mq_service service = {
            .name = "ingest", .routes = mq_ingest_routes, .route_count = mq_ingest_route_count, .userdata = &ingest,
            .admit = mq_ingest_admit, .later = mq_ingest_later,
        };
        status = mq_stage_main(&service, &settings);
    }
    mq_ingest_deinit(&ingest);
    mq_config_free(table);
    return status;
}
