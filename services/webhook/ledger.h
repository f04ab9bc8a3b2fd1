/* SPDX-License-Identifier: Apache-2.0 */
/* What the sender reads from and writes to the table of deliveries. Outcomes are those of mq_store_query. */
#ifndef MQ_WEBHOOK_LEDGER_H
#define MQ_WEBHOOK_LEDGER_H

#include "sender.h"
#include "transfer.h"
#include "verdict.h"

#include "common/store.h"

/* Columns of a claim. */
enum mq_claim {
    MQ_CLAIM_ID, MQ_CLAIM_ATTEMPT, MQ_CLAIM_WEBHOOK, MQ_CLAIM_NAME, MQ_CLAIM_URL, MQ_CLAIM_HOST, MQ_CLAIM_SECRET, MQ_CLAIM_KEY,
    MQ_CLAIM_TIMEOUT, MQ_CLAIM_EVENT, MQ_CLAIM_FAILURES,
};

/* Leases up to `most` deliveries that are due; `transfers` are the places, of which those in use count against the bounds. */
MQ_MUST_CHECK int mq_ledger_claim(struct mq_store *store, const struct mq_sender_options *options, const struct mq_transfer *transfers,
                                  size_t count, size_t most, PGresult **claimed);

/* The body of a claimed row; one row with a null in it: what it tells of is gone. */
MQ_MUST_CHECK int mq_ledger_payload(struct mq_store *store, const struct mq_sender_options *options, const PGresult *claimed, int row,
                                    PGresult **payload);

/* Writes down the transfers that have ended; they stay as they are. Rows of *settled: delivery, state, webhook's name. */
MQ_MUST_CHECK int mq_ledger_settle(struct mq_store *store, const struct mq_sender_options *options, const struct mq_transfer *transfers,
                                   size_t count, PGresult **settled);

/* Gives back the leases of the transfers that have not ended. */
MQ_MUST_CHECK int mq_ledger_release(struct mq_store *store, const struct mq_transfer *transfers, size_t count);

/* Gives up what is too old. Rows of *given_up: webhook's name, how many. */
MQ_MUST_CHECK int mq_ledger_give_up(struct mq_store *store, const struct mq_sender_options *options, PGresult **given_up);

/* What follows from a transfer that has ended. */
struct mq_verdict mq_ledger_verdict(const struct mq_sender_options *options, const struct mq_transfer *t);

#endif
