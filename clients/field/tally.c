/* SPDX-License-Identifier: Apache-2.0 */
/* What became of each report of a simulation. */
#include "tally.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* The last eight bytes are random in version 7 and a digest in versions 5 and 8. */
static size_t hash(const struct mq_uuid *id) {
    uint64_t h;
    memcpy(&h, id->bytes + 8, sizeof(h));
    return (size_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 16);
}

static const struct mq_uuid *id_of(const struct mq_tally *tally, uint32_t slot) {
    const struct mq_simulated *simulated = &tally->workload->reports[(slot - 1) / 2];
    return (slot - 1) % 2 ? &simulated->case_id : &simulated->id;
}

static void insert(struct mq_tally *tally, uint32_t slot) {
    size_t at = hash(id_of(tally, slot)) & tally->mask;
    while (tally->slots[at])
        at = (at + 1) & tally->mask;
    tally->slots[at] = slot;
}

int mq_tally_init(struct mq_tally *tally, const struct mq_workload *workload) {
    size_t size = 16;
    while (size < 4 * workload->count)
        size *= 2;
    *tally = (struct mq_tally){ .workload = workload, .mask = size - 1 };
    tally->trails = calloc(workload->count + 1, sizeof(*tally->trails));
    tally->slots = calloc(size, sizeof(*tally->slots));
    if (!tally->trails || !tally->slots) {
        mq_tally_deinit(tally);
        return -ENOMEM;
    }
    for (uint32_t slot = 1; slot <= 2 * workload->count; slot++)
        insert(tally, slot);
    return 0;
}

void mq_tally_deinit(struct mq_tally *tally) {
    free(tally->trails);
    free(tally->slots);
    tally->trails = NULL;
    tally->slots = NULL;
}

bool mq_tally_find(const struct mq_tally *tally, const struct mq_uuid *id, size_t *index, bool *is_case) {
    for (size_t at = hash(id) & tally->mask; tally->slots[at]; at = (at + 1) & tally->mask) {
        uint32_t slot = tally->slots[at];
        if (memcmp(id_of(tally, slot), id, sizeof(*id)) != 0)
            continue;
        *index = (slot - 1) / 2;
        *is_case = (slot - 1) % 2;
        return true;
    }
    return false;
}

/* A case of an earlier run was announced before this one began. */
static int64_t joined_us(const struct mq_tally *tally, const struct mq_trail *trail) {
    size_t other;
    bool is_case;
    if (trail->joined_us == 0 || !mq_tally_find(tally, &trail->joined, &other, &is_case))
        return trail->joined_us;
    int64_t announced = tally->trails[other].department_us;
    return announced == 0 ? 0 : announced > trail->joined_us ? announced : trail->joined_us;
}

int64_t mq_tally_arrived(const struct mq_tally *tally, size_t index) {
    const struct mq_trail *trail = &tally->trails[index];
    return trail->department_us ? trail->department_us : trail->review_us ? trail->review_us : joined_us(tally, trail);
}

static bool stored(const struct mq_trail *trail) {
    return trail->fate == MQ_FATE_ACCEPTED || trail->fate == MQ_FATE_DUPLICATE;
}

bool mq_tally_complete(const struct mq_tally *tally) {
    if (tally->receipts < tally->workload->count)
        return false;
    for (size_t i = 0; tally->departments && i < tally->workload->count; i++)
        if (stored(&tally->trails[i]) && mq_tally_arrived(tally, i) == 0)
            return false;
    return true;
}

