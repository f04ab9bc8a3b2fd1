/* SPDX-License-Identifier: Apache-2.0 */
/* What a desk or the command centre can do to a case, as a table: what is typed, the word on the wire, who may, what it takes.
 * One function (mq_act) does them all. */
#ifndef MQ_VERBS_H
#define MQ_VERBS_H

#include "common/message.h"
#include "common/topic.h"

/* Who does it; bits. */
enum mq_doer {
    MQ_DESK = 1,    /* under minqing/department/… */
    MQ_COMMAND = 2, /* under minqing/command/… */
};

/* What goes with it; bits. */
enum mq_member {
    MQ_NOTE = 1 << 0,
    MQ_REASON = 1 << 1,
    MQ_DEPARTMENT = 1 << 2,
    MQ_UNTIL = 1 << 3,
    MQ_DOMAIN = 1 << 4,
    MQ_KIND = 1 << 5,
    MQ_SEVERITY = 1 << 6,
    MQ_ATTACHMENTS = 1 << 7,
    MQ_FILED = 1 << 8,
    MQ_INTO = 1 << 9,
    MQ_REPORTS = 1 << 10, /* the words after the case */
    MQ_UNIT = 1 << 11,
    MQ_EXERCISE = 1 << 12,
    MQ_RATING = 1 << 13,
    MQ_ON_REPORT = 1 << 14, /* acts on a report that waits for review, not on a case */
};

struct mq_verb {
    const char *noun, *verb; /* as typed; verb NULL: the noun is the command */
    const char *action;      /* on the wire */
    unsigned who;            /* enum mq_doer */
    unsigned takes;          /* enum mq_member, what it needs included */
    unsigned needs;          /* all of these … */
    unsigned one_of;         /* … and at least one of these */
    const char *help;        /* one line */
};

extern const struct mq_verb mq_verbs[];
extern const size_t mq_verb_count;

/* "minqing case sign" → its row; NULL: none. */
const struct mq_verb *mq_verb_find(const char *program);

#define MQ_GIVEN_ATTACHMENTS 16
#define MQ_GIVEN_REPORTS 100

/* What was typed; NULL and 0 where it was not. Filled from the options, then by mq_verb_read. */
struct mq_given {
    const char *note, *reason, *department, *until, *domain, *kind, *unit, *attachments, *into;
    int64_t severity, rating;
    bool filed, exercise;
    char **reports; /* words */
    size_t report_count;
    /* read */
    char until_at[33];
    struct mq_str attachment[MQ_GIVEN_ATTACHMENTS], report[MQ_GIVEN_REPORTS];
    size_t attachment_count;
};

/* Checks what was typed against the row, and reads times and lists. 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_verb_read(const struct mq_verb *verb, struct mq_given *given);

/* The action without its id, case, state_version and `into`, which are known later. Points into `given`. */
struct mq_action mq_verb_action(const struct mq_verb *verb, const struct mq_given *given);

/* Who acts, as the query service said. */
struct mq_actor {
    struct mq_str account, role, department;
};

/* Where an action goes. */
struct mq_address {
    enum mq_topic topic;
    struct mq_str parts[MQ_TOPIC_PARTS];
    size_t count;
};

/* By role, for a case in this area (its village or grid). -EACCES: this role does not do that. -EINVAL: no code of an area. */
MQ_MUST_CHECK int mq_verb_address(const struct mq_verb *verb, const struct mq_actor *actor, struct mq_str area,
                                  struct mq_address *out);

#endif
