/* SPDX-License-Identifier: Apache-2.0 */
/* Bash completion made from the tables of commands and options themselves, so that it cannot lag behind them. */
#ifndef MQ_COMPLETION_H
#define MQ_COMPLETION_H

#include "common/base.h"

struct mq_completion_command {
    const char *noun, *verb; /* verb NULL: the noun is the command */
    int (*run)(int argc, char **argv);
};

/* Prints the script for `program` on standard output: nouns, verbs, options, and values of options and words whose values are
 * known. Every command is called once, to describe its options. The exit status. */
int mq_completion_bash(const char *program, const struct mq_completion_command *commands, size_t count);

#endif
