/* SPDX-License-Identifier: Apache-2.0 */
/* A damaged outbox, systematically: every page of the file is damaged in every way, and each time all messages whose bytes are whole
 * come back as they were kept, nothing else does, and the damaged file stays beside the new one. MINQING_SEED chooses the bits that
 * are flipped; it is printed. */
#include "outbox.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW 1795000000000000LL
#define MESSAGES 60
#define PAGE 4096

/* What was kept, and where its bytes lie in the file where they lie in one piece. */
struct message {
    struct mq_uuid id;
    enum mq_receipt_kind kind;
    char *payload;
    size_t n;
    size_t at; /* SIZE_MAX: deleted */
    bool settled, refused;
    bool back;
};

static struct message messages[MESSAGES];
static char folder[64], file[96];
static char *good;
static size_t good_size;
static uint64_t seed;

static uint64_t next_random(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static struct mq_outbox_options options(void) {
    return (struct mq_outbox_options){ file, "bomei-001", 10000, 65536 };
}

/* Texts that no other message has, so that a piece of one is not found in another. */
static size_t write_payload(const struct message *m, size_t number, char *out, size_t room) {
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&m->id, id);
    size_t n = 0, length = number % 7 == 0 ? 9000 : number % 3 == 0 ? 1500 : 60 + number;
    if (m->kind == MQ_RECEIPT_ANSWER)
        n = (size_t)snprintf(out, room, "{\"v\":1,\"id\":\"%s\",\"task\":\"%s\",\"answer\":\"result\",\"at\":\"2026-11-23T02:10:00+08:00\",\"note\":\"", id, id);
    else
        n = (size_t)snprintf(out, room, "{\"v\":1,\"id\":\"%s\",\"observed_at\":\"2026-11-23T02:10:00+08:00\",\"%s\":\"", id,
                             m->kind == MQ_RECEIPT_VISIT ? "service\":\"settled\",\"text" : "text");
    length = m->kind == MQ_RECEIPT_REPORT || length < 1500 ? length : 1500;
    length = length > 3600 ? 3600 : length; /* a page holds it in one piece */
    for (size_t i = 0; i < length; i += 8)
        n += (size_t)snprintf(out + n, room - n, "%03zu-%04zu", number, i);
    return n + (size_t)snprintf(out + n, room - n, "\"}");
}

static void keep(struct mq_outbox *outbox, size_t number) {
    struct message *m = &messages[number];
    m->id = mq_uuid_v7();
    m->kind = (enum mq_receipt_kind)(number % 5 < 3 ? MQ_RECEIPT_REPORT : number % 5 == 3 ? MQ_RECEIPT_VISIT : MQ_RECEIPT_ANSWER);
    m->payload = malloc(16384);
    m->n = write_payload(m, number, m->payload, 16384);
    struct mq_outbox_entry entry = { .id = m->id, .kind = m->kind, .severity = (int)(number % 4) + 1, .kept_at_us = NOW, .payload = { m->payload, m->n } };
    assert_int_equal(mq_outbox_keep(outbox, &entry), 0);
}

