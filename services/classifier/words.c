/* SPDX-License-Identifier: Apache-2.0 */
/* What a text is compared with others by. */
#include "model_internal.h"

#include <stdlib.h>

static int compare(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

size_t mq_model_words(const struct mq_scratch *scratch, int32_t out[MQ_MODEL_WORDS]) {
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < scratch->feature_count && count < MQ_MODEL_WORDS; i++)
        if (scratch->features[i].length == 2)
            out[count++] = (int32_t)scratch->features[i].hash;
    /* a text of one character */
    if (count == 0 && scratch->feature_count)
        out[count++] = (int32_t)scratch->features[0].hash;
    qsort(out, count, sizeof(*out), compare);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || out[kept - 1] != out[i])
            out[kept++] = out[i];
    return kept;
}
