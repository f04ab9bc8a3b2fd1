/* SPDX-License-Identifier: Apache-2.0 */
/* Sending actions. */
#include "action.h"

#include "live.h"
#include "words.h"

#include "clients/common/text.h"

#include <errno.h>
#include <stdio.h>

static int explain(const struct mq_client_login *login, const struct mq_sending *sending, int error) {
    if (error == -ETIMEDOUT || error == -EHOSTUNREACH)
        return mq_complain(
            MQ_EXIT_TIMEOUT,
            "15 秒内没有答复%s / no reply within 15 s: is minqing-dispatcher running? see 'minqing status'. It may still be "
            "carried out: see '%s'",
            error == -EHOSTUNREACH ? "（无人接收）" : "", sending->look);
    if (error == -EACCES) {
        bool desk = sending->topic == MQ_TOPIC_DEPARTMENT_ACTION;
        const struct mq_str *place = sending->parts + (desk ? 1 : 0);
        return mq_complain(MQ_EXIT_DENIED,
                           "账号 %s 无权在 %.*s/%.*s 操作 / the account may not act there: it must be %s of this area", login->user,
                           (int)place[0].n, place[0].s, (int)place[1].n, place[1].s,
                           desk ? "a desk of the department and" : "an operator");
    }
    return error == -EINTR
               ? mq_complain(MQ_EXIT_FAILED, "已中断，是否生效未知 / interrupted: whether it was carried out is unknown")
               : mq_client_explain(login, error);
}

int mq_action_send(struct mq_client *client, const struct mq_client_login *login, const struct mq_sending *sending,
                   struct mq_buffer *reply) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer payload = { 0 };
    mq_json_encode(&mq_action_object, sending->action, &payload);
    if (payload.failed)
        return mq_complain(MQ_EXIT_FAILED, "%s", strerror(ENOMEM));
    const struct mq_client_request request = {
        .topic = sending->topic,
        .parts = sending->parts,
        .count = sending->count,
        .payload = { payload.data, payload.len },
        .name = "action",
    };
    int r = mq_client_request(client, &request, reply);
    return r < 0 ? explain(login, sending, r) : 0;
}

/* "处置进展 progress, 反馈 resolve". */
static void append_allowed(struct mq_buffer *out, const struct mq_array *allowed) {
    const struct mq_str *words = allowed->items;
    for (size_t i = 0; i < allowed->count; i++) {
        mq_buffer_append_text(out, i ? ", " : "");
        mq_word_both(words[i], out);
    }
}

static int print_refusal(const struct mq_reply *reply) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer state = { 0 };
    mq_complain(0, "未被接受 refused: %.*s", (int)reply->reason.n, reply->reason.n ? reply->reason.s : "");
    if (reply->state.n) {
        mq_buffer_append_text(&state, "现状 state: ");
        mq_word_both(reply->state, &state);
        mq_buffer_append_text(&state, reply->allowed.count ? "; 可做 allowed: " : "; 可做 allowed: 无 nothing");
        append_allowed(&state, &reply->allowed);
        mq_complain(0, "%s", mq_buffer_text(&state));
    }
    return MQ_EXIT_FAILED;
}

int mq_action_print(struct mq_str payload, bool json, const char *done) {
    struct mq_reply reply;
    struct mq_faults faults = { .count = 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    if (!mq_json_decode(&mq_reply_object, payload, &reply, &document, &faults))
        return mq_complain(MQ_EXIT_DATA, "答复不能识别 the reply was not understood: %s %s", faults.fault[0].path,
                           faults.fault[0].message);
    if (!json && !reply.done)
        return print_refusal(&reply);
    if (json) {
        mq_live_json(&line, payload);
    } else {
        mq_buffer_append_text(&line, done);
        if (reply.number.n) {
            mq_buffer_append_char(&line, ' ');
            mq_text_clean(&line, reply.number);
        }
        if (reply.state.n) {
            mq_buffer_append_text(&line, " → ");
            mq_word_both(reply.state, &line);
        }
    }
    puts(mq_buffer_text(&line));
    return reply.done ? MQ_EXIT_GOOD : MQ_EXIT_FAILED;
}
