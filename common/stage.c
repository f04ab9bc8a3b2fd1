/* SPDX-License-Identifier: Apache-2.0 */
/* Setup, connections and the loop of every service. */
#include "stage_internal.h"

#include "clock.h"
#include "drill.h"
#include "log.h"
#include "notify.h"
#include "secret_name.h"
#include "version.h"
#include "watchdog.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define STANDBY_RETRY_US 500000
#define RESUBSCRIBE_US 10000000

struct mq_metrics *mq_stage_metrics(struct mq_stage *stage) { return &stage->metrics; }
void *mq_stage_userdata(const struct mq_stage *stage) { return stage->service->userdata; }

/* On Paho's thread: copy and return. */
static void arrived(void *userdata, const struct mq_arrival *arrival) {
    struct mq_stage *stage = userdata;
    const struct mq_service *service = stage->service;
    enum mq_admission admission = service->admit ? service->admit(service->userdata, arrival) : MQ_ADMITTED;
    struct mq_arrival kept = *arrival;
    kept.over = admission == MQ_ADMITTED_OVER;
    mq_metrics_add(&stage->metrics, MQ_METRIC_RECEIVED, 1);
    bool taken = admission != MQ_TURNED_AWAY && mq_inbox_put(stage->inbox, &kept);
    if (admission == MQ_TURNED_AWAY && !arrival->more)
        mq_inbox_wake(stage->inbox);
    if (!taken)
        mq_metrics_add(&stage->metrics, admission == MQ_TURNED_AWAY ? MQ_METRIC_EXCESS : MQ_METRIC_DROPPED, 1);
    if (!taken && arrival->retained && arrival->payload.n)
        atomic_store(&stage->retained_left, true);
    mq_drill_point(MQ_DRILL_ARRIVED);
}

