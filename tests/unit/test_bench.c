/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator of tests/bench: its reports, and what it counts as come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message.h"
#include "tests/bench/fleet.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT 500

enum { DEVICE, DEPARTMENTS = 2, OPERATOR };

static const struct fleet_options options = { .devices = 2, .window = 16, .backlog = 100 };

static int setup(void **state) {
    struct fleet *fleet = calloc(1, sizeof(*fleet));
    const char *root = getenv("MINQING_SOURCE_ROOT");
    char areas[512], towns[512];
    snprintf(areas, sizeof(areas), "%s/schemas/reference/areas.tsv", root);
    snprintf(towns, sizeof(towns), "%s/schemas/reference/towns.tsv", root);
    const struct reports_options made = { .areas = areas, .towns = towns, .count = COUNT, .days = 30, .seed = 7 };
    fleet->options = &options;
    fleet->reports = calloc(1, sizeof(*fleet->reports));
    fleet->devices = calloc(options.devices, sizeof(*fleet->devices));
    fleet->ready_size = options.devices * options.window + 1;
    fleet->ready = calloc(fleet->ready_size, sizeof(*fleet->ready));
    fleet->now_us = 1000;
    *state = fleet;
    return reports_init(fleet->reports, &made);
}

static int teardown(void **state) {
    struct fleet *fleet = *state;
    reports_deinit(fleet->reports);
    free(fleet->reports);
    fleet_deinit(fleet);
    free(fleet);
    return 0;
}

static const char *id_of(const struct report *report) {
    static char text[4][MQ_UUID_TEXT];
    static int turn;
    char *out = text[turn++ % 4];
    mq_uuid_format(&report->id, out);
    return out;
}

static void case_topic(const struct report *report, const char *department, char out[256]) {
    char id[MQ_UUID_TEXT];
    struct mq_uuid uuid = mq_uuid_case_of(&report->id);
    mq_uuid_format(&uuid, id);
    snprintf(out, 256, "minqing/department/%s/441581/441581105/case/%s", department, id);
}

static void hears(struct fleet *fleet, size_t who, const char *topic, const char *payload) {
    struct wire wire = { .index = who };
    fleet_heard(fleet, &wire, mq_str(topic), mq_str(payload));
}

static void every_report_is_one_that_ingest_takes(void **state) {
    const struct fleet *fleet = *state;
    for (size_t i = 0; i < COUNT; i++) {
        const struct report *made = &fleet->reports->list[i];
        struct mq_report report;
        struct mq_document *document = NULL;
        struct mq_faults faults = { 0 };
        bool good = mq_json_decode(&mq_report_object, (struct mq_str){ fleet->reports->text.data + made->offset, made->bytes }, &report, &document, &faults);
        assert_true(good);
        assert_memory_equal(&report.id, &made->id, sizeof(made->id));
        assert_true(report.has_location || report.area.n == 12);
        mq_document_free(document);
    }
}

static void every_report_is_found_again(void **state) {
    const struct fleet *fleet = *state;
    for (size_t i = 0; i < COUNT; i++) {
        struct report *report = &fleet->reports->list[i];
        struct mq_uuid uuid = mq_uuid_case_of(&report->id);
        char id[MQ_UUID_TEXT];
        mq_uuid_format(&uuid, id);
        assert_ptr_equal(reports_find(fleet->reports, REPORTS_BY_ID, mq_str(id_of(report))), report);
        assert_ptr_equal(reports_find(fleet->reports, REPORTS_BY_CASE, mq_str(id)), report);
    }
    assert_null(reports_find(fleet->reports, REPORTS_BY_ID, MQ_STR("00000000-0000-7000-8000-000000000000")));
    assert_null(reports_find(fleet->reports, REPORTS_BY_ID, MQ_STR("short")));
}

static void a_case_counts_once_however_many_departments_get_it(void **state) {
    struct fleet *fleet = *state;
    const char *payload = "{\"reports\" : {\"count\" : 1, \"latest\" : []}}";
    char topic[256];
    case_topic(&fleet->reports->list[0], "fire", topic);
    hears(fleet, DEPARTMENTS, topic, payload);
    fleet->now_us = 2000;
    case_topic(&fleet->reports->list[0], "police", topic);
    hears(fleet, DEPARTMENTS, topic, payload);
    hears(fleet, DEPARTMENTS, topic, "");
    assert_int_equal(fleet->now.handled, 1);
    assert_int_equal(fleet->now.out, 1);
    assert_int_equal(fleet->reports->list[0].handled_us, 1000);
}

static void who_joined_has_come_out_with_the_case(void **state) {
    struct fleet *fleet = *state;
    const struct report *list = fleet->reports->list;
    char topic[256], payload[512];
    case_topic(&list[1], "fire", topic);
    snprintf(payload, sizeof(payload),
             "{\"reports\" : {\"count\" : 3, \"latest\" : [{\"id\" : \"%s\", \"text\" : \"a] b\"}, {\"id\" : \"%s\"}, {\"id\" : \"%s\"}]}}",
             id_of(&list[1]), id_of(&list[2]), id_of(&list[3]));
    hears(fleet, DEPARTMENTS, topic, payload);
    assert_int_equal(fleet->now.handled, 3);
    assert_true(list[2].handled_us > 0 && list[3].handled_us > 0);
}

static void a_review_and_a_status_count_each_report_once(void **state) {
    struct fleet *fleet = *state;
    const struct report *list = fleet->reports->list;
    char topic[256], payload[512];
    snprintf(topic, sizeof(topic), "minqing/command/441581/441581105/review/%s", id_of(&list[4]));
    hears(fleet, OPERATOR, topic, "{}");
    hears(fleet, OPERATOR, "minqing/stream/441581/441581105/none/2", "{}");
    snprintf(payload, sizeof(payload), "{\"report\" : \"%s\", \"reports\" : [\"%s\", \"%s\"]}", id_of(&list[5]), id_of(&list[4]), id_of(&list[5]));
    hears(fleet, DEVICE, "minqing/field/bomei-001/status", payload);
    hears(fleet, DEVICE, "minqing/field/bomei-001/status", payload);
    assert_int_equal(fleet->now.handled, 1);
    assert_int_equal(fleet->now.told, 2);
    assert_int_equal(fleet->now.out, 2);
    assert_int_equal(fleet->now.stream, 1);
}

static void a_receipt_lets_its_device_send_one_more(void **state) {
    struct fleet *fleet = *state;
    char payload[256];
    fleet->devices[0].waiting = 2;
    snprintf(payload, sizeof(payload), "{\"v\":1,\"kind\":\"report\",\"id\":\"%s\",\"status\":\"accepted\",\"errors\":[]}", id_of(&fleet->reports->list[6]));
    hears(fleet, DEVICE, "minqing/field/bomei-001/receipt", payload);
    hears(fleet, DEVICE, "minqing/field/bomei-001/receipt", payload);
    assert_int_equal(fleet->now.receipts, 1);
    assert_int_equal(fleet->devices[0].waiting, 1);
    assert_int_equal(fleet->ready_count, 1);
    assert_int_equal(fleet->rejected, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_report_is_one_that_ingest_takes, setup, teardown),
        cmocka_unit_test_setup_teardown(every_report_is_found_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_case_counts_once_however_many_departments_get_it, setup, teardown),
        cmocka_unit_test_setup_teardown(who_joined_has_come_out_with_the_case, setup, teardown),
        cmocka_unit_test_setup_teardown(a_review_and_a_status_count_each_report_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_receipt_lets_its_device_send_one_more, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
