/* SPDX-License-Identifier: Apache-2.0 */
/* minqing case sign, progress, … and mobilise, stand-down, review admit: every row of the table of verbs. */
#include "action.h"
#include "ask.h"
#include "minqing.h"
#include "place.h"
#include "verbs.h"
#include "words.h"

#include <errno.h>
#include <stdio.h>

#define OPTIONS 24

/* A case as far as an action needs it. */
struct target {
    struct mq_uuid case_id;
    struct mq_str number, area;
    int64_t state_version;
    bool has_state_version;
};

static const struct mq_field target_fields[] = {
    { "case", MQ_UUID, .offset = offsetof(struct target, case_id), .required = true },
    { "number", MQ_STRING, .offset = offsetof(struct target, number), .nullable = true },
    { "area", MQ_STRING, .offset = offsetof(struct target, area), .nullable = true },
    { "state_version", MQ_INTEGER, .offset = offsetof(struct target, state_version),
      .has = offsetof(struct target, has_state_version) },
    { .name = NULL },
};
static const struct mq_object target_object = { "case", sizeof(struct target), target_fields, 0 };

struct act {
    const struct mq_verb *verb;
    struct mq_given given;
    const char *area, *as;
    bool any_version, json;
    struct mq_client_login login;
    struct mq_client *client;
};

/* ---- the command line ---- */

static size_t options_of(struct act *act, struct mq_option out[OPTIONS]) {
    struct mq_given *g = &act->given;
    const struct {
        unsigned bit;
        struct mq_option row;
    } all[] = {
        { MQ_NOTE, { 0, "note", MQ_OPTION_TEXT, &g->note, "TEXT", "说明 what was found or done", 0, 0 } },
        { MQ_REASON, { 0, "reason", MQ_OPTION_TEXT, &g->reason, "TEXT", "理由 why", 0, 0 } },
        { MQ_DEPARTMENT,
          { 0, "department", MQ_OPTION_TEXT, &g->department, "D", "部门 department: tobacco, …", 0, 0, mq_department_words } },
        { MQ_UNTIL,
          { 0, "until", MQ_OPTION_TEXT, &g->until, "TIME", "至何时 until: 2026-12-01, '2026-12-01 17:30', +48h, +3d, RFC 3339", 0,
            0 } },
        { MQ_DOMAIN, { 0, "domain", MQ_OPTION_WORD, &g->domain, "D", "领域 its domain: fire_safety, …", 0, 0, mq_domain_words } },
        { MQ_KIND, { 0, "kind", MQ_OPTION_TEXT, &g->kind, "K", "类别 its kind: fire_safety.hill_fire, …", 0, 0 } },
        { MQ_SEVERITY,
          { 0, "severity", MQ_OPTION_INTEGER, &g->severity, "N", "等级 4 特急 critical, 3 紧急, 2 一般, 1 知悉", 1, 4 } },
        { MQ_ATTACHMENTS,
          { 0, "attachment", MQ_OPTION_TEXT, &g->attachments, "SHA256,…", "附件 SHA-256 of photos and papers", 0, 0 } },
        { MQ_FILED, { 0, "filed", MQ_OPTION_FLAG, &g->filed, NULL, "救助申请已提交 the application for relief is filed", 0, 0 } },
        { MQ_INTO, { 0, "into", MQ_OPTION_TEXT, &g->into, "CASE", "保留的事件 the case that stays", 0, 0 } },
        { MQ_UNIT,
          { 0, "unit", MQ_OPTION_TEXT, &g->unit, "U", "小队、中队或大队 team, squadron or brigade: bomei-1-1, bomei-1, bomei", 0,
            0 } },
        { MQ_EXERCISE, { 0, "exercise", MQ_OPTION_FLAG, &g->exercise, NULL, "演练 an exercise, marked as one everywhere", 0, 0 } },
        { MQ_RATING, { 0, "rating", MQ_OPTION_INTEGER, &g->rating, "N", "评分 5 最好 best … 1", 1, 5 } },
        { MQ_ON_REPORT, { 0, "area", MQ_OPTION_TEXT, &act->area, "CODE", "上报所在县或镇 where it waits; else looked up", 0, 0 } },
    };
    const struct mq_option always[] = {
        { 0, "any-version", MQ_OPTION_FLAG, &act->any_version, NULL, "即使事件刚有变化 even if the case has just changed", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &act->json, NULL, "答复原文 the reply as it came", 0, 0 },
        MQ_AS_OPTION(&act->as),
        { 0 },
    };
    size_t count = 0;
    for (size_t i = 0; i < MQ_LENGTH(all); i++)
        if (act->verb->takes & all[i].bit)
            out[count++] = all[i].row;
    /* a waiting report has no version to be stale */
    for (size_t i = act->verb->takes & MQ_ON_REPORT ? 1 : 0; i < MQ_LENGTH(always); i++)
        out[count++] = always[i];
    return count;
}

