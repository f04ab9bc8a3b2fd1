/* SPDX-License-Identifier: Apache-2.0 */
/* minqing review: what waits for the command centre, and its decision. */
#include "action.h"
#include "area.h"
#include "live.h"
#include "minqing.h"
#include "place.h"
#include "retained.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/clock.h"
#include "common/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- list ---- */

struct list {
    bool json, colour;
    size_t count, not_understood;
};

static void append_age(struct mq_str at, struct mq_buffer *out) {
    int64_t us;
    char text[32] = "-";
    if (mq_clock_parse(at, &us)) {
        long long minutes = (mq_clock_now_us() - us) / 60000000;
        if (minutes < 0)
            minutes = 0;
        snprintf(text, sizeof(text), "%lldh%02lldm", minutes / 60, minutes % 60);
    }
    mq_text_column(out, mq_str(text), 8);
}

static void append_review(const struct list *list, const struct mq_review *review, struct mq_buffer *out) {
    char severity[16], id[MQ_UUID_TEXT], guess[160];
    enum mq_colour colour = mq_text_severity_colour(review->severity);
    snprintf(severity, sizeof(severity), "%d %s", (int)review->severity, mq_text_severity_name(review->severity));
    mq_uuid_format(&review->report, id);
    struct mq_str domain = review->domain.n ? mq_word(review->domain) : MQ_STR("-");
    snprintf(guess, sizeof(guess), "%.*s %.0f%%", (int)domain.n, domain.s, 100 * review->probability);
    mq_text_colour(out, list->colour, colour);
    mq_text_column(out, mq_str(severity), 6);
    mq_text_colour(out, list->colour, MQ_COLOUR_NONE);
    mq_buffer_append_char(out, ' ');
    append_age(review->received_at, out);
    mq_buffer_printf(out, " %s ", id);
    mq_text_column(out, mq_str(guess), 23);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, review->area_name.n ? review->area_name : review->area, 24);
    mq_buffer_append_char(out, ' ');
    mq_text_clean(out, review->text);
}

static void list_one(void *userdata, const struct mq_arrival *arrival) {
    struct list *list = userdata;
    struct mq_review review;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    if (arrival->payload.n == 0)
        return;
    if (!mq_json_decode(&mq_review_object, arrival->payload, &review, &document, &faults)) {
        list->not_understood++;
        return;
    }
    list->count++;
    if (list->json)
        mq_live_json(&line, arrival->payload);
    else
        append_review(list, &review, &line);
    puts(mq_buffer_text(&line));
}

