/* SPDX-License-Identifier: Apache-2.0 */
/* Writing files so that they are whole. */
#ifndef MQ_FILE_H
#define MQ_FILE_H

#include "common/base.h"

/* Writes all of the text and syncs it. 0 or negative errno. */
MQ_MUST_CHECK int mq_file_write(int fd, struct mq_str text);

/* For MQ_CLEANUP: closes where *fd is one. */
void mq_file_close(int *fd);

#endif
