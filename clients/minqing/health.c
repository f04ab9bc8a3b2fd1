/* SPDX-License-Identifier: Apache-2.0 */
/* Health of the services. */
#include "health.h"

#include "retained.h"

#include "common/clock.h"
#include "common/message.h"

#include <stdio.h>
#include <stdlib.h>

#define STALE_US 30000000

const char *const mq_health_services[] = { "ingest", "classifier", "dispatcher", "notifier", "query", "webhook", NULL };

static void copy(char *out, size_t size, struct mq_str text) {
    snprintf(out, size, "%.*s", (int)text.n, text.s ? text.s : "");
}

static int take_counter(void *userdata, struct mq_str key, struct mq_str value) {
    int64_t *counters = userdata;
    for (size_t i = 0; i < MQ_METRIC_COUNT; i++)
        if (mq_str_equal(key, mq_str(mq_metrics_name((enum mq_metric)i))))
            counters[i] = strtoll(value.s, NULL, 10);
    return 0;
}

/* The place of an instance: what came of it before is replaced. */
static struct mq_instance *place_for(struct mq_health_set *set, const struct mq_health *h) {
    struct mq_instance fresh = { .payload = NULL };
    copy(fresh.service, sizeof(fresh.service), h->service);
    copy(fresh.name, sizeof(fresh.name), h->instance);
    size_t i = 0;
    while (i < set->count
           && (strcmp(set->instances[i].service, fresh.service) != 0 || strcmp(set->instances[i].name, fresh.name) != 0))
        i++;
    if (i < set->count)
        free(set->instances[i].payload);
    else
        set->count++;
    set->instances[i] = fresh;
    return &set->instances[i];
}

static void take_health(void *userdata, const struct mq_arrival *arrival) {
    struct mq_health_set *set = userdata;
    struct mq_health h;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (arrival->payload.n == 0)
        return;
    if (set->count == MQ_HEALTH_INSTANCES || !mq_json_decode(&mq_health_object, arrival->payload, &h, &document, &faults)) {
        set->left_out++;
        return;
    }
    struct mq_instance *instance = place_for(set, &h);
    int64_t at = 0;
    copy(instance->state, sizeof(instance->state), h.state);
    copy(instance->version, sizeof(instance->version), h.version);
    if (mq_clock_parse(h.at, &at))
        instance->age_us = mq_clock_now_us() - at;
    instance->pid = h.pid;
    instance->inbox_messages = h.inbox_messages;
    instance->inbox_bytes = h.inbox_bytes;
    instance->behind = h.behind;
    instance->database_away = mq_str_equal(h.database, MQ_STR("away"));
    if (h.counters.n)
        mq_ignore(mq_json_each_member(h.counters, take_counter, instance->counters));
    if (h.recent.n)
        mq_ignore(mq_json_each_member(h.recent, take_counter, instance->recent));
    instance->payload = strndup(arrival->payload.s, arrival->payload.n);
}

static size_t place_of(const char *service) {
    size_t i = 0;
    while (mq_health_services[i] && strcmp(mq_health_services[i], service) != 0)
        i++;
    return i;
}

/* In the order of the flow, what is not part of it behind, by name. */
static int compare(const void *a, const void *b) {
    const struct mq_instance *left = a, *right = b;
    size_t l = place_of(left->service), r = place_of(right->service);
    int by_name = strcmp(left->service, right->service);
    return l != r ? (l < r ? -1 : 1) : by_name ? by_name : strcmp(left->name, right->name);
}

int mq_health_read(struct mq_client *client, struct mq_health_set *set) {
    int r = mq_retained_read(client, &(struct mq_retained) { .topic = MQ_TOPIC_HEALTH, .each = take_health, .userdata = set });
    qsort(set->instances, set->count, sizeof(*set->instances), compare);
    return r;
}

void mq_health_set_deinit(struct mq_health_set *set) {
    for (size_t i = 0; i < set->count; i++)
        free(set->instances[i].payload);
    set->count = 0;
}

bool mq_instance_stale(const struct mq_instance *instance) {
    return instance->age_us > STALE_US;
}

bool mq_instance_down(const struct mq_instance *instance) {
    return strcmp(instance->state, "down") == 0;
}
bool mq_instance_speaks(const struct mq_instance *instance) {
    return !mq_instance_down(instance) && !mq_instance_stale(instance);
}

const struct mq_instance *mq_health_of(const struct mq_health_set *set, const char *service) {
    const struct mq_instance *found = NULL;
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->instances[i].service, service) == 0 && (!found || !mq_instance_speaks(found)))
            found = &set->instances[i];
    return found;
}

bool mq_health_service_up(const struct mq_health_set *set, const char *service) {
    const struct mq_instance *found = mq_health_of(set, service);
    return found && mq_instance_speaks(found);
}

bool mq_health_all_up(const struct mq_health_set *set) {
    for (size_t i = 0; mq_health_services[i]; i++)
        if (!mq_health_service_up(set, mq_health_services[i]))
            return false;
    for (size_t i = 0; i < set->count; i++)
        if (!mq_health_service_up(set, set->instances[i].service))
            return false;
    return true;
}

int64_t mq_health_sum(const struct mq_health_set *set, const char *service, enum mq_metric counter) {
    int64_t sum = 0;
    for (size_t i = 0; i < set->count; i++)
        if (strcmp(set->instances[i].service, service) == 0)
            sum += set->instances[i].counters[counter];
    return sum;
}
