/* SPDX-License-Identifier: Apache-2.0 */
/* The service of the bound. */
#include "replay.h"

#include "common/clock.h"
#include "common/message.h"
#include "common/topic.h"
#include "common/uuid.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum what { CASE, RESTRICTED, REVIEW, STATUS, STREAM, WHATS };
static const char *const words[WHATS] = { "case", "restricted", "review", "status", "stream" };

#define LARGEST 65536
#define IN_FLIGHT 900 /* below what the broker allows */

struct line {
    unsigned report;
    enum what what;
    char town[16], department[48];
    size_t bytes;
};

struct replay {
    struct line *lines; /* owned */
    size_t count, at;
    const char *county;
    struct wire take, tell;
    struct mq_buffer text;
    char *padding; /* owned */
    int r;         /* first thing that went wrong */
};

static volatile sig_atomic_t stopped;

static void on_signal(int number) {
    (void)number;
    stopped = 1;
}

static int read_profile(struct replay *replay, const char *path) {
    char text[256], what[16];
    size_t capacity = 0;
    FILE *file = fopen(path, "re");
    int r = file ? 0 : -errno;
    while (r == 0 && fgets(text, sizeof(text), file)) {
        struct line line;
        if (sscanf(text, "%u %15s %15s %47s %zu", &line.report, what, line.town, line.department, &line.bytes) != 5)
            continue;
        for (line.what = 0; line.what < WHATS && strcmp(what, words[line.what]) != 0; line.what++) {}
        if (line.what == WHATS || line.bytes > LARGEST) {
            r = -EINVAL;
            break;
        }
        if (replay->count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            struct line *lines = realloc(replay->lines, capacity * sizeof(*lines));
            if (!lines) {
                r = -ENOMEM;
                break;
            }
            replay->lines = lines;
        }
        replay->lines[replay->count++] = line;
    }
    if (file)
        fclose(file);
    return r == 0 && replay->count == 0 ? -EINVAL : r;
}

/* Publishes `bytes` of text: what the load generator looks for, and padding. */
static int tell(struct replay *replay, const char *topic, size_t bytes, int qos, bool retain) {
    struct mq_buffer *text = &replay->text;
    if (text->len < bytes)
        mq_buffer_append(text, replay->padding, bytes - text->len);
    struct wire_publish p = { .topic = mq_str(topic), .payload = { text->data, text->len }, .qos = qos, .retain = retain };
    return wire_publish(&replay->tell, &p);
}

static int tell_line(struct replay *replay, const struct line *line, const char *id, const char *case_id, struct mq_str device) {
    char topic[MQ_TOPIC_BYTES];
    struct mq_str county = mq_str(replay->county), town = mq_str(line->town), department = mq_str(line->department);
    struct mq_str of_case[] = { department, county, town, mq_str(case_id) }, of_review[] = { county, town, mq_str(id) };
    struct mq_str of_stream[] = { county, town, department, MQ_STR("2") };
    int r;
    mq_buffer_reset(&replay->text, LARGEST);
    switch (line->what) {
    case CASE:
    case RESTRICTED:
        mq_buffer_printf(&replay->text, "{\"case\":\"%s\",\"reports\":{\"count\":1,\"latest\":[{\"id\":\"%s\"}]}}", case_id, id);
        r = mq_topic_format(line->what == CASE ? MQ_TOPIC_DEPARTMENT_CASE : MQ_TOPIC_DEPARTMENT_RESTRICTED, of_case, 4, topic);
        return r ? r : tell(replay, topic, line->bytes, 1, true);
    case REVIEW:
        mq_buffer_printf(&replay->text, "{\"report\":\"%s\"}", id);
        r = mq_topic_format(MQ_TOPIC_COMMAND_REVIEW, of_review, 3, topic);
        return r ? r : tell(replay, topic, line->bytes, 1, true);
    case STATUS:
        mq_buffer_printf(&replay->text, "{\"report\":\"%s\"}", id);
        r = mq_topic_format(MQ_TOPIC_FIELD_STATUS, &device, 1, topic);
        return r ? r : tell(replay, topic, line->bytes, 1, false);
    default:
        mq_buffer_printf(&replay->text, "{\"report\":\"%s\"}", id);
        r = mq_topic_format(MQ_TOPIC_STREAM, of_stream, 4, topic);
        return r ? r : tell(replay, topic, line->bytes, 0, false);
    }
}

