/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting, waiting, asking. */
#include "client.h"

#include "common/clock.h"
#include "common/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define SECRET_BYTES 1024
#define CONNECT_TIMEOUT_MS 5000
#define ANSWER_TIMEOUT_MS 10000

struct mq_client {
    struct mq_bus *bus;
    struct mq_inbox *inbox;
    char *account; /* owned; NULL: anonymous */
    _Atomic uint64_t dropped;
};

/* ---- who we are ---- */

static const char *environment(const char *name) {
    const char *text = getenv(name);
    return text && *text ? text : NULL;
}

/* The first line of a file. NULL after a complaint. */
static char *read_secret(const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char *text = calloc(1, SECRET_BYTES);
    ssize_t n = fd >= 0 && text ? read(fd, text, SECRET_BYTES - 1) : -1;
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0) {
        free(text);
        mq_complain(0, "不能读取密码文件 cannot read the password file %s: %s", path, strerror(error));
        return NULL;
    }
    text[strcspn(text, "\r\n")] = '\0';
    return text;
}

/* What the environment says of each `who`. */
static const char *const users[] = { "MINQING_DEVICE_USER", "MINQING_DESK_USER", "MINQING_OPERATOR_USER" };
static const char *const passwords[] = { "MINQING_DEVICE_PASSWORD", "MINQING_DESK_PASSWORD", "MINQING_OPERATOR_PASSWORD" };

/* With -u, the one whose name that is, so that its password is found. */
static enum mq_client_who whoever(const char *named) {
    enum mq_client_who who = MQ_CLIENT_OPERATOR;
    for (;; who--) {
        const char *user = environment(users[who]);
        if (who == MQ_CLIENT_DEVICE || (user && (!named || strcmp(user, named) == 0)))
            return who;
    }
}

int mq_client_login(struct mq_client_login *login, enum mq_client_who who) {
    if (who == MQ_CLIENT_ANYONE)
        who = whoever(login->user);
    if (!login->host)
        login->host = environment("MINQING_MQTT_HOST");
    if (!login->host)
        login->host = "127.0.0.1";
    const char *port = environment("MINQING_MQTT_PORT");
    if (login->port == 0 && port) {
        char *end;
        login->port = strtol(port, &end, 10);
        if (*end || login->port < 1 || login->port > 65535)
            return mq_complain(MQ_EXIT_USAGE, "MINQING_MQTT_PORT=%s: 应为 must be 1–65535", port);
    }
    if (login->port == 0)
        login->port = 1883;
    if (!login->ca_file)
        login->ca_file = environment("MINQING_MQTT_CA_FILE");
    /* the environment's password belongs to the environment's account, not to one named by -u */
    bool named = login->user;
    if (!named)
        login->user = environment(users[who]);
    if (login->password_file) {
        login->secret = read_secret(login->password_file);
        return login->secret ? 0 : MQ_EXIT_USAGE;
    }
    const char *of_user = environment(users[who]);
    bool same = login->user && of_user && strcmp(login->user, of_user) == 0;
    const char *password = login->password ? login->password : !named || same ? environment(passwords[who]) : NULL;
    if (password) {
        login->secret = strdup(password);
        if (!login->secret)
            return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    }
    return 0;
}

void mq_client_login_deinit(struct mq_client_login *login) {
    if (login->secret)
        explicit_bzero(login->secret, strlen(login->secret));
    free(login->secret);
    login->secret = NULL;
}

/* ---- asked to stop ---- */

/* What the signal handler touches. */
static struct {
    volatile sig_atomic_t asked;
    int fd;
} stop = { .fd = -1 };

static void on_signal(int number) {
    int error = errno;
    (void)number;
    stop.asked = 1;
    (void)!write(stop.fd, &(uint64_t){ 1 }, sizeof(uint64_t));
    errno = error;
}

/* Without SA_RESTART, so that a write to a terminal that stands still ends too; only the first one is asked politely. */
static int watch_signals(void) {
    if (stop.fd >= 0)
        return 0;
    stop.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop.fd < 0)
        return -errno;
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    return 0;
}

bool mq_client_stopping(void) {
    return stop.asked;
}

/* Paho's threads are begun with the signals blocked, so that they reach the thread that waits. */
static void block_signals(sigset_t *before) {
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &both, before);
}

/* ---- the connection ---- */

/* On Paho's thread: copy and return. */
static void arrived(void *userdata, const struct mq_arrival *arrival) {
    struct mq_client *client = userdata;
    if (!mq_inbox_put(client->inbox, arrival))
        atomic_fetch_add_explicit(&client->dropped, 1, memory_order_relaxed);
}

