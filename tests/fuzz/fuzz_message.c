/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: bytes as a message. The first line is the name of its table; where it is none, the first byte chooses. What is
 * decoded without fault is encoded to a message that decodes without fault and is encoded to the same bytes; what has a fault has a
 * path in it. Receipts, tasks and status, which a device decodes, are among the tables. */
#include "json.h"
#include "message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth)
        abort();
}

/* Takes the line that tells which table is meant off *bytes. */
static const struct mq_object *choose(struct mq_str *bytes) {
    size_t count = 1; /* there is a first */
    while (mq_objects[count])
        count++;
    size_t chosen = (unsigned char)bytes->s[0] % count, taken = 1;
    const char *end = memchr(bytes->s, '\n', bytes->n);
    for (size_t i = 0; end && i < count; i++) {
        if (mq_str_equal((struct mq_str){ bytes->s, (size_t)(end - bytes->s) }, mq_str(mq_objects[i]->name))) {
            chosen = i;
            taken = (size_t)(end - bytes->s) + 1;
        }
    }
    *bytes = (struct mq_str){ bytes->s + taken, bytes->n - taken };
    return mq_objects[chosen];
}

static void check_faults(const struct mq_faults *faults) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    struct mq_faults none;
    none.count = 0;
    mq_json_faults(&text, faults);
    require(mq_json_scan((struct mq_str){ text.data, text.len }, &none));
    for (size_t i = 0; i < faults->count && i < MQ_FAULTS; i++)
        require(faults->fault[i].message[0] && (!faults->fault[i].path[0] || faults->fault[i].path[0] == '/'));
}

static void round_trip(const struct mq_object *object, const void *first) {
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer once = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer twice = { 0 };
    struct mq_faults faults;
    faults.count = 0;
    mq_json_encode(object, first, &once);
    void *second = calloc(1, object->size);
    require(second && mq_json_decode(object, (struct mq_str){ once.data, once.len }, second, &document, &faults));
    mq_json_encode(object, second, &twice);
    require(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct mq_str bytes = { (const char *)data, size };
    const struct mq_object *object = choose(&bytes);
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    void *first = calloc(1, object->size);
    require(first);
    bool good = mq_json_decode(object, bytes, first, &document, &faults);
    require(good == (faults.count == 0) && (!good || document));
    check_faults(&faults);
    if (good)
        round_trip(object, first);
    free(first);
    return 0;
}
