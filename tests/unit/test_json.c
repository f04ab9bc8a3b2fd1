/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of decoding and encoding by tables. */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* One field of every type, some with bounds. */
struct point {
    double x;
    bool has_x;
    int colour;
};

struct sample {
    int64_t v;
    struct mq_str name;
    int colour;
    int64_t count;
    bool has_count;
    double ratio;
    bool yes;
    struct mq_uuid id, maybe;
    struct mq_str at;
    struct point point;
    bool has_point;
    struct mq_array points, words;
    struct mq_str raw, state, path;
    struct mq_str extra;
};

static const char *const colours[] = { "red", "green", NULL };
static const char *const states[] = { "up", "down", NULL };

#define AT(type, member) .offset = offsetof(struct type, member)
#define HAS(type, member) .has = offsetof(struct type, member)

static const struct mq_field point_fields[] = {
    { "x", MQ_NUMBER, AT(point, x), HAS(point, has_x), .required = true, .min = -90, .max = 90 },
    { "colour", MQ_ENUM, AT(point, colour), .words = colours },
    { .name = NULL },
};
static const struct mq_object point_object = { "point", sizeof(struct point), point_fields, 0 };

static const struct mq_field sample_fields[] = {
    { "v", MQ_INTEGER, AT(sample, v), .min = 1, .max = 1, .pattern = "format" },
    { "name", MQ_STRING, AT(sample, name), .required = true, .min = 1, .max = 5, .pattern = "written" },
    { "colour", MQ_ENUM, AT(sample, colour), .words = colours },
    { "count", MQ_INTEGER, AT(sample, count), HAS(sample, has_count), .nullable = true, .min = 0, .max = 9 },
    { "ratio", MQ_NUMBER, AT(sample, ratio) },
    { "yes", MQ_BOOLEAN, AT(sample, yes) },
    { "id", MQ_UUID, AT(sample, id) },
    { "maybe", MQ_UUID, AT(sample, maybe), .required = true, .nullable = true },
    { "at", MQ_TIME, AT(sample, at) },
    { "point", MQ_OBJECT, AT(sample, point), HAS(sample, has_point), .object = &point_object },
    { "points", MQ_ARRAY, AT(sample, points), .max = 3, .object = &point_object },
    { "words", MQ_STRINGS, AT(sample, words), .max = 2, .pattern = "code" },
    { "raw", MQ_RAW, AT(sample, raw) },
    { "state", MQ_STRING, AT(sample, state), .words = states },
    { "a/b~c", MQ_STRING, AT(sample, path), .max = 2 },
    { .name = NULL },
};
static const struct mq_object sample_object = {
    "sample", sizeof(struct sample), sample_fields, offsetof(struct sample, extra),
};

/* A message on its way in: what was decoded, and what was wrong. */
struct decoded {
    struct sample sample;
    struct mq_document *document;
    struct mq_faults faults;
};

static bool decode(const char *text, struct decoded *d) {
    d->document = NULL;
    d->faults.count = 0;
    return mq_json_decode(&sample_object, mq_str(text), &d->sample, &d->document, &d->faults);
}

/* The one fault of a message that is good but for `members`. */
static void assert_fault(const char *members, const char *path, const char *message) {
    char text[8192];
    snprintf(text, sizeof text, "{\"name\":\"n\",\"maybe\":null,%s}", members);
    struct decoded d;
    assert_false(decode(text, &d));
    assert_int_equal(d.faults.count, 1);
    assert_string_equal(d.faults.fault[0].path, path);
    assert_string_equal(d.faults.fault[0].message, message);
    mq_document_free(d.document);
}

static void assert_str(struct mq_str s, const char *text) {
    assert_non_null(s.s);
    assert_int_equal(s.n, strlen(text));
    assert_memory_equal(s.s, text, s.n);
}

static void assert_encoded(const struct sample *sample, const char *text) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_json_encode(&sample_object, sample, &out);
    assert_string_equal(mq_buffer_text(&out), text);
}

static const char whole[] = "{\"v\":1,\"name\":\"山\\n😀\",\"colour\":\"green\",\"count\":0,\"ratio\":0.1,\"yes\":true,"
                            "\"id\":\"0190a0b0-0000-7000-8000-00000000000a\",\"maybe\":null,"
                            "\"at\":\"2026-11-23T02:10:00+08:00\","
                            "\"point\":{\"x\":-90,\"colour\":\"red\"},\"points\":[{\"x\":1},{\"x\":0,\"colour\":\"green\"}],"
                            "\"words\":[\"a\",\"b_2\"],\"raw\":[1, {\"k\":\"\\u5c71\"}],\"state\":\"down\",\"a/b~c\":\"\"}";

