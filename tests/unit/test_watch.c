/* SPDX-License-Identifier: Apache-2.0 */
/* What a person sees, told as stories: columns of Chinese, harmless text, filters of the stream, command lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/common/options.h"
#include "clients/common/text.h"
#include "clients/common/live.h"
#include "clients/minqing/watch.h"

#include <stdlib.h>

static const struct mq_stream_line fire = {
    .at = MQ_STR("2026-11-23T10:00:01.500+08:00"),
    .what = MQ_STR("opened"),
    .domain = MQ_STR("fire_safety"),
    .domain_name = MQ_STR("消防安全"),
    .kind = MQ_STR("fire_safety.hill_fire"),
    .severity = 4,
    .area = MQ_STR("441581105202001"),
    .area_name = MQ_STR("博美镇点石村委会第1网格"),
    .number = MQ_STR("博美-1123-001"),
    .lead_name = MQ_STR("消防救援大队"),
    .text = MQ_STR("前面山头冒烟"),
};

static bool lets_through(const char *const *texts, size_t count, const struct mq_stream_line *line) {
    struct mq_filter filters[4];
    for (size_t i = 0; i < count; i++)
        assert_true(mq_filter_parse(texts[i], &filters[i]));
    return mq_filter_match(filters, count, line);
}

static bool passes(const char *text) {
    return lets_through(&text, 1, &fire);
}

static void a_chinese_character_takes_two_cells(void **state) {
    (void)state;
    assert_int_equal(mq_text_width(MQ_STR("消防 fire")), 9);
    assert_int_equal(mq_text_width(MQ_STR("〔受限〕")), 8);
    assert_int_equal(mq_text_width(MQ_STR("e\xcc\x81")), 1); /* a combining accent takes none */
    assert_int_equal(mq_text_width(MQ_STR("")), 0);
}

static void every_column_has_its_width_whatever_stands_in_it(void **state) {
    (void)state;
    static const char *const texts[] = { "",        "a", "消防", "消防安全a", "消防安全和生态", "abcdefghijkl", "a消防安全和生态",
                                         "\xff\xff" };
    for (size_t i = 0; i < MQ_LENGTH(texts); i++)
        for (size_t cells = 0; cells < 12; cells++) {
            MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
            mq_text_column(&out, mq_str(texts[i]), cells);
            assert_int_equal(mq_text_width(mq_str(mq_buffer_text(&out))), cells);
        }
}

static void what_is_too_long_is_cut_between_characters_with_an_ellipsis(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_text_cut(&out, MQ_STR("消防安全"), 6);
    assert_string_equal(mq_buffer_text(&out), "消防…");
    mq_buffer_reset(&out, SIZE_MAX);
    mq_text_cut(&out, MQ_STR("消防安全"), 8);
    assert_string_equal(mq_buffer_text(&out), "消防安全");
}

static void a_report_cannot_give_orders_to_the_terminal(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_text_clean(&out, MQ_STR("a\033[2Jb\nc\td\x7f\xc2\x9b"
                               "e\xe2\x80\xae"
                               "f\xff"));
    assert_string_equal(mq_buffer_text(&out), "a\xef\xbf\xbd[2Jb c d\xef\xbf\xbd\xef\xbf\xbd"
                                              "e\xef\xbf\xbd"
                                              "f\xef\xbf\xbd");
}

static void a_payload_stays_on_one_line(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_live_json(&out, MQ_STR("{\"a\":\r\n1}"));
    assert_string_equal(mq_buffer_text(&out), "{\"a\":  1}");
}

static void lines_of_the_stream_stand_under_each_other(void **state) {
    (void)state;
    static const struct mq_stream_line waiting = { .at = MQ_STR("2026-11-23T10:00:02+08:00"),
                                                   .what = MQ_STR("review"),
                                                   .severity = 2,
                                                   .area = MQ_STR("441581105202"),
                                                   .text = MQ_STR("前面山头冒烟") };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer first = { 0 }, second = { 0 };
    mq_watch_line(&fire, NULL, 0, false, &first);
    mq_watch_line(&waiting, NULL, 0, false, &second);
    const char *one = mq_buffer_text(&first), *two = mq_buffer_text(&second);
    const char *left = strstr(one, "前面"), *right = strstr(two, "前面");
    assert_non_null(left);
    assert_non_null(right);
    assert_int_equal(mq_text_width((struct mq_str){ one, (size_t)(left - one) }),
                     mq_text_width((struct mq_str){ two, (size_t)(right - two) }));
    assert_memory_equal(one, "10:00:01 4 特急 消防安全 ", strlen("10:00:01 4 特急 消防安全 "));
    assert_non_null(strstr(one, "立案"));
    assert_non_null(strstr(two, "2 一般 -"));
}

static void a_line_ends_at_the_terminals_edge(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    struct mq_stream_line line = fire;
    line.text = MQ_STR("前面山头冒烟，疑似山火，风很大，正往村子方向蔓延，请尽快派人来，已有三十多人");
    mq_watch_line(&line, NULL, 150, false, &out);
    assert_in_range(mq_text_width(mq_str(mq_buffer_text(&out))), 148, 150);
}

