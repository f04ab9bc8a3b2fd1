/* SPDX-License-Identifier: Apache-2.0 */
/* Time, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"

#include <stdlib.h>

#define NOON_US INT64_C(1795371000123456) /* 2026-11-22T18:10:00.123456Z */

static void assert_time(int64_t us, int offset, const char *expected) {
    char text[MQ_TIME_TEXT];
    mq_clock_format(us, offset, text);
    assert_string_equal(text, expected);
}

static void a_time_is_written_with_milliseconds_and_offset(void **state) {
    (void)state;
    assert_time(NOON_US, 480, "2026-11-23T02:10:00.123+08:00");
    assert_time(NOON_US, 0, "2026-11-22T18:10:00.123+00:00");
    assert_time(NOON_US, -210, "2026-11-22T14:40:00.123-03:30");
    assert_time(0, 0, "1970-01-01T00:00:00.000+00:00");
    assert_time(-1, 0, "1969-12-31T23:59:59.999+00:00");
}

static void times_beyond_the_calendar_still_fit_the_text(void **state) {
    (void)state;
    char text[MQ_TIME_TEXT];
    const int64_t far[] = { INT64_MIN, INT64_MAX };
    for (size_t i = 0; i < MQ_LENGTH(far); i++) {
        mq_clock_format(far[i], 1000000, text);
        assert_int_equal(strlen(text), 29);
    }
}

static void the_forms_of_rfc_3339_are_read(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } good[] = {
        { "2026-11-23T02:10:00.123456+08:00", NOON_US },
        { "2026-11-22T18:10:00.123456Z", NOON_US },
        { "2026-11-22t18:10:00.123456z", NOON_US },
        { "2026-11-22T14:40:00.123456999-03:30", NOON_US },
        { "2026-11-22T18:10:00Z", NOON_US - 123456 },
        { "2026-11-22T18:10:00.1Z", NOON_US - 23456 },
        { "1970-01-01T00:00:00-00:00", 0 },
        { "2024-02-29T00:00:00Z", INT64_C(1709164800000000) },
        { "2000-02-29T23:59:59Z", INT64_C(951868799000000) },
        { "9999-12-31T23:59:59Z", INT64_C(253402300799000000) },
    };
    for (size_t i = 0; i < MQ_LENGTH(good); i++) {
        int64_t us = 42;
        assert_true(mq_clock_parse(mq_str(good[i].text), &us));
        assert_int_equal(us, good[i].us);
    }
}

static void what_no_calendar_or_clock_shows_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "2026-11-23",
        "2026-11-23T02:10:00",
        "2026-11-23 02:10:00Z",
        "2026-11-23T02:10Z",
        "2026-11-23T02:10:60Z",
        "2026-11-23T24:00:00Z",
        "2026-11-23T02:60:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "26-11-23T02:10:00Z",
        "+2026-11-23T02:10:00Z",
        "2026-11-23T02:10:00.Z",
        "2026-11-23T02:10:00,5Z",
        "2026-11-23T02:10:00.1234567890Z",
        "2026-11-23T02:10:00+0800",
        "2026-11-23T02:10:00+8:00",
        "2026-11-23T02:10:00+16:00",
        "2026-11-23T02:10:00+08:60",
        "2026-11-23T02:10:00+08:00 ",
        " 2026-11-23T02:10:00+08:00",
        "2026-11-23T02:10:00Zulu",
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        int64_t us;
        assert_false(mq_clock_parse(mq_str(bad[i]), &us));
    }
    int64_t us;
    assert_false(mq_clock_parse((struct mq_str){ "2026-11-23T02:10:00\0Z", 21 }, &us));
}

static void every_beginning_of_a_time_is_refused_without_reading_on(void **state) {
    (void)state;
    static const char whole[] = "2026-11-23T02:10:00.123+08:00";
    for (size_t n = 0; n < sizeof(whole) - 1; n++) {
        char *cut = malloc(n + 1);
        assert_non_null(cut);
        memcpy(cut, whole, n);
        int64_t us;
        assert_false(mq_clock_parse((struct mq_str){ n ? cut : NULL, n }, &us));
        free(cut);
    }
}

static void what_is_written_is_read_back_to_the_millisecond(void **state) {
    (void)state;
    for (int64_t us = 0; us < INT64_C(253402300799000000); us += INT64_C(86399) * 1000000 * 997 + 1000) {
        char text[MQ_TIME_TEXT];
        int64_t again;
        mq_clock_format(us, 330, text);
        assert_true(mq_clock_parse(mq_str(text), &again));
        assert_int_equal(again, us);
    }
}

static void the_zone_is_the_countys_own_unless_tz_says_otherwise(void **state) {
    (void)state;
    unsetenv("TZ");
    assert_int_equal(mq_clock_offset_minutes(), 480);
    setenv("TZ", "EST5", 1);
    assert_int_equal(mq_clock_offset_minutes(), -300);
    setenv("TZ", "UTC0", 1);
    assert_int_equal(mq_clock_offset_minutes(), 0);
    unsetenv("TZ");
}

static void the_monotonic_clock_does_not_go_back(void **state) {
    (void)state;
    int64_t last = mq_clock_monotonic_us();
    for (int i = 0; i < 1000; i++) {
        int64_t now = mq_clock_monotonic_us();
        assert_true(now >= last);
        last = now;
    }
}

static void assert_about(unsigned attempt, int64_t expected) {
    for (int i = 0; i < 200; i++) {
        int64_t delay = mq_clock_backoff_ms(attempt, 1000, 30000);
        assert_in_range(delay, expected * 3 / 4, expected * 5 / 4);
    }
}

static void delays_double_up_to_the_cap(void **state) {
    (void)state;
    assert_about(0, 1000);
    assert_about(1, 2000);
    assert_about(4, 16000);
    assert_about(5, 30000);
    assert_about(UINT32_MAX, 30000);
}

static void delays_of_two_clients_differ(void **state) {
    (void)state;
    int64_t first = mq_clock_backoff_ms(3, 100000, 1000000);
    bool differ = false;
    for (int i = 0; i < 20; i++)
        differ = differ || mq_clock_backoff_ms(3, 100000, 1000000) != first;
    assert_true(differ);
}

static void odd_bounds_give_no_wild_delay(void **state) {
    (void)state;
    assert_int_equal(mq_clock_backoff_ms(3, 0, 1000), 0);
    assert_int_equal(mq_clock_backoff_ms(3, -5, 1000), 0);
    assert_int_equal(mq_clock_backoff_ms(9, 1, 1), 1);
    assert_true(mq_clock_backoff_ms(200, 1, INT64_MAX / 4) > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_written_with_milliseconds_and_offset),
        cmocka_unit_test(times_beyond_the_calendar_still_fit_the_text),
        cmocka_unit_test(the_forms_of_rfc_3339_are_read),
        cmocka_unit_test(what_no_calendar_or_clock_shows_is_refused),
        cmocka_unit_test(every_beginning_of_a_time_is_refused_without_reading_on),
        cmocka_unit_test(what_is_written_is_read_back_to_the_millisecond),
        cmocka_unit_test(the_zone_is_the_countys_own_unless_tz_says_otherwise),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
        cmocka_unit_test(delays_double_up_to_the_cap),
        cmocka_unit_test(delays_of_two_clients_differ),
        cmocka_unit_test(odd_bounds_give_no_wild_delay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
