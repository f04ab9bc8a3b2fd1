/* SPDX-License-Identifier: Apache-2.0 */
/* Masking of personal data in report texts. */
#ifndef MQ_MASK_H
#define MQ_MASK_H

#include "common/buffer.h"
#include "common/message.h"

/* Appends `text` with identity numbers (18 characters, or 15 digits), telephone numbers (11 digits from 1, or landlines of 10 to 12
 * digits from 0, also with spaces or hyphens between) and what `subject` gives (name, phone, number) replaced: the first part
 * stays, the rest becomes '*'. Returns whether anything was masked; if not, nothing was appended. */
bool mq_mask(struct mq_str text, const struct mq_subject *subject, struct mq_buffer *out);

#endif
