/* SPDX-License-Identifier: Apache-2.0 */
/* Following something until there is enough. */
#include "live.h"

#include "common/clock.h"
#include "common/secret_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define DROPPED_EVERY_US 1000000
#define SESSION_S (14 * 86400)

struct run {
    const struct mq_live *live;
    struct mq_client *client;
    int64_t until_us, shown;
    uint64_t dropped_said, not_understood;
    int64_t dropped_said_us;
};

void mq_live_json(struct mq_buffer *line, struct mq_str payload) {
    for (size_t i = 0; i < payload.n; i++)
        mq_buffer_append_char(line, payload.s[i] == '\n' || payload.s[i] == '\r' ? ' ' : payload.s[i]);
}

/* Writes the whole line. 0; -EPIPE and others; -EINTR: asked to stop while the terminal stood still. */
static int write_line(struct mq_buffer *line) {
    mq_buffer_append_char(line, '\n');
    if (line->failed)
        return -ENOMEM;
    for (size_t done = 0; done < line->len;) {
        ssize_t n = write(STDOUT_FILENO, line->data + done, line->len - done);
        if (n < 0 && (errno != EINTR || mq_client_stopping()))
            return -errno;
        done += n < 0 ? 0 : (size_t)n;
    }
    return 0;
}

static void say_dropped(struct run *run, bool last) {
    uint64_t dropped = mq_client_dropped(run->client);
    int64_t now = mq_clock_monotonic_us();
    if (dropped == run->dropped_said || (!last && now - run->dropped_said_us < DROPPED_EVERY_US))
        return;
    run->dropped_said = dropped;
    run->dropped_said_us = now;
    mq_complain(0, "输出太慢，共丢弃 %" PRIu64 " 条 / output too slow: %" PRIu64 " messages dropped so far", dropped, dropped);
}

static int show(struct run *run, const struct mq_arrival *arrival) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    enum mq_shown shown = run->live->show(run->live->userdata, arrival, &line);
    if (shown == MQ_NOT_UNDERSTOOD) {
        if (run->not_understood++ == 0)
            mq_complain(0, "收到不能识别的消息 a message was not understood: %.*s", (int)arrival->topic.n, arrival->topic.s);
        return 0;
    }
    if (shown == MQ_PASSED_OVER)
        return 0;
    run->shown++;
    return write_line(&line);
}

static bool enough(const struct run *run) {
    return run->live->options.count > 0 && run->shown >= run->live->options.count;
}

static int subscribe(struct run *run) {
    return run->live->subscribe(run->live->userdata, run->client, (int)run->live->options.qos);
}

/* Until connected and subscribed again, with growing pauses. 0; -ETIMEDOUT; -EINTR; -EACCES. */
static int connect_again(struct run *run) {
    mq_complain(0, "与消息服务器的连接中断，正在重连 / connection to the broker lost: connecting again");
    for (unsigned attempt = 0;; attempt++) {
        int64_t left_ms = (run->until_us - mq_clock_monotonic_us()) / 1000;
        if (left_ms <= 0)
            return -ETIMEDOUT;
        int64_t pause = mq_clock_backoff_ms(attempt, 200, 4000);
        if (!mq_client_pause(pause < left_ms ? pause : left_ms))
            return -EINTR;
        int r = mq_client_connect(run->client);
        if (r == 0)
            r = subscribe(run);
        if (r == 0 || r == -EACCES)
            return r;
    }
}

/* 0: enough was shown. */
static int follow(struct run *run) {
    int r = subscribe(run);
    while (r == 0 && !enough(run)) {
        struct mq_arrival arrival;
        r = mq_client_wait(run->client, run->until_us, &arrival);
        if (r == 0)
            return -ETIMEDOUT;
        if (r == -ENOTCONN) {
            r = connect_again(run);
            continue;
        }
        if (r < 0)
            return r;
        r = show(run, &arrival);
        mq_client_done(run->client);
        say_dropped(run, false);
    }
    return r;
}

static int exit_status(const struct run *run, int r) {
    switch (r) {
    case 0:
    case -EINTR: /* whoever asked to stop has what they wanted */
    case -EPIPE: /* so has a reader that went */
        return MQ_EXIT_GOOD;
    case -ETIMEDOUT:
        return MQ_EXIT_TIMEOUT;
    case -ENOTCONN:
    case -EACCES:
        return mq_client_explain(run->live->login, r);
    default:
        return mq_complain(MQ_EXIT_FAILED, "不能输出 cannot go on: %s", strerror(-r));
    }
}

int mq_live_run(const struct mq_live *live) {
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct run run = { .live = live, .until_us = INT64_MAX };
    if (live->options.timeout_ms > 0)
        run.until_us = mq_clock_monotonic_us() + 1000 * live->options.timeout_ms;
    int status = mq_client_login(live->login, live->who);
    if (status != 0)
        return status;
    char name[101], client_id[MQ_SECRET_NAME];
    struct mq_client_setup setup = { .client_id = NULL };
    if (live->session) {
        snprintf(name, sizeof(name), "%s-%s", live->login->user, live->session);
        mq_secret_name("client", name, live->login->secret, client_id);
        setup = (struct mq_client_setup){ .client_id = client_id, .keep_session = true, .session_expiry_s = SESSION_S };
    }
    int r = mq_client_new(live->login, &setup, &client);
    if (r == 0)
        r = mq_client_connect(client);
    if (r < 0)
        return mq_client_explain(live->login, r);
    run.client = client;
    r = follow(&run);
    say_dropped(&run, true);
    if (run.not_understood > 0)
        mq_complain(0, "%" PRIu64 " 条消息不能识别 / %" PRIu64 " messages were not understood", run.not_understood,
                    run.not_understood);
    return exit_status(&run, r);
}
