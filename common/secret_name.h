/* SPDX-License-Identifier: Apache-2.0 */
/* Names at the broker that only those can know who know a password. A broker like Mosquitto lets every account connect with any client
 * id, which ends whoever has it, and join any share group; and what waited for a session that another account takes over is gone. */
#ifndef MQ_SECRET_NAME_H
#define MQ_SECRET_NAME_H

#include "base.h"

#define MQ_SECRET_NAME 160

/* "{name}-" and 16 hex digits that follow from `use`, name and password (NULL: none): the same wherever the password is the same. A name
 * of more than 100 bytes is cut. */
void mq_secret_name(const char *use, const char *name, const char *password, char out[MQ_SECRET_NAME]);

#endif
