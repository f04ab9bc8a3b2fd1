/* SPDX-License-Identifier: Apache-2.0 */
/* One batch: split, decode, one transaction, publish what it returned; put aside what cannot be handled. */
#include "stage_internal.h"

#include "clock.h"
#include "drill.h"
#include "log.h"
#include "watchdog.h"

#include <errno.h>
#include <stdlib.h>

static const struct mq_statement reject_statement = {
    "insert_rejections",
    "insert into minqing.rejections (at, service, topic, bytes, size, errors)"
    " select minqing.now(), t.* from unnest($1::text[], $2::text[], $3::bytea[], $4::integer[], $5::jsonb[]) t",
    5
};

static int add_element(struct mq_stage *stage, const struct mq_arrival *arrival, struct mq_str bytes) {
    if (stage->element_count == stage->element_capacity) {
        size_t more = stage->element_capacity ? stage->element_capacity * 2 : MQ_BATCH_MESSAGES;
        struct mq_element *grown = reallocarray(stage->elements, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        stage->elements = grown;
        stage->element_capacity = more;
    }
    stage->elements[stage->element_count++] = (struct mq_element){ arrival, bytes };
    return 0;
}

void mq_batch_deinit(struct mq_stage *stage) {
    free(stage->elements);
    for (size_t i = 0; i < stage->rejected_count; i++)
        free(stage->rejected[i]);
    free(stage->rejected);
    mq_columns_deinit(&stage->rows);
    mq_columns_deinit(&stage->rejections);
    mq_columns_deinit(&stage->pending);
    for (size_t i = 0; i < MQ_STAGE_PASSES; i++)
        mq_buffer_deinit(&stage->passes[i].text);
}

/* Publishing -------------------------------------------------------------------------------------------------------*/

void mq_stage_publish(struct mq_stage *stage, const char *topic, const struct mq_publication *publication) {
    mq_drill_point(MQ_DRILL_SPEAKING);
    /* a lost connection is noticed by the loop; resend or sweep bring this again */
    mq_ignore(mq_bus_publish(stage->bus, topic, publication, NULL));
}

/* Waits for the answers and confirms in one statement. What was lost or refused stays unconfirmed and is swept. */
static int settle(struct mq_stage *stage) {
    if (stage->pending_count == 0)
        return 0;
    mq_ignore(mq_bus_flush(stage->bus));
    mq_drill_point(MQ_DRILL_CONFIRMING);
    const struct mq_statement *confirm = stage->route->confirm;
    struct mq_columns answered;
    mq_columns_init(&answered, confirm->columns);
    const struct mq_columns *p = &stage->pending;
    for (size_t row = 0; row < stage->pending_count; row++) {
        enum mq_ack ack = stage->acks[row];
        if (ack != MQ_ACK_TAKEN && ack != MQ_ACK_UNHEARD)
            continue;
        for (size_t c = 0; c < p->columns; c++) {
            const struct mq_cell *cell = &p->cells[row * p->columns + c];
            mq_columns_text(&answered, (struct mq_str){ p->text.data + cell->offset, cell->len });
        }
        mq_columns_text(&answered, ack == MQ_ACK_TAKEN ? MQ_STR("taken") : MQ_STR("unheard"));
    }
    stage->pending_count = 0;
    mq_columns_reset(&stage->pending);
    int r = 0;
    if (answered.rows) {
        PGresult *result = NULL;
        r = mq_store_run(stage->store, confirm, &answered, 0, answered.rows, &result, NULL);
        PQclear(result);
    }
    mq_columns_deinit(&answered);
    return r < 0 ? r : 0;
}

void mq_stage_publish_confirmed(struct mq_stage *stage, const char *topic, const struct mq_publication *publication,
                                const struct mq_str *cells, size_t count) {
    if (stage->pending_count == MQ_STAGE_ACKS) {
        int r = settle(stage);
        if (r < 0)
            stage->fatal = r;
    }
    if (stage->pending.columns != count) {
        mq_columns_deinit(&stage->pending);
        mq_columns_init(&stage->pending, count);
    }
    if (mq_bus_publish(stage->bus, topic, publication, &stage->acks[stage->pending_count]) < 0)
        return;
    for (size_t i = 0; i < count; i++)
        mq_columns_text(&stage->pending, cells[i]);
    stage->pending_count++;
}

static void send_pass(struct mq_stage *stage, struct mq_pass *pass) {
    if (pass->count == 0)
        return;
    mq_buffer_append_char(&pass->text, ']');
    char topic[MQ_TOPIC_BYTES];
    if (!pass->text.failed && mq_topic_format(pass->topic, NULL, 0, topic) == 0) {
        struct mq_publication p = { .payload = { pass->text.data, pass->text.len }, .qos = 1 };
        mq_stage_publish(stage, topic, &p);
    }
    mq_buffer_reset(&pass->text, MQ_BATCH_BYTES * 2);
    pass->count = 0;
}

void mq_stage_pass(struct mq_stage *stage, enum mq_topic topic, struct mq_str element) {
    struct mq_pass *pass = stage->passes;
    while (pass < stage->passes + MQ_STAGE_PASSES && pass->count && pass->topic != topic)
        pass++;
    if (pass == stage->passes + MQ_STAGE_PASSES)
        return;
    if (pass->count == MQ_BATCH_MESSAGES || (pass->count && pass->text.len + element.n > MQ_BATCH_BYTES))
        send_pass(stage, pass);
    pass->topic = topic;
    mq_buffer_append_char(&pass->text, pass->count++ ? ',' : '[');
    mq_buffer_append_str(&pass->text, element);
}

static void send_passes(struct mq_stage *stage) {
    for (size_t i = 0; i < MQ_STAGE_PASSES; i++)
        send_pass(stage, &stage->passes[i]);
}

/* Putting aside ----------------------------------------------------------------------------------------------------*/

static int put_aside(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults) {
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

void mq_stage_put_aside(struct mq_stage *stage, const struct mq_route *route, const struct mq_element *element,
                        const struct mq_faults *faults) {
    (void)route;
    int r = put_aside(stage, element, faults);
    if (r < 0)
        stage->fatal = r;
}

static void rejection_row(struct mq_stage *stage, const struct mq_rejected *rejected) {
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
    mq_columns_text(c, rejected->element->arrival->topic);
    mq_columns_bytes(c, bytes);
    mq_columns_integer(c, (int64_t)size);
    mq_columns_text(c, (struct mq_str){ errors.data, errors.len });
}

/* Stores the rejections of the batch, then tells the senders: who is told “rejected” finds it in the table. */
static int flush_rejected(struct mq_stage *stage) {
    if (stage->rejected_count == 0)
        return 0;
    mq_columns_reset(&stage->rejections);
    if (stage->rejections.columns == 0)
        mq_columns_init(&stage->rejections, reject_statement.columns);
    for (size_t i = 0; i < stage->rejected_count; i++)
        rejection_row(stage, stage->rejected[i]);
    PGresult *result = NULL;
    const char *fault = NULL;
    int outcome = mq_store_run(stage->store, &reject_statement, &stage->rejections, 0, stage->rejections.rows, &result, &fault);
    PQclear(result);
    if (outcome == MQ_BAD_DATA)
        mq_log_limited("rejections-lost", 60000, MQ_ERROR, "%zu rejections could not be stored, and their senders were not told: %s; "
                       "they send again: see the database's log", stage->rejected_count, fault);
    mq_metrics_add(&stage->metrics, MQ_METRIC_REJECTED, stage->rejected_count);
    for (size_t i = 0; i < stage->rejected_count; i++) {
        if (stage->route->reject && outcome == MQ_STORED)
            stage->route->reject(stage, stage->rejected[i]->element, &stage->rejected[i]->faults);
        free(stage->rejected[i]);
    }
    stage->rejected_count = 0;
    return outcome < 0 ? outcome : 0;
}

/* Storing ----------------------------------------------------------------------------------------------------------*/

/* Waits for the database to come back. -ECANCELED when the service stops or another instance took over. */
static int await_store(struct mq_stage *stage) {
    bool alone = stage->exclusive && stage->service->exclusive_lock;
    mq_metrics_add(&stage->metrics, MQ_METRIC_RETRIES, 1);
    do {
        mq_stage_wait(stage, 50, false);
        if (stage->stopping)
            return -ECANCELED;
        if (stage->fatal)
            return stage->fatal;
        if (mq_bus_connected(stage->bus) && mq_clock_monotonic_us() >= stage->health_due_us) {
            stage->health_due_us = mq_clock_monotonic_us() + stage->settings->health_ms * 1000;
            mq_health_publish(stage, "up");
        }
        bool ready = mq_stage_store_ready(stage);
        if (alone && !stage->exclusive)
            return -ECANCELED;
        if (ready)
            return 0;
    } while (true);
}

static size_t element_of_row(const struct mq_stage *stage, size_t row) {
    /* cells lie one behind the other without an end mark */
    const struct mq_cell *cell = &stage->rows.cells[row * stage->rows.columns];
    size_t index = 0;
    for (size_t i = 0; i < cell->len; i++)
        index = index * 10 + (size_t)(stage->rows.text.data[cell->offset + i] - '0');
    return index;
}

/* Runs rows [first, first+count) in one transaction. A row that the database refuses is found by halving and put aside, and
 * harms none of the others. */
static int store_rows(struct mq_stage *stage, size_t first, size_t count) {
    PGresult *result = NULL;
    const char *fault = NULL;
    int outcome;
    while ((outcome = mq_store_run(stage->store, stage->route->statement, &stage->rows, first, count, &result, &fault)) == MQ_STORE_AWAY) {
        int r = await_store(stage);
        if (r < 0)
            return r;
    }
    if (outcome < 0)
        return outcome;
    if (outcome == MQ_STORED) {
        mq_metrics_add(&stage->metrics, MQ_METRIC_BATCHES, 1);
        mq_drill_point(MQ_DRILL_COMMITTED);
        mq_watchdog_at("passing on what came of", stage->route->statement->name);
        int r = stage->route->encode(stage, stage->elements, result);
        PQclear(result);
        return r;
    }
    if (count > 1) {
        int r = store_rows(stage, first, count / 2);
        return r < 0 ? r : store_rows(stage, first + count / 2, count - count / 2);
    }
    struct mq_faults faults = { 0 };
    mq_fault_add(&faults, "", "the database refused it: %s", fault);
    return put_aside(stage, &stage->elements[element_of_row(stage, first)], &faults);
}

/* What comes from outside must not stay at the broker, where it outlives its handling, can name people, and comes to everybody who
 * subscribes later: it is refused, and the copy cleared before the sender is told so. */
static bool refuse_retained(struct mq_stage *stage, const struct mq_element *element, struct mq_faults *faults) {
    const struct mq_arrival *arrival = element->arrival;
    char topic[MQ_TOPIC_BYTES];
    if (!arrival->retained || stage->route->array || arrival->topic.n >= sizeof(topic))
        return false;
    memcpy(topic, arrival->topic.s, arrival->topic.n);
    topic[arrival->topic.n] = '\0';
    mq_stage_publish(stage, topic, &(struct mq_publication){ .payload = MQ_STR(""), .qos = 1, .retained = true });
    mq_fault_add(faults, "", "must not be retained: publish without the retain flag");
    return true;
}

/* Handles what is in `elements`, then empties it. */
static int run(struct mq_stage *stage) {
    const struct mq_route *route = stage->route;
    if (stage->rows.columns != route->statement->columns) {
        mq_columns_deinit(&stage->rows);
        mq_columns_init(&stage->rows, route->statement->columns);
    }
    mq_columns_reset(&stage->rows);
    int r = 0;
    for (size_t i = 0; i < stage->element_count && r == 0; i++) {
        mq_watchdog_at("decoding for", route->statement->name);
        struct mq_faults faults;
        faults.count = 0;
        size_t rows = stage->rows.rows;
        mq_columns_integer(&stage->rows, (int64_t)i);
        r = refuse_retained(stage, &stage->elements[i], &faults) ? 1
                                                                 : route->decode(stage, &stage->elements[i], &stage->rows, &faults);
        if (r > 0) {
            mq_columns_cancel(&stage->rows);
            r = put_aside(stage, &stage->elements[i], &faults);
        } else if (r == 0 && stage->rows.rows != rows + 1) {
            r = -EINVAL; /* the decoder's cells and the statement's columns do not agree */
        }
    }
    if (r == 0 && stage->rows.rows)
        r = store_rows(stage, 0, stage->rows.rows);
    if (r == 0)
        r = flush_rejected(stage);
    if (r == 0) {
        send_passes(stage);
        r = settle(stage);
    }
    for (size_t i = 0; i < stage->rejected_count; i++)
        free(stage->rejected[i]);
    stage->rejected_count = 0;
    stage->element_count = 0;
    return r;
}

struct splitting {
    struct mq_stage *stage;
    const struct mq_arrival *arrival;
};

static int split(void *userdata, struct mq_str element) {
    struct splitting *s = userdata;
    if (s->stage->element_count == MQ_BATCH_MESSAGES) {
        int r = run(s->stage);
        if (r < 0)
            return r;
    }
    return add_element(s->stage, s->arrival, element);
}

static int add_arrival(struct mq_stage *stage, const struct mq_arrival *arrival) {
    struct splitting s = { stage, arrival };
    if (arrival->retained && arrival->payload.n == 0)
        return 0; /* a copy being cleared, by us or by its sender: no message */
    if (!stage->route->array) /* NOLINT(clang-analyzer-core.NullDereference): the caller's loop has set it */
        return split(&s, arrival->payload);
    struct mq_faults faults;
    faults.count = 0;
    if (mq_json_scan(arrival->payload, &faults)) {
        int r = mq_json_each(arrival->payload, split, &s);
        if (r != -EINVAL)
            return r;
        mq_fault_add(&faults, "", "must be an array of elements");
    }
    struct mq_element whole = { arrival, arrival->payload };
    int r = put_aside(stage, &whole, &faults);
    return r < 0 ? r : flush_rejected(stage);
}

static const struct mq_route *route_of(const struct mq_stage *stage, struct mq_str topic) {
    struct mq_topic_parts parts;
    for (size_t i = 0; i < stage->service->route_count; i++)
        if (mq_topic_parse(stage->service->routes[i].topic, topic, &parts))
            return &stage->service->routes[i];
    return NULL;
}

int mq_batch_arrivals(struct mq_stage *stage, const struct mq_arrival *arrivals, size_t count) {
    for (size_t i = 0; i < stage->service->route_count; i++) {
        stage->route = &stage->service->routes[i];
        for (size_t k = 0; k < count; k++) {
            if (route_of(stage, arrivals[k].topic) != stage->route)
                continue;
            int r = add_arrival(stage, &arrivals[k]);
            if (r < 0)
                return stage->element_count = 0, r;
        }
        int r = run(stage);
        if (r < 0)
            return r;
    }
    return 0;
}

int mq_batch_done(struct mq_stage *stage, const struct mq_route *route, PGresult *rows) {
    stage->route = route;
    int r = route->encode(stage, NULL, rows);
    if (r == 0) {
        send_passes(stage);
        r = settle(stage);
    }
    return r;
}

int mq_batch_swept(struct mq_stage *stage, const struct mq_route *route, const PGresult *rows) {
    char topic[MQ_TOPIC_BYTES];
    int r = mq_topic_format(route->topic, NULL, 0, topic);
    if (r < 0)
        return r;
    struct mq_arrival arrival = { .topic = mq_str(topic), .arrived_us = mq_clock_monotonic_us() };
    stage->route = route;
    for (int i = 0; i < PQntuples(rows) && r == 0; i++)
        r = add_element(stage, &arrival, mq_result_str(rows, i, 0));
    return r < 0 ? r : run(stage);
}
