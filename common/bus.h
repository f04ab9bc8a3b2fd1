/* SPDX-License-Identifier: Apache-2.0 */
/* The connection to the MQTT 5 broker: Paho's synchronous client hidden behind a window, reason codes and TCP_NODELAY. One thread
 * (the owner) calls everything here; arrivals come on Paho's thread. */
#ifndef MQ_BUS_H
#define MQ_BUS_H

#include "base.h"
#include "inbox.h"

struct mq_bus;

struct mq_bus_options {
    const char *host;
    int64_t port;
    const char *client_id;
    const char *user, *password;
    const char *ca_file;          /* trust store (PEM); set means TLS */
    bool keep_session;            /* a device's session, kept by the broker for session_expiry_s; services start clean */
    int64_t session_expiry_s;
    int64_t keep_alive_s;
    int64_t connect_timeout_ms;
    int64_t answer_timeout_ms;    /* longest wait for PUBACKs before the connection counts as lost */
    int64_t window;               /* publishes in flight; the smaller of this and the broker's Receive Maximum is used */
    int64_t receive_maximum;      /* ours, told to the broker */
    bool retain_as_published;     /* arrivals are marked retained when they were published so; else when they come from the store */
    const char *will_topic, *will_payload; /* retained, QoS 1; NULL: none */
    /* Called on Paho's thread; must copy and return at once. */
    void (*arrived)(void *userdata, const struct mq_arrival *arrival);
    void *userdata;
};

/* What became of a QoS 1 publish. */
enum mq_ack {
    MQ_ACK_PENDING,
    MQ_ACK_TAKEN,   /* PUBACK 0x00 */
    MQ_ACK_UNHEARD, /* PUBACK 0x10: nobody is subscribed */
    MQ_ACK_REFUSED, /* PUBACK >= 0x80 */
    MQ_ACK_LOST,    /* the connection went before the answer */
};

struct mq_publication {
    struct mq_str payload;
    int qos;
    bool retained;
    int64_t expiry_s;           /* message expiry; 0: none */
    struct mq_str correlation;  /* optional */
    struct mq_str response_topic; /* optional */
    struct mq_str traceparent;  /* optional, as user property */
    bool bytes;                 /* the payload is not JSON text */
};

/* Copies what it needs of the options. -ENOMEM, -EINVAL. */
MQ_MUST_CHECK int mq_bus_new(const struct mq_bus_options *options, struct mq_bus **out);
/* Ends the connection at once, without saying goodbye. */
void mq_bus_free(struct mq_bus *bus);

/* Connects, sets TCP_NODELAY on the socket, reads the broker's Receive Maximum. 0; -ECONNREFUSED, -EACCES (not authorised),
 * -ETIMEDOUT, -EPROTO, logged with the broker's reason once an outage. */
MQ_MUST_CHECK int mq_bus_connect(struct mq_bus *bus);
bool mq_bus_connected(const struct mq_bus *bus);
/* For the log: the owner saw that the connection is lost, and that all is well again (connected, subscribed). */
void mq_bus_lost(struct mq_bus *bus);
void mq_bus_ready(struct mq_bus *bus);
/* Did the broker still know our session at the last connect? */
bool mq_bus_session_present(const struct mq_bus *bus);
/* Says goodbye after at most `flush_ms` for what is in flight. The last will is not sent. */
void mq_bus_disconnect(struct mq_bus *bus, int64_t flush_ms);

/* Subscribes; -EACCES when the broker refuses one, -ENOTCONN. */
MQ_MUST_CHECK int mq_bus_subscribe(struct mq_bus *bus, char *const *filters, size_t count, int qos);

/* Publishes; waits while the window is full, at most answer_timeout_ms. For QoS 1 `*ack` (may be NULL) is set when the answer
 * comes; it must stay valid until mq_bus_flush or a disconnect. 0; -ENOTCONN; -ETIMEDOUT (connection then counts as lost). */
MQ_MUST_CHECK int mq_bus_publish(struct mq_bus *bus, const char *topic, const struct mq_publication *publication, enum mq_ack *ack);

/* Between these publishes are gathered into few packets instead of a packet each, which spares the broker and us much work for the
 * network. Whatever waits (mq_bus_flush, a full window) sends what is gathered first. Nothing may be held while the owner waits for
 * anything else. */
void mq_bus_hold(struct mq_bus *bus);
void mq_bus_release(struct mq_bus *bus);

/* Waits until nothing is in flight. 0, or -ETIMEDOUT / -ENOTCONN, when what was left is MQ_ACK_LOST. */
MQ_MUST_CHECK int mq_bus_flush(struct mq_bus *bus);

/* Readable after the connection was lost; reading is the owner's (mq_bus_connect clears it). */
int mq_bus_fd(const struct mq_bus *bus);

/* Publishes that answered 0x10 and >= 0x80 so far. */
void mq_bus_counts(const struct mq_bus *bus, uint64_t *published, uint64_t *unheard, uint64_t *refused);

#endif
