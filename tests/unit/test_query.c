/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the query service that need no database: what it takes for a question, and how sealed data come into an answer. */
#include "services/query/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ID "0190a0b0-0000-7000-8000-000000000001"
#define OTHER "0190a0b0-0000-7000-8000-000000000002"

/* The cells of a good question as "account|name|question", or the first fault as "path: message". */
static const char *taken(const char *topic, const char *bytes) {
    static char out[512];
    const struct mq_arrival arrival = { .topic = mq_str(topic) };
    const struct mq_element element = { &arrival, mq_str(bytes) };
    struct mq_columns row;
    struct mq_faults faults;
    faults.count = 0;
    mq_columns_init(&row, 3);
    int r = mq_question_decode(NULL, &element, &row, &faults);
    if (r == 0) {
        const struct mq_cell *c = row.cells;
        snprintf(out, sizeof(out), "%.*s|%.*s|%.*s", (int)c[0].len, row.text.data + c[0].offset, (int)c[1].len, row.text.data + c[1].offset,
                 (int)c[2].len, row.text.data + c[2].offset);
    } else {
        assert_int_equal(r, 1);
        snprintf(out, sizeof(out), "%s: %s", faults.fault[0].path, faults.fault[0].message);
    }
    mq_columns_deinit(&row);
    return out;
}

static void a_question_is_taken_as_the_table_knows_it(void **state) {
    (void)state;
    assert_string_equal(taken("minqing/query/desk-1/case", "{\"id\":\"" ID "\",\"number\":\"博美-1123-042\",\"x\":[1]}"),
                        "desk-1|case|{\"id\":\"" ID "\",\"number\":\"博美-1123-042\"}");
    assert_string_equal(taken("minqing/query/desk-1/cases", "{\"id\":\"" ID "\",\"overdue\":false,\"limit\":2}"),
                        "desk-1|cases|{\"id\":\"" ID "\",\"overdue\":false,\"limit\":2}");
    assert_string_equal(taken("minqing/query/desk-1/subject", "{\"id\":\"" ID "\",\"visit\":\"" OTHER "\",\"reason\":\"回访\"}"),
                        "desk-1|subject|{\"id\":\"" ID "\",\"visit\":\"" OTHER "\",\"reason\":\"回访\"}");
}

static void a_question_that_lacks_something_is_told_so(void **state) {
    (void)state;
    assert_string_equal(taken("minqing/query/desk-1/case", "{\"id\":\"" ID "\"}"), ": case is about exactly one: case or number");
    assert_string_equal(taken("minqing/query/desk-1/case", "{\"id\":\"" ID "\",\"case\":\"" ID "\",\"number\":\"1\"}"),
                        ": case is about exactly one: case or number");
    assert_string_equal(taken("minqing/query/desk-1/report", "{\"id\":\"" ID "\",\"case\":\"" ID "\"}"), ": report is about exactly one: report");
    assert_string_equal(taken("minqing/query/desk-1/subject", "{\"id\":\"" ID "\",\"reason\":\"x\"}"),
                        ": subject is about exactly one: case, report or visit");
    assert_string_equal(taken("minqing/query/desk-1/subject", "{\"id\":\"" ID "\",\"case\":\"" ID "\"}"),
                        "/reason: is missing: what the personal data are needed for");
    assert_string_equal(taken("minqing/query/desk-1/cases", "{\"limit\":1}"), "/id: is missing");
    assert_non_null(strstr(taken("minqing/query/desk-1/gossip", "{\"id\":\"" ID "\"}"), "no question has this name"));
    char *large = malloc(MQ_QUESTION_BYTES + 2);
    assert_non_null(large);
    memset(large, ' ', MQ_QUESTION_BYTES + 1);
    large[MQ_QUESTION_BYTES + 1] = '\0';
    assert_string_equal(taken("minqing/query/desk-1/cases", large), ": must have at most 16384 bytes, has 16385");
    free(large);
}

