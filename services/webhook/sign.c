/* SPDX-License-Identifier: Apache-2.0 */
/* HMAC-SHA-256 through libsodium, which takes keys of any length. */
#include "sign.h"

#include <sodium.h>

#define PREFIX "sha256="

static void update(crypto_auth_hmacsha256_state *state, struct mq_str text) {
    crypto_auth_hmacsha256_update(state, (const unsigned char *)text.s, text.n);
}

void mq_webhook_sign(struct mq_str secret, struct mq_str timestamp, struct mq_str body, char out[MQ_SIGNATURE_TEXT]) {
    crypto_auth_hmacsha256_state state;
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.s, secret.n);
    update(&state, timestamp);
    update(&state, MQ_STR("."));
    update(&state, body);
    crypto_auth_hmacsha256_final(&state, mac);
    sodium_memzero(&state, sizeof(state));
    memcpy(out, PREFIX, sizeof(PREFIX) - 1);
    sodium_bin2hex(out + sizeof(PREFIX) - 1, 2 * sizeof(mac) + 1, mac, sizeof(mac));
}
