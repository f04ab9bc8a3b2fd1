/* SPDX-License-Identifier: Apache-2.0 */
/* Writing files so that they are whole. */
#include "file.h"

#include <errno.h>
#include <unistd.h>

int mq_file_write(int fd, struct mq_str text) {
    while (text.n > 0) {
        ssize_t n = write(fd, text.s, text.n);
        if (n < 0 && errno != EINTR)
            return -errno;
        text.s += n > 0 ? n : 0;
        text.n -= n > 0 ? (size_t)n : 0;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

void mq_file_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
}
