/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the strict scan. malformed.tsv has a text a line: good or bad, the rule that judges it (a section of an RFC, or one of
 * our own of docs/topics.md), what it shows, the path of the fault, and the text. In the last two \xNN is a byte, \*N<text> a text N times,
 * \#N<text> the same with % for 0 to N-1. */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* Appends one byte or \xNN of `text`, and returns what is behind it. */
static const char *append_one(struct mq_buffer *out, const char *text) {
    unsigned value = 0;
    int used = 0;
    if (sscanf(text, "\\x%2x%n", &value, &used) == 1 && used == 4) {
        mq_buffer_append_char(out, (char)value);
        return text + used;
    }
    mq_buffer_append_char(out, *text);
    return text + 1;
}

static void append_repeated(struct mq_buffer *out, const char *text, const char *end, size_t times, bool numbered) {
    for (size_t i = 0; i < times; i++) {
        for (const char *p = text; p < end;) {
            if (numbered && *p == '%') {
                mq_buffer_printf(out, "%zu", i);
                p++;
            } else {
                p = append_one(out, p);
            }
        }
    }
}

static void expand(struct mq_buffer *out, const char *text) {
    while (*text) {
        size_t times = 0;
        char how[2] = "";
        int used = 0;
        if (sscanf(text, "\\%1[*#]%zu<%n", how, &times, &used) == 2 && used > 0) {
            const char *end = strchr(text + used, '>');
            assert_non_null(end);
            append_repeated(out, text + used, end, times, how[0] == '#');
            text = end + 1;
        } else {
            text = append_one(out, text);
        }
    }
}

/* Scans a copy that ends where the text ends, so that a read past it is seen by the address sanitizer. */
static bool scan_exactly(struct mq_str text, struct mq_faults *faults) {
    char *copy = malloc(text.n > 0 ? text.n : 1);
    assert_non_null(copy);
    if (text.n > 0)
        memcpy(copy, text.s, text.n);
    bool good = mq_json_scan((struct mq_str){ copy, text.n }, faults);
    free(copy);
    return good;
}

static void assert_fault(const char *text, const char *path, const char *message) {
    struct mq_faults faults = { 0 };
    assert_false(scan_exactly(mq_str(text), &faults));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.fault[0].path, path);
    assert_string_equal(faults.fault[0].message, message);
}

/* One line of the collection; what it says is cut up in place. */
struct line {
    char *verdict, *rule, *shows, *path, *text;
};

static struct line cut_line(char *line) {
    char *cells[5] = { line };
    line[strcspn(line, "\n")] = '\0';
    for (size_t i = 1; i < MQ_LENGTH(cells); i++) {
        char *tab = strchr(cells[i - 1], '\t');
        if (!tab)
            fail_msg("too few cells: %s", line);
        *tab = '\0';
        cells[i] = tab + 1;
    }
    return (struct line){ cells[0], cells[1], cells[2], cells[3], cells[4] };
}

static bool judged_as_it_says(const struct line *line) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer path = { 0 };
    struct mq_faults faults = { 0 };
    expand(&text, line->text);
    expand(&path, line->path);
    bool good = scan_exactly((struct mq_str){ text.data, text.len }, &faults);
    bool expected = strcmp(line->verdict, "good") == 0;
    const struct mq_fault *fault = &faults.fault[0];
    if (good == expected && faults.count == !good
        && (good || (strcmp(fault->path, mq_buffer_text(&path)) == 0 && strstr(fault->message, ", at byte "))))
        return true;
    print_error("%s: %s: %s: %s %s\n", line->rule, line->shows, line->text, good ? "passed" : fault->path, good ? "" : fault->message);
    return false;
}

static void every_line_of_the_collection_is_judged_as_it_says(void **state) {
    (void)state;
    const char *root = getenv("MINQING_SOURCE_ROOT");
    assert_non_null(root);
    char path[4096], bytes[4096];
    snprintf(path, sizeof path, "%s/tests/unit/malformed.tsv", root);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t good = 0, bad = 0, wrong = 0;
    while (fgets(bytes, sizeof bytes, file)) {
        struct line line = cut_line(bytes);
        good += strcmp(line.verdict, "good") == 0;
        bad += strcmp(line.verdict, "bad") == 0;
        wrong += !judged_as_it_says(&line);
    }
    fclose(file);
    assert_int_equal(wrong, 0);
    assert_true(good >= 150);
    assert_true(bad >= 400);
}

static void a_fault_names_the_place_and_the_byte(void **state) {
    (void)state;
    assert_fault("", "", "ends where a value is expected, at byte 0");
    assert_fault("{\"a\":[1,{\"b\":01}]}", "/a/1/b", "is not a number as JSON writes it, at byte 13");
    assert_fault("{\"text\":\"a\xff\"}", "/text", "has bytes that are not UTF-8, at byte 10");
    assert_fault("{\"text\":\"\\u0000\"}", "/text", "has a \\u0000, which no text may hold, at byte 9");
    assert_fault("{\"a\":1,\"b\":{\"c\":1,\"\\u0063\":2}}", "/b/c", "is given twice, at byte 18");
    assert_fault("[[1],[2,3 4]]", "/1", "must have a comma or ] after an element, at byte 10");
    assert_fault("{\"n\":9007199254740993}", "/n", "is an integer outside ±9007199254740992, at byte 5");
    assert_fault("{} x", "", "has more bytes after the value, at byte 3");
}