static void read_good(void) {
    FILE *in = fopen(file, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    good_size = (size_t)ftell(in);
    rewind(in);
    good = malloc(good_size);
    assert_int_equal(fread(good, 1, good_size, in), good_size);
    fclose(in);
    for (size_t i = 0; i < MESSAGES; i++) {
        const char *at = memmem(good, good_size, messages[i].payload, messages[i].n);
        messages[i].at = at ? (size_t)(at - good) : SIZE_MAX;
        assert_true(at || messages[i].settled);
    }
}

static int set_up(void **state) {
    (void)state;
    const char *chosen = getenv("MINQING_SEED");
    seed = chosen ? strtoull(chosen, NULL, 10) : 1;
    assert_int_not_equal(seed, 0);
    print_message("MINQING_SEED=%llu\n", (unsigned long long)seed);
    /* in memory where that is to be had: hundreds of files, each written through to the disk */
    snprintf(folder, sizeof(folder), "%s/minqing-outbox-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder))
        return -1;
    snprintf(file, sizeof(file), "%s/outbox.db", folder);
    struct mq_outbox_options how = options();
    struct mq_outbox *outbox = NULL;
    if (mq_outbox_open(&how, &outbox, NULL) < 0)
        return -1;
    for (size_t i = 0; i < MESSAGES; i++)
        keep(outbox, i);
    for (size_t i = 5; i < MESSAGES; i += 10) {
        messages[i].settled = true;
        assert_int_equal(mq_outbox_settle(outbox, &messages[i].id), 1);
    }
    for (size_t i = 8; i < MESSAGES; i += 20) {
        messages[i].refused = true;
        assert_int_equal(mq_outbox_refuse(outbox, &messages[i].id, MQ_STR("/text"), MQ_STR("is missing"), NOW), 1);
    }
    mq_outbox_free(outbox);
    read_good();
    return 0;
}

static void empty_folder(void) {
    DIR *at = opendir(folder);
    char name[sizeof(folder) + 256];
    assert_non_null(at);
    for (struct dirent *entry; (entry = readdir(at));) {
        snprintf(name, sizeof(name), "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] != '.')
            assert_int_equal(unlink(name), 0);
    }
    closedir(at);
}

static int tear_down(void **state) {
    (void)state;
    empty_folder();
    for (size_t i = 0; i < MESSAGES; i++)
        free(messages[i].payload);
    free(good);
    return rmdir(folder);
}

/* Puts the file there as `bytes`, and nothing else but the lock of the sound one. */
static void place(const char *bytes, size_t n) {
    char lock[112], kept[112];
    snprintf(lock, sizeof(lock), "%s.lock", file);
    snprintf(kept, sizeof(kept), "%s.lock", folder);
    assert_int_equal(rename(lock, kept), 0);
    empty_folder();
    assert_int_equal(rename(kept, lock), 0);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

/* Which of the messages this is, byte for byte; NULL: none. A visit whose digest was lost may come back as a report: it is sent all
 * the same. */
static struct message *find(const struct mq_outbox_entry *entry) {
    for (size_t i = 0; i < MESSAGES; i++) {
        struct message *m = &messages[i];
        if (memcmp(&m->id, &entry->id, sizeof(m->id)) == 0 && entry->payload.n == m->n && memcmp(entry->payload.s, m->payload, m->n) == 0
            && (entry->kind == m->kind || (m->kind == MQ_RECEIPT_VISIT && entry->kind == MQ_RECEIPT_REPORT)))
            return m;
    }
    return NULL;
}

static const char *doing;

static int come_back(void *userdata, const struct mq_outbox_entry *entry) {
    (void)userdata;
    struct message *m = find(entry);
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&entry->id, id);
    if (!m) {
        if (memmem(entry->message.s, entry->message.n, "not proven whole", strlen("not proven whole")))
            return 0; /* for a person to look at; it is not sent */
        fail_msg("%s: what came back was never kept: id %s, kind %d, %.*s", doing, id, (int)entry->kind,
                 (int)(entry->payload.n < 200 ? entry->payload.n : 200), entry->payload.s);
    }
    if (m->settled)
        fail_msg("%s: what was delivered came back", doing);
    m->back = true;
    return 0;
}

/* Does the message lie in the damaged bytes as it was kept? */
static bool whole(const struct message *m, const char *bytes, size_t n) {
    return m->at != SIZE_MAX && m->at + m->n <= n && memcmp(bytes + m->at, m->payload, m->n) == 0;
}

static void assert_same_file(const char *name, const char *bytes, size_t n) {
    char *kept = malloc(n + 1);
    FILE *in = fopen(name, "rb");
    if (!in)
        fail_msg("%s: the damaged file is not at %s", doing, name);
    size_t found = fread(kept, 1, n + 1, in);
    fclose(in);
    if (found != n || memcmp(kept, bytes, n) != 0)
        fail_msg("%s: what was kept is not the damaged file", doing);
    free(kept);
}

/* Returns how many messages are lost. */
static size_t open_damaged(const char *bytes, size_t n) {
    struct mq_outbox_options how = options();
    struct mq_outbox *outbox = NULL;
    struct mq_outbox_rescue rescue;
    place(bytes, n);
    int r = mq_outbox_open(&how, &outbox, &rescue);
    if (r < 0)
        fail_msg("%s: it does not open: %s", doing, strerror(-r));
    for (size_t i = 0; i < MESSAGES; i++)
        messages[i].back = false;
    assert_int_equal(mq_outbox_each(outbox, false, come_back, NULL), 0);
    assert_int_equal(mq_outbox_each(outbox, true, come_back, NULL), 0);
    size_t lost = 0;
    for (size_t i = 0; i < MESSAGES; i++) {
        const struct message *m = &messages[i];
        if (!m->settled && !m->back && whole(m, bytes, n))
            fail_msg("%s: message %zu is whole in the file, and did not come back", doing, i);
        lost += !m->settled && !m->back;
    }
    if (lost > 0 && !rescue.damaged)
        fail_msg("%s: %zu messages are lost, and nobody was told", doing, lost);
    if (rescue.damaged)
        assert_same_file(rescue.kept_as, bytes, n);
    /* the new one is sound, and takes messages */
    struct mq_outbox_entry entry = { .id = mq_uuid_v7(), .kept_at_us = NOW, .payload = MQ_STR("{}") };
    assert_int_equal(mq_outbox_keep(outbox, &entry), 0);
    mq_outbox_free(outbox);
    assert_int_equal(mq_outbox_open(&how, &outbox, &rescue), 0);
    assert_false(rescue.damaged);
    assert_int_equal(mq_outbox_settle(outbox, &entry.id), 1);
    mq_outbox_free(outbox);
    return lost;
}

/* Ways to damage a page; each returns the size that the file has then. */
static size_t to_zero(char *bytes, size_t page) {
    memset(bytes + page * PAGE, 0, PAGE);
    return good_size;
}
static size_t to_ones(char *bytes, size_t page) {
    memset(bytes + page * PAGE, 0xff, PAGE);
    return good_size;
}
static size_t to_noise(char *bytes, size_t page) {
    for (size_t i = 0; i < PAGE; i++)
        bytes[page * PAGE + i] = (char)next_random();
    return good_size;
}
static size_t half_to_zero(char *bytes, size_t page) {
    memset(bytes + page * PAGE + PAGE / 2, 0, PAGE / 2);
    return good_size;
}
static size_t sector_to_noise(char *bytes, size_t page) {
    size_t sector = next_random() % (PAGE / 512);
    for (size_t i = 0; i < 512; i++)
        bytes[page * PAGE + sector * 512 + i] = (char)next_random();
    return good_size;
}
static size_t to_its_neighbour(char *bytes, size_t page) {
    memcpy(bytes + page * PAGE, good + (page + 1) % (good_size / PAGE) * PAGE, PAGE);
    return good_size;
}
static size_t head_flipped(char *bytes, size_t page) {
    size_t at = page * PAGE + (page == 0 ? 100 : 0) + next_random() % 8;
    bytes[at] = (char)(bytes[at] ^ (1 << next_random() % 8));
    return good_size;
}
static size_t bit_flipped(char *bytes, size_t page) {
    size_t at = page * PAGE + next_random() % PAGE;
    bytes[at] = (char)(bytes[at] ^ (1 << next_random() % 8));
    return good_size;
}
static size_t cut_before(char *bytes, size_t page) {
    (void)bytes;
    return page * PAGE;
}
static size_t cut_within(char *bytes, size_t page) {
    (void)bytes;
    return page * PAGE + 1 + next_random() % (PAGE - 1);
}

static void every_page_damaged_in_every_way(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t (*damage)(char *bytes, size_t page);
        int times;
    } ways[] = {
        { "zeroed", to_zero, 1 },           { "all ones", to_ones, 1 },
        { "noise", to_noise, 1 },           { "its second half zeroed", half_to_zero, 1 },
        { "a sector of noise", sector_to_noise, 1 }, { "its neighbour's", to_its_neighbour, 1 },
        { "a bit of its head flipped", head_flipped, 1 }, { "a bit flipped", bit_flipped, 2 },
        { "cut before it", cut_before, 1 }, { "cut within it", cut_within, 1 },
    };
    char *bytes = malloc(good_size), what[128];
    size_t pages = good_size / PAGE, most = 0, tries = 0;
    assert_int_equal(good_size % PAGE, 0);
    assert_true(pages >= 20);
    doing = what;
    for (size_t page = 0; page < pages; page++) {
        for (size_t way = 0; way < MQ_LENGTH(ways); way++) {
            for (int time = 0; time < ways[way].times; time++, tries++) {
                memcpy(bytes, good, good_size);
                snprintf(what, sizeof(what), "page %zu of %zu %s", page, pages, ways[way].name);
                size_t lost = open_damaged(bytes, ways[way].damage(bytes, page));
                most = lost > most && ways[way].damage != cut_before && ways[way].damage != cut_within ? lost : most;
            }
        }
    }
    print_message("%zu pages, %zu damaged files; one page costs at most %zu messages\n", pages, tries, most);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_page_damaged_in_every_way, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