static void every_type_is_decoded(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode(whole, &d));
    assert_str(d.sample.name, "山\n😀");
    assert_int_equal(d.sample.v, 1);
    assert_int_equal(d.sample.colour, 1);
    assert_true(d.sample.has_count);
    assert_int_equal(d.sample.count, 0);
    assert_true(d.sample.ratio > 0.09 && d.sample.ratio < 0.11);
    assert_true(d.sample.yes);
    assert_int_equal(d.sample.id.bytes[15], 10);
    assert_true(mq_uuid_is_nil(&d.sample.maybe));
    assert_str(d.sample.at, "2026-11-23T02:10:00+08:00");
    assert_true(d.sample.has_point);
    assert_true(d.sample.point.has_x);
    assert_int_equal(d.sample.point.colour, 0);
    assert_int_equal(d.sample.points.count, 2);
    const struct point *points = d.sample.points.items;
    assert_int_equal(points[0].colour, -1);
    assert_int_equal(points[1].colour, 1);
    assert_int_equal(d.sample.words.count, 2);
    assert_str(((const struct mq_str *)d.sample.words.items)[1], "b_2");
    assert_str(d.sample.raw, "[1, {\"k\":\"\\u5c71\"}]");
    assert_str(d.sample.state, "down");
    assert_null(d.sample.extra.s);
    mq_document_free(d.document);
}

static void what_was_decoded_is_encoded_the_same(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode(whole, &d));
    assert_encoded(&d.sample, whole);
    mq_document_free(d.document);
}

static void what_is_absent_is_left_out_and_reads_as_absent(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode("{\"name\":\"n\",\"maybe\":null,\"count\":null}", &d));
    assert_false(d.sample.has_count);
    assert_false(d.sample.has_point);
    assert_int_equal(d.sample.colour, -1);
    assert_int_equal(d.sample.point.colour, -1);
    assert_null(d.sample.at.s);
    assert_null(d.sample.raw.s);
    assert_int_equal(d.sample.points.count, 0);
    assert_encoded(&d.sample, "{\"name\":\"n\",\"maybe\":null}");
    mq_document_free(d.document);
}

static void unknown_members_are_kept_as_their_own_bytes(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode("{ \"z\" : 1.0e2 ,\"name\":\"n\", "
                       "\"\\u0079\":{\"a\":[ 1,\"}\" ]},\"maybe\":null,\"Name\":\"\\u5c71\"}", &d));
    assert_str(d.sample.extra, "{\"z\" : 1.0e2,\"\\u0079\":{\"a\":[ 1,\"}\" ]},\"Name\":\"\\u5c71\"}");
    assert_encoded(&d.sample, "{\"name\":\"n\",\"maybe\":null,"
                              "\"z\" : 1.0e2,\"\\u0079\":{\"a\":[ 1,\"}\" ]},\"Name\":\"\\u5c71\"}");
    mq_document_free(d.document);
}

static void a_key_written_with_escapes_is_the_same_key(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode("{\"n\\u0061me\":\"n\",\"maybe\":null,\"r\\u0061w\":[0]}", &d));
    assert_str(d.sample.name, "n");
    assert_str(d.sample.raw, "[0]");
    assert_null(d.sample.extra.s);
    mq_document_free(d.document);
}

static void keys_in_another_case_are_other_keys(void **state) {
    (void)state;
    struct decoded d;
    assert_false(decode("{\"NAME\":\"n\",\"maybe\":null}", &d));
    assert_string_equal(d.faults.fault[0].path, "/name");
    assert_string_equal(d.faults.fault[0].message, "is missing");
    assert_str(d.sample.extra, "{\"NAME\":\"n\"}");
    mq_document_free(d.document);
}

static void all_faults_are_reported_in_one_go_and_the_rest_is_read(void **state) {
    (void)state;
    struct decoded d;
    assert_false(decode("{\"id\":\"0190a0b0-0000-7000-8000-00000000000a\",\"colour\":\"blue\",\"count\":10,"
                        "\"points\":[{\"x\":1},{},{\"x\":91}]}", &d));
    assert_int_equal(d.faults.count, 6);
    static const char *const paths[] = { "/name", "/colour", "/count", "/maybe", "/points/1/x", "/points/2/x" };
    for (size_t i = 0; i < MQ_LENGTH(paths); i++)
        assert_string_equal(d.faults.fault[i].path, paths[i]);
    assert_string_equal(d.faults.fault[5].message, "must be a number from -90 to 90");
    assert_int_equal(d.sample.id.bytes[15], 10);
    assert_int_equal(d.sample.colour, -1);
    assert_false(d.sample.has_count);
    mq_document_free(d.document);
}

