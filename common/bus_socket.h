/* SPDX-License-Identifier: Apache-2.0 */
/* What Paho does not offer: its socket, and when that sends. For bus.c. */
#ifndef MQ_BUS_SOCKET_H
#define MQ_BUS_SOCKET_H

#include "base.h"

/* Sets TCP_NODELAY on every socket of this process whose peer has the broker's port; returns how many. *fd is the one, -1 where there are
 * several connections, of which we cannot tell ours. */
int mq_bus_socket(int64_t port, int *fd);

/* Gathers what is written until it is told not to (the kernel's own limit is 200 ms). False: it does not. */
bool mq_bus_socket_cork(int fd, bool on);

/* Has another whole message of up to 2 KiB arrived that Paho has not taken yet? False where TLS hides it. */
bool mq_bus_socket_waiting(int fd);

#endif
