/* SPDX-License-Identifier: Apache-2.0 */
/* An outbox in a folder of its own, for the stories of test_outbox.c and test_outbox_rescue.c. */
#ifndef MQ_OUTBOX_PLACE_H
#define MQ_OUTBOX_PLACE_H

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

struct place {
    char folder[64], file[96];
    struct mq_outbox_options options;
};

static inline int set_up(void **state) {
    struct place *place = calloc(1, sizeof(*place));
    snprintf(place->folder, sizeof(place->folder), "/tmp/minqing-outbox-XXXXXX");
    if (!mkdtemp(place->folder))
        return free(place), -1;
    snprintf(place->file, sizeof(place->file), "%s/outbox.db", place->folder);
    place->options = (struct mq_outbox_options){ place->file, "bomei-001", 10000, 65536 };
    *state = place;
    return 0;
}

static inline int tear_down(void **state) {
    struct place *place = *state;
    char command[128];
    snprintf(command, sizeof(command), "rm -rf '%s'", place->folder);
    int r = system(command);
    free(place);
    return r;
}

static inline struct mq_outbox *open_box(const struct place *place) {
    struct mq_outbox *outbox = NULL;
    struct mq_outbox_rescue rescue;
    assert_int_equal(mq_outbox_open(&place->options, &outbox, &rescue), 0);
    assert_false(rescue.damaged);
    return outbox;
}

/* Keeps a message of `bytes` or a little more; its text is a row of `fill`. */
static inline int keep_kind(struct mq_outbox *outbox, enum mq_receipt_kind kind, int severity, size_t bytes, struct mq_uuid *id) {
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

static inline int keep(struct mq_outbox *outbox, int severity, size_t bytes, struct mq_uuid *id) {
    return keep_kind(outbox, MQ_RECEIPT_REPORT, severity, bytes, id);
}

static inline struct mq_uuid kept(struct mq_outbox *outbox, int severity) {
    struct mq_uuid id;
    assert_int_equal(keep(outbox, severity, 300, &id), 0);
    return id;
}

static inline size_t waiting(struct mq_outbox *outbox) {
    size_t waits, refused;
    assert_int_equal(mq_outbox_counts(outbox, &waits, &refused), 0);
    return waits;
}

static inline void fill(const struct place *place, size_t bytes) {
    struct mq_outbox *outbox = open_box(place);
    struct mq_uuid id;
    assert_int_equal(mq_outbox_begin(outbox), 0);
    for (int i = 0; i < DAMAGED_REPORTS; i++)
        assert_int_equal(keep(outbox, 2, bytes, &id), 0);
    assert_int_equal(mq_outbox_commit(outbox), 0);
    mq_outbox_free(outbox);
}

/* Makes such a file, with what a new one beside it holds. */
static inline void make_old(const struct place *place, size_t bytes) {
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

#endif
