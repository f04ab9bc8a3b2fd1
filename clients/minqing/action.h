/* SPDX-License-Identifier: Apache-2.0 */
/* An action on its way and its reply, for every command that acts. */
#ifndef MQ_ACTION_H
#define MQ_ACTION_H

#include "clients/common/client.h"
#include "common/message.h"

struct mq_sending {
    enum mq_topic topic;
    const struct mq_str *parts;
    size_t count;
    const struct mq_action *action;
    const char *look; /* where to see what became of it when no reply comes: "minqing case show" */
};

/* Sends it, again under the same id while no reply comes. 0: the reply was appended to *reply; else the exit status after a
 * complaint. */
MQ_MUST_CHECK int mq_action_send(struct mq_client *client, const struct mq_client_login *login, const struct mq_sending *sending,
                                 struct mq_buffer *reply);

/* Prints the reply: as it came with `json`, else `done` and what it says of the case; a refusal with its reason, the present state
 * and what is allowed, on standard error. The exit status: 0 done, 1 refused, 6 not understood. */
int mq_action_print(struct mq_str reply, bool json, const char *done);

#endif
