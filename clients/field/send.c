/* SPDX-License-Identifier: Apache-2.0 */
/* The commands send, visit, answer and flush: what is kept on disk first, and sent until there is a receipt. */
#include "field.h"

#include "common/clock.h"
#include "compose.h"
#include "deliver.h"
#include "options.h"

#include <errno.h>

/* By kind: a report has its own severity; somebody waits for an answer, and it is short. */
static const int turns[] = { [MQ_RECEIPT_REPORT] = 0, [MQ_RECEIPT_VISIT] = MQ_OUTBOX_ORDINARY, [MQ_RECEIPT_ANSWER] = 3 };

struct sending {
    enum mq_receipt_kind kind;
    struct mq_draft draft;
    struct mq_client_login login;
    struct mq_keeping keeping;
    struct mq_delivery delivery;
};

static int keep(struct sending *s, struct mq_uuid *id) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    int status = mq_compose(s->kind, &s->draft, (size_t)s->keeping.max_bytes, id, &payload);
    if (status != 0)
        return status;
    char trace[MQ_TRACEPARENT_TEXT];
    mq_traceparent_new(trace);
    struct mq_outbox_entry entry = {
        .id = *id,
        .kind = s->kind,
        .severity = s->kind == MQ_RECEIPT_REPORT ? (int)s->draft.severity : turns[s->kind],
        .kept_at_us = mq_clock_now_us(),
        .payload = { payload.data, payload.len },
        .traceparent = mq_str(trace),
    };
    int r = mq_outbox_keep(s->keeping.outbox, &entry);
    if (r < 0)
        return mq_keeping_explain(&s->keeping, r);
    mq_deliver_say(s->delivery.json, "kept", "已存", id, (struct mq_str){ 0 }, (struct mq_str){ 0 });
    return 0;
}

static int keep_and_deliver(struct sending *s) {
    struct mq_uuid id;
    int status = keep(s, &id);
    if (status != 0)
        return status;
    s->delivery.id = &id;
    status = mq_deliver(&s->delivery);
    s->delivery.id = NULL;
    return status;
}

static int send_text(void *userdata, char **words, size_t count) {
    struct sending *s = userdata;
    s->draft.text = count > 0 ? words[0] : NULL;
    return keep_and_deliver(s);
}

static int send_answer(void *userdata, char **words, size_t count) {
    struct sending *s = userdata;
    if (s->draft.case_id ? count != 1 : count != 2)
        return mq_complain(MQ_EXIT_USAGE, s->draft.case_id ? "--case 之后只要答复 with --case only the answer is wanted"
                                                           : "要任务和答复 a task and an answer are wanted, or --case CASE");
    s->draft.task = s->draft.case_id ? NULL : words[0];
    s->draft.answer = words[count - 1];
    return keep_and_deliver(s);
}

static int flush(void *userdata, char **words, size_t count) {
    struct sending *s = userdata;
    (void)words;
    (void)count;
    return mq_deliver(&s->delivery);
}

static void begin(struct sending *s, enum mq_receipt_kind kind, int64_t timeout_ms) {
    *s = (struct sending){ .kind = kind, .keeping = MQ_KEEPING_DEFAULTS };
    s->delivery = (struct mq_delivery){ .keeping = &s->keeping, .login = &s->login, .timeout_ms = timeout_ms };
}

static int run(struct sending *s, const struct mq_command_line *line, int (*work)(void *, char **, size_t), int argc, char **argv) {
    return mq_keeping_run(&(struct mq_keeping_command){ line, &s->keeping, &s->login, work, s }, argc, argv);
}

/* Rows of a struct mq_option table. */
/* clang-format off */
#define TIMEOUT(s, help) { 't', "timeout", MQ_OPTION_SECONDS, &(s)->delivery.timeout_ms, "S", help, 100, 86400000 }
#define JSON(s) { 0, "json", MQ_OPTION_FLAG, &(s)->delivery.json, NULL, "每行一个 JSON one object a line", 0, 0 }
#define AREA(s) { 0, "area", MQ_OPTION_TEXT, &(s)->draft.area, "CODE", "村或网格代码 village or grid, 12 or 15 digits", 0, 0 }
#define ATTACHMENT(s) { 0, "attachment", MQ_OPTION_TEXT, &(s)->draft.attachments, "SHA256,…", "附件 SHA-256 of photos and recordings", 0, 0 }
#define SUBJECT(s) { 0, "subject-file", MQ_OPTION_TEXT, &(s)->draft.subject_file, "FILE", "当事人 JSON {name, phone, id_number, address}", 0, 0 }
#define AT(s, name, help) { 0, name, MQ_OPTION_TEXT, &(s)->draft.observed_at, "TIME", help, 0, 0 }
/* clang-format on */

