/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the byte buffer. */
#include "buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void an_empty_buffer_reads_as_empty_text(void **state) {
    (void)state;
    struct mq_buffer b = { 0 };
    assert_string_equal(mq_buffer_text(&b), "");
    mq_buffer_append(&b, NULL, 0);
    assert_string_equal(mq_buffer_text(&b), "");
    assert_false(b.failed);
    mq_buffer_deinit(&b);
    mq_buffer_deinit(NULL);
}

static void appends_of_every_kind_follow_each_other(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    mq_buffer_append(&b, "ab", 2);
    mq_buffer_append_str(&b, MQ_STR("cd"));
    mq_buffer_append_text(&b, "ef");
    mq_buffer_append_char(&b, 'g');
    mq_buffer_printf(&b, "%d", 42);
    assert_string_equal(mq_buffer_text(&b), "abcdefg42");
    assert_int_equal(b.len, 9);
}

static void bytes_of_zero_are_kept(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    mq_buffer_append(&b, "a\0b", 3);
    mq_buffer_append_char(&b, 'c');
    assert_int_equal(b.len, 4);
    assert_memory_equal(b.data, "a\0bc", 5);
}

static void a_hundred_thousand_small_appends_keep_every_byte(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    size_t moves = 0;
    for (size_t i = 0; i < 100000; i++) {
        size_t before = b.capacity;
        mq_buffer_append_char(&b, (char)('a' + i % 26));
        moves += b.capacity != before;
    }
    assert_int_equal(b.len, 100000);
    for (size_t i = 0; i < b.len; i++)
        assert_int_equal(b.data[i], 'a' + i % 26);
    assert_true(moves < 20); /* it grows in steps that grow too */
}

static void print_longer_than_the_room_grows_it(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    mq_buffer_append_text(&b, "<");
    mq_buffer_printf(&b, "%01000d", 7);
    mq_buffer_printf(&b, "%0255d", 7);
    mq_buffer_printf(&b, "%0256d", 7);
    assert_int_equal(b.len, 1 + 1000 + 255 + 256);
    assert_int_equal(b.data[1000], '7');
    assert_int_equal(b.data[1255], '7');
    assert_int_equal(b.data[1511], '7');
    assert_int_equal(b.data[1512], '\0');
}

static void reset_keeps_memory_up_to_a_bound(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    assert_int_equal(mq_buffer_reserve(&b, 500), 0);
    const char *memory = b.data;
    mq_buffer_append_text(&b, "once");
    mq_buffer_reset(&b, 4096);
    assert_ptr_equal(b.data, memory);
    assert_string_equal(mq_buffer_text(&b), "");
    assert_int_equal(b.len, 0);

    mq_buffer_append_text(&b, "again");
    mq_buffer_reset(&b, 100);
    assert_int_equal(b.capacity, 0);
    mq_buffer_append_text(&b, "and again");
    assert_string_equal(mq_buffer_text(&b), "and again");
}

static void reserve_promises_room_without_another_move(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    assert_int_equal(mq_buffer_reserve(&b, 1000), 0);
    const char *memory = b.data;
    for (size_t i = 0; i < 1000; i++)
        mq_buffer_append_char(&b, 'x');
    assert_ptr_equal(b.data, memory);
}

static void integers_are_written_as_printf_writes_them(void **state) {
    (void)state;
    static const int64_t numbers[] = { 0, 7, -7, 10, 1234567890, INT64_MAX, INT64_MIN };
    for (size_t i = 0; i < MQ_LENGTH(numbers); i++) {
        MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 }, printed = { 0 };
        mq_buffer_append_integer(&b, numbers[i]);
        mq_buffer_printf(&printed, "%lld", (long long)numbers[i]);
        assert_string_equal(mq_buffer_text(&b), mq_buffer_text(&printed));
    }
}

static void a_failed_allocation_sticks_until_reset(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer b = { 0 };
    mq_buffer_append_text(&b, "before");
    assert_int_equal(mq_buffer_reserve(&b, SIZE_MAX - 3), -ENOMEM);
    assert_true(b.failed);
    mq_buffer_append_text(&b, "after");
    mq_buffer_printf(&b, "%d", 1);
    assert_string_equal(mq_buffer_text(&b), "before");
    assert_int_equal(mq_buffer_reserve(&b, 1), -ENOMEM);

    mq_buffer_reset(&b, SIZE_MAX);
    assert_false(b.failed);
    mq_buffer_append_text(&b, "after");
    assert_string_equal(mq_buffer_text(&b), "after");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buffer_reads_as_empty_text),
        cmocka_unit_test(appends_of_every_kind_follow_each_other),
        cmocka_unit_test(bytes_of_zero_are_kept),
        cmocka_unit_test(a_hundred_thousand_small_appends_keep_every_byte),
        cmocka_unit_test(print_longer_than_the_room_grows_it),
        cmocka_unit_test(reset_keeps_memory_up_to_a_bound),
        cmocka_unit_test(reserve_promises_room_without_another_move),
        cmocka_unit_test(integers_are_written_as_printf_writes_them),
        cmocka_unit_test(a_failed_allocation_sticks_until_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
