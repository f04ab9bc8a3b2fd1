/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of a simulation. */
#include "workload.h"

#include "common/clock.h"
#include "common/message.h"
#include "simulate_text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Invented centres (the same spiral as the reference data's): where villages really lie is not published. */
static const struct village {
    const char *code, *name;
    double lat, lon;
} villages[] = {
    { "441581105001", "博美社区", 22.98905, 115.82521 }, { "441581105201", "赤坑村", 22.97655, 115.83080 },
    { "441581105202", "点石村", 22.99325, 115.83685 },   { "441581105203", "仙桥村", 22.98291, 115.81720 },
    { "441581105204", "霞绕村", 22.97780, 115.84226 },   { "441581105205", "鳌峰村", 22.99919, 115.82587 },
    { "441581105206", "花城村", 22.97091, 115.82207 },   { "441581105207", "图美村", 22.99082, 115.84727 },
    { "441581105208", "博头村", 22.99187, 115.81198 },   { "441581105209", "溪乾村", 22.96781, 115.83871 },
    { "441581105210", "蛟溪村", 23.00399, 115.83645 },   { "441581105211", "红下村", 22.97458, 115.81052 },
};

/* Shares in percent. */
enum { WITH_AREA = 10, WITHOUT_PLACE = 12, WITH_DOMAIN = 20, WITH_KIND = 8, WITH_SEVERITY = 12, WITH_SUBJECT = 35 };

#define STEP_DEGREES 0.0008 /* some 80 metres between two reports */
#define PULL 0.9            /* back to the village */

struct officer {
    const struct village *village;
    double lat, lon;
};

static void walk(struct mq_random *random, struct officer *officer) {
    officer->lat =
        officer->village->lat + (officer->lat - officer->village->lat) * PULL + STEP_DEGREES * (2 * mq_random_unit(random) - 1);
    officer->lon =
        officer->village->lon + (officer->lon - officer->village->lon) * PULL + STEP_DEGREES * (2 * mq_random_unit(random) - 1);
}

static void put_place(struct mq_random *random, const struct officer *officer, struct mq_report *report) {
    size_t way = mq_random_below(random, 100);
    double accuracy = 3 + floor(mq_random_unit(random) * 60);
    if (way < WITH_AREA) {
        report->area = mq_str(officer->village->code);
    } else if (way >= WITH_AREA + WITHOUT_PLACE) {
        report->has_location = true;
        report->location = (struct mq_location){
            .lat = round(officer->lat * 1e6) / 1e6,
            .lon = round(officer->lon * 1e6) / 1e6,
            .accuracy_m = accuracy,
            .datum = -1,
        };
    }
}

/* Texts that a report points to while it is encoded. */
struct scratch {
    struct mq_buffer text, subject;
    char kind[80], at[MQ_TIME_TEXT];
};

static void put_view(struct mq_random *random, const struct mq_scene *scene, struct scratch *scratch, struct mq_report *report) {
    size_t way = mq_random_below(random, 100);
    bool rated = mq_random_chance(random, WITH_SEVERITY);
    if (scene->domain >= 0 && way < WITH_DOMAIN)
        report->domain = scene->domain;
    if (scene->domain >= 0 && way < WITH_KIND) {
        snprintf(scratch->kind, sizeof(scratch->kind), "%s.%s", mq_domain_words[scene->domain], scene->kind);
        report->kind = mq_str(scratch->kind);
    }
    if (rated) {
        report->has_severity = true;
        report->severity = scene->severity;
    }
}

static void compose(struct mq_random *random, const struct officer *officer, struct scratch *scratch,
                    struct mq_simulated *simulated, struct mq_buffer *out) {
    mq_buffer_reset(&scratch->text, 4096);
    mq_buffer_reset(&scratch->subject, 4096);
    const struct mq_scene *scene = mq_simulate_sentence(random, &scratch->text);
    mq_clock_format(mq_clock_now_us() + simulated->at_us, mq_clock_offset_minutes(), scratch->at);
    struct mq_report report = {
        .v = MQ_FORMAT,
        .id = simulated->id,
        .observed_at = mq_str(scratch->at),
        .text = { scratch->text.data, scratch->text.len },
        .domain = -1,
        .origin = (int)mq_random_below(random, 2), /* patrol, visit */
    };
    put_place(random, officer, &report);
    put_view(random, scene, scratch, &report);
    bool relief = scene->domain >= 0 && strcmp(mq_domain_words[scene->domain], "livelihood_relief") == 0;
    if (relief && mq_random_chance(random, WITH_SUBJECT)) {
        mq_simulate_subject(random, officer->village->name, &scratch->subject);
        report.subject_raw = (struct mq_str){ scratch->subject.data, scratch->subject.len };
    }
    simulated->severity = report.has_severity ? (int)report.severity : 2;
    simulated->offset = out->len;
    mq_json_encode(&mq_report_object, &report, out);
    simulated->bytes = out->len - simulated->offset;
}

static int make(struct mq_workload *workload, const struct mq_workload_options *options, struct officer *officers,
                struct scratch *scratch) {
    struct mq_random random = { options->seed };
    size_t capacity = 0;
    for (size_t i = 0; i < options->officers; i++) {
        const struct village *village = &villages[i % MQ_LENGTH(villages)];
        officers[i] = (struct officer){ village, village->lat, village->lon };
    }
    for (double at = 0; (at += -log(1 - mq_random_unit(&random)) / options->rate) < options->seconds;) {
        if (workload->count == capacity) {
            capacity = capacity ? 2 * capacity : 1024;
            struct mq_simulated *more = realloc(workload->reports, capacity * sizeof(*more));
            if (!more)
                return -ENOMEM;
            workload->reports = more;
        }
        struct mq_simulated *simulated = &workload->reports[workload->count];
        *simulated = (struct mq_simulated){
            .id = mq_uuid_v7(),
            .officer = workload->count++ % options->officers,
            .at_us = (int64_t)(at * 1e6),
        };
        simulated->case_id = mq_uuid_case_of(&simulated->id);
        mq_traceparent_new(simulated->traceparent);
        walk(&random, &officers[simulated->officer]);
        compose(&random, &officers[simulated->officer], scratch, simulated, &workload->text);
    }
    return workload->text.failed ? -ENOMEM : 0;
}

int mq_workload_init(struct mq_workload *workload, const struct mq_workload_options *options) {
    *workload = (struct mq_workload){ .count = 0 };
    struct scratch scratch = { .kind = "" };
    struct officer *officers = calloc(options->officers, sizeof(*officers));
    int r = officers ? make(workload, options, officers, &scratch) : -ENOMEM;
    free(officers);
    mq_buffer_deinit(&scratch.text);
    mq_buffer_deinit(&scratch.subject);
    if (r < 0)
        mq_workload_deinit(workload);
    return r;
}

void mq_workload_deinit(struct mq_workload *workload) {
    free(workload->reports);
    mq_buffer_deinit(&workload->text);
    *workload = (struct mq_workload){ .count = 0 };
}

struct mq_str mq_workload_payload(const struct mq_workload *workload, size_t index) {
    const struct mq_simulated *simulated = &workload->reports[index];
    return (struct mq_str){ workload->text.data + simulated->offset, simulated->bytes };
}
