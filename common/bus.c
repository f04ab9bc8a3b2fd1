/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT over Paho's synchronous client. */
#include "bus.h"

#include "bus_properties.h"
#include "bus_socket.h"
#include "clock.h"
#include "lean_paho.h"
#include "log.h"
#include "outage.h"
#include "topic.h"
#include "watchdog.h"

#include <MQTTClient.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MANY 64 /* publishes in flight: their answers need not be taken one by one */

/* Of all connections of the process: one line, not one each. */
static struct mq_outage outage = MQ_OUTAGE("broker-away", "broker-back");

struct flight {
    int token;
    enum mq_ack *ack;
};

struct early {
    int token;
    enum mq_ack ack;
};

struct mq_bus {
    struct mq_bus_options options; /* texts are owned copies */
    MQTTClient client;
    int fd;               /* eventfd: the connection went */
    bool session_present;
    bool away;            /* has met the outage; owner's thread only */
    size_t window;        /* of this connection */
    _Atomic int socket;   /* of this connection; -1: not known */
    _Atomic bool holding; /* set by the owner's thread */
    bool corked;          /* owner's thread only */
    _Atomic bool gathering; /* Paho's thread corked the socket: PUBACKs go out with the last of what has arrived */
    uint64_t published;   /* owner's thread only */

    pthread_mutex_t lock; /* for what follows; never held while Paho is called */
    pthread_cond_t changed;
    bool connected;
    const char *ended;    /* why the broker ended the connection; NULL: it did not say */
    struct flight *flights; /* options.window entries */
    size_t flying;
    size_t wanted;          /* whoever waits is woken when fewer are in flight */
    /* An answer may be here before publish returns its token; only those of the publish being called are kept. */
    bool publishing;
    struct early early[4];
    size_t earlies;
    uint64_t unheard, refused;
};

static char *copy(const char *text) { return text && *text ? strdup(text) : NULL; }

static enum mq_ack ack_of(enum MQTTReasonCodes reason) {
    if (reason >= 0x80)
        return MQ_ACK_REFUSED;
    return reason == MQTTREASONCODE_NO_MATCHING_SUBSCRIBERS ? MQ_ACK_UNHEARD : MQ_ACK_TAKEN;
}

static void count_locked(struct mq_bus *bus, enum mq_ack ack) {
    if (ack == MQ_ACK_UNHEARD)
        bus->unheard++;
    else if (ack == MQ_ACK_REFUSED)
        bus->refused++;
}

static void take_off_locked(struct mq_bus *bus, struct flight flight) {
    bus->flights[bus->flying++] = flight;
    mq_lean_paho_nap(bus->socket, bus->flying >= MANY);
}

static void land_locked(struct mq_bus *bus, size_t i, enum mq_ack ack) {
    if (bus->flights[i].ack)
        *bus->flights[i].ack = ack;
    bus->flights[i] = bus->flights[--bus->flying];
    count_locked(bus, ack);
    mq_lean_paho_nap(bus->socket, bus->flying >= MANY);
}

static void lose_all_locked(struct mq_bus *bus) {
    while (bus->flying)
        land_locked(bus, bus->flying - 1, MQ_ACK_LOST);
    bus->connected = false;
    pthread_cond_broadcast(&bus->changed);
}

static void on_published(void *context, int token, int packet_type, MQTTProperties *properties, enum MQTTReasonCodes reason) {
    struct mq_bus *bus = context;
    (void)packet_type;
    (void)properties;
    pthread_mutex_lock(&bus->lock);
    size_t i = 0;
    while (i < bus->flying && bus->flights[i].token != token)
        i++;
    if (i < bus->flying)
        land_locked(bus, i, ack_of(reason));
    else if (bus->publishing && bus->earlies < MQ_LENGTH(bus->early))
        bus->early[bus->earlies++] = (struct early){ token, ack_of(reason) };
    if (bus->flying < bus->wanted)
        pthread_cond_broadcast(&bus->changed);
    pthread_mutex_unlock(&bus->lock);
}

