/* SPDX-License-Identifier: Apache-2.0 */
/* What ingest writes of the parts that several messages have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cells.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct row {
    struct mq_ingest ingest;
    struct mq_columns cells;
    char key_file[64];
};

static int set_up(void **state) {
    struct row *row = calloc(1, sizeof(*row));
    snprintf(row->key_file, sizeof(row->key_file), "/tmp/minqing-cells-%d", (int)getpid());
    unlink(row->key_file);
    mq_columns_init(&row->cells, 16);
    *state = row;
    return mq_seal_create(row->key_file, "k1") < 0 || mq_seal_new(row->key_file, &row->ingest.seal) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    struct row *row = *state;
    unlink(row->key_file);
    mq_columns_deinit(&row->cells);
    mq_ingest_deinit(&row->ingest);
    free(row);
    return 0;
}

/* The cell as a view; s NULL where it is null. */
static struct mq_str cell(const struct row *row, size_t i) {
    assert_true(i < row->cells.filled);
    const struct mq_cell *c = &row->cells.cells[i];
    return c->offset == SIZE_MAX ? (struct mq_str){ NULL, 0 } : (struct mq_str){ row->cells.text.data + c->offset, c->len };
}

static void assert_cell(const struct row *row, size_t i, const char *expected) {
    struct mq_str found = cell(row, i);
    if (!expected)
        assert_null(found.s);
    else if (!mq_str_equal(found, mq_str(expected)))
        fail_msg("cell %zu is '%.*s', not '%s'", i, (int)found.n, found.s, expected);
}

static void assert_sender(const char *topic, const char *account, const char *role, const char *area) {
    struct mq_sender_of from;
    assert_true(mq_cells_sender(mq_str(topic), &from));
    assert_true(mq_str_equal(from.account, mq_str(account)));
    assert_true(mq_str_equal(from.role, mq_str(role)));
    assert_true(mq_str_equal(from.area, mq_str(area)));
}

static void the_topic_says_who_sends_and_as_what(void **state) {
    (void)state;
    assert_sender("minqing/field/bomei-001/report", "bomei-001", "device", NULL);
    assert_sender("minqing/field/bomei-001/answer", "bomei-001", "device", NULL);
    assert_sender("minqing/field/bomei-001/visit", "bomei-001", "device", NULL);
    assert_sender("minqing/command/441581/441581105/report/bomei-command", "bomei-command", "operator", "441581105");
    assert_sender("minqing/command/441581/all/report/lufeng", "lufeng", "operator", "441581");
    struct mq_sender_of from;
    assert_false(mq_cells_sender(MQ_STR("minqing/field/bomei-001/receipt"), &from));
}

static void a_place_of_the_maps_datum_is_converted_and_kept_as_given(void **state) {
    struct row *row = *state;
    struct mq_location given = { .lat = 22.98, .lon = 115.83, .accuracy_m = 12, .datum = 1 };
    mq_cells_location(&row->ingest, &given, &row->cells);
    char lat_text[40];
    snprintf(lat_text, sizeof(lat_text), "%.*s", (int)cell(row, 0).n, cell(row, 0).s);
    double off = fabs(strtod(lat_text, NULL) - given.lat);
    assert_true(off > 0.001 && off < 0.01);
    assert_cell(row, 2, "{\"lat\":22.98,\"lon\":115.83,\"accuracy_m\":12,\"datum\":\"gcj02\"}");
    mq_cells_location(&row->ingest, NULL, &row->cells);
    for (size_t i = 3; i < 6; i++)
        assert_cell(row, i, NULL);
}

static void attachments_are_joined_and_none_is_null(void **state) {
    struct row *row = *state;
    struct mq_str hashes[] = { MQ_STR("aa"), MQ_STR("bb") };
    mq_cells_attachments(&row->ingest, &(struct mq_array){ hashes, 2 }, &row->cells);
    mq_cells_attachments(&row->ingest, &(struct mq_array){ NULL, 0 }, &row->cells);
    assert_cell(row, 0, "aa,bb");
    assert_cell(row, 1, NULL);
}

