/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from what was typed. */
#include "compose.h"

#include "common/clock.h"
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
    return mq_complain(MQ_EXIT_USAGE, "%s %s: 可用 allowed:%s", option, text, mq_buffer_text(&allowed));
}

static int place(const struct mq_draft *draft, struct mq_location *location, bool *given) {
    if (!draft->lat != !draft->lon || (!draft->lat && (draft->accuracy || draft->datum)))
        return mq_complain(MQ_EXIT_USAGE, "位置要有 a place needs --lat 和 and --lon");
    if (!draft->lat)
        return 0;
    *given = true;
    int status = number("lat", draft->lat, -90, 90, &location->lat);
    if (status == 0)
        status = number("lon", draft->lon, -180, 180, &location->lon);
    if (status == 0 && draft->accuracy)
        status = number("accuracy", draft->accuracy, 0, 1e6, &location->accuracy_m);
    if (status == 0)
        status = word("--datum", draft->datum, mq_datum_words, &location->datum);
    return status;
}

static int identity(const char *what, const char *text, struct mq_uuid *out) {
    if (!text || mq_uuid_parse(mq_str(text), out))
        return 0;
    return mq_complain(MQ_EXIT_USAGE, "%s %s: 不是编号 is no id, such as 0190a0b0-0000-7000-8000-000000000001", what, text);
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

/* The same table and checks that the server reads with: what it would reject is not kept. */
static int verify(enum mq_receipt_kind kind, struct mq_str payload, size_t max_bytes) {
    static const struct mq_object *const objects[] = {
        [MQ_RECEIPT_REPORT] = &mq_report_object,
        [MQ_RECEIPT_VISIT] = &mq_visit_object,
        [MQ_RECEIPT_ANSWER] = &mq_answer_object,
    };
    union {
        struct mq_report report;
        struct mq_visit visit;
        struct mq_answer answer;
    } message;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (payload.n > max_bytes)
        return mq_complain(MQ_EXIT_DATA, "太大 too large: %zu 字节 bytes，最多 at most %zu", payload.n, max_bytes);
    if (mq_json_decode(objects[kind], payload, &message, &document, &faults) && kind == MQ_RECEIPT_ANSWER)
        mq_answer_check(&message.answer, &faults);
    for (size_t i = 0; i < faults.count && i < MQ_FAULTS; i++)
        mq_ignore(mq_complain(0, "不合格 invalid: %s: %s", faults.fault[i].path, faults.fault[i].message));
    return faults.count ? MQ_EXIT_DATA : 0;
}

/* What a message points to while it is encoded. */
struct scratch {
    struct mq_buffer text, subject;
    char now[MQ_TIME_TEXT];
};

static int report(const struct mq_draft *draft, const struct mq_uuid *id, struct scratch *scratch, struct mq_buffer *out) {
    struct mq_str hashes[ATTACHMENTS];
    struct mq_report report = {
        .v = MQ_FORMAT,
        .id = *id,
        .observed_at = mq_str(draft->observed_at ? draft->observed_at : scratch->now),
        .location = { .datum = -1 },
        .area = mq_str(draft->area),
        .kind = mq_str(draft->kind),
        .severity = draft->severity,
        .has_severity = draft->severity > 0,
    };
    int status = place(draft, &report.location, &report.has_location);
    if (status == 0)
        status = word("--domain", draft->domain, mq_domain_words, &report.domain);
    if (status == 0)
        status = word("--origin", draft->origin, mq_origin_words, &report.origin);
    if (status == 0)
        status = attachments(draft->attachments, hashes, &report.attachments);
    if (status == 0)
        status = read_subject(draft->subject_file, &scratch->subject, &report.subject_raw);
    if (status == 0)
        status = read_text(draft, &scratch->text, &report.text);
    if (status == 0)
        mq_json_encode(&mq_report_object, &report, out);
    return status;
}

static int visit(const struct mq_draft *draft, const struct mq_uuid *id, struct scratch *scratch, struct mq_buffer *out) {
    struct mq_str hashes[ATTACHMENTS];
    struct mq_visit visit = {
        .v = MQ_FORMAT,
        .id = *id,
        .observed_at = mq_str(draft->observed_at ? draft->observed_at : scratch->now),
        .location = { .datum = -1 },
        .area = mq_str(draft->area),
        .service = mq_str(draft->service),
    };
    int status = place(draft, &visit.location, &visit.has_location);
    if (status == 0)
        status = identity("--task", draft->task, &visit.task);
    if (status == 0)
        status = attachments(draft->attachments, hashes, &visit.attachments);
    if (status == 0)
        status = read_subject(draft->subject_file, &scratch->subject, &visit.subject_raw);
    if (status == 0)
        status = read_text(draft, &scratch->text, &visit.text);
    if (status == 0)
        mq_json_encode(&mq_visit_object, &visit, out);
    return status;
}

static int answer(const struct mq_draft *draft, const struct mq_uuid *id, struct scratch *scratch, struct mq_buffer *out) {
    struct mq_str hashes[ATTACHMENTS];
    struct mq_answer answer = {
        .v = MQ_FORMAT,
        .id = *id,
        .at = mq_str(draft->observed_at ? draft->observed_at : scratch->now),
        .location = { .datum = -1 },
        .note = mq_str(draft->note),
    };
    int status = place(draft, &answer.location, &answer.has_location);
    if (status == 0)
        status = word("答复 answer", draft->answer, mq_answer_words, &answer.answer);
    if (status == 0)
        status = identity("任务 task", draft->task, &answer.task);
    if (status == 0)
        status = identity("--case", draft->case_id, &answer.case_id);
    if (status == 0)
        status = attachments(draft->attachments, hashes, &answer.attachments);
    if (status == 0)
        mq_json_encode(&mq_answer_object, &answer, out);
    return status;
}

int mq_compose(enum mq_receipt_kind kind, const struct mq_draft *draft, size_t max_bytes, struct mq_uuid *id, struct mq_buffer *out) {
    static int (*const compose[])(const struct mq_draft *, const struct mq_uuid *, struct scratch *, struct mq_buffer *) = {
        [MQ_RECEIPT_REPORT] = report,
        [MQ_RECEIPT_VISIT] = visit,
        [MQ_RECEIPT_ANSWER] = answer,
    };
    struct scratch scratch = { .now = "" };
    *id = mq_uuid_v7();
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), scratch.now);
    int status = compose[kind](draft, id, &scratch, out);
    mq_buffer_deinit(&scratch.text);
    mq_buffer_deinit(&scratch.subject);
    if (status == 0 && out->failed)
        status = mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    return status ? status : verify(kind, (struct mq_str){ out->data, out->len }, max_bytes);
}