/* mq_bus wants all of them; the account is kept for response topics. */
static struct mq_bus_options bus_options(const struct mq_client_login *login, const struct mq_client_setup *setup,
                                         struct mq_client *client, const char *client_id) {
    return (struct mq_bus_options){
        .host = login->host,
        .port = login->port,
        .client_id = client_id,
        .user = login->user,
        .password = login->secret,
        .ca_file = login->ca_file,
        .keep_session = setup->keep_session,
        .session_expiry_s = setup->session_expiry_s,
        .keep_alive_s = setup->keep_alive_s ? setup->keep_alive_s : 30,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
        .answer_timeout_ms = ANSWER_TIMEOUT_MS,
        .window = setup->window ? setup->window : 16,
        .receive_maximum = 512,
        .arrived = arrived,
        .userdata = client,
    };
}

int mq_client_new(const struct mq_client_login *login, const struct mq_client_setup *setup, struct mq_client **out) {
    int r = watch_signals();
    if (r < 0)
        return r;
    if (sodium_init() < 0)
        return -EIO;
    struct mq_client *client = calloc(1, sizeof(*client));
    if (!client)
        return -ENOMEM;
    char id[64];
    snprintf(id, sizeof(id), "minqing-cli-%d-%08x", (int)getpid(), (unsigned)randombytes_random());
    client->account = login->user ? strdup(login->user) : NULL;
    r = login->user && !client->account ? -ENOMEM : 0;
    if (r == 0)
        r = mq_inbox_new(setup->inbox_bytes ? setup->inbox_bytes : 8 << 20, setup->inbox_messages ? setup->inbox_messages : 16384,
                         &client->inbox);
    if (r == 0) {
        struct mq_bus_options options = bus_options(login, setup, client, setup->client_id ? setup->client_id : id);
        sigset_t before;
        block_signals(&before);
        r = mq_bus_new(&options, &client->bus);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (r < 0) {
        mq_client_free(client);
        return r;
    }
    *out = client;
    return 0;
}

void mq_client_free(struct mq_client *client) {
    if (!client)
        return;
    if (client->bus)
        mq_bus_disconnect(client->bus, 1000);
    mq_bus_free(client->bus);
    mq_inbox_free(client->inbox);
    free(client->account);
    free(client);
}

int mq_client_connect(struct mq_client *client) {
    sigset_t before;
    block_signals(&before);
    int r = mq_bus_connect(client->bus);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

int mq_client_explain(const struct mq_client_login *login, int error) {
    const char *user = login->user ? login->user : "(无账号 nobody)";
    long long port = (long long)login->port;
    if (error == -EACCES)
        return mq_complain(MQ_EXIT_DENIED,
                           "消息服务器 %s:%lld 不接受账号 %s：请检查账号和密码 / broker refuses the account: check -u and -P, or reset it with "
                           "'minqing account reset'",
                           login->host, port, user);
    if (error == -EPROTO)
        return mq_complain(MQ_EXIT_UNREACHABLE, "消息服务器 %s:%lld 拒绝连接 / broker refuses the connection: does it speak MQTT 5%s?",
                           login->host, port, login->ca_file ? " over TLS" : "");
    if (error == -ENOTCONN)
        return mq_complain(MQ_EXIT_UNREACHABLE, "与消息服务器 %s:%lld 的连接中断 / connection to the broker lost: try again", login->host,
                           port);
    if (error == -ECONNREFUSED || error == -ETIMEDOUT)
        return mq_complain(MQ_EXIT_UNREACHABLE,
                           "连接不上消息服务器 %s:%lld / cannot reach the broker: is it running? host and port are -h and -p, or "
                           "MINQING_MQTT_HOST and MINQING_MQTT_PORT%s%s",
                           login->host, port, login->ca_file ? "；证书不被信任也会如此 or its certificate is not one that this file vouches for: " : "",
                           login->ca_file ? login->ca_file : "");
    return mq_complain(MQ_EXIT_FAILED, "消息服务器 %s:%lld: %s", login->host, port, strerror(-error));
}

int mq_client_open(struct mq_client_login *login, enum mq_client_who who, struct mq_client **out) {
    int status = mq_client_login(login, who);
    if (status != 0)
        return status;
    struct mq_client *client = NULL;
    int r = mq_client_new(login, &(struct mq_client_setup){ 0 }, &client);
    if (r == 0)
        r = mq_client_connect(client);
    if (r < 0) {
        mq_client_free(client);
        return mq_client_explain(login, r);
    }
    *out = client;
    return 0;
}

struct mq_bus *mq_client_bus(struct mq_client *client) {
    return client->bus;
}

struct mq_inbox *mq_client_inbox(struct mq_client *client) {
    return client->inbox;
}

uint64_t mq_client_dropped(const struct mq_client *client) {
    return atomic_load_explicit(&client->dropped, memory_order_relaxed);
}

int mq_client_subscribe(struct mq_client *client, enum mq_topic topic, const struct mq_str *parts, size_t count, int qos) {
    char filter[MQ_TOPIC_BYTES];
    int r = mq_topic_filter(topic, NULL, parts, count, filter);
    char *filters[] = { filter };
    return r < 0 ? r : mq_bus_subscribe(client->bus, filters, 1, qos);
}

/* ---- waiting ---- */

static int poll_ms(int64_t until_us) {
    int64_t left = until_us - mq_clock_monotonic_us();
    return left <= 0 ? 0 : left > 60000000 ? 60000 : (int)(left / 1000 + 1);
}

int mq_client_wait(struct mq_client *client, int64_t until_us, struct mq_arrival *out) {
    for (;;) {
        if (stop.asked)
            return -EINTR;
        if (mq_inbox_peek(client->inbox, out, 1, SIZE_MAX) > 0)
            return 1;
        if (!mq_bus_connected(client->bus))
            return -ENOTCONN;
        if (mq_clock_monotonic_us() >= until_us)
            return 0;
        struct pollfd fds[] = {
            { .fd = mq_inbox_fd(client->inbox), .events = POLLIN },
            { .fd = mq_bus_fd(client->bus), .events = POLLIN },
            { .fd = stop.fd, .events = POLLIN },
        };
        (void)poll(fds, MQ_LENGTH(fds), poll_ms(until_us));
    }
}

bool mq_client_pause(int64_t ms) {
    int64_t until = mq_clock_monotonic_us() + 1000 * ms;
    while (!stop.asked && mq_clock_monotonic_us() < until)
        (void)poll(&(struct pollfd){ .fd = stop.fd, .events = POLLIN }, 1, poll_ms(until));
    return !stop.asked;
}

void mq_client_done(struct mq_client *client) {
    mq_inbox_release(client->inbox, 1);
}

/* ---- asking ---- */

/* Waits for an arrival on `topic`. 1: its payload was appended. Else as mq_client_wait. */
static int wait_reply(struct mq_client *client, const char *topic, int64_t until_us, struct mq_buffer *reply) {
    struct mq_arrival arrival;
    int r;
    while ((r = mq_client_wait(client, until_us, &arrival)) == 1) {
        bool ours = mq_str_equal(arrival.topic, mq_str(topic));
        if (ours)
            mq_buffer_append_str(reply, arrival.payload);
        mq_client_done(client);
        if (ours)
            return reply->failed ? -ENOMEM : 1;
    }
    return r;
}

static int publish_request(struct mq_client *client, const char *topic, const char *response, struct mq_str payload,
                           enum mq_ack *ack) {
    char trace[MQ_TRACEPARENT_TEXT];
    mq_traceparent_new(trace);
    int r = mq_bus_publish(client->bus, topic,
                           &(struct mq_publication){ .payload = payload, .qos = 1, .response_topic = mq_str(response),
                                                     .correlation = mq_str(trace), .traceparent = mq_str(trace) },
                           ack);
    if (r == 0)
        r = mq_bus_flush(client->bus);
    if (r == 0 && *ack == MQ_ACK_REFUSED)
        r = -EACCES;
    return r;
}

int mq_client_request(struct mq_client *client, const struct mq_client_request *request, struct mq_buffer *reply) {
    char topic[MQ_TOPIC_BYTES], response[MQ_TOPIC_BYTES], name[64];
    snprintf(name, sizeof(name), "%s-%08x", request->name, (unsigned)randombytes_random());
    struct mq_str parts[] = { mq_str(client->account), mq_str(name) };
    int r = mq_topic_format(request->topic, request->parts, request->count, topic);
    if (r == 0)
        r = mq_topic_format(MQ_TOPIC_REPLY, parts, 2, response);
    char *filters[] = { response };
    if (r == 0)
        r = mq_bus_subscribe(client->bus, filters, 1, 1);
    unsigned tries = request->tries ? request->tries : 3;
    int64_t wait_us = 1000 * (request->wait_ms ? request->wait_ms : 5000);
    bool heard = false;
    for (unsigned i = 0; r == 0 && i < tries; i++) {
        int64_t until = mq_clock_monotonic_us() + wait_us;
        enum mq_ack ack = MQ_ACK_LOST;
        r = publish_request(client, topic, response, request->payload, &ack);
        heard = heard || ack == MQ_ACK_TAKEN;
        if (r == 0)
            r = wait_reply(client, response, until, reply);
    }
    if (r == 1)
        return 0;
    return r < 0 ? r : heard ? -ETIMEDOUT : -EHOSTUNREACH;
}
