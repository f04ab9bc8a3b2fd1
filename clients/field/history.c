/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a simulation. */
#include "history.h"

#include "common/clock.h"

#include <errno.h>

struct writer {
    FILE *file;
    int64_t epoch_us; /* what is added to a monotonic time */
};

static void put_time(const struct writer *w, const char *name, int64_t us) {
    if (us)
        fprintf(w->file, ",\"%s\":%.3f", name, (double)(us + w->epoch_us) / 1000);
    else
        fprintf(w->file, ",\"%s\":null", name);
}

static void put_word(const struct writer *w, const char *name, const char *word) {
    if (word)
        fprintf(w->file, ",\"%s\":\"%s\"", name, word);
    else
        fprintf(w->file, ",\"%s\":null", name);
}

static void put_one(const struct writer *w, const struct mq_fleet *fleet, size_t index) {
    static const char *const fates[] = { NULL, "accepted", "duplicate", "rejected" };
    const struct mq_simulated *report = &fleet->tally->workload->reports[index];
    const struct mq_trail *trail = &fleet->tally->trails[index];
    int64_t arrived = mq_tally_arrived(fleet->tally, index);
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&report->id, id);
    fprintf(w->file, "{\"id\":\"%s\",\"device\":\"%s\",\"severity\":%d,\"sends\":%u", id, fleet->officers[report->officer].account,
            report->severity, trail->sends);
    put_time(w, "sent", trail->sent_us);
    put_time(w, "taken", trail->taken_us);
    put_word(w, "receipt", fates[trail->fate]);
    put_time(w, "receipt_at", trail->receipt_us);
    put_time(w, "delivered", arrived);
    put_word(w, "where", !arrived ? NULL : trail->department_us ? "case" : trail->review_us ? "review" : "joined");
    fputs("}\n", w->file);
}

int mq_history_write(const struct mq_fleet *fleet, const char *path) {
    struct writer w = { .file = fopen(path, "we"), .epoch_us = mq_clock_now_us() - mq_clock_monotonic_us() };
    if (!w.file)
        return -errno;
    for (size_t i = 0; i < fleet->tally->workload->count; i++)
        put_one(&w, fleet, i);
    int failed = ferror(w.file);
    return fclose(w.file) != 0 || failed ? -EIO : 0;
}
