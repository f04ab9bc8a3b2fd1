/* SPDX-License-Identifier: Apache-2.0 */
/* One batch: split, decode, one transaction, publish what it returned. */
#include "stage_internal.h"

#include "clock.h"
#include "drill.h"
#include "log.h"
#include "watchdog.h"

#include <errno.h>
#include <stdlib.h>

#define RESULT_BYTES ((size_t)4 * 1024 * 1024) /* of what a transaction returns, roughly at most */
#define ROWS_FIRST 16                          /* of a route's first transaction */
#define SETTLE_US 50000                        /* longest wait of an answer to be confirmed by a stage that is idle */

static void tally(struct mq_stage *stage, enum mq_metric which, size_t n) { mq_metrics_add(&stage->metrics, which, n); }

static int add_element(struct mq_stage *stage, const struct mq_arrival *arrival, struct mq_str bytes, bool scanned) {
    if (stage->element_count == stage->element_capacity) {
        size_t more = stage->element_capacity ? stage->element_capacity * 2 : MQ_BATCH_MESSAGES;
        struct mq_element *grown = reallocarray(stage->elements, more, sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        stage->elements = grown;
        stage->element_capacity = more;
    }
    stage->elements[stage->element_count++] = (struct mq_element){ arrival, bytes, scanned };
    return 0;
}

void mq_batch_deinit(struct mq_stage *stage) {
    free(stage->elements);
    mq_reject_deinit(stage);
    mq_columns_deinit(&stage->rows);
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

/* Of a row's answers the later ones of this order count. */
static const int weight[] = { [MQ_ACK_TAKEN] = 0, [MQ_ACK_UNHEARD] = 1, [MQ_ACK_REFUSED] = 2, [MQ_ACK_LOST] = 2, [MQ_ACK_PENDING] = 2 };

static void weigh(struct mq_stage *stage, size_t row, enum mq_ack ack) {
    if (weight[ack] > weight[stage->outcomes[row]])
        stage->outcomes[row] = ack;
}

/* Waits for the answers and adds them to their rows. */
static void gather_answers(struct mq_stage *stage) {
    mq_ignore(mq_bus_flush(stage->bus));
    for (size_t i = 0; i < stage->ack_count; i++)
        weigh(stage, stage->ack_rows[i], stage->acks[i]);
    stage->ack_count = 0;
}

int mq_batch_settle(struct mq_stage *stage) {
    if (stage->pending.rows == 0)
        return 0;
    gather_answers(stage);
    mq_drill_point(MQ_DRILL_CONFIRMING);
    const struct mq_statement *confirm = stage->confirm;
    struct mq_columns answered;
    mq_columns_init(&answered, confirm->columns);
    const struct mq_columns *p = &stage->pending;
    for (size_t row = 0; row < p->rows; row++) {
        enum mq_ack ack = stage->outcomes[row];
        if (ack != MQ_ACK_TAKEN && ack != MQ_ACK_UNHEARD)
            continue;
        for (size_t c = 0; c < p->columns; c++) {
            const struct mq_cell *cell = &p->cells[row * p->columns + c];
            mq_columns_text(&answered, (struct mq_str){ p->text.data + cell->offset, cell->len });
        }
        mq_columns_text(&answered, ack == MQ_ACK_TAKEN ? MQ_STR("taken") : MQ_STR("unheard"));
    }
    mq_batch_forget(stage);
    int r = 0;
    if (answered.rows) {
        PGresult *result = NULL;
        r = mq_store_run(stage->store, confirm, &answered, 0, answered.rows, &result, NULL);
        PQclear(result);
    }
    mq_columns_deinit(&answered);
    return r < 0 ? r : 0;
}

bool mq_batch_settle_due(const struct mq_stage *stage, bool idle) {
    if (stage->pending.rows == 0)
        return false;
    return stage->pending.rows >= MQ_STAGE_CONFIRMS / 2 || (idle && mq_clock_monotonic_us() >= stage->settle_due_us);
}

void mq_batch_forget(struct mq_stage *stage) {
    stage->ack_count = 0;
    mq_columns_reset(&stage->pending);
}

void mq_stage_confirm(struct mq_stage *stage, const struct mq_str *cells, size_t count) {
    if (stage->pending.rows == MQ_STAGE_CONFIRMS || stage->confirm != stage->route->confirm) {
        int r = mq_batch_settle(stage);
        if (r < 0)
            stage->fatal = r;
        stage->confirm = stage->route->confirm;
    }
    if (stage->pending.columns != count) {
        mq_columns_deinit(&stage->pending);
        mq_columns_init(&stage->pending, count);
    }
    if (stage->pending.rows == 0)
        stage->settle_due_us = mq_clock_monotonic_us() + SETTLE_US;
    stage->outcomes[stage->pending.rows] = MQ_ACK_TAKEN;
    for (size_t i = 0; i < count; i++)
        mq_columns_text(&stage->pending, cells[i]);
    if (stage->pending.failed)
        stage->fatal = -ENOMEM;
}

void mq_stage_publish_confirmed(struct mq_stage *stage, const char *topic, const struct mq_publication *publication) {
    if (stage->fatal)
        return;
    size_t row = stage->pending.rows - 1;
    if (stage->ack_count == MQ_STAGE_ACKS)
        gather_answers(stage);
    if (mq_bus_publish(stage->bus, topic, publication, &stage->acks[stage->ack_count]) < 0) {
        weigh(stage, row, MQ_ACK_LOST);
        return;
    }
    stage->ack_rows[stage->ack_count++] = (uint16_t)row;
}

void mq_stage_unconfirmed(struct mq_stage *stage) {
    if (!stage->fatal)
        weigh(stage, stage->pending.rows - 1, MQ_ACK_LOST);
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

size_t mq_stage_batch_rows(const struct mq_stage *stage) { return stage->running; }

/* Storing ----------------------------------------------------------------------------------------------------------*/

int mq_batch_await_store(struct mq_stage *stage) {
    bool alone = stage->exclusive && stage->service->exclusive_lock;
    mq_metrics_add(&stage->metrics, MQ_METRIC_RETRIES, 1);
    do {
        mq_stage_wait(stage, 50000, false);
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

/* How many rows the next transaction of this route may have: as many as gave results of a bearable size. Where a row returns much (a
 * case with a hundred long reports, for each of its departments) a full batch would not fit into a service's memory. */
static size_t *rows_most(struct mq_stage *stage) {
    struct mq_route_rows *of = stage->rows_most;
    while (of->route && of->route != stage->route)
        of++;
    if (!of->route)
        *of = (struct mq_route_rows){ stage->route, ROWS_FIRST };
    return &of->most;
}

static void learn_size(struct mq_stage *stage, const PGresult *result, size_t count) {
    size_t *most = rows_most(stage), bytes = PQresultMemorySize(result);
    if (bytes > RESULT_BYTES)
        *most = count * RESULT_BYTES / bytes + 1;
    else if (bytes < RESULT_BYTES / 4 && count == *most)
        *most = count * 2 < MQ_BATCH_MESSAGES ? count * 2 : MQ_BATCH_MESSAGES;
}

/* Runs rows [first, first+count) in one transaction. A row that the database refuses is found by halving and put aside, and
 * harms none of the others. */
static int store_rows(struct mq_stage *stage, size_t first, size_t count) {
    PGresult *result = NULL;
    const char *fault = NULL;
    int outcome;
    while ((outcome = mq_store_run(stage->store, stage->route->statement, &stage->rows, first, count, &result, &fault)) == MQ_STORE_AWAY) {
        int r = mq_batch_await_store(stage);
        if (r < 0)
            return r;
    }
    if (outcome < 0)
        return outcome;
    if (outcome == MQ_STORED) {
        mq_metrics_add(&stage->metrics, MQ_METRIC_BATCHES, 1);
        mq_drill_point(MQ_DRILL_COMMITTED);
        mq_watchdog_at("passing on what came of", stage->route->statement->name);
        size_t aside = stage->rejected_count;
        stage->running = count;
        learn_size(stage, result, count);
        mq_bus_hold(stage->bus);
        int r = stage->route->encode(stage, stage->elements, result);
        mq_bus_release(stage->bus);
        PQclear(result);
        /* what encode put aside is counted as rejected */
        size_t handled = count - (stage->rejected_count - aside);
        mq_metrics_add(&stage->metrics, MQ_METRIC_HANDLED, handled);
        stage->fated += handled;
        return r;
    }
    if (count > 1) {
        int r = store_rows(stage, first, count / 2);
        return r < 0 ? r : store_rows(stage, first + count / 2, count - count / 2);
    }
    struct mq_faults faults = { 0 };
    mq_fault_add(&faults, "", "the database refused it: %s", fault);
    return mq_reject_add(stage, &stage->elements[element_of_row(stage, first)], &faults);
}

static int store_all(struct mq_stage *stage) {
    int r = 0;
    for (size_t first = 0, count; first < stage->rows.rows && r == 0; first += count) {
        size_t left = stage->rows.rows - first, most = *rows_most(stage);
        count = left < most ? left : most;
        r = store_rows(stage, first, count);
    }
    return r;
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
    stage->fated = 0;
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
            r = mq_reject_add(stage, &stage->elements[i], &faults);
        } else if (r == 0 && stage->rows.rows != rows + 1) {
            r = -EINVAL; /* the decoder's cells and the statement's columns do not agree */
        }
    }
    if (r == 0)
        r = store_all(stage);
    if (r == 0)
        r = mq_reject_flush(stage);
    if (r == 0)
        send_passes(stage);
    mq_reject_drop(stage);
    tally(stage, MQ_METRIC_ABANDONED, stage->element_count - stage->fated);
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
    tally(s->stage, MQ_METRIC_ELEMENTS, 1);
    return add_element(s->stage, s->arrival, element, s->stage->route->array);
}

/* Puts aside a message that no route can take apart. */
static int refuse_whole(struct mq_stage *stage, const struct mq_arrival *arrival, const struct mq_faults *faults) {
    struct mq_element whole = { .arrival = arrival, .bytes = arrival->payload };
    tally(stage, MQ_METRIC_ELEMENTS, 1);
    int r = mq_reject_add(stage, &whole, faults);
    if (r == 0)
        r = mq_reject_flush(stage);
    mq_reject_drop(stage);
    if (r < 0)
        tally(stage, MQ_METRIC_ABANDONED, 1);
    return r;
}

/* An arrival that comes to no route; true: it was one. */
static bool aside_from_routes(struct mq_stage *stage, const struct mq_arrival *arrival) {
    bool clearing = arrival->retained && arrival->payload.n == 0; /* by us or by its sender: no message */
    /* a retained one above the rate is refused as ever: that clears the broker's copy */
    bool over = !clearing && arrival->over && !arrival->retained;
    if (!clearing && !over)
        return false;
    if (over)
        stage->service->later(stage, &(struct mq_element){ .arrival = arrival, .bytes = arrival->payload });
    tally(stage, MQ_METRIC_ELEMENTS, 1);
    tally(stage, over ? MQ_METRIC_LATER : MQ_METRIC_CLEARED, 1);
    return true;
}

static int add_arrival(struct mq_stage *stage, const struct mq_arrival *arrival) {
    struct splitting s = { stage, arrival };
    if (aside_from_routes(stage, arrival))
        return 0;
    if (!stage->route->array) /* NOLINT(clang-analyzer-core.NullDereference): the caller's loop has set it */
        return split(&s, arrival->payload);
    struct mq_faults faults;
    faults.count = 0;
    struct mq_str parts[MQ_BATCH_MESSAGES];
    size_t count;
    if (!mq_json_scan_parts(arrival->payload, parts, MQ_LENGTH(parts), &count, &faults))
        return refuse_whole(stage, arrival, &faults);
    if (count == SIZE_MAX) {
        mq_fault_add(&faults, "", "must be an array of elements");
        return refuse_whole(stage, arrival, &faults);
    }
    /* no stage sends more than fit */
    if (count > MQ_LENGTH(parts))
        return mq_json_each(arrival->payload, split, &s);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++)
        r = split(&s, parts[i]);
    return r;
}

static const struct mq_route *route_of(const struct mq_stage *stage, struct mq_str topic) {
    struct mq_topic_parts parts;
    for (size_t i = 0; i < stage->service->route_count; i++)
        if (mq_topic_parse(stage->service->routes[i].topic, topic, &parts))
            return &stage->service->routes[i];
    return NULL;
}

/* One batch of messages by what handles them. */
struct sorted {
    const struct mq_arrival *arrivals;
    const struct mq_route *routes[MQ_BATCH_MESSAGES]; /* of each, NULL: none */
    size_t count, done;
};

/* The broker gives what the subscriptions cover; a topic among that which is nobody's has a level of a form that none may have. */
static int refuse_strangers(struct mq_stage *stage, struct sorted *batch) {
    stage->route = &stage->service->routes[0];
    for (size_t k = 0; k < batch->count; k++) {
        struct mq_faults faults;
        faults.count = 0;
        if (batch->routes[k])
            continue;
        batch->done++;
        mq_fault_add(&faults, "", "came on a topic that this service does not know");
        int r = refuse_whole(stage, &batch->arrivals[k], &faults);
        if (r < 0)
            return r;
    }
    return 0;
}

static int run_routes(struct mq_stage *stage, struct sorted *batch) {
    int r = refuse_strangers(stage, batch);
    for (size_t i = 0; i < stage->service->route_count && r == 0; i++) {
        stage->route = &stage->service->routes[i];
        for (size_t k = 0; k < batch->count && r == 0; k++) {
            if (batch->routes[k] != stage->route)
                continue;
            batch->done++;
            r = add_arrival(stage, &batch->arrivals[k]);
        }
        if (r == 0)
            r = run(stage);
    }
    return r;
}

int mq_batch_arrivals(struct mq_stage *stage, const struct mq_arrival *arrivals, size_t count) {
    struct sorted batch;
    batch.arrivals = arrivals;
    batch.count = count;
    batch.done = 0;
    for (size_t k = 0; k < count; k++)
        batch.routes[k] = route_of(stage, arrivals[k].topic);
    int r = run_routes(stage, &batch);
    if (r < 0) {
        tally(stage, MQ_METRIC_ELEMENTS, count - batch.done);
        tally(stage, MQ_METRIC_ABANDONED, count - batch.done + stage->element_count);
        stage->element_count = 0;
    }
    return r;
}

int mq_batch_done(struct mq_stage *stage, const struct mq_route *route, PGresult *rows) {
    stage->route = route;
    mq_bus_hold(stage->bus);
    int r = route->encode(stage, NULL, rows);
    mq_bus_release(stage->bus);
    if (r == 0) {
        send_passes(stage);
        r = mq_batch_settle(stage);
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
        r = add_element(stage, &arrival, mq_result_str(rows, i, 0), false);
    if (r == 0)
        r = run(stage);
    return r < 0 ? r : mq_batch_settle(stage);
}
