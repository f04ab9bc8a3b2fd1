/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: an outbox whose file was changed anywhere opens, as it was or rescued, or says why not; what it then would send
 * are reports. Input: changes of four bytes each, where (16 bits, as a share of the file), what, with which byte. */
#include "outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REPORTS 40

static char folder[64], file[96];
static char *good; /* the file as it was kept */
static size_t good_size;

static void require(bool truth) {
    if (!truth)
        abort();
}

static int each_name(int (*act)(const char *name)) {
    DIR *at = opendir(folder);
    require(at);
    char name[sizeof(file) + 256];
    for (struct dirent *entry; (entry = readdir(at));) {
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            act(name);
    }
    return closedir(at);
}

static void remove_all(void) {
    require(each_name(unlink) == 0);
}

static void remove_folder(void) {
    remove_all();
    rmdir(folder);
}

static int keep(struct mq_outbox *outbox, int number) {
    struct mq_outbox_entry entry = { .id = mq_uuid_v7(), .severity = 1 + number % 4, .kept_at_us = 1795000000000000LL };
    char text[MQ_UUID_TEXT], payload[6000];
    mq_uuid_format(&entry.id, text);
    int n = snprintf(payload, sizeof(payload), "{\"v\":1,\"id\":\"%s\",\"observed_at\":\"2026-11-23T02:10:00+08:00\",\"text\":\"%0*d\"}", text,
                     number % 5 == 0 ? 5000 : 100 + number, number);
    entry.payload = (struct mq_str){ payload, (size_t)n };
    return mq_outbox_keep(outbox, &entry);
}

static void set_up(const struct mq_outbox_options *options) {
    struct mq_outbox *outbox = NULL;
    require(mq_outbox_open(options, &outbox, NULL) == 0);
    for (int i = 0; i < REPORTS; i++)
        require(keep(outbox, i) == 0);
    mq_outbox_free(outbox);
    FILE *from = fopen(file, "rb");
    require(from && fseek(from, 0, SEEK_END) == 0);
    good_size = (size_t)ftell(from);
    rewind(from);
    good = malloc(good_size);
    require(good && fread(good, 1, good_size, from) == good_size);
    fclose(from);
}

/* Writes the changed file. */
static void change(const uint8_t *data, size_t size) {
    char *bytes = calloc(1, good_size);
    size_t n = good_size;
    require(bytes);
    memcpy(bytes, good, n);
    for (size_t i = 0; i + 4 <= size && n > 0; i += 4) {
        size_t at = ((size_t)data[i] << 8 | data[i + 1]) * n >> 16;
        size_t room = n - at, run = room < 512 ? room : 512;
        switch (data[i + 2] % 5) {
        case 0: bytes[at] = (char)data[i + 3]; break;
        case 1: bytes[at] = (char)(bytes[at] ^ data[i + 3]); break;
        case 2: memset(bytes + at, data[i + 3], run); break;
        case 3: memmove(bytes + at, bytes + (size_t)data[i + 3] * (n - run) / 256, run); break;
        default: n = data[i + 3] == 7 ? at : n; /* rarely, as it ends most of what could come */
        }
    }
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
    close(fd);
    free(bytes);
}

static int look(void *userdata, const struct mq_outbox_entry *entry) {
    (void)userdata;
    require(entry->payload.n > 0 && entry->kind <= MQ_RECEIPT_ANSWER && !mq_uuid_is_nil(&entry->id));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const struct mq_outbox_options options = { file, "bomei-001", 1000, 65536 };
    if (!good) {
        const char *tmp = getenv("TMPDIR");
        snprintf(folder, sizeof(folder), "%s/fuzz-outbox-XXXXXX", tmp ? tmp : "/tmp");
        require(mkdtemp(folder));
        snprintf(file, sizeof(file), "%s/outbox", folder);
        atexit(remove_folder);
        set_up(&options);
    }
    remove_all();
    change(data, size);
    struct mq_outbox *outbox = NULL;
    struct mq_outbox_rescue rescue;
    if (mq_outbox_open(&options, &outbox, &rescue) == 0) {
        require(!rescue.damaged || access(rescue.kept_as, F_OK) == 0);
        /* what opening does not see may be found when it is used */
        int waiting = mq_outbox_each(outbox, false, look, NULL), refused = mq_outbox_each(outbox, true, look, NULL);
        require((waiting == 0 || waiting == -EUCLEAN) && (refused == 0 || refused == -EUCLEAN));
        int kept = keep(outbox, 1);
        require(kept == 0 || kept == -EUCLEAN);
    }
    mq_outbox_free(outbox);
    return 0;
}
