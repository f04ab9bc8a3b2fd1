/* SPDX-License-Identifier: Apache-2.0 */
/* The model: opening the file and predicting. */
#include "model_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t stir(uint64_t h, uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

uint64_t mq_model_checksum(const void *bytes, size_t n) {
    const size_t field = offsetof(struct mq_model_header, checksum);
    uint64_t h = n, word;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, (const char *)bytes + i, 8);
        h = stir(h, i == field ? 0 : word);
    }
    word = 0;
    memcpy(&word, (const char *)bytes + i, n - i);
    return stir(stir(h, word), 1);
}
_Static_assert(offsetof(struct mq_model_header, checksum) % 8 == 0, "the checksum is one of the words summed");

uint64_t mq_model_text_hash(const struct mq_symbol *symbols, size_t n) {
    uint64_t h = n;
    for (size_t i = 0; i < n; i++)
        h = stir(h, symbols[i].code);
    return h;
}

/* Where a section is, or NULL when it is not within the file. */
static const void *section(const struct mq_model_header *h, uint64_t at, uint64_t count, uint64_t size) {
    if (at % 64 || at < sizeof(*h) || at > h->bytes || count > UINT32_MAX || count * size > h->bytes - at)
        return NULL;
    return (const char *)h + at;
}

static bool name_valid(const char name[MQ_MODEL_NAME]) { return *name && memchr(name, '\0', MQ_MODEL_NAME); }

static bool floats_valid(const float *values, size_t n, float limit) {
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(values[i]) <= limit))
            return false;
    return true;
}

static const char *check_labels(const struct mq_model *m) {
    const struct mq_shape *shape = &m->header->shape;
    for (uint32_t i = 0; i < shape->domains + shape->kinds; i++) {
        const struct mq_model_label *label = &m->domains[i];
        if (!name_valid(label->name) || label->domain >= shape->domains || !floats_valid(label->severity, MQ_MODEL_SEVERITIES, 30))
            return "a label";
    }
    return NULL;
}

/* Every row that the index names must be there, and a search must end at a free slot. */
static const char *check_index(const struct mq_model *m) {
    uint64_t used = 0, slots = (uint64_t)1 << m->header->slot_bits;
    for (uint64_t i = 0; i < slots; i++) {
        if (m->index[i].row == MQ_MODEL_FREE)
            continue;
        if (m->index[i].row >= m->header->rows)
            return "the index";
        used++;
    }
    return used > slots / 2 ? "the index" : NULL;
}

/* NULL, or which part is damaged. Sets the sections. */
static const char *check(struct mq_model *m) {
    const struct mq_model_header *h = m->header;
    const struct mq_shape *s = &h->shape;
    if (s->domains < 1 || s->domains > MQ_MODEL_DOMAINS || s->has_none > 1 || s->kinds > MQ_MODEL_KINDS
        || (s->several && s->several != s->domains) || (s->severities && s->severities != 3))
        return "the shape";
    if (h->stride % MQ_MODEL_BLOCK || h->stride < mq_column_count(s) || h->stride > 2048 || h->slot_bits > 28 || h->rows > 1u << 27)
        return "the shape";
    m->domains = section(h, h->labels_at, s->domains + s->kinds, sizeof(*m->domains));
    m->index = section(h, h->index_at, (uint64_t)1 << h->slot_bits, sizeof(*m->index));
    m->idf = section(h, h->idf_at, h->rows, sizeof(*m->idf));
    m->weights = section(h, h->weights_at, h->rows, h->stride);
    m->columns = section(h, h->columns_at, h->stride, sizeof(*m->columns));
    m->seen = section(h, h->seen_at, h->seen, sizeof(*m->seen));
    if (!m->domains || !m->index || !m->idf || !m->weights || !m->columns || !m->seen)
        return "the table of sections";
    m->kinds = m->domains + s->domains;
    if (!floats_valid(m->idf, h->rows, 1e4f) || !floats_valid(&h->unknown_idf, 1, 1e4f))
        return "a frequency";
    if (!floats_valid(&m->columns->scale, 2 * (size_t)h->stride, 1e6f))
        return "a column's scale";
    if (!floats_valid(&h->calibration.direct, sizeof(h->calibration) / sizeof(float), 1e4f) || !(h->calibration.sharpness > 0))
        return "the calibration";
    const char *fault = check_labels(m);
    return fault ? fault : check_index(m);
}

/* The file in memory; NULL: *error says why. */
static const struct mq_model_header *map(const char *path, size_t *size, int *error, char fault[200]) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        *error = fd < 0 ? -errno : -EBADMSG;
        snprintf(fault, 200, "%s", fd < 0 ? strerror(errno) : "not a file");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    *size = (size_t)st.st_size;
    void *bytes = *size < sizeof(struct mq_model_header) ? NULL : mmap(NULL, *size, PROT_READ, MAP_SHARED, fd, 0);
    *error = bytes ? -errno : -EBADMSG;
    close(fd);
    if (bytes && bytes != MAP_FAILED)
        return bytes;
    snprintf(fault, 200, "%s", bytes ? strerror(-*error) : "too short to be a model");
    return NULL;
}