static struct mq_seal *seal;

static int seal_begin(void **state) {
    (void)state;
    char file[] = "/tmp/test_query-XXXXXX";
    int fd = mkstemp(file);
    static const char keys[] = "k1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
    if (fd < 0 || write(fd, keys, strlen(keys)) != (ssize_t)strlen(keys))
        return -1;
    close(fd);
    int r = mq_seal_new(file, &seal);
    unlink(file);
    return r;
}

static int seal_end(void **state) {
    (void)state;
    mq_seal_free(seal);
    return 0;
}

/* A result of one answer and one sealed person, as query.sql gives it. */
static PGresult *answered(const char *clear, const char *key, const char *context) {
    struct mq_uuid id;
    assert_true(mq_uuid_parse(MQ_STR(ID), &id));
    struct mq_buffer sealed = { 0 };
    assert_int_equal(mq_seal_close(seal, mq_str(clear), (struct mq_str){ (const char *)id.bytes, 16 }, &sealed), 0);
    char hex[1024] = "\\x";
    sodium_bin2hex(hex + 2, sizeof(hex) - 2, (const unsigned char *)sealed.data, sealed.len);
    mq_buffer_deinit(&sealed);
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);
    char name[] = "c";
    PGresAttDesc columns[6] = { { .name = name }, { .name = name }, { .name = name }, { .name = name }, { .name = name }, { .name = name } };
    assert_true(PQsetResultAttrs(result, 6, columns));
    char *rows[2][6] = { { "0", "{\"done\": true}", NULL, NULL, NULL, NULL },
                         { "0", NULL, "{\"report\":\"" ID "\"}", (char *)key, hex, (char *)context } };
    for (int r = 0; r < 2; r++)
        for (int c = 0; c < 6; c++)
            assert_true(PQsetvalue(result, r, c, rows[r][c], rows[r][c] ? (int)strlen(rows[r][c]) : -1));
    return result;
}

static void assert_answer(PGresult *result, const char *expected) {
    struct mq_buffer out = { 0 };
    assert_int_equal(mq_subject_answer(seal, mq_result_str(result, 0, MQ_ANSWER_TEXT), result, 1, 2, &out), 0);
    assert_string_equal(mq_buffer_text(&out), expected);
    mq_buffer_deinit(&out);
    PQclear(result);
}

static void sealed_data_are_opened_into_the_answer(void **state) {
    (void)state;
    assert_answer(answered("{\"name\":\"林某\",\"phone\":\"138\"}", "k1", ID),
                  "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\",\"name\":\"林某\",\"phone\":\"138\"}]}");
    assert_answer(answered("{\"report\":\"x\",\"name\":\"林某\",\"mood\":[1]}", "k1", ID),
                  "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\",\"name\":\"林某\",\"more\":{\"report\":\"x\",\"mood\":[1]}}]}");
    assert_answer(answered("{}", "k1", ID), "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\"}]}");
}

static void what_cannot_be_opened_is_said_so(void **state) {
    (void)state;
    assert_answer(answered("{\"name\":\"林某\"}", "k2", ID), "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\","
                                                          "\"fault\":\"its key is not in the key file: ask who keeps the keys\"}]}");
    /* moved here from another row */
    assert_answer(answered("{\"name\":\"林某\"}", "k1", OTHER), "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\",\"fault\":\"damaged\"}]}");
    assert_answer(answered("not JSON", "k1", ID), "{\"done\": true,\"subjects\":[{\"report\":\"" ID "\",\"fault\":\"damaged\"}]}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_taken_as_the_table_knows_it),
        cmocka_unit_test(a_question_that_lacks_something_is_told_so),
        cmocka_unit_test(sealed_data_are_opened_into_the_answer),
        cmocka_unit_test(what_cannot_be_opened_is_said_so),
    };
    return cmocka_run_group_tests(tests, seal_begin, seal_end);
}
