/* SPDX-License-Identifier: Apache-2.0 */
/* One MQTT 5 connection. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, PUBACK = 0x40, SUBSCRIBE = 0x82, SUBACK = 0x90 };
enum { ROOM = 65536, KEEP_ALIVE_S = 300 };

static int reserve(struct wire_bytes *b, size_t n) {
    if (b->from > 0 && b->from == b->len)
        b->from = b->len = 0;
    if (b->len + n <= b->capacity)
        return 0;
    if (b->from > 0) {
        memmove(b->data, b->data + b->from, b->len - b->from);
        b->len -= b->from;
        b->from = 0;
        if (b->len + n <= b->capacity)
            return 0;
    }
    size_t capacity = b->capacity ? b->capacity : 4096;
    while (capacity < b->len + n)
        capacity *= 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

/* The caller has reserved. */
static void put(struct wire_bytes *b, const void *bytes, size_t n) {
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
}

static void put_byte(struct wire_bytes *b, unsigned byte) {
    b->data[b->len++] = (uint8_t)byte;
}

static void put_word(struct wire_bytes *b, size_t word) {
    put_byte(b, (unsigned)(word >> 8) & 0xff);
    put_byte(b, (unsigned)word & 0xff);
}

static void put_length(struct wire_bytes *b, size_t n) {
    do {
        unsigned byte = (unsigned)(n & 0x7f);
        n >>= 7;
        put_byte(b, n ? byte | 0x80 : byte);
    } while (n);
}

static void put_text(struct wire_bytes *b, struct mq_str text) {
    put_word(b, text.n);
    put(b, text.s, text.n);
}

/* A length as MQTT writes it. Returns its bytes, 0 when it is not all there. */
static size_t read_length(const uint8_t *p, size_t n, size_t *value) {
    *value = 0;
    for (size_t i = 0; i < n && i < 4; i++) {
        *value |= (size_t)(p[i] & 0x7f) << (7 * i);
        if (!(p[i] & 0x80))
            return i + 1;
    }
    return 0;
}

/* The next whole packet, or false. */
static bool next_packet(struct wire_bytes *in, unsigned *type, struct mq_str *body) {
    size_t length, have = in->len - in->from;
    const uint8_t *p = in->data + in->from;
    if (have < 2)
        return false;
    size_t head = 1 + read_length(p + 1, have - 1, &length);
    if (head == 1 || have < head + length)
        return false;
    *type = p[0];
    *body = (struct mq_str){ (const char *)p + head, length };
    in->from += head + length;
    return true;
}

static int read_some(struct wire *wire) {
    if (reserve(&wire->in, ROOM) < 0)
        return -ENOMEM;
    ssize_t n = read(wire->fd, wire->in.data + wire->in.len, wire->in.capacity - wire->in.len);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n == 0)
        return -EPIPE;
    wire->in.len += (size_t)n;
    return 0;
}

/* Waits for one packet of `type` with at least `n` bytes on a socket that blocks. */
static int await(struct wire *wire, unsigned type, size_t n, struct mq_str *body) {
    unsigned got;
    while (!next_packet(&wire->in, &got, body)) {
        int r = read_some(wire);
        if (r < 0)
            return r;
    }
    return got == type && body->n >= n ? 0 : -EPROTO;
}

static int write_all(struct wire *wire) {
    int r;
    do
        r = wire_flush(wire);
    while (r > 0);
    return r;
}

int wire_connect(struct wire *wire, int port, const struct wire_account *account) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct mq_str client_id = mq_str(account->client_id), user = mq_str(account->user), password = mq_str(account->password), body = { "", 0 };
    const int on = 1;
    wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (wire->fd < 0 || connect(wire->fd, (struct sockaddr *)&address, sizeof(address)) < 0
        || setsockopt(wire->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0)
        return -errno;
    size_t length = 6 + 1 + 1 + 2 + 1 + 2 + client_id.n + 2 + user.n + 2 + password.n;
    struct wire_bytes *out = &wire->out;
    if (reserve(out, length + 8) < 0)
        return -ENOMEM;
    put_byte(out, CONNECT);
    put_length(out, length);
    put_text(out, MQ_STR("MQTT"));
    put_byte(out, 5);
    put_byte(out, 0xc2); /* user, password, clean start */
    put_word(out, KEEP_ALIVE_S);
    put_length(out, 0);
    put_text(out, client_id);
    put_text(out, user);
    put_text(out, password);
    int r = write_all(wire);
    if (r == 0)
        r = await(wire, CONNACK, 2, &body);
    return r < 0 ? r : (uint8_t)body.s[1];
}

