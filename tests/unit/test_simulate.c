/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated officers: their sentences, their reports, and what is found out about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/message.h"
#include "simulate_text.h"
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>

#define DOMAINS 10

static struct mq_workload work(size_t officers, double rate, double seconds, uint64_t seed) {
    struct mq_workload workload;
    struct mq_workload_options options = { officers, rate, seconds, seed };
    assert_int_equal(mq_workload_init(&workload, &options), 0);
    return workload;
}

static void sentences(uint64_t seed, size_t count, struct mq_buffer *out) {
    struct mq_random random = { seed };
    for (size_t i = 0; i < count; i++) {
        mq_simulate_sentence(&random, out);
        mq_buffer_append_char(out, '\n');
    }
}

static void the_same_seed_gives_the_same_sentences(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer a = { 0 }, b = { 0 }, c = { 0 };
    sentences(7, 200, &a);
    sentences(7, 200, &b);
    sentences(8, 200, &c);
    assert_string_equal(mq_buffer_text(&a), mq_buffer_text(&b));
    assert_string_not_equal(mq_buffer_text(&a), mq_buffer_text(&c));
    mq_buffer_deinit(&b);
    mq_buffer_deinit(&c);
}

static void every_domain_has_at_least_fifteen_phrases_and_no_phrase_comes_twice(void **state) {
    (void)state;
    size_t seen[DOMAINS] = { 0 }, chat = 0;
    for (size_t i = 0; i < mq_scene_count; i++) {
        const struct mq_scene *scene = &mq_scenes[i];
        assert_in_range(scene->severity, 1, 4);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(scene->phrase, mq_scenes[j].phrase);
        if (scene->domain < 0) {
            chat++;
            continue;
        }
        assert_in_range(scene->domain, 0, DOMAINS - 1);
        assert_non_null(scene->kind);
        seen[scene->domain]++;
    }
    assert_true(mq_scene_count - chat >= 150);
    assert_true(chat > 0);
    for (size_t i = 0; i < DOMAINS; i++)
        assert_true(seen[i] >= 15);
}

static void all_domains_and_some_chat_occur(void **state) {
    (void)state;
    struct mq_random random = { 3 };
    size_t seen[DOMAINS + 1] = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    for (int i = 0; i < 2000; i++)
        seen[mq_simulate_sentence(&random, &text)->domain + 1]++;
    for (size_t i = 0; i <= DOMAINS; i++)
        assert_true(seen[i] > 20);
    assert_true(seen[0] < 200);
}

/* What differs between the reports of one run. */
struct shares {
    size_t located, area, neither, domain, severity, subject;
};

static void count(const struct mq_report *report, struct shares *shares) {
    shares->located += report->has_location;
    shares->area += report->area.s != NULL;
    shares->neither += !report->has_location && !report->area.s;
    shares->domain += report->domain >= 0;
    shares->severity += report->has_severity;
    shares->subject += report->has_subject;
}

static void every_report_is_one_that_the_server_takes(void **state) {
    (void)state;
    struct mq_workload workload = work(12, 100, 20, 5);
    struct shares shares = { 0 };
    for (size_t i = 0; i < workload.count; i++) {
        struct mq_report report;
        MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
        struct mq_faults faults;
        faults.count = 0;
        assert_true(mq_json_decode(&mq_report_object, mq_workload_payload(&workload, i), &report, &document, &faults));
        assert_memory_equal(&report.id, &workload.reports[i].id, sizeof(report.id));
        if (report.kind.s && report.domain >= 0)
            assert_memory_equal(report.kind.s, mq_domain_words[report.domain], strlen(mq_domain_words[report.domain]));
        if (report.has_location) {
            assert_true(report.location.lat > 22.95 && report.location.lat < 23.02);
            assert_true(report.location.lon > 115.79 && report.location.lon < 115.87);
        }
        count(&report, &shares);
    }
    assert_true(shares.located > workload.count / 2);
    assert_true(shares.area > 0 && shares.neither > 0 && shares.domain > 0 && shares.severity > 0 && shares.subject > 0);
    mq_workload_deinit(&workload);
}