static void lengths_are_counted_in_code_points(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode("{\"name\":\"山山山山😀\",\"maybe\":null}", &d));
    mq_document_free(d.document);
    assert_false(decode("{\"name\":\"山山山山山山\",\"maybe\":null}", &d));
    assert_string_equal(d.faults.fault[0].message, "must have 1 to 5 characters, has 6");
    mq_document_free(d.document);
    assert_false(decode("{\"name\":\"\",\"maybe\":null}", &d));
    assert_string_equal(d.faults.fault[0].message, "must have 1 to 5 characters, has 0");
    mq_document_free(d.document);
    assert_fault("\"a/b~c\":\"abc\"", "/a~1b~0c", "must have at most 2 characters, has 3");
}

static void white_space_of_any_script_is_no_text(void **state) {
    (void)state;
    struct decoded d;
    static const char *const blanks[] = { " ", "\\n\\t", "\u3000\u3000", "\u00a0", "\u2003 ", "\ufeff" };
    for (size_t i = 0; i < MQ_LENGTH(blanks); i++) {
        char text[64];
        snprintf(text, sizeof text, "{\"name\":\"%s\",\"maybe\":null}", blanks[i]);
        assert_false(decode(text, &d));
        assert_string_equal(d.faults.fault[0].message, "must not be only white space");
        mq_document_free(d.document);
    }
    assert_true(decode("{\"name\":\"\u3000\U00020000\",\"maybe\":null}", &d));
    mq_document_free(d.document);
}

static void values_of_another_type_are_refused(void **state) {
    (void)state;
    assert_fault("\"at\":1", "/at", "must be a time with offset such as 2026-11-23T02:10:00+08:00");
    assert_fault("\"at\":\"2026-02-29T00:00:00Z\"", "/at", "must be a time with offset such as 2026-11-23T02:10:00+08:00");
    assert_fault("\"colour\":1", "/colour", "must be one of red, green");
    assert_fault("\"state\":\"gone\"", "/state", "must be one of up, down");
    assert_fault("\"state\":null", "/state", "must be a string");
    assert_fault("\"count\":\"1\"", "/count", "must be an integer from 0 to 9");
    assert_fault("\"ratio\":null", "/ratio", "must be a number");
    assert_fault("\"yes\":1", "/yes", "must be true or false");
    assert_fault("\"id\":\"x\"", "/id", "must be a UUID");
    assert_fault("\"id\":\"00000000-0000-0000-0000-000000000000\"", "/id", "must be a UUID");
    assert_fault("\"point\":[]", "/point", "must be an object");
    assert_fault("\"points\":{}", "/points", "must be an array");
    assert_fault("\"points\":[1]", "/points/0", "must be an object");
    assert_fault("\"points\":[{\"x\":1},{\"x\":1},{\"x\":1},{\"x\":1}]", "/points", "must have at most 3 elements, has 4");
    assert_fault("\"words\":[\"a\",1]", "/words/1", "must be a string");
    assert_fault("\"words\":[\"A\"]", "/words/0", "must be a word of a-z, 0-9 and _ that begins with a letter");
    assert_fault("\"v\":2", "/v", "is format 2, this program knows 1");
    assert_fault("\"v\":\"1\"", "/v", "must be an integer from 1 to 1");
}

static void an_integer_may_be_written_with_a_fraction_of_zero(void **state) {
    (void)state;
    struct decoded d;
    assert_true(decode("{\"name\":\"n\",\"maybe\":null,\"count\":5.0}", &d));
    assert_int_equal(d.sample.count, 5);
    mq_document_free(d.document);
    assert_fault("\"count\":5.5", "/count", "must be an integer from 0 to 9");
    assert_fault("\"count\":1e30", "/count", "must be an integer from 0 to 9");
}

