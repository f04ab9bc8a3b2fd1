/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox of a device: order, survival. */
#include "outbox_place.h"

static void assert_next(struct mq_outbox *outbox, int64_t *taken, size_t *count, const struct mq_uuid *id) {
    struct mq_outbox_entry entry;
    assert_int_equal(mq_outbox_next(outbox, NOW, taken, *count, &entry), 1);
    assert_memory_equal(&entry.id, id, sizeof(*id));
    taken[(*count)++] = entry.key;
}

static void the_severe_go_first_then_the_old_and_unknown_counts_as_ordinary(void **state) {
    struct mq_outbox *outbox = open_box(*state);
    struct mq_uuid one = kept(outbox, 1), none = kept(outbox, 0), four = kept(outbox, 4), two = kept(outbox, 2),
                   three = kept(outbox, 3), later_four = kept(outbox, 4);
    int64_t taken[8];
    size_t count = 0;
    assert_next(outbox, taken, &count, &four);
    assert_next(outbox, taken, &count, &later_four);
    assert_next(outbox, taken, &count, &three);
    assert_next(outbox, taken, &count, &none);
    assert_next(outbox, taken, &count, &two);
    assert_next(outbox, taken, &count, &one);
    struct mq_outbox_entry entry;
    assert_int_equal(mq_outbox_next(outbox, NOW, taken, count, &entry), 0);
    mq_outbox_free(outbox);
}

static void a_postponed_report_waits_and_a_clock_set_back_does_not_hold_it(void **state) {
    struct mq_outbox *outbox = open_box(*state);
    struct mq_uuid id = kept(outbox, 2);
    struct mq_outbox_entry entry;
    assert_int_equal(mq_outbox_postpone(outbox, &id, 3, NOW + 5000000), 1);
    assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 0);
    assert_int_equal(mq_outbox_next(outbox, NOW + 5000000, NULL, 0, &entry), 1);
    assert_int_equal(entry.sends, 3);
    assert_int_equal(mq_outbox_next(outbox, NOW - 86400000000LL, NULL, 0, &entry), 1);
    mq_outbox_free(outbox);
}

static void what_is_kept_is_there_after_closing_byte_for_byte(void **state) {
    struct mq_outbox *outbox = open_box(*state);
    struct mq_uuid id = mq_uuid_v7();
    struct mq_outbox_entry entry = {
        .id = id,
        .kept_at_us = NOW,
        .payload = MQ_STR("{\"text\":\"坝体渗水\"}"),
        .traceparent = MQ_STR("00-a-b-01"),
    };
    assert_int_equal(mq_outbox_keep(outbox, &entry), 0);
    assert_int_equal(mq_outbox_keep(outbox, &entry), -EEXIST);
    mq_outbox_free(outbox);
    outbox = open_box(*state);
    assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 1);
    assert_true(mq_str_equal(entry.payload, MQ_STR("{\"text\":\"坝体渗水\"}")));
    assert_true(mq_str_equal(entry.traceparent, MQ_STR("00-a-b-01")));
    assert_int_equal(entry.kept_at_us, NOW);
    mq_outbox_free(outbox);
}

static int see_kind(void *userdata, const struct mq_outbox_entry *entry) {
    static const enum mq_receipt_kind order[] = { MQ_RECEIPT_REPORT, MQ_RECEIPT_ANSWER, MQ_RECEIPT_VISIT };
    assert_int_equal(entry->kind, order[(*(int *)userdata)++]);
    return 0;
}

static void each_goes_out_as_the_kind_that_it_was_kept_as(void **state) {
    struct mq_outbox *outbox = open_box(*state);
    struct mq_uuid id[3];
    struct mq_outbox_entry entry;
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_VISIT, 2, 300, &id[0]), 0);
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_ANSWER, 3, 300, &id[1]), 0);
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_REPORT, 4, 300, &id[2]), 0);
    mq_outbox_free(outbox);
    outbox = open_box(*state);
    static const enum mq_receipt_kind turns[] = { MQ_RECEIPT_REPORT, MQ_RECEIPT_ANSWER, MQ_RECEIPT_VISIT };
    for (size_t i = 0; i < MQ_LENGTH(turns); i++) {
        assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 1);
        assert_int_equal(entry.kind, turns[i]);
        struct mq_uuid done = entry.id;
        assert_int_equal(mq_outbox_refuse(outbox, &done, MQ_STR("/area"), MQ_STR("is not known"), NOW), 1);
    }
    int seen = 0;
    assert_int_equal(mq_outbox_each(outbox, true, see_kind, &seen), 0);
    assert_int_equal(seen, 3);
    mq_outbox_free(outbox);
}

