/* SPDX-License-Identifier: Apache-2.0 */
/* Who may read and write which topics, in the words of Mosquitto's acl_file. */
#ifndef MQ_ACL_H
#define MQ_ACL_H

#include "common/buffer.h"

struct mq_account {
    struct mq_str account, role, area, department; /* as in the table accounts; s NULL: none */
};

/* Appends what holds for every account: a device's own topics, questions and replies, public notices. */
MQ_MUST_CHECK int mq_acl_everybody(struct mq_buffer *out);

/* Appends what one account may beyond that; nothing for devices and for services without rules. -EINVAL: an area or name that
 * no topic can have. */
MQ_MUST_CHECK int mq_acl_account(struct mq_buffer *out, const struct mq_account *account);

#endif