static int verify(struct mq_model *m, char fault[200]) {
    const struct mq_model_header *h = m->header;
    if (memcmp(h->magic, MQ_MODEL_MAGIC, sizeof(h->magic)) != 0) {
        snprintf(fault, 200, "not a model: it does not begin with %s", MQ_MODEL_MAGIC);
        return -EBADMSG;
    }
    if (h->version != MQ_MODEL_VERSION || h->order != MQ_MODEL_ORDER) {
        snprintf(fault, 200, "model of version %" PRIu32 "%s; this program knows version %u", h->version,
                 h->order == MQ_MODEL_ORDER ? "" : " of another byte order", MQ_MODEL_VERSION);
        return -EPROTO;
    }
    if (h->bytes != m->bytes) {
        snprintf(fault, 200, "damaged: %zu bytes where the header says %" PRIu64, m->bytes, h->bytes);
        return -EBADMSG;
    }
    uint64_t sum = mq_model_checksum(h, m->bytes);
    if (sum != h->checksum) {
        snprintf(fault, 200, "damaged: checksum %016" PRIx64 " where the header says %016" PRIx64, sum, h->checksum);
        return -EBADMSG;
    }
    const char *part = check(m);
    if (!part)
        return 0;
    snprintf(fault, 200, "damaged: %s is impossible", part);
    return -EBADMSG;
}

int mq_model_open(const char *path, struct mq_model **out, char fault[200]) {
    struct mq_model *m = calloc(1, sizeof(*m));
    if (!m) {
        snprintf(fault, 200, "out of memory");
        return -ENOMEM;
    }
    int r = 0;
    m->header = map(path, &m->bytes, &r, fault);
    if (!m->header || (r = verify(m, fault)) < 0) {
        mq_model_free(m);
        return r;
    }
    mq_fold_init(&m->fold);
    snprintf(m->name, sizeof(m->name), "%" PRIu32 "-%012" PRIx64, m->header->version, m->header->checksum >> 16);
    *out = m;
    return 0;
}

void mq_model_free(struct mq_model *model) {
    if (!model)
        return;
    if (model->header)
        munmap((void *)(uintptr_t)model->header, model->bytes);
    free(model);
}

const char *mq_model_name(const struct mq_model *model) { return model->name; }

const struct mq_model_seen *mq_model_seen(const struct mq_model *model, size_t *count) {
    *count = model->header->seen;
    return model->seen;
}

int mq_scratch_new(const struct mq_model *model, struct mq_scratch **out) {
    struct mq_scratch *s = calloc(1, sizeof(*s));
    if (s) {
        s->sums = calloc(model->header->stride, sizeof(*s->sums));
        s->scores = calloc(model->header->stride, sizeof(*s->scores));
        s->count = calloc((size_t)model->header->rows + 1, sizeof(*s->count));
    }
    if (!s || !s->sums || !s->scores || !s->count) {
        mq_scratch_free(s);
        return -ENOMEM;
    }
    *out = s;
    return 0;
}

void mq_scratch_free(struct mq_scratch *scratch) {
    if (!scratch)
        return;
    free(scratch->sums);
    free(scratch->scores);
    free(scratch->count);
    free(scratch);
}

static uint32_t find_row(const struct mq_model *m, uint32_t hash) {
    size_t mask = ((size_t)1 << m->header->slot_bits) - 1;
    for (size_t slot = hash & mask;; slot = (slot + 1) & mask) {
        if (m->index[slot].row == MQ_MODEL_FREE || m->index[slot].hash == hash)
            return m->index[slot].row;
    }
}

/* A model is larger than the processor's caches: what a text needs of it is fetched at once, instead of waited for piece by piece. */
static void fetch_slots(const struct mq_model *m, const struct mq_scratch *s) {
    size_t mask = ((size_t)1 << m->header->slot_bits) - 1;
    for (size_t i = 0; i < s->feature_count; i++)
        __builtin_prefetch(&m->index[s->features[i].hash & mask]);
}

static void fetch_row(const struct mq_model *m, uint32_t row) {
    const int8_t *weights = m->weights + (size_t)row * m->header->stride;
    for (size_t at = 0; at < m->header->stride; at += 64)
        __builtin_prefetch(weights + at);
    __builtin_prefetch(&m->idf[row]);
}

