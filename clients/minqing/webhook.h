/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands of webhooks take for valid; the table checks the same. */
#ifndef MQ_MINQING_WEBHOOK_H
#define MQ_MINQING_WEBHOOK_H

#include "clients/common/options.h"

/* 3 to 32 of a–z, 0–9 and '-'. */
bool mq_webhook_name_valid(const char *name);

/* http or https, a host of plain letters (IPv6 in brackets), no user name, no fragment, nothing that would have to be escaped. */
bool mq_webhook_url_valid(const char *url);

#endif
