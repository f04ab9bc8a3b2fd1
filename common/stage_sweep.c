/* SPDX-License-Identifier: Apache-2.0 */
/* Sweeps: what no message brought is brought from the database. */
#include "stage_internal.h"

#include "clock.h"
#include "drill.h"
#include "log.h"

#include <errno.h>
#include <stdio.h>

#define CLOCK_BATCH 100 /* cases whose timers run in one transaction: others want their turn too */

static const struct mq_statement snapshot = {
    "snapshot", "select pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text from pg_current_snapshot() s", 0
};

static void copy(char *out, size_t size, const char *text) { snprintf(out, size, "%s", text); }

void mq_sweep_init(struct mq_stage *stage) {
    for (size_t i = 0; i < stage->service->sweep_count; i++)
        stage->sweeps[i] = (struct mq_sweep_state){ .watermark = "0", .due_us = INT64_MAX };
}

/* A database that went away may come back as another server with an older state: look at everything again. */
void mq_sweep_store_connected(struct mq_stage *stage) {
    for (size_t i = 0; i < stage->service->sweep_count; i++)
        if (stage->service->sweeps[i].kind != MQ_SWEEP_LIVE)
            stage->sweeps[i] = (struct mq_sweep_state){ .watermark = "0" };
}

void mq_sweep_bus_connected(struct mq_stage *stage) {
    for (size_t i = 0; i < stage->service->sweep_count; i++)
        if (stage->service->sweeps[i].kind == MQ_SWEEP_LIVE)
            stage->sweeps[i] = (struct mq_sweep_state){ .watermark = "0" };
}

/* A backlog looks from its watermark to where the database stood when the sweep before began: what is younger the messages are
 * still carrying. Transaction ids instead of times, which lie when a commit is late or a clock jumps. */
static int begin(struct mq_stage *stage, const struct mq_sweep *sweep, struct mq_sweep_state *state) {
    state->brought = 0;
    state->first[0] = '\0';
    if (sweep->kind != MQ_SWEEP_BACKLOG) {
        state->position[0] = state->upto[0] = '\0';
        state->active = true;
        return MQ_STORED;
    }
    PGresult *result = NULL;
    int outcome = mq_store_query(stage->store, &snapshot, NULL, 0, &result);
    if (outcome != MQ_STORED)
        return outcome;
    const char *xmin = PQgetvalue(result, 0, 0), *xmax = PQgetvalue(result, 0, 1);
    bool first = state->earlier_xmax[0] == '\0';
    copy(state->position, sizeof(state->position), state->watermark);
    copy(state->upto, sizeof(state->upto), first ? xmax : state->earlier_xmax);
    /* rows of transactions still open then may yet appear behind this sweep, so the watermark stops before them */
    copy(state->watermark, sizeof(state->watermark), first ? xmin : state->earlier_xmin);
    copy(state->earlier_xmin, sizeof(state->earlier_xmin), xmin);
    copy(state->earlier_xmax, sizeof(state->earlier_xmax), xmax);
    PQclear(result);
    state->active = true;
    return MQ_STORED;
}

/* The watermark was moved when the sweep began; if it does not finish, it must look from its old place again. */
static void abandon(struct mq_sweep_state *state) {
    copy(state->watermark, sizeof(state->watermark), state->position);
    state->active = false;
    state->due_us = mq_clock_monotonic_us() + 1000000;
}

static void finish(struct mq_stage *stage, const struct mq_sweep *sweep, struct mq_sweep_state *state) {
    state->active = false;
    int64_t every_ms = sweep->every_ms ? sweep->every_ms : stage->settings->sweep_ms;
    state->due_us = sweep->kind == MQ_SWEEP_LIVE ? INT64_MAX : mq_clock_monotonic_us() + every_ms * 1000;
    state->behind = sweep->kind == MQ_SWEEP_BACKLOG ? state->brought : 0;
    /* what lives is told again once a connection, which is said even just after another sweep */
    int64_t apart_ms = sweep->kind == MQ_SWEEP_LIVE ? 0 : 10000;
    if (state->brought && sweep->kind != MQ_SWEEP_CLOCK)
        mq_log_limited("swept", apart_ms, MQ_INFO, "%s: %zu handled that no message brought", sweep->statement->name, state->brought);
}