static int answer(struct replay *replay, struct mq_str device, const struct mq_uuid *uuid) {
    char topic[MQ_TOPIC_BYTES], at[MQ_TIME_TEXT], id[MQ_UUID_TEXT], case_id[MQ_UUID_TEXT];
    struct mq_uuid case_uuid = mq_uuid_case_of(uuid);
    mq_uuid_format(uuid, id);
    mq_uuid_format(&case_uuid, case_id);
    mq_clock_format(mq_clock_now_us(), 480, at);
    mq_buffer_reset(&replay->text, LARGEST);
    mq_buffer_printf(&replay->text, "{\"v\":1,\"kind\":\"report\",\"id\":\"%s\",\"status\":\"accepted\",\"errors\":[],\"at\":\"%s\"}", id, at);
    int r = mq_topic_format(MQ_TOPIC_FIELD_RECEIPT, &device, 1, topic);
    if (r == 0)
        r = tell(replay, topic, 0, 0, false);
    unsigned report = replay->lines[replay->at].report;
    while (r == 0 && replay->lines[replay->at].report == report) {
        r = tell_line(replay, &replay->lines[replay->at], id, case_id, device);
        replay->at = replay->at + 1 == replay->count ? 0 : replay->at + 1;
        if (replay->at == 0)
            break;
    }
    return r;
}

static void came(void *userdata, struct wire *wire, struct mq_str topic, struct mq_str payload) {
    struct replay *replay = userdata;
    struct mq_topic_parts parts;
    struct mq_uuid id;
    const char *at = memmem(payload.s, payload.n, "\"id\":\"", 6);
    if (wire == &replay->take && at && replay->r == 0 && mq_topic_parse(MQ_TOPIC_FIELD_REPORT, topic, &parts)
        && mq_uuid_parse((struct mq_str){ at + 6, 36 }, &id))
        replay->r = answer(replay, parts.part[0], &id);
}

static int serve(struct replay *replay, int64_t end_us) {
    int r = 0;
    while (r == 0 && !stopped && mq_clock_monotonic_us() < end_us) {
        bool room = replay->tell.in_flight < IN_FLIGHT;
        bool unsent = replay->tell.out.len > replay->tell.out.from;
        struct pollfd polled[] = {
            { .fd = replay->tell.fd, .events = unsent ? POLLIN | POLLOUT : POLLIN },
            { .fd = room && !unsent ? replay->take.fd : -1, .events = POLLIN },
        };
        if (poll(polled, 2, 100) < 0 && errno != EINTR)
            return -errno;
        if (polled[0].revents & POLLIN)
            r = wire_read(&replay->tell, came, replay);
        if (r == 0 && polled[1].fd >= 0 && polled[1].revents)
            r = wire_read(&replay->take, came, replay);
        if (r == 0)
            r = replay->r;
        if (r == 0)
            r = wire_flush(&replay->tell);
        if (r >= 0)
            r = wire_flush(&replay->take);
        r = r > 0 ? 0 : r;
    }
    return r;
}

int replay_run(const struct people *people, int port, const char *county, const char *profile, int64_t us) {
    struct replay replay = { .county = county, .padding = malloc(LARGEST) };
    char filter[MQ_TOPIC_BYTES];
    int r = replay.padding ? read_profile(&replay, profile) : -ENOMEM;
    signal(SIGTERM, on_signal);
    if (replay.padding)
        memset(replay.padding, ' ', LARGEST);
    if (r == 0)
        r = mq_topic_filter(MQ_TOPIC_FIELD_REPORT, "bound", NULL, 0, filter);
    if (r == 0)
        r = people_connect(people, "peer", 0, port, &replay.take);
    if (r == 0)
        r = people_connect(people, "peer", 1, port, &replay.tell);
    if (r == 0)
        r = wire_subscribe(&replay.take, filter);
    if (r == 0)
        r = wire_go(&replay.take);
    if (r == 0)
        r = wire_go(&replay.tell);
    if (r == 0) {
        puts("ready");
        fflush(stdout);
        r = serve(&replay, mq_clock_monotonic_us() + us);
    }
    wire_close(&replay.take);
    wire_close(&replay.tell);
    mq_buffer_deinit(&replay.text);
    free(replay.lines);
    free(replay.padding);
    return r;
}
