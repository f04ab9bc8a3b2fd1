/* SPDX-License-Identifier: Apache-2.0 */
/* Statements over the table of deliveries. */
#include "ledger.h"

#include "sql.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define LEASE_BEYOND_MS 30000 /* of the webhook's own timeout: for the database to come back and the answer to be written down */

static const struct mq_statement claim = { "claim", mq_sql_claim, 6 };
static const struct mq_statement payload_of = { "payload", mq_sql_payload, 5 };
static const struct mq_statement settle = { "settle", mq_sql_settle, 12 };
static const struct mq_statement release = { "release", mq_sql_release, 2 };
static const struct mq_statement give_up = { "give_up", mq_sql_give_up, 1 };

#define NUMBER 24

static const char *number(char out[NUMBER], int64_t value) {
    snprintf(out, NUMBER, "%" PRId64, value);
    return out;
}

int mq_ledger_claim(struct mq_store *store, const struct mq_sender_options *options, const struct mq_transfer *transfers, size_t count,
                    size_t most, PGresult **claimed) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer hosts = { 0 }, webhooks = { 0 };
    const char *comma = "";
    mq_buffer_append_char(&hosts, '{');
    mq_buffer_append_char(&webhooks, '{');
    for (size_t i = 0; i < count; i++) {
        if (transfers[i].state == MQ_TRANSFER_FREE)
            continue;
        /* the table lets no host have quotes or backslashes */
        mq_buffer_printf(&hosts, "%s\"%s\"", comma, transfers[i].host);
        mq_buffer_printf(&webhooks, "%s%d", comma, transfers[i].webhook);
        comma = ",";
    }
    mq_buffer_append_char(&hosts, '}');
    mq_buffer_append_char(&webhooks, '}');
    if (hosts.failed || webhooks.failed)
        return -ENOMEM;
    char per_host[NUMBER], now[NUMBER], lease[NUMBER], age[NUMBER];
    const char *values[] = { mq_buffer_text(&hosts), mq_buffer_text(&webhooks), number(per_host, options->connections_per_host),
                             number(now, (int64_t)most), number(lease, LEASE_BEYOND_MS), number(age, options->give_up_ms) };
    return mq_store_query(store, &claim, values, MQ_LENGTH(values), claimed);
}

int mq_ledger_payload(struct mq_store *store, const struct mq_sender_options *options, const PGresult *claimed, int row,
                      PGresult **payload) {
    char most[NUMBER];
    const char *values[] = {
        PQgetvalue(claimed, row, MQ_CLAIM_WEBHOOK),
        PQgetisnull(claimed, row, MQ_CLAIM_EVENT) ? NULL : PQgetvalue(claimed, row, MQ_CLAIM_EVENT),
        PQgetvalue(claimed, row, MQ_CLAIM_ID),
        PQgetvalue(claimed, row, MQ_CLAIM_ATTEMPT),
        number(most, options->case_bytes),
    };
    return mq_store_query(store, &payload_of, values, MQ_LENGTH(values), payload);
}

struct mq_verdict mq_ledger_verdict(const struct mq_sender_options *options, const struct mq_transfer *t) {
    struct mq_verdict verdict = mq_verdict_of(
        &(struct mq_answer_of){ .status = t->status, .retry_after_s = t->retry_after_s, .attempt = t->attempt, .failures = t->failures,
                                .own_fault = t->own_fault || t->pointless },
        options->retry_first_ms, options->retry_cap_ms);
    if (t->pointless)
        verdict.outcome = MQ_DO_NOT_TRY;
    return verdict;
}

static void settle_row(struct mq_columns *rows, const struct mq_sender_options *options, const struct mq_transfer *t) {
    struct mq_verdict verdict = mq_ledger_verdict(options, t);
    mq_columns_text(rows, mq_str(t->id));
    mq_columns_integer(rows, t->attempt);
    mq_columns_integer(rows, t->webhook);
    mq_columns_text(rows, mq_str(mq_outcome_word(verdict.outcome)));
    mq_columns_boolean(rows, verdict.away);
    mq_columns_boolean(rows, verdict.gone);
    if (t->status)
        mq_columns_integer(rows, t->status);
    else
        mq_columns_null(rows);
    mq_columns_optional(rows, mq_str(t->error));
    mq_columns_integer(rows, verdict.delay_ms);
    mq_columns_integer(rows, verdict.pause_ms);
    mq_columns_integer(rows, verdict.failures);
    mq_columns_integer(rows, options->give_up_ms);
}

int mq_ledger_settle(struct mq_store *store, const struct mq_sender_options *options, const struct mq_transfer *transfers, size_t count,
                     PGresult **settled) {
    struct mq_columns rows;
    mq_columns_init(&rows, settle.columns);
    for (size_t i = 0; i < count; i++)
        if (transfers[i].state == MQ_TRANSFER_ENDED)
            settle_row(&rows, options, &transfers[i]);
    int outcome = mq_store_run(store, &settle, &rows, 0, rows.rows, settled, NULL);
    mq_columns_deinit(&rows);
    return outcome;
}

int mq_ledger_release(struct mq_store *store, const struct mq_transfer *transfers, size_t count) {
    struct mq_columns rows;
    mq_columns_init(&rows, release.columns);
    for (size_t i = 0; i < count; i++)
        if (transfers[i].state == MQ_TRANSFER_RUNNING) {
            mq_columns_text(&rows, mq_str(transfers[i].id));
            mq_columns_integer(&rows, transfers[i].attempt);
        }
    PGresult *result = NULL;
    int outcome = rows.rows ? mq_store_run(store, &release, &rows, 0, rows.rows, &result, NULL) : MQ_STORED;
    PQclear(result);
    mq_columns_deinit(&rows);
    return outcome;
}

int mq_ledger_give_up(struct mq_store *store, const struct mq_sender_options *options, PGresult **given_up) {
    char age[NUMBER];
    const char *values[] = { number(age, options->give_up_ms) };
    return mq_store_query(store, &give_up, values, MQ_LENGTH(values), given_up);
}
