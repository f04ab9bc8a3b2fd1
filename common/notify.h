/* SPDX-License-Identifier: Apache-2.0 */
/* Word to the service manager: one datagram to the socket that systemd names in NOTIFY_SOCKET (its protocol is public and stable, and
 * needs no library). */
#ifndef MQ_NOTIFY_H
#define MQ_NOTIFY_H

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". Nothing where nobody asked for it. Any thread. */
void mq_notify(const char *state);

#endif
