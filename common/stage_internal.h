/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the stage share: stage.c (setup and loop), stage_gather.c, stage_batch.c, stage_reject.c, stage_sweep.c, stage_health.c. */
#ifndef MQ_STAGE_INTERNAL_H
#define MQ_STAGE_INTERNAL_H

#include "stage.h"

#define MQ_STAGE_SWEEPS 4
#define MQ_STAGE_PASSES 4
#define MQ_STAGE_ROUTES 8
#define MQ_STAGE_CONFIRMS 1024 /* most rows of a confirm statement */
#define MQ_STAGE_ACKS 4096     /* answers to publications of these rows that may be open */

/* A stage message being filled. */
struct mq_pass {
    enum mq_topic topic;
    size_t count;
    struct mq_buffer text;
};

struct mq_sweep_state {
    bool active;        /* between two batches of one sweep */
    int64_t due_us;     /* monotonic: when the next one begins */
    char position[80];  /* from where the next batch looks */
    char upto[32];      /* where this sweep ends */
    char watermark[32]; /* every row before it is handled */
    char earlier_xmin[32], earlier_xmax[32]; /* the snapshot when the sweep before began; "" at first */
    char first[160];    /* position and element seen first in the last batch: a batch that begins the same made no headway */
    size_t brought;     /* rows of this sweep so far */
    size_t behind;      /* rows that it brought when it last finished */
};

struct mq_rejected {
    const struct mq_element *element;
    struct mq_faults faults;
};

struct mq_stage {
    const struct mq_service *service;
    const struct mq_stage_settings *settings;
    struct mq_bus *bus;
    struct mq_store *store;
    struct mq_inbox *inbox;
    struct mq_metrics metrics;
    struct mq_recent recent;
    char health_topic[MQ_TOPIC_BYTES];
    int signals;        /* signalfd */
    bool stopping;
    bool exclusive;     /* this instance holds the lock of its service, or needs none */
    int fatal;          /* negative errno that ended the loop */

    /* connections */
    unsigned broker_tries, store_tries;
    int64_t broker_due_us, store_due_us;
    bool subscribed;
    _Atomic bool retained_left; /* a retained message was thrown away: the broker may still have it */
    int64_t resubscribe_due_us;

    /* arrivals are left in the inbox until then, or until there are so many bytes of them */
    struct { int64_t until_us; size_t enough_bytes; } gather;

    /* the batch being handled */
    struct mq_element *elements;
    size_t element_count, element_capacity;
    struct mq_columns rows;
    struct mq_columns rejections;
    struct mq_rejected **rejected;
    size_t rejected_count, rejected_capacity;
    /* most rows of one transaction of each route; a sweep's need not be among the service's */
    struct mq_route_rows { const struct mq_route *route; size_t most; } rows_most[MQ_STAGE_ROUTES + MQ_STAGE_SWEEPS];
    size_t running; /* rows of the transaction that encode is given the result of */
    size_t fated; /* elements of this batch that were counted as handled or rejected */
    const struct mq_route *route;

    /* on the way out */
    struct mq_pass passes[MQ_STAGE_PASSES];
    struct mq_columns pending;                  /* rows to be confirmed */
    enum mq_ack outcomes[MQ_STAGE_CONFIRMS];    /* of each row: of its answers so far the one that counts */
    const struct mq_statement *confirm;         /* theirs */
    enum mq_ack acks[MQ_STAGE_ACKS];            /* of publications of these rows, answer perhaps not yet known */
    uint16_t ack_rows[MQ_STAGE_ACKS];
    size_t ack_count;
    int64_t settle_due_us;                      /* monotonic: until then answers may come by themselves, and more be confirmed with these */

    struct mq_sweep_state sweeps[MQ_STAGE_SWEEPS];
    int64_t health_due_us, tick_due_us;
};

/* stage.c: waits up to `us` for a signal or, with `inbox`, for a message; a signal to stop sets `stopping`. */
void mq_stage_wait(struct mq_stage *stage, int64_t us, bool inbox);
/* stage.c: tries once to have the database (and the lock); true when it is there. */
bool mq_stage_store_ready(struct mq_stage *stage);

/* stage_gather.c: how long the inbox is to be left alone now, so that a larger batch gathers in it; 0 where there is little to do, or
 * enough has gathered. */
int64_t mq_gather_pause_us(const struct mq_stage *stage);
/* After each batch: what it took of the inbox, how many elements that was, and when it began. */
void mq_gather_learn(struct mq_stage *stage, size_t bytes, size_t elements, int64_t begun_us);

/* stage_batch.c: splits, decodes, stores, publishes. 0, or a negative errno that ends the service. -ECANCELED: stopping, or the
 * lock was lost; what was not handled comes again. */
int mq_batch_arrivals(struct mq_stage *stage, const struct mq_arrival *arrivals, size_t count);
int mq_batch_swept(struct mq_stage *stage, const struct mq_route *route, const PGresult *rows);
/* Waits for the database to come back. -ECANCELED when the service stops or another instance took over. */
int mq_batch_await_store(struct mq_stage *stage);
/* Publishes what a statement returned that needed no elements. */
int mq_batch_done(struct mq_stage *stage, const struct mq_route *route, PGresult *rows);
/* Waits for the answers and confirms in one statement. What was lost or refused stays unconfirmed and is swept. */
int mq_batch_settle(struct mq_stage *stage);
/* Is it time to? When there is much to confirm; or nothing else to do and some time has passed, so that what comes next need not wait
 * for the answers, and one statement confirms what several batches have said. */
bool mq_batch_settle_due(const struct mq_stage *stage, bool idle);
/* Without the lock another instance speaks: what this one said is not its to confirm. After a disconnect. */
void mq_batch_forget(struct mq_stage *stage);
void mq_batch_deinit(struct mq_stage *stage);

/* stage_reject.c: adds one to what the batch puts aside; stores all of it and tells the senders (0, or as mq_batch_arrivals); forgets
 * it. */
int mq_reject_add(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);
int mq_reject_flush(struct mq_stage *stage);
void mq_reject_drop(struct mq_stage *stage);
void mq_reject_deinit(struct mq_stage *stage);

/* stage_sweep.c */
void mq_sweep_init(struct mq_stage *stage);
void mq_sweep_store_connected(struct mq_stage *stage);
void mq_sweep_bus_connected(struct mq_stage *stage);
/* Does one batch of one sweep that is due. *worked tells whether there was anything to do. */
int mq_sweep_step(struct mq_stage *stage, bool *worked);
/* Rows that the last finished backlogs brought. */
size_t mq_sweep_behind(const struct mq_stage *stage);
/* Monotonic microseconds when the next sweep is due. */
int64_t mq_sweep_due(const struct mq_stage *stage);

/* stage_health.c */
void mq_health_payload(struct mq_stage *stage, const char *state, struct mq_buffer *out);
void mq_health_publish(struct mq_stage *stage, const char *state);

#endif
