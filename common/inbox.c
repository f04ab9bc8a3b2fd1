/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox: records in one piece each, in a byte ring under one lock, with an eventfd that is readable while any is there. */
#include "inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIELDS 6
#define ABSENT UINT32_MAX

/* In front of each record. size 0: nothing more up to the end of the ring, go on at its beginning (only this word is written,
 * for there may be no room for more). */
struct record {
    uint32_t size; /* of header and strings, a multiple of ALIGNMENT */
    uint32_t length[FIELDS];
    uint8_t qos;
    bool retained, over;
    int64_t arrived_us;
};

#define ALIGNMENT _Alignof(struct record)

struct mq_inbox {
    int fd;
    size_t capacity, most_messages;
    char *bytes;
    pthread_mutex_t lock; /* guards what follows */
    size_t head, tail;    /* next record to write; oldest not released. Only the reader moves tail */
    size_t used;          /* including the bytes skipped at the end of the ring */
    size_t messages;
    bool signalled; /* fd is readable */
};

int mq_inbox_new(size_t bytes, size_t messages, struct mq_inbox **out) {
    size_t capacity = bytes - bytes % ALIGNMENT;
    if (capacity < sizeof(struct record) || capacity >= ABSENT || messages == 0)
        return -EINVAL;
    struct mq_inbox *inbox = calloc(1, sizeof(*inbox));
    if (!inbox)
        return -ENOMEM;
    *inbox = (struct mq_inbox){ .fd = -1, .capacity = capacity, .most_messages = messages };
    pthread_mutex_init(&inbox->lock, NULL);
    inbox->bytes = malloc(capacity);
    if (!inbox->bytes) {
        mq_inbox_free(inbox);
        return -ENOMEM;
    }
    inbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (inbox->fd < 0) {
        int error = errno;
        mq_inbox_free(inbox);
        return -error;
    }
    *out = inbox;
    return 0;
}

void mq_inbox_free(struct mq_inbox *inbox) {
    if (!inbox)
        return;
    if (inbox->fd >= 0)
        close(inbox->fd);
    pthread_mutex_destroy(&inbox->lock);
    free(inbox->bytes);
    free(inbox);
}

/* The strings of an arrival in the order in which a record keeps them. */
static void list_fields(const struct mq_arrival *arrival, struct mq_str fields[FIELDS]) {
    fields[0] = arrival->topic;
    fields[1] = arrival->payload;
    fields[2] = arrival->response_topic;
    fields[3] = arrival->correlation;
    fields[4] = arrival->traceparent;
    fields[5] = arrival->content_type;
}

/* Size of the record, 0: larger than any ring. */
static size_t record_size(const struct mq_str fields[FIELDS], size_t capacity) {
    size_t size = sizeof(struct record);
    for (size_t i = 0; i < FIELDS; i++) {
        size_t n = fields[i].s ? fields[i].n : 0;
        if (n > capacity - size)
            return 0;
        size += n;
    }
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return size <= capacity ? size : 0;
}

/* Room for `size` bytes in one piece, NULL: full. Goes to the beginning of the ring when the end is too short. */
static char *make_room(struct mq_inbox *inbox, size_t size) {
    size_t to_end = inbox->capacity - inbox->head;
    bool wrapped = inbox->used > 0 && inbox->head <= inbox->tail;
    if (wrapped ? size > inbox->tail - inbox->head : size > to_end && size > inbox->tail)
        return NULL;
    if (!wrapped && size > to_end) {
        if (to_end > 0)
            memcpy(inbox->bytes + inbox->head, &(uint32_t){ 0 }, sizeof(uint32_t));
        inbox->used += to_end;
        inbox->head = 0;
    }
    return inbox->bytes + inbox->head;
}

static void write_record(char *to, size_t size, const struct mq_arrival *arrival, const struct mq_str fields[FIELDS]) {
    struct record record = {
        .size = (uint32_t)size,
        .qos = arrival->qos,
        .retained = arrival->retained,
        .over = arrival->over,
        .arrived_us = arrival->arrived_us,
    };
    char *p = to + sizeof(record);
    for (size_t i = 0; i < FIELDS; i++) {
        record.length[i] = fields[i].s ? (uint32_t)fields[i].n : ABSENT;
        if (fields[i].s && fields[i].n > 0)
            p = mempcpy(p, fields[i].s, fields[i].n);
    }
    memcpy(to, &record, sizeof(record));
}

