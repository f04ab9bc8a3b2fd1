/* SPDX-License-Identifier: Apache-2.0 */
/* A retained set read to its end. MQTT says nothing when the last one has come, but keeps order: so what is subscribed after it,
 * the services' health, marks the end. */
#ifndef MQ_RETAINED_H
#define MQ_RETAINED_H

#include "clients/common/client.h"

struct mq_retained {
    enum mq_topic topic;
    const struct mq_str *parts; /* as in mq_topic_filter */
    size_t count;
    void (*each)(void *userdata, const struct mq_arrival *arrival);
    void *userdata;
};

/* Calls `each` for every retained message of the topic. Without any health it takes 3 s. 0, or negative errno of
 * mq_client_subscribe and mq_client_wait. */
MQ_MUST_CHECK int mq_retained_read(struct mq_client *client, const struct mq_retained *what);

#endif
