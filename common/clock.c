/* SPDX-License-Identifier: Apache-2.0 */
/* Time: intervals, calendar time, delays between attempts. */
#include "clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define YEAR_1_US (INT64_C(-62135596800) * SECOND_US)
#define YEAR_9999_END_US (INT64_C(253402300800) * SECOND_US - 1)
#define LUFENG_OFFSET_MINUTES 480

static int64_t read_us(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * SECOND_US + t.tv_nsec / 1000;
}

int64_t mq_clock_monotonic_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

int64_t mq_clock_now_us(void) {
    return read_us(CLOCK_REALTIME);
}

static int64_t clamp(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

/* Two decimal digits. */
static char *write_two(char *p, unsigned value) {
    *p++ = (char)('0' + value / 10 % 10);
    *p++ = (char)('0' + value % 10);
    return p;
}

void mq_clock_format(int64_t us, int offset_minutes, char out[MQ_TIME_TEXT]) {
    int offset = (int)clamp(offset_minutes, -1439, 1439);
    int64_t local = clamp(us, YEAR_1_US + 2 * 1440 * MINUTE_US, YEAR_9999_END_US - 2 * 1440 * MINUTE_US) + offset * MINUTE_US;
    int64_t fraction = local % SECOND_US;
    if (fraction < 0)
        fraction += SECOND_US;
    time_t seconds = (time_t)((local - fraction) / SECOND_US);
    struct tm tm = { 0 };
    gmtime_r(&seconds, &tm);

    unsigned year = (unsigned)(tm.tm_year + 1900), ms = (unsigned)(fraction / 1000);
    unsigned distance = (unsigned)(offset < 0 ? -offset : offset);
    char *p = write_two(write_two(out, year / 100), year % 100);
    *p++ = '-';
    p = write_two(p, (unsigned)tm.tm_mon + 1);
    *p++ = '-';
    p = write_two(p, (unsigned)tm.tm_mday);
    *p++ = 'T';
    p = write_two(p, (unsigned)tm.tm_hour);
    *p++ = ':';
    p = write_two(p, (unsigned)tm.tm_min);
    *p++ = ':';
    p = write_two(p, (unsigned)tm.tm_sec);
    *p++ = '.';
    *p++ = (char)('0' + ms / 100);
    p = write_two(p, ms % 100);
    *p++ = offset < 0 ? '-' : '+';
    p = write_two(p, distance / 60);
    *p++ = ':';
    p = write_two(p, distance % 60);
    *p = '\0';
}

/* Takes `digits` decimal digits from the front of *text. */
static bool take_number(struct mq_str *text, size_t digits, int *value) {
    if (text->n < digits)
        return false;
    *value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (text->s[i] < '0' || text->s[i] > '9')
            return false;
        *value = *value * 10 + (text->s[i] - '0');
    }
    text->s += digits;
    text->n -= digits;
    return true;
}

/* Takes one character if it is one of `allowed`; '\0' otherwise. */
static char take_one(struct mq_str *text, const char *allowed) {
    if (text->n == 0 || *text->s == '\0' || !strchr(allowed, *text->s))
        return '\0';
    text->n--;
    return *text->s++;
}

/* One to nine digits after the point; more than microseconds are cut off. */
static bool take_fraction(struct mq_str *text, int64_t *us) {
    size_t digits = 0;
    int64_t unit = SECOND_US / 10;
    int digit;
    *us = 0;
    while (take_number(text, 1, &digit)) {
        *us += digit * unit;
        unit /= 10;
        digits++;
    }
    return digits >= 1 && digits <= 9;
}

/* Hours up to 15: no place on earth is further from UTC than 14, and PostgreSQL refuses more. */
static bool take_offset(struct mq_str *text, int *minutes) {
    *minutes = 0;
    char sign = take_one(text, "Zz+-");
    if (sign == 'Z' || sign == 'z')
        return true;
    int hour, minute;
    if (sign == '\0' || !take_number(text, 2, &hour) || !take_one(text, ":") || !take_number(text, 2, &minute) || hour > 15 ||
        minute > 59)
        return false;
    *minutes = (hour * 60 + minute) * (sign == '-' ? -1 : 1);
    return true;
}

static int days_of_month(int year, int month) {
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool mq_clock_parse(struct mq_str text, int64_t *us) {
    int year, month, day, hour, minute, second, offset;
    int64_t fraction = 0;
    if (!take_number(&text, 4, &year) || !take_one(&text, "-") || !take_number(&text, 2, &month) || !take_one(&text, "-") ||
        !take_number(&text, 2, &day) || !take_one(&text, "Tt") || !take_number(&text, 2, &hour) || !take_one(&text, ":") ||
        !take_number(&text, 2, &minute) || !take_one(&text, ":") || !take_number(&text, 2, &second))
        return false;
    if (take_one(&text, ".") && !take_fraction(&text, &fraction))
        return false;
    if (!take_offset(&text, &offset) || text.n != 0)
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    struct tm tm = {
        .tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute,
        .tm_sec = second,
    };
    *us = (int64_t)timegm(&tm) * SECOND_US + fraction - offset * MINUTE_US;
    return true;
}

int mq_clock_offset_minutes(void) {
    if (!getenv("TZ"))
        return LUFENG_OFFSET_MINUTES;
    tzset();
    time_t now = time(NULL);
    struct tm tm = { 0 };
    localtime_r(&now, &tm);
    return (int)(tm.tm_gmtoff / 60);
}

int64_t mq_clock_backoff_ms(unsigned attempt, int64_t first_ms, int64_t cap_ms) {
    int64_t delay = first_ms < cap_ms ? first_ms : cap_ms;
    while (attempt-- > 0 && delay > 0 && delay < cap_ms)
        delay = delay > cap_ms / 2 ? cap_ms : delay * 2;
    if (delay <= 0)
        return 0;
    uint32_t random = 0;
    if (getentropy(&random, sizeof(random)) != 0)
        random = UINT32_MAX / 2; /* no jitter is better than no delay */
    int64_t quarter = delay / 4;
    return delay - quarter + (int64_t)(random % (uint64_t)(2 * quarter + 1));
}
