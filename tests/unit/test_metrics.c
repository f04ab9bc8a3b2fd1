/* SPDX-License-Identifier: Apache-2.0 */
/* Counters, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "metrics.h"

#include <pthread.h>

static void counters_are_printed_in_the_order_of_their_table(void **state) {
    (void)state;
    struct mq_metrics metrics = { 0 };
    mq_metrics_add(&metrics, MQ_METRIC_RECEIVED, 3);
    mq_metrics_add(&metrics, MQ_METRIC_CONNECTS, UINT64_MAX);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_append_text(&out, "x");
    mq_metrics_json(&metrics, &out);
    assert_string_equal(mq_buffer_text(&out),
                        "x{\"received\":3,\"dropped\":0,\"excess\":0,\"taken\":0,\"elements\":0,\"swept\":0,\"handled\":0,\"stored\":0,"
                        "\"duplicate\":0,\"unanswered\":0,\"rejected\":0,\"unkept\":0,\"later\":0,\"cleared\":0,\"abandoned\":0,"
                        "\"published\":0,\"unheard\":0,\"refused\":0,\"batches\":0,\"retries\":0,"
                        "\"connects\":18446744073709551615,\"delivered\":0,\"undelivered\":0,\"given_up\":0}");
}

static void every_counter_has_a_name_and_what_is_none_has_not(void **state) {
    (void)state;
    for (int i = 0; i < MQ_METRIC_COUNT; i++)
        assert_non_null(mq_metrics_name((enum mq_metric)i));
    assert_string_equal(mq_metrics_name(MQ_METRIC_UNHEARD), "unheard");
    assert_null(mq_metrics_name(MQ_METRIC_COUNT));
}

static void assert_recent(struct mq_recent *recent, const struct mq_metrics *metrics, int64_t seconds, const char *expected) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_recent_json(recent, metrics, seconds * 1000000, &out);
    assert_string_equal(mq_buffer_text(&out), expected);
}

static void what_grew_is_said_for_five_to_ten_minutes(void **state) {
    (void)state;
    struct mq_metrics metrics = { 0 };
    struct mq_recent recent = { .due_us = 0 };
    assert_recent(&recent, &metrics, 1000, "{}");
    mq_metrics_add(&metrics, MQ_METRIC_EXCESS, 7);
    mq_metrics_add(&metrics, MQ_METRIC_LATER, 1);
    assert_recent(&recent, &metrics, 1005, "{\"excess\":7,\"later\":1}");
    assert_recent(&recent, &metrics, 1301, "{\"excess\":7,\"later\":1}");
    mq_metrics_add(&metrics, MQ_METRIC_EXCESS, 2);
    assert_recent(&recent, &metrics, 1310, "{\"excess\":9,\"later\":1}");
    assert_recent(&recent, &metrics, 1602, "{\"excess\":2}");
    assert_recent(&recent, &metrics, 1903, "{}");
}

static void *count_many(void *metrics) {
    for (int i = 0; i < 20000; i++)
        mq_metrics_add(metrics, MQ_METRIC_DROPPED, 1);
    return NULL;
}

static void two_threads_lose_no_count(void **state) {
    (void)state;
    struct mq_metrics metrics = { 0 };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, count_many, &metrics), 0);
    count_many(&metrics);
    pthread_join(thread, NULL);
    assert_int_equal(mq_metrics_get(&metrics, MQ_METRIC_DROPPED), 40000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_are_printed_in_the_order_of_their_table),
        cmocka_unit_test(every_counter_has_a_name_and_what_is_none_has_not),
        cmocka_unit_test(what_grew_is_said_for_five_to_ten_minutes),
        cmocka_unit_test(two_threads_lose_no_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
