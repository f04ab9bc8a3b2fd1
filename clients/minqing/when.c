/* SPDX-License-Identifier: Apache-2.0 */
/* Times from and for people. */
#include "when.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY_US (86400 * INT64_C(1000000))
#define DATE "2026-12-01"
#define MONTH "2026-12"

/* Local time of the form "2026-12-01T17:30:00". */
static bool parse_local(const char *text, int64_t *us) {
    int offset = mq_clock_offset_minutes(), minutes = abs(offset);
    char full[64];
    snprintf(full, sizeof(full), "%.19s%c%02d:%02d", text, offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
    return mq_clock_parse(mq_str(full), us);
}

static bool parse_date(const char *text, enum mq_edge edge, int64_t *us) {
    char full[32];
    snprintf(full, sizeof(full), "%.10sT%s", text, edge == MQ_DAY_ENDS ? "23:59:59" : "00:00:00");
    if (!parse_local(full, us))
        return false;
    *us += edge == MQ_DAY_PAST ? DAY_US : 0;
    return true;
}

/* "+48h": digits and one unit. */
static bool parse_delay(const char *text, int64_t now_us, int64_t *us) {
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = { { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
    size_t digits = *text == '+' ? strspn(text + 1, "0123456789") : 0;
    if (digits < 1 || digits > 5 || strlen(text) != digits + 2)
        return false;
    for (size_t i = 0; i < MQ_LENGTH(units); i++)
        if (text[digits + 1] == units[i].unit) {
            *us = now_us + strtol(text + 1, NULL, 10) * units[i].seconds * 1000000;
            return true;
        }
    return false;
}

/* "2026-12-01 17:30" or with seconds, a space or T between. */
static bool parse_clock(const char *text, int64_t *us) {
    size_t length = strlen(text);
    char full[32];
    if ((length != strlen(DATE " 17:30") && length != strlen(DATE " 17:30:00")) || (text[10] != ' ' && text[10] != 'T'))
        return false;
    snprintf(full, sizeof(full), "%.10sT%s%s", text, text + 11, length == strlen(DATE " 17:30") ? ":00" : "");
    return parse_local(full, us);
}

bool mq_when_parse(const char *text, int64_t now_us, enum mq_edge edge, char out[MQ_TIME_TEXT]) {
    int64_t us;
    bool good = mq_clock_parse(mq_str(text), &us) || parse_delay(text, now_us, &us) || parse_clock(text, &us)
                || (strlen(text) == strlen(DATE) && parse_date(text, edge, &us));
    if (good)
        mq_clock_format(us, mq_clock_offset_minutes(), out);
    return good;
}

bool mq_when_month(const char *text, char from[MQ_TIME_TEXT], char to[MQ_TIME_TEXT]) {
    char first[32];
    int64_t us;
    if (strlen(text) != strlen(MONTH))
        return false;
    snprintf(first, sizeof(first), "%s-01", text);
    if (!parse_date(first, MQ_DAY_BEGINS, &us))
        return false;
    mq_clock_format(us, mq_clock_offset_minutes(), from);
    /* from the 28th day on, the first day of another month */
    char day[MQ_TIME_TEXT];
    us += 27 * DAY_US;
    do {
        us += DAY_US;
        mq_clock_format(us, mq_clock_offset_minutes(), day);
    } while (memcmp(day, from, strlen(MONTH)) == 0);
    memcpy(to, day, MQ_TIME_TEXT);
    return true;
}

void mq_when_short(struct mq_str at, int64_t now_us, char out[24]) {
    int64_t us;
    char text[MQ_TIME_TEXT], today[MQ_TIME_TEXT];
    snprintf(out, 24, "-");
    if (!mq_clock_parse(at, &us))
        return;
    mq_clock_format(us, mq_clock_offset_minutes(), text);
    mq_clock_format(now_us, mq_clock_offset_minutes(), today);
    bool same_day = memcmp(text, today, strlen(DATE)) == 0;
    snprintf(out, 24, "%.*s%s%.5s", same_day ? 0 : 5, text + 5, same_day ? "" : " ", text + 11);
}

void mq_when_deadline(struct mq_str at, int64_t now_us, char out[64]) {
    int64_t us;
    char clock[24];
    mq_when_short(at, now_us, clock);
    snprintf(out, 64, "%s", clock);
    if (!mq_clock_parse(at, &us))
        return;
    int64_t minutes = (us > now_us ? us - now_us : now_us - us) / 60000000;
    snprintf(out, 64, "%s %s%lldh%02lldm", clock, us > now_us ? "余" : "超", (long long)(minutes / 60), (long long)(minutes % 60));
}