int mq_field_send(int argc, char **argv) {
    struct sending s;
    begin(&s, MQ_RECEIPT_REPORT, 10000);
    s.delivery.wait_status_ms = 3000;
    const struct mq_option options[] = {
        AREA(&s),
        MQ_DRAFT_PLACE(&s.draft),
        { 0, "domain", MQ_OPTION_TEXT, &s.draft.domain, "D", "领域 domain, such as fire_safety", 0, 0 },
        { 0, "kind", MQ_OPTION_TEXT, &s.draft.kind, "K", "事件类别 kind, such as fire_safety.hill_fire", 0, 0 },
        { 0, "severity", MQ_OPTION_INTEGER, &s.draft.severity, "N", "级别 4 特急 critical … 1 知悉 information", 1, 4 },
        { 0, "origin", MQ_OPTION_TEXT, &s.draft.origin, "WORD", "来源 patrol, visit, telephone, hotline, resident, sensor", 0, 0 },
        ATTACHMENT(&s),
        SUBJECT(&s),
        AT(&s, "observed-at", "看到的时间 2026-11-23T02:10:00+08:00 (现在 now)"),
        TIMEOUT(&s, "等回执 seconds without any receipt (10)"),
        { 0, "wait-status", MQ_OPTION_SECONDS, &s.delivery.wait_status_ms, "S",
          "等立案号 seconds for the case number (3; 0 不等 none)", 0, 86400000 },
        JSON(&s),
        MQ_KEEPING_OPTIONS(&s.keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&s.login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field send",
        "[TEXT|-]",
        "上报一条：先存盘，再发送，等回执和立案号；待发箱里的也一并发出。\n"
        "Reports one thing seen: keeps it on disk, sends it and whatever else waits, waits for receipt and case number.",
        options,
        shared,
        0,
        1,
    };
    return run(&s, &line, send_text, argc, argv);
}

int mq_field_visit(int argc, char **argv) {
    struct sending s;
    begin(&s, MQ_RECEIPT_VISIT, 10000);
    const struct mq_option options[] = {
        { 0, "service", MQ_OPTION_TEXT, &s.draft.service, "TEXT", "当场办了什么（自办自结） what was settled on the spot", 0, 0 },
        { 0, "task", MQ_OPTION_TEXT, &s.draft.task, "TASK", "哪个任务要求的 the task that asked for it", 0, 0 },
        AREA(&s),
        MQ_DRAFT_PLACE(&s.draft),
        ATTACHMENT(&s),
        SUBJECT(&s),
        AT(&s, "observed-at", "走访的时间 2026-11-23T02:10:00+08:00 (现在 now)"),
        TIMEOUT(&s, "等回执 seconds without any receipt (10)"),
        JSON(&s),
        MQ_KEEPING_OPTIONS(&s.keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&s.login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field visit",
        "[TEXT|-]",
        "登记一次走访：先存盘，再发送，等回执；有 --service 的是自办自结，不派部门。\n"
        "Records a visit: keeps it on disk, sends it, waits for the receipt; with --service it was settled on the spot.",
        options,
        shared,
        0,
        1,
    };
    return run(&s, &line, send_text, argc, argv);
}

int mq_field_answer(int argc, char **argv) {
    struct sending s;
    begin(&s, MQ_RECEIPT_ANSWER, 10000);
    const struct mq_option options[] = {
        { 0, "case", MQ_OPTION_TEXT, &s.draft.case_id, "CASE", "核查哪个事件（没有任务时） the case verified, without a task", 0, 0 },
        { 0, "note", MQ_OPTION_TEXT, &s.draft.note, "TEXT", "说明 what was found or done; result and rework need it", 0, 0 },
        MQ_DRAFT_PLACE(&s.draft),
        ATTACHMENT(&s),
        AT(&s, "at", "时间 2026-11-23T02:10:00+08:00 (现在 now)"),
        TIMEOUT(&s, "等回执 seconds without any receipt (10)"),
        JSON(&s),
        MQ_KEEPING_OPTIONS(&s.keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&s.login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field answer",
        "TASK|--case CASE acknowledged|arrived|result|verified|rework",
        "答复任务，或现场核查：收到、到场、结果、核查通过、返工；先存盘，再发送，等回执。\n"
        "Answers a task, or says what was found at a case: keeps it on disk, sends it, waits for the receipt.",
        options,
        shared,
        1,
        2,
    };
    return run(&s, &line, send_answer, argc, argv);
}

int mq_field_flush(int argc, char **argv) {
    struct sending s;
    begin(&s, MQ_RECEIPT_REPORT, 60000);
    const struct mq_option options[] = {
        TIMEOUT(&s, "等回执 seconds without any receipt (60)"),
        JSON(&s),
        MQ_KEEPING_OPTIONS(&s.keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&s.login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field flush",
        "",
        "发出待发箱里的全部，急的先发。\nSends what waits in the outbox, the most severe first.",
        options,
        shared,
        0,
        0,
    };
    return run(&s, &line, flush, argc, argv);
}