static void a_file_from_before_there_were_visits_and_answers_is_brought_up_to_date(void **state) {
    make_old(*state, 500);
    struct mq_outbox *outbox = open_box(*state);
    struct mq_outbox_entry entry;
    struct mq_uuid id;
    assert_int_equal(waiting(outbox), DAMAGED_REPORTS);
    assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 1);
    assert_int_equal(entry.kind, MQ_RECEIPT_REPORT);
    id = entry.id;
    assert_int_equal(mq_outbox_refuse(outbox, &id, MQ_STR("/area"), MQ_STR("is not known"), NOW), 1);
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_ANSWER, 4, 300, &id), 0);
    mq_outbox_free(outbox);
    outbox = open_box(*state);
    assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 1);
    assert_int_equal(entry.kind, MQ_RECEIPT_ANSWER);
    mq_outbox_free(outbox);
}

static int see_refused(void *userdata, const struct mq_outbox_entry *entry) {
    assert_true(mq_str_equal(entry->path, MQ_STR("/area")));
    assert_true(mq_str_equal(entry->message, MQ_STR("is not known")));
    assert_true(entry->payload.n > 0);
    ++*(int *)userdata;
    return 0;
}

static void taken_ones_are_deleted_and_refused_ones_keep_their_reason(void **state) {
    struct mq_outbox *outbox = open_box(*state);
    struct mq_uuid a = kept(outbox, 2), b = kept(outbox, 2), other = mq_uuid_v7();
    int seen = 0;
    assert_int_equal(mq_outbox_begin(outbox), 0);
    assert_int_equal(mq_outbox_settle(outbox, &a), 1);
    assert_int_equal(mq_outbox_settle(outbox, &a), 0);
    assert_int_equal(mq_outbox_refuse(outbox, &b, MQ_STR("/area"), MQ_STR("is not known"), NOW), 1);
    assert_int_equal(mq_outbox_refuse(outbox, &other, MQ_STR("/area"), MQ_STR("is not known"), NOW), 0);
    assert_int_equal(mq_outbox_commit(outbox), 0);
    assert_int_equal(waiting(outbox), 0);
    assert_int_equal(mq_outbox_each(outbox, true, see_refused, &seen), 0);
    assert_int_equal(seen, 1);
    mq_outbox_free(outbox);
}

static void a_full_outbox_and_a_report_too_large_say_so(void **state) {
    struct place *place = *state;
    place->options.max_reports = 2;
    place->options.max_bytes = 1000;
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id;
    kept(outbox, 2);
    assert_int_equal(keep(outbox, 2, 1001, &id), -EMSGSIZE);
    kept(outbox, 2);
    assert_int_equal(keep(outbox, 4, 300, &id), -ENOSPC);
    assert_int_equal(waiting(outbox), 2);
    mq_outbox_free(outbox);
}

static void an_outbox_belongs_to_one_account_and_nobody_else_reads_it(void **state) {
    struct place *place = *state;
    mq_outbox_free(open_box(place));
    struct stat status;
    assert_int_equal(stat(place->file, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    place->options.account = "bomei-002";
    struct mq_outbox *outbox = NULL;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, NULL), -EUSERS);
    assert_null(outbox);
}

/* A process that keeps reports and says each only after it is kept, until it is killed. */
static void keep_until_killed(const struct place *place, int pipe_end) {
    struct mq_outbox *outbox = NULL;
    if (mq_outbox_open(&place->options, &outbox, NULL) < 0)
        _exit(1);
    for (;;) {
        struct mq_uuid id;
        if (keep(outbox, 2, 500, &id) < 0 || write(pipe_end, &id, sizeof(id)) != sizeof(id))
            _exit(1);
    }
}

static void kill_after(const struct place *place, int reports, struct mq_uuid *ids, size_t *count) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        keep_until_killed(place, ends[1]);
    }
    close(ends[1]);
    for (int i = 0; i < reports; i++)
        assert_int_equal(read(ends[0], &ids[(*count)++], sizeof(*ids)), sizeof(*ids));
    kill(child, SIGKILL);
    while (read(ends[0], &ids[*count], sizeof(*ids)) == sizeof(*ids))
        ++*count;
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static void what_was_said_to_be_kept_survives_sigkill(void **state) {
    static struct mq_uuid ids[8192];
    size_t count = 0;
    for (int round = 1; round <= 5; round++)
        kill_after(*state, 7 * round, ids, &count);
    struct mq_outbox *outbox = open_box(*state);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(mq_outbox_settle(outbox, &ids[i]), 1);
    /* one that was kept and not yet said may be there for each kill */
    assert_true(waiting(outbox) <= 5);
    mq_outbox_free(outbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_severe_go_first_then_the_old_and_unknown_counts_as_ordinary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_postponed_report_waits_and_a_clock_set_back_does_not_hold_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_is_there_after_closing_byte_for_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_goes_out_as_the_kind_that_it_was_kept_as, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_from_before_there_were_visits_and_answers_is_brought_up_to_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_ones_are_deleted_and_refused_ones_keep_their_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_outbox_and_a_report_too_large_say_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outbox_belongs_to_one_account_and_nobody_else_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_said_to_be_kept_survives_sigkill, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
