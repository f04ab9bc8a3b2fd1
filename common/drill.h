/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests' drills do inside a program: end it at a numbered point, or take out one of its defences to see that this is noticed.
 * Only in a build with the option `drills` (drill_armed.c); in every other nothing happens (drill_none.c). A drill arms a point by
 * making the file PROGRAM.POINT (minqing-ingest.3) in the folder that MINQING_DRILL_FOLDER names; the process that takes it away ends.
 * A defence is out while the file without.NAME is there. */
#ifndef MQ_DRILL_H
#define MQ_DRILL_H

#include "base.h"

enum mq_drill_point {
    MQ_DRILL_ARRIVED = 1, /* in the arrival callback, the message is in the inbox */
    MQ_DRILL_STATEMENT,   /* the statement is sent, its answer not here */
    MQ_DRILL_COMMITTED,   /* committed, nothing of it published */
    MQ_DRILL_SPEAKING,    /* about to publish what was committed: a receipt, a reply, a line of the stream */
    MQ_DRILL_CONFIRMING,  /* published and answered, not confirmed */
};

enum mq_defence {
    MQ_DEFENCE_COMMIT_FIRST, /* "commit_first": the receipt comes after the commit */
    MQ_DEFENCE_RESEND,       /* "resend": what has no receipt is sent again */
    MQ_DEFENCE_UNIQUENESS,   /* "uniqueness": the same id is stored once */
    MQ_DEFENCE_BACKLOG,      /* "backlog": sweeps bring what no message brought */
    MQ_DEFENCE_REANNOUNCE,   /* "reannounce": after a connection everything live is announced again */
};

/* Ends the process by SIGKILL if the point is armed. */
void mq_drill_point(enum mq_drill_point point);

/* Is this defence taken out? */
bool mq_drill_without(enum mq_defence defence);

#endif