static int compare(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles(int64_t *us, size_t count, double out[4]) {
    static const double at[] = { 0.5, 0.9, 0.99, 1 };
    qsort(us, count, sizeof(*us), compare);
    for (size_t q = 0; q < MQ_LENGTH(at); q++)
        out[q] = count ? (double)us[(size_t)(at[q] * (double)(count - 1) + 0.5)] / 1000 : 0;
}

static void count_one(const struct mq_tally *tally, size_t index, struct mq_figures *figures) {
    const struct mq_trail *trail = &tally->trails[index];
    int64_t joined = joined_us(tally, trail);
    figures->sent += trail->sent_us > 0;
    figures->accepted += trail->fate == MQ_FATE_ACCEPTED;
    figures->duplicate += trail->fate == MQ_FATE_DUPLICATE;
    figures->rejected += trail->fate == MQ_FATE_REJECTED;
    figures->without_receipt += trail->fate == MQ_FATE_UNKNOWN;
    figures->department += trail->department_us > 0 || (trail->review_us == 0 && joined > 0);
    figures->joined += trail->department_us == 0 && trail->review_us == 0 && joined > 0;
    figures->review += trail->department_us == 0 && trail->review_us > 0;
    figures->missing += stored(trail) && mq_tally_arrived(tally, index) == 0;
}

int mq_tally_figures(const struct mq_tally *tally, struct mq_figures *figures) {
    size_t n = tally->workload->count, receipts = 0, departments = 0;
    int64_t *to_receipt = calloc(n + 1, sizeof(int64_t)), *to_department = calloc(n + 1, sizeof(int64_t));
    int64_t first = INT64_MAX, last = 0;
    *figures = (struct mq_figures){ .reports = n };
    for (size_t i = 0; to_receipt && to_department && i < n; i++) {
        const struct mq_trail *trail = &tally->trails[i];
        count_one(tally, i, figures);
        if (trail->sent_us && trail->sent_us < first)
            first = trail->sent_us;
        if (trail->receipt_us > last)
            last = trail->receipt_us;
        if (trail->receipt_us)
            to_receipt[receipts++] = trail->receipt_us - trail->sent_us;
        if (trail->department_us)
            to_department[departments++] = trail->department_us - trail->sent_us;
    }
    bool failed = !to_receipt || !to_department;
    if (!failed) {
        quantiles(to_receipt, receipts, figures->receipt_ms);
        quantiles(to_department, departments, figures->department_ms);
        figures->rate = last > first ? (double)receipts * 1e6 / (double)(last - first) : 0;
    }
    free(to_receipt);
    free(to_department);
    return failed ? -ENOMEM : 0;
}

static void print_json(const struct mq_figures *f, bool departments, FILE *out) {
    fprintf(out,
            "{\"reports\":%zu,\"sent\":%zu,\"accepted\":%zu,\"duplicate\":%zu,\"rejected\":%zu,\"resent\":%" PRIu64
            ",\"without_receipt\":%zu,\"dropped\":%" PRIu64 ",\"rate\":%.1f",
            f->reports, f->sent, f->accepted, f->duplicate, f->rejected, f->resent, f->without_receipt, f->dropped, f->rate);
    fprintf(out, ",\"receipt_ms\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}", f->receipt_ms[0], f->receipt_ms[1],
            f->receipt_ms[2], f->receipt_ms[3]);
    if (departments)
        fprintf(out,
                ",\"department\":%zu,\"joined\":%zu,\"review\":%zu,\"missing\":%zu"
                ",\"department_ms\":{\"p50\":%.2f,\"p90\":%.2f,\"p99\":%.2f,\"max\":%.2f}",
                f->department, f->joined, f->review, f->missing, f->department_ms[0], f->department_ms[1], f->department_ms[2],
                f->department_ms[3]);
    fputs("}\n", out);
}

void mq_figures_print(const struct mq_figures *f, bool departments, bool json, FILE *out) {
    if (json) {
        print_json(f, departments, out);
        return;
    }
    fprintf(out, "上报 reports sent       %zu / %zu\n", f->sent, f->reports);
    fprintf(out, "已收 accepted           %zu\n", f->accepted);
    fprintf(out, "已收过 duplicate        %zu\n", f->duplicate);
    fprintf(out, "被拒 rejected           %zu\n", f->rejected);
    fprintf(out, "重发 resent             %" PRIu64 "\n", f->resent);
    fprintf(out, "无回执 without receipt  %zu\n", f->without_receipt);
    if (departments) {
        fprintf(out, "到部门 department       %zu (并案 joined %zu)\n", f->department, f->joined);
        fprintf(out, "待复核 review           %zu\n", f->review);
        fprintf(out, "缺失 missing            %zu\n", f->missing);
    }
    if (f->dropped)
        fprintf(out, "模拟器丢弃 dropped here %" PRIu64 "\n", f->dropped);
    fprintf(out, "每秒 rate               %.1f/s\n", f->rate);
    fprintf(out, "到回执 to receipt       p50 %.2f  p90 %.2f  p99 %.2f  max %.2f ms\n", f->receipt_ms[0], f->receipt_ms[1],
            f->receipt_ms[2], f->receipt_ms[3]);
    if (departments)
        fprintf(out, "到部门 to department    p50 %.2f  p90 %.2f  p99 %.2f  max %.2f ms\n", f->department_ms[0],
                f->department_ms[1], f->department_ms[2], f->department_ms[3]);
}