static void wake_locked(struct mq_inbox *inbox) {
    if (inbox->messages > 0 && !inbox->signalled)
        inbox->signalled = write(inbox->fd, &(uint64_t){ 1 }, sizeof(uint64_t)) == sizeof(uint64_t);
}

void mq_inbox_wake(struct mq_inbox *inbox) {
    pthread_mutex_lock(&inbox->lock);
    wake_locked(inbox);
    pthread_mutex_unlock(&inbox->lock);
}

bool mq_inbox_put(struct mq_inbox *inbox, const struct mq_arrival *arrival) {
    struct mq_str fields[FIELDS];
    list_fields(arrival, fields);
    size_t size = record_size(fields, inbox->capacity);

    pthread_mutex_lock(&inbox->lock);
    char *to = size > 0 && inbox->messages < inbox->most_messages ? make_room(inbox, size) : NULL;
    if (to) {
        write_record(to, size, arrival, fields);
        inbox->head += size;
        inbox->used += size;
        inbox->messages++;
    }
    if (!arrival->more)
        wake_locked(inbox);
    pthread_mutex_unlock(&inbox->lock);
    return to;
}

/* The record at or after *at, which is moved past the end of the ring where the record is at its beginning. */
static const struct record *record_at(const struct mq_inbox *inbox, size_t *at) {
    uint32_t size = 0;
    if (*at < inbox->capacity)
        memcpy(&size, inbox->bytes + *at, sizeof(size));
    if (size == 0)
        *at = 0;
    return (const struct record *)(const void *)(inbox->bytes + *at);
}

static void view_record(const struct record *record, struct mq_arrival *out) {
    struct mq_str fields[FIELDS];
    const char *p = (const char *)(record + 1);
    for (size_t i = 0; i < FIELDS; i++) {
        bool there = record->length[i] != ABSENT;
        fields[i] = there ? (struct mq_str){ p, record->length[i] } : (struct mq_str){ NULL, 0 };
        p += fields[i].n;
    }
    *out = (struct mq_arrival){
        .topic = fields[0],
        .payload = fields[1],
        .response_topic = fields[2],
        .correlation = fields[3],
        .traceparent = fields[4],
        .content_type = fields[5],
        .retained = record->retained,
        .over = record->over,
        .qos = record->qos,
        .arrived_us = record->arrived_us,
    };
}

size_t mq_inbox_peek(struct mq_inbox *inbox, struct mq_arrival *out, size_t max, size_t max_bytes) {
    pthread_mutex_lock(&inbox->lock);
    size_t waiting = inbox->messages, at = inbox->tail;
    if (waiting == 0 && inbox->signalled) {
        uint64_t count;
        inbox->signalled = read(inbox->fd, &count, sizeof(count)) < 0 && errno != EAGAIN;
    }
    pthread_mutex_unlock(&inbox->lock);

    /* Records once written do not change until released, and only this thread releases: they are read without the lock. */
    size_t found = 0, bytes = 0;
    while (found < max && found < waiting) {
        const struct record *record = record_at(inbox, &at);
        view_record(record, &out[found]);
        if (found > 0 && (bytes > max_bytes || out[found].payload.n > max_bytes - bytes))
            break;
        bytes += out[found].payload.n;
        at += record->size;
        found++;
    }
    return found;
}

size_t mq_inbox_release(struct mq_inbox *inbox, size_t count) {
    pthread_mutex_lock(&inbox->lock);
    size_t used = inbox->used;
    for (; count > 0 && inbox->messages > 0; count--) {
        size_t at = inbox->tail;
        const struct record *record = record_at(inbox, &at);
        if (at != inbox->tail)
            inbox->used -= inbox->capacity - inbox->tail;
        inbox->used -= record->size;
        inbox->tail = at + record->size;
        inbox->messages--;
    }
    size_t released = used - inbox->used;
    /* From the beginning again: a quiet ring keeps to few pages. */
    if (inbox->messages == 0)
        inbox->head = inbox->tail = inbox->used = 0;
    pthread_mutex_unlock(&inbox->lock);
    return released;
}

int mq_inbox_fd(const struct mq_inbox *inbox) {
    return inbox->fd;
}

void mq_inbox_usage(struct mq_inbox *inbox, size_t *messages, size_t *bytes) {
    pthread_mutex_lock(&inbox->lock);
    *messages = inbox->messages;
    *bytes = inbox->used;
    pthread_mutex_unlock(&inbox->lock);
}
