/* SPDX-License-Identifier: Apache-2.0 */
/* Topic names, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "topic.h"

#include <errno.h>
#include <stdlib.h>

static const struct mq_str some_parts[MQ_TOPIC_PARTS] = {
    { "one", 3 }, { "441581", 6 }, { "441581105", 9 }, { "民情", 6 }, { "a b.c", 5 }, { "x", 1 },
};

static size_t names_in(enum mq_topic which) {
    size_t n = 0;
    for (const char *p = mq_topic_pattern(which); *p; p++)
        n += *p == '{';
    return n;
}

static void every_topic_is_read_back_from_what_was_written(void **state) {
    (void)state;
    for (int i = 0; i < MQ_TOPIC_COUNT; i++) {
        enum mq_topic which = (enum mq_topic)i;
        char topic[MQ_TOPIC_BYTES];
        struct mq_topic_parts parts;
        assert_int_equal(mq_topic_format(which, some_parts, names_in(which), topic), 0);
        assert_true(mq_topic_parse(which, mq_str(topic), &parts));
        assert_int_equal(parts.count, names_in(which));
        for (size_t k = 0; k < parts.count; k++)
            assert_true(mq_str_equal(parts.part[k], some_parts[k]));
    }
}

static void no_topic_is_taken_for_another(void **state) {
    (void)state;
    for (int i = 0; i < MQ_TOPIC_COUNT; i++) {
        char topic[MQ_TOPIC_BYTES];
        struct mq_topic_parts parts;
        assert_int_equal(mq_topic_format((enum mq_topic)i, some_parts, names_in((enum mq_topic)i), topic), 0);
        for (int k = 0; k < MQ_TOPIC_COUNT; k++)
            assert_true(mq_topic_parse((enum mq_topic)k, mq_str(topic), &parts) == (i == k));
    }
}

static void a_case_topic_looks_as_documented(void **state) {
    (void)state;
    const struct mq_str parts[] = { MQ_STR("fire"), MQ_STR("441581"), MQ_STR("441581105"), MQ_STR("c1") };
    char topic[MQ_TOPIC_BYTES];
    assert_int_equal(mq_topic_format(MQ_TOPIC_DEPARTMENT_CASE, parts, 4, topic), 0);
    assert_string_equal(topic, "minqing/department/fire/441581/441581105/case/c1");
    assert_string_equal(mq_topic_pattern(MQ_TOPIC_HEALTH), "minqing/health/{service}/{instance}");
}

static void a_part_that_would_change_the_topic_is_refused(void **state) {
    (void)state;
    static const struct mq_str bad[] = {
        { "", 0 },     { NULL, 0 },    { "a/b", 3 },  { "+", 1 },         { "a#", 2 },
        { "a\nb", 3 }, { "a\0b", 3 }, { "\x7f", 1 }, { "a\xc2\x85", 3 },
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        char topic[MQ_TOPIC_BYTES] = "untouched";
        assert_int_equal(mq_topic_format(MQ_TOPIC_FIELD_REPORT, &bad[i], 1, topic), -EINVAL);
        assert_string_equal(topic, "");
        if (bad[i].s)
            assert_int_equal(mq_topic_filter(MQ_TOPIC_FIELD_REPORT, NULL, &bad[i], 1, topic), -EINVAL);
    }
}

static void too_few_and_too_many_parts_are_refused(void **state) {
    (void)state;
    char topic[MQ_TOPIC_BYTES];
    assert_int_equal(mq_topic_format(MQ_TOPIC_QUERY, some_parts, 1, topic), -EINVAL);
    assert_int_equal(mq_topic_format(MQ_TOPIC_QUERY, some_parts, 3, topic), -EINVAL);
    assert_int_equal(mq_topic_format(MQ_TOPIC_STAGE_RECEIVED, some_parts, 1, topic), -EINVAL);
    assert_int_equal(mq_topic_format(MQ_TOPIC_STAGE_RECEIVED, NULL, 0, topic), 0);
    assert_int_equal(mq_topic_filter(MQ_TOPIC_QUERY, NULL, some_parts, 3, topic), -EINVAL);
}

static void the_longest_topic_has_255_bytes(void **state) {
    (void)state;
    static char name[MQ_TOPIC_BYTES];
    memset(name, 'n', sizeof(name));
    size_t fits = MQ_TOPIC_BYTES - 1 - strlen("minqing/field//task");
    char topic[MQ_TOPIC_BYTES];
    struct mq_topic_parts parts;
    assert_int_equal(mq_topic_format(MQ_TOPIC_FIELD_TASK, &(struct mq_str){ name, fits }, 1, topic), 0);
    assert_int_equal(strlen(topic), 255);
    assert_true(mq_topic_parse(MQ_TOPIC_FIELD_TASK, mq_str(topic), &parts));
    assert_int_equal(mq_topic_format(MQ_TOPIC_FIELD_TASK, &(struct mq_str){ name, fits + 1 }, 1, topic), -ENAMETOOLONG);
    assert_string_equal(topic, "");
    assert_int_equal(mq_topic_filter(MQ_TOPIC_FIELD_TASK, "g", &(struct mq_str){ name, fits }, 1, topic), -ENAMETOOLONG);
}

static void what_differs_by_a_byte_is_another_topic(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "minqing",
        "minqing/field/d1/report/",
        "minqing/field/d1/reports",
        "minqing/field/d1/repor",
        "minqing/field//report",
        "minqing/field/d1",
        "minqing/field/d1/",
        "/minqing/field/d1/report",
        "minqing/field/d1/x/report",
        "Minqing/field/d1/report",
        "minqing/field/+/report",
        "minqing/field/#",
        "minqing/field/d\n1/report",
        "minqing/field/d\xc2\x85/report",
    };
    struct mq_topic_parts parts;
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_topic_parse(MQ_TOPIC_FIELD_REPORT, mq_str(bad[i]), &parts));
    assert_false(mq_topic_parse(MQ_TOPIC_FIELD_REPORT, (struct mq_str){ NULL, 0 }, &parts));
    assert_false(mq_topic_parse(MQ_TOPIC_FIELD_REPORT, (struct mq_str){ "minqing/field/d\0/report", 23 }, &parts));
}

static void parts_point_into_the_topic_and_no_byte_behind_it_is_read(void **state) {
    (void)state;
    static const char text[] = "minqing/query/desk-1/subject";
    size_t n = sizeof(text) - 1;
    for (size_t cut = 1; cut <= n; cut++) {
        char *exact = malloc(cut);
        assert_non_null(exact);
        memcpy(exact, text, cut);
        struct mq_topic_parts parts;
        bool whole = mq_topic_parse(MQ_TOPIC_QUERY, (struct mq_str){ exact, cut }, &parts);
        assert_true(whole == (cut > strlen("minqing/query/desk-1/")));
        if (whole) {
            assert_ptr_equal(parts.part[0].s, exact + 14);
            assert_int_equal(parts.part[0].n, 6);
            assert_int_equal(parts.part[1].n, cut - 21);
        }
        free(exact);
    }
}

static void filters_have_a_plus_for_what_is_not_given(void **state) {
    (void)state;
    char filter[MQ_TOPIC_BYTES];
    const struct mq_str parts[] = { MQ_STR("fire"), { NULL, 0 }, MQ_STR("all") };
    assert_int_equal(mq_topic_filter(MQ_TOPIC_DEPARTMENT_ACTION, "dispatcher", parts, 3, filter), 0);
    assert_string_equal(filter, "$share/dispatcher/minqing/department/fire/+/all/action/+");
    assert_int_equal(mq_topic_filter(MQ_TOPIC_FIELD_REPORT, "ingest", NULL, 0, filter), 0);
    assert_string_equal(filter, "$share/ingest/minqing/field/+/report");
    assert_int_equal(mq_topic_filter(MQ_TOPIC_STAGE_RECEIVED, NULL, NULL, 0, filter), 0);
    assert_string_equal(filter, "minqing/stage/received");
    assert_int_equal(mq_topic_filter(MQ_TOPIC_FIELD_REPORT, "", NULL, 0, filter), -EINVAL);
    assert_int_equal(mq_topic_filter(MQ_TOPIC_FIELD_REPORT, "a/b", NULL, 0, filter), -EINVAL);
}

static void accounts_have_3_to_32_small_letters_digits_and_hyphens(void **state) {
    (void)state;
    assert_true(mq_topic_account_valid(MQ_STR("abc")));
    assert_true(mq_topic_account_valid(MQ_STR("grid-441581105202-001")));
    assert_true(mq_topic_account_valid(MQ_STR("abcdefghijklmnopqrstuvwxyz012345")));
    assert_false(mq_topic_account_valid(MQ_STR("abcdefghijklmnopqrstuvwxyz0123456")));
    static const char *const bad[] = { "", "ab", "ABC", "a_b", "a b", "a/b", "abc ", "a+c", "民情民" };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_topic_account_valid(mq_str(bad[i])));
}

static void replies_go_to_the_askers_own_topics_only(void **state) {
    (void)state;
    struct mq_str desk = MQ_STR("desk-1");
    assert_true(mq_topic_is_reply_of(MQ_STR("minqing/reply/desk-1/a"), desk));
    assert_true(mq_topic_is_reply_of(MQ_STR("minqing/reply/desk-1/page/7/action"), desk));
    static const char *const bad[] = {
        "",
        "minqing/reply/desk-1",
        "minqing/reply/desk-1/",
        "minqing/reply/desk-10/a",
        "minqing/reply/desk-/a",
        "minqing/reply/desk-2/a",
        "minqing/reply/desk-1/+",
        "minqing/reply/desk-1/a/#",
        "minqing/reply/desk-1/a\n",
        "minqing/field/desk-1/receipt",
        "$share/x/minqing/reply/desk-1/a",
        " minqing/reply/desk-1/a",
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_topic_is_reply_of(mq_str(bad[i]), desk));
    assert_false(mq_topic_is_reply_of((struct mq_str){ NULL, 0 }, desk));
    assert_false(mq_topic_is_reply_of(MQ_STR("minqing/reply//a"), MQ_STR("")));
}

static void an_answer_goes_where_it_was_asked_for_if_that_is_the_askers_own(void **state) {
    (void)state;
    struct mq_str desk = MQ_STR("desk-1"), name = MQ_STR("query");
    char topic[MQ_TOPIC_BYTES];
    assert_int_equal(mq_topic_reply(MQ_STR("minqing/reply/desk-1/page/7"), desk, name, topic), 0);
    assert_string_equal(topic, "minqing/reply/desk-1/page/7");
    assert_int_equal(mq_topic_reply(MQ_STR("minqing/reply/desk-2/page"), desk, name, topic), 0);
    assert_string_equal(topic, "minqing/reply/desk-1/query");
    assert_int_equal(mq_topic_reply((struct mq_str){ NULL, 0 }, desk, name, topic), 0);
    assert_string_equal(topic, "minqing/reply/desk-1/query");
    assert_int_equal(mq_topic_reply((struct mq_str){ NULL, 0 }, MQ_STR("a/b"), name, topic), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_topic_is_read_back_from_what_was_written),
        cmocka_unit_test(no_topic_is_taken_for_another),
        cmocka_unit_test(a_case_topic_looks_as_documented),
        cmocka_unit_test(a_part_that_would_change_the_topic_is_refused),
        cmocka_unit_test(too_few_and_too_many_parts_are_refused),
        cmocka_unit_test(the_longest_topic_has_255_bytes),
        cmocka_unit_test(what_differs_by_a_byte_is_another_topic),
        cmocka_unit_test(parts_point_into_the_topic_and_no_byte_behind_it_is_read),
        cmocka_unit_test(filters_have_a_plus_for_what_is_not_given),
        cmocka_unit_test(accounts_have_3_to_32_small_letters_digits_and_hyphens),
        cmocka_unit_test(replies_go_to_the_askers_own_topics_only),
        cmocka_unit_test(an_answer_goes_where_it_was_asked_for_if_that_is_the_askers_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
