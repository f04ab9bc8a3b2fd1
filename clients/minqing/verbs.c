/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs. */
#include "verbs.h"

#include "area.h"
#include "when.h"
#include "words.h"

#include "clients/common/options.h"

#include <errno.h>

/* clang-format off */
const struct mq_verb mq_verbs[] = {
    { "case", "sign", "sign", MQ_DESK, MQ_NOTE, 0, 0, "签收 sign for it" },
    { "case", "progress", "progress", MQ_DESK, MQ_NOTE | MQ_ATTACHMENTS | MQ_FILED, MQ_NOTE, 0, "处置进展 say how far it is" },
    { "case", "resolve", "resolve", MQ_DESK, MQ_NOTE | MQ_ATTACHMENTS, MQ_NOTE, 0, "反馈结果 done, with the result" },
    { "case", "return", "return", MQ_DESK, MQ_REASON | MQ_DEPARTMENT, MQ_REASON, 0, "退单 not ours, and why" },
    { "case", "extend", "extend", MQ_DESK, MQ_REASON | MQ_UNTIL, MQ_REASON | MQ_UNTIL, 0, "申请延期 ask for more time" },
    { "case", "suspend", "suspend", MQ_DESK, MQ_REASON | MQ_UNTIL, MQ_REASON, 0, "申请挂账 ask to suspend it" },
    { "case", "support", "support", MQ_DESK | MQ_COMMAND, MQ_DEPARTMENT | MQ_NOTE, MQ_DEPARTMENT, 0,
      "联合处置 let another department take part" },
    { "case", "refuse", "refuse", MQ_COMMAND, MQ_REASON, MQ_REASON, 0, "不予立案 no case after all" },
    { "case", "reassign", "reassign", MQ_COMMAND, MQ_DEPARTMENT | MQ_NOTE, MQ_DEPARTMENT, 0, "改派 give it to another department" },
    { "case", "correct", "correct", MQ_COMMAND, MQ_DOMAIN | MQ_KIND | MQ_SEVERITY | MQ_NOTE, 0, MQ_DOMAIN | MQ_KIND | MQ_SEVERITY,
      "更正 correct domain, kind or severity" },
    { "case", "approve", "approve", MQ_COMMAND, MQ_NOTE | MQ_UNTIL, 0, 0, "批准 grant what was asked for" },
    { "case", "deny", "deny", MQ_COMMAND, MQ_REASON, MQ_REASON, 0, "不批准 deny what was asked for" },
    { "case", "supervise", "supervise", MQ_COMMAND, MQ_NOTE, MQ_NOTE, 0, "督办 urge them on" },
    { "case", "merge", "merge", MQ_COMMAND, MQ_INTO | MQ_NOTE, MQ_INTO, 0, "合并 make it part of another case" },
    { "case", "split", "split", MQ_COMMAND, MQ_REPORTS | MQ_KIND | MQ_NOTE, MQ_REPORTS, 0, "拆分 reports that are another matter" },
    { "case", "call-back", "call_back", MQ_COMMAND, MQ_NOTE, MQ_NOTE, 0, "回访核查 verified by a call back" },
    { "case", "rework", "rework", MQ_COMMAND, MQ_REASON, MQ_REASON, 0, "返工 not good enough, and why" },
    { "case", "close", "close", MQ_COMMAND, MQ_NOTE, 0, 0, "结案 close it" },
    { "case", "reopen", "reopen", MQ_COMMAND, MQ_REASON, MQ_REASON, 0, "重开 open it again" },
    { "case", "rate", "rate", MQ_COMMAND, MQ_RATING | MQ_NOTE, MQ_RATING, 0, "评价 what a resident thinks of it" },
    { "review", "admit", "admit", MQ_COMMAND, MQ_ON_REPORT | MQ_NOTE, 0, 0, "受理 accept a report, to be decided later" },
    { "mobilise", NULL, "mobilise", MQ_COMMAND, MQ_UNIT | MQ_NOTE | MQ_EXERCISE, MQ_UNIT, 0,
      "动员 call a team, squadron or brigade to a case" },
    { "stand-down", NULL, "stand_down", MQ_COMMAND, MQ_NOTE, 0, 0, "解除动员 send them home" },
};
/* clang-format on */
const size_t mq_verb_count = MQ_LENGTH(mq_verbs);

const struct mq_verb *mq_verb_find(const char *program) {
    for (size_t i = 0; i < mq_verb_count; i++) {
        const struct mq_verb *v = &mq_verbs[i];
        size_t noun = strlen(v->noun);
        const char *rest = strncmp(program, "minqing ", 8) == 0 ? program + 8 : program;
        if (strncmp(rest, v->noun, noun) != 0)
            continue;
        if (v->verb ? rest[noun] == ' ' && strcmp(rest + noun + 1, v->verb) == 0 : rest[noun] == '\0')
            return v;
    }
    return NULL;
}

/* ---- reading what was typed ---- */

struct presence {
    unsigned bit;
    bool there;
    const char *name;
};

