/* SPDX-License-Identifier: Apache-2.0 */
/* The reports of a measurement. */
#include "reports.h"

#include "clients/field/simulate_text.h"
#include "common/clock.h"
#include "common/message.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Shares in percent: what officers give. What is critical is rarer in a county than among the scenes. */
enum { WITH_AREA = 10, WITHOUT_PLACE = 5, WITH_DOMAIN = 20, WITH_KIND = 8, WITH_SEVERITY = 12, WITH_SUBJECT = 35, KEEP_CRITICAL = 20, SEEN_BEFORE = 5 };

#define AROUND_DEGREES 0.004 /* of a village's centre, some 400 metres */
#define NEARBY_DEGREES 0.0003 /* between two who report the same thing */
#define SOON_US 900000000.0   /* and not longer after */
#define SIGHTS 256            /* of the latest, of which others may tell too */
#define DAY_US INT64_C(86400000000)

struct place {
    char code[16], name[64];
    double lat, lon;
};

struct places {
    struct place *list; /* owned */
    size_t count, capacity;
};

static struct place *add(struct places *places) {
    if (places->count == places->capacity) {
        size_t capacity = places->capacity ? 2 * places->capacity : 64;
        struct place *list = realloc(places->list, capacity * sizeof(*list));
        if (!list)
            return NULL;
        places->list = list;
        places->capacity = capacity;
    }
    places->list[places->count] = (struct place){ .lat = 0 };
    return &places->list[places->count++];
}

static int read_towns(const char *path, struct places *towns) {
    char line[256];
    struct place town;
    int r = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (r == 0 && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%15s %lf %lf", town.code, &town.lat, &town.lon) != 3)
            continue; /* the head line */
        struct place *added = add(towns);
        if (added)
            *added = town;
        r = added ? 0 : -ENOMEM;
    }
    fclose(file);
    return r;
}

/* Centres as schemas/reference/load.sql lays them: where villages really lie is not published. `n`: which of its town's it is. */
static int lay(struct places *villages, const struct places *towns, const char *parent, const struct place *named, unsigned n) {
    for (size_t i = 0; i < towns->count; i++) {
        if (strcmp(towns->list[i].code, parent) != 0)
            continue;
        struct place *village = add(villages);
        if (!village)
            return -ENOMEM;
        *village = *named;
        village->lat = towns->list[i].lat + 0.006 * sqrt(n) * sin(n * 2.399963);
        village->lon = towns->list[i].lon + 0.0065 * sqrt(n) * cos(n * 2.399963);
    }
    return 0;
}

/* The file has the villages of a town one after the other, by code. */
static int read_villages(const char *path, const struct places *towns, struct places *villages) {
    char line[256], parent[16], level[16], last[16] = "";
    struct place named;
    unsigned n = 0;
    int r = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return -errno;
    while (r == 0 && fgets(line, sizeof(line), file)) {
        if (sscanf(line, "%15s %15s %15s %63s", named.code, parent, level, named.name) != 4 || strcmp(level, "village") != 0)
            continue;
        n = strcmp(last, parent) == 0 ? n + 1 : 1;
        snprintf(last, sizeof(last), "%s", parent);
        r = lay(villages, towns, parent, &named, n);
    }
    fclose(file);
    return r == 0 && villages->count == 0 ? -EINVAL : r;
}

/* What somebody saw, where and when. */
struct sight {
    const struct mq_scene *scene;
    const struct place *village;
    double lat, lon;
    int64_t at_us;
};

struct sights {
    struct sight list[SIGHTS];
    size_t count;
};

static double around(struct mq_random *random, double centre, double degrees) {
    return centre + degrees * (2 * mq_random_unit(random) - 1);
}

/* Something new, and a sentence about it. */
static struct sight see(struct mq_random *random, const struct places *villages, double days, struct mq_buffer *text) {
    const struct place *village = &villages->list[mq_random_below(random, villages->count)];
    struct sight sight = {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): read_villages fails where there is none */
        .village = village, .lat = around(random, village->lat, AROUND_DEGREES), .lon = around(random, village->lon, AROUND_DEGREES),
        .at_us = mq_clock_now_us() - (int64_t)(mq_random_unit(random) * days * (double)DAY_US),
    };
    do {
        mq_buffer_reset(text, 4096);
        sight.scene = mq_simulate_sentence(random, text);
    } while (sight.scene->severity == 4 && !mq_random_chance(random, KEEP_CRITICAL));
    return sight;
}

/* What another saw a little before, in other words and from beside. */
static struct sight see_again(struct mq_random *random, const struct sights *sights, struct mq_buffer *text) {
    struct sight sight = sights->list[mq_random_below(random, sights->count < SIGHTS ? sights->count : SIGHTS)];
    int64_t later_us = sight.at_us + (int64_t)(mq_random_unit(random) * SOON_US), now_us = mq_clock_now_us();
    sight.at_us = later_us < now_us ? later_us : now_us;
    sight.lat = around(random, sight.lat, NEARBY_DEGREES);
    sight.lon = around(random, sight.lon, NEARBY_DEGREES);
    mq_buffer_reset(text, 4096);
    mq_buffer_printf(text, "我也看到，%s。", sight.scene->phrase);
    return sight;
}

