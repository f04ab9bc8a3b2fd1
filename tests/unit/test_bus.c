/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to a real broker: window, reason codes, TCP_NODELAY, loss. Starts its own Mosquitto. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/bus.h"
#include "common/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct broker {
    pid_t pid;
    int port;
    char settings[64];
};

static int free_port(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(at);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, n), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    close(fd);
    return ntohs(at.sin_port);
}

static bool listens(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
    bool up = connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    return up;
}

static void start(struct broker *broker) {
    broker->pid = fork();
    if (broker->pid == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execlp("mosquitto", "mosquitto", "-c", broker->settings, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", broker->settings, (char *)NULL);
        _exit(127);
    }
    int64_t until = mq_clock_monotonic_us() + 10000000;
    while (!listens(broker->port) && mq_clock_monotonic_us() < until)
        poll(NULL, 0, 10);
}

static int setup(void **state) {
    static struct broker broker;
    broker.port = free_port();
    snprintf(broker.settings, sizeof(broker.settings), "/tmp/minqing-test-bus-XXXXXX");
    FILE *out = fdopen(mkstemp(broker.settings), "w");
    fprintf(out, "listener %d 127.0.0.1\nallow_anonymous true\nmax_inflight_messages 10\nset_tcp_nodelay true\n", broker.port);
    fclose(out);
    if (chmod(broker.settings, 0644) != 0)
        return -1;
    start(&broker);
    *state = &broker;
    return 0;
}

static int teardown(void **state) {
    struct broker *broker = *state;
    kill(broker->pid, SIGTERM);
    waitpid(broker->pid, NULL, 0);
    unlink(broker->settings);
    return 0;
}

struct ear {
    _Atomic int arrivals;
    _Atomic bool more; /* said of the last one */
    struct mq_inbox *inbox;
};

static void arrived(void *userdata, const struct mq_arrival *arrival) {
    struct ear *ear = userdata;
    atomic_store(&ear->more, arrival->more);
    if (mq_inbox_put(ear->inbox, arrival))
        atomic_fetch_add(&ear->arrivals, 1);
}

static struct mq_bus *connected_as(const struct broker *broker, const char *id, bool retain_as_published, struct ear *ear) {
    struct mq_bus *bus = NULL;
    assert_int_equal(mq_inbox_new(1 << 20, 4096, &ear->inbox), 0);
    assert_int_equal(mq_bus_new(&(struct mq_bus_options){ .host = "127.0.0.1", .port = broker->port, .client_id = id, .keep_alive_s = 30,
                                                          .connect_timeout_ms = 5000, .answer_timeout_ms = 10000, .window = 50,
                                                          .receive_maximum = 512, .retain_as_published = retain_as_published,
                                                          .arrived = arrived, .userdata = ear },
                                &bus), 0);
    assert_int_equal(mq_bus_connect(bus), 0);
    assert_true(mq_bus_connected(bus));
    return bus;
}

static struct mq_bus *connected(const struct broker *broker, const char *id, struct ear *ear) {
    return connected_as(broker, id, false, ear);
}

static void finish(struct mq_bus *bus, struct ear *ear) {
    mq_bus_disconnect(bus, 1000);
    mq_bus_free(bus);
    mq_inbox_free(ear->inbox);
}

static void await_arrivals(struct ear *ear, int count) {
    int64_t until = mq_clock_monotonic_us() + 10000000;
    while (atomic_load(&ear->arrivals) < count && mq_clock_monotonic_us() < until)
        poll(NULL, 0, 1);
    assert_int_equal(atomic_load(&ear->arrivals), count);
}

/* The socket whose peer is the broker; the test has one connection at a time. */
static int socket_to(const struct broker *broker) {
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in peer;
        socklen_t n = sizeof(peer);
        if (getpeername(fd, (struct sockaddr *)&peer, &n) == 0 && ntohs(peer.sin_port) == broker->port)
            return fd;
    }
    return -1;
}

static int socket_option(int fd, int level, int option) {
    int value = -1;
    socklen_t n = sizeof(value);
    assert_int_equal(getsockopt(fd, level, option, &value, &n), 0);
    return value;
}

