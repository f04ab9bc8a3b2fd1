/* SPDX-License-Identifier: Apache-2.0 */
/* A report, a visit or an answer from what was typed: words in, the bytes that are published out. */
#ifndef MQ_COMPOSE_H
#define MQ_COMPOSE_H

#include "common/buffer.h"
#include "common/message.h"
#include "common/uuid.h"

/* As typed; NULL where nothing was. */
struct mq_draft {
    const char *text; /* "-" or NULL: standard input */
    const char *area, *lat, *lon, *accuracy, *datum, *domain, *kind, *origin;
    const char *service, *task;         /* of a visit */
    const char *case_id, *answer, *note; /* of an answer, beside task */
    const char *attachments;  /* SHA-256s, with commas between */
    const char *subject_file; /* a JSON object */
    const char *observed_at;  /* NULL: now */
    int64_t severity;         /* 0: none */
};

/* Rows of a struct mq_option table: where something is. */
/* clang-format off */
#define MQ_DRAFT_PLACE(draft)                                                                                                    \
    { 0, "lat", MQ_OPTION_TEXT, &(draft)->lat, "DEGREES", "纬度 latitude", 0, 0 },                                                  \
    { 0, "lon", MQ_OPTION_TEXT, &(draft)->lon, "DEGREES", "经度 longitude", 0, 0 },                                                 \
    { 0, "accuracy", MQ_OPTION_TEXT, &(draft)->accuracy, "M", "位置误差（米） radius of the place in metres", 0, 0 },                 \
    { 0, "datum", MQ_OPTION_TEXT, &(draft)->datum, "DATUM", "坐标系 wgs84 (默认 default), gcj02", 0, 0 }
/* clang-format on */

/* Writes the message under a new id into `out`. 0, or the exit status after a complaint that names what is wrong. */
MQ_MUST_CHECK int mq_compose(enum mq_receipt_kind kind, const struct mq_draft *draft, size_t max_bytes, struct mq_uuid *id,
                             struct mq_buffer *out);

#endif
