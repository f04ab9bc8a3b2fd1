/* SPDX-License-Identifier: Apache-2.0 */
/* Where a report waits for review: its own topic says it. */
#ifndef MQ_PLACE_H
#define MQ_PLACE_H

#include "clients/common/client.h"
#include "common/uuid.h"

/* Two levels of a topic; "all" where there is none. */
struct mq_place {
    char county[16], town[16];
};

/* From `area` where it is given (the text of --area), else from the retained review. 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_review_place(struct mq_client *client, const struct mq_client_login *login, const struct mq_uuid *report,
                                  const char *area, struct mq_place *out);

#endif
