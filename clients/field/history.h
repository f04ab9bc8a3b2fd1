/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a simulation: what became of each report, for whoever judges whether anything was lost. */
#ifndef MQ_HISTORY_H
#define MQ_HISTORY_H

#include "fleet.h"

/* Writes one JSON object a line and report: id, device, severity, sends, and sent, taken (the broker's first PUBACK), receipt_at,
 * delivered (milliseconds since 1970; null: not), receipt (accepted, duplicate, rejected or null), where (case, joined, review or
 * null). Negative errno. */
MQ_MUST_CHECK int mq_history_write(const struct mq_fleet *fleet, const char *path);

#endif
