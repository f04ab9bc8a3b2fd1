/* SPDX-License-Identifier: Apache-2.0 */
/* Letting arrivals gather. A batch of ten costs little more than one message, and makes one message for the next stage where ten batches
 * make ten: but a stage that takes what is there at once never sees more than a few, however much there is to do. */
#include "stage_internal.h"

#include "clock.h"

#define FEW 8     /* a batch of so many elements means that there is much to do; after it the pause is as long as the batch took, after a
                     larger one longer */
#define ENOUGH 64 /* elements from which on more of them would not make each much cheaper */

int64_t mq_gather_pause_us(const struct mq_stage *stage) {
    int64_t left = stage->gather.until_us - mq_clock_monotonic_us();
    if (left <= 0)
        return 0;
    size_t messages, bytes;
    mq_inbox_usage(stage->inbox, &messages, &bytes);
    return bytes < stage->gather.enough_bytes ? left : 0;
}

void mq_gather_learn(struct mq_stage *stage, size_t bytes, size_t elements, int64_t begun_us) {
    int64_t now = mq_clock_monotonic_us();
    int64_t pause = (now - begun_us) * (int64_t)elements / FEW, longest = stage->settings->gather_ms * 1000;
    stage->gather.until_us = elements < FEW ? 0 : now + (pause < longest ? pause : longest);
    stage->gather.enough_bytes = elements ? bytes * ENOUGH / elements : 0;
}
