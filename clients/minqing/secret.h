/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of accounts, and their hashes as the broker reads them. */
#ifndef MQ_SECRET_H
#define MQ_SECRET_H

#include "common/base.h"

#define MQ_SECRET_LENGTH 20 /* of [a-z0-9]: 103 bits */
#define MQ_SECRET_TEXT (MQ_SECRET_LENGTH + 1)
#define MQ_SALT_BYTES 12
/* mosquitto_passwd's own default. So few only because our secrets are random: nobody guesses 103 bits, however fast. */
#define MQ_HASH_ITERATIONS 101
#define MQ_HASH_TEXT 160

/* A new random secret; wipe it after use. */
void mq_secret_new(char out[MQ_SECRET_TEXT]);

/* "$7$101$salt$hash", both in base64: PBKDF2 with HMAC-SHA-512, 64 bytes, as Mosquitto 2.0 reads it. With the salt given, for
 * tests; else random. 0 or -EIO. */
MQ_MUST_CHECK int mq_secret_hash(struct mq_str secret, const unsigned char salt[MQ_SALT_BYTES], char out[MQ_HASH_TEXT]);

/* Reads a secret from the first line of a file: 16 to 128 printable ASCII characters. 0 and *out (owned; wipe and free);
 * -ENOENT silently; -EINVAL and others after a complaint. */
MQ_MUST_CHECK int mq_secret_read(const char *path, char **out);

/* Writes text with mode 0600: in place of what is there, or with `append` behind it. Synced. 0, or negative errno after
 * a complaint. */
MQ_MUST_CHECK int mq_secret_write(const char *path, bool append, struct mq_str text);

#endif
