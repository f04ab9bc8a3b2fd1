/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses as a table. */
#include "verdict.h"

#include "common/clock.h"

/* Those that do not speak of the one delivery, but of the webhook. */
static const int away_statuses[] = { 0, 429, 502, 503, 504 };

#define GONE 410

static bool is_away(int status) {
    for (size_t i = 0; i < MQ_LENGTH(away_statuses); i++)
        if (status == away_statuses[i])
            return true;
    return false;
}

static int64_t at_least(int64_t ms, int64_t least) { return ms < least ? least : ms; }

struct mq_verdict mq_verdict_of(const struct mq_answer_of *answer, int64_t first_ms, int64_t cap_ms) {
    struct mq_verdict verdict = { .outcome = MQ_TRY_AGAIN };
    if (answer->status >= 200 && answer->status < 300) {
        verdict.outcome = MQ_DELIVERED;
        return verdict;
    }
    if (answer->status == GONE) {
        verdict.outcome = MQ_DO_NOT_TRY;
        verdict.gone = true;
        return verdict;
    }
    verdict.away = !answer->own_fault && is_away(answer->status);
    verdict.failures = verdict.away ? answer->failures + 1 : 0;
    int64_t asked_ms = answer->retry_after_s < MQ_RETRY_AFTER_MOST_MS / 1000 ? answer->retry_after_s * 1000 : MQ_RETRY_AFTER_MOST_MS;
    verdict.delay_ms = at_least(mq_clock_backoff_ms(answer->attempt ? answer->attempt - 1 : 0, first_ms, cap_ms), asked_ms);
    if (verdict.away)
        verdict.pause_ms = at_least(mq_clock_backoff_ms(answer->failures, first_ms, cap_ms), asked_ms);
    return verdict;
}

const char *mq_outcome_word(enum mq_outcome outcome) {
    static const char *const words[] = { [MQ_DELIVERED] = "done", [MQ_TRY_AGAIN] = "again", [MQ_DO_NOT_TRY] = "never" };
    return words[outcome];
}
