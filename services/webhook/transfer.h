/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP request on its way, over libcurl's multi interface. */
#ifndef MQ_WEBHOOK_TRANSFER_H
#define MQ_WEBHOOK_TRANSFER_H

#include "common/base.h"
#include "common/uuid.h"

#include <curl/curl.h>

#define MQ_RESPONSE_BYTES 16384 /* of an answer's body, read and thrown away; a longer one ends the connection */
#define MQ_TRANSFER_ERROR 200

enum mq_transfer_state { MQ_TRANSFER_FREE, MQ_TRANSFER_RUNNING, MQ_TRANSFER_ENDED };

/* A place for a transfer, used again and again; zero at first. */
struct mq_transfer {
    enum mq_transfer_state state;
    char id[MQ_UUID_TEXT];
    unsigned attempt, failures; /* failures: of the webhook before */
    int webhook;
    char *name, *host, *body; /* owned */
    CURL *easy;
    struct curl_slist *headers;
    size_t received;
    char curl_error[CURL_ERROR_SIZE];
    /* once ended */
    int status; /* 0: no answer */
    int64_t retry_after_s;
    bool own_fault; /* it was not sent for a reason of ours, which says nothing of the webhook */
    bool pointless; /* what it tells of is gone: not tried again */
    char error[MQ_TRANSFER_ERROR]; /* "": none; plain ASCII */
};

/* What one attempt is about. Texts are copied. */
struct mq_transfer_order {
    const char *id, *name, *url, *host, *ca_file, *proxy;
    unsigned attempt, failures;
    int webhook;
    int64_t timeout_ms, connect_timeout_ms;
};

/* Fills a free place with the order; nothing is sent yet. -ENOMEM: the place is free again. */
MQ_MUST_CHECK int mq_transfer_begin(struct mq_transfer *t, const struct mq_transfer_order *order);

/* Signs the body with the secret and sends it. 0; -ENOMEM, -EIO: what curl said is in t->error. */
MQ_MUST_CHECK int mq_transfer_send(struct mq_transfer *t, CURLM *multi, const struct mq_transfer_order *order, struct mq_str secret,
                                   struct mq_str body);

/* Ends it without an answer: `why` is its error. */
void mq_transfer_fail(struct mq_transfer *t, CURLM *multi, const char *why);

/* Takes what curl said of a transfer that is over: status, Retry-After, error. */
void mq_transfer_end(struct mq_transfer *t, CURLM *multi, CURLcode result);

/* Frees what it holds: the place is free. */
void mq_transfer_reset(struct mq_transfer *t, CURLM *multi);

#endif
