/* SPDX-License-Identifier: Apache-2.0 */
/* Paho as its build option PAHO_HIGH_PERFORMANCE makes it, out of the archive of a distribution that builds it without, and with a buffer
 * before its sockets. Without the option every allocation is kept in a tree and every function call in a list, each under one lock of the
 * whole process: half of what the notifier costs. Linked before the archive, these stand for its own; meson.build sees whether the archive
 * goes with them, and links the shared library where it does not. */
#include "lean_paho.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NAP_NS 300000 /* some ten answers of a busy broker */

int Heap_initialize(void);
void Heap_terminate(void);
void *mymalloc(char *file, int line, size_t size);
void *myrealloc(char *file, int line, void *p, size_t size);
void myfree(char *file, int line, void *p);
void StackTrace_entry(const char *name, int line, int level);
void StackTrace_exit(const char *name, int line, void *result, int level);

int Heap_initialize(void) { return 0; }

void Heap_terminate(void) {}

void *mymalloc(char *file, int line, size_t size) {
    (void)file;
    (void)line;
    return malloc(size);
}

void *myrealloc(char *file, int line, void *p, size_t size) {
    (void)file;
    (void)line;
    return realloc(p, size);
}

void myfree(char *file, int line, void *p) {
    (void)file;
    (void)line;
    free(p);
}

void StackTrace_entry(const char *name, int line, int level) {
    (void)name;
    (void)line;
    (void)level;
}

void StackTrace_exit(const char *name, int line, void *result, int level) {
    (void)name;
    (void)line;
    (void)result;
    (void)level;
}

/* Reading ahead -----------------------------------------------------------------------------------------------------*/

/* Paho reads a packet in three pieces (its type, its length, the rest), each by a call of the system, and looks before each packet whether
 * the socket has something to read: four calls for an answer of five bytes, of which the notifier gets five a report. The linker has Paho
 * call these (--wrap) in place of the system's; TLS, which reads its records whole, goes past them. */
ssize_t __wrap_recv(int fd, void *to, size_t n, int flags);
ssize_t __real_recv(int fd, void *to, size_t n, int flags);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __real_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_close(int fd);
int __real_close(int fd);

/* What was read of a socket and not asked for yet. A socket that finds no place here is read as ever. */
static struct ahead {
    _Atomic int socket; /* and one: 0 is nobody's */
    atomic_bool naps;
    size_t from, to;
    char bytes[16384];
} aheads[4];
static pthread_mutex_t aheads_lock = PTHREAD_MUTEX_INITIALIZER;

/* Without the lock, which is for what is in it: other sockets and files are none of its business, nor are processes that were forked. */
static struct ahead *ahead_of(int fd) {
    for (size_t i = 0; i < sizeof(aheads) / sizeof(aheads[0]); i++)
        if (fd >= 0 && atomic_load_explicit(&aheads[i].socket, memory_order_relaxed) == fd + 1)
            return &aheads[i];
    return NULL;
}

/* A place for the socket, its own or a free one. */
static struct ahead *ahead_for(int fd) {
    struct ahead *a = ahead_of(fd);
    for (size_t i = 0; !a && i < sizeof(aheads) / sizeof(aheads[0]); i++)
        if (aheads[i].socket == 0) {
            a = &aheads[i];
            a->from = a->to = 0;
            a->naps = false;
            a->socket = fd + 1;
        }
    return a;
}

static size_t take(struct ahead *a, char *to, size_t n) {
    size_t there = a->to - a->from, taken = n < there ? n : there;
    memcpy(to, a->bytes + a->from, taken);
    a->from += taken;
    return taken;
}

/* What comes next without taking it: what was read ahead comes before what the system has. */
static ssize_t peek(int fd, void *to, size_t n, int flags) {
    pthread_mutex_lock(&aheads_lock);
    struct ahead *a = ahead_of(fd);
    size_t there = a ? a->to - a->from : 0;
    if (there) {
        n = n < there ? n : there;
        memcpy(to, a->bytes + a->from, n);
    }
    pthread_mutex_unlock(&aheads_lock);
    return there ? (ssize_t)n : __real_recv(fd, to, n, flags);
}

/* Paho's sockets do not block. What is less than asked for is as ever: the rest has not come. */
ssize_t __wrap_recv(int fd, void *to, size_t n, int flags) {
    if (flags & MSG_PEEK)
        return peek(fd, to, n, flags);
    if (flags != 0 || n == 0)
        return __real_recv(fd, to, n, flags);
    pthread_mutex_lock(&aheads_lock);
    struct ahead *a = ahead_for(fd);
    size_t taken = a ? take(a, to, n) : 0;
    ssize_t got = 0;
    if (taken < n) {
        if (!a || n - taken >= sizeof(a->bytes)) {
            got = __real_recv(fd, (char *)to + taken, n - taken, 0);
        } else {
            got = __real_recv(fd, a->bytes, sizeof(a->bytes), 0);
            a->from = 0;
            a->to = got > 0 ? (size_t)got : 0;
            if (got > 0)
                got = (ssize_t)take(a, (char *)to + taken, n - taken);
        }
    }
    pthread_mutex_unlock(&aheads_lock);
    return taken ? (ssize_t)taken + (got > 0 ? got : 0) : got;
}

static bool has_ahead(const struct pollfd *fd) {
    struct ahead *a = fd->events & POLLIN ? ahead_of(fd->fd) : NULL;
    if (!a)
        return false;
    pthread_mutex_lock(&aheads_lock);
    bool some = a->from < a->to;
    pthread_mutex_unlock(&aheads_lock);
    return some;
}

void mq_lean_paho_nap(int fd, bool on) {
    struct ahead *a = ahead_of(fd);
    if (a && atomic_load_explicit(&a->naps, memory_order_relaxed) != on)
        a->naps = on;
}

/* Not with poll's own timeout nor with SO_RCVLOWAT: the kernel acknowledges later what nobody has read yet, and the broker, some ten small
 * packets ahead of it, stands still for 40 ms. */
static int wait_for(struct pollfd *fds, nfds_t n, int timeout) {
    int ready = __real_poll(fds, n, timeout);
    bool naps = false;
    for (nfds_t i = 0; i < n && ready > 0 && timeout != 0; i++) {
        struct ahead *a = fds[i].revents & POLLIN ? ahead_of(fds[i].fd) : NULL;
        naps = naps || (a && a->naps);
    }
    if (naps)
        nanosleep(&(struct timespec){ .tv_nsec = NAP_NS }, NULL);
    return ready;
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout) {
    nfds_t ahead = 0;
    for (nfds_t i = 0; i < n; i++)
        ahead += has_ahead(&fds[i]);
    if (ahead == 0)
        return wait_for(fds, n, timeout);
    for (nfds_t i = 0; i < n; i++)
        fds[i].revents = 0;
    if (ahead < n && __real_poll(fds, n, 0) < 0)
        return -1;
    int ready = 0;
    for (nfds_t i = 0; i < n; i++) {
        if (has_ahead(&fds[i]))
            fds[i].revents |= POLLIN;
        ready += fds[i].revents != 0;
    }
    return ready;
}

/* The number may soon be another's. */
int __wrap_close(int fd) {
    if (ahead_of(fd)) {
        pthread_mutex_lock(&aheads_lock);
        struct ahead *a = ahead_of(fd);
        if (a)
            a->socket = 0;
        pthread_mutex_unlock(&aheads_lock);
    }
    return __real_close(fd);
}
