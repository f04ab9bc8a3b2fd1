/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces that several commands show alike. */
#ifndef MQ_SHOWN_H
#define MQ_SHOWN_H

#include "common/buffer.h"
#include "common/json.h"

/* "4 特急" in six cells, coloured when wanted. */
void mq_show_severity(struct mq_buffer *out, int64_t severity, bool colour);

/* Prints an answer as it came, on one line. */
void mq_show_json(const struct mq_buffer *bytes);

/* Request and mobilisation of a case, where a message has them. */
struct mq_request {
    struct mq_str what, until, reason, account, at;
};
extern const struct mq_object mq_request_object;

struct mq_mobilisation {
    struct mq_str unit, unit_name, state; /* state: active, stood_down */
    bool exercise;
    int64_t called, acknowledged, arrived, silent, rounds;
};
extern const struct mq_object mq_mobilisation_object;

/* "申请延期至 11-24 10:00"; "第一中队 61/84 已收到, 40 到场". */
void mq_show_request(struct mq_buffer *out, const struct mq_request *request, int64_t now_us);
void mq_show_mobilisation(struct mq_buffer *out, const struct mq_mobilisation *mobilisation);

#endif
