/* SPDX-License-Identifier: Apache-2.0 */
/* A report from what was typed: words in, the bytes that are published out. */
#ifndef MQ_COMPOSE_H
#define MQ_COMPOSE_H

#include "common/buffer.h"
#include "common/uuid.h"

/* As typed; NULL where nothing was. */
struct mq_draft {
    const char *text; /* "-" or NULL: standard input */
    const char *area, *lat, *lon, *accuracy, *datum, *domain, *kind, *origin;
    const char *attachments;  /* SHA-256s, with commas between */
    const char *subject_file; /* a JSON object */
    const char *observed_at;  /* NULL: now */
    int64_t severity;         /* 0: none */
};

/* Writes the report under a new id into `out`. 0, or the exit status after a complaint that names what is wrong. */
MQ_MUST_CHECK int mq_compose(const struct mq_draft *draft, size_t max_bytes, struct mq_uuid *id, struct mq_buffer *out);

#endif
