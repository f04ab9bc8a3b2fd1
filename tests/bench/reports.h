/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of a measurement, made before it starts: a county's. Every village has its share, and what was seen was seen at some time of
 * the last weeks, so that most of it is different things in different places and opens cases of its own, as it would in a real county,
 * where the same number of reports takes weeks. */
#ifndef MQ_BENCH_REPORTS_H
#define MQ_BENCH_REPORTS_H

#include "common/buffer.h"
#include "common/uuid.h"

struct reports_options {
    const char *areas, *towns; /* files of schemas/reference */
    size_t count;
    double days; /* over which they were seen */
    uint64_t seed;
};

struct report {
    struct mq_uuid id;
    uint64_t case_key;    /* of the case that it would open: reports_key */
    size_t offset, bytes; /* of its payload in the text */
    uint32_t device;      /* that sent it */
    int64_t due_us;       /* when it was to be sent */
    int64_t receipt_us, handled_us, told_us; /* 0: not yet */
};

struct reports {
    struct report *list; /* owned */
    size_t count;
    struct mq_buffer text; /* all payloads */
    uint32_t *index[2];    /* open addressing, by id and by case: place + 1 */
    size_t mask;
};

/* All but ids and times comes from the seed. 0, -ENOMEM, -EINVAL when the files have no village. */
MQ_MUST_CHECK int reports_init(struct reports *reports, const struct reports_options *options);
void reports_deinit(struct reports *reports);

enum reports_by { REPORTS_BY_ID, REPORTS_BY_CASE };

/* The report with an id, or whose case has it; `text` begins with 36 characters of a UUID. NULL: none of ours. */
struct report *reports_find(const struct reports *reports, enum reports_by by, struct mq_str text);

#endif