static void colours_are_only_there_when_wanted(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer plain = { 0 }, coloured = { 0 };
    mq_watch_line(&fire, NULL, 0, false, &plain);
    mq_watch_line(&fire, NULL, 0, true, &coloured);
    assert_null(strchr(mq_buffer_text(&plain), '\033'));
    assert_non_null(strstr(mq_buffer_text(&coloured), "\033[1;31m4 特急\033[0m"));
    setenv("NO_COLOR", "1", 1);
    assert_false(mq_text_wants_colour());
}

static void filters_by_domain_kind_severity_and_area(void **state) {
    (void)state;
    assert_true(passes("fire_safety"));
    assert_false(passes("anti_drug"));
    assert_false(passes("none"));
    assert_true(passes("fire_safety.hill_fire"));
    assert_false(passes("fire_safety.smoke"));
    assert_true(passes("4") && passes("=4") && passes(">=4") && passes(">3") && passes("<=4"));
    assert_false(passes("3") || passes("<4") || passes("<=3") || passes(">4"));
    assert_true(passes("441581") && passes("441581105") && passes("441581105202001"));
    assert_false(passes("441581106"));
}

static void all_filters_must_let_a_line_through(void **state) {
    (void)state;
    const char *const good[] = { "fire_safety", ">=3", "441581105" };
    const char *const bad[] = { "fire_safety", ">=3", "441582" };
    assert_true(lets_through(good, 3, &fire));
    assert_false(lets_through(bad, 3, &fire));
    assert_true(mq_filter_match(NULL, 0, &fire));
}

static void a_line_without_domain_is_found_by_none(void **state) {
    (void)state;
    const struct mq_stream_line waiting = { .severity = 2, .area = MQ_STR("4415") };
    const char *const none[] = { "none" }, *const area[] = { "441581" };
    assert_true(lets_through(none, 1, &waiting));
    assert_false(lets_through(area, 1, &waiting));
}

static void what_is_no_filter_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "", "fire", "5", "0", ">=", "=>3", "<>3", ">=33", "123", "4415811052020010", "fire_safety.", "fire_safety.Hill", "44x1"
    };
    struct mq_filter filter;
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_filter_parse(bad[i], &filter));
}

struct given {
    const char *text;
    bool flag;
    int64_t number, ms;
};

static int parse(struct given *given, int argc, char **argv, size_t *words) {
    const struct mq_option options[] = {
        { 't', "text", MQ_OPTION_TEXT, &given->text, "T", "", 0, 0 },
        { 0, "flag", MQ_OPTION_FLAG, &given->flag, NULL, "", 0, 0 },
        { 'n', "number", MQ_OPTION_INTEGER, &given->number, "N", "", 1, 9 },
        { 0, "wait", MQ_OPTION_SECONDS, &given->ms, "S", "", 1, 60000 },
        { 0 },
    };
    const struct mq_command_line line = { "test", "WORD…", "", options, NULL, 1, 2 };
    return mq_options_parse(&line, argc, argv, words);
}

static void options_and_words_may_be_mixed(void **state) {
    (void)state;
    struct given given = { 0 };
    size_t words = 0;
    char *argv[] = { "test", "one", "--flag", "-n", "7", "--text=x", "--wait", "2.5", "--", "-two", NULL };
    assert_int_equal(parse(&given, 10, argv, &words), -1);
    assert_int_equal(words, 2);
    assert_string_equal(argv[1], "one");
    assert_string_equal(argv[2], "-two");
    assert_true(given.flag);
    assert_int_equal(given.number, 7);
    assert_int_equal(given.ms, 2500);
    assert_string_equal(given.text, "x");
}

static void a_wrong_command_line_is_exit_status_two(void **state) {
    (void)state;
    char *const lines[][4] = {
        { "test", NULL },
        { "test", "a", "b", "c" },
        { "test", "a", "--nothing" },
        { "test", "a", "-x" },
        { "test", "a", "-n" },
        { "test", "a", "-n0" },
        { "test", "a", "-n10" },
        { "test", "a", "-nx" },
        { "test", "a", "--wait=nan" },
        { "test", "a", "--flag=1" },
    };
    for (size_t i = 0; i < MQ_LENGTH(lines); i++) {
        struct given given = { 0 };
        size_t words;
        char *argv[5] = { lines[i][0], lines[i][1], lines[i][2], lines[i][3], NULL };
        int argc = 0;
        while (argv[argc])
            argc++;
        assert_int_equal(parse(&given, argc, argv, &words), MQ_EXIT_USAGE);
    }
}

int main(void) {
    setenv("TZ", "Asia/Shanghai", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chinese_character_takes_two_cells),
        cmocka_unit_test(every_column_has_its_width_whatever_stands_in_it),
        cmocka_unit_test(what_is_too_long_is_cut_between_characters_with_an_ellipsis),
        cmocka_unit_test(a_report_cannot_give_orders_to_the_terminal),
        cmocka_unit_test(a_payload_stays_on_one_line),
        cmocka_unit_test(lines_of_the_stream_stand_under_each_other),
        cmocka_unit_test(a_line_ends_at_the_terminals_edge),
        cmocka_unit_test(colours_are_only_there_when_wanted),
        cmocka_unit_test(filters_by_domain_kind_severity_and_area),
        cmocka_unit_test(all_filters_must_let_a_line_through),
        cmocka_unit_test(a_line_without_domain_is_found_by_none),
        cmocka_unit_test(what_is_no_filter_is_refused),
        cmocka_unit_test(options_and_words_may_be_mixed),
        cmocka_unit_test(a_wrong_command_line_is_exit_status_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
