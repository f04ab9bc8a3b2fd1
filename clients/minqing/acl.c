/* SPDX-License-Identifier: Apache-2.0 */
/* Topic rights, as tables. */
#include "acl.h"

#include "area.h"

#include "common/topic.h"

#include <errno.h>

/* What stands in one level of a topic. PLACE: the town, or a village whose desk sees what is of the village alone. */
enum level { ANY, ACCOUNT, DEPARTMENT, COUNTY, TOWN, PLACE, LEVELS };

struct rule {
    const char *access; /* NULL ends a table */
    enum mq_topic topic;
    enum level levels[MQ_TOPIC_PARTS];
    bool below; /* also what lies deeper than the last level */
};

#define READ "read"
#define WRITE "write"
#define BOTH "readwrite" /* whoever takes messages from outside may clear what was retained against the rules */

static const struct rule everybody[] = {
    { WRITE, MQ_TOPIC_FIELD_REPORT, { ACCOUNT } },
    { WRITE, MQ_TOPIC_FIELD_VISIT, { ACCOUNT } },
    { WRITE, MQ_TOPIC_FIELD_ANSWER, { ACCOUNT } },
    { READ, MQ_TOPIC_FIELD_RECEIPT, { ACCOUNT } },
    { READ, MQ_TOPIC_FIELD_STATUS, { ACCOUNT } },
    { READ, MQ_TOPIC_FIELD_TASK, { ACCOUNT } },
    { WRITE, MQ_TOPIC_QUERY, { ACCOUNT } },
    { READ, MQ_TOPIC_REPLY, { ACCOUNT }, .below = true },
    { READ, MQ_TOPIC_NOTICE },
    { NULL },
};

static const struct rule desks[] = {
    { READ, MQ_TOPIC_DEPARTMENT_CASE, { DEPARTMENT, COUNTY, PLACE } },
    { READ, MQ_TOPIC_DEPARTMENT_RESTRICTED, { DEPARTMENT, COUNTY, PLACE } },
    { WRITE, MQ_TOPIC_DEPARTMENT_ACTION, { DEPARTMENT, COUNTY, TOWN, ACCOUNT } },
    { NULL },
};

/* All cases of the area, but never the restricted ones. */
static const struct rule operators[] = {
    { READ, MQ_TOPIC_STREAM, { COUNTY, TOWN } },
    { READ, MQ_TOPIC_DEPARTMENT_CASE, { ANY, COUNTY, TOWN } },
    { READ, MQ_TOPIC_COMMAND_REVIEW, { COUNTY, TOWN } },
    { READ, MQ_TOPIC_HEALTH },
    { READ, MQ_TOPIC_BROKER_PUBLISHES },
    { READ, MQ_TOPIC_BROKER_STORE },
    { READ, MQ_TOPIC_BROKER_CLIENTS },
    { WRITE, MQ_TOPIC_COMMAND_ACTION, { COUNTY, TOWN, ACCOUNT } },
    { WRITE, MQ_TOPIC_COMMAND_REPORT, { COUNTY, TOWN, ACCOUNT } },
    { NULL },
};