static void on_lost(void *context, char *cause) {
    struct mq_bus *bus = context;
    (void)cause;
    pthread_mutex_lock(&bus->lock);
    lose_all_locked(bus);
    pthread_mutex_unlock(&bus->lock);
    (void)eventfd_write(bus->fd, 1);
}

static void on_disconnected(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason) {
    struct mq_bus *bus = context;
    (void)properties;
    pthread_mutex_lock(&bus->lock);
    bus->ended = MQTTReasonCode_toString(reason);
    pthread_mutex_unlock(&bus->lock);
    on_lost(context, NULL);
}

/* Paho acknowledges each message before it hands it over, in a packet of its own: while more of them wait, these are gathered. */
static void gather_acks(struct mq_bus *bus, bool more) {
    if (more == bus->gathering)
        return;
    /* while the owner holds, its release sends them, too */
    if (more || !bus->holding)
        mq_ignore(mq_bus_socket_cork(bus->socket, more));
    bus->gathering = more; /* last: whoever sees it true finds the socket corked */
}

/* Always answers 1: with 0 Paho would keep the message in its own memory and hand it over again, out of our bounds. */
static int on_arrived(void *context, char *topic, int topic_length, MQTTClient_message *message) {
    struct mq_bus *bus = context;
    bool more = bus->socket >= 0 && !bus->options.ca_file && mq_bus_socket_waiting(bus->socket);
    gather_acks(bus, more);
    struct mq_arrival arrival = {
        .topic = { topic, topic_length ? (size_t)topic_length : strlen(topic) },
        .payload = { message->payload, (size_t)message->payloadlen },
        .retained = message->retained != 0,
        .qos = (uint8_t)message->qos,
        .more = more,
        .arrived_us = mq_clock_monotonic_us(),
    };
    mq_bus_properties_of(&message->properties, &arrival);
    bus->options.arrived(bus->options.userdata, &arrival);
    MQTTClient_freeMessage(&message);
    MQTTClient_free(topic);
    return 1;
}

int mq_bus_new(const struct mq_bus_options *options, struct mq_bus **out) {
    struct mq_bus *bus = calloc(1, sizeof(*bus));
    if (!bus)
        return -ENOMEM;
    bus->options = *options;
    bus->options.host = copy(options->host);
    bus->options.client_id = copy(options->client_id);
    bus->options.user = copy(options->user);
    bus->options.password = copy(options->password);
    bus->options.ca_file = copy(options->ca_file);
    bus->options.will_topic = copy(options->will_topic);
    bus->options.will_payload = copy(options->will_payload);
    pthread_mutex_init(&bus->lock, NULL);
    pthread_cond_init(&bus->changed, NULL);
    bus->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bus->socket = -1;
    bus->flights = calloc((size_t)options->window, sizeof(*bus->flights));
    bool v6 = bus->options.host && strchr(bus->options.host, ':');
    char url[300];
    snprintf(url, sizeof(url), "%s://%s%s%s:%lld", bus->options.ca_file ? "ssl" : "tcp", v6 ? "[" : "",
             bus->options.host ? bus->options.host : "", v6 ? "]" : "", (long long)options->port);
    MQTTClient_createOptions create = MQTTClient_createOptions_initializer;
    create.MQTTVersion = MQTTVERSION_5;
    int r = bus->fd < 0 || !bus->flights || !bus->options.host || !bus->options.client_id ? -ENOMEM : 0;
    if (r == 0
        && (MQTTClient_createWithOptions(&bus->client, url, bus->options.client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create) != 0
            || MQTTClient_setCallbacks(bus->client, bus, on_lost, on_arrived, NULL) != 0
            || MQTTClient_setPublished(bus->client, bus, on_published) != 0
            || MQTTClient_setDisconnected(bus->client, bus, on_disconnected) != 0))
        r = -EINVAL;
    if (r < 0) {
        mq_bus_free(bus);
        return r;
    }
    *out = bus;
    return 0;
}

void mq_bus_free(struct mq_bus *bus) {
    if (!bus)
        return;
    if (bus->client)
        MQTTClient_destroy(&bus->client);
    if (bus->fd >= 0)
        close(bus->fd);
    free((char *)bus->options.host);
    free((char *)bus->options.client_id);
    free((char *)bus->options.user);
    free((char *)bus->options.password);
    free((char *)bus->options.ca_file);
    free((char *)bus->options.will_topic);
    free((char *)bus->options.will_payload);
    free(bus->flights);
    pthread_cond_destroy(&bus->changed);
    pthread_mutex_destroy(&bus->lock);
    free(bus);
}