/* Looks up the text's features and its length. */
static void read_text(const struct mq_model *m, struct mq_scratch *s, struct mq_str text) {
    s->symbol_count = mq_fold_text(&m->fold, text, s->symbols);
    s->feature_count = mq_features(s->symbols, s->symbol_count, s->features);
    s->touched_count = 0;
    fetch_slots(m, s);
    size_t unknown = 0;
    for (size_t i = 0; i < s->feature_count; i++) {
        uint32_t row = s->row[i] = find_row(m, s->features[i].hash);
        if (row == MQ_MODEL_FREE) {
            unknown++;
        } else if (s->count[row]++ == 0) {
            s->touched[s->touched_count++] = row;
            fetch_row(m, row);
        }
    }
    float square = (float)unknown * m->header->unknown_idf * m->header->unknown_idf;
    for (size_t i = 0; i < s->touched_count; i++) {
        float value = mq_feature_frequency(s->count[s->touched[i]]) * m->idf[s->touched[i]];
        square += value * value;
    }
    s->scale = square > 0 ? 1 / sqrtf(square) : 0;
}

static void add_row(int32_t *restrict sums, const int8_t *restrict weights, int32_t value, size_t stride) {
    for (size_t c = 0; c < stride; c += MQ_MODEL_BLOCK)
        for (size_t i = 0; i < MQ_MODEL_BLOCK; i++)
            sums[c + i] += value * weights[c + i];
}

static void score(const struct mq_model *m, struct mq_scratch *s) {
    size_t stride = m->header->stride;
    memset(s->sums, 0, stride * sizeof(*s->sums));
    for (size_t i = 0; i < s->touched_count; i++) {
        uint32_t row = s->touched[i];
        float value = mq_feature_frequency(s->count[row]) * m->idf[row] * s->scale;
        add_row(s->sums, m->weights + (size_t)row * stride, (int32_t)lrintf(value * MQ_MODEL_VALUE), stride);
    }
    for (size_t c = 0; c < stride; c++)
        s->scores[c] = m->columns[c].bias + m->columns[c].scale * (float)s->sums[c] * (1.0f / MQ_MODEL_VALUE);
}

static const char *domain_name(const struct mq_model *m, uint32_t domain) {
    const struct mq_shape *shape = &m->header->shape;
    return shape->has_none && domain == shape->domains - 1 ? NULL : m->domains[domain].name;
}

static void name_also(const struct mq_model *m, const struct mq_mixed *mixed, struct mq_prediction *out) {
    const struct mq_shape *shape = &m->header->shape;
    uint32_t named[MQ_MODEL_ALSO] = { 0 };
    while (out->domain && shape->several && out->also_count < MQ_MODEL_ALSO) {
        uint32_t best = UINT32_MAX;
        for (uint32_t d = 0; d < shape->domains - shape->has_none; d++) {
            bool taken = d == mixed->best || (out->also_count == 1 && d == named[0]);
            if (!taken && mixed->several[d] >= m->header->calibration.also_from
                && (best == UINT32_MAX || mixed->several[d] > mixed->several[best]))
                best = d;
        }
        if (best == UINT32_MAX)
            return;
        named[out->also_count] = best;
        out->also[out->also_count].domain = m->domains[best].name;
        out->also[out->also_count++].probability = (double)mixed->several[best];
    }
}

static void decide(const struct mq_model *m, const struct mq_mixed *mixed, struct mq_prediction *out) {
    const struct mq_calibration *c = &m->header->calibration;
    out->domain = domain_name(m, mixed->best);
    out->probability = (double)mixed->confidence;
    out->review = !out->domain || !(mixed->confidence >= c->dispatch_from);
    if (m->header->shape.domains > 1) {
        out->runner_up = domain_name(m, mixed->second);
        /* What is left of certainty, as the other domains share it. */
        float others = 1 - mixed->domain[mixed->best];
        if (out->runner_up && others > 0)
            out->runner_up_probability = (double)((1 - mixed->confidence) * mixed->domain[mixed->second] / others);
    }
    if (mixed->kind != UINT32_MAX && mixed->kind_probability >= c->kind_from) {
        out->kind = m->kinds[mixed->kind].name;
        out->kind_probability = (double)mixed->kind_probability;
    }
    out->severity = 1;
    for (int s = 2; s <= MQ_MODEL_SEVERITIES; s++)
        if (mixed->severity[s - 1] > mixed->severity[out->severity - 1])
            out->severity = s;
    out->severity_probability = (double)mixed->severity[out->severity - 1];
    out->critical = m->header->shape.severities && mixed->severity[MQ_MODEL_SEVERITIES - 1] >= c->critical_from;
    name_also(m, mixed, out);
}

void mq_model_predict(const struct mq_model *m, struct mq_scratch *s, struct mq_str text, struct mq_prediction *out) {
    memset(out, 0, sizeof(*out));
    read_text(m, s, text);
    score(m, s);
    mq_mix(&m->header->shape, m->kinds, &m->header->calibration, s->scores, s->symbol_count, &s->mixed);
    decide(m, &s->mixed, out);
    mq_explain(m, s, text, out);
    for (size_t i = 0; i < s->touched_count; i++)
        s->count[s->touched[i]] = 0;
}
