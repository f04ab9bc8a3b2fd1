/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers (RFC 9562): parsing, printing, version 7 for what is new, versions 5 and 8 for what must come out the same twice. */
#ifndef MQ_UUID_H
#define MQ_UUID_H

#include "base.h"

#define MQ_UUID_TEXT 37 /* 36 characters and the zero byte */

struct mq_uuid {
    uint8_t bytes[16];
};

/* The namespace of case ids. Fixed for ever. */
extern const struct mq_uuid mq_uuid_case_namespace; /* 6d696e71-696e-5067-8000-636173650001 */

/* Accepts the 36-character form, either case. false: not one, *out untouched. */
MQ_MUST_CHECK bool mq_uuid_parse(struct mq_str text, struct mq_uuid *out);
void mq_uuid_format(const struct mq_uuid *uuid, char out[MQ_UUID_TEXT]);
bool mq_uuid_is_nil(const struct mq_uuid *uuid);

/* Version 7: 48 bits of Unix milliseconds, the rest random; ids made by one process never go backwards. */
struct mq_uuid mq_uuid_v7(void);

/* Version 5 (SHA-1) of `n` bytes in a namespace. */
struct mq_uuid mq_uuid_v5(const struct mq_uuid *name_space, const void *bytes, size_t n);

/* The case that a report opens, the same whenever it is computed: version 5 of the report's 16 bytes in the namespace of cases. Of a
 * report of version 7 the case has its 48 bits of time in front and is of version 8 (vendor-specific), so that cases opened one after the
 * other lie side by side in every index; the other 74 bits are still those of version 5. */
struct mq_uuid mq_uuid_case_of(const struct mq_uuid *report);

/* 32 and 16 hexadecimal digits for a new W3C traceparent: "00-{trace}-{span}-01". */
#define MQ_TRACEPARENT_TEXT 56
void mq_traceparent_new(char out[MQ_TRACEPARENT_TEXT]);
/* Accepts version 00 with non-zero trace and span. */
bool mq_traceparent_valid(struct mq_str text);

#endif
