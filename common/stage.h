/* SPDX-License-Identifier: Apache-2.0 */
/* The stage: the loop that every service is. Take what is in the inbox, decode, one database transaction, publish what it
 * returned. A service is a table of routes and of sweeps; everything else (reconnection, poisoned rows, backlog, health, clean
 * stop) is here. */
#ifndef MQ_STAGE_H
#define MQ_STAGE_H

#include "bus.h"
#include "config.h"
#include "json.h"
#include "metrics.h"
#include "store.h"
#include "topic.h"

#define MQ_BATCH_MESSAGES 512            /* elements of one transaction */
#define MQ_BATCH_BYTES ((size_t)256 * 1024)      /* of one stage message */

struct mq_stage;

/* One thing to handle: a message from outside, or one element of a stage array. */
struct mq_element {
    const struct mq_arrival *arrival; /* topic, properties; of a swept element only the topic */
    struct mq_str bytes;              /* the message, or the element's own slice */
    bool scanned;                     /* mq_json_scan found the bytes good */
};

/* mq_json_decode of an element. */
static inline bool mq_element_decode(const struct mq_element *element, const struct mq_object *object, void *out, struct mq_document **document,
                                     struct mq_faults *faults) {
    return element->scanned ? mq_json_decode_scanned(object, element->bytes, out, document, faults)
                            : mq_json_decode(object, element->bytes, out, document, faults);
}

/* What happens to one topic's messages. All functions run in the stage's thread. A message from outside that was published with the
 * retain flag comes to none of them but `reject`: the stage refuses it and clears the broker's copy, for which the account needs the
 * right to write where it reads. */
struct mq_route {
    enum mq_topic topic;
    bool shared; /* several instances share the work ($share/{service}-…, a group that only they know) */
    bool array;  /* the payload is an array of elements */
    const struct mq_statement *statement; /* its first column is the element's index in the batch, which the stage adds */

    /* Appends one row of cells for the element, or adds faults. 0: a row was added. 1: faults, put the element aside.
     * Negative errno: fatal. */
    int (*decode)(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults);

    /* Publishes what the statement returned; `elements` are those of the batch. 0 or negative errno (fatal). */
    int (*encode)(struct mq_stage *stage, const struct mq_element *elements, PGresult *result);

    /* After the element was stored in rejections: answers whoever sent it. NULL: nobody is told. */
    void (*reject)(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);

    /* Confirms what encode gave to mq_stage_publish_confirmed; NULL where encode does not. */
    const struct mq_statement *confirm;
};

/* A timed source that brings elements from the database when messages were lost. Its statement has the parameters
 * (position text, upto text, limit integer) and returns (element text, position text) in the order of position. */
enum mq_sweep_kind {
    MQ_SWEEP_BACKLOG, /* every sweep_ms; position is a transaction id: rows from the watermark up to those begun before the
                         sweep before this one */
    MQ_SWEEP_LIVE,    /* once after every connection to the broker; position is any text, '' at first */
    MQ_SWEEP_CLOCK,   /* every every_ms; its statement has the one parameter limit, does by itself what is due, and returns what
                         the route's encode passes on */
};

struct mq_sweep {
    enum mq_sweep_kind kind;
    const struct mq_statement *statement;
    const struct mq_route *route; /* that handles the elements */
    int64_t every_ms;             /* 0: sweep_ms of the settings */
};

/* What becomes of an arrival before the inbox. */
enum mq_admission {
    MQ_ADMITTED,
    MQ_ADMITTED_OVER, /* its sender is above its rate: comes to `later` instead of a route */
    MQ_TURNED_AWAY,   /* thrown away and counted as excess */
};

struct mq_service {
    const char *name; /* "ingest" */
    const struct mq_route *routes;
    size_t route_count;
    const struct mq_sweep *sweeps;
    size_t sweep_count;
    int64_t exclusive_lock; /* advisory lock that only one instance holds, 0: none. The others stand by. */
    void *userdata;         /* the service's own: mq_stage_userdata */
    void (*tick)(struct mq_stage *stage); /* called about once a second in the loop; may be NULL */

    /* Keeps one sender's flood out of the inbox, which is everybody's. Called on Paho's thread for each arrival, and there alone: must
     * not block. NULL: all are admitted. */
    enum mq_admission (*admit)(void *userdata, const struct mq_arrival *arrival);
    /* Tells who sent the element to keep it and send it later; in the loop. Not NULL beside `admit`. */
    void (*later)(struct mq_stage *stage, const struct mq_element *element);
};