static void read_signal(struct mq_stage *stage) {
    struct signalfd_siginfo info;
    while (read(stage->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (!stage->stopping) {
            stage->stopping = true;
            mq_log(MQ_INFO, "stopping", "stopping: finishing what is at hand");
            mq_notify("STOPPING=1");
        }
}

void mq_stage_wait(struct mq_stage *stage, int64_t us, bool inbox) {
    struct pollfd fds[] = {
        { .fd = stage->signals, .events = POLLIN },
        { .fd = inbox ? mq_inbox_fd(stage->inbox) : -1, .events = POLLIN },
        /* while the connection is known to be lost its descriptor stays readable */
        { .fd = stage->subscribed ? mq_bus_fd(stage->bus) : -1, .events = POLLIN },
        { .fd = mq_store_fd(stage->store), .events = POLLIN },
    };
    if (us < 0)
        us = 0;
    struct timespec most = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    mq_watchdog_at("waiting for something to do", NULL);
    if (ppoll(fds, MQ_LENGTH(fds), &most, NULL) <= 0)
        return;
    if (fds[0].revents)
        read_signal(stage);
    if (fds[3].revents)
        mq_store_look(stage->store);
}

/* The lock belongs to the session: it goes with the connection, and with it the right to publish. */
static bool take_lock(struct mq_stage *stage) {
    if (!stage->service->exclusive_lock || stage->exclusive)
        return true;
    static const struct mq_statement lock = { "exclusive_lock", "select pg_try_advisory_lock($1::bigint)", 1 };
    char key[24];
    snprintf(key, sizeof(key), "%lld", (long long)stage->service->exclusive_lock);
    PGresult *result = NULL;
    const char *values[] = { key };
    int outcome = mq_store_query(stage->store, &lock, values, 1, &result);
    bool got = outcome == MQ_STORED && PQgetvalue(result, 0, 0)[0] == 't';
    PQclear(result);
    if (outcome < 0)
        stage->fatal = outcome;
    if (got) {
        stage->exclusive = true;
        mq_log(MQ_INFO, "active", "this instance is the active one");
        mq_notify("STATUS=active");
    } else {
        mq_log_limited("standby", 600000, MQ_INFO, "another instance is active: standing by, to take over when it ends");
        mq_notify("STATUS=standing by");
    }
    return got;
}

bool mq_stage_store_ready(struct mq_stage *stage) {
    if (mq_store_connected(stage->store))
        return stage->exclusive || take_lock(stage);
    if (stage->service->exclusive_lock && stage->exclusive) {
        stage->exclusive = false;
        stage->subscribed = false; /* it leaves by itself: no outage */
        mq_bus_disconnect(stage->bus, 0);
        mq_batch_forget(stage);
    }
    if (mq_clock_monotonic_us() < stage->store_due_us)
        return false;
    int r = mq_store_connect(stage->store);
    if (r == 0 || stage->store_tries == 0)
        stage->health_due_us = 0; /* it says at once that the database came or went */
    if (r == 0) {
        stage->store_tries = 0;
        mq_sweep_store_connected(stage);
        return take_lock(stage);
    }
    if (r != -EAGAIN)
        stage->fatal = r;
    stage->store_due_us = mq_clock_monotonic_us()
                          + 1000 * mq_clock_backoff_ms(stage->store_tries++, stage->settings->database_retry_first_ms,
                                                       stage->settings->database_retry_cap_ms);
    return false;
}

/* A broker lets every account into every group, whatever its access list says, and hands it its turn of messages that it may not read:
 * then nobody gets them. So the group has a name that nobody else can know. */
static int subscribe(struct mq_stage *stage) {
    char group[MQ_SECRET_NAME];
    mq_secret_name("group", stage->service->name, stage->settings->broker_password, group);
    for (size_t i = 0; i < stage->service->route_count; i++) {
        const struct mq_route *route = &stage->service->routes[i];
        char filter[MQ_TOPIC_BYTES];
        int r = mq_topic_filter(route->topic, route->shared ? group : NULL, NULL, 0, filter);
        char *filters[] = { filter };
        if (r == 0)
            r = mq_bus_subscribe(stage->bus, filters, 1, 1);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool bus_ready(struct mq_stage *stage) {
    if (mq_bus_connected(stage->bus))
        return true;
    if (stage->subscribed) {
        stage->subscribed = false;
        mq_bus_lost(stage->bus);
        mq_notify("STATUS=the broker is away");
    }
    if (mq_clock_monotonic_us() < stage->broker_due_us)
        return false;
    int r = mq_bus_connect(stage->bus);
    if (r == 0)
        r = subscribe(stage);
    if (r < 0) {
        mq_bus_disconnect(stage->bus, 0);
        stage->broker_due_us = mq_clock_monotonic_us()
                               + 1000 * mq_clock_backoff_ms(stage->broker_tries++, stage->settings->broker_retry_first_ms,
                                                            stage->settings->broker_retry_cap_ms);
        return false;
    }
    mq_bus_ready(stage->bus);
    if (mq_metrics_get(&stage->metrics, MQ_METRIC_CONNECTS) == 0)
        mq_log(MQ_INFO, "ready", "connected to the broker and subscribed");
    stage->subscribed = true;
    stage->broker_tries = 0;
    mq_metrics_add(&stage->metrics, MQ_METRIC_CONNECTS, 1);
    mq_sweep_bus_connected(stage);
    stage->health_due_us = 0;
    mq_notify("STATUS=connected");
    return true;
}

static int take_batch(struct mq_stage *stage, bool *worked) {
    struct mq_arrival arrivals[MQ_BATCH_MESSAGES];
    size_t count = mq_inbox_peek(stage->inbox, arrivals, MQ_LENGTH(arrivals), 4 * MQ_BATCH_BYTES);
    if (count == 0)
        return 0;
    *worked = true;
    int64_t begun = mq_clock_monotonic_us();
    uint64_t elements = mq_metrics_get(&stage->metrics, MQ_METRIC_ELEMENTS);
    int r = mq_batch_arrivals(stage, arrivals, count);
    size_t bytes = mq_inbox_release(stage->inbox, count);
    mq_metrics_add(&stage->metrics, MQ_METRIC_TAKEN, count);
    mq_gather_learn(stage, bytes, mq_metrics_get(&stage->metrics, MQ_METRIC_ELEMENTS) - elements, begun);
    return r;
}

/* A retained message that was thrown away has no refusal that would clear the broker's copy: a subscription brings it again. */
static void fetch_retained(struct mq_stage *stage, int64_t now_us) {
    if (now_us < stage->resubscribe_due_us || !stage->subscribed || !atomic_exchange(&stage->retained_left, false))
        return;
    stage->resubscribe_due_us = now_us + RESUBSCRIBE_US;
    mq_ignore(subscribe(stage)); /* a lost connection subscribes again anyway */
}

static void timers(struct mq_stage *stage) {
    int64_t now = mq_clock_monotonic_us();
    fetch_retained(stage, now);
    if (now >= stage->health_due_us) {
        stage->health_due_us = now + stage->settings->health_ms * 1000;
        mq_health_publish(stage, "up");
    }
    if (now >= stage->tick_due_us) {
        stage->tick_due_us = now + 1000000;
        if (stage->service->tick) {
            mq_watchdog_at("tick", NULL);
            stage->service->tick(stage);
        }
    }
}

static int64_t until_next_us(const struct mq_stage *stage) {
    int64_t due = mq_sweep_due(stage);
    if (stage->health_due_us < due)
        due = stage->health_due_us;
    if (stage->tick_due_us < due)
        due = stage->tick_due_us;
    if (stage->pending.rows && stage->settle_due_us < due)
        due = stage->settle_due_us;
    return due - mq_clock_monotonic_us();
}

static void loop(struct mq_stage *stage) {
    while (!stage->stopping && !stage->fatal) {
        bool worked = false;
        if (!mq_stage_store_ready(stage)) {
            /* health goes on, so that operators see why nothing moves; a stand-by does not speak at all */
            if (stage->exclusive && bus_ready(stage))
                timers(stage);
            mq_stage_wait(stage, mq_store_connected(stage->store) ? STANDBY_RETRY_US : 100000, false);
            continue;
        }
        if (!bus_ready(stage)) {
            mq_stage_wait(stage, 50000, false);
            continue;
        }
        int r = mq_gather_pause_us(stage) > 0 ? 0 : take_batch(stage, &worked);
        if (r == 0 && mq_batch_settle_due(stage, !worked))
            r = mq_batch_settle(stage);
        if (r == 0)
            r = mq_sweep_step(stage, &worked);
        if (r < 0 && r != -ECANCELED)
            stage->fatal = r;
        timers(stage);
        int64_t pause = mq_gather_pause_us(stage), next = worked ? 0 : until_next_us(stage);
        mq_stage_wait(stage, pause > 0 && pause < next ? pause : next, pause == 0);
    }
    if (!stage->fatal && mq_store_connected(stage->store))
        mq_ignore(mq_batch_settle(stage));
}

static int setup(struct mq_stage *stage, const struct mq_service *service, const struct mq_stage_settings *s) {
    if (service->route_count > MQ_STAGE_ROUTES || service->sweep_count > MQ_STAGE_SWEEPS)
        return -EINVAL;
    *stage = (struct mq_stage){ .service = service, .settings = s, .signals = -1, .exclusive = service->exclusive_lock == 0 };
    char client_id[MQ_SECRET_NAME], name[101], program[64];
    struct mq_str parts[] = { mq_str(service->name), mq_str(s->instance) };
    int r = mq_topic_format(MQ_TOPIC_HEALTH, parts, 2, stage->health_topic);
    if (r < 0)
        return r;
    snprintf(program, sizeof(program), "minqing-%s", service->name);
    /* whoever holds an exclusive lock has one client id, so that the broker ends a predecessor that still hangs on; nobody else may know
     * it, so that nobody else ends us */
    snprintf(name, sizeof(name), "minqing-%s%s%s", service->name, service->exclusive_lock ? "" : "-",
             service->exclusive_lock ? "" : s->instance);
    mq_secret_name("client", name, s->broker_password, client_id);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer will = { 0 };
    mq_health_payload(stage, "down", &will);
    r = mq_store_new(&(struct mq_store_options){ .conninfo = s->database, .program = program,
                                                 .connect_timeout_ms = s->database_connect_timeout_ms,
                                                 .answer_timeout_ms = s->database_answer_timeout_ms,
                                                 .statement_timeout_ms = s->database_statement_timeout_ms },
                     &stage->store);
    if (r == 0)
        r = mq_inbox_new((size_t)s->inbox_bytes, (size_t)s->inbox_messages, &stage->inbox);
    if (r == 0)
        r = mq_bus_new(&(struct mq_bus_options){
                           .host = s->broker_host, .port = s->broker_port, .client_id = client_id, .user = s->broker_user,
                           .password = s->broker_password, .ca_file = s->broker_ca_file,
                           .keep_alive_s = (s->broker_keep_alive_ms + 999) / 1000, .connect_timeout_ms = s->broker_connect_timeout_ms,
                           .answer_timeout_ms = s->broker_answer_timeout_ms, .window = s->broker_window,
                           .receive_maximum = s->broker_receive_maximum, .retain_as_published = true, .will_topic = stage->health_topic,
                           .will_payload = mq_buffer_text(&will), .arrived = arrived, .userdata = stage },
                       &stage->bus);
    if (r < 0)
        return r;
    mq_sweep_init(stage);
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    stage->signals = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
    return stage->signals < 0 ? -errno : 0;
}

static void teardown(struct mq_stage *stage) {
    mq_watchdog_at("ending", NULL);
    if (stage->bus && mq_bus_connected(stage->bus)) {
        mq_health_publish(stage, "down");
        mq_bus_disconnect(stage->bus, 2000);
    }
    mq_bus_free(stage->bus);
    mq_store_free(stage->store);
    mq_inbox_free(stage->inbox);
    mq_batch_deinit(stage);
    if (stage->signals >= 0)
        close(stage->signals);
}

/* The longest that the loop may wait for others, which the watchdog must let be. */
static void check_watchdog(const struct mq_stage_settings *s) {
    int64_t longest = s->database_statement_timeout_ms;
    if (s->broker_answer_timeout_ms > longest)
        longest = s->broker_answer_timeout_ms;
    if (s->watchdog_ms > 0 && s->watchdog_ms <= longest)
        mq_log(MQ_WARNING, "watchdog-short", "watchdog is %lld ms, [database] statement_timeout or [mqtt] answer_timeout %lld ms: "
               "whoever only waits would be ended; make it longer", (long long)s->watchdog_ms, (long long)longest);
}

/* Ready means: settings are good and the loop runs. Whoever waited for broker and database instead would be taken for dead by systemd
 * while they are away, and so would a stand-by. */
static int watched_loop(struct mq_stage *stage) {
    check_watchdog(stage->settings);
    int r = mq_watchdog_start(stage->settings->watchdog_ms);
    if (r < 0)
        return r;
    mq_watchdog_watch("loop");
    mq_notify("READY=1");
    loop(stage);
    return stage->fatal;
}

int mq_stage_load(const struct mq_setting *table, const char *config, const struct mq_stage_settings *settings) {
    mq_log_init(table[0].section, MQ_INFO);
    int r = mq_config_load(table, config);
    if (r < 0)
        return r;
    enum mq_level level = MQ_INFO;
    mq_log_instance(settings->instance);
    if (!mq_log_level_parse(settings->log_level, &level)) {
        mq_log(MQ_ERROR, "settings", "[%s] log_level is '%s': must be error, warning, info or debug", table[0].section, settings->log_level);
        return -EINVAL;
    }
    mq_log_init(table[0].section, level);
    mq_log_instance(settings->instance);
    return 0;
}

int mq_stage_main(const struct mq_service *service, const struct mq_stage_settings *settings) {
    /* before any thread exists, so that only the signalfd sees them */
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);

    struct mq_stage *stage = calloc(1, sizeof(*stage));
    if (!stage)
        return 1;
    int r = setup(stage, service, settings);
    if (r == 0) {
        mq_log(MQ_INFO, "starting", "version %s, schema %d", MQ_VERSION, mq_store_schema_version);
        r = watched_loop(stage);
    }
    if (r < 0)
        mq_log(MQ_ERROR, "ends", "ends: %s; the line before says why and what to do", strerror(-r));
    teardown(stage);
    mq_watchdog_leave();
    mq_watchdog_stop();
    bool schema = stage->fatal == -EPROTO;
    free(stage);
    return r == 0 ? 0 : schema ? 3 : 1;
}

int mq_stage_arguments(int argc, char **argv, const struct mq_setting *settings, const char *what, const char **config) {
    static const struct option options[] = { { "config", required_argument, NULL, 'c' },
                                             { "check", no_argument, NULL, 'k' },
                                             { "help", no_argument, NULL, 'h' },
                                             { "version", no_argument, NULL, 'V' },
                                             { 0 } };
    bool check = false;
    for (int o; (o = getopt_long(argc, argv, "c:hV", options, NULL)) != -1;)
        switch (o) {
        case 'c':
            *config = optarg;
            break;
        case 'k':
            check = true;
            break;
        case 'h':
            printf("usage: %s [--config FILE] [--check]\n%s\n\nSettings (file /etc/minqing/minqing.conf, or MINQING_CONFIG):\n", argv[0], what);
            mq_config_help(settings, stdout);
            return 0;
        case 'V':
            puts(MQ_VERSION);
            return 0;
        default:
            return 2;
        }
    if (optind < argc) {
        fprintf(stderr, "%s: unknown argument '%s': see --help\n", argv[0], argv[optind]);
        return 2;
    }
    if (check) {
        mq_log_init(settings[0].section, MQ_INFO);
        int r = mq_config_load(settings, *config);
        mq_config_free(settings);
        return r < 0 ? 2 : 0;
    }
    return -1;
}