/* `code`: below 0 Paho's own, else the broker's reason. (The enumeration is unsigned: compare as int.) */
static int connect_error(struct mq_bus *bus, int code) {
    if (code >= 0 && code < 0x80)
        return 0;
    bool denied = code == MQTTREASONCODE_NOT_AUTHORIZED || code == MQTTREASONCODE_BAD_USER_NAME_OR_PASSWORD;
    const char *text = code > 0 ? MQTTReasonCode_toString((enum MQTTReasonCodes)code) : "no answer";
    mq_outage_met(&outage, &bus->away, MQ_WARNING, "cannot connect to the broker at %s:%lld as %s: %s (%d); tried again until it answers: %s",
                  bus->options.host, (long long)bus->options.port, bus->options.user ? bus->options.user : "nobody",
                  text ? text : "refused", code,
                  denied ? "does its password_file have this account and password ('minqing account sync', 'minqing account reset')?"
                         : "is it running?");
    return denied ? -EACCES : code > 0 ? -EPROTO : -ECONNREFUSED;
}

static void connect_options(struct mq_bus *bus, MQTTClient_connectOptions *o, MQTTClient_willOptions *will, MQTTClient_SSLOptions *tls) {
    o->keepAliveInterval = (int)bus->options.keep_alive_s;
    o->cleanstart = !bus->options.keep_session;
    o->connectTimeout = (int)((bus->options.connect_timeout_ms + 999) / 1000);
    o->username = bus->options.user;
    o->password = bus->options.password;
    /* above our own window, so that Paho's never makes the caller sleep */
    o->maxInflightMessages = (int)bus->options.window + 1;
    if (bus->options.will_topic) {
        will->topicName = bus->options.will_topic;
        will->message = bus->options.will_payload;
        will->qos = 1;
        will->retained = 1;
        o->will = will;
    }
    if (bus->options.ca_file) {
        tls->trustStore = bus->options.ca_file;
        tls->enableServerCertAuth = 1;
        tls->verify = 1;
        o->ssl = tls;
    }
}

int mq_bus_connect(struct mq_bus *bus) {
    mq_watchdog_at("connecting to the broker", NULL);
    MQTTClient_connectOptions o = MQTTClient_connectOptions_initializer5;
    MQTTClient_willOptions will = MQTTClient_willOptions_initializer;
    MQTTClient_SSLOptions tls = MQTTClient_SSLOptions_initializer;
    connect_options(bus, &o, &will, &tls);
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTProperty expiry = { .identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL };
    expiry.value.integer4 = bus->options.keep_session ? (unsigned)bus->options.session_expiry_s : 0;
    MQTTProperties_add(&properties, &expiry);
    MQTTProperty maximum = { .identifier = MQTTPROPERTY_CODE_RECEIVE_MAXIMUM };
    maximum.value.integer2 = (unsigned short)bus->options.receive_maximum;
    MQTTProperties_add(&properties, &maximum);

    bus->socket = -1; /* its number may be another's soon */
    eventfd_t seen;
    (void)eventfd_read(bus->fd, &seen);
    pthread_mutex_lock(&bus->lock);
    bus->ended = NULL;
    bus->connected = true; /* a loss during the handshake must not be forgotten */
    pthread_mutex_unlock(&bus->lock);
    MQTTResponse response = MQTTClient_connect5(bus->client, &o, &properties, NULL);
    MQTTProperties_free(&properties);
    int r = connect_error(bus, (int)response.reasonCode);
    if (r == 0) {
        int64_t theirs = response.properties ? MQTTProperties_getNumericValue(response.properties, MQTTPROPERTY_CODE_RECEIVE_MAXIMUM) : -1;
        bus->window = (size_t)(theirs > 0 && theirs < bus->options.window ? theirs : bus->options.window);
        bus->session_present = o.returned.sessionPresent != 0;
        bus->holding = false;
        bus->corked = false;
        bus->gathering = false;
        int socket, found = mq_bus_socket(bus->options.port, &socket);
        bus->socket = socket;
        if (found == 0)
            mq_log_limited("bus-nodelay", 60000, MQ_WARNING, "no socket to %s:%lld found to set TCP_NODELAY on: expect 40 ms a hop; name the broker by the port it listens on",
                           bus->options.host, (long long)bus->options.port);
    } else {
        pthread_mutex_lock(&bus->lock);
        lose_all_locked(bus);
        pthread_mutex_unlock(&bus->lock);
    }
    MQTTResponse_free(response);
    return r;
}

