/* SPDX-License-Identifier: Apache-2.0 */
/* Drills by files in a folder: the process that removes the file of a point is the one that ends there. */
#include "drill.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* false: no drill is under way. */
static bool path_of(const char *name, char *path, size_t size) {
    const char *folder = getenv("MINQING_DRILL_FOLDER");
    return folder && (size_t)snprintf(path, size, "%s/%s", folder, name) < size;
}

void mq_drill_point(enum mq_drill_point point) {
    char name[80], path[4096];
    snprintf(name, sizeof(name), "%.64s.%d", program_invocation_short_name, (int)point);
    if (path_of(name, path, sizeof(path)) && unlink(path) == 0)
        raise(SIGKILL);
}

bool mq_drill_without(enum mq_defence defence) {
    static const char *const names[] = {
        [MQ_DEFENCE_COMMIT_FIRST] = "without.commit_first", [MQ_DEFENCE_RESEND] = "without.resend",
        [MQ_DEFENCE_UNIQUENESS] = "without.uniqueness",     [MQ_DEFENCE_BACKLOG] = "without.backlog",
        [MQ_DEFENCE_REANNOUNCE] = "without.reannounce",
    };
    char path[4096];
    return path_of(names[defence], path, sizeof(path)) && access(path, F_OK) == 0;
}