static const struct rule ingest[] = {
    { BOTH, MQ_TOPIC_FIELD_REPORT },
    { BOTH, MQ_TOPIC_FIELD_VISIT },
    { BOTH, MQ_TOPIC_FIELD_ANSWER },
    { BOTH, MQ_TOPIC_COMMAND_REPORT },
    { WRITE, MQ_TOPIC_FIELD_RECEIPT },
    { WRITE, MQ_TOPIC_REPLY, .below = true },
    { WRITE, MQ_TOPIC_STAGE_RECEIVED },
    { WRITE, MQ_TOPIC_STAGE_ANSWERED },
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

static const struct rule classifier[] = {
    { READ, MQ_TOPIC_STAGE_RECEIVED },
    { WRITE, MQ_TOPIC_STAGE_CLASSIFIED },
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

static const struct rule dispatcher[] = {
    { READ, MQ_TOPIC_STAGE_CLASSIFIED },
    { READ, MQ_TOPIC_STAGE_ANSWERED },
    { BOTH, MQ_TOPIC_COMMAND_ACTION },
    { BOTH, MQ_TOPIC_DEPARTMENT_ACTION },
    { WRITE, MQ_TOPIC_STAGE_DISPATCHED },
    { WRITE, MQ_TOPIC_REPLY, .below = true },
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

static const struct rule notifier[] = {
    { READ, MQ_TOPIC_STAGE_DISPATCHED },
    { WRITE, MQ_TOPIC_DEPARTMENT_CASE },
    { WRITE, MQ_TOPIC_DEPARTMENT_RESTRICTED },
    { WRITE, MQ_TOPIC_COMMAND_REVIEW },
    { WRITE, MQ_TOPIC_FIELD_STATUS },
    { WRITE, MQ_TOPIC_FIELD_TASK },
    { WRITE, MQ_TOPIC_STREAM },
    { WRITE, MQ_TOPIC_NOTICE },
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

static const struct rule query[] = {
    { BOTH, MQ_TOPIC_QUERY },
    { WRITE, MQ_TOPIC_REPLY, .below = true },
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

static const struct rule webhook[] = {
    { WRITE, MQ_TOPIC_HEALTH, { ACCOUNT } },
    { NULL },
};

/* Whose rules these are: by role; a service's also by its name. */
static const struct {
    const char *role, *account;
    const struct rule *rules;
} holders[] = {
    { "desk", NULL, desks },
    { "operator", NULL, operators },
    { "service", "ingest", ingest },
    { "service", "classifier", classifier },
    { "service", "dispatcher", dispatcher },
    { "service", "notifier", notifier },
    { "service", "query", query },
    { "service", "webhook", webhook },
};

static int append_rules(struct mq_buffer *out, const char *keyword, const struct rule *rules, const struct mq_str values[LEVELS]) {
    for (; rules->access; rules++) {
        struct mq_str parts[MQ_TOPIC_PARTS];
        char filter[MQ_TOPIC_BYTES];
        size_t count = 0;
        for (size_t i = 0; i < MQ_TOPIC_PARTS; i++) {
            parts[i] = values[rules->levels[i]];
            if (rules->levels[i] != ANY)
                count = i + 1;
        }
        int r = mq_topic_filter(rules->topic, NULL, parts, count, filter);
        if (r < 0)
            return r;
        if (rules->below)
            filter[strlen(filter) - 1] = '#';
        mq_buffer_printf(out, "%s %s %s\n", keyword, rules->access, filter);
    }
    return 0;
}

int mq_acl_everybody(struct mq_buffer *out) {
    const struct mq_str values[LEVELS] = { [ACCOUNT] = MQ_STR("%u") };
    return append_rules(out, "pattern", everybody, values);
}

int mq_acl_account(struct mq_buffer *out, const struct mq_account *account) {
    struct mq_str values[LEVELS] = { [ACCOUNT] = account->account, [DEPARTMENT] = account->department };
    if (!mq_topic_account_valid(account->account))
        return -EINVAL;
    if (account->area.s && !mq_area_parts(account->area, &values[COUNTY], &values[TOWN]))
        return -EINVAL;
    values[PLACE] = account->area.n >= 12 ? (struct mq_str){ account->area.s, 12 } : values[TOWN];
    for (size_t i = 0; i < MQ_LENGTH(holders); i++) {
        if (!mq_str_equal(account->role, mq_str(holders[i].role))
            || (holders[i].account && !mq_str_equal(account->account, mq_str(holders[i].account))))
            continue;
        /* without these the rules would mean everybody's */
        if (!holders[i].account && !account->area.s)
            return -EINVAL;
        if (holders[i].rules == desks && !account->department.s)
            return -EINVAL;
        mq_buffer_printf(out, "\nuser %.*s\n", (int)account->account.n, account->account.s);
        return append_rules(out, "topic", holders[i].rules, values);
    }
    return 0;
}
