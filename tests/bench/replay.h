/* SPDX-License-Identifier: Apache-2.0 */
/* The service of the bound: answers each report with the messages that minqing was seen to send for one, of the same sizes and kinds,
 * with no work in between. */
#ifndef MQ_BENCH_REPLAY_H
#define MQ_BENCH_REPLAY_H

#include "people.h"

/* Serves until `seconds` have passed or SIGTERM came. `profile`: a file of lines `report what department bytes`, see profile.sql. Prints
 * "ready" once it listens. 0, negative errno, or a reason code of the broker. */
MQ_MUST_CHECK int replay_run(const struct people *people, int port, const char *county, const char *profile, int64_t us);

#endif
