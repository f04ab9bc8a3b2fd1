/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the query service: one message out, one back, faults said in words. */
#ifndef MQ_ASK_H
#define MQ_ASK_H

#include "clients/common/client.h"
#include "common/clock.h"
#include "common/message.h"

/* A question that asks for nothing yet: words are -1. */
#define MQ_ASK_NOTHING                                                                                                             \
    { .state = -1, .domain = -1, .by = -1 }

/* Who asked, as the service sees them. */
struct mq_you {
    struct mq_str account, role, department, area;
};

/* What every answer has, and the raw members that the commands decode by tables of their own. */
struct mq_told {
    int64_t v;
    struct mq_str name;
    bool done;
    struct mq_str reason; /* why not */
    struct mq_you you;
    struct mq_str case_raw, cases, subjects, entries, columns, rows, all, officers; /* bytes of a JSON value; s NULL: not there */
    int64_t total;
    struct mq_str next;
};

/* One question and its answer. */
struct mq_asked {
    struct mq_told told;
    struct mq_buffer bytes; /* owned: the answer as it came */
    struct mq_document *document;
};
void mq_asked_deinit(struct mq_asked *asked);

/* Reads "博美-1123-042" or a UUID into the question. */
void mq_ask_case(struct mq_query *question, const char *word);

/* Asks under minqing/query/{account}/{name}; `question` gets an id. 0 and *asked (zeroed before), also where the answer is “not
 * done”; else the exit status after a complaint. */
MQ_MUST_CHECK int mq_ask(struct mq_client *client, const struct mq_client_login *login, const char *name, struct mq_query *question,
                         struct mq_asked *asked);

/* The same, where “not done” is a fault: it is said (or, with `json`, printed as it came), exit status 1. */
MQ_MUST_CHECK int mq_ask_done(struct mq_client *client, const struct mq_client_login *login, const char *name,
                              struct mq_query *question, bool json, struct mq_asked *asked);

/* A list, page by page. */
struct mq_pages {
    const char *name; /* of the query */
    bool all;         /* to the last page, not only the first */
    bool json;        /* each page is printed as it came */
    /* Shows one page; the exit status, not 0 ends it. Not called with `json`. */
    int (*show)(void *userdata, const struct mq_asked *page);
    void *userdata;
};
/* Asks for the pages and says on standard error where there are more than were shown. The exit status. */
MQ_MUST_CHECK int mq_ask_pages(struct mq_client *client, const struct mq_client_login *login, struct mq_query *question,
                               const struct mq_pages *pages);

/* The id of a case: the word itself, or by asking for its number. 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_ask_case_id(struct mq_client *client, const struct mq_client_login *login, const char *word, bool json,
                                 struct mq_uuid *id);

/* Decodes each element of a raw array into `item` (object->size bytes) and calls `each`. An element that is not understood, or no
 * array, is a fault of the answer: the exit status after a complaint. */
MQ_MUST_CHECK int mq_ask_each(struct mq_str array, const struct mq_object *object, void *item, void (*each)(void *userdata),
                              void *userdata);

/* "The answer was not understood"; exit status 6. */
int mq_ask_garbled(const struct mq_faults *faults);

/* -u … of a command that asks: opens the connection and sees that there is an account. As mq_client_open. */
MQ_MUST_CHECK int mq_ask_open(struct mq_client_login *login, enum mq_client_who who, struct mq_client **out);

/* --from and --to of a question. */
struct mq_period {
    const char *from, *to;
    char from_at[MQ_TIME_TEXT], to_at[MQ_TIME_TEXT]; /* what the question points to */
};
/* 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_period_read(struct mq_period *period, struct mq_query *question);

/* Is an --area a code? 0, or the exit status after a complaint. NULL is good. */
MQ_MUST_CHECK int mq_ask_area(const char *area, struct mq_query *question);

/* clang-format off */
#define MQ_PERIOD_OPTIONS(period)                                                                                            \
    { 0, "from", MQ_OPTION_TEXT, &(period)->from, "TIME", "不早于 from: 2026-12-01, '2026-12-01 17:30', RFC 3339", 0, 0 },      \
    { 0, "to", MQ_OPTION_TEXT, &(period)->to, "TIME", "早于（含该日） before; a date is included", 0, 0 }
/* clang-format on */

/* --as: whose name and password the environment gives. */
extern const char *const mq_as_words[]; /* operator, desk, device */
/* `as` NULL: `otherwise`. */
enum mq_client_who mq_as(const char *as, enum mq_client_who otherwise);

/* clang-format off */
#define MQ_AS_OPTION(as)                                                                                                     \
    { 0, "as", MQ_OPTION_WORD, (as), "ROLE", "用环境里哪一个账号 whose account the environment gives: operator, desk, device", 0, 0, mq_as_words }
/* clang-format on */

#endif
