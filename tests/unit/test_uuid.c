/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "uuid.h"

#include <pthread.h>
#include <stdlib.h>

static struct mq_uuid parsed(const char *text) {
    struct mq_uuid uuid;
    assert_true(mq_uuid_parse(mq_str(text), &uuid));
    return uuid;
}

static void assert_text(struct mq_uuid uuid, const char *expected) {
    char text[MQ_UUID_TEXT];
    mq_uuid_format(&uuid, text);
    assert_string_equal(text, expected);
}

static void what_is_read_is_written_again_in_lower_case(void **state) {
    (void)state;
    assert_text(parsed("01934C7E-8f21-7abc-9DEF-0123456789ab"), "01934c7e-8f21-7abc-9def-0123456789ab");
    assert_text(parsed("00000000-0000-0000-0000-000000000000"), "00000000-0000-0000-0000-000000000000");
}

static void what_is_no_uuid_is_refused_and_leaves_the_target_alone(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "01934c7e-8f21-7abc-9def-0123456789a",
        "01934c7e-8f21-7abc-9def-0123456789abc",
        "01934c7e8f217abc9def0123456789ab",
        "01934c7e-8f21-7abc-9def-0123456789ag",
        "01934c7e-8f21-7abc-9def+0123456789ab",
        "01934c7e-8f217-abc-9def-0123456789ab",
        "{1934c7e-8f21-7abc-9def-0123456789a}",
        " 1934c7e-8f21-7abc-9def-0123456789ab",
        "-1934c7e-8f21-7abc-9def-0123456789ab",
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        struct mq_uuid uuid = { { 7 } };
        assert_false(mq_uuid_parse(mq_str(bad[i]), &uuid));
        assert_int_equal(uuid.bytes[0], 7);
    }
}

static void a_view_of_the_right_length_needs_no_zero_byte_behind_it(void **state) {
    (void)state;
    char *exact = malloc(36);
    assert_non_null(exact);
    memcpy(exact, "01934c7e-8f21-7abc-9def-0123456789ab", 36);
    struct mq_uuid uuid;
    assert_true(mq_uuid_parse((struct mq_str){ exact, 36 }, &uuid));
    free(exact);
}

static void only_the_nil_uuid_is_nil(void **state) {
    (void)state;
    struct mq_uuid nil = { 0 }, last = { 0 };
    last.bytes[15] = 1;
    assert_true(mq_uuid_is_nil(&nil));
    assert_false(mq_uuid_is_nil(&last));
}

