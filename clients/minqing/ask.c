/* SPDX-License-Identifier: Apache-2.0 */
/* Asking. */
#include "ask.h"

#include "area.h"
#include "shown.h"
#include "when.h"

#include <errno.h>

#define AT(type, member) .offset = offsetof(struct type, member)

static const struct mq_field you_fields[] = {
    { "account", MQ_STRING, AT(mq_you, account), .nullable = true },
    { "role", MQ_STRING, AT(mq_you, role), .nullable = true },
    { "department", MQ_STRING, AT(mq_you, department), .nullable = true },
    { "area", MQ_STRING, AT(mq_you, area), .nullable = true },
    { .name = NULL },
};
static const struct mq_object you_object = { "you", sizeof(struct mq_you), you_fields, 0 };

static const struct mq_field told_fields[] = {
    { "v", MQ_INTEGER, AT(mq_told, v), .required = true, .min = MQ_FORMAT, .max = MQ_FORMAT },
    { "name", MQ_STRING, AT(mq_told, name), .nullable = true },
    { "done", MQ_BOOLEAN, AT(mq_told, done), .required = true },
    { "reason", MQ_STRING, AT(mq_told, reason), .nullable = true },
    { "you", MQ_OBJECT, AT(mq_told, you), .nullable = true, .object = &you_object },
    { "case", MQ_RAW, AT(mq_told, case_raw), .nullable = true },
    { "cases", MQ_RAW, AT(mq_told, cases), .nullable = true },
    { "subjects", MQ_RAW, AT(mq_told, subjects), .nullable = true },
    { "entries", MQ_RAW, AT(mq_told, entries), .nullable = true },
    { "columns", MQ_RAW, AT(mq_told, columns), .nullable = true },
    { "rows", MQ_RAW, AT(mq_told, rows), .nullable = true },
    { "all", MQ_RAW, AT(mq_told, all), .nullable = true },
    { "officers", MQ_RAW, AT(mq_told, officers), .nullable = true },
    { "total", MQ_INTEGER, AT(mq_told, total), .nullable = true },
    { "next", MQ_STRING, AT(mq_told, next), .nullable = true },
    { .name = NULL },
};
static const struct mq_object told_object = { "result", sizeof(struct mq_told), told_fields, 0 };

const char *const mq_as_words[] = { "operator", "desk", "device", NULL };

enum mq_client_who mq_as(const char *as, enum mq_client_who otherwise) {
    if (!as)
        return otherwise;
    return *as == 'o' ? MQ_CLIENT_OPERATOR : strcmp(as, "desk") == 0 ? MQ_CLIENT_DESK : MQ_CLIENT_DEVICE;
}

int mq_period_read(struct mq_period *period, struct mq_query *question) {
    int64_t now = mq_clock_now_us();
    if (period->from && !mq_when_parse(period->from, now, MQ_DAY_BEGINS, period->from_at))
        return mq_complain(MQ_EXIT_USAGE, "--from %s: 应为 must be 2026-12-01, '2026-12-01 17:30' or RFC 3339", period->from);
    if (period->to && !mq_when_parse(period->to, now, MQ_DAY_PAST, period->to_at))
        return mq_complain(MQ_EXIT_USAGE, "--to %s: 应为 must be 2026-12-01, '2026-12-01 17:30' or RFC 3339", period->to);
    question->from = mq_str(period->from ? period->from_at : NULL);
    question->to = mq_str(period->to ? period->to_at : NULL);
    return 0;
}

int mq_ask_area(const char *area, struct mq_query *question) {
    if (area && !mq_area_valid(mq_str(area)))
        return mq_complain(MQ_EXIT_USAGE, "--area %s: 应为 must be 4, 6, 9, 12 or 15 digits", area);
    question->area = mq_str(area);
    return 0;
}

void mq_asked_deinit(struct mq_asked *asked) {
    mq_document_free(asked->document);
    asked->document = NULL;
    mq_buffer_deinit(&asked->bytes);
}

void mq_ask_case(struct mq_query *question, const char *word) {
    if (!mq_uuid_parse(mq_str(word), &question->case_id))
        question->number = mq_str(word);
}

int mq_ask_open(struct mq_client_login *login, enum mq_client_who who, struct mq_client **out) {
    int status = mq_client_open(login, who, out);
    if (status == 0 && !login->user)
        status = mq_complain(MQ_EXIT_USAGE, "须有账号 / an account is needed: -u, or MINQING_OPERATOR_USER, MINQING_DESK_USER, "
                                            "MINQING_DEVICE_USER");
    return status;
}

int mq_ask_garbled(const struct mq_faults *faults) {
    bool any = faults && faults->count > 0;
    return mq_complain(MQ_EXIT_DATA, "答复不能识别 the answer was not understood: %s %s", any ? faults->fault[0].path : "",
                       any ? faults->fault[0].message : "");
}