int wire_subscribe(struct wire *wire, const char *filter) {
    struct mq_str text = mq_str(filter), body = { "", 0 };
    if (reserve(&wire->out, text.n + 16) < 0)
        return -ENOMEM;
    put_byte(&wire->out, SUBSCRIBE);
    put_length(&wire->out, 2 + 1 + 2 + text.n + 1);
    put_word(&wire->out, 1);
    put_length(&wire->out, 0);
    put_text(&wire->out, text);
    put_byte(&wire->out, 1 | 1 << 5); /* QoS 1; nothing that was retained before */
    int r = write_all(wire);
    if (r == 0)
        r = await(wire, SUBACK, 4, &body);
    return r < 0 ? r : (uint8_t)body.s[3] >= 0x80 ? (uint8_t)body.s[3] : 0;
}

int wire_go(struct wire *wire) {
    return fcntl(wire->fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

int wire_publish(struct wire *wire, const struct wire_publish *p) {
    static const struct mq_str json = MQ_STR("application/json"), trace = MQ_STR("traceparent");
    size_t properties = 2 + 3 + json.n + (p->traceparent.n ? 5 + trace.n + p->traceparent.n : 0);
    size_t length = 2 + p->topic.n + (p->qos ? 2 : 0) + (properties > 127 ? 2 : 1) + properties + p->payload.n;
    struct wire_bytes *out = &wire->out;
    if (reserve(out, length + 8) < 0)
        return -ENOMEM;
    put_byte(out, PUBLISH | (unsigned)p->qos << 1 | (p->retain ? 1 : 0));
    put_length(out, length);
    put_text(out, p->topic);
    if (p->qos) {
        wire->next_id = wire->next_id == UINT16_MAX ? 1 : (uint16_t)(wire->next_id + 1);
        put_word(out, wire->next_id);
        wire->in_flight++;
    }
    put_length(out, properties);
    put_byte(out, 0x01); /* payload format: UTF-8 */
    put_byte(out, 1);
    put_byte(out, 0x03); /* content type */
    put_text(out, json);
    if (p->traceparent.n) {
        put_byte(out, 0x26); /* user property */
        put_text(out, trace);
        put_text(out, p->traceparent);
    }
    put(out, p->payload.s, p->payload.n);
    wire->sent++;
    wire->sent_bytes += p->topic.n + p->payload.n;
    return 0;
}

int wire_flush(struct wire *wire) {
    struct wire_bytes *out = &wire->out;
    while (out->from < out->len) {
        ssize_t n = send(wire->fd, out->data + out->from, out->len - out->from, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 1 : -errno;
        out->from += (size_t)n;
    }
    out->from = out->len = 0;
    return 0;
}

static int acknowledge(struct wire *wire, const char *id) {
    if (reserve(&wire->out, 4) < 0)
        return -ENOMEM;
    put_byte(&wire->out, PUBACK);
    put_byte(&wire->out, 2);
    put(&wire->out, id, 2);
    return 0;
}

static int arrived(struct wire *wire, unsigned type, struct mq_str body, wire_arrival *arrival, void *userdata) {
    const uint8_t *p = (const uint8_t *)body.s;
    size_t at = 2, properties, qos = type >> 1 & 3, topic = body.n >= 2 ? (size_t)p[0] << 8 | p[1] : body.n;
    if (body.n < at + topic + (qos ? 2 : 0))
        return -EPROTO;
    at += topic;
    const char *id = body.s + at;
    at += qos ? 2 : 0;
    size_t head = read_length(p + at, body.n - at, &properties);
    if (head == 0 || body.n < at + head + properties)
        return -EPROTO;
    at += head + properties;
    wire->received++;
    wire->received_bytes += topic + body.n - at;
    int r = qos ? acknowledge(wire, id) : 0;
    arrival(userdata, wire, (struct mq_str){ body.s + 2, topic }, (struct mq_str){ body.s + at, body.n - at });
    return r;
}

int wire_read(struct wire *wire, wire_arrival *arrival, void *userdata) {
    unsigned type;
    struct mq_str body;
    int r = read_some(wire);
    while (r == 0 && next_packet(&wire->in, &type, &body)) {
        if ((type & 0xf0) == PUBLISH) {
            r = arrived(wire, type, body, arrival, userdata);
        } else if (type == PUBACK) {
            wire->in_flight -= wire->in_flight > 0;
            wire->refused += body.n > 2 && (uint8_t)body.s[2] >= 0x80;
        } else if ((type & 0xf0) == 0xe0) {
            return -EPIPE; /* DISCONNECT */
        }
    }
    return r;
}

void wire_close(struct wire *wire) {
    if (wire->fd > 0)
        close(wire->fd);
    free(wire->in.data);
    free(wire->out.data);
    *wire = (struct wire){ .fd = -1 };
}
