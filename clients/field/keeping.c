/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox as the commands use it. */
#include "keeping.h"

#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Writes the entry of a new folder in the one above it to the disk. */
static int sync_above(const char *folder) {
    char above[4000];
    const char *slash = strrchr(folder, '/');
    snprintf(above, sizeof(above), "%.*s", (int)(slash > folder ? slash - folder : 1), folder);
    int fd = open(slash ? above : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return r;
}

/* Every folder above the file, private to the user. SQLite writes the file's own entry to the disk, nobody but us those above it. */
static int make_folders(const char *file) {
    char folder[4000];
    int r = 0;
    snprintf(folder, sizeof(folder), "%s", file);
    for (char *slash = strchr(folder + 1, '/'); slash && r == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(folder, 0700) == 0)
            r = sync_above(folder);
        else if (errno != EEXIST)
            r = -errno;
        *slash = '/';
    }
    return r;
}

static int find_file(struct mq_keeping *keeping, const char *account) {
    const char *named = keeping->path ? keeping->path : getenv("MINQING_OUTBOX");
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (named && *named)
        n = snprintf(keeping->file, sizeof(keeping->file), "%s", named);
    else if (state && *state == '/')
        n = snprintf(keeping->file, sizeof(keeping->file), "%s/minqing/outbox-%s.db", state, account);
    else if (home && *home)
        n = snprintf(keeping->file, sizeof(keeping->file), "%s/.local/state/minqing/outbox-%s.db", home, account);
    else
        return mq_complain(MQ_EXIT_USAGE, "待发箱放哪里？ where is the outbox? --outbox FILE, MINQING_OUTBOX or HOME");
    if (n >= (int)sizeof(keeping->file))
        return mq_complain(MQ_EXIT_USAGE, "--outbox: 名称太长 the name is too long");
    int r = make_folders(keeping->file);
    return r < 0 ? mq_keeping_explain(keeping, r) : 0;
}

int mq_keeping_explain(const struct mq_keeping *keeping, int error) {
    const char *file = keeping->file;
    switch (-error) {
    case ENOSPC:
        return mq_complain(MQ_EXIT_FAILED,
                           "待发箱或磁盘已满，这条没有存下 / outbox or disk full, nothing was kept: %s; 先发出 send what waits: "
                           "minqing-field flush",
                           file);
    case EMSGSIZE:
        return mq_complain(MQ_EXIT_DATA, "这条太大，没有存下 / the message is too large and was not kept; at most %lld bytes",
                           (long long)keeping->max_bytes);
    case EUSERS:
        return mq_complain(MQ_EXIT_USAGE,
                           "待发箱 %s 属于另一个账号 / the outbox belongs to another account: choose another --outbox or -u", file);
    case EBUSY:
        return mq_complain(MQ_EXIT_FAILED, "待发箱 %s 正被占用 / the outbox is in use by another program: try again", file);
    case EUCLEAN:
        return mq_complain(MQ_EXIT_FAILED,
                           "待发箱 %s 已损坏 / the outbox was damaged meanwhile: run again, what can be read is rescued", file);
    default:
        return mq_complain(MQ_EXIT_FAILED, "待发箱 %s: %s / cannot use the outbox", file, strerror(-error));
    }
}

static int open_box(struct mq_keeping *keeping, const char *account) {
    if (!account || !mq_topic_account_valid(mq_str(account)))
        return mq_complain(MQ_EXIT_USAGE, "哪个账号？ which account? -u ACCOUNT 或 or MINQING_DEVICE_USER (a-z, 0-9, -)");
    int status = find_file(keeping, account);
    if (status != 0)
        return status;
    struct mq_outbox_options options = { keeping->file, account, keeping->max_reports, keeping->max_bytes };
    struct mq_outbox_rescue rescue;
    int r = mq_outbox_open(&options, &keeping->outbox, &rescue);
    if (r < 0)
        return mq_keeping_explain(keeping, r);
    if (rescue.damaged)
        mq_ignore(mq_complain(0,
                              "待发箱已损坏：救回 %zu 条，读不出 %zu 条，无法核实 %zu 条，原文件留作 %s / the outbox was damaged: "
                              "%zu messages rescued, %zu unreadable, %zu not proven whole (minqing-field list), the old file was kept",
                              rescue.rescued, rescue.unreadable, rescue.unproven, rescue.kept_as, rescue.rescued, rescue.unreadable,
                              rescue.unproven));
    return 0;
}

int mq_keeping_run(const struct mq_keeping_command *command, int argc, char **argv) {
    struct mq_keeping *keeping = command->keeping;
    size_t words;
    int status = mq_options_parse(command->line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_client_login(command->login, MQ_CLIENT_DEVICE);
    if (status == 0)
        status = open_box(keeping, command->login->user);
    if (status == 0)
        status = command->work(command->userdata, argv + 1, words);
    mq_outbox_free(keeping->outbox);
    keeping->outbox = NULL;
    mq_client_login_deinit(command->login);
    return status;
}

int mq_keeping_turn(const struct mq_keeping *keeping, int64_t until_us) {
    char name[4096];
    snprintf(name, sizeof(name), "%s.sending", keeping->file);
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;
    while (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            r = -errno;
        else if (mq_client_stopping())
            r = -EINTR;
        else if (mq_clock_monotonic_us() >= until_us)
            r = -ETIMEDOUT;
        else
            (void)poll(NULL, 0, 50);
    }
    if (r == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return r;
}

static int next(void *userdata, const int64_t *taken, size_t count, struct mq_waiting *out) {
    struct mq_keeping *keeping = userdata;
    struct mq_outbox_entry entry;
    int r = mq_outbox_next(keeping->outbox, mq_clock_now_us(), taken, count, &entry);
    if (r == 1)
        *out = (struct mq_waiting){ entry.key, entry.id, entry.severity, entry.sends };
    return r;
}

static int read_one(void *userdata, int64_t key, struct mq_letter *out) {
    struct mq_keeping *keeping = userdata;
    struct mq_outbox_entry entry;
    int r = mq_outbox_read(keeping->outbox, key, &entry);
    if (r == 1)
        *out = (struct mq_letter){ entry.kind, entry.payload, entry.traceparent };
    return r;
}

static int put_back(void *userdata, const struct mq_flight *flight, int64_t for_us) {
    struct mq_keeping *keeping = userdata;
    int r = mq_outbox_postpone(keeping->outbox, &flight->id, flight->sends, mq_clock_now_us() + for_us);
    return r < 0 ? r : 0;
}

const struct mq_source mq_keeping_source = { next, read_one, put_back, NULL };
