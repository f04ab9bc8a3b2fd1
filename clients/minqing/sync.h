/* SPDX-License-Identifier: Apache-2.0 */
/* The broker's account files, written from the table accounts. */
#ifndef MQ_SYNC_H
#define MQ_SYNC_H

#include <libpq-fe.h>
#include <stdbool.h>

/* Writes password_file and acl_file of section [broker] where they differ, then tells the broker (SIGHUP). One writer at a time;
 * whoever comes last writes the last state. Where password_file is not set it says so, and nothing is changed. 0, or the exit
 * status after a complaint. */
int mq_sync(PGconn *connection, bool *configured);

/* Do the files say what the table says? */
enum mq_in_step { MQ_IN_STEP, MQ_OUT_OF_STEP, MQ_NOT_CONFIGURED, MQ_NOT_READABLE };
/* Looks; changes nothing. `file` gets the name of the one that differs or cannot be read, `pid_file` the broker's ("": not set). */
enum mq_in_step mq_sync_look(PGconn *connection, const char *config, char *file, char *pid_file, size_t size);

/* The two files' texts. 0 or negative errno. */
struct mq_buffer;
int mq_sync_texts(const PGresult *accounts, struct mq_buffer *passwords, struct mq_buffer *acl);

#endif
