/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: reports, answers and visits that a device keeps on disk until the server has said that it has them. A SQLite file (WAL,
 * synchronous=FULL) that belongs to one account; what is returned as kept survives SIGKILL and power loss. It holds names in clear
 * until they are delivered: mode 0600, and what is deleted is overwritten. */
#ifndef MQ_OUTBOX_H
#define MQ_OUTBOX_H

#include "common/base.h"
#include "common/message.h"
#include "common/uuid.h"

#define MQ_OUTBOX_ORDINARY 2 /* the severity by which what has none takes its turn */

struct mq_outbox;

struct mq_outbox_options {
    const char *path;
    const char *account; /* whose it is; NULL: whoever's, to look only */
    int64_t max_reports; /* waiting at once */
    int64_t max_bytes;   /* of one message */
};

/* What was found to be damaged at opening and saved. */
struct mq_outbox_rescue {
    bool damaged;
    char kept_as[4096]; /* the damaged file, kept beside the new one */
    size_t rescued;     /* messages brought over, refused ones not counted */
    size_t unreadable;  /* rows seen whose content was not what had been kept */
    size_t unproven;    /* messages found that nothing proves whole: they are among those refused, and not sent */
};

struct mq_outbox_entry {
    int64_t key;
    struct mq_uuid id;
    enum mq_receipt_kind kind; /* report, visit, answer: what receipts call it, and where it is published */
    int severity;                                      /* 1–4, as it takes its turn */
    unsigned sends;                                    /* so far, as of the last postponement */
    int64_t kept_at_us;                                /* microseconds since 1970, as the following ones */
    int64_t not_before_us;                             /* 0: any time */
    int64_t refused_at_us;                             /* of refused ones */
    struct mq_str payload, traceparent, path, message; /* valid until the next call */
};

/* Opens or makes the file; a damaged one is rescued first, which *rescue (may be NULL) tells. 0; -EUSERS: it belongs to another
 * account; -EBUSY: another process holds it; -EUCLEAN: damaged while in use; -EACCES, -EROFS, -ENOSPC, -EIO, -ENOMEM. */
MQ_MUST_CHECK int mq_outbox_open(const struct mq_outbox_options *options, struct mq_outbox **out, struct mq_outbox_rescue *rescue);
void mq_outbox_free(struct mq_outbox *outbox);
static inline void mq_outbox_cleanup(struct mq_outbox **outbox) {
    mq_outbox_free(*outbox);
}

/* Keeps one message; 0 only after it is on disk. -ENOSPC: the outbox or the disk is full; -EMSGSIZE; -EEXIST: this id waits already;
 * others as above. Of `entry` the id, kind, severity, kept_at_us, payload and traceparent are read. */
MQ_MUST_CHECK int mq_outbox_keep(struct mq_outbox *outbox, const struct mq_outbox_entry *entry);

/* The message whose turn it is at `now_us`: the most severe, of those the oldest, not postponed and not among `taken` (at most 64
 * keys). 1 and *entry; 0: none; negative errno. */
MQ_MUST_CHECK int mq_outbox_next(struct mq_outbox *outbox, int64_t now_us, const int64_t *taken, size_t taken_count,
                                 struct mq_outbox_entry *entry);

/* One waiting message again. 1 and *entry; 0: it is gone; negative errno. */
MQ_MUST_CHECK int mq_outbox_read(struct mq_outbox *outbox, int64_t key, struct mq_outbox_entry *entry);

/* The server has it: it is deleted. 1; 0: it was not waiting; negative errno. */
MQ_MUST_CHECK int mq_outbox_settle(struct mq_outbox *outbox, const struct mq_uuid *id);

/* The server will never take it: it moves, with the reason, to those refused. 1, 0, negative errno as above. */
MQ_MUST_CHECK int mq_outbox_refuse(struct mq_outbox *outbox, const struct mq_uuid *id, struct mq_str path, struct mq_str message,
                                   int64_t now_us);

/* It is not sent again before `not_before_us`. 1, 0, negative errno as above. */
MQ_MUST_CHECK int mq_outbox_postpone(struct mq_outbox *outbox, const struct mq_uuid *id, unsigned sends, int64_t not_before_us);

/* Many changes, one write to the disk. */
MQ_MUST_CHECK int mq_outbox_begin(struct mq_outbox *outbox);
MQ_MUST_CHECK int mq_outbox_commit(struct mq_outbox *outbox);

/* How many wait, and how many were refused. */
MQ_MUST_CHECK int mq_outbox_counts(struct mq_outbox *outbox, size_t *waiting, size_t *refused);

/* Calls `each` for those waiting in the order of their turns, or for those refused, oldest first; `each` returns 0 to go on. */
MQ_MUST_CHECK int mq_outbox_each(struct mq_outbox *outbox, bool refused,
                                 int (*each)(void *userdata, const struct mq_outbox_entry *entry), void *userdata);

#endif