static void a_path_escapes_tilde_and_slash_and_keeps_every_script(void **state) {
    (void)state;
    assert_fault("{\"a/b\":{\"m~n\":{\"\\u5c71\\ud83d\\ude00\":x}}}", "/a~1b/m~0n/山😀", "is not a JSON value, at byte 36");
    assert_fault("{\"\":{\"\":x}}", "//", "is not a JSON value, at byte 8");
}

static void a_path_too_long_is_cut_behind_a_whole_character(void **state) {
    (void)state;
    char text[256] = "{\"";
    for (size_t i = 0; i < 50; i++)
        strcat(text, "山");
    strcat(text, "\":x}");
    struct mq_faults faults = { 0 };
    assert_false(scan_exactly(mq_str(text), &faults));
    size_t n = strlen(faults.fault[0].path);
    assert_true(n < sizeof faults.fault[0].path);
    assert_true(n > 85);
    assert_string_equal(faults.fault[0].path + n - 6, "山…");
    assert_int_equal((n - 1) % 3, 0);
}

static void append_members(struct mq_buffer *text, size_t count) {
    mq_buffer_append_char(text, '{');
    for (size_t i = 0; i < count; i++)
        mq_buffer_printf(text, "%s\"k%zu\":%zu", i > 0 ? "," : "", i, i);
    mq_buffer_append_char(text, '}');
}

static void an_object_holds_128_members_and_no_more(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    struct mq_faults faults = { 0 };
    append_members(&text, MQ_JSON_MEMBERS);
    assert_true(scan_exactly((struct mq_str){ text.data, text.len }, &faults));

    mq_buffer_reset(&text, SIZE_MAX);
    append_members(&text, MQ_JSON_MEMBERS + 1);
    assert_false(scan_exactly((struct mq_str){ text.data, text.len }, &faults));
    assert_string_equal(faults.fault[0].path, "");
    assert_non_null(strstr(faults.fault[0].message, "has more than 128 members"));
}

static void a_duplicate_is_found_at_the_very_end(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    append_members(&text, MQ_JSON_MEMBERS - 1);
    text.len--;
    mq_buffer_append_text(&text, ",\"\\u006b0\":1}");
    struct mq_faults faults = { 0 };
    assert_false(scan_exactly((struct mq_str){ text.data, text.len }, &faults));
    assert_string_equal(faults.fault[0].path, "/k0");
}

static void the_parts_of_an_array_are_found_on_the_way(void **state) {
    (void)state;
    struct mq_str parts[3];
    size_t count = 0;
    struct mq_faults faults = { 0 };
    assert_true(mq_json_scan_parts(MQ_STR(" [ {\"a\":[1,2]} ,\"]\", [ ],null ]"), parts, MQ_LENGTH(parts), &count, &faults));
    assert_int_equal(count, 4);
    static const char *const expected[] = { "{\"a\":[1,2]}", "\"]\"", "[ ]" };
    for (size_t i = 0; i < MQ_LENGTH(expected); i++)
        assert_true(mq_str_equal(parts[i], mq_str(expected[i])));
    assert_true(mq_json_scan_parts(MQ_STR("[]"), parts, MQ_LENGTH(parts), &count, &faults));
    assert_int_equal(count, 0);
    assert_true(mq_json_scan_parts(MQ_STR("{\"a\":[1]}"), parts, MQ_LENGTH(parts), &count, &faults));
    assert_int_equal(count, SIZE_MAX);
    assert_false(mq_json_scan_parts(MQ_STR("[1,2"), parts, MQ_LENGTH(parts), &count, &faults));
}

static void faults_beyond_sixteen_are_only_counted(void **state) {
    (void)state;
    struct mq_faults faults = { 0 };
    for (size_t i = 0; i < MQ_FAULTS + 5; i++)
        mq_fault_add(&faults, "/a", "number %zu", i);
    assert_int_equal(faults.count, MQ_FAULTS + 5);
    assert_string_equal(faults.fault[MQ_FAULTS - 1].message, "number 15");
}

static void a_long_message_is_cut_and_says_so(void **state) {
    (void)state;
    struct mq_faults faults = { 0 };
    mq_fault_add(&faults, "", "%0500d", 1);
    size_t n = strlen(faults.fault[0].message);
    assert_int_equal(n, sizeof faults.fault[0].message - 1);
    assert_string_equal(faults.fault[0].message + n - 3, "…");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_of_the_collection_is_judged_as_it_says),
        cmocka_unit_test(a_fault_names_the_place_and_the_byte),
        cmocka_unit_test(a_path_escapes_tilde_and_slash_and_keeps_every_script),
        cmocka_unit_test(a_path_too_long_is_cut_behind_a_whole_character),
        cmocka_unit_test(an_object_holds_128_members_and_no_more),
        cmocka_unit_test(a_duplicate_is_found_at_the_very_end),
        cmocka_unit_test(the_parts_of_an_array_are_found_on_the_way),
        cmocka_unit_test(faults_beyond_sixteen_are_only_counted),
        cmocka_unit_test(a_long_message_is_cut_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