/* The settings that every service has; a service's table begins with MQ_STAGE_SETTINGS, or, where its sweeps should come more or less
 * often, MQ_STAGE_SETTINGS_SWEEPING. */
struct mq_stage_settings {
    char *instance, *log_level;
    int64_t watchdog_ms;
    char *broker_host, *broker_user, *broker_password, *broker_ca_file;
    int64_t broker_port, broker_keep_alive_ms, broker_connect_timeout_ms, broker_answer_timeout_ms, broker_window, broker_receive_maximum;
    int64_t broker_retry_first_ms, broker_retry_cap_ms;
    char *database;
    int64_t database_connect_timeout_ms, database_answer_timeout_ms, database_statement_timeout_ms;
    int64_t database_retry_first_ms, database_retry_cap_ms;
    int64_t inbox_bytes, inbox_messages, gather_ms, sweep_ms, health_ms, rejection_bytes, rejections_an_hour, rejections_kept;
};

/* clang-format off */
#define MQ_STAGE_SETTINGS(service, s) MQ_STAGE_SETTINGS_SWEEPING(service, s, "2s")
#define MQ_STAGE_SETTINGS_SWEEPING(service, s, sweep)                                                                           \
    { service, "instance", MQ_SETTING_TEXT, &(s)->instance, "1", "name of this instance among those of the service", 0, 0 },   \
    { service, "log_level", MQ_SETTING_TEXT, &(s)->log_level, "info", "least severe line to log: error, warning, info, debug", 0, 0 }, \
    { service, "watchdog", MQ_SETTING_MS, &(s)->watchdog_ms, "90s", "a loop that does not move for so long ends the process, for its supervisor to start it again; 0: never. Longer than any wait: statement_timeout, answer_timeout", 0, 3600000 }, \
    { service, "inbox_bytes", MQ_SETTING_BYTES, &(s)->inbox_bytes, "8MiB", "room of the ring of arrived messages", 262144, 1LL << 30 }, \
    { service, "inbox_messages", MQ_SETTING_INTEGER, &(s)->inbox_messages, "16384", "most messages in the ring", 16, 1 << 20 }, \
    { service, "gather", MQ_SETTING_MS, &(s)->gather_ms, "10ms", "longest pause after a batch of several messages, so that the next is larger; 0: none. While there is little to do nothing waits", 0, 1000 }, \
    { service, "sweep", MQ_SETTING_MS, &(s)->sweep_ms, sweep, "time between looks for rows that no message brought", 100, 3600000 }, \
    { service, "health", MQ_SETTING_MS, &(s)->health_ms, "5s", "time between health messages", 500, 3600000 },                 \
    { service, "rejection_bytes", MQ_SETTING_BYTES, &(s)->rejection_bytes, "4KiB", "most bytes of a rejected message that are kept", 0, 1 << 20 }, \
    { service, "rejections_an_hour", MQ_SETTING_INTEGER, &(s)->rejections_an_hour, "1000", "rejected messages of one sender that are kept in an hour; the others are counted", 1, 1 << 20 }, \
    { service, "rejections_kept", MQ_SETTING_INTEGER, &(s)->rejections_kept, "200000", "rejected messages that are kept in all; the oldest are erased and counted", 1000, 1 << 30 }, \
    { "mqtt", "host", MQ_SETTING_TEXT, &(s)->broker_host, "127.0.0.1", "broker", 0, 0 },                                       \
    { "mqtt", "port", MQ_SETTING_INTEGER, &(s)->broker_port, "1883", "broker's port", 1, 65535 },                              \
    { "mqtt", "ca_file", MQ_SETTING_TEXT, &(s)->broker_ca_file, "", "certificates that the broker's is checked against; set means TLS", 0, 0 }, \
    { "mqtt", "keep_alive", MQ_SETTING_MS, &(s)->broker_keep_alive_ms, "30s", "MQTT keep-alive", 1000, 300000 },               \
    { "mqtt", "connect_timeout", MQ_SETTING_MS, &(s)->broker_connect_timeout_ms, "5s", "longest wait for a connection", 100, 60000 }, \
    { "mqtt", "answer_timeout", MQ_SETTING_MS, &(s)->broker_answer_timeout_ms, "20s", "longest wait for a PUBACK", 100, 600000 }, \
    { "mqtt", "window", MQ_SETTING_INTEGER, &(s)->broker_window, "200", "publishes without PUBACK at a time", 1, 1000 },        \
    { "mqtt", "receive_maximum", MQ_SETTING_INTEGER, &(s)->broker_receive_maximum, "512", "arrivals without PUBACK at a time", 1, 65535 }, \
    { "mqtt", "retry_first", MQ_SETTING_MS, &(s)->broker_retry_first_ms, "500ms", "first delay before connecting again", 10, 60000 }, \
    { "mqtt", "retry_cap", MQ_SETTING_MS, &(s)->broker_retry_cap_ms, "4s", "longest delay before connecting again", 10, 600000 }, \
    { service, "user", MQ_SETTING_TEXT, &(s)->broker_user, service, "account at the broker", 0, 0 },                           \
    { service, "password", MQ_SETTING_SECRET, &(s)->broker_password, "", "its password", 0, 0 },                               \
    { service, "database", MQ_SETTING_TEXT, &(s)->database, "dbname=minqing user=minqing_" service, "libpq connection string", 0, 0 }, \
    { "database", "connect_timeout", MQ_SETTING_MS, &(s)->database_connect_timeout_ms, "5s", "longest wait for a connection, in whole seconds", 2000, 60000 }, \
    { "database", "answer_timeout", MQ_SETTING_MS, &(s)->database_answer_timeout_ms, "15s", "longest silence of the network before a connection is dead", 1000, 600000 }, \
    { "database", "statement_timeout", MQ_SETTING_MS, &(s)->database_statement_timeout_ms, "60s", "longest statement, waits for locks included; where the role has less, the role's; 0: the role's", 0, 3600000 }, \
    { "database", "retry_first", MQ_SETTING_MS, &(s)->database_retry_first_ms, "200ms", "first delay before connecting again", 10, 60000 }, \
    { "database", "retry_cap", MQ_SETTING_MS, &(s)->database_retry_cap_ms, "4s", "longest delay before connecting again", 10, 600000 }
