/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that follow something have in common: connect, subscribe, show a line an arrival until they have enough. */
#ifndef MQ_LIVE_H
#define MQ_LIVE_H

#include "client.h"

/* --json --count --timeout -q, as rows of an option table. */
struct mq_live_options {
    bool json;
    int64_t count;      /* end after so many; 0: never */
    int64_t timeout_ms; /* 0: none */
    int64_t qos;
};

/* clang-format off */
#define MQ_LIVE_OPTIONS(o)                                                                                                   \
    { 0, "json", MQ_OPTION_FLAG, &(o)->json, NULL, "每行一个 JSON 对象 one object a line, as it came", 0, 0 },                  \
    { 0, "count", MQ_OPTION_INTEGER, &(o)->count, "N", "满 N 条即止 end after N", 1, 1000000000 },                               \
    { 0, "timeout", MQ_OPTION_SECONDS, &(o)->timeout_ms, "S", "限时（秒），到时退出状态 5 end after S seconds with status 5", 1, 1000000000 }, \
    { 'q', "qos", MQ_OPTION_INTEGER, &(o)->qos, "QOS", "订阅的 QoS of the subscription", 0, 1 }
/* clang-format on */

/* What became of one arrival. */
enum mq_shown { MQ_SHOWN, MQ_PASSED_OVER, MQ_NOT_UNDERSTOOD };

struct mq_live {
    struct mq_client_login *login;
    enum mq_client_who who;
    const char *session; /* name of a session that the broker keeps for the account, so that nothing is missed between two runs; NULL:
                          * none */
    struct mq_live_options options;
    void *userdata;
    /* Called after every connection. 0 or negative errno. */
    int (*subscribe)(void *userdata, struct mq_client *client, int qos);
    /* Appends the line for an arrival, without its end. */
    enum mq_shown (*show)(void *userdata, const struct mq_arrival *arrival, struct mq_buffer *line);
};

/* Runs until enough was shown, the time ran out, or somebody asks to stop; connects again when the broker went away. Lines that
 * a slow terminal made it drop, and what was not understood, are counted and said on standard error. The exit status. */
int mq_live_run(const struct mq_live *live);

/* Appends a payload as one line: whatever would begin another becomes a space. */
void mq_live_json(struct mq_buffer *line, struct mq_str payload);

#endif