static void tcp_nodelay_is_on_after_connecting(void **state) {
    struct broker *broker = *state;
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(broker, "nodelay", &ear);
    assert_true(socket_option(socket_to(broker), IPPROTO_TCP, TCP_NODELAY));
    finish(bus, &ear);
}

static void what_is_held_goes_out_at_the_release_and_before_any_wait(void **state) {
    struct broker *broker = *state;
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(broker, "held", &ear);
    int fd = socket_to(broker);
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1 };
    enum mq_ack acks[40];
    mq_bus_hold(bus);
    assert_int_equal(mq_bus_publish(bus, "held/1", &p, &acks[0]), 0);
    assert_true(socket_option(fd, IPPROTO_TCP, TCP_CORK));
    mq_bus_release(bus);
    assert_false(socket_option(fd, IPPROTO_TCP, TCP_CORK));

    /* more than the broker's Receive Maximum of ten: the bus waits within */
    mq_bus_hold(bus);
    for (size_t i = 0; i < MQ_LENGTH(acks); i++)
        assert_int_equal(mq_bus_publish(bus, "held/2", &p, &acks[i]), 0);
    assert_int_equal(mq_bus_flush(bus), 0);
    assert_false(socket_option(fd, IPPROTO_TCP, TCP_CORK));
    mq_bus_release(bus);
    for (size_t i = 0; i < MQ_LENGTH(acks); i++)
        assert_int_equal(acks[i], MQ_ACK_UNHEARD);
    finish(bus, &ear);
}

static void answers_and_arrivals_come_between_each_other(void **state) {
    struct broker *broker = *state;
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(broker, "between", &ear);
    char filter[] = "between/#", *filters[] = { filter };
    assert_int_equal(mq_bus_subscribe(bus, filters, 1, 1), 0);
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1 };
    enum mq_ack ack;
    for (int round = 1; round <= 200; round++) {
        for (int i = 0; i < 9; i++)
            assert_int_equal(mq_bus_publish(bus, i % 2 ? "between/1" : "elsewhere", &p, &ack), 0);
        assert_int_equal(mq_bus_flush(bus), 0);
        await_arrivals(&ear, 4 * round);
    }
    finish(bus, &ear);
}

static void acknowledgements_are_gathered_and_none_is_left(void **state) {
    struct broker *broker = *state;
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(broker, "gathering", &ear);
    int fd = socket_to(broker);
    char filter[] = "gathering", *filters[] = { filter };
    assert_int_equal(mq_bus_subscribe(bus, filters, 1, 1), 0);
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1 };
    for (int round = 1; round <= 50; round++) {
        mq_bus_hold(bus); /* so that they come back in one piece */
        for (int i = 0; i < 9; i++)
            assert_int_equal(mq_bus_publish(bus, "gathering", &p, NULL), 0);
        mq_bus_release(bus);
        await_arrivals(&ear, 9 * round);
        assert_false(socket_option(fd, IPPROTO_TCP, TCP_CORK));
    }
    assert_false(ear.more);
    finish(bus, &ear);
}

static void a_thousand_publishes_pass_through_a_window_of_ten(void **state) {
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(*state, "window", &ear);
    char filter[] = "t/+";
    char *filters[] = { filter };
    assert_int_equal(mq_bus_subscribe(bus, filters, 1, 1), 0);
    static enum mq_ack acks[1000];
    for (int i = 0; i < 1000; i++) {
        struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1, .traceparent = MQ_STR("00-x"), .correlation = MQ_STR("c") };
        assert_int_equal(mq_bus_publish(bus, "t/1", &p, &acks[i]), 0);
    }
    assert_int_equal(mq_bus_flush(bus), 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(acks[i], MQ_ACK_TAKEN);
    await_arrivals(&ear, 1000);
    struct mq_arrival first;
    assert_int_equal(mq_inbox_peek(ear.inbox, &first, 1, 1 << 20), 1);
    assert_true(mq_str_equal(first.traceparent, MQ_STR("00-x")));
    assert_true(mq_str_equal(first.correlation, MQ_STR("c")));
    assert_true(mq_str_equal(first.content_type, MQ_STR("application/json")));
    finish(bus, &ear);
}

