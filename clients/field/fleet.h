/* SPDX-License-Identifier: Apache-2.0 */
/* The officers of a simulation: accounts, a connection each, and reports that wait in memory for their turn. */
#ifndef MQ_FLEET_H
#define MQ_FLEET_H

#include "client.h"
#include "courier.h"
#include "tally.h"

#define MQ_FLEET_MAX 1000

struct mq_officer {
    char account[33];
    char *secret; /* owned, wiped */
    struct mq_bus *bus;
    struct mq_courier courier;
    struct mq_fleet *fleet;
    struct {
        int32_t head, tail;
    } turns[4];        /* by severity, oldest first; -1 none */
    int32_t postponed; /* a list; -1 none */
    int64_t wake_us;   /* when it is to be turned next */
};

/* Of each report, while it waits. */
struct mq_queued {
    int32_t next;
    bool linked;
    unsigned sends;
    int64_t not_before_us; /* monotonic */
};

struct mq_fleet {
    struct mq_officer *officers;
    size_t count;
    struct mq_queued *queue; /* one a report */
    struct mq_tally *tally;
};

/* Reads the first `count` accounts of the file (account<TAB>secret a line). 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_fleet_init(struct mq_fleet *fleet, const char *file, size_t count, struct mq_tally *tally);
void mq_fleet_deinit(struct mq_fleet *fleet);

/* Makes the connections, one after the other; each arrival goes to `arrived`. 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_fleet_connect(struct mq_fleet *fleet, const struct mq_client_login *login,
                                   void (*arrived)(void *userdata, const struct mq_arrival *arrival), void *userdata);

/* The report's time has come. */
void mq_fleet_release(struct mq_fleet *fleet, size_t index);
/* Not now, in `for_us`. */
void mq_fleet_postpone(struct mq_fleet *fleet, size_t index, int64_t for_us);
/* Its receipt came. */
void mq_fleet_land(struct mq_fleet *fleet, size_t index);
/* Writes down in the trails what is known of those that have no receipt yet. */
void mq_fleet_note(struct mq_fleet *fleet);
/* Turns every officer that has something to do; returns when the next one has (monotonic). */
int64_t mq_fleet_turn(struct mq_fleet *fleet, int64_t now_us);

uint64_t mq_fleet_resent(const struct mq_fleet *fleet);

#endif
