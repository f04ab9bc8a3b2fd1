/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the walk over arrays and objects, and of the search in bytes that may be anything. */
#include "json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Collects parts as "a|b|c|". */
static int collect(void *userdata, struct mq_str element) {
    mq_buffer_append_str(userdata, element);
    mq_buffer_append_char(userdata, '|');
    return 0;
}

static int collect_member(void *userdata, struct mq_str key, struct mq_str value) {
    mq_buffer_append_str(userdata, key);
    mq_buffer_append_char(userdata, '=');
    return collect(userdata, value);
}

static int stop_at_two(void *userdata, struct mq_str element) {
    collect(userdata, element);
    return mq_str_equal(element, MQ_STR("2")) ? 7 : 0;
}

static void each_element_comes_in_order_with_its_own_bytes(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer seen = { 0 };
    const char *array = " [ {\"a\":\"]},\\\"\"} ,\n[1,[2]], \"x,y\" ,-1.5e3,true , {} ] ";
    assert_int_equal(mq_json_each(mq_str(array), collect, &seen), 0);
    assert_string_equal(mq_buffer_text(&seen), "{\"a\":\"]},\\\"\"}|[1,[2]]|\"x,y\"|-1.5e3|true|{}|");
}

static void each_of_an_empty_array_is_nothing(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer seen = { 0 };
    assert_int_equal(mq_json_each(MQ_STR("[]"), collect, &seen), 0);
    assert_int_equal(mq_json_each(MQ_STR(" [ ] "), collect, &seen), 0);
    assert_int_equal(mq_json_each_member(MQ_STR(" { } "), collect_member, &seen), 0);
    assert_int_equal(seen.len, 0);
}

static void each_ends_when_it_is_told_to(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer seen = { 0 };
    assert_int_equal(mq_json_each(MQ_STR("[1,2,3]"), stop_at_two, &seen), 7);
    assert_string_equal(mq_buffer_text(&seen), "1|2|");
}

static void each_refuses_what_is_not_an_array(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer seen = { 0 };
    const char *const others[] = { "", " ", "{}", "1", "\"[]\"", "[", "[1", "null" };
    for (size_t i = 0; i < MQ_LENGTH(others); i++)
        assert_int_equal(mq_json_each(mq_str(others[i]), collect, &seen), -EINVAL);
    assert_int_equal(mq_json_each_member(MQ_STR("[]"), collect_member, &seen), -EINVAL);
}

static void each_member_comes_with_its_key(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer seen = { 0 };
    const char *object = "{ \"a\\\"b\" : {\"c\":[1]} ,\"\":2}";
    assert_int_equal(mq_json_each_member(mq_str(object), collect_member, &seen), 0);
    assert_string_equal(mq_buffer_text(&seen), "a\\\"b={\"c\":[1]}|=2|");
}

/* Searches a copy that ends where the bytes end, so that a read past them is seen by the address sanitizer. */
static size_t kept_of(struct mq_str bytes) {
    char *copy = malloc(bytes.n > 0 ? bytes.n : 1);
    assert_non_null(copy);
    if (bytes.n > 0)
        memcpy(copy, bytes.s, bytes.n);
    size_t n = mq_json_before_word((struct mq_str){ copy, bytes.n }, MQ_STR("subject")).n;
    free(copy);
    return n;
}

static void nothing_from_the_word_on_is_left(void **state) {
    (void)state;
    static const struct mq_str words[] = {
        MQ_STR("subject"),
        MQ_STR("Subject"),
        MQ_STR("SUBJECT"),
        MQ_STR("\\u0073ubject"),
        MQ_STR("s\\u0075b\\u006Aect"),
        MQ_STR("\\u0053\\u0075\\u0062\\u006a\\u0065\\u0063\\u0074"),
        MQ_STR("s\0u\0b\0j\0e\0c\0t"),
        MQ_STR("s\0\0\0u\0\0\0b\0\0\0j\0\0\0e\0\0\0c\0\0\0t"),
    };
    static const char *const before[] = { "", "{\"id\":1,\"", "{'", "{", "{\"a\":\"{\\\"", "\xff\\u00", "\\", "\\u007", "sub", "subsub" };
    for (size_t i = 0; i < MQ_LENGTH(words); i++) {
        for (size_t k = 0; k < MQ_LENGTH(before); k++) {
            MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
            mq_buffer_append_text(&text, before[k]);
            mq_buffer_append_str(&text, words[i]);
            size_t at_the_end = kept_of((struct mq_str){ text.data, text.len });
            mq_buffer_append_text(&text, "\":{\"name\":\"林姨\"}}");
            assert_int_equal(kept_of((struct mq_str){ text.data, text.len }), strlen(before[k]));
            assert_int_equal(at_the_end, strlen(before[k]));
        }
    }
}

static void bytes_without_the_word_stay_whole(void **state) {
    (void)state;
    static const char *const texts[] = { "", "{}", "subjec", "su bject", "\\u0073", "\\u007", "\\u", "\\", "\\u1073ubject", "sub\\ject", "山上有烟" };
    for (size_t i = 0; i < MQ_LENGTH(texts); i++)
        assert_int_equal(kept_of(mq_str(texts[i])), strlen(texts[i]));
}

/* Eight bytes are looked at together: each byte at each place among others, and the end at each place. */
static void plain_bytes_end_where_they_end(void **state) {
    (void)state;
    static const char fill[] = { 'a', '!', '#', '[', ']', 0x7f, ' ' };
    for (size_t length = 0; length <= 20; length++)
        for (size_t at = 0; at <= length; at++)
            for (int c = 0; c < 256; c++) {
                char *bytes = malloc(length ? length : 1); /* of its own, so that reading past it is seen */
                assert_non_null(bytes);
                for (size_t i = 0; i < length; i++)
                    bytes[i] = fill[(i + (size_t)c) % sizeof fill];
                if (at < length)
                    bytes[at] = (char)c;
                bool special = at < length && (c < 0x20 || c >= 0x80 || c == '"' || c == '\\');
                assert_int_equal(mq_json_plain((struct mq_str){ bytes, length }), special ? at : length);
                free(bytes);
            }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_element_comes_in_order_with_its_own_bytes),
        cmocka_unit_test(each_of_an_empty_array_is_nothing),
        cmocka_unit_test(each_ends_when_it_is_told_to),
        cmocka_unit_test(each_refuses_what_is_not_an_array),
        cmocka_unit_test(each_member_comes_with_its_key),
        cmocka_unit_test(nothing_from_the_word_on_is_left),
        cmocka_unit_test(bytes_without_the_word_stay_whole),
        cmocka_unit_test(plain_bytes_end_where_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