bool mq_bus_connected(const struct mq_bus *bus) {
    struct mq_bus *b = (struct mq_bus *)bus;
    pthread_mutex_lock(&b->lock);
    bool connected = b->connected;
    pthread_mutex_unlock(&b->lock);
    return connected;
}

void mq_bus_lost(struct mq_bus *bus) {
    pthread_mutex_lock(&bus->lock);
    const char *ended = bus->ended;
    pthread_mutex_unlock(&bus->lock);
    mq_outage_met(&outage, &bus->away, MQ_WARNING, "connection to the broker at %s:%lld lost: %s; connecting again until it answers",
                  bus->options.host, (long long)bus->options.port, ended ? ended : "the network or the broker ended it");
}

void mq_bus_ready(struct mq_bus *bus) { mq_outage_over(&outage, &bus->away, "the broker answers again"); }

bool mq_bus_session_present(const struct mq_bus *bus) { return bus->session_present; }

/* Ends a connection that does not answer, as if the network had. */
static void give_up(struct mq_bus *bus) {
    mq_outage_met(&outage, &bus->away, MQ_WARNING, "the broker did not acknowledge within %lld ms: connecting again; is its machine overloaded?",
                  (long long)bus->options.answer_timeout_ms);
    (void)MQTTClient_disconnect5(bus->client, 0, MQTTREASONCODE_UNSPECIFIED_ERROR, NULL);
    on_lost(bus, NULL);
}

static void cork(struct mq_bus *bus, bool on) {
    if (!on && bus->gathering) { /* or ours would wait with the PUBACKs */
        bus->gathering = false;
        bus->corked = true;
    }
    /* should Paho have closed the socket and its number be another's now, that one is corked for the moment until the release */
    if (bus->corked != on && mq_bus_socket_cork(bus->socket, on))
        bus->corked = on;
}

void mq_bus_hold(struct mq_bus *bus) { bus->holding = bus->socket >= 0; }

void mq_bus_release(struct mq_bus *bus) {
    bus->holding = false;
    cork(bus, false);
}

/* Waits until fewer than `limit` are in flight. */
static int wait_below(struct mq_bus *bus, size_t limit, int64_t timeout_ms) {
    cork(bus, false);
    int64_t until = mq_clock_monotonic_us() + timeout_ms * 1000;
    struct timespec at = { .tv_sec = until / 1000000, .tv_nsec = until % 1000000 * 1000 };
    int r = 0;
    pthread_mutex_lock(&bus->lock);
    bus->wanted = limit;
    while (bus->connected && bus->flying >= limit && r == 0)
        r = pthread_cond_clockwait(&bus->changed, &bus->lock, CLOCK_MONOTONIC, &at);
    bus->wanted = 0;
    bool connected = bus->connected;
    bool below = bus->flying < limit;
    pthread_mutex_unlock(&bus->lock);
    if (!connected)
        return -ENOTCONN;
    return below ? 0 : -ETIMEDOUT;
}

/* Room for one more. A full window is let run half empty first: woken at each answer, a thread that publishes many would change places
 * with Paho's at each message. */
static int await_room(struct mq_bus *bus) {
    pthread_mutex_lock(&bus->lock);
    bool room = bus->connected && bus->flying < bus->window;
    pthread_mutex_unlock(&bus->lock);
    return room ? 0 : wait_below(bus, (bus->window + 1) / 2, bus->options.answer_timeout_ms);
}