static void a_text_is_kept_as_written_and_masked_where_it_names_somebody(void **state) {
    struct row *row = *state;
    struct mq_subject subject = { .name = MQ_STR("林姨") };
    mq_cells_text(&row->ingest, MQ_STR("走访林姨"), &subject, &row->cells);
    mq_cells_text(&row->ingest, MQ_STR("走访老人"), &subject, &row->cells);
    mq_cells_text(&row->ingest, (struct mq_str){ NULL, 0 }, &subject, &row->cells);
    static const char *const expected[] = { "走访林姨", "走访林*", "走访老人", NULL, NULL, NULL };
    for (size_t i = 0; i < MQ_LENGTH(expected); i++)
        assert_cell(row, i, expected[i]);
}

static unsigned char nibble(char c) { return (unsigned char)(c <= '9' ? c - '0' : c - 'a' + 10); }

static void a_subject_is_sealed_and_bound_to_its_message(void **state) {
    struct row *row = *state;
    struct mq_uuid id = mq_uuid_v7(), other = mq_uuid_v7();
    assert_int_equal(mq_cells_subject(&row->ingest, &id, MQ_STR("{\"name\":\"林姨\"}"), &row->cells), 0);
    struct mq_str hex = cell(row, 0);
    char sealed[256];
    size_t n = 0;
    for (size_t i = 2; i + 1 < hex.n; i += 2)
        sealed[n++] = (char)(nibble(hex.s[i]) << 4 | nibble(hex.s[i + 1]));
    assert_null(memmem(sealed, n, "林姨", strlen("林姨")));
    assert_cell(row, 1, "k1");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer clear = { 0 };
    struct mq_str mine = { (const char *)id.bytes, sizeof(id.bytes) }, theirs = { (const char *)other.bytes, sizeof(other.bytes) };
    assert_true(mq_seal_open(row->ingest.seal, "k1", (struct mq_str){ sealed, n }, theirs, &clear) < 0);
    assert_int_equal(mq_seal_open(row->ingest.seal, "k1", (struct mq_str){ sealed, n }, mine, &clear), 0);
    assert_string_equal(mq_buffer_text(&clear), "{\"name\":\"林姨\"}");
    assert_int_equal(mq_cells_subject(&row->ingest, &id, (struct mq_str){ NULL, 0 }, &row->cells), 0);
    assert_cell(row, 2, NULL);
    assert_cell(row, 3, NULL);
}

static void a_trace_goes_on_and_one_that_is_none_is_made_anew(void **state) {
    struct row *row = *state;
    static const char trace[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    mq_cells_trace(&(struct mq_arrival){ .traceparent = mq_str(trace) }, &row->cells);
    mq_cells_trace(&(struct mq_arrival){ .traceparent = MQ_STR("nonsense") }, &row->cells);
    assert_cell(row, 0, trace);
    assert_true(mq_traceparent_valid(cell(row, 1)));
}

static void a_message_that_is_too_long_is_not_looked_at(void **state) {
    (void)state;
    static char bytes[MQ_REPORT_BYTES + 1];
    memset(bytes, ' ', sizeof(bytes));
    struct mq_answer answer;
    struct mq_document *document = NULL;
    struct mq_faults faults = { .count = 0 };
    const struct mq_element element = { .bytes = { bytes, sizeof(bytes) } };
    assert_false(mq_cells_decode(&mq_answer_object, &element, &answer, &document, &faults));
    assert_int_equal(faults.count, 1);
    assert_non_null(strstr(faults.fault[0].message, "65536"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_topic_says_who_sends_and_as_what),
        cmocka_unit_test_setup_teardown(a_place_of_the_maps_datum_is_converted_and_kept_as_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attachments_are_joined_and_none_is_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_text_is_kept_as_written_and_masked_where_it_names_somebody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_subject_is_sealed_and_bound_to_its_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_trace_goes_on_and_one_that_is_none_is_made_anew, set_up, tear_down),
        cmocka_unit_test(a_message_that_is_too_long_is_not_looked_at),
    };
    return cmocka_run_group_tests_name("cells", tests, NULL, NULL);
}
