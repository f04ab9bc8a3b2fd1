/* SPDX-License-Identifier: Apache-2.0 */
/* Watching the loops of one process. */
#include "watchdog.h"

#include "buffer.h"
#include "log.h"
#include "notify.h"

#include <errno.h>
#include <execinfo.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WATCHED 4
#define FRAMES 24
#define TICKS 8 /* without progress, before a loop counts as stuck */
#define MOST_TICK_MS 5000
#define STACK_WAIT_MS 1000
#define LAST_RESORT_S 10
#define ASK SIGURG /* asks a thread where it is; ignored by default, so that a late one harms nobody */

struct watched {
    _Atomic bool used;
    const char *name;
    pthread_t thread;
    _Atomic uint64_t steps;
    _Atomic(const char *) doing, what;
    /* the watchdog's own */
    uint64_t seen;
    unsigned still;
};

static struct {
    struct watched watched[WATCHED];
    pthread_mutex_t lock;
    pthread_t thread;
    bool running;
    int stop; /* an eventfd: readable when the thread is to end */
    int64_t limit_ms, tick_ms;
    void *frames[FRAMES];
    _Atomic int frame_count;
} dog = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local struct watched *mine;

void mq_watchdog_at(const char *doing, const char *what) {
    if (!mine)
        return;
    atomic_store_explicit(&mine->doing, doing, memory_order_relaxed);
    atomic_store_explicit(&mine->what, what, memory_order_relaxed);
    atomic_fetch_add_explicit(&mine->steps, 1, memory_order_relaxed);
}

void mq_watchdog_watch(const char *name) {
    pthread_mutex_lock(&dog.lock);
    for (size_t i = 0; i < WATCHED && !mine; i++)
        if (!atomic_load(&dog.watched[i].used)) {
            mine = &dog.watched[i];
            mine->name = name;
            mine->thread = pthread_self();
            mine->still = 0;
        }
    pthread_mutex_unlock(&dog.lock);
    mq_watchdog_at("beginning", NULL);
    if (mine)
        atomic_store(&mine->used, true);
}

void mq_watchdog_leave(void) {
    pthread_mutex_lock(&dog.lock);
    if (mine)
        atomic_store(&mine->used, false);
    mine = NULL;
    pthread_mutex_unlock(&dog.lock);
}

/* In the stuck thread. */
static void on_ask(int signal) {
    (void)signal;
    int error = errno;
    atomic_store(&dog.frame_count, backtrace(dog.frames, FRAMES));
    errno = error;
}

static void append_stack(struct mq_buffer *out, pthread_t thread) {
    atomic_store(&dog.frame_count, 0);
    if (pthread_kill(thread, ASK) != 0)
        return;
    for (int waited = 0; atomic_load(&dog.frame_count) == 0 && waited < STACK_WAIT_MS; waited += 10)
        usleep(10000);
    int count = atomic_load(&dog.frame_count);
    char **names = count > 0 ? backtrace_symbols(dog.frames, count) : NULL;
    mq_buffer_append_text(out, names ? "; stack:" : "; its stack cannot be had");
    for (int i = 2; names && i < count; i++) { /* this handler and the kernel's trampoline say nothing */
        const char *slash = strrchr(names[i], '/'), *name = slash ? slash + 1 : names[i];
        mq_buffer_printf(out, " %.*s", (int)strcspn(name, " "), name);
    }
    free(names); // NOLINT(bugprone-multi-level-implicit-pointer-conversion): one block, as backtrace_symbols says
}

static void end(const struct watched *w) {
    /* whatever the stuck thread holds, a lock of malloc for one: this process ends */
    alarm(LAST_RESORT_S);
    const char *doing = atomic_load(&w->doing), *what = atomic_load(&w->what);
    mq_log(MQ_ERROR, "watchdog",
           "the %s has not moved for %lld s, at: %s%s%s; this process ends so that its supervisor starts it again", w->name,
           (long long)(dog.limit_ms / 1000), doing, what ? " " : "", what ? what : "");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer stack = { 0 };
    append_stack(&stack, w->thread);
    mq_log(MQ_ERROR, "watchdog-stack", "what the %s was doing%s", w->name, mq_buffer_text(&stack));
    abort();
}

static void look(void) {
    for (size_t i = 0; i < WATCHED; i++) {
        struct watched *w = &dog.watched[i];
        if (!atomic_load(&w->used))
            continue;
        uint64_t steps = atomic_load_explicit(&w->steps, memory_order_relaxed);
        w->still = steps == w->seen ? w->still + 1 : 0;
        w->seen = steps;
        if (dog.limit_ms > 0 && (int64_t)w->still * dog.tick_ms >= dog.limit_ms)
            end(w);
    }
}

static void *run(void *userdata) {
    (void)userdata;
    struct pollfd stop = { .fd = dog.stop, .events = POLLIN };
    for (int ready; (ready = poll(&stop, 1, (int)dog.tick_ms)) <= 0;) {
        if (ready < 0)
            continue;
        pthread_mutex_lock(&dog.lock);
        look();
        pthread_mutex_unlock(&dog.lock);
        mq_notify("WATCHDOG=1");
    }
    return NULL;
}

/* Often enough for our own limit, and for systemd's, which it gives in microseconds and wants to hear twice within. */
static int64_t tick_of(int64_t limit_ms) {
    int64_t tick = limit_ms > 0 ? limit_ms / TICKS : MOST_TICK_MS;
    const char *text = getenv("WATCHDOG_USEC");
    long long theirs = text ? strtoll(text, NULL, 10) / 3000 : 0;
    if (theirs > 0 && theirs < tick)
        tick = theirs;
    return tick < 20 ? 20 : tick > MOST_TICK_MS ? MOST_TICK_MS : tick;
}

int mq_watchdog_start(int64_t limit_ms) {
    if (dog.running)
        return -EALREADY;
    dog.limit_ms = limit_ms;
    dog.tick_ms = tick_of(limit_ms);
    dog.stop = eventfd(0, EFD_CLOEXEC);
    if (dog.stop < 0)
        return -errno;
    /* the first call loads a library, which is not for a signal handler to do */
    dog.frame_count = backtrace(dog.frames, 1);
    struct sigaction ask = { .sa_handler = on_ask, .sa_flags = SA_RESTART };
    sigaction(ASK, &ask, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = -pthread_create(&dog.thread, NULL, run, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    dog.running = r == 0;
    if (r < 0)
        close(dog.stop);
    return r;
}

void mq_watchdog_stop(void) {
    if (!dog.running)
        return;
    mq_ignore(eventfd_write(dog.stop, 1));
    pthread_join(dog.thread, NULL);
    close(dog.stop);
    dog.running = false;
}
