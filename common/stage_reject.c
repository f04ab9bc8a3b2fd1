/* SPDX-License-Identifier: Apache-2.0 */
/* Putting aside: what cannot be handled is stored with its reason, then its sender is told. */
#include "stage_internal.h"

#include "log.h"

#include <errno.h>
#include <stdlib.h>

static const struct mq_statement put_aside = {
    "put_aside",
    "select minqing.put_aside($1::text[], $2::text[], $3::text[], $4::bytea[], $5::integer[], $6::jsonb[], $7::integer[], $8::bigint[])",
    8
};

int mq_reject_add(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    if (stage->rejected_count == stage->rejected_capacity) {
        size_t more = stage->rejected_capacity ? stage->rejected_capacity * 2 : 16;
        struct mq_rejected **grown = reallocarray(stage->rejected, more, sizeof(struct mq_rejected *));
        if (!grown)
            return -ENOMEM;
        stage->rejected = grown;
        stage->rejected_capacity = more;
    }
    struct mq_rejected *rejected = malloc(sizeof(*rejected));
    if (!rejected)
        return -ENOMEM;
    *rejected = (struct mq_rejected){ element, *faults };
    stage->rejected[stage->rejected_count++] = rejected;
    return 0;
}

void mq_reject_drop(struct mq_stage *stage) {
    for (size_t i = 0; i < stage->rejected_count; i++)
        free(stage->rejected[i]);
    stage->rejected_count = 0;
}

void mq_reject_deinit(struct mq_stage *stage) {
    mq_reject_drop(stage);
    free(stage->rejected);
    mq_columns_deinit(&stage->rejections);
}

void mq_stage_put_aside(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
    int r = mq_reject_add(stage, element, faults);
    if (r < 0)
        stage->fatal = r;
}

/* By whom rejections are counted: the topic, except for its last level where the sender chooses that freely. */
static struct mq_str sender_of(struct mq_str topic) {
    struct mq_topic_parts parts;
    return mq_topic_parse(MQ_TOPIC_QUERY, topic, &parts) ? parts.part[0] : topic;
}

static void add_row(struct mq_stage *stage, const struct mq_rejected *rejected) {
    struct mq_columns *c = &stage->rejections;
    struct mq_str bytes = rejected->element->bytes;
    size_t size = bytes.n;
    if (bytes.n > (size_t)stage->settings->rejection_bytes)
        bytes.n = (size_t)stage->settings->rejection_bytes;
    /* whom a report is about is never stored in clear, not even of a report that is no good: bytes end where that begins */
    bytes = mq_json_before_word(bytes, MQ_STR("subject"));
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer errors = { 0 };
    mq_json_faults(&errors, &rejected->faults);
    mq_columns_text(c, mq_str(stage->service->name));
    mq_columns_text(c, sender_of(rejected->element->arrival->topic));
    mq_columns_text(c, rejected->element->arrival->topic);
    mq_columns_bytes(c, bytes);
    mq_columns_integer(c, (int64_t)size);
    mq_columns_text(c, (struct mq_str){ errors.data, errors.len });
    mq_columns_integer(c, stage->settings->rejections_an_hour);
    mq_columns_integer(c, stage->settings->rejections_kept);
}

/* As the outcome of a batch; waits while the database is away. */
static int store(struct mq_stage *stage) {
    mq_columns_reset(&stage->rejections);
    if (stage->rejections.columns == 0)
        mq_columns_init(&stage->rejections, put_aside.columns);
    for (size_t i = 0; i < stage->rejected_count; i++)
        add_row(stage, stage->rejected[i]);
    PGresult *result = NULL;
    const char *fault = NULL;
    int outcome;
    while ((outcome = mq_store_run(stage->store, &put_aside, &stage->rejections, 0, stage->rejections.rows, &result, &fault))
           == MQ_STORE_AWAY) {
        int r = mq_batch_await_store(stage);
        if (r < 0)
            return r;
    }
    if (outcome == MQ_STORED && PQntuples(result) == 1)
        mq_metrics_add(&stage->metrics, MQ_METRIC_UNKEPT, (uint64_t)mq_result_integer(result, 0, 0));
    if (outcome == MQ_BAD_DATA) {
        mq_log_limited("rejections-lost", 60000, MQ_ERROR, "%zu rejections could not be stored, and their senders were not told: %s; "
                       "they send again: see the database's log", stage->rejected_count, fault);
        mq_metrics_add(&stage->metrics, MQ_METRIC_UNKEPT, stage->rejected_count);
    }
    PQclear(result);
    return outcome;
}

/* Who is told “rejected” finds it in the table, or, where there were too many, in its counts. */
int mq_reject_flush(struct mq_stage *stage) {
    if (stage->rejected_count == 0)
        return 0;
    int outcome = store(stage);
    if (outcome < 0)
        return outcome;
    mq_metrics_add(&stage->metrics, MQ_METRIC_REJECTED, stage->rejected_count);
    stage->fated += stage->rejected_count;
    for (size_t i = 0; i < stage->rejected_count; i++)
        if (stage->route->reject && outcome == MQ_STORED)
            stage->route->reject(stage, stage->rejected[i]->element, &stage->rejected[i]->faults);
    mq_reject_drop(stage);
    return 0;
}
