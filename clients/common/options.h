/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines as tables: letter, name, type, target, help. Parsing, --help and the faults come from the same table. Options
 * and words may be mixed; "--" ends the options; "-" is a word. */
#ifndef MQ_OPTIONS_H
#define MQ_OPTIONS_H

#include "common/base.h"

#define MQ_OPTION_ITEMS 32 /* of one list */

/* Exit status of every program for people. */
enum mq_exit {
    MQ_EXIT_GOOD = 0,
    MQ_EXIT_FAILED = 1,      /* refused, not found, or a service is down */
    MQ_EXIT_USAGE = 2,
    MQ_EXIT_UNREACHABLE = 3, /* broker or database */
    MQ_EXIT_DENIED = 4,
    MQ_EXIT_TIMEOUT = 5,
    MQ_EXIT_DATA = 6,        /* invalid data */
};

enum mq_option_type {
    MQ_OPTION_TEXT,    /* const char *, points into argv */
    MQ_OPTION_WORD,    /* the same, and one of `words` */
    MQ_OPTION_LIST,    /* struct mq_option_list: may be given several times */
    MQ_OPTION_FLAG,    /* bool */
    MQ_OPTION_INTEGER, /* int64_t, min..max */
    MQ_OPTION_SECONDS, /* int64_t milliseconds, written in seconds, 2.5 is allowed; min..max in milliseconds */
};

/* What was given, in order; points into argv. */
struct mq_option_list {
    const char *items[MQ_OPTION_ITEMS];
    size_t count;
};

struct mq_option {
    char letter;      /* 0: only the long form */
    const char *name; /* without the dashes */
    enum mq_option_type type;
    void *target;     /* left alone where the option is not given */
    const char *argument; /* what --help calls the value; NULL for flags */
    const char *help;
    int64_t min, max;
    const char *const *words; /* its values, ended by NULL, for completion too; NULL: not known */
};

/* One command: "minqing review decide", its words, what it does. */
struct mq_command_line {
    const char *program;             /* as typed, with noun and verb */
    const char *words;               /* "REPORT", "" for none */
    const char *help;                /* one line or more */
    const struct mq_option *options; /* ends with name NULL */
    const struct mq_option *shared;  /* more of them under their own heading, such as MQ_CLIENT_OPTIONS; may be NULL */
    size_t words_min, words_max;
    const char *const *word_values; /* what the words can be, ended by NULL, for completion; NULL: not known */
};

/* Reads argv[1…]. Words are moved to argv[1…*words]; -1 to go on, else the exit status (0 after --help, 2 after a fault was
 * printed). */
MQ_MUST_CHECK int mq_options_parse(const struct mq_command_line *line, int argc, char **argv, size_t *words);

/* From now on mq_options_parse reads nothing: it hands every command line to `visit` and returns MQ_EXIT_GOOD. So the command's own
 * table can be listed by calling the command. `visit` NULL: parse again. */
void mq_options_describe(void (*visit)(void *userdata, const struct mq_command_line *line), void *userdata);

/* Prints "program: text" as one line on standard error, control characters made harmless. Returns `status`, so that a command
 * ends with `return mq_complain(MQ_EXIT_FAILED, …)`. */
int mq_complain(int status, const char *format, ...) MQ_PRINTF(2, 3);

#endif
