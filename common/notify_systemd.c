/* SPDX-License-Identifier: Apache-2.0 */
/* Word to systemd. */
#include "notify.h"

#include <systemd/sd-daemon.h>

void mq_notify(const char *state) { (void)sd_notify(0, state); }