int mq_bus_flush(struct mq_bus *bus) {
    mq_watchdog_at("waiting for PUBACKs", NULL);
    int r = wait_below(bus, 1, bus->options.answer_timeout_ms);
    if (r == -ETIMEDOUT)
        give_up(bus);
    return r;
}

void mq_bus_disconnect(struct mq_bus *bus, int64_t flush_ms) {
    if (!mq_bus_connected(bus))
        return;
    (void)wait_below(bus, 1, flush_ms);
    (void)MQTTClient_disconnect5(bus->client, 1000, MQTTREASONCODE_NORMAL_DISCONNECTION, NULL);
    pthread_mutex_lock(&bus->lock);
    lose_all_locked(bus);
    pthread_mutex_unlock(&bus->lock);
}

int mq_bus_subscribe(struct mq_bus *bus, char *const *filters, size_t count, int qos) {
    MQTTSubscribe_options options = MQTTSubscribe_options_initializer;
    options.retainAsPublished = bus->options.retain_as_published;
    for (size_t i = 0; i < count; i++) {
        mq_watchdog_at("subscribing", NULL);
        MQTTResponse response = MQTTClient_subscribe5(bus->client, filters[i], qos, &options, NULL);
        int code = (int)response.reasonCode;
        MQTTResponse_free(response);
        if (code >= 0x80) {
            mq_log_limited("subscription-refused", 60000, MQ_ERROR, "the broker refused %s the subscription to %s: %s; see its acl_file",
                           bus->options.user ? bus->options.user : "nobody", filters[i], MQTTReasonCode_toString((enum MQTTReasonCodes)code));
            return -EACCES;
        }
        if (code < 0)
            return -ENOTCONN;
    }
    return 0;
}

int mq_bus_publish(struct mq_bus *bus, const char *topic, const struct mq_publication *p, enum mq_ack *ack) {
    mq_watchdog_at("publishing", NULL);
    if (ack)
        *ack = MQ_ACK_LOST;
    if (p->qos > 0) {
        int r = await_room(bus);
        if (r == -ETIMEDOUT)
            give_up(bus);
        if (r < 0)
            return r;
        pthread_mutex_lock(&bus->lock);
        bus->publishing = true;
        bus->earlies = 0;
        pthread_mutex_unlock(&bus->lock);
    } else if (!mq_bus_connected(bus)) {
        return -ENOTCONN;
    }
    if (bus->holding)
        cork(bus, true);
    MQTTProperties properties = MQTTProperties_initializer;
    mq_bus_properties_for(p, &properties);
    MQTTClient_deliveryToken token = 0;
    MQTTResponse response =
        MQTTClient_publish5(bus->client, topic, (int)p->payload.n, p->payload.s, p->qos, p->retained, &properties, &token);
    int code = (int)response.reasonCode;
    MQTTProperties_free(&properties);
    MQTTResponse_free(response);
    if (p->qos > 0) {
        pthread_mutex_lock(&bus->lock);
        bus->publishing = false;
        if (code == MQTTCLIENT_SUCCESS && bus->connected) {
            enum mq_ack known = MQ_ACK_PENDING;
            for (size_t i = 0; i < bus->earlies; i++)
                if (bus->early[i].token == token)
                    known = bus->early[i].ack;
            if (ack)
                *ack = known;
            if (known == MQ_ACK_PENDING)
                take_off_locked(bus, (struct flight){ token, ack });
            else
                count_locked(bus, known);
        } else if (code == MQTTCLIENT_SUCCESS) {
            code = MQTTCLIENT_DISCONNECTED;
        }
        pthread_mutex_unlock(&bus->lock);
    }
    if (!bus->holding)
        cork(bus, false);
    if (code != MQTTCLIENT_SUCCESS)
        return -ENOTCONN;
    bus->published++;
    return 0;
}

int mq_bus_fd(const struct mq_bus *bus) { return bus->fd; }

void mq_bus_counts(const struct mq_bus *bus, uint64_t *published, uint64_t *unheard, uint64_t *refused) {
    struct mq_bus *b = (struct mq_bus *)bus;
    pthread_mutex_lock(&b->lock);
    *published = b->published;
    *unheard = b->unheard;
    *refused = b->refused;
    pthread_mutex_unlock(&b->lock);
}
