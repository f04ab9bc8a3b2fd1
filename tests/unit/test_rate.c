/* SPDX-License-Identifier: Apache-2.0 */
/* Who sends more than it may, told as stories. Time is what each story says it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "rate.h"

#include <errno.h>
#include <stdio.h>

#define SECOND INT64_C(1000000)
#define START (INT64_C(86400) * SECOND) /* of the machine's clock, some day */

/* 200 a second, 1000 at once, 512 KiB a second, 4 MiB at once, 16 told. */
static const struct mq_rate_limits usual = { 200, 1000, 512 * 1024, 4 << 20, 16, 16 };

static struct mq_rate *new_rate(const struct mq_rate_limits *limits, size_t senders) {
    struct mq_rate *rate = NULL;
    assert_int_equal(mq_rate_new(limits, senders, &rate), 0);
    return rate;
}

/* Messages in even steps over a time; how many got which verdict. */
static void send(struct mq_rate *rate, const char *sender, int messages, size_t bytes, int64_t from_us, int64_t for_us, int verdicts[3]) {
    for (int i = 0; i < messages; i++)
        verdicts[mq_rate_take(rate, mq_str(sender), bytes, from_us + for_us * i / messages)]++;
}

static void a_flood_passes_its_burst_and_its_rate_and_is_told_of_the_rest(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, 1000);
    int verdicts[3] = { 0 };
    send(rate, "wild", 50000, 300, START, 10 * SECOND, verdicts);
    assert_in_range(verdicts[MQ_RATE_WITHIN], 2990, 3001);
    assert_in_range(verdicts[MQ_RATE_OVER], 120, 176);
    assert_int_equal(verdicts[MQ_RATE_WITHIN] + verdicts[MQ_RATE_OVER] + verdicts[MQ_RATE_EXCESS], 50000);
}

static void a_flood_is_nobody_elses(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, 1000);
    int wild[3] = { 0 }, honest[3] = { 0 };
    for (int s = 0; s < 10; s++) {
        send(rate, "wild", 5000, 300, START + s * SECOND, SECOND, wild);
        send(rate, "honest", 30, 300, START + s * SECOND, SECOND, honest);
    }
    assert_int_equal(honest[MQ_RATE_WITHIN], 300);
    assert_true(wild[MQ_RATE_EXCESS] > 40000);
}

static void the_kept_reports_of_a_holiday_pass_as_fast_as_they_come(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, 1000);
    int verdicts[3] = { 0 };
    send(rate, "after-holiday", 300, 2000, START, SECOND / 5, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 300);
}

static void large_messages_are_limited_by_their_bytes(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, 1000);
    int verdicts[3] = { 0 };
    send(rate, "wild", 500, 65536, START, 0, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 64); /* 4 MiB */
    send(rate, "wild", 500, 65536, START + 2 * SECOND, 0, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 64 + 16); /* and 512 KiB a second more */
}

static void what_is_larger_than_the_whole_burst_passes_a_full_bucket(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&(struct mq_rate_limits){ 10, 10, 1000, 1000, 1, 1 }, 8);
    assert_int_equal(mq_rate_take(rate, MQ_STR("a"), 5000, START), MQ_RATE_WITHIN);
    assert_int_equal(mq_rate_take(rate, MQ_STR("a"), 1, START), MQ_RATE_OVER);
    assert_int_equal(mq_rate_take(rate, MQ_STR("a"), 1, START), MQ_RATE_EXCESS);
    assert_int_equal(mq_rate_take(rate, MQ_STR("a"), 1000, START + SECOND), MQ_RATE_WITHIN);
}

static void after_a_rest_the_burst_is_there_again_and_no_more_than_that(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, 1000);
    int verdicts[3] = { 0 };
    send(rate, "a", 2000, 10, START, 0, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 1000);
    send(rate, "a", 2000, 10, START + 3600 * SECOND, 0, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 2000);
}

/* One set of eight: the ninth takes the place of who owes least, which is never the one that floods. */
static void of_a_full_table_the_quiet_are_forgotten_and_not_the_wild(void **state) {
    (void)state;
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *rate = new_rate(&usual, MQ_RATE_WAYS);
    int verdicts[3] = { 0 };
    send(rate, "wild", 1000, 10, START, 0, verdicts);
    assert_int_equal(verdicts[MQ_RATE_WITHIN], 1000);
    for (int i = 0; i < 10000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "quiet-%d", i);
        assert_int_equal(mq_rate_take(rate, mq_str(name), 10, START), MQ_RATE_WITHIN);
    }
    assert_int_not_equal(mq_rate_take(rate, MQ_STR("wild"), 10, START), MQ_RATE_WITHIN);
}

static void limits_of_nothing_are_refused_and_large_ones_do_not_overflow(void **state) {
    (void)state;
    struct mq_rate *rate = NULL;
    assert_int_equal(mq_rate_new(&(struct mq_rate_limits){ 0, 1, 1, 1, 1, 1 }, 8, &rate), -EINVAL);
    assert_int_equal(mq_rate_new(&usual, 0, &rate), -EINVAL);
    MQ_CLEANUP(mq_rate_cleanup) struct mq_rate *slow = new_rate(&(struct mq_rate_limits){ 1, INT64_MAX, 1, INT64_MAX, 1, 1 }, 8);
    for (int i = 0; i < 90; i++)
        assert_int_equal(mq_rate_take(slow, MQ_STR("a"), 1 << 20, START), MQ_RATE_WITHIN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flood_passes_its_burst_and_its_rate_and_is_told_of_the_rest),
        cmocka_unit_test(a_flood_is_nobody_elses),
        cmocka_unit_test(the_kept_reports_of_a_holiday_pass_as_fast_as_they_come),
        cmocka_unit_test(large_messages_are_limited_by_their_bytes),
        cmocka_unit_test(what_is_larger_than_the_whole_burst_passes_a_full_bucket),
        cmocka_unit_test(after_a_rest_the_burst_is_there_again_and_no_more_than_that),
        cmocka_unit_test(of_a_full_table_the_quiet_are_forgotten_and_not_the_wild),
        cmocka_unit_test(limits_of_nothing_are_refused_and_large_ones_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
