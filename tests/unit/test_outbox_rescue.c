/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged outbox: what comes back, and as what. */
#include "outbox_place.h"

/* Overwrites what lies from `from` on; returns the size of the file. */
static size_t damage(const char *file, off_t from, size_t n) {
    int fd = open(file, O_RDWR);
    struct stat status;
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    char *rubbish = malloc(n);
    memset(rubbish, 0xa5, n);
    assert_int_equal(pwrite(fd, rubbish, n, from), n);
    free(rubbish);
    close(fd);
    return (size_t)status.st_size;
}

static size_t open_damaged(const struct place *place, struct mq_outbox_rescue *rescue) {
    struct mq_outbox *outbox = NULL;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, rescue), 0);
    assert_true(rescue->damaged);
    assert_int_equal(access(rescue->kept_as, F_OK), 0);
    size_t rescued = waiting(outbox);
    assert_int_equal(rescued, rescue->rescued);
    kept(outbox, 2);
    mq_outbox_free(outbox);
    mq_outbox_free(open_box(place));
    return rescued;
}

static void of_a_file_damaged_in_its_middle_the_rest_is_rescued(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    fill(place, 500);
    damage(place->file, 40960, 8192);
    size_t rescued = open_damaged(place, &rescue);
    assert_in_range(rescued, DAMAGED_REPORTS - 40, DAMAGED_REPORTS - 5);
}

static void large_reports_around_the_damage_are_rescued_too(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    fill(place, 20000);
    damage(place->file, 200 * 4096, 4096);
    assert_in_range(open_damaged(place, &rescue), DAMAGED_REPORTS - 3, DAMAGED_REPORTS - 1);
}

static void what_lies_between_two_damaged_places_is_rescued(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    size_t pages = 45 * 4096; /* at least one of them is of the tree, not of a report */
    fill(place, 20000);
    damage(place->file, 100 * 4096, pages);
    damage(place->file, 600 * 4096, pages);
    assert_in_range(open_damaged(place, &rescue), DAMAGED_REPORTS - 50, DAMAGED_REPORTS - 10);
}

static void of_a_file_without_its_beginning_the_reports_are_found_all_the_same(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    fill(place, 500);
    damage(place->file, 0, 4096);
    assert_int_equal(open_damaged(place, &rescue), DAMAGED_REPORTS);
    char expected[128];
    snprintf(expected, sizeof(expected), "%s.damaged-1", place->file);
    assert_string_equal(rescue.kept_as, expected);
    damage(place->file, 0, 4096);
    open_damaged(place, &rescue);
    snprintf(expected, sizeof(expected), "%s.damaged-2", place->file);
    assert_string_equal(rescue.kept_as, expected);
}

static void a_report_with_a_flipped_bit_is_not_sent_as_if_it_were_whole(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    fill(place, 500);
    char command[256];
    snprintf(command, sizeof(command), "grep -obUa xxxxxxxx '%s' | head -1 | cut -d: -f1", place->file);
    FILE *out = popen(command, "r");
    long at = 0;
    assert_int_equal(fscanf(out, "%ld", &at), 1);
    pclose(out);
    damage(place->file, at + 3, 1);
    assert_int_equal(open_damaged(place, &rescue), DAMAGED_REPORTS - 1);
    assert_int_equal(rescue.unreadable, 1);
}

static void a_damaged_file_from_before_is_rescued_too(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    /* too large to be found in the bytes: only the table has them */
    make_old(place, 20000);
    damage(place->file, 200 * 4096, 4096);
    assert_in_range(open_damaged(place, &rescue), DAMAGED_REPORTS - 3, DAMAGED_REPORTS - 1);
}

static int count_kinds(void *userdata, const struct mq_outbox_entry *entry) {
    ((size_t *)userdata)[entry->kind]++;
    return 0;
}