static void the_same_seed_gives_the_same_reports_but_for_ids_and_times(void **state) {
    (void)state;
    struct mq_workload a = work(5, 50, 4, 9), b = work(5, 50, 4, 9);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_true(a.reports[i].at_us == b.reports[i].at_us);
        struct mq_str x = mq_workload_payload(&a, i), y = mq_workload_payload(&b, i);
        const char *xt = memmem(x.s, x.n, "\"text\"", 6), *yt = memmem(y.s, y.n, "\"text\"", 6);
        size_t xn = x.n - (size_t)(xt - x.s), yn = y.n - (size_t)(yt - y.s);
        assert_true(mq_str_equal((struct mq_str){ xt, xn }, (struct mq_str){ yt, yn }));
        assert_memory_not_equal(&a.reports[i].id, &b.reports[i].id, sizeof(a.reports[i].id));
    }
    mq_workload_deinit(&a);
    mq_workload_deinit(&b);
}

static void arrivals_come_at_the_asked_rate_and_officers_take_turns(void **state) {
    (void)state;
    struct mq_workload workload = work(7, 200, 50, 1);
    assert_in_range(workload.count, 9700, 10300);
    for (size_t i = 1; i < workload.count; i++) {
        assert_true(workload.reports[i].at_us >= workload.reports[i - 1].at_us);
        assert_int_equal(workload.reports[i].officer, i % 7);
    }
    mq_workload_deinit(&workload);
}

static void a_report_is_found_by_its_id_and_by_its_cases_id(void **state) {
    (void)state;
    struct mq_workload workload = work(3, 300, 10, 2);
    struct mq_tally tally;
    assert_int_equal(mq_tally_init(&tally, &workload), 0);
    for (size_t i = 0; i < workload.count; i++) {
        size_t index;
        bool is_case;
        struct mq_uuid its_case = mq_uuid_case_of(&workload.reports[i].id), other = mq_uuid_v7();
        assert_true(mq_tally_find(&tally, &workload.reports[i].id, &index, &is_case));
        assert_true(index == i && !is_case);
        assert_true(mq_tally_find(&tally, &its_case, &index, &is_case));
        assert_true(index == i && is_case);
        assert_false(mq_tally_find(&tally, &other, &index, &is_case));
    }
    mq_tally_deinit(&tally);
    mq_workload_deinit(&workload);
}

static void an_accepted_report_that_nobody_saw_is_missing(void **state) {
    (void)state;
    struct mq_workload workload = work(1, 100, 1, 2);
    assert_true(workload.count > 4);
    workload.count = 4;
    struct mq_tally tally;
    struct mq_figures figures;
    assert_int_equal(mq_tally_init(&tally, &workload), 0);
    tally.departments = true;
    tally.receipts = 4;
    for (size_t i = 0; i < 4; i++)
        tally.trails[i] = (struct mq_trail){ .fate = MQ_FATE_ACCEPTED, .sent_us = 1000, .receipt_us = 3000 };
    tally.trails[0].department_us = 5000;
    tally.trails[1].review_us = 6000;
    tally.trails[2].joined = workload.reports[0].case_id;
    tally.trails[2].joined_us = 7000;
    assert_false(mq_tally_complete(&tally));
    assert_int_equal(mq_tally_figures(&tally, &figures), 0);
    assert_int_equal(figures.accepted, 4);
    assert_int_equal(figures.department, 2);
    assert_int_equal(figures.joined, 1);
    assert_int_equal(figures.review, 1);
    assert_int_equal(figures.missing, 1);
    assert_true(figures.receipt_ms[0] > 1.99 && figures.receipt_ms[0] < 2.01);
    assert_true(figures.department_ms[3] > 3.99 && figures.department_ms[3] < 4.01);
    tally.trails[3].fate = MQ_FATE_REJECTED;
    assert_true(mq_tally_complete(&tally));
    tally.trails[0].department_us = 0;
    assert_int_equal(mq_tally_arrived(&tally, 2), 0);
    mq_tally_deinit(&tally);
    mq_workload_deinit(&workload);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_sentences),
        cmocka_unit_test(every_domain_has_at_least_fifteen_phrases_and_no_phrase_comes_twice),
        cmocka_unit_test(all_domains_and_some_chat_occur),
        cmocka_unit_test(every_report_is_one_that_the_server_takes),
        cmocka_unit_test(the_same_seed_gives_the_same_reports_but_for_ids_and_times),
        cmocka_unit_test(arrivals_come_at_the_asked_rate_and_officers_take_turns),
        cmocka_unit_test(a_report_is_found_by_its_id_and_by_its_cases_id),
        cmocka_unit_test(an_accepted_report_that_nobody_saw_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
