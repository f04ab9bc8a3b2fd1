/* SPDX-License-Identifier: Apache-2.0 */
/* Retained sets. */
#include "retained.h"

#include "common/clock.h"

#define END_US 3000000

/* Has the first health topic now come once, or twice where health itself is read (the second subscription sends all again)? */
static bool at_end(const struct mq_arrival *arrival, bool health, char marker[MQ_TOPIC_BYTES]) {
    if (*marker)
        return mq_str_equal(arrival->topic, mq_str(marker));
    memcpy(marker, arrival->topic.s, arrival->topic.n);
    marker[arrival->topic.n] = '\0';
    return !health;
}

int mq_retained_read(struct mq_client *client, const struct mq_retained *what) {
    int r = mq_client_subscribe(client, what->topic, what->parts, what->count, 0);
    if (r == 0)
        r = mq_client_subscribe(client, MQ_TOPIC_HEALTH, NULL, 0, 0);
    if (r < 0)
        return r;
    char marker[MQ_TOPIC_BYTES] = "";
    int64_t until = mq_clock_monotonic_us() + END_US;
    struct mq_arrival arrival;
    bool end = false;
    while (!end && (r = mq_client_wait(client, until, &arrival)) == 1) {
        struct mq_topic_parts parts;
        bool health = mq_topic_parse(MQ_TOPIC_HEALTH, arrival.topic, &parts);
        if (arrival.retained && health)
            end = at_end(&arrival, what->topic == MQ_TOPIC_HEALTH, marker);
        if (!end && arrival.retained && mq_topic_parse(what->topic, arrival.topic, &parts))
            what->each(what->userdata, &arrival);
        mq_client_done(client);
    }
    return r < 0 ? r : 0;
}
