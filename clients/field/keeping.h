/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox as the commands use it: what all of them do first and last, where the file is, faults said in words, and as a source of
 * messages for the courier. */
#ifndef MQ_KEEPING_H
#define MQ_KEEPING_H

#include "client.h"
#include "courier.h"
#include "outbox.h"

struct mq_keeping {
    const char *path; /* --outbox; NULL: MINQING_OUTBOX, else a file of the account in the user's state folder */
    int64_t max_reports, max_bytes;
    struct mq_outbox *outbox;
    char file[4000]; /* the path in use */
};

/* Rows of a struct mq_option table. */
/* clang-format off */
#define MQ_KEEPING_OPTIONS(keeping)                                                                                             \
    { 0, "outbox", MQ_OPTION_TEXT, &(keeping)->path, "FILE", "待发箱文件 file of the outbox (MINQING_OUTBOX)", 0, 0 },              \
    { 0, "outbox-reports", MQ_OPTION_INTEGER, &(keeping)->max_reports, "N", "最多存几条 messages it holds (10000)", 1, 1000000 },     \
    { 0, "outbox-bytes", MQ_OPTION_INTEGER, &(keeping)->max_bytes, "N", "每条最多字节 bytes of one message (65536)", 256, 65536 }
/* clang-format on */
#define MQ_KEEPING_DEFAULTS                                                                                                        \
    { .max_reports = 10000, .max_bytes = 65536 }

/* A command over an outbox. */
struct mq_keeping_command {
    const struct mq_command_line *line;
    struct mq_keeping *keeping;
    struct mq_client_login *login;
    /* Between opening and closing; `words` are those of the command line. The exit status. */
    int (*work)(void *userdata, char **words, size_t count);
    void *userdata;
};

/* Reads the command line, account and password, opens the account's outbox and says what had to be rescued, works, closes. The exit
 * status. */
MQ_MUST_CHECK int mq_keeping_run(const struct mq_keeping_command *command, int argc, char **argv);

/* Says in words what failed with the outbox, and returns the exit status for it. */
int mq_keeping_explain(const struct mq_keeping *keeping, int error);

/* Lets one process at a time send what is in the file, because an account has one connection. Waits until `until_us` (monotonic).
 * A file descriptor that holds the turn until it is closed; -ETIMEDOUT, -EINTR, other negative errno. */
MQ_MUST_CHECK int mq_keeping_turn(const struct mq_keeping *keeping, int64_t until_us);

/* userdata: struct mq_keeping. */
extern const struct mq_source mq_keeping_source;

#endif