/* The statement does what is due; more of it is left when it did as much as it may at once. */
static int tick(struct mq_stage *stage, const struct mq_sweep *sweep, struct mq_sweep_state *state) {
    char limit[16];
    snprintf(limit, sizeof(limit), "%d", CLOCK_BATCH);
    const char *values[] = { limit };
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    int outcome = mq_store_query(stage->store, sweep->statement, values, 1, &result);
    if (outcome == MQ_STORE_AWAY || outcome == MQ_BAD_DATA) {
        abandon(state);
        return 0;
    }
    if (outcome < 0)
        return outcome;
    int rows = PQntuples(result);
    state->brought += (size_t)rows;
    if (rows < CLOCK_BATCH)
        finish(stage, sweep, state);
    return rows > 0 ? mq_batch_done(stage, sweep->route, result) : 0;
}

static int one_batch(struct mq_stage *stage, const struct mq_sweep *sweep, struct mq_sweep_state *state) {
    char limit[16];
    snprintf(limit, sizeof(limit), "%d", MQ_BATCH_MESSAGES);
    const char *values[] = { state->position, state->upto, limit };
    MQ_CLEANUP(mq_result_cleanup) PGresult *result = NULL;
    int outcome = mq_store_query(stage->store, sweep->statement, values, 3, &result);
    if (outcome == MQ_STORE_AWAY || outcome == MQ_BAD_DATA) {
        abandon(state);
        return 0;
    }
    if (outcome < 0)
        return outcome;
    int rows = PQntuples(result);
    if (rows == 0) {
        finish(stage, sweep, state);
        return 0;
    }
    char first[sizeof(state->first)];
    snprintf(first, sizeof(first), "%.40s%.110s", PQgetvalue(result, 0, 1), PQgetvalue(result, 0, 0));
    if (strcmp(first, state->first) == 0) {
        mq_log_limited("sweep-stuck", 60000, MQ_ERROR, "%s: rows up to %s cannot be handled: mend or remove what the table rejections says of them; 'minqing status' shows how many",
                       sweep->statement->name, PQgetvalue(result, rows - 1, 1));
        finish(stage, sweep, state);
        return 0;
    }
    copy(state->first, sizeof(state->first), first);
    mq_metrics_add(&stage->metrics, MQ_METRIC_SWEPT, (uint64_t)rows);
    int r = mq_batch_swept(stage, sweep->route, result);
    if (r < 0) {
        abandon(state);
        return r;
    }
    state->brought += (size_t)rows;
    copy(state->position, sizeof(state->position), PQgetvalue(result, rows - 1, 1));
    if (rows < MQ_BATCH_MESSAGES)
        finish(stage, sweep, state);
    return 0;
}

static bool taken_out(const struct mq_sweep *sweep) {
    return (sweep->kind == MQ_SWEEP_BACKLOG && mq_drill_without(MQ_DEFENCE_BACKLOG))
           || (sweep->kind == MQ_SWEEP_LIVE && mq_drill_without(MQ_DEFENCE_REANNOUNCE));
}

int mq_sweep_step(struct mq_stage *stage, bool *worked) {
    int64_t now = mq_clock_monotonic_us();
    size_t messages, bytes;
    mq_inbox_usage(stage->inbox, &messages, &bytes);
    if (messages * 16 > (size_t)stage->settings->inbox_messages)
        return 0;
    for (size_t i = 0; i < stage->service->sweep_count; i++) {
        struct mq_sweep_state *state = &stage->sweeps[i];
        if ((!state->active && now < state->due_us) || taken_out(&stage->service->sweeps[i]))
            continue;
        /* or it would bring what only waits to be confirmed */
        int settled = mq_batch_settle(stage);
        if (settled < 0)
            return settled;
        if (!state->active) {
            int outcome = begin(stage, &stage->service->sweeps[i], state);
            if (outcome < 0)
                return outcome;
            if (outcome != MQ_STORED)
                return 0;
        }
        bool clock = stage->service->sweeps[i].kind == MQ_SWEEP_CLOCK;
        int r = clock ? tick(stage, &stage->service->sweeps[i], state) : one_batch(stage, &stage->service->sweeps[i], state);
        if (r < 0)
            return r;
        *worked = *worked || state->active;
    }
    return 0;
}

size_t mq_sweep_behind(const struct mq_stage *stage) {
    size_t behind = 0;
    for (size_t i = 0; i < stage->service->sweep_count; i++)
        behind += stage->sweeps[i].behind;
    return behind;
}

int64_t mq_sweep_due(const struct mq_stage *stage) {
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < stage->service->sweep_count; i++) {
        const struct mq_sweep_state *state = &stage->sweeps[i];
        int64_t at = state->active ? 0 : state->due_us;
        due = at < due ? at : due;
    }
    /* an idle loop wakes for its timers all the same */
    int64_t soon = mq_clock_monotonic_us() + 1000000;
    return due < soon ? due : soon;
}