static void what_is_found_without_the_beginning_of_the_file_keeps_its_kind(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id = mq_uuid_v7();
    struct mq_outbox_entry answer = {
        .id = id,
        .kind = MQ_RECEIPT_ANSWER,
        .kept_at_us = NOW,
        .traceparent = MQ_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    };
    char text[MQ_UUID_TEXT], payload[300];
    mq_uuid_format(&id, text);
    snprintf(payload, sizeof(payload),
             "{\"v\":1,\"id\":\"%s\",\"task\":\"%s\",\"answer\":\"arrived\",\"at\":\"2026-11-23T02:10:00+08:00\"}", text, text);
    answer.payload = mq_str(payload);
    assert_int_equal(mq_outbox_keep(outbox, &answer), 0);
    /* the bytes of a visit may be those of a report */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(keep_kind(outbox, MQ_RECEIPT_VISIT, 2, 200, &id), 0);
        assert_int_equal(keep_kind(outbox, MQ_RECEIPT_REPORT, 2, 200, &id), 0);
    }
    mq_outbox_free(outbox);
    damage(place->file, 0, 4096);
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    size_t kinds[MQ_RECEIPT_ATTACHMENT] = { 0 };
    assert_int_equal(mq_outbox_each(outbox, false, count_kinds, kinds), 0);
    assert_int_equal(kinds[MQ_RECEIPT_REPORT], 5);
    assert_int_equal(kinds[MQ_RECEIPT_VISIT], 5);
    assert_int_equal(kinds[MQ_RECEIPT_ANSWER], 1);
    mq_outbox_free(outbox);
}

static int see_own_id(void *userdata, const struct mq_outbox_entry *entry) {
    char id[MQ_UUID_TEXT];
    (void)userdata;
    mq_uuid_format(&entry->id, id);
    assert_non_null(memmem(entry->payload.s, entry->payload.n, id, strlen(id)));
    return 0;
}

static int see_unproven(void *userdata, const struct mq_outbox_entry *entry) {
    assert_non_null(memmem(entry->message.s, entry->message.n, "not proven whole", strlen("not proven whole")));
    ++*(int *)userdata;
    return 0;
}

/* One bit makes another word of a word, and what was kept as a visit looks like a report: neither must be sent. */
static void what_nothing_proves_whole_is_shown_and_not_sent(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id;
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_VISIT, 2, 500, &id), 0);
    assert_int_equal(keep_kind(outbox, MQ_RECEIPT_REPORT, 2, 500, &id), 0);
    mq_outbox_free(outbox);
    char command[256];
    snprintf(command, sizeof(command), "grep -obUa xxxxxxxx '%s' | head -1 | cut -d: -f1", place->file);
    FILE *out = popen(command, "r");
    long at = 0;
    assert_int_equal(fscanf(out, "%ld", &at), 1);
    pclose(out);
    int fd = open(place->file, O_RDWR);
    assert_int_equal(pwrite(fd, "y", 1, at + 3), 1);
    close(fd);
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_int_equal(rescue.rescued, 1);
    assert_int_equal(rescue.unproven, 1);
    assert_int_equal(waiting(outbox), 1);
    int seen = 0;
    assert_int_equal(mq_outbox_each(outbox, true, see_unproven, &seen), 0);
    assert_int_equal(seen, 1);
    mq_outbox_free(outbox);
}

static void rubbish_is_put_aside_and_a_new_outbox_begun(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    int fd = open(place->file, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "this is not an outbox at all", 28), 28);
    close(fd);
    assert_int_equal(open_damaged(place, &rescue), 0);
}

