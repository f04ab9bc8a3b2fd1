/* SPDX-License-Identifier: Apache-2.0 */
/* The commands send and flush. */
#include "field.h"

#include "common/clock.h"
#include "compose.h"
#include "deliver.h"
#include "options.h"

#include <errno.h>

static int keep(struct mq_keeping *keeping, const struct mq_draft *draft, struct mq_uuid *id, bool json) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    int status = mq_compose(draft, (size_t)keeping->max_bytes, id, &payload);
    if (status != 0)
        return status;
    char trace[MQ_TRACEPARENT_TEXT];
    mq_traceparent_new(trace);
    struct mq_outbox_entry entry = {
        .id = *id,
        .severity = (int)draft->severity,
        .kept_at_us = mq_clock_now_us(),
        .payload = { payload.data, payload.len },
        .traceparent = mq_str(trace),
    };
    int r = mq_outbox_keep(keeping->outbox, &entry);
    if (r < 0)
        return mq_keeping_explain(keeping, r);
    mq_deliver_say(json, "kept", "已存", id, (struct mq_str){ 0 }, (struct mq_str){ 0 });
    return 0;
}

static int send_one(struct mq_delivery *delivery, const struct mq_client_login *login, const struct mq_draft *draft) {
    struct mq_uuid id;
    int status = mq_keeping_open(delivery->keeping, login->user);
    if (status == 0)
        status = keep(delivery->keeping, draft, &id, delivery->json);
    delivery->id = &id;
    if (status == 0)
        status = mq_deliver(delivery);
    delivery->id = NULL;
    mq_keeping_close(delivery->keeping);
    return status;
}

int mq_field_send(int argc, char **argv) {
    struct mq_draft draft = { 0 };
    struct mq_client_login login = { 0 };
    struct mq_keeping keeping = MQ_KEEPING_DEFAULTS;
    struct mq_delivery delivery = { .keeping = &keeping, .login = &login, .timeout_ms = 10000, .wait_status_ms = 3000 };
    const struct mq_option options[] = {
        { 0, "area", MQ_OPTION_TEXT, &draft.area, "CODE", "村或网格代码 village or grid, 12 or 15 digits", 0, 0 },
        { 0, "lat", MQ_OPTION_TEXT, &draft.lat, "DEGREES", "纬度 latitude", 0, 0 },
        { 0, "lon", MQ_OPTION_TEXT, &draft.lon, "DEGREES", "经度 longitude", 0, 0 },
        { 0, "accuracy", MQ_OPTION_TEXT, &draft.accuracy, "M", "位置误差（米） radius of the place in metres", 0, 0 },
        { 0, "datum", MQ_OPTION_TEXT, &draft.datum, "DATUM", "坐标系 wgs84 (默认 default), gcj02", 0, 0 },
        { 0, "domain", MQ_OPTION_TEXT, &draft.domain, "D", "领域 domain, such as fire_safety", 0, 0 },
        { 0, "kind", MQ_OPTION_TEXT, &draft.kind, "K", "事件类别 kind, such as fire_safety.hill_fire", 0, 0 },
        { 0, "severity", MQ_OPTION_INTEGER, &draft.severity, "N", "级别 4 特急 critical … 1 知悉 information", 1, 4 },
        { 0, "origin", MQ_OPTION_TEXT, &draft.origin, "WORD", "来源 patrol, visit, telephone, hotline, resident, sensor", 0, 0 },
        { 0, "attachment", MQ_OPTION_TEXT, &draft.attachments, "SHA256,…", "附件 SHA-256 of photos and recordings", 0, 0 },
        { 0, "subject-file", MQ_OPTION_TEXT, &draft.subject_file, "FILE", "当事人 JSON {name, phone, id_number, address}", 0, 0 },
        { 0, "observed-at", MQ_OPTION_TEXT, &draft.observed_at, "TIME", "看到的时间 2026-11-23T02:10:00+08:00 (现在 now)", 0, 0 },
        { 't', "timeout", MQ_OPTION_SECONDS, &delivery.timeout_ms, "S", "等回执 seconds without any receipt (10)", 100, 86400000 },
        { 0, "wait-status", MQ_OPTION_SECONDS, &delivery.wait_status_ms, "S",
          "等立案号 seconds for the case number (3; 0 不等 none)", 0, 86400000 },
        { 0, "json", MQ_OPTION_FLAG, &delivery.json, NULL, "每行一个 JSON one object a line", 0, 0 },
        MQ_KEEPING_OPTIONS(&keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&login), { .name = NULL } };
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
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    draft.text = words > 0 ? argv[1] : NULL;
    status = mq_client_login(&login, MQ_CLIENT_DEVICE);
    if (status == 0)
        status = send_one(&delivery, &login, &draft);
    mq_client_login_deinit(&login);
    return status;
}

int mq_field_flush(int argc, char **argv) {
    struct mq_client_login login = { 0 };
    struct mq_keeping keeping = MQ_KEEPING_DEFAULTS;
    struct mq_delivery delivery = { .keeping = &keeping, .login = &login, .timeout_ms = 60000 };
    const struct mq_option options[] = {
        { 't', "timeout", MQ_OPTION_SECONDS, &delivery.timeout_ms, "S", "等回执 seconds without any receipt (60)", 100, 86400000 },
        { 0, "json", MQ_OPTION_FLAG, &delivery.json, NULL, "每行一个 JSON one object a line", 0, 0 },
        MQ_KEEPING_OPTIONS(&keeping),
        { .name = NULL },
    };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field flush",
        "",
        "发出待发箱里的全部，急的先发。\nSends what waits in the outbox, the most severe first.",
        options,
        shared,
        0,
        0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_client_login(&login, MQ_CLIENT_DEVICE);
    if (status == 0)
        status = mq_keeping_open(&keeping, login.user);
    if (status == 0)
        status = mq_deliver(&delivery);
    mq_keeping_close(&keeping);
    mq_client_login_deinit(&login);
    return status;
}
