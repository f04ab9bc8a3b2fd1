/* SPDX-License-Identifier: Apache-2.0 */
/* Quantising, layout and installation of the model file. */
#include "write_model.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static uint64_t aligned(uint64_t at) { return (at + 63) / 64 * 64; }

static void plan_sections(struct mq_model_header *h) {
    uint64_t labels = h->shape.domains + h->shape.kinds;
    h->labels_at = aligned(sizeof(*h));
    h->index_at = aligned(h->labels_at + labels * sizeof(struct mq_model_label));
    h->idf_at = aligned(h->index_at + ((uint64_t)1 << h->slot_bits) * sizeof(struct mq_model_slot));
    h->weights_at = aligned(h->idf_at + (uint64_t)h->rows * sizeof(float));
    h->columns_at = aligned(h->weights_at + (uint64_t)h->rows * h->stride);
    h->seen_at = aligned(h->columns_at + (uint64_t)h->stride * sizeof(struct mq_model_column));
    h->bytes = h->seen_at + (uint64_t)h->seen * sizeof(struct mq_model_seen);
}

static void fill_index(char *file, const struct mq_model_header *h, const struct mq_model_parts *parts) {
    struct mq_model_slot *index = (struct mq_model_slot *)(void *)(file + h->index_at);
    size_t slots = (size_t)1 << h->slot_bits;
    for (size_t i = 0; i < slots; i++)
        index[i] = (struct mq_model_slot){ 0, MQ_MODEL_FREE };
    for (uint32_t row = 0; row < h->rows; row++) {
        uint32_t hash = parts->terms->hashes[parts->vocabulary->features[row]];
        size_t slot = hash & (slots - 1);
        while (index[slot].row != MQ_MODEL_FREE)
            slot = (slot + 1) & (slots - 1);
        index[slot] = (struct mq_model_slot){ hash, row };
    }
}

/* A column's largest weight becomes ±127. */
static void fill_weights(char *file, const struct mq_model_header *h, const struct mq_weights *w) {
    int8_t *out = (int8_t *)(file + h->weights_at);
    struct mq_model_column *columns = (struct mq_model_column *)(void *)(file + h->columns_at);
    for (size_t c = 0; c < w->columns; c++) {
        float largest = 0;
        for (size_t row = 0; row < w->rows; row++)
            largest = fmaxf(largest, fabsf(w->weights[row * w->columns + c]));
        columns[c] = (struct mq_model_column){ largest / 127, w->bias[c] };
        for (size_t row = 0; largest > 0 && row < w->rows; row++)
            out[row * h->stride + c] = (int8_t)lrintf(w->weights[row * w->columns + c] / largest * 127);
    }
}

static int install(const char *path, const char *bytes, size_t n) {
    char *temporary = NULL;
    if (asprintf(&temporary, "%s.%ld.new", path, (long)getpid()) < 0)
        return -ENOMEM;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), r = fd < 0 ? -errno : 0;
    for (size_t at = 0; r == 0 && at < n;) {
        ssize_t written = write(fd, bytes + at, n - at);
        if (written > 0)
            at += (size_t)written;
        else if (errno != EINTR)
            r = -errno;
    }
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (fd >= 0 && close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(temporary, path) < 0)
        r = -errno;
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        if (fd >= 0)
            unlink(temporary);
    }
    free(temporary);
    return r;
}

int mq_write_model(const char *path, const struct mq_model_parts *parts) {
    struct mq_model_header h = { .magic = MQ_MODEL_MAGIC, .version = MQ_MODEL_VERSION, .order = MQ_MODEL_ORDER,
                                 .shape = parts->weights->shape, .rows = (uint32_t)parts->weights->rows,
                                 .seen = (uint32_t)parts->seen_count, .unknown_idf = parts->vocabulary->unknown_idf,
                                 .calibration = *parts->calibration };
    h.stride = (uint32_t)((parts->weights->columns + MQ_MODEL_BLOCK - 1) / MQ_MODEL_BLOCK * MQ_MODEL_BLOCK);
    for (h.slot_bits = 4; ((uint64_t)1 << h.slot_bits) < 2 * (uint64_t)h.rows;)
        h.slot_bits++;
    plan_sections(&h);
    char *file = calloc(1, h.bytes);
    if (!file)
        return -ENOMEM;
    memcpy(file + h.labels_at, parts->labels, (h.shape.domains + h.shape.kinds) * sizeof(*parts->labels));
    fill_index(file, &h, parts);
    memcpy(file + h.idf_at, parts->vocabulary->idf, h.rows * sizeof(float));
    fill_weights(file, &h, parts->weights);
    if (h.seen)
        memcpy(file + h.seen_at, parts->seen, h.seen * sizeof(*parts->seen));
    memcpy(file, &h, sizeof(h));
    h.checksum = mq_model_checksum(file, h.bytes);
    memcpy(file, &h, sizeof(h));
    int r = install(path, file, h.bytes);
    free(file);
    return r;
}
