/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a connection to the broker. */
#include "bus_socket.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define PUBLISH 3 /* the kind of packet that brings a message */

static int peer_port(int fd) {
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof(peer);
    if (getpeername(fd, (struct sockaddr *)&peer, &length) < 0)
        return -1;
    if (peer.ss_family == AF_INET)
        return ntohs(((struct sockaddr_in *)&peer)->sin_port);
    return peer.ss_family == AF_INET6 ? ntohs(((struct sockaddr_in6 *)&peer)->sin6_port) : -1;
}

/* Paho offers neither the option nor the descriptor, and Nagle against delayed ACK costs 40 ms at every hop: so look for the
 * descriptor whose peer has the broker's port. */
int mq_bus_socket(int64_t port, int *fd) {
    int found = 0;
    *fd = -1;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        int candidate = atoi(e->d_name);
        if (e->d_name[0] != '.' && peer_port(candidate) == port
            && setsockopt(candidate, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)) == 0)
            *fd = found++ ? -1 : candidate;
    }
    closedir(dir);
    return found;
}

bool mq_bus_socket_cork(int fd, bool on) { return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &(int){ on }, sizeof(int)) == 0; }

bool mq_bus_socket_waiting(int fd) {
    unsigned char head[2048]; /* kind, then the length in up to four groups of seven bits, the lowest first, then the rest */
    ssize_t there = recv(fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
    if (there < 2 || head[0] >> 4 != PUBLISH)
        return false;
    ssize_t length = 0, at = 1;
    for (int shift = 0; at < 5 && at < there; shift += 7) {
        length |= (ssize_t)(head[at] & 0x7f) << shift;
        if (head[at++] < 0x80)
            return there - at >= length;
    }
    return false;
}
