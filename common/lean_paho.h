/* SPDX-License-Identifier: Apache-2.0 */
/* What the lean Paho does beside Paho's own. Another Paho does nothing of it (plain_paho.c). */
#ifndef MQ_LEAN_PAHO_H
#define MQ_LEAN_PAHO_H

#include <stdbool.h>

/* While on, Paho's thread sleeps a moment (0.3 ms) when something has come on this socket, and then takes all that is there: answers that
 * nobody waits for one by one. Of use only while so many are out that the broker has enough to do meanwhile. */
void mq_lean_paho_nap(int fd, bool on);

#endif
