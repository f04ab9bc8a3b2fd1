/* SPDX-License-Identifier: Apache-2.0 */
/* Paho as it is. */
#include "lean_paho.h"

void mq_lean_paho_nap(int fd, bool on) {
    (void)fd;
    (void)on;
}
