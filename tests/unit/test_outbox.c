/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox of a device: order, survival, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "outbox.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1795000000000000LL
#define DAMAGED_REPORTS 200

struct place {
    char folder[64], file[96];
    struct mq_outbox_options options;
};

static int set_up(void **state) {
    struct place *place = calloc(1, sizeof(*place));
    snprintf(place->folder, sizeof(place->folder), "/tmp/minqing-outbox-XXXXXX");
    if (!mkdtemp(place->folder))
        return free(place), -1;
    snprintf(place->file, sizeof(place->file), "%s/outbox.db", place->folder);
    place->options = (struct mq_outbox_options){ place->file, "bomei-001", 10000, 65536 };
    *state = place;
    return 0;
}

static int tear_down(void **state) {
    struct place *place = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    int r = system(command);
    free(place);
    return r;
}

static struct mq_outbox *open_box(const struct place *place) {
    struct mq_outbox *outbox = NULL;
    struct mq_outbox_rescue rescue;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_false(rescue.damaged);
    return outbox;
}

/* Keeps a message of `bytes` or a little more; its text is a row of `fill`. */
static int keep_kind(struct mq_outbox *outbox, enum mq_receipt_kind kind, int severity, size_t bytes, struct mq_uuid *id) {
    char text[MQ_UUID_TEXT];
    *id = mq_uuid_v7();
    mq_uuid_format(id, text);
    char *payload = malloc(bytes + 256);
    int n = sprintf(payload, "{\"v\":1,\"id\":\"%s\",\"observed_at\":\"2026-11-23T02:10:00+08:00\",\"text\":\"", text);
    size_t at = (size_t)n;
    while (at < bytes)
        payload[at++] = 'x';
    at += (size_t)sprintf(payload + at, "x\"}");
    struct mq_outbox_entry entry = { .id = *id, .kind = kind, .severity = severity, .kept_at_us = NOW, .payload = { payload, at } };
    int r = mq_outbox_keep(outbox, &entry);
    free(payload);
    return r;
}

static int keep(struct mq_outbox *outbox, int severity, size_t bytes, struct mq_uuid *id) {
    return keep_kind(outbox, MQ_RECEIPT_REPORT, severity, bytes, id);
}

static struct mq_uuid kept(struct mq_outbox *outbox, int severity) {
    struct mq_uuid id;
    assert_int_equal(keep(outbox, severity, 300, &id), 0);
    return id;
}

static void assert_next(struct mq_outbox *outbox, int64_t *taken, size_t *count, const struct mq_uuid *id) {
    struct mq_outbox_entry entry;
    assert_int_equal(mq_outbox_next(outbox, NOW, taken, *count, &entry), 1);
    assert_memory_equal(&entry.id, id, sizeof(*id));
    taken[(*count)++] = entry.key;
}

static size_t waiting(struct mq_outbox *outbox) {
    size_t waits, refused;
    assert_int_equal(mq_outbox_counts(outbox, &waits, &refused), 0);
    return waits;
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

static void fill(const struct place *place, size_t bytes) {
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id;
    assert_int_equal(mq_outbox_begin(outbox), 0);
    for (int i = 0; i < DAMAGED_REPORTS; i++)
        assert_int_equal(keep(outbox, 2, bytes, &id), 0);
    assert_int_equal(mq_outbox_commit(outbox), 0);
    mq_outbox_free(outbox);
}

/* The tables as they were while there was nothing but reports. */
#define OLD_TABLES                                                                                                                 \
    "create table owner (account text not null); insert into owner values ('bomei-001');"                                          \
    "create table waiting ("                                                                                                       \
    " key integer primary key autoincrement, id text not null unique, severity integer not null,"                                  \
    " kept_at integer not null, payload blob not null, traceparent text, digest blob not null,"                                    \
    " sends integer not null default 0, not_before integer not null default 0);"                                                   \
    "create index waiting_turn on waiting (severity desc, key);"                                                                   \
    "create table refused ("                                                                                                       \
    " key integer primary key autoincrement, id text not null unique, severity integer not null,"                                  \
    " kept_at integer not null, payload blob not null, traceparent text, digest blob not null,"                                    \
    " refused_at integer not null, path text, message text);"

/* Makes such a file, with what a new one beside it holds. */
static void make_old(const struct place *place, size_t bytes) {
    struct place newer = *place;
    char sql[512];
    snprintf(newer.file, sizeof(newer.file), "%s/new.db", place->folder);
    newer.options.path = newer.file;
    fill(&newer, bytes);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    snprintf(sql, sizeof(sql),
             "attach '%s' as new; insert into waiting (id, severity, kept_at, payload, traceparent, digest)"
             " select id, severity, kept_at, payload, traceparent, digest from new.waiting",
             newer.file);
    assert_int_equal(sqlite3_exec(db, OLD_TABLES, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
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
        cmocka_unit_test_setup_teardown(the_severe_go_first_then_the_old_and_unknown_counts_as_ordinary, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_postponed_report_waits_and_a_clock_set_back_does_not_hold_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_kept_is_there_after_closing_byte_for_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_goes_out_as_the_kind_that_it_was_kept_as, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_from_before_there_were_visits_and_answers_is_brought_up_to_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_from_before_is_rescued_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_found_without_the_beginning_of_the_file_keeps_its_kind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(taken_ones_are_deleted_and_refused_ones_keep_their_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_outbox_and_a_report_too_large_say_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_outbox_belongs_to_one_account_and_nobody_else_reads_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_said_to_be_kept_survives_sigkill, set_up, tear_down),
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
