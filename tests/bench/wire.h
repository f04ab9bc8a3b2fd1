/* SPDX-License-Identifier: Apache-2.0 */
/* One MQTT 5 connection of the load generator: no thread, no copy that is not needed, so that it costs little beside what it measures. */
#ifndef MQ_BENCH_WIRE_H
#define MQ_BENCH_WIRE_H

#include "common/base.h"

struct wire_bytes {
    uint8_t *data; /* owned */
    size_t from, len, capacity;
};

struct wire {
    int fd;
    size_t index; /* the caller's own number of it */
    struct wire_bytes in, out;
    uint16_t next_id;
    unsigned in_flight; /* published at QoS 1 and not yet acknowledged */
    unsigned refused;   /* PUBACK of 0x80 and above */
    uint64_t received, received_bytes, sent, sent_bytes; /* PUBLISH packets; bytes with topic and payload */
};

struct wire_account {
    const char *user, *password, *client_id;
};

struct wire_publish {
    struct mq_str topic, payload, traceparent; /* traceparent: none where n is 0 */
    int qos;
    bool retain;
};

/* Connects to 127.0.0.1 with a clean session and waits for the CONNACK. 0, negative errno, or a reason code above 0. */
MQ_MUST_CHECK int wire_connect(struct wire *wire, int port, const struct wire_account *account);

/* Subscribes at QoS 1 and waits for the SUBACK, before anything else was asked for. As wire_connect. */
MQ_MUST_CHECK int wire_subscribe(struct wire *wire, const char *filter);

/* From now on nothing blocks. */
MQ_MUST_CHECK int wire_go(struct wire *wire);

/* Appends a PUBLISH to what wire_flush writes. -ENOMEM. */
MQ_MUST_CHECK int wire_publish(struct wire *wire, const struct wire_publish *publish);

/* Writes what it can. 1: some is left, wait for the socket to take more; 0: nothing left; negative errno. */
MQ_MUST_CHECK int wire_flush(struct wire *wire);

typedef void wire_arrival(void *userdata, struct wire *wire, struct mq_str topic, struct mq_str payload);

/* Reads what is there, once, calls `arrival` for every PUBLISH and acknowledges it. 0, -EPIPE when the broker is gone, or negative
 * errno. */
MQ_MUST_CHECK int wire_read(struct wire *wire, wire_arrival *arrival, void *userdata);

void wire_close(struct wire *wire);

#endif