/* Changes a sound file in a way that SQLite cannot know to be damage. */
static void change(const struct place *place, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* The receipt names the id that the message has: a row under another id could never be settled. */
static void assert_comes_back_under_its_own_id(const struct place *place, const struct mq_uuid *id) {
    struct mq_outbox *outbox = NULL;
    struct mq_outbox_rescue rescue;
    struct mq_outbox_entry entry;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_true(rescue.damaged);
    assert_int_equal(rescue.rescued, 1);
    assert_int_equal(mq_outbox_next(outbox, NOW, NULL, 0, &entry), 1);
    assert_memory_equal(&entry.id, id, sizeof(*id));
    assert_int_equal(entry.severity, MQ_OUTBOX_ORDINARY);
    assert_int_equal(mq_outbox_settle(outbox, id), 1);
    assert_int_equal(waiting(outbox), 0);
    mq_outbox_free(outbox);
    mq_outbox_free(open_box(place));
}

static void whatever_column_is_changed_the_message_comes_back_as_it_says_of_itself(void **state) {
    struct place *place = *state;
    static const char *const changes[] = {
        "update waiting set id = 'f' || substr(id, 2)", "update waiting set id = 'none'",
        "update waiting set severity = 1",              "update waiting set kept_at = kept_at - 1",
        "update waiting set traceparent = 'x'",         "update waiting set row_digest = x'00'",
        "update waiting set kind = 1",
    };
    for (size_t i = 0; i < MQ_LENGTH(changes); i++) {
        struct mq_outbox *outbox = open_box(place);
        struct mq_uuid id = kept(outbox, 2);
        mq_outbox_free(outbox);
        change(place, changes[i]);
        assert_comes_back_under_its_own_id(place, &id);
    }
}

static void what_was_refused_and_is_changed_waits_anew(void **state) {
    struct place *place = *state;
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id = kept(outbox, 2);
    assert_int_equal(mq_outbox_refuse(outbox, &id, MQ_STR("/area"), MQ_STR("is not known"), NOW), 1);
    mq_outbox_free(outbox);
    change(place, "update refused set message = 'is known'");
    assert_comes_back_under_its_own_id(place, &id);
}

static void an_id_that_was_changed_before_rows_had_a_digest_is_seen_too(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    struct mq_outbox *outbox = NULL;
    make_old(place, 500);
    change(place, "update waiting set id = 'ffffffff' || substr(id, 9) where key = 7");
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_true(rescue.damaged);
    assert_int_equal(rescue.rescued, DAMAGED_REPORTS);
    assert_int_equal(mq_outbox_each(outbox, false, see_own_id, NULL), 0);
    mq_outbox_free(outbox);
}

static void a_row_that_an_earlier_version_added_meanwhile_gets_its_digest(void **state) {
    struct place *place = *state;
    fill(place, 500);
    change(place, "update waiting set row_digest = null where key % 2 = 0");
    mq_outbox_free(open_box(place));
    change(place, "delete from waiting where row_digest is null");
    struct mq_outbox *outbox = open_box(place);
    assert_int_equal(waiting(outbox), DAMAGED_REPORTS);
    mq_outbox_free(outbox);
}

/* What was kept last lies in the log beside it, which SQLite throws away where the file is empty. */
static void a_file_that_was_emptied_is_no_new_one(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    struct mq_outbox *outbox = open_box(place), *second = NULL;
    kept(outbox, 2);
    char copies[256];
    snprintf(copies, sizeof(copies), "cp '%s-wal' '%s/log'", place->file, place->folder);
    assert_int_equal(system(copies), 0);
    mq_outbox_free(outbox);
    snprintf(copies, sizeof(copies), "cp '%s/log' '%s-wal'", place->folder, place->file);
    assert_int_equal(system(copies), 0);
    assert_int_equal(truncate(place->file, 0), 0);
    assert_int_equal(mq_outbox_open(&place->options, &second, &rescue), 0);
    assert_true(rescue.damaged);
    assert_int_equal(rescue.rescued, 1);
    assert_int_equal(waiting(second), 1);
    mq_outbox_free(second);
    mq_outbox_free(open_box(place));
}

static void an_empty_file_where_no_outbox_was_is_a_new_one(void **state) {
    struct place *place = *state;
    close(open(place->file, O_WRONLY | O_CREAT, 0600));
    mq_outbox_free(open_box(place));
}

static void a_rescue_that_was_killed_before_its_end_is_ended(void **state) {
    struct place *place = *state;
    struct mq_outbox_rescue rescue;
    struct mq_outbox *outbox = NULL;
    char rescued[128], moved[128];
    /* as it was left: the new file whole under its own name, the old one, which looks sound without its log, still in place */
    mq_outbox_free(open_box(place));
    snprintf(rescued, sizeof(rescued), "%s.rescued", place->file);
    place->options.path = rescued;
    fill(place, 500);
    place->options.path = place->file;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_true(rescue.damaged);
    assert_int_equal(waiting(outbox), DAMAGED_REPORTS);
    mq_outbox_free(outbox);
    snprintf(moved, sizeof(moved), "%s.damaged-1", place->file);
    assert_int_equal(access(moved, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_damaged_file_from_before_is_rescued_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_found_without_the_beginning_of_the_file_keeps_its_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_a_file_damaged_in_its_middle_the_rest_is_rescued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_reports_around_the_damage_are_rescued_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_lies_between_two_damaged_places_is_rescued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_a_file_without_its_beginning_the_reports_are_found_all_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_report_with_a_flipped_bit_is_not_sent_as_if_it_were_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rubbish_is_put_aside_and_a_new_outbox_begun, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nothing_proves_whole_is_shown_and_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(whatever_column_is_changed_the_message_comes_back_as_it_says_of_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_refused_and_is_changed_waits_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_id_that_was_changed_before_rows_had_a_digest_is_seen_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_row_that_an_earlier_version_added_meanwhile_gets_its_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_was_emptied_is_no_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_where_no_outbox_was_is_a_new_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_rescue_that_was_killed_before_its_end_is_ended, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
