/* SPDX-License-Identifier: Apache-2.0 */
/* A report from what was typed. */
#include "compose.h"

#include "common/clock.h"
#include "common/message.h"
#include "options.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ATTACHMENTS 16

static int read_all(FILE *file, const char *name, struct mq_buffer *out) {
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof(block), file)) > 0 && out->len <= MQ_REPORT_BYTES)
        mq_buffer_append(out, block, n);
    if (ferror(file) || out->failed)
        return mq_complain(MQ_EXIT_FAILED, "读不出 cannot read %s: %s", name, strerror(errno));
    while (out->len > 0 && strchr(" \t\r\n", out->data[out->len - 1]))
        out->data[--out->len] = '\0';
    return 0;
}

static int read_text(const struct mq_draft *draft, struct mq_buffer *scratch, struct mq_str *text) {
    if (draft->text && strcmp(draft->text, "-") != 0) {
        *text = mq_str(draft->text);
        return 0;
    }
    if (!draft->text && isatty(STDIN_FILENO))
        return mq_complain(MQ_EXIT_USAGE,
                           "没有内容：请写出看到了什么 / no text: say what was seen, or '-' to read it from standard input");
    int status = read_all(stdin, "标准输入 standard input", scratch);
    *text = (struct mq_str){ mq_buffer_text(scratch), scratch->len };
    return status;
}

static int read_subject(const char *path, struct mq_buffer *scratch, struct mq_str *subject) {
    if (!path)
        return 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return mq_complain(MQ_EXIT_USAGE, "打不开 cannot open %s: %s", path, strerror(errno));
    int status = read_all(file, path, scratch);
    fclose(file);
    struct mq_faults faults;
    faults.count = 0;
    *subject = (struct mq_str){ mq_buffer_text(scratch), scratch->len };
    if (status != 0 || mq_json_scan(*subject, &faults))
        return status;
    return mq_complain(MQ_EXIT_DATA, "%s: 不是 JSON / not JSON: %s", path, faults.fault[0].message);
}

static int number(const char *option, const char *text, double min, double max, double *value) {
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    if (errno == 0 && end != text && *end == '\0' && isfinite(*value) && *value >= min && *value <= max)
        return 0;
    return mq_complain(MQ_EXIT_USAGE, "--%s %s: 应为 must be a number, %g–%g", option, text, min, max);
}

static int word(const char *option, const char *text, const char *const *words, int *index) {
    *index = -1;
    if (!text)
        return 0;
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            *index = i;
    if (*index >= 0)
        return 0;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer allowed = { 0 };
    for (int i = 0; words[i]; i++)
        mq_buffer_printf(&allowed, " %s", words[i]);
    return mq_complain(MQ_EXIT_USAGE, "--%s %s: 可用 allowed:%s", option, text, mq_buffer_text(&allowed));
}

static int place(const struct mq_draft *draft, struct mq_report *report) {
    if (!draft->lat != !draft->lon || (!draft->lat && (draft->accuracy || draft->datum)))
        return mq_complain(MQ_EXIT_USAGE, "位置要有 a place needs --lat 和 and --lon");
    if (!draft->lat)
        return 0;
    report->has_location = true;
    int status = number("lat", draft->lat, -90, 90, &report->location.lat);
    if (status == 0)
        status = number("lon", draft->lon, -180, 180, &report->location.lon);
    if (status == 0 && draft->accuracy)
        status = number("accuracy", draft->accuracy, 0, 1e6, &report->location.accuracy_m);
    return status;
}

static int attachments(const char *list, struct mq_str items[ATTACHMENTS], struct mq_array *out) {
    size_t count = 0;
    for (const char *at = list; at && *at; at += strspn(at, ",")) {
        size_t n = strcspn(at, ",");
        if (count == ATTACHMENTS)
            return mq_complain(MQ_EXIT_USAGE, "--attachment: 最多 at most %d", ATTACHMENTS);
        items[count++] = (struct mq_str){ at, n };
        at += n;
    }
    *out = (struct mq_array){ items, count };
    return 0;
}

/* The same table that the server reads with: what it would reject is not kept. */
static int verify(struct mq_str payload, size_t max_bytes) {
    struct mq_report report;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (payload.n > max_bytes)
        return mq_complain(MQ_EXIT_DATA, "太大 too large: %zu 字节 bytes，最多 at most %zu", payload.n, max_bytes);
    if (mq_json_decode(&mq_report_object, payload, &report, &document, &faults))
        return 0;
    for (size_t i = 0; i < faults.count && i < MQ_FAULTS; i++)
        mq_ignore(mq_complain(0, "不合格 invalid: %s: %s", faults.fault[i].path, faults.fault[i].message));
    return MQ_EXIT_DATA;
}

int mq_compose(const struct mq_draft *draft, size_t max_bytes, struct mq_uuid *id, struct mq_buffer *out) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer subject = { 0 };
    struct mq_str hashes[ATTACHMENTS];
    char now[MQ_TIME_TEXT];
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), now);
    struct mq_report report = {
        .v = MQ_FORMAT,
        .id = mq_uuid_v7(),
        .observed_at = mq_str(draft->observed_at ? draft->observed_at : now),
        .location = { .datum = -1 },
        .area = mq_str(draft->area),
        .kind = mq_str(draft->kind),
        .severity = draft->severity,
        .has_severity = draft->severity > 0,
    };
    int status = place(draft, &report);
    if (status == 0)
        status = word("datum", draft->datum, mq_datum_words, &report.location.datum);
    if (status == 0)
        status = word("domain", draft->domain, mq_domain_words, &report.domain);
    if (status == 0)
        status = word("origin", draft->origin, mq_origin_words, &report.origin);
    if (status == 0)
        status = attachments(draft->attachments, hashes, &report.attachments);
    if (status == 0)
        status = read_subject(draft->subject_file, &subject, &report.subject_raw);
    if (status == 0)
        status = read_text(draft, &text, &report.text);
    if (status != 0)
        return status;
    mq_json_encode(&mq_report_object, &report, out);
    if (out->failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    *id = report.id;
    return verify((struct mq_str){ out->data, out->len }, max_bytes);
}
