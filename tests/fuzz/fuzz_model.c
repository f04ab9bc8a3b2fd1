/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as a text to a good model (the file MINQING_MODEL), as changes of that file, and as a whole model file.
 * First byte: which. A changed model is refused, or predicts without touching what is not its own. */
#include "model.h"
#include "model_format.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGE 5 /* bytes: where (24 bits, as a share of the header or of the file), how, with what */

static char *good;
static size_t good_size;

static void require(bool truth) {
    if (!truth)
        abort();
}

static void read_good(const char *path) {
    FILE *in = fopen(path, "rb");
    require(in && fseek(in, 0, SEEK_END) == 0);
    good_size = (size_t)ftell(in);
    rewind(in);
    good = malloc(good_size);
    require(good && fread(good, 1, good_size, in) == good_size);
    fclose(in);
}

static void predict(const struct mq_model *model, struct mq_str text) {
    struct mq_scratch *scratch = NULL;
    struct mq_prediction p;
    if (mq_scratch_new(model, &scratch) == 0)
        mq_model_predict(model, scratch, text, &p);
    mq_scratch_free(scratch);
}

/* With the checksum set right, so that what lies behind it is reached. */
static void open_model(char *bytes, size_t size) {
    int fd = memfd_create("model", 0);
    if (size >= sizeof(struct mq_model_header)) {
        struct mq_model_header header;
        memcpy(&header, bytes, sizeof(header));
        memcpy(header.magic, MQ_MODEL_MAGIC, sizeof(header.magic));
        header.version = MQ_MODEL_VERSION;
        header.order = MQ_MODEL_ORDER;
        header.bytes = size;
        memcpy(bytes, &header, sizeof(header));
        header.checksum = mq_model_checksum(bytes, size);
        memcpy(bytes, &header, sizeof(header));
    }
    struct mq_model *model = NULL;
    char fault[200], path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    require(write(fd, bytes, size) == (ssize_t)size);
    if (mq_model_open(path, &model, fault) == 0)
        predict(model, MQ_STR("山上冒烟，电话13800138000"));
    mq_model_free(model);
    close(fd);
}

static void as_text(const uint8_t *data, size_t size) {
    static struct mq_model *model;
    char fault[200];
    if (!good)
        return;
    require(model || mq_model_open(getenv("MINQING_MODEL"), &model, fault) == 0);
    predict(model, (struct mq_str){ (const char *)data, size });
}

static void as_changes(const uint8_t *data, size_t size) {
    char *bytes = malloc(good_size + 1);
    memcpy(bytes, good, good_size);
    for (; size >= CHANGE; data += CHANGE, size -= CHANGE) {
        bool in_header = data[3] & 1;
        size_t room = in_header ? sizeof(struct mq_model_header) : good_size;
        size_t at = (((size_t)data[0] << 16 | (size_t)data[1] << 8 | data[2]) * room) >> 24;
        bytes[at] = (char)(data[3] & 2 ? bytes[at] ^ data[4] : data[4]);
    }
    open_model(bytes, good_size);
    free(bytes);
}

static void as_model(const uint8_t *data, size_t size) {
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    open_model(copy, size);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!good && getenv("MINQING_MODEL"))
        read_good(getenv("MINQING_MODEL"));
    if (size == 0)
        return 0;
    void (*const ways[])(const uint8_t *data, size_t size) = { as_text, good ? as_changes : as_model, as_model };
    ways[data[0] % MQ_LENGTH(ways)](data + 1, size - 1);
    return 0;
}
