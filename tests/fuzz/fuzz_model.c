/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a text to a good model (MINQING_MODEL), and as a model file. First byte: which. */
#include "model.h"
#include "model_format.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <stdio.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_text(const uint8_t *data, size_t size) {
    static struct mq_model *model;
    static struct mq_scratch *scratch;
    static bool tried;
    char fault[200];
    const char *path = getenv("MINQING_MODEL");
    if (!tried && path && (mq_model_open(path, &model, fault) < 0 || mq_scratch_new(model, &scratch) < 0))
        abort();
    tried = true;
    struct mq_prediction p;
    if (scratch)
        mq_model_predict(model, scratch, (struct mq_str){ (const char *)data, size }, &p);
}

/* With the checksum set right, so that what lies behind it is reached. */
static void as_model(const uint8_t *data, size_t size) {
    int fd = memfd_create("model", 0);
    char *copy = malloc(size + 1);
    memcpy(copy, data, size);
    if (size >= sizeof(struct mq_model_header)) {
        struct mq_model_header header;
        memcpy(&header, copy, sizeof(header));
        memcpy(header.magic, MQ_MODEL_MAGIC, sizeof(header.magic));
        header.version = MQ_MODEL_VERSION;
        header.order = MQ_MODEL_ORDER;
        header.bytes = size;
        memcpy(copy, &header, sizeof(header));
        header.checksum = mq_model_checksum(copy, size);
        memcpy(copy, &header, sizeof(header));
    }
    struct mq_model *model = NULL;
    struct mq_scratch *scratch = NULL;
    struct mq_prediction p;
    char fault[200], path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (write(fd, copy, size) == (ssize_t)size && mq_model_open(path, &model, fault) == 0 && mq_scratch_new(model, &scratch) == 0)
        mq_model_predict(model, scratch, MQ_STR("山上冒烟，电话13800138000"), &p);
    mq_scratch_free(scratch);
    mq_model_free(model);
    free(copy);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    (data[0] & 1 ? as_model : as_text)(data + 1, size - 1);
    return 0;
}
