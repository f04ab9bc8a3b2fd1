/* SPDX-License-Identifier: Apache-2.0 */
/* Personal data sealed at rest: XChaCha20-Poly1305 (libsodium), keys from a file, each with an id, so that keys can be
 * replaced while old rows stay readable. Key file: lines "id<space>64 hex digits", the last line seals. */
#ifndef MQ_SEAL_H
#define MQ_SEAL_H

#include "base.h"
#include "buffer.h"

struct mq_seal;

/* Reads the key file. *out is set on success. -ENOENT, -EACCES, -EINVAL (logged with the line), -EPERM when group or others
 * can read the file. */
MQ_MUST_CHECK int mq_seal_new(const char *key_file, struct mq_seal **out);
void mq_seal_free(struct mq_seal *seal); /* wipes the keys */

/* Id of the key that seals now. Valid as long as `seal`. */
const char *mq_seal_key_id(const struct mq_seal *seal);

/* Appends nonce (24) ‖ ciphertext ‖ tag (16) to `out`. `context` (for a report: its id's 16 bytes) is bound to it, so that a
 * sealed value cannot be moved to another row. 0 or -ENOMEM. */
MQ_MUST_CHECK int mq_seal_close(const struct mq_seal *seal, struct mq_str clear, struct mq_str context, struct mq_buffer *out);

/* Appends the clear bytes to `out`. -ENOKEY: unknown key id. -EBADMSG: damaged, or another context. */
MQ_MUST_CHECK int mq_seal_open(const struct mq_seal *seal, const char *key_id, struct mq_str sealed, struct mq_str context,
                               struct mq_buffer *out);

/* Writes a new key file with one random key and mode 0600; -EEXIST when there is one. */
MQ_MUST_CHECK int mq_seal_create(const char *key_file, const char *key_id);

#endif
