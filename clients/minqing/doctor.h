/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor: checks of one system, each a line that says what was found and what to do. The files doctor_*.c have one function each
 * (and what it needs), called in order by doctor.c; their results go through mq_doctor_say. */
#ifndef MQ_DOCTOR_H
#define MQ_DOCTOR_H

#include "status.h"

enum mq_outcome {
    MQ_CHECK_GOOD,
    MQ_CHECK_FAULT,
    MQ_CHECK_UNKNOWN, /* cannot be looked at from here, or by this user: no fault, and said */
};

#define MQ_DOCTOR_ENTRIES 200

/* One key of the settings file; owned. */
struct mq_settings_entry {
    char *section, *key, *value;
};

struct mq_doctor {
    /* what was asked for */
    const char *config, *reference;
    int64_t disk_percent, clock_ms, certificate_days;
    bool json, colour;
    struct mq_client_login login;
    /* what was found on the way; NULL: not to be had */
    struct mq_client *client;
    PGconn *reader, *admin;
    struct mq_screen screen;
    struct mq_settings_entry entries[MQ_DOCTOR_ENTRIES];
    size_t entry_count;
    char broker_config[1024]; /* "": not known */
    char broker_folder[1024], broker_certificate[1024];
    /* what was said */
    size_t good, faults, unknown;
    bool away; /* broker or database cannot be reached */
};

/* Says one result. `check` is a row of the table in doctor.c, which has its name and the advice. */
void mq_doctor_say(struct mq_doctor *d, const char *check, enum mq_outcome outcome, const char *format, ...) MQ_PRINTF(4, 5);

/* The value of a key of the settings file, NULL: not there. */
const char *mq_doctor_setting(const struct mq_doctor *d, const char *section, const char *key);

void mq_doctor_files(struct mq_doctor *d);        /* settings, secrets, keys, model */
void mq_doctor_certificates(struct mq_doctor *d); /* after the broker */
void mq_doctor_broker(struct mq_doctor *d);       /* connection, rights, account files, its settings */
void mq_doctor_database(struct mq_doctor *d);     /* connection, settings, schema, roles, sealed data */
void mq_doctor_services(struct mq_doctor *d);     /* after both: health, backlog, deadlines, locks, webhooks, disks */

#endif