static int parse(struct act *act, int argc, char **argv) {
    struct mq_option options[OPTIONS];
    unsigned takes = act->verb->takes;
    options_of(act, options);
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&act->login), { 0 } };
    char help[512];
    snprintf(help, sizeof(help), "%s\n%s", act->verb->help,
             takes & MQ_ON_REPORT ? "REPORT 是上报编号 is the report's id."
                                  : "CASE 是事件号（博美-1123-042）或其 id / is the case's number, or its id.");
    const struct mq_command_line line = {
        argv[0],
        takes & MQ_ON_REPORT ? "REPORT"
        : takes & MQ_REPORTS ? "CASE REPORT…"
                             : "CASE",
        help,
        options,
        connection,
        1,
        takes & MQ_REPORTS ? 1 + MQ_GIVEN_REPORTS : 1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    act->given.reports = argv + 2;
    act->given.report_count = words - 1;
    status = mq_verb_read(act->verb, &act->given);
    return status == 0 ? -1 : status;
}

/* ---- the case ---- */

static int decode_target(const struct mq_asked *asked, struct target *target, struct mq_document **document) {
    struct mq_faults faults = { .count = 0 };
    return asked->told.case_raw.s && mq_json_decode(&target_object, asked->told.case_raw, target, document, &faults)
               ? 0
               : mq_ask_garbled(&faults);
}

static int not_yours(const struct act *act, const struct mq_actor *actor) {
    bool desk = act->verb->who == MQ_DESK;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer role = { 0 };
    mq_word_both(actor->role, &role);
    return mq_complain(MQ_EXIT_DENIED, "账号 %s 是%s，%s / the account's role does not do this: %s", act->login.user,
                       mq_buffer_text(&role),
                       desk                           ? "此事由办理部门做"
                       : act->verb->who == MQ_COMMAND ? "此事由联勤指挥中心做"
                                                      : "此事由办理部门或联勤指挥中心做",
                       desk                           ? "the department does"
                       : act->verb->who == MQ_COMMAND ? "the command centre does"
                                                      : "departments and the command centre do");
}

static int send(struct act *act, const struct mq_address *address, struct mq_action *action) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer reply = { 0 };
    struct mq_str name = mq_word(mq_str(act->verb->action));
    char done[96];
    action->id = mq_uuid_v7();
    snprintf(done, sizeof(done), "「%.*s」已生效 done:", (int)name.n, name.s);
    const struct mq_sending sending = {
        .topic = address->topic,
        .parts = address->parts,
        .count = address->count,
        .action = action,
        .look = act->verb->takes & MQ_ON_REPORT ? "minqing review list" : "minqing case show",
    };
    int status = mq_action_send(act->client, &act->login, &sending, &reply);
    return status != 0 ? status : mq_action_print((struct mq_str){ reply.data, reply.len }, act->json, done);
}

static int act_on_case(struct act *act, const char *word) {
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_query question = MQ_ASK_NOTHING;
    struct target target = { 0 };
    struct mq_address address;
    mq_ask_case(&question, word);
    int status = mq_ask_done(act->client, &act->login, "case", &question, act->json, &asked);
    if (status == 0)
        status = decode_target(&asked, &target, &document);
    if (status != 0)
        return status;
    const struct mq_actor actor = { mq_str(act->login.user), asked.told.you.role, asked.told.you.department };
    /* where the case does not say its place, the asker's own area is as much as they may know */
    int r = mq_verb_address(act->verb, &actor, target.area.n ? target.area : asked.told.you.area, &address);
    if (r < 0)
        return r == -EACCES ? not_yours(act, &actor) : mq_ask_garbled(NULL);
    struct mq_action action = mq_verb_action(act->verb, &act->given);
    action.case_id = target.case_id;
    action.state_version = target.state_version;
    action.has_state_version = target.has_state_version && !act->any_version;
    if (act->given.into)
        status = mq_ask_case_id(act->client, &act->login, act->given.into, act->json, &action.into);
    return status != 0 ? status : send(act, &address, &action);
}

/* ---- a report that waits ---- */

static int act_on_report(struct act *act, const char *word) {
    struct mq_place place = { 0 };
    struct mq_action action = mq_verb_action(act->verb, &act->given);
    if (!mq_uuid_parse(mq_str(word), &action.report))
        return mq_complain(MQ_EXIT_USAGE, "'%s' 不是上报编号 / is not a report's id (a UUID)", word);
    int status = mq_review_place(act->client, &act->login, &action.report, act->area, &place);
    const struct mq_address address = { MQ_TOPIC_COMMAND_ACTION,
                                        { mq_str(place.county), mq_str(place.town), mq_str(act->login.user) },
                                        3 };
    return status != 0 ? status : send(act, &address, &action);
}

int mq_act(int argc, char **argv) {
    struct act act = { .verb = mq_verb_find(argv[0]) };
    int status = parse(&act, argc, argv);
    if (status >= 0)
        return status;
    enum mq_client_who who = act.verb->who == MQ_DESK      ? MQ_CLIENT_DESK
                             : act.verb->who == MQ_COMMAND ? MQ_CLIENT_OPERATOR
                                                           : MQ_CLIENT_ANYONE;
    status = mq_ask_open(&act.login, mq_as(act.as, who), &act.client);
    if (status == 0)
        status = act.verb->takes & MQ_ON_REPORT ? act_on_report(&act, argv[1]) : act_on_case(&act, argv[1]);
    mq_client_free(act.client);
    mq_client_login_deinit(&act.login);
    return status;
}
