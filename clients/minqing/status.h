/* SPDX-License-Identifier: Apache-2.0 */
/* What minqing status shows: read in status.c, explained in status_why.c, written in status_show.c. */
#ifndef MQ_STATUS_H
#define MQ_STATUS_H

#include "health.h"

#include <libpq-fe.h>

#define MQ_STAGES 8

/* One reason why rows wait, and what to do about it. */
struct mq_why {
    const char *code; /* of --json */
    const char *said; /* Chinese, then English */
    const char *action;
};

/* What an instance says of itself that somebody should know. */
struct mq_note {
    const struct mq_why *why;
    int64_t count; /* in the last five to ten minutes; 0: no matter of a count */
    bool fault;    /* not well */
};
#define MQ_NOTES 4

/* One stage: what it has not handled of what its predecessor has. */
struct mq_behind {
    const char *stage, *service; /* as in status_stages.sql; point into its result */
    int64_t rows, oldest_s;      /* oldest_s -1: none */
    int64_t rejections;          /* of its service, in the last hour */
    const struct mq_why *why;    /* NULL: not behind */
};

/* What the broker says of itself; -1: it did not. */
struct mq_broker_figures {
    int64_t dropped, stored, connected;
};

/* Columns of status_database.sql. */
enum {
    MQ_DB_CONNECTIONS, MQ_DB_MAX_CONNECTIONS, MQ_DB_LONGEST_S, MQ_DB_LONGEST_OF, MQ_DB_LONGEST_PID, MQ_DB_WAITING, MQ_DB_BLOCKED_BY,
    MQ_DB_NOTIFIER_LOCK, MQ_DB_STANDBYS, MQ_DB_LAG, MQ_DB_SLOT, MQ_DB_ARCHIVER, MQ_DB_FOLDER, MQ_DB_SIZE, MQ_DB_WEBHOOKS, MQ_DB_JSON
};

/* Columns of status.sql. */
enum {
    MQ_COUNT_UNCLASSIFIED, MQ_COUNT_UNDISPATCHED, MQ_COUNT_UNANNOUNCED, MQ_COUNT_WAITING, MQ_COUNT_REVIEWS, MQ_COUNT_REJECTIONS,
    MQ_COUNT_REPORTS, MQ_COUNT_UNDELIVERED, MQ_COUNT_SCHEMA, MQ_COUNT_SIZE, MQ_COUNT_JSON
};

struct mq_screen {
    struct mq_health_set health;
    struct mq_broker_figures figures;
    struct mq_behind stages[MQ_STAGES];
    size_t stage_count;
    PGresult *counts, *stage_rows, *database_row; /* NULL: not read */
    bool broker, database;
};

/* "minqing" in ASCII: the lock that the active notifier holds. */
#define MQ_NOTIFIER_LOCK "30796695531515495"

/* A row is behind once it is older than what the messages are still carrying and two sweeps bring. */
#define MQ_BEHIND_S 15

/* Reads what the broker and the services say, and what the tables say. 0, or the exit status after a complaint. */
int mq_screen_read_broker(struct mq_screen *screen, struct mq_client *client);
int mq_screen_read_database(struct mq_screen *screen, PGconn *reader, PGconn *admin);
void mq_screen_deinit(struct mq_screen *screen);

/* Finds why each stage is behind. */
void mq_screen_explain(struct mq_screen *screen);
/* Those of an instance; how many. */
size_t mq_notes_of(const struct mq_instance *instance, struct mq_note out[MQ_NOTES]);
bool mq_screen_well(const struct mq_screen *screen);

/* Free bytes and inodes of the file system of a folder, in per cent, and free bytes. false: it cannot be seen from here. */
bool mq_disk_free(const char *folder, int *bytes_percent, int *inodes_percent, int64_t *bytes);

void mq_screen_text(const struct mq_screen *screen, bool colour);
void mq_screen_json(const struct mq_screen *screen);

#endif