int mq_review_list(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct list list = { .colour = mq_text_wants_colour() };
    struct mq_str parts[2] = { 0 };
    const char *area = NULL;
    const struct mq_option options[] = {
        { 0, "json", MQ_OPTION_FLAG, &list.json, NULL, "每行一个 JSON 对象 one object a line", 0, 0 },
        { 0, "area", MQ_OPTION_TEXT, &area, "CODE", "县或镇的区划代码 county (6 digits) or town (9)", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "", "待复核的上报：等级、已等待、编号、模型的判断、地点、内容。\nReports that wait for a decision: severity, waiting, id, guess, "
        "place, text.", options, connection, 0, 0,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status < 0 && area && !mq_area_parts(mq_str(area), &parts[0], &parts[1]))
        status = mq_complain(MQ_EXIT_USAGE, "--area %s: 应为 must be 4, 6, 9, 12 or 15 digits", area);
    if (status >= 0)
        return status;
    status = mq_client_open(&login, MQ_CLIENT_OPERATOR, &client);
    if (status != 0)
        return status;
    int r = mq_retained_read(client, &(struct mq_retained){ MQ_TOPIC_COMMAND_REVIEW, parts, 2, list_one, &list });
    if (r < 0)
        return r == -EINTR ? MQ_EXIT_FAILED : mq_client_explain(&login, r);
    if (list.not_understood > 0 || mq_client_dropped(client) > 0)
        return mq_complain(MQ_EXIT_DATA, "另有 %zu 条不能识别、%llu 条未收下 / not shown: %zu not understood, %llu too many at once",
                           list.not_understood, (unsigned long long)mq_client_dropped(client), list.not_understood,
                           (unsigned long long)mq_client_dropped(client));
    if (list.count == 0 && !list.json)
        puts("没有待复核的上报 / nothing waits for review");
    return MQ_EXIT_GOOD;
}

/* ---- decide ---- */

struct decision {
    const char *domain, *kind, *note, *area;
    int64_t severity;
    bool none, json;
    struct mq_uuid report;
    struct mq_place place; /* levels of the topic */
};

static int check(const struct decision *decision) {
    if (!decision->none && !decision->domain && !decision->kind)
        return mq_complain(MQ_EXIT_USAGE, "请用 --domain、--kind 或 --none 说明结论 / say what it is: --domain, --kind, or --none");
    if (decision->none && (decision->domain || decision->kind || decision->severity))
        return mq_complain(MQ_EXIT_USAGE, "--none 不能与 --domain、--kind、--severity 同用 / cannot stand together");
    if (decision->none && (!decision->note || !*decision->note))
        return mq_complain(MQ_EXIT_USAGE, "不予立案须用 --note 说明理由 / a refusal needs --note that says why");
    return 0;
}

static int send_decision(const struct decision *decision, struct mq_client *client, const struct mq_client_login *login) {
    const struct mq_action action = {
        .v = MQ_FORMAT,
        .id = mq_uuid_v7(),
        .report = decision->report,
        .action = mq_word_index(mq_action_words, decision->none ? "refuse" : "decide"),
        .domain = mq_word_index(mq_domain_words, decision->domain),
        .kind = mq_str(decision->kind),
        .note = mq_str(decision->note),
        .reason = mq_str(decision->none ? decision->note : NULL),
        .severity = decision->severity,
        .has_severity = decision->severity != 0,
    };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer reply = { 0 };
    const struct mq_str parts[] = { mq_str(decision->place.county), mq_str(decision->place.town), mq_str(login->user) };
    const struct mq_sending sending = { MQ_TOPIC_COMMAND_ACTION, parts, 3, &action, "minqing review list" };
    int status = mq_action_send(client, login, &sending, &reply);
    return status != 0 ? status
                       : mq_action_print((struct mq_str){ reply.data, reply.len }, decision->json,
                                         decision->none ? "不予立案 refused, no case:" : "已判定 decided:");
}

int mq_review_decide(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    MQ_CLEANUP(mq_client_cleanup) struct mq_client *client = NULL;
    struct decision decision = { 0 };
    const struct mq_option options[] = {
        { 0, "domain", MQ_OPTION_WORD, &decision.domain, "D", "领域 its domain: fire_safety, …", 0, 0, mq_domain_words },
        { 0, "kind", MQ_OPTION_TEXT, &decision.kind, "K", "类别 its kind: fire_safety.hill_fire, …", 0, 0 },
        { 0, "none", MQ_OPTION_FLAG, &decision.none, NULL, "不属于任何领域，不予立案 none of the ten: no case; needs --note", 0, 0 },
        { 0, "severity", MQ_OPTION_INTEGER, &decision.severity, "N", "等级 4 特急 critical, 3 紧急, 2 一般, 1 知悉", 1, 4 },
        { 0, "note", MQ_OPTION_TEXT, &decision.note, "TEXT", "说明 note", 0, 0 },
        { 0, "area", MQ_OPTION_TEXT, &decision.area, "CODE", "上报所在县或镇 where it waits; else looked up", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &decision.json, NULL, "答复原文 the reply as it came", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "REPORT", "判定一条待复核的上报。REPORT 是它的编号。\nDecides a report that waits for review.", options, connection, 1, 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (!mq_uuid_parse(mq_str(argv[1]), &decision.report))
        return mq_complain(MQ_EXIT_USAGE, "'%s' 不是上报编号 / is not a report's id (a UUID)", argv[1]);
    status = check(&decision);
    if (status == 0)
        status = mq_client_open(&login, MQ_CLIENT_OPERATOR, &client);
    if (status == 0 && !login.user)
        status = mq_complain(MQ_EXIT_USAGE, "须有账号 / an account is needed: -u, or MINQING_OPERATOR_USER");
    if (status == 0)
        status = mq_review_place(client, &login, &decision.report, decision.area, &decision.place);
    return status != 0 ? status : send_decision(&decision, client, &login);
}