static void version_5_agrees_with_the_published_vector(void **state) {
    (void)state;
    /* RFC 9562, appendix A.4: www.example.com in the DNS namespace. */
    struct mq_uuid dns = parsed("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    assert_text(mq_uuid_v5(&dns, "www.example.com", 15), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void version_5_of_nothing_is_that_of_the_namespace_alone(void **state) {
    (void)state;
    struct mq_uuid dns = parsed("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    struct mq_uuid nothing = mq_uuid_v5(&dns, NULL, 0), empty = mq_uuid_v5(&dns, "", 0);
    assert_memory_equal(&nothing, &empty, sizeof(empty));
    assert_int_equal(nothing.bytes[6] >> 4, 5);
}

static void a_report_opens_the_same_case_whoever_computes_it(void **state) {
    (void)state;
    assert_text(mq_uuid_case_namespace, "6d696e71-696e-5067-8000-636173650001");
    struct mq_uuid report = parsed("01934c7e-8f21-7abc-9def-0123456789ab");
    assert_text(mq_uuid_v5(&mq_uuid_case_namespace, &report, sizeof(report)), "0072b48b-4b4f-570f-a0ca-21fe62111100");
    assert_text(mq_uuid_case_of(&report), "01934c7e-8f21-870f-a0ca-21fe62111100");
    struct mq_uuid random = parsed("0192a4b0-8f21-4abc-9def-0123456789ab"), of_random = mq_uuid_case_of(&random);
    struct mq_uuid plain = mq_uuid_v5(&mq_uuid_case_namespace, &random, sizeof(random));
    assert_memory_equal(&of_random, &plain, sizeof(plain));
}

static void cases_lie_in_the_order_of_their_reports(void **state) {
    (void)state;
    struct mq_uuid earlier = parsed("01934c7e-8f21-7fff-bfff-ffffffffffff"), later = parsed("01934c7e-8f22-7000-8000-000000000000");
    struct mq_uuid first = mq_uuid_case_of(&earlier), second = mq_uuid_case_of(&later);
    assert_true(memcmp(&first, &second, sizeof(first)) < 0);
    assert_int_equal(first.bytes[6] >> 4, 8);
    assert_int_equal(first.bytes[8] >> 6, 2);
}

static void new_ids_carry_the_time_the_version_and_the_variant(void **state) {
    (void)state;
    int64_t before = mq_clock_now_us() / 1000;
    struct mq_uuid uuid = mq_uuid_v7();
    int64_t ms = 0;
    for (size_t i = 0; i < 6; i++)
        ms = ms << 8 | uuid.bytes[i];
    assert_true(ms >= before && ms < before + 3600000);
    assert_int_equal(uuid.bytes[6] >> 4, 7);
    assert_int_equal(uuid.bytes[8] >> 6, 2);
}

static void fifty_thousand_new_ids_only_ever_go_forward(void **state) {
    (void)state;
    struct mq_uuid last = mq_uuid_v7();
    for (int i = 0; i < 50000; i++) {
        struct mq_uuid next = mq_uuid_v7();
        assert_true(memcmp(&last, &next, sizeof(next)) < 0);
        last = next;
    }
}

#define MANY 4000

static void *make_many(void *ids) {
    struct mq_uuid *out = ids;
    for (size_t i = 0; i < MANY; i++)
        out[i] = mq_uuid_v7();
    return NULL;
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct mq_uuid));
}

static void threads_never_get_the_same_stamp(void **state) {
    (void)state;
    static struct mq_uuid ids[4 * MANY];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_many, ids + i * MANY), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    qsort(ids, 4 * MANY, sizeof(*ids), compare);
    for (size_t i = 1; i < 4 * MANY; i++)
        assert_true(memcmp(&ids[i - 1], &ids[i], 8) < 0);
}

static void a_new_traceparent_is_a_valid_one_and_never_the_last(void **state) {
    (void)state;
    char one[MQ_TRACEPARENT_TEXT], other[MQ_TRACEPARENT_TEXT];
    mq_traceparent_new(one);
    mq_traceparent_new(other);
    assert_int_equal(strlen(one), 55);
    assert_true(mq_traceparent_valid(mq_str(one)));
    assert_string_not_equal(one, other);
}

static void traceparents_of_other_forms_are_refused(void **state) {
    (void)state;
    assert_true(mq_traceparent_valid(mq_str("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")));
    static const char *const bad[] = {
        "",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-001",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz",
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_traceparent_valid(mq_str(bad[i])));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_written_again_in_lower_case),
        cmocka_unit_test(what_is_no_uuid_is_refused_and_leaves_the_target_alone),
        cmocka_unit_test(a_view_of_the_right_length_needs_no_zero_byte_behind_it),
        cmocka_unit_test(only_the_nil_uuid_is_nil),
        cmocka_unit_test(version_5_agrees_with_the_published_vector),
        cmocka_unit_test(version_5_of_nothing_is_that_of_the_namespace_alone),
        cmocka_unit_test(a_report_opens_the_same_case_whoever_computes_it),
        cmocka_unit_test(cases_lie_in_the_order_of_their_reports),
        cmocka_unit_test(new_ids_carry_the_time_the_version_and_the_variant),
        cmocka_unit_test(fifty_thousand_new_ids_only_ever_go_forward),
        cmocka_unit_test(threads_never_get_the_same_stamp),
        cmocka_unit_test(a_new_traceparent_is_a_valid_one_and_never_the_last),
        cmocka_unit_test(traceparents_of_other_forms_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
