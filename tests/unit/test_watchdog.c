/* SPDX-License-Identifier: Apache-2.0 */
/* The watchdog, told as stories: each is a process of its own, whose end and last words are looked at. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"
#include "notify.h"
#include "watchdog.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 400

/* A child that runs `story`; what it writes to standard error comes to *output. */
static pid_t begin(void (*story)(int hold), int *output, int *hold) {
    int words[2], holding[2];
    assert_int_equal(pipe(words), 0);
    assert_int_equal(pipe(holding), 0);
    pid_t child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        dup2(words[1], STDERR_FILENO);
        close(holding[1]);
        mq_log_init("test", MQ_INFO);
        if (mq_watchdog_start(LIMIT_MS) < 0)
            _exit(99);
        story(holding[0]);
        mq_watchdog_stop();
        _exit(0);
    }
    close(words[1]);
    close(holding[0]);
    *output = words[0];
    *hold = holding[1];
    return child;
}

static int finish(pid_t child, int output, int hold, char *text, size_t size) {
    int status = 0;
    size_t n = 0;
    for (ssize_t got; n + 1 < size && (got = read(output, text + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    text[n] = '\0';
    waitpid(child, &status, 0);
    close(output);
    close(hold);
    return status;
}

static void hangs_in_a_statement(int hold) {
    (void)hold;
    mq_watchdog_watch("loop");
    mq_watchdog_at("statement", "store_reports");
    for (;;)
        pause();
}

static void a_loop_that_hangs_is_ended_and_the_log_says_what_it_was_doing_and_where(void **state) {
    (void)state;
    char text[8192];
    int output, hold;
    pid_t child = begin(hangs_in_a_statement, &output, &hold);
    int status = finish(child, output, hold, text, sizeof(text));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "error test watchdog: the loop has not moved"));
    assert_non_null(strstr(text, "at: statement store_reports;"));
    assert_non_null(strstr(text, "stack: "));
    assert_non_null(strstr(text, "test_watchdog("));
}

static void computes_for_ever(int hold) {
    (void)hold;
    mq_watchdog_watch("loop");
    for (volatile unsigned n = 0;; n++)
        ;
}

static void an_endless_computation_is_ended_too(void **state) {
    (void)state;
    char text[8192];
    int output, hold;
    pid_t child = begin(computes_for_ever, &output, &hold);
    int status = finish(child, output, hold, text, sizeof(text));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(text, "stack: "));
}

/* Moves until `hold` is closed. */
static void moves(int hold) {
    mq_watchdog_watch("loop");
    struct pollfd fd = { .fd = hold, .events = POLLIN };
    do {
        mq_watchdog_at("waiting", NULL);
    } while (poll(&fd, 1, 10) == 0);
    mq_watchdog_leave();
}

static void *hangs_unwatched(void *userdata) {
    (void)userdata;
    for (;;)
        pause();
    return NULL;
}

static void moves_beside_a_thread_that_nobody_watches(int hold) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, hangs_unwatched, NULL) == 0)
        moves(hold);
}

static void a_loop_that_moves_lives_whatever_others_do(void **state) {
    (void)state;
    char text[8192];
    int output, hold;
    pid_t child = begin(moves_beside_a_thread_that_nobody_watches, &output, &hold);
    poll(NULL, 0, 3 * LIMIT_MS);
    close(hold);
    int status = finish(child, output, -1, text, sizeof(text));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(text, "");
}

static void who_was_frozen_for_longer_than_the_limit_goes_on(void **state) {
    (void)state;
    char text[8192];
    int output, hold;
    pid_t child = begin(moves, &output, &hold);
    for (int i = 0; i < 6; i++) {
        kill(child, SIGSTOP);
        poll(NULL, 0, 2 * LIMIT_MS);
        kill(child, SIGCONT);
    }
    close(hold);
    int status = finish(child, output, -1, text, sizeof(text));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_string_equal(text, "");
}

/* systemd's side: a socket that hears what is said. */
static void systemd_is_fed_by_the_watchdog_twice_as_often_as_it_asks(void **state) {
    (void)state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "minqing-test-%d", (int)getpid());
    char name[sizeof(address.sun_path)];
    snprintf(name, sizeof(name), "@%s", address.sun_path + 1);
    int manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager, (const struct sockaddr *)&address, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name))), 0);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "300000", 1);
    assert_int_equal(mq_watchdog_start(0), 0); /* none of ours is ended */
    mq_notify("READY=1");
    char said[32] = "";
    assert_true(recv(manager, said, sizeof(said) - 1, 0) > 0);
    assert_string_equal(said, "READY=1");
    for (int i = 0; i < 3; i++) {
        memset(said, 0, sizeof(said));
        assert_true(recv(manager, said, sizeof(said) - 1, 0) > 0);
        assert_string_equal(said, "WATCHDOG=1");
    }
    mq_watchdog_stop();
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    close(manager);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loop_that_hangs_is_ended_and_the_log_says_what_it_was_doing_and_where),
        cmocka_unit_test(an_endless_computation_is_ended_too),
        cmocka_unit_test(a_loop_that_moves_lives_whatever_others_do),
        cmocka_unit_test(systemd_is_fed_by_the_watchdog_twice_as_often_as_it_asks),
        cmocka_unit_test(who_was_frozen_for_longer_than_the_limit_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