static void put_place(struct mq_random *random, const struct sight *sight, struct mq_report *report) {
    size_t way = mq_random_below(random, 100);
    double accuracy = 3 + floor(mq_random_unit(random) * 60);
    if (way < WITH_AREA + WITHOUT_PLACE) /* a device's own home is Bomei: who gives no place at all names the village */
        report->area = mq_str(sight->village->code);
    if (way < WITH_AREA || way >= WITH_AREA + WITHOUT_PLACE) {
        report->has_location = true;
        report->location = (struct mq_location){
            .lat = round(sight->lat * 1e6) / 1e6, .lon = round(sight->lon * 1e6) / 1e6, .accuracy_m = accuracy, .datum = -1,
        };
    }
}

static void compose(struct mq_random *random, const struct sight *sight, struct mq_str text, struct mq_uuid id, struct mq_buffer *out) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer subject = { 0 };
    char at[MQ_TIME_TEXT], kind[80];
    const struct mq_scene *scene = sight->scene;
    mq_clock_format(sight->at_us, mq_clock_offset_minutes(), at);
    struct mq_report report = {
        .v = MQ_FORMAT, .id = id, .observed_at = mq_str(at), .text = text, .domain = -1,
        .origin = (int)mq_random_below(random, 2), /* patrol, visit */
    };
    put_place(random, sight, &report);
    size_t way = mq_random_below(random, 100);
    report.has_severity = mq_random_chance(random, WITH_SEVERITY);
    report.severity = scene->severity;
    if (scene->domain >= 0 && way < WITH_DOMAIN)
        report.domain = scene->domain;
    if (scene->domain >= 0 && way < WITH_KIND) {
        snprintf(kind, sizeof(kind), "%s.%s", mq_domain_words[scene->domain], scene->kind);
        report.kind = mq_str(kind);
    }
    if (scene->domain >= 0 && strcmp(mq_domain_words[scene->domain], "livelihood_relief") == 0 && mq_random_chance(random, WITH_SUBJECT)) {
        mq_simulate_subject(random, sight->village->name, &subject);
        report.subject_raw = (struct mq_str){ subject.data, subject.len };
    }
    mq_json_encode(&mq_report_object, &report, out);
}

static uint64_t key_of(const struct mq_uuid *id) {
    uint64_t key;
    memcpy(&key, id->bytes + 8, sizeof(key));
    return key;
}

static size_t slot_of(const struct reports *reports, uint64_t key) {
    return (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & reports->mask;
}

static uint64_t key_at(const struct reports *reports, enum reports_by by, size_t i) {
    return by == REPORTS_BY_ID ? key_of(&reports->list[i].id) : reports->list[i].case_key;
}

static void enter(struct reports *reports, enum reports_by by, size_t i) {
    size_t slot = slot_of(reports, key_at(reports, by, i));
    while (reports->index[by][slot])
        slot = (slot + 1) & reports->mask;
    reports->index[by][slot] = (uint32_t)i + 1;
}

static void next(struct reports *reports, struct mq_random *random, struct sights *sights, const struct reports_options *options,
                 const struct places *villages) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    struct report *report = &reports->list[reports->count];
    bool again = sights->count > 0 && mq_random_chance(random, SEEN_BEFORE);
    struct sight sight = again ? see_again(random, sights, &text) : see(random, villages, options->days, &text);
    if (!again && sight.scene->domain >= 0)
        sights->list[sights->count++ % SIGHTS] = sight;
    report->id = mq_uuid_v7();
    struct mq_uuid case_id = mq_uuid_case_of(&report->id);
    report->case_key = key_of(&case_id);
    report->offset = reports->text.len;
    compose(random, &sight, (struct mq_str){ text.data, text.len }, report->id, &reports->text);
    report->bytes = reports->text.len - report->offset;
}

static int make(struct reports *reports, const struct reports_options *options, const struct places *villages) {
    struct mq_random random = { options->seed };
    struct sights sights = { .count = 0 };
    size_t slots = 1024;
    while (slots < 3 * options->count)
        slots *= 2;
    reports->mask = slots - 1;
    reports->list = calloc(options->count, sizeof(*reports->list));
    for (int by = 0; by < 2; by++)
        reports->index[by] = calloc(slots, sizeof(uint32_t));
    if (!reports->list || !reports->index[0] || !reports->index[1])
        return -ENOMEM;
    for (; reports->count < options->count; reports->count++) {
        next(reports, &random, &sights, options, villages);
        enter(reports, REPORTS_BY_ID, reports->count);
        enter(reports, REPORTS_BY_CASE, reports->count);
    }
    return reports->text.failed ? -ENOMEM : 0;
}

int reports_init(struct reports *reports, const struct reports_options *options) {
    *reports = (struct reports){ 0 };
    struct places towns = { 0 }, villages = { 0 };
    int r = read_towns(options->towns, &towns);
    if (r == 0)
        r = read_villages(options->areas, &towns, &villages);
    if (r == 0)
        r = make(reports, options, &villages);
    free(towns.list);
    free(villages.list);
    if (r < 0)
        reports_deinit(reports);
    return r;
}

void reports_deinit(struct reports *reports) {
    free(reports->list);
    for (int by = 0; by < 2; by++)
        free(reports->index[by]);
    mq_buffer_deinit(&reports->text);
    *reports = (struct reports){ 0 };
}

struct report *reports_find(const struct reports *reports, enum reports_by by, struct mq_str text) {
    struct mq_uuid id;
    if (text.n < 36 || !mq_uuid_parse((struct mq_str){ text.s, 36 }, &id))
        return NULL;
    uint64_t key = key_of(&id);
    for (size_t slot = slot_of(reports, key); reports->index[by][slot]; slot = (slot + 1) & reports->mask) {
        size_t i = reports->index[by][slot] - 1;
        if (key_at(reports, by, i) == key)
            return &reports->list[i];
    }
    return NULL;
}
