/* SPDX-License-Identifier: Apache-2.0 */
/* Names at the broker that only those can know who know a password. */
#include "secret_name.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

void mq_secret_name(const char *use, const char *name, const char *password, char out[MQ_SECRET_NAME]) {
    const char *const parts[] = { use, " of ", name, " ", password ? password : "" };
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof(hash) + 1];
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < MQ_LENGTH(parts); i++)
        crypto_hash_sha256_update(&state, (const unsigned char *)parts[i], strlen(parts[i]));
    crypto_hash_sha256_final(&state, hash);
    sodium_memzero(&state, sizeof(state));
    snprintf(out, MQ_SECRET_NAME, "%.100s-%.16s", name, sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}