/* How a live message with the retain flag arrives at a shared subscription; its copy is cleared again. */
static void assert_seen_as_retained(const struct broker *broker, bool retain_as_published) {
    struct ear ear = { 0 };
    struct mq_bus *bus = connected_as(broker, "retained", retain_as_published, &ear);
    char filter[] = "$share/group/kept/+";
    char *filters[] = { filter };
    assert_int_equal(mq_bus_subscribe(bus, filters, 1, 1), 0);
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1, .retained = true };
    struct mq_publication clear = { .payload = MQ_STR(""), .qos = 1, .retained = true };
    assert_int_equal(mq_bus_publish(bus, "kept/1", &p, NULL), 0);
    assert_int_equal(mq_bus_publish(bus, "kept/1", &clear, NULL), 0);
    assert_int_equal(mq_bus_flush(bus), 0);
    await_arrivals(&ear, 2);
    struct mq_arrival seen[2];
    assert_int_equal(mq_inbox_peek(ear.inbox, seen, 2, 1 << 20), 2);
    for (size_t i = 0; i < MQ_LENGTH(seen); i++)
        assert_int_equal(seen[i].retained, retain_as_published);
    assert_int_equal(seen[1].payload.n, 0);
    finish(bus, &ear);
}

static void a_live_message_shows_its_retain_flag_to_who_asks_for_it(void **state) {
    assert_seen_as_retained(*state, true);
    assert_seen_as_retained(*state, false);
}

static void a_publish_that_nobody_hears_is_told(void **state) {
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(*state, "unheard", &ear);
    enum mq_ack ack;
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1 };
    assert_int_equal(mq_bus_publish(bus, "nobody/there", &p, &ack), 0);
    assert_int_equal(mq_bus_flush(bus), 0);
    assert_int_equal(ack, MQ_ACK_UNHEARD);
    uint64_t published, unheard, refused;
    mq_bus_counts(bus, &published, &unheard, &refused);
    assert_int_equal(published, 1);
    assert_int_equal(unheard, 1);
    finish(bus, &ear);
}

static void a_killed_broker_is_noticed_and_the_same_bus_connects_again(void **state) {
    struct broker *broker = *state;
    struct ear ear = { 0 };
    struct mq_bus *bus = connected(broker, "again", &ear);
    kill(broker->pid, SIGKILL);
    waitpid(broker->pid, NULL, 0);
    struct pollfd lost = { .fd = mq_bus_fd(bus), .events = POLLIN };
    assert_int_equal(poll(&lost, 1, 15000), 1);
    assert_false(mq_bus_connected(bus));
    enum mq_ack ack;
    struct mq_publication p = { .payload = MQ_STR("{}"), .qos = 1 };
    assert_int_equal(mq_bus_publish(bus, "t/1", &p, &ack), -ENOTCONN);
    assert_int_equal(ack, MQ_ACK_LOST);
    assert_int_equal(mq_bus_connect(bus), -ECONNREFUSED);
    start(broker);
    assert_int_equal(mq_bus_connect(bus), 0);
    assert_int_equal(mq_bus_publish(bus, "t/1", &p, &ack), 0);
    assert_int_equal(mq_bus_flush(bus), 0);
    assert_int_equal(ack, MQ_ACK_UNHEARD);
    finish(bus, &ear);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_nodelay_is_on_after_connecting),
        cmocka_unit_test(what_is_held_goes_out_at_the_release_and_before_any_wait),
        cmocka_unit_test(answers_and_arrivals_come_between_each_other),
        cmocka_unit_test(acknowledgements_are_gathered_and_none_is_left),
        cmocka_unit_test(a_thousand_publishes_pass_through_a_window_of_ten),
        cmocka_unit_test(a_live_message_shows_its_retain_flag_to_who_asks_for_it),
        cmocka_unit_test(a_publish_that_nobody_hears_is_told),
        cmocka_unit_test(a_killed_broker_is_noticed_and_the_same_bus_connects_again),
    };
    return cmocka_run_group_tests_name("bus", tests, setup, teardown);
}
