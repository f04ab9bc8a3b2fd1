/* SPDX-License-Identifier: Apache-2.0 */
/* Requests as receivers can rely on them, and answers that cannot hurt: bounded in time and bytes, checked certificates, no
 * redirects. */
#include "transfer.h"

#include "sign.h"
#include "version.h"

#include "common/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* The body is of no interest; reading a short one to its end keeps the connection for the next delivery. */
static size_t swallow(char *bytes, size_t size, size_t count, void *userdata) {
    struct mq_transfer *t = userdata;
    (void)bytes;
    t->received += size * count;
    return t->received > MQ_RESPONSE_BYTES ? 0 : size * count;
}

static void set_error(struct mq_transfer *t, const char *text) {
    snprintf(t->error, sizeof(t->error), "%.*s", MQ_TRANSFER_ERROR - 1, text);
    /* whatever a certificate or a resolver said: the column takes no malformed text */
    for (char *c = t->error; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

void mq_transfer_reset(struct mq_transfer *t, CURLM *multi) {
    if (t->easy) {
        curl_multi_remove_handle(multi, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    free(t->name);
    free(t->host);
    free(t->body);
    *t = (struct mq_transfer){ .state = MQ_TRANSFER_FREE };
}

int mq_transfer_begin(struct mq_transfer *t, const struct mq_transfer_order *order) {
    *t = (struct mq_transfer){
        .state = MQ_TRANSFER_RUNNING, .attempt = order->attempt, .failures = order->failures, .webhook = order->webhook,
    };
    snprintf(t->id, sizeof(t->id), "%s", order->id);
    t->name = strdup(order->name);
    t->host = strdup(order->host);
    if (t->name && t->host)
        return 0;
    mq_transfer_reset(t, NULL);
    return -ENOMEM;
}

static bool add_header(struct mq_transfer *t, const char *name, const char *value) {
    char line[160];
    snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *longer = curl_slist_append(t->headers, line);
    if (longer)
        t->headers = longer;
    return longer;
}

static bool add_headers(struct mq_transfer *t, struct mq_str secret, struct mq_str body) {
    char timestamp[24], signature[MQ_SIGNATURE_TEXT];
    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(mq_clock_now_us() / 1000000));
    mq_webhook_sign(secret, mq_str(timestamp), body, signature);
    return add_header(t, "Content-Type", "application/json") && add_header(t, "X-Minqing-Delivery", t->id)
           && add_header(t, "X-Minqing-Timestamp", timestamp) && add_header(t, "X-Minqing-Signature", signature)
           /* a long body is sent at once, not after a second's wait for 100 Continue */
           && add_header(t, "Expect", "");
}

static CURLcode set_options(struct mq_transfer *t, const struct mq_transfer_order *order, size_t body_bytes) {
    const struct {
        CURLoption option;
        long value;
    } numbers[] = {
        { CURLOPT_TIMEOUT_MS, order->timeout_ms },
        { CURLOPT_CONNECTTIMEOUT_MS, order->connect_timeout_ms < order->timeout_ms ? order->connect_timeout_ms : order->timeout_ms },
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_SSL_VERIFYPEER, 1 },
        { CURLOPT_SSL_VERIFYHOST, 2 },
        { CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2 },
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_TCP_KEEPALIVE, 1 },
        { CURLOPT_NOSIGNAL, 1 },
        /* a resolver that hangs is left behind: waiting for its thread would hold up all other transfers */
        { CURLOPT_QUICK_EXIT, 1 },
        { CURLOPT_POSTFIELDSIZE, (long)body_bytes },
    };
    const struct {
        CURLoption option;
        const void *value;
    } pointers[] = {
        { CURLOPT_URL, order->url },
        { CURLOPT_PROTOCOLS_STR, "http,https" },
        { CURLOPT_PROXY, order->proxy }, /* "" also keeps curl from the environment's */
        { CURLOPT_USERAGENT, "minqing-webhook/" MQ_VERSION },
        { CURLOPT_HTTPHEADER, t->headers },
        { CURLOPT_POSTFIELDS, t->body },
        { CURLOPT_WRITEDATA, t },
        { CURLOPT_ERRORBUFFER, t->curl_error },
        { CURLOPT_PRIVATE, t },
    };
    CURLcode r = curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, swallow);
    for (size_t i = 0; r == CURLE_OK && i < MQ_LENGTH(numbers); i++)
        r = curl_easy_setopt(t->easy, numbers[i].option, numbers[i].value);
    for (size_t i = 0; r == CURLE_OK && i < MQ_LENGTH(pointers); i++)
        r = curl_easy_setopt(t->easy, pointers[i].option, pointers[i].value);
    if (r == CURLE_OK && *order->ca_file)
        r = curl_easy_setopt(t->easy, CURLOPT_CAINFO, order->ca_file);
    return r;
}

int mq_transfer_send(struct mq_transfer *t, CURLM *multi, const struct mq_transfer_order *order, struct mq_str secret, struct mq_str body) {
    t->body = strndup(body.s, body.n);
    t->easy = curl_easy_init();
    if (!t->body || !t->easy || !add_headers(t, secret, body)) {
        set_error(t, "out of memory");
        return -ENOMEM;
    }
    CURLcode r = set_options(t, order, body.n);
    CURLMcode m = r == CURLE_OK ? curl_multi_add_handle(multi, t->easy) : CURLM_OK;
    if (r == CURLE_OK && m == CURLM_OK)
        return 0;
    set_error(t, r != CURLE_OK ? curl_easy_strerror(r) : curl_multi_strerror(m));
    return -EIO;
}

void mq_transfer_fail(struct mq_transfer *t, CURLM *multi, const char *why) {
    if (t->easy) {
        curl_multi_remove_handle(multi, t->easy);
        curl_easy_cleanup(t->easy);
        t->easy = NULL;
    }
    if (why)
        set_error(t, why);
    t->state = MQ_TRANSFER_ENDED;
}

void mq_transfer_end(struct mq_transfer *t, CURLM *multi, CURLcode result) {
    long status = 0;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &retry_after);
    /* the status is the answer, even where the body behind it never ended */
    t->status = status >= 200 && status <= 599 ? (int)status : 0;
    t->retry_after_s = retry_after > 0 ? retry_after : 0;
    if (t->status >= 200 && t->status < 300)
        t->error[0] = '\0';
    else if (t->status >= 300 && t->status < 400)
        set_error(t, "redirects are not followed: give the webhook the address it should have");
    else if (t->status)
        snprintf(t->error, sizeof(t->error), "HTTP %d", t->status);
    else
        set_error(t, t->curl_error[0] ? t->curl_error : result != CURLE_OK ? curl_easy_strerror(result) : "not an HTTP answer");
    mq_transfer_fail(t, multi, NULL);
}
