/* SPDX-License-Identifier: Apache-2.0 */
/* The live stream: which lines are wanted, and how one is shown. */
#ifndef MQ_WATCH_H
#define MQ_WATCH_H

#include "common/buffer.h"
#include "common/message.h"

enum mq_filter_kind {
    MQ_FILTER_DOMAIN,   /* "fire_safety"; "none": no domain yet */
    MQ_FILTER_KIND,     /* "fire_safety.hill_fire" */
    MQ_FILTER_SEVERITY, /* "3", "=3", ">=3", ">3", "<=3", "<3" */
    MQ_FILTER_AREA,     /* 4 to 15 digits: a prefix of the area's code */
};

struct mq_filter {
    enum mq_filter_kind kind;
    struct mq_str text;
    int64_t least, most; /* of the severity */
};

/* Reads one filter; `text` is pointed to. false: not one. */
MQ_MUST_CHECK bool mq_filter_parse(const char *text, struct mq_filter *out);

/* Do all filters let this line through? */
bool mq_filter_match(const struct mq_filter *filters, size_t count, const struct mq_stream_line *line);

/* What a line has beyond struct mq_stream_line. */
struct mq_watch_more {
    struct mq_str words; /* what happened in words: "61/84 已收到，40 已到场", the department that acted */
    bool exercise;
};

/* Appends the line in columns. `columns`: of the terminal, 0: as long as it gets. `more` may be NULL. Times
 * are local. */
void mq_watch_line(const struct mq_stream_line *line, const struct mq_watch_more *more, size_t columns,
                   bool colour, struct mq_buffer *out);

#endif