static int check_needs(const struct mq_verb *verb, const struct mq_given *g) {
    const struct presence all[] = {
        { MQ_NOTE, g->note && *g->note, "--note" },
        { MQ_REASON, g->reason && *g->reason, "--reason" },
        { MQ_DEPARTMENT, g->department && *g->department, "--department" },
        { MQ_UNTIL, g->until, "--until" },
        { MQ_DOMAIN, g->domain, "--domain" },
        { MQ_KIND, g->kind && *g->kind, "--kind" },
        { MQ_SEVERITY, g->severity != 0, "--severity" },
        { MQ_INTO, g->into && *g->into, "--into" },
        { MQ_REPORTS, g->report_count > 0, "REPORT" },
        { MQ_UNIT, g->unit && *g->unit, "--unit" },
        { MQ_RATING, g->rating != 0, "--rating" },
    };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer any = { 0 };
    unsigned there = 0;
    for (size_t i = 0; i < MQ_LENGTH(all); i++) {
        there |= all[i].there ? all[i].bit : 0;
        if ((verb->needs & all[i].bit) && !all[i].there)
            return mq_complain(MQ_EXIT_USAGE, "须有 needs %s; --help", all[i].name);
        if (verb->one_of & all[i].bit)
            mq_buffer_printf(&any, " %s", all[i].name);
    }
    if (verb->one_of && !(there & verb->one_of))
        return mq_complain(MQ_EXIT_USAGE, "须有其一 needs one of:%s; --help", mq_buffer_text(&any));
    return 0;
}

static int read_attachments(struct mq_given *given) {
    const char *p = given->attachments;
    while (p && *p) {
        size_t n = strcspn(p, ",");
        if (n != 64 || strspn(p, "0123456789abcdef") < 64)
            return mq_complain(MQ_EXIT_USAGE, "--attachment %.*s: 应为 must be a SHA-256, 64 hexadecimal digits (sha256sum FILE)",
                               (int)n, p);
        if (given->attachment_count == MQ_GIVEN_ATTACHMENTS)
            return mq_complain(MQ_EXIT_USAGE, "附件至多 %d 个 / at most so many attachments", MQ_GIVEN_ATTACHMENTS);
        given->attachment[given->attachment_count++] = (struct mq_str){ p, n };
        p += n + (p[n] == ',' ? 1 : 0);
    }
    return 0;
}

static int read_reports(struct mq_given *given) {
    struct mq_uuid id;
    for (size_t i = 0; i < given->report_count; i++) {
        given->report[i] = mq_str(given->reports[i]);
        if (!mq_uuid_parse(given->report[i], &id))
            return mq_complain(MQ_EXIT_USAGE, "'%s' 不是上报编号 / is not a report's id (a UUID)", given->reports[i]);
    }
    return 0;
}

int mq_verb_read(const struct mq_verb *verb, struct mq_given *given) {
    int status = check_needs(verb, given);
    if (status == 0 && given->until && !mq_when_parse(given->until, mq_clock_now_us(), MQ_DAY_ENDS, given->until_at))
        status = mq_complain(MQ_EXIT_USAGE, "--until %s: 应为 must be '2026-12-01', '2026-12-01 17:30', +48h, +3d or RFC 3339",
                             given->until);
    if (status == 0)
        status = read_attachments(given);
    return status == 0 ? read_reports(given) : status;
}

struct mq_action mq_verb_action(const struct mq_verb *verb, const struct mq_given *given) {
    return (struct mq_action){
        .v = MQ_FORMAT,
        .action = mq_word_index(mq_action_words, verb->action),
        .note = mq_str(given->note),
        .reason = mq_str(given->reason),
        .department = mq_str(given->department),
        .until = mq_str(given->until ? given->until_at : NULL),
        .domain = mq_word_index(mq_domain_words, given->domain),
        .kind = mq_str(given->kind),
        .severity = given->severity,
        .has_severity = given->severity != 0,
        .attachments = { (void *)given->attachment, given->attachment_count },
        .reports = { (void *)given->report, given->report_count },
        .unit = mq_str(given->unit),
        .exercise = given->exercise,
        .filed = given->filed,
        .rating = given->rating,
        .has_rating = given->rating != 0,
    };
}

/* ---- where it goes ---- */

int mq_verb_address(const struct mq_verb *verb, const struct mq_actor *actor, struct mq_str area, struct mq_address *out) {
    struct mq_str county, town;
    if (!mq_area_parts(area, &county, &town))
        return -EINVAL;
    county = county.s ? county : MQ_STR("all");
    town = town.s ? town : MQ_STR("all");
    if ((verb->who & MQ_DESK) && mq_str_equal(actor->role, MQ_STR("desk"))) {
        *out = (struct mq_address){ MQ_TOPIC_DEPARTMENT_ACTION, { actor->department, county, town, actor->account }, 4 };
        return 0;
    }
    if ((verb->who & MQ_COMMAND) && mq_str_equal(actor->role, MQ_STR("operator"))) {
        *out = (struct mq_address){ MQ_TOPIC_COMMAND_ACTION, { county, town, actor->account }, 3 };
        return 0;
    }
    return -EACCES;
}
