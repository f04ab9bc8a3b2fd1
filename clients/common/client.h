/* SPDX-License-Identifier: Apache-2.0 */
/* What programs for people and devices share: the broker's options and environment, connecting with faults said in words,
 * waiting for messages through a bounded inbox, request and reply. */
#ifndef MQ_CLIENT_H
#define MQ_CLIENT_H

#include "common/buffer.h"
#include "common/bus.h"
#include "common/topic.h"
#include "options.h"

/* Whose name and password the environment gives where no -u/-P did: MINQING_{DEVICE,DESK,OPERATOR}_USER and _PASSWORD. Anyone: of
 * operator, desk and device the first that the environment names. */
enum mq_client_who { MQ_CLIENT_DEVICE, MQ_CLIENT_DESK, MQ_CLIENT_OPERATOR, MQ_CLIENT_ANYONE };

/* Where the broker is and who we are. Zeroed at first; then the options, then mq_client_login for what they left open. */
struct mq_client_login {
    const char *host, *ca_file, *user;
    int64_t port;
    const char *password, *password_file;
    char *secret; /* owned: the password in use, wiped by mq_client_login_deinit */
};

/* Rows of a struct mq_option table: -h -p -u -P --password-file --ca-file. */
/* clang-format off */
#define MQ_CLIENT_OPTIONS(login)                                                                                                  \
    { 'h', "host", MQ_OPTION_TEXT, &(login)->host, "HOST", "消息服务器 broker (MINQING_MQTT_HOST, 127.0.0.1)", 0, 0 },               \
    { 'p', "port", MQ_OPTION_INTEGER, &(login)->port, "PORT", "端口 its port (MINQING_MQTT_PORT, 1883)", 1, 65535 },                 \
    { 'u', "user", MQ_OPTION_TEXT, &(login)->user, "ACCOUNT", "账号 account", 0, 0 },                                               \
    { 'P', "password", MQ_OPTION_TEXT, &(login)->password, "PASSWORD", "密码 its password; others can see it in the process list", 0, 0 }, \
    { 0, "password-file", MQ_OPTION_TEXT, &(login)->password_file, "FILE", "从文件读取密码 file to read it from", 0, 0 },              \
    { 0, "ca-file", MQ_OPTION_TEXT, &(login)->ca_file, "FILE", "证书 certificates to trust; means TLS (MINQING_MQTT_CA_FILE)", 0, 0 }
/* clang-format on */

/* Fills from the environment what the options left open, and reads the password. 0, or the exit status after a complaint. */
MQ_MUST_CHECK int mq_client_login(struct mq_client_login *login, enum mq_client_who who);
void mq_client_login_deinit(struct mq_client_login *login);

/* What differs between programs; zero takes the default in brackets. */
struct mq_client_setup {
    const char *client_id;  /* NULL: minqing-cli-{pid}-{random} */
    bool keep_session;      /* a device's session; else clean start */
    int64_t session_expiry_s;
    int64_t keep_alive_s;   /* [30] */
    int64_t window;         /* [16] publishes in flight */
    size_t inbox_bytes;     /* [8 MiB] */
    size_t inbox_messages;  /* [16384] */
};

struct mq_client;

/* Copies what it needs; does not connect yet. SIGINT and SIGTERM then make mq_client_wait return -EINTR; a second one ends the
 * program. 0 or negative errno. */
MQ_MUST_CHECK int mq_client_new(const struct mq_client_login *login, const struct mq_client_setup *setup, struct mq_client **out);
/* Ends the connection; what is in flight gets a second. NULL is allowed. */
void mq_client_free(struct mq_client *client);
static inline void mq_client_cleanup(struct mq_client **client) { mq_client_free(*client); }

/* Connects (again). As mq_bus_connect; silent, for programs that try again by themselves. */
MQ_MUST_CHECK int mq_client_connect(struct mq_client *client);

/* mq_client_login, mq_client_new and mq_client_connect in one, for a program that ends where the broker cannot be reached.
 * 0, or the exit status after a complaint. *out is set only on success. */
MQ_MUST_CHECK int mq_client_open(struct mq_client_login *login, enum mq_client_who who, struct mq_client **out);

/* Says in words why a connection failed (negative errno of mq_client_connect), and returns the exit status for it. */
int mq_client_explain(const struct mq_client_login *login, int error);

struct mq_bus *mq_client_bus(struct mq_client *client);
struct mq_inbox *mq_client_inbox(struct mq_client *client);
/* Arrivals thrown away because the inbox was full. */
uint64_t mq_client_dropped(const struct mq_client *client);

/* Subscribes to one filter of a known topic, `parts` as in mq_topic_filter. -EACCES, -ENOTCONN, -EINVAL. */
MQ_MUST_CHECK int mq_client_subscribe(struct mq_client *client, enum mq_topic topic, const struct mq_str *parts, size_t count,
                                      int qos);

/* Waits for the next arrival, at most until `until_us` (monotonic; INT64_MAX: for ever). 1: *out is a view that stays valid
 * until mq_client_done. 0: time ran out. -ENOTCONN: the connection went and the inbox is empty. -EINTR: asked to stop. */
MQ_MUST_CHECK int mq_client_wait(struct mq_client *client, int64_t until_us, struct mq_arrival *out);
void mq_client_done(struct mq_client *client);

/* Waits `ms` without looking at the inbox. false: asked to stop. */
MQ_MUST_CHECK bool mq_client_pause(int64_t ms);

/* Has somebody asked this program to stop? Also true after a write to a slow terminal was interrupted. */
bool mq_client_stopping(void);

/* A request with a reply: publishes under a topic with our own response topic (subscribed first) until a reply comes. */
struct mq_client_request {
    enum mq_topic topic;
    const struct mq_str *parts;
    size_t count;
    struct mq_str payload;
    const char *name;  /* the response topic is minqing/reply/{account}/{name}-{random} */
    unsigned tries;    /* [3] */
    int64_t wait_ms;   /* [5000] for each */
};

/* 0: the reply's payload was appended to *reply. -ETIMEDOUT: none came; -EHOSTUNREACH: none came, and nobody is subscribed;
 * -EACCES: the broker refused the publish or the subscription; -ENOTCONN; -EINTR. Other arrivals are passed over. */
MQ_MUST_CHECK int mq_client_request(struct mq_client *client, const struct mq_client_request *request, struct mq_buffer *reply);

#endif
