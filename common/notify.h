/* SPDX-License-Identifier: Apache-2.0 */
/* Word to the service manager: systemd's sd_notify where the build found it, else nothing. */
#ifndef MQ_NOTIFY_H
#define MQ_NOTIFY_H

/* "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=…". */
void mq_notify(const char *state);

#endif
