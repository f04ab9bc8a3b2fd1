/* SPDX-License-Identifier: Apache-2.0 */
/* Topic names: the only place that knows them. A topic is written and read by the same pattern, in which {name} stands for one
 * level: "minqing/field/{device}/report". */
#ifndef MQ_TOPIC_H
#define MQ_TOPIC_H

#include "base.h"

#define MQ_TOPIC_BYTES 256   /* with the zero byte; ours are far shorter */
#define MQ_TOPIC_PARTS 6

/* Every topic of the system: X(symbol, pattern). docs/topics.md is compared with it by a test. */
#define MQ_TOPICS(X)                                                                            \
    X(FIELD_REPORT, "minqing/field/{device}/report")                                            \
    X(FIELD_VISIT, "minqing/field/{device}/visit")                                              \
    X(FIELD_ANSWER, "minqing/field/{device}/answer")                                            \
    X(FIELD_RECEIPT, "minqing/field/{device}/receipt")                                          \
    X(FIELD_STATUS, "minqing/field/{device}/status")                                            \
    X(FIELD_TASK, "minqing/field/{device}/task")                                                \
    X(STAGE_RECEIVED, "minqing/stage/received")                                                 \
    X(STAGE_ANSWERED, "minqing/stage/answered")                                                 \
    X(STAGE_CLASSIFIED, "minqing/stage/classified")                                             \
    X(STAGE_DISPATCHED, "minqing/stage/dispatched")                                             \
    X(DEPARTMENT_CASE, "minqing/department/{department}/{county}/{town}/case/{case}")           \
    X(DEPARTMENT_RESTRICTED, "minqing/department/{department}/{county}/{town}/restricted/{case}") \
    X(DEPARTMENT_ACTION, "minqing/department/{department}/{county}/{town}/action/{account}")    \
    X(COMMAND_REVIEW, "minqing/command/{county}/{town}/review/{report}")                        \
    X(COMMAND_ACTION, "minqing/command/{county}/{town}/action/{account}")                       \
    X(COMMAND_REPORT, "minqing/command/{county}/{town}/report/{account}")                       \
    X(STREAM, "minqing/stream/{county}/{town}/{domain}/{severity}")                             \
    X(NOTICE, "minqing/public/{county}/{town}/{village}/notice/{notice}")                       \
    X(QUERY, "minqing/query/{account}/{name}")                                                  \
    X(REPLY, "minqing/reply/{account}/{name}")                                                  \
    X(HEALTH, "minqing/health/{service}/{instance}")                                            \
    X(BROKER_PUBLISHES, "$SYS/broker/publish/messages/{figure}")                                \
    X(BROKER_STORE, "$SYS/broker/store/messages/{figure}")                                      \
    X(BROKER_CLIENTS, "$SYS/broker/clients/{figure}")

enum mq_topic {
#define X(symbol, pattern) MQ_TOPIC_##symbol,
    MQ_TOPICS(X)
#undef X
    MQ_TOPIC_COUNT
};

/* The levels that stood for {…}, in the order of the pattern; they point into the topic that was read. */
struct mq_topic_parts {
    struct mq_str part[MQ_TOPIC_PARTS];
    size_t count;
};

const char *mq_topic_pattern(enum mq_topic which);

/* Writes the topic with `parts` for its {…}. 0; -EINVAL when a part is empty or has '/', '+', '#', a control character;
 * -ENAMETOOLONG. */
MQ_MUST_CHECK int mq_topic_format(enum mq_topic which, const struct mq_str *parts, size_t count, char out[MQ_TOPIC_BYTES]);

/* Writes the subscription filter: `parts` for the first ones ({NULL,0} or missing: "+"). With `group`, prefixed
 * "$share/{group}/". 0, -EINVAL, -ENAMETOOLONG. */
MQ_MUST_CHECK int mq_topic_filter(enum mq_topic which, const char *group, const struct mq_str *parts, size_t count,
                                  char out[MQ_TOPIC_BYTES]);

/* Reads `topic` as `which`; false when it is another. */
MQ_MUST_CHECK bool mq_topic_parse(enum mq_topic which, struct mq_str topic, struct mq_topic_parts *parts);

/* "[a-z0-9-]{3,32}", the form of accounts. */
bool mq_topic_account_valid(struct mq_str account);

/* Is `topic` below "minqing/reply/{account}/"? Servers refuse response topics that are not the asker's own. */
bool mq_topic_is_reply_of(struct mq_str topic, struct mq_str account);

/* Writes where an answer to `account` goes: `asked`, the response topic of its message, where that is its own, else
 * "minqing/reply/{account}/{name}". 0, or as mq_topic_format. */
MQ_MUST_CHECK int mq_topic_reply(struct mq_str asked, struct mq_str account, struct mq_str name, char out[MQ_TOPIC_BYTES]);

#endif
