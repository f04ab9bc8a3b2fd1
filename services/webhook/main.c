/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-webhook. */
#include "webhook.h"

#include "sql.h"

#include <curl/curl.h>

static const struct mq_statement store_deliveries = { "store_deliveries", mq_sql_store_deliveries, 3 };
static const struct mq_statement backlog = { "webhook_backlog", mq_sql_backlog, 3 };

/* Not subscribed to: a second or two is soon enough for another system, one look takes many changes at once, and without a webhook there is
 * next to nothing to do. */
static const struct mq_route delivering = {
    MQ_TOPIC_STAGE_DISPATCHED, true, true, &store_deliveries, mq_deliver_decode, mq_deliver_encode, NULL, NULL
};
static const struct mq_sweep sweeps[] = { { MQ_SWEEP_BACKLOG, &backlog, &delivering } };

static int run(const struct mq_stage_settings *settings, struct mq_webhook *webhook) {
    const struct mq_service service = {
        .name = "webhook", .sweeps = sweeps, .sweep_count = MQ_LENGTH(sweeps),
        .userdata = webhook, .tick = mq_deliver_tick,
    };
    webhook->options.database = settings->database;
    webhook->options.database_retry_first_ms = settings->database_retry_first_ms;
    webhook->options.database_retry_cap_ms = settings->database_retry_cap_ms;
    webhook->options.database_connect_timeout_ms = settings->database_connect_timeout_ms;
    webhook->options.database_answer_timeout_ms = settings->database_answer_timeout_ms;
    webhook->options.database_statement_timeout_ms = settings->database_statement_timeout_ms;
    int status = mq_stage_main(&service, settings);
    mq_sender_stop(webhook->sender);
    return status == 0 && webhook->failed < 0 ? 1 : status;
}

int main(int argc, char **argv) {
    struct mq_stage_settings settings = { 0 };
    struct mq_webhook webhook = { 0 };
    struct mq_sender_options *o = &webhook.options;
    char *key_file = NULL, *ca_file = NULL, *proxy = NULL;
    /* clang-format off */
    const struct mq_setting table[] = {
        MQ_STAGE_SETTINGS_SWEEPING("webhook", &settings, "1s"),
        { "webhook", "seal_key_file", MQ_SETTING_TEXT, &key_file, "/etc/minqing/webhook.key",
          "keys that unseal the webhooks' secrets; made by 'minqing account seal-key'", 0, 0 },
        { "webhook", "ca_file", MQ_SETTING_TEXT, &ca_file, "",
          "certificates that the webhooks' are checked against instead of the system's", 0, 0 },
        { "webhook", "proxy", MQ_SETTING_TEXT, &proxy, "",
          "HTTP proxy through which everything is sent; the environment's is never used", 0, 0 },
        { "webhook", "connections", MQ_SETTING_INTEGER, &o->connections, "32", "deliveries on the way at a time", 1, 256 },
        { "webhook", "connections_per_host", MQ_SETTING_INTEGER, &o->connections_per_host, "4",
          "of them to one host, and of one webhook", 1, 256 },
        { "webhook", "connect_timeout", MQ_SETTING_MS, &o->connect_timeout_ms, "5s", "longest wait for a connection", 100, 60000 },
        { "webhook", "retry_first", MQ_SETTING_MS, &o->retry_first_ms, "5s", "first delay before a delivery is tried again", 10, 3600000 },
        { "webhook", "retry_cap", MQ_SETTING_MS, &o->retry_cap_ms, "10m", "longest delay before a delivery is tried again", 10, 86400000 },
        { "webhook", "give_up", MQ_SETTING_MS, &o->give_up_ms, "24h", "age after which a delivery is given up", 1000, 2592000000 },
        { "webhook", "look", MQ_SETTING_MS, &o->look_ms, "1s", "longest time between looks for what is due", 10, 60000 },
        { "webhook", "case_bytes", MQ_SETTING_BYTES, &o->case_bytes, "256KiB",
          "a longer case goes without the texts of its reports", 4096, 1 << 24 },
        { 0 },
    };
    /* clang-format on */
    const char *config = NULL;
    int status = mq_stage_arguments(argc, argv, table, "Sends cases to other systems by HTTP, signed, again until they are taken.", &config);
    if (status >= 0)
        return status;
    if (mq_stage_load(table, config, &settings) < 0)
        return 2;
    struct mq_seal *seal = NULL;
    status = 1;
    if (mq_seal_new(key_file, &seal) == 0 && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK) {
        o->seal = seal;
        o->ca_file = ca_file;
        o->proxy = proxy;
        status = run(&settings, &webhook);
        curl_global_cleanup();
    }
    mq_seal_free(seal);
    mq_config_free(table);
    return status;
}
