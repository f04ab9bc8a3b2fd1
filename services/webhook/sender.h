/* SPDX-License-Identifier: Apache-2.0 */
/* The sender: a thread that leases deliveries which are due, sends them, and writes down what came back.
 *
 * It is a thread with a connection to the database of its own, not part of the stage's tick: the loop waits for the database and
 * the broker, and comes by once a second, while answers come when they come. So neither holds the other up. */
#ifndef MQ_WEBHOOK_SENDER_H
#define MQ_WEBHOOK_SENDER_H

#include "common/metrics.h"
#include "common/seal.h"

struct mq_sender;

struct mq_sender_options {
    const char *database;        /* libpq connection string */
    const struct mq_seal *seal;  /* unseals the webhooks' secrets; used by the sender alone while it runs */
    const char *ca_file, *proxy; /* "": the system's certificates; no proxy, whatever the environment says */
    int64_t connections, connections_per_host;
    int64_t connect_timeout_ms;
    int64_t retry_first_ms, retry_cap_ms, give_up_ms;
    int64_t look_ms;             /* longest time between two looks for what is due */
    int64_t case_bytes;          /* of a case, beyond which its reports' texts stay out */
    int64_t database_retry_first_ms, database_retry_cap_ms;
    int64_t database_connect_timeout_ms, database_answer_timeout_ms, database_statement_timeout_ms; /* as mq_store_options */
};

/* Begins the thread; `options` is copied, what it points to must live until mq_sender_stop. Negative errno. */
MQ_MUST_CHECK int mq_sender_start(const struct mq_sender_options *options, struct mq_sender **out);

/* From any thread: there is something to send. NULL is allowed. */
void mq_sender_wake(struct mq_sender *sender);

/* The negative errno that ended the thread by itself, 0 while it runs. */
int mq_sender_failed(const struct mq_sender *sender);

/* Copies the sender's counters (delivered, undelivered, given up) into `metrics`. */
void mq_sender_count(const struct mq_sender *sender, struct mq_metrics *metrics);

/* Lets transfers end for up to 3 s, gives back the others, ends the thread, frees. NULL is allowed. */
void mq_sender_stop(struct mq_sender *sender);

#endif
