/* SPDX-License-Identifier: Apache-2.0 */
/* minqing case verify: an officer's own act, said with a device's account: the answer, its receipt, and what became of the case. */
#include "ask.h"
#include "minqing.h"
#include "words.h"

#include "common/clock.h"

#include <errno.h>
#include <stdio.h>

#define TRIES 3
#define RECEIPT_US 5000000
#define OUTCOME_MS 10000
#define LOOK_EVERY_MS 500

struct seen {
    struct mq_uuid case_id;
    struct mq_str state;
    int64_t version;
};

static const struct mq_field seen_fields[] = {
    { "case", MQ_UUID, .offset = offsetof(struct seen, case_id), .required = true },
    { "state", MQ_STRING, .offset = offsetof(struct seen, state), .required = true },
    { "version", MQ_INTEGER, .offset = offsetof(struct seen, version), .required = true },
    { .name = NULL },
};
static const struct mq_object seen_object = { "case", sizeof(struct seen), seen_fields, 0 };

struct verification {
    const char *note;
    bool failed, json;
    struct mq_client_login login;
    struct mq_client *client;
    struct mq_answer answer;
    char at[MQ_TIME_TEXT];
    char state[65]; /* of the case, as last seen; "": this account may not see it */
    int64_t version;
};

/* What the account may see of the case now: an officer sees what they reported. 0, also where they may not see it; else the exit
 * status. */
static int look(struct verification *v, struct mq_query *question) {
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { .count = 0 };
    struct seen seen;
    int status = mq_ask(v->client, &v->login, "case", question, &asked);
    if (status != 0 || !asked.told.done)
        return status;
    if (!asked.told.case_raw.s || !mq_json_decode(&seen_object, asked.told.case_raw, &seen, &document, &faults))
        return mq_ask_garbled(&faults);
    v->answer.case_id = seen.case_id;
    v->version = seen.version;
    snprintf(v->state, sizeof(v->state), "%.*s", (int)seen.state.n, seen.state.s);
    return 0;
}

static int publish(struct verification *v, struct mq_str payload) {
    char topic[MQ_TOPIC_BYTES], trace[MQ_TRACEPARENT_TEXT];
    const struct mq_str account = mq_str(v->login.user);
    enum mq_ack ack = MQ_ACK_LOST;
    mq_traceparent_new(trace);
    int r = mq_topic_format(MQ_TOPIC_FIELD_ANSWER, &account, 1, topic);
    if (r == 0)
        r = mq_bus_publish(mq_client_bus(v->client), topic,
                           &(struct mq_publication){ .payload = payload, .qos = 1, .traceparent = mq_str(trace) }, &ack);
    if (r == 0)
        r = mq_bus_flush(mq_client_bus(v->client));
    return r == 0 && ack == MQ_ACK_REFUSED ? -EACCES : r;
}

/* -1: another message. Else the exit status. */
static int read_receipt(const struct verification *v, const struct mq_arrival *arrival) {
    struct mq_receipt receipt;
    struct mq_topic_parts parts;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_topic_parse(MQ_TOPIC_FIELD_RECEIPT, arrival->topic, &parts)
        || !mq_json_decode(&mq_receipt_object, arrival->payload, &receipt, &document, &faults)
        || memcmp(&receipt.id, &v->answer.id, sizeof(receipt.id)) != 0)
        return -1;
    if (receipt.status == MQ_ACCEPTED || receipt.status == MQ_DUPLICATE)
        return MQ_EXIT_GOOD;
    if (receipt.status == MQ_LATER)
        return mq_complain(MQ_EXIT_TIMEOUT, "服务器现在不能收，请稍后再试 / the server cannot take it now: try again later");
    const struct mq_error *errors = receipt.errors.items;
    bool any = receipt.errors.count > 0;
    return mq_complain(MQ_EXIT_DATA, "未被接受 rejected: %.*s %.*s", any ? (int)errors->path.n : 0, any ? errors->path.s : "",
                       any ? (int)errors->message.n : 0, any ? errors->message.s : "");
}