static int explain(const struct mq_client_login *login, int error) {
    if (error == -ETIMEDOUT || error == -EHOSTUNREACH)
        return mq_complain(MQ_EXIT_TIMEOUT,
                           "15 秒内没有答复%s / no answer within 15 s: is minqing-query running? see 'minqing status'",
                           error == -EHOSTUNREACH ? "（无人接收）" : "");
    if (error == -EACCES)
        return mq_complain(MQ_EXIT_DENIED, "账号 %s 无权查询 / the account may not ask", login->user);
    return error == -EINTR ? mq_complain(MQ_EXIT_FAILED, "已中断 / interrupted") : mq_client_explain(login, error);
}

int mq_ask(struct mq_client *client, const struct mq_client_login *login, const char *name, struct mq_query *question,
           struct mq_asked *asked) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    mq_asked_deinit(asked);
    asked->told = (struct mq_told){ 0 };
    question->v = MQ_FORMAT;
    question->id = mq_uuid_v7();
    mq_json_encode(&mq_query_object, question, &payload);
    if (payload.failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    const struct mq_str parts[] = { mq_str(login->user), mq_str(name) };
    int r = mq_client_request(
        client,
        &(struct mq_client_request){
            .topic = MQ_TOPIC_QUERY, .parts = parts, .count = 2, .payload = { payload.data, payload.len }, .name = "query" },
        &asked->bytes);
    if (r < 0)
        return explain(login, r);
    struct mq_faults faults = { .count = 0 };
    struct mq_str bytes = { asked->bytes.data, asked->bytes.len };
    return mq_json_decode(&told_object, bytes, &asked->told, &asked->document, &faults) ? 0 : mq_ask_garbled(&faults);
}

int mq_ask_done(struct mq_client *client, const struct mq_client_login *login, const char *name, struct mq_query *question,
                bool json, struct mq_asked *asked) {
    int status = mq_ask(client, login, name, question, asked);
    if (status != 0 || asked->told.done)
        return status;
    if (json) {
        mq_show_json(&asked->bytes);
        return MQ_EXIT_FAILED;
    }
    return mq_complain(MQ_EXIT_FAILED, "没有结果 no result: %.*s", (int)asked->told.reason.n,
                       asked->told.reason.n ? asked->told.reason.s : "");
}

int mq_ask_pages(struct mq_client *client, const struct mq_client_login *login, struct mq_query *question,
                 const struct mq_pages *pages) {
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer after = { 0 };
    int status;
    do {
        status = mq_ask_done(client, login, pages->name, question, pages->json, &asked);
        if (status == 0 && pages->json)
            mq_show_json(&asked.bytes);
        else if (status == 0)
            status = pages->show(pages->userdata, &asked);
        mq_buffer_reset(&after, SIZE_MAX);
        mq_buffer_append_str(&after, asked.told.next);
        question->after = mq_str(after.len ? mq_buffer_text(&after) : NULL);
    } while (status == 0 && pages->all && after.len > 0 && !mq_client_stopping());
    if (status == 0 && !pages->json && after.len > 0)
        mq_complain(0, "共 %lld 条，未列完 / %lld in all, not all shown: --all, or narrower filters", (long long)asked.told.total,
                    (long long)asked.told.total);
    return status;
}

struct named {
    struct mq_uuid case_id;
};

int mq_ask_case_id(struct mq_client *client, const struct mq_client_login *login, const char *word, bool json, struct mq_uuid *id) {
    static const struct mq_field fields[] = { { "case", MQ_UUID, AT(named, case_id), .required = true }, { .name = NULL } };
    static const struct mq_object object = { "case", sizeof(struct named), fields, 0 };
    MQ_CLEANUP(mq_asked_deinit) struct mq_asked asked = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_query question = MQ_ASK_NOTHING;
    struct mq_faults faults = { .count = 0 };
    struct named named;
    if (mq_uuid_parse(mq_str(word), id))
        return 0;
    question.number = mq_str(word);
    int status = mq_ask_done(client, login, "case", &question, json, &asked);
    if (status == 0 && (!asked.told.case_raw.s || !mq_json_decode(&object, asked.told.case_raw, &named, &document, &faults)))
        status = mq_ask_garbled(&faults);
    if (status == 0)
        *id = named.case_id;
    return status;
}

struct each {
    const struct mq_object *object;
    void *item;
    void (*each)(void *userdata);
    void *userdata;
};

static int decode_one(void *userdata, struct mq_str element) {
    const struct each *each = userdata;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_json_decode(each->object, element, each->item, &document, &faults))
        return mq_ask_garbled(&faults);
    each->each(each->userdata);
    return 0;
}

int mq_ask_each(struct mq_str array, const struct mq_object *object, void *item, void (*each)(void *userdata), void *userdata) {
    struct each walk = { object, item, each, userdata };
    int r = array.s ? mq_json_each(array, decode_one, &walk) : 0;
    return r < 0 ? mq_ask_garbled(NULL) : r;
}