/* clang-format on */

/* Loads the settings (mq_config_load) of a table that begins with MQ_STAGE_SETTINGS, and gives the log its names and level, so that the
 * lines of a service's own setup have them. 0, or -EINVAL, -ENOENT after one line a fault. */
MQ_MUST_CHECK int mq_stage_load(const struct mq_setting *table, const char *config, const struct mq_stage_settings *settings);

/* What a service's main does after its own setup: connects, runs until SIGTERM or SIGINT, tears down. Returns the exit status:
 * 0 after a clean stop, 3 when the schema is not this program's, 1 after any other fatal error (logged). */
int mq_stage_main(const struct mq_service *service, const struct mq_stage_settings *settings);

/* For encode and reject: QoS 0 or 1 to anybody. A lost connection is not an error: what was not published comes again by
 * resend or sweep. */
void mq_stage_publish(struct mq_stage *stage, const char *topic, const struct mq_publication *publication);

/* Begins a row of the confirm statement: `cells` (the statement's, except its last, the answer as text: taken or unheard). What
 * mq_stage_publish_confirmed publishes until the next row is of this one; it is confirmed, in one statement with others, once all that
 * has its answer: unheard if one of them was. A row of which anything was lost or refused is not. */
void mq_stage_confirm(struct mq_stage *stage, const struct mq_str *cells, size_t count);

/* mq_stage_publish at QoS 1, of the row begun last. */
void mq_stage_publish_confirmed(struct mq_stage *stage, const char *topic, const struct mq_publication *publication);

/* The row begun last is not to be confirmed. */
void mq_stage_unconfirmed(struct mq_stage *stage);

/* Adds an element to the next message on a stage topic; sent at the end of the batch, or when 512 or 256 KiB are reached. */
void mq_stage_pass(struct mq_stage *stage, enum mq_topic topic, struct mq_str element);

/* Puts an element aside although its statement took it (it found it wrong): stored in rejections, then `reject` is called. */
void mq_stage_put_aside(struct mq_stage *stage, const struct mq_element *element, const struct mq_faults *faults);

/* For encode: how many elements the transaction had whose result it is given. */
size_t mq_stage_batch_rows(const struct mq_stage *stage);

struct mq_metrics *mq_stage_metrics(struct mq_stage *stage);

void *mq_stage_userdata(const struct mq_stage *stage);

/* The program's usual command line: --config FILE, --check (are the settings good? nothing else is done), --help, --version. Returns -1 to go on, else the exit status. */
int mq_stage_arguments(int argc, char **argv, const struct mq_setting *settings, const char *what, const char **config);

#endif