/* The exit status; 0: stored. */
static int deliver(struct verification *v) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    const struct mq_str account = mq_str(v->login.user);
    mq_json_encode(&mq_answer_object, &v->answer, &payload);
    if (payload.failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    int r = mq_client_subscribe(v->client, MQ_TOPIC_FIELD_RECEIPT, &account, 1, 1);
    for (int i = 0; r == 0 && i < TRIES; i++) {
        int64_t until = mq_clock_monotonic_us() + RECEIPT_US;
        struct mq_arrival arrival;
        r = publish(v, (struct mq_str){ payload.data, payload.len });
        while (r == 0 && (r = mq_client_wait(v->client, until, &arrival)) == 1) {
            int status = read_receipt(v, &arrival);
            mq_client_done(v->client);
            if (status >= 0)
                return status;
            r = 0;
        }
    }
    if (r == -EACCES)
        return mq_complain(MQ_EXIT_DENIED, "账号 %s 不能作答，须为网格员账号 / the account may not answer: it must be an officer's",
                           v->login.user);
    if (r == -EINTR)
        return mq_complain(MQ_EXIT_FAILED, "已中断，是否收到未知 / interrupted: whether it was stored is unknown");
    if (r < 0)
        return mq_client_explain(&v->login, r);
    return mq_complain(MQ_EXIT_TIMEOUT, "15 秒内没有回执 / no receipt within 15 s: is minqing-ingest running? Say it again");
}

/* Looks until the case has changed. The exit status. */
static int await_outcome(struct verification *v) {
    struct mq_query question = { .state = -1, .domain = -1, .by = -1, .case_id = v->answer.case_id };
    int64_t before = v->version, until = mq_clock_monotonic_us() + 1000 * OUTCOME_MS;
    int status = 0;
    if (!*v->state) {
        puts(v->json ? "{\"done\":null,\"state\":null}"
                     : "已收到 stored; 本账号看不到此事件的状态 this account may not see what becomes of it");
        return MQ_EXIT_GOOD;
    }
    while (status == 0 && v->version == before && mq_clock_monotonic_us() < until) {
        if (!mq_client_pause(LOOK_EVERY_MS))
            return MQ_EXIT_FAILED;
        status = look(v, &question);
    }
    if (status != 0)
        return status;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer state = { 0 };
    mq_word_both(mq_str(v->state), &state);
    if (v->version == before)
        return mq_complain(
            MQ_EXIT_FAILED,
            "已收到，但事件没有变化，仍为 %s / stored, but the case has not changed: only a resolved case can be verified, and "
            "never by who handled it",
            mq_buffer_text(&state));
    if (v->json)
        printf("{\"done\":true,\"state\":\"%s\",\"version\":%lld}\n", v->state, (long long)v->version);
    else
        printf("已核查 done: → %s\n", mq_buffer_text(&state));
    return MQ_EXIT_GOOD;
}

static int verify(struct verification *v, const char *word) {
    struct mq_query question = MQ_ASK_NOTHING;
    mq_ask_case(&question, word);
    int status = look(v, &question);
    if (status != 0)
        return status;
    if (!*v->state && question.number.n)
        return mq_complain(MQ_EXIT_FAILED,
                           "没有事件 %s，或不是本账号上报的：请用其 id / no such case, or not one that this account reported: name "
                           "it by its id, which the task has",
                           word);
    v->answer.case_id = question.number.n ? v->answer.case_id : question.case_id;
    mq_clock_format(mq_clock_now_us(), mq_clock_offset_minutes(), v->at);
    v->answer.v = MQ_FORMAT;
    v->answer.id = mq_uuid_v7();
    v->answer.answer = mq_word_index(mq_answer_words, v->failed ? "rework" : "verified");
    v->answer.at = mq_str(v->at);
    v->answer.note = mq_str(v->note);
    status = deliver(v);
    return status != 0 ? status : await_outcome(v);
}

int mq_case_verify(int argc, char **argv) {
    struct verification v = { 0 };
    const struct mq_option options[] = {
        { 0, "note", MQ_OPTION_TEXT, &v.note, "TEXT", "现场情况 what is there to see; required", 0, 0 },
        { 0, "failed", MQ_OPTION_FLAG, &v.failed, NULL, "不合格，返工 not good: rework", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &v.json, NULL, "一个 JSON 对象 one object", 0, 0 },
        { 0 },
    };
    const struct mq_option connection[] = { MQ_CLIENT_OPTIONS(&v.login), { 0 } };
    const struct mq_command_line line = {
        argv[0],
        "CASE",
        "网格员现场核查已反馈的事件；办理人本人不能核查。账号取自 MINQING_DEVICE_USER。\n"
        "An officer verifies on the spot what was resolved, never their own work. The account is MINQING_DEVICE_USER's.",
        options,
        connection,
        1,
        1,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    if (!v.note || !*v.note)
        return mq_complain(MQ_EXIT_USAGE, "须有 needs --note; --help");
    status = mq_ask_open(&v.login, MQ_CLIENT_DEVICE, &v.client);
    if (status == 0)
        status = verify(&v, argv[1]);
    mq_client_free(v.client);
    mq_client_login_deinit(&v.login);
    return status;
}
