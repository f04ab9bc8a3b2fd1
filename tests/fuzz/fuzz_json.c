/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: the scan says good or one fault, faults are JSON themselves, and the walks stay within their bytes whatever these
 * are. */
#include "json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth)
        abort();
}

static int walk(void *userdata, struct mq_str part) {
    const struct mq_str *whole = userdata;
    require(part.s >= whole->s && part.s + part.n <= whole->s + whole->n);
    return 0;
}

static int walk_member(void *userdata, struct mq_str key, struct mq_str value) {
    return walk(userdata, key) || walk(userdata, value);
}

/* What is well-formed is an array, an object or neither, and each part of it is well-formed. */
static int scan_part(void *userdata, struct mq_str part) {
    struct mq_faults faults;
    faults.count = 0;
    require(mq_json_scan(part, &faults));
    ++*(size_t *)userdata;
    return 0;
}

static int scan_member(void *userdata, struct mq_str key, struct mq_str value) {
    require(key.s[-1] == '"' && key.s[key.n] == '"');
    return scan_part(userdata, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct mq_str bytes = { (const char *)data, size };
    struct mq_faults faults;
    faults.count = 0;
    bool good = mq_json_scan(bytes, &faults);
    require(faults.count == !good);
    mq_json_each(bytes, walk, &bytes);
    mq_json_each_member(bytes, walk_member, &bytes);
    require(mq_json_before_word(bytes, MQ_STR("subject")).n <= size);
    if (good) {
        size_t parts = 0;
        int array = mq_json_each(bytes, scan_part, &parts), object = mq_json_each_member(bytes, scan_member, &parts);
        require(array < 0 || object < 0);
    } else {
        MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
        mq_json_faults(&text, &faults);
        faults.count = 0;
        require(mq_json_scan((struct mq_str){ text.data, text.len }, &faults));
    }
    return 0;
}