static void a_whole_message_of_another_type_is_one_fault(void **state) {
    (void)state;
    struct decoded d;
    static const char *const others[] = { "[]", "1", "null", "\"{}\"", "[{\"name\":\"n\"}]" };
    for (size_t i = 0; i < MQ_LENGTH(others); i++) {
        assert_false(decode(others[i], &d));
        assert_int_equal(d.faults.count, 1);
        assert_string_equal(d.faults.fault[0].path, "");
        assert_string_equal(d.faults.fault[0].message, "must be an object");
        mq_document_free(d.document);
    }
}

static void a_message_that_is_not_json_leaves_everything_absent(void **state) {
    (void)state;
    struct decoded d;
    memset(&d.sample, 0x55, sizeof d.sample);
    assert_false(decode("{\"name\":\"\\u0000\"}", &d));
    assert_int_equal(d.faults.count, 1);
    assert_null(d.document);
    assert_null(d.sample.name.s);
    assert_int_equal(d.sample.colour, -1);
    assert_true(mq_uuid_is_nil(&d.sample.id));
    mq_document_free(NULL);
}

static void bytes_need_no_zero_at_their_end(void **state) {
    (void)state;
    static const char text[] = "{\"name\":\"n\",\"maybe\":null,\"extra\":12}";
    char *copy = malloc(sizeof text - 1);
    assert_non_null(copy);
    memcpy(copy, text, sizeof text - 1);
    struct decoded d = { .faults.count = 0 };
    assert_true(mq_json_decode(&sample_object, (struct mq_str){ copy, sizeof text - 1 }, &d.sample, &d.document, &d.faults));
    assert_str(d.sample.extra, "{\"extra\":12}");
    mq_document_free(d.document);
    free(copy);
}

static void strings_are_escaped_and_nothing_else(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_json_string(&out, MQ_STR("a\"b\\c/\b\f\n\r\t\x01\x1f\x7f山😀"));
    assert_string_equal(mq_buffer_text(&out), "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f山😀\"");
    mq_buffer_reset(&out, SIZE_MAX);
    mq_json_string(&out, (struct mq_str){ NULL, 0 });
    assert_string_equal(mq_buffer_text(&out), "\"\"");
}

static void numbers_are_short_and_exact(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        { 0.1, "0.1" },
        { 115.6789012, "115.6789012" },
        { 1.0 / 3, "0.33333333333333331" },
        { -2, "-2" },
        { 1e300, "1e+300" },
    };
    for (size_t i = 0; i < MQ_LENGTH(cases); i++) {
        struct sample sample = { .name = MQ_STR("n"), .colour = -1, .ratio = cases[i].value };
        char text[128];
        snprintf(text, sizeof text, "{\"name\":\"n\",\"ratio\":%s,\"maybe\":null}", cases[i].text);
        assert_encoded(&sample, text);
    }
}

static void faults_are_encoded_for_a_receipt(void **state) {
    (void)state;
    struct mq_faults faults = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_json_faults(&out, &faults);
    assert_string_equal(mq_buffer_text(&out), "[]");
    mq_buffer_reset(&out, SIZE_MAX);
    mq_fault_add(&faults, "/a\"b", "is %d", 1);
    mq_fault_add(&faults, "", "x");
    mq_json_faults(&out, &faults);
    assert_string_equal(mq_buffer_text(&out),
                        "[{\"path\":\"/a\\\"b\",\"message\":\"is 1\"},{\"path\":\"\",\"message\":\"x\"}]");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_decoded),
        cmocka_unit_test(what_was_decoded_is_encoded_the_same),
        cmocka_unit_test(what_is_absent_is_left_out_and_reads_as_absent),
        cmocka_unit_test(unknown_members_are_kept_as_their_own_bytes),
        cmocka_unit_test(a_key_written_with_escapes_is_the_same_key),
        cmocka_unit_test(keys_in_another_case_are_other_keys),
        cmocka_unit_test(all_faults_are_reported_in_one_go_and_the_rest_is_read),
        cmocka_unit_test(lengths_are_counted_in_code_points),
        cmocka_unit_test(white_space_of_any_script_is_no_text),
        cmocka_unit_test(values_of_another_type_are_refused),
        cmocka_unit_test(an_integer_may_be_written_with_a_fraction_of_zero),
        cmocka_unit_test(a_whole_message_of_another_type_is_one_fault),
        cmocka_unit_test(a_message_that_is_not_json_leaves_everything_absent),
        cmocka_unit_test(bytes_need_no_zero_at_their_end),
        cmocka_unit_test(strings_are_escaped_and_nothing_else),
        cmocka_unit_test(numbers_are_short_and_exact),
        cmocka_unit_test(faults_are_encoded_for_a_receipt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
