/* SPDX-License-Identifier: Apache-2.0 */
/* The signature of a delivery. */
#ifndef MQ_WEBHOOK_SIGN_H
#define MQ_WEBHOOK_SIGN_H

#include "common/base.h"

#define MQ_SIGNATURE_TEXT 72 /* "sha256=", 64 hexadecimal digits, the zero byte */

/* "sha256=" and the HMAC-SHA-256 of `timestamp`, a full stop and `body` under `secret`. The timestamp stands in the signed text so
 * that what was overheard cannot be sent again later. */
void mq_webhook_sign(struct mq_str secret, struct mq_str timestamp, struct mq_str body, char out[MQ_SIGNATURE_TEXT]);

#endif
