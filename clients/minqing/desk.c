/* SPDX-License-Identifier: Apache-2.0 */
/* minqing desk. */
#include "area.h"
#include "live.h"
#include "minqing.h"
#include "when.h"
#include "whole.h"
#include "words.h"

#include "clients/common/text.h"
#include "common/clock.h"
#include "common/message.h"

#include <stdio.h>

struct desk {
    struct mq_str parts[3]; /* department, county, town */
    bool json, colour;
};

static int subscribe(void *userdata, struct mq_client *client, int qos) {
    const struct desk *desk = userdata;
    int r = mq_client_subscribe(client, MQ_TOPIC_DEPARTMENT_CASE, desk->parts, 3, qos);
    return r < 0 ? r : mq_client_subscribe(client, MQ_TOPIC_DEPARTMENT_RESTRICTED, desk->parts, 3, qos);
}

/* What is unusual about it: "〔演练〕〔县级〕〔待批：申请延期至 11-24 10:00〕〔动员：第一中队 61/84 已收到, 40 到场〕". */
static void append_marks(const struct mq_whole *whole, int64_t now_us, struct mq_buffer *out) {
    mq_buffer_append_text(out, whole->restricted ? "〔受限 restricted〕" : "");
    bool called = whole->has_mobilisation && !mq_str_equal(whole->mobilisation.state, MQ_STR("stood_down"));
    mq_buffer_append_text(out, whole->exercise && !(called && whole->mobilisation.exercise) ? "〔演练〕" : "");
    if (mq_str_equal(whole->level, MQ_STR("county")) || mq_str_equal(whole->level, MQ_STR("city"))) {
        mq_buffer_append_text(out, "〔升级至");
        mq_buffer_append_str(out, mq_word(whole->level));
        mq_buffer_append_text(out, "〕");
    }
    if (whole->has_request) {
        mq_buffer_append_text(out, "〔待批：");
        mq_show_request(out, &whole->request, now_us);
        mq_buffer_append_text(out, "〕");
    }
    if (called) {
        mq_buffer_append_text(out, "〔动员：");
        mq_show_mobilisation(out, &whole->mobilisation);
        mq_buffer_append_text(out, "〕");
    }
}

static void append_case(const struct desk *desk, const struct mq_case *c, const struct mq_whole *whole, struct mq_buffer *out) {
    char sign[64], handle[64], version[24];
    int64_t now = mq_clock_now_us();
    snprintf(version, sizeof(version), "v%lld", (long long)c->version);
    mq_when_deadline(c->sign_by, now, sign);
    mq_when_deadline(c->handle_by, now, handle);
    if (!mq_str_equal(c->state, MQ_STR("assigned")))
        snprintf(sign, sizeof(sign), "-");
    mq_show_severity(out, c->severity, desk->colour);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, c->number, 15);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, mq_str(version), 4);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, mq_word(c->state), 8);
    mq_buffer_append_text(out, " 签收 ");
    mq_text_column(out, mq_str(sign), 20);
    mq_buffer_append_text(out, " 办结 ");
    mq_text_column(out, mq_str(handle), 20);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, c->kind_name.n ? c->kind_name : c->domain_name.n ? c->domain_name : MQ_STR("-"), 16);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, c->area_name.n ? c->area_name : c->area, 24);
    mq_buffer_append_char(out, ' ');
    append_marks(whole, now, out);
    mq_text_clean(out, c->summary);
}

static enum mq_shown show(void *userdata, const struct mq_arrival *arrival, struct mq_buffer *out) {
    const struct desk *desk = userdata;
    struct mq_topic_parts parts;
    if (!mq_topic_parse(MQ_TOPIC_DEPARTMENT_CASE, arrival->topic, &parts)
        && !mq_topic_parse(MQ_TOPIC_DEPARTMENT_RESTRICTED, arrival->topic, &parts))
        return MQ_PASSED_OVER;
    struct mq_str id = parts.part[3];
    if (arrival->payload.n == 0) {
        if (desk->json) {
            mq_buffer_append_text(out, "{\"case\":");
            mq_json_string(out, id);
            mq_buffer_append_text(out, ",\"ended\":true}");
        } else {
            mq_buffer_append_text(out, "结束   ended ");
            mq_text_clean(out, id);
        }
        return MQ_SHOWN;
    }
    struct mq_case c;
    struct mq_faults faults = { .count = 0 };
    struct mq_whole whole;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_whole_free) struct mq_whole_documents documents = { NULL, NULL };
    if (!mq_json_decode(&mq_case_object, arrival->payload, &c, &document, &faults)
        || !mq_whole_decode(arrival->payload, &whole, &documents, &faults))
        return MQ_NOT_UNDERSTOOD;
    if (desk->json)
        mq_live_json(out, arrival->payload);
    else
        append_case(desk, &c, &whole, out);
    return MQ_SHOWN;
}

int mq_desk_watch(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    struct desk desk = { .colour = mq_text_wants_colour() };
    struct mq_live live = {
        .login = &login, .who = MQ_CLIENT_DESK, .options = { .qos = 1 }, .userdata = &desk, .subscribe = subscribe, .show = show
    };
    const char *area = NULL;
    const struct mq_option options[] = {
        { 0, "area", MQ_OPTION_TEXT, &area, "CODE", "县或镇的区划代码 county (6 digits) or town (9)", 0, 0 },
        MQ_LIVE_OPTIONS(&live.options),
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&login), { 0 } };
    const struct mq_command_line line = {
        argv[0], "DEPARTMENT",
        "某部门的事件：先是在办的，再是变化；签收、办结为当地时间，余为剩余，超为超时。\n"
        "Cases of a department (fire, police, …): the live ones, then every change; 余 is what is left, 超 how late it is.",
        options, connection, 1, 1, mq_department_words,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    desk.parts[0] = mq_str(argv[1]);
    if (area && !mq_area_parts(mq_str(area), &desk.parts[1], &desk.parts[2]))
        return mq_complain(MQ_EXIT_USAGE, "--area %s: 应为 must be 4, 6, 9, 12 or 15 digits", area);
    if (strspn(argv[1], "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(argv[1]) || !*argv[1])
        return mq_complain(MQ_EXIT_USAGE, "部门 '%s' 不对 / a department is a code such as fire: lower-case letters, digits, _",
                           argv[1]);
    desk.json = live.options.json;
    return mq_live_run(&live);
}
