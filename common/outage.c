/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that last. */
#include "outage.h"

#include "clock.h"

#include <stdarg.h>

#define REMIND_US 60000000

void mq_outage_met(struct mq_outage *outage, bool *mine, enum mq_level level, const char *format, ...) {
    int64_t now = mq_clock_monotonic_us();
    pthread_mutex_lock(&outage->lock);
    bool begins = outage->met_by == 0;
    bool tell = begins || now - outage->told_us >= REMIND_US;
    uint64_t left_out = begins ? 0 : outage->left_out;
    if (begins)
        outage->since_us = now;
    if (!*mine)
        outage->met_by++;
    *mine = true;
    outage->told_us = tell ? now : outage->told_us;
    outage->left_out = tell ? 0 : outage->left_out + 1;
    pthread_mutex_unlock(&outage->lock);
    if (!tell)
        return;
    va_list arguments;
    va_start(arguments, format);
    mq_log_left_out(outage->begins, level, left_out, format, arguments);
    va_end(arguments);
}

void mq_outage_over(struct mq_outage *outage, bool *mine, const char *what) {
    if (!*mine)
        return;
    pthread_mutex_lock(&outage->lock);
    *mine = false;
    bool over = --outage->met_by == 0;
    double seconds = (double)(mq_clock_monotonic_us() - outage->since_us) / 1e6;
    pthread_mutex_unlock(&outage->lock);
    if (over)
        mq_log(MQ_INFO, outage->ends, "%s after %.1f s", what, seconds);
}
