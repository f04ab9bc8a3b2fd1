/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: the scan, decoding as report and as action, and what encoding gives back. */
#include "json.h"
#include "message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int walk(void *userdata, struct mq_str element) {
    const struct mq_str *whole = userdata;
    if (element.s < whole->s || element.s + element.n > whole->s + whole->n)
        abort();
    return 0;
}

static int walk_member(void *userdata, struct mq_str key, struct mq_str value) {
    return walk(userdata, key) || walk(userdata, value);
}

/* A message without fault is encoded to one that decodes without fault and is encoded to the same bytes. */
static void round_trip(const struct mq_object *object, struct mq_str bytes, void *first, void *second) {
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *again = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer once = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer twice = { 0 };
    struct mq_faults faults = { 0 };
    bool good = mq_json_decode(object, bytes, first, &document, &faults);
    if (good != (faults.count == 0) || (good && !document))
        abort();
    mq_json_faults(&once, &faults);
    struct mq_faults none = { 0 };
    if (!mq_json_scan((struct mq_str){ once.data, once.len }, &none))
        abort();
    mq_buffer_reset(&once, SIZE_MAX);
    if (!good)
        return;

    mq_json_encode(object, first, &once);
    if (!mq_json_decode(object, (struct mq_str){ once.data, once.len }, second, &again, &faults))
        abort();
    mq_json_encode(object, second, &twice);
    if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mq_str bytes = { (const char *)data, size };
    struct mq_faults faults = { 0 };
    if (mq_json_scan(bytes, &faults) != (faults.count == 0))
        abort();
    mq_json_each(bytes, walk, &bytes);
    mq_json_each_member(bytes, walk_member, &bytes);

    struct mq_report reports[2];
    round_trip(&mq_report_object, bytes, &reports[0], &reports[1]);
    struct mq_action actions[2];
    round_trip(&mq_action_object, bytes, &actions[0], &actions[1]);
    return 0;
}
