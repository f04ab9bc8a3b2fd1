/* SPDX-License-Identifier: Apache-2.0 */
/* Sends what waits in the outbox, follows receipts and status, and says so. */
#ifndef MQ_DELIVER_H
#define MQ_DELIVER_H

#include "keeping.h"

struct mq_delivery {
    struct mq_keeping *keeping;          /* open */
    const struct mq_client_login *login; /* complete */
    const struct mq_uuid *id;            /* the message that the outcome is about; NULL: all that wait */
    int64_t timeout_ms;                  /* without any receipt that settles a message */
    int64_t wait_status_ms;              /* for the status of `id`, after everything was sent */
    bool json;
};

/* Ends when nothing waits any more. Exit status: 0 all taken; 6 refused by the server; 3 no broker; 4 not allowed; 5 time ran
 * out, the rest stays in the outbox. */
MQ_MUST_CHECK int mq_deliver(const struct mq_delivery *delivery);

/* One line about a message: {"event":…,"id":…} or "已存 kept 0193…"; `path` and `message` may be empty. */
void mq_deliver_say(bool json, const char *event, const char *words, const struct mq_uuid *id, struct mq_str path,
                    struct mq_str message);

#endif
