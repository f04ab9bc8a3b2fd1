/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts on their way into the database: checked, with a new secret each. */
#ifndef MQ_ACCOUNT_H
#define MQ_ACCOUNT_H

#include "secret.h"

#include "common/buffer.h"

/* One account as a person gives it; NULL: not said. */
struct mq_account_input {
    const char *account, *role, *name, *area, *department, *unit, *phone;
};

struct mq_account_entry {
    char account[33];
    char secret[MQ_SECRET_LENGTH * 8]; /* new, or given: up to 128 characters */
    size_t line;
};

struct mq_account_batch {
    struct mq_buffer json; /* an array as account_store.sql wants it, without its last bracket */
    struct mq_account_entry *entries;
    size_t count, capacity;
};

/* Wipes the secrets. */
void mq_account_batch_deinit(struct mq_account_batch *batch);

/* Says in English what is wrong with the input; NULL: nothing. */
const char *mq_account_fault(const struct mq_account_input *input);

/* Adds an account that was checked, with a secret (NULL: a new one) and its hash. 0 or negative errno. */
MQ_MUST_CHECK int mq_account_add_entry(struct mq_account_batch *batch, const struct mq_account_input *input, const char *secret,
                                       size_t line);

/* Reads a file of tab-separated columns with a head line that names them: account and role, and any of name, area, department,
 * unit, phone; '-' or nothing is none. 0, or the exit status after a complaint for every line that is wrong. */
MQ_MUST_CHECK int mq_account_read_file(const char *path, struct mq_account_batch *batch);

#endif
