/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: any bytes as settings file are either taken, with all values in their bounds, or change nothing. Run with
 * -close_fd_mask=2: every fault is a line on standard error. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *text, *secret;
static int64_t number, bytes, ms;
static bool yes;

static const struct mq_setting settings[] = {
    { "a", "text", MQ_SETTING_TEXT, &text, "untouched", "", 0, 0 },
    { "a", "secret", MQ_SETTING_SECRET, &secret, "", "", 0, 0 },
    { "a", "number", MQ_SETTING_INTEGER, &number, "7", "", -10, 10 },
    { "b", "bytes", MQ_SETTING_BYTES, &bytes, "1KiB", "", 1, 1 << 20 },
    { "b", "ms", MQ_SETTING_MS, &ms, "1s", "", 0, 3600000 },
    { "b", "yes", MQ_SETTING_BOOLEAN, &yes, "no", "", 0, 0 },
    { 0 },
};

static void require(bool truth) {
    if (!truth)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    require(file);
    number = 7;
    int result = mq_config_load_stream(settings, file, "fuzz");
    fclose(file);
    require(result == 0 || result == -EINVAL);
    if (result == 0) {
        require(text && secret && number >= -10 && number <= 10);
        require(bytes >= 1 && bytes <= 1 << 20 && ms >= 0 && ms <= 3600000);
    } else {
        require(!text && !secret && number == 7);
    }
    mq_config_free(settings);
    require(!text && !secret);
    return 0;
}
