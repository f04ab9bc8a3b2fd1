/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts of a measurement, from a file of role, account, password and a head line. */
#ifndef MQ_BENCH_PEOPLE_H
#define MQ_BENCH_PEOPLE_H

#include "wire.h"

struct person {
    char role[16], account[40], password[160];
};

struct people {
    struct person *list; /* owned */
    size_t count;
};

/* 0 or negative errno. */
MQ_MUST_CHECK int people_read(struct people *people, const char *path);
void people_deinit(struct people *people);

/* Account of the nth (from 0) of a role, NULL where there are fewer. */
const char *people_account(const struct people *people, const char *role, size_t n);

/* Connects the nth (from 0) of a role under a client id made of its account. 0, negative errno, -ENOENT where there are fewer, or a
 * reason code. */
MQ_MUST_CHECK int people_connect(const struct people *people, const char *role, size_t n, int port, struct wire *wire);

#endif
