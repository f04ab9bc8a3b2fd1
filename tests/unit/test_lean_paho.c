/* SPDX-License-Identifier: Apache-2.0 */
/* How Paho's sockets are read, told as stories. What they say holds of the system's own calls, too, which these are where Paho's shared
 * library is linked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/lean_paho.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct pair {
    int mine, theirs;
};

static struct pair connected(void) {
    int fd[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), 0);
    return (struct pair){ fd[0], fd[1] };
}

static void says(const struct pair *p, const char *bytes, size_t n) { assert_int_equal(send(p->theirs, bytes, n, 0), n); }

static bool readable(int fd) {
    struct pollfd f = { .fd = fd, .events = POLLIN };
    int n = poll(&f, 1, 0);
    assert_int_equal(n, f.revents & (POLLIN | POLLHUP) ? 1 : 0);
    return n == 1;
}

static void assert_reads(int fd, size_t n, const char *bytes) {
    char got[64];
    assert_int_equal(recv(fd, got, n, 0), strlen(bytes));
    assert_memory_equal(got, bytes, strlen(bytes));
}

static void a_packet_is_read_in_pieces_and_poll_knows_what_is_left(void **state) {
    (void)state;
    struct pair p = connected();
    assert_false(readable(p.mine));
    says(&p, "abcdefgh", 8);
    assert_true(readable(p.mine));
    assert_reads(p.mine, 1, "a");
    assert_true(readable(p.mine));
    assert_reads(p.mine, 1, "b");
    says(&p, "ij", 2);
    assert_reads(p.mine, 8, "cdefghij");
    assert_false(readable(p.mine));
    char c;
    assert_int_equal(recv(p.mine, &c, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    says(&p, "k", 1);
    assert_reads(p.mine, 8, "k");
    close(p.theirs);
    close(p.mine);
}

static void what_came_before_the_end_is_read_before_the_end(void **state) {
    (void)state;
    struct pair p = connected();
    says(&p, "abc", 3);
    close(p.theirs);
    assert_reads(p.mine, 1, "a");
    assert_true(readable(p.mine));
    assert_reads(p.mine, 8, "bc");
    assert_true(readable(p.mine));
    char c;
    assert_int_equal(recv(p.mine, &c, 1, 0), 0);
    close(p.mine);
}

static void a_long_message_comes_whole_and_in_order(void **state) {
    (void)state;
    struct pair p = connected();
    size_t n = 100000, in = 0, out = 0;
    char *sent = malloc(n), *got = malloc(n);
    for (size_t i = 0; i < n; i++)
        sent[i] = (char)(i * 31 + i / 251);
    for (size_t step = 1; in < n; step = step * 7 % 40009 + 1) {
        ssize_t w = out < n ? send(p.theirs, sent + out, n - out, 0) : 0;
        out += w > 0 ? (size_t)w : 0;
        ssize_t r = recv(p.mine, got + in, step < n - in ? step : n - in, 0);
        assert_true(r > 0 || errno == EAGAIN);
        in += r > 0 ? (size_t)r : 0;
    }
    assert_memory_equal(got, sent, n);
    free(sent);
    free(got);
    close(p.theirs);
    close(p.mine);
}

static void a_new_socket_of_the_same_number_has_nothing_of_the_old_one(void **state) {
    (void)state;
    struct pair p = connected();
    says(&p, "old", 3);
    assert_reads(p.mine, 1, "o");
    int number = p.mine;
    close(p.theirs);
    close(p.mine);
    struct pair q = connected();
    assert_true(q.mine == number || q.theirs == number);
    assert_false(readable(q.mine));
    says(&q, "new", 3);
    assert_reads(q.mine, 8, "new");
    close(q.theirs);
    close(q.mine);
}

static void more_sockets_than_it_has_room_for_are_read_as_ever(void **state) {
    (void)state;
    struct pair p[8];
    for (size_t i = 0; i < 8; i++) {
        p[i] = connected();
        says(&p[i], "xy", 2);
        assert_reads(p[i].mine, 1, "x");
    }
    for (size_t i = 0; i < 8; i++) {
        assert_true(readable(p[i].mine));
        assert_reads(p[i].mine, 4, "y");
        close(p[i].theirs);
        close(p[i].mine);
    }
}

static void a_nap_changes_nothing_of_what_is_read(void **state) {
    (void)state;
    struct pair p = connected();
    says(&p, "a", 1);
    assert_reads(p.mine, 1, "a");
    mq_lean_paho_nap(p.mine, true);
    says(&p, "b", 1);
    struct pollfd f = { .fd = p.mine, .events = POLLIN };
    assert_int_equal(poll(&f, 1, 1000), 1);
    says(&p, "c", 1);
    assert_reads(p.mine, 2, "bc");
    mq_lean_paho_nap(p.mine, false);
    mq_lean_paho_nap(-1, true); /* no socket: no matter */
    close(p.mine);
    close(p.theirs);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_is_read_in_pieces_and_poll_knows_what_is_left),
        cmocka_unit_test(what_came_before_the_end_is_read_before_the_end),
        cmocka_unit_test(a_long_message_comes_whole_and_in_order),
        cmocka_unit_test(a_new_socket_of_the_same_number_has_nothing_of_the_old_one),
        cmocka_unit_test(a_nap_changes_nothing_of_what_is_read),
        cmocka_unit_test(more_sockets_than_it_has_room_for_are_read_as_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
