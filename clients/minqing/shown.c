/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of what is shown. */
#include "shown.h"

#include "live.h"
#include "when.h"
#include "words.h"

#include "clients/common/text.h"

#include <inttypes.h>
#include <stdio.h>

#define AT(type, member) .offset = offsetof(struct type, member)

static const struct mq_field request_fields[] = {
    { "what", MQ_STRING, AT(mq_request, what), .nullable = true },
    { "until", MQ_STRING, AT(mq_request, until), .nullable = true },
    { "reason", MQ_STRING, AT(mq_request, reason), .nullable = true },
    { "account", MQ_STRING, AT(mq_request, account), .nullable = true },
    { "at", MQ_STRING, AT(mq_request, at), .nullable = true },
    { .name = NULL },
};
const struct mq_object mq_request_object = { "request", sizeof(struct mq_request), request_fields, 0 };

static const struct mq_field mobilisation_fields[] = {
    { "unit", MQ_STRING, AT(mq_mobilisation, unit), .nullable = true },
    { "unit_name", MQ_STRING, AT(mq_mobilisation, unit_name), .nullable = true },
    { "state", MQ_STRING, AT(mq_mobilisation, state), .nullable = true },
    { "exercise", MQ_BOOLEAN, AT(mq_mobilisation, exercise), .nullable = true },
    { "called", MQ_INTEGER, AT(mq_mobilisation, called), .nullable = true },
    { "acknowledged", MQ_INTEGER, AT(mq_mobilisation, acknowledged), .nullable = true },
    { "arrived", MQ_INTEGER, AT(mq_mobilisation, arrived), .nullable = true },
    { "silent", MQ_INTEGER, AT(mq_mobilisation, silent), .nullable = true },
    { "rounds", MQ_INTEGER, AT(mq_mobilisation, rounds), .nullable = true },
    { .name = NULL },
};
const struct mq_object mq_mobilisation_object = { "mobilisation", sizeof(struct mq_mobilisation), mobilisation_fields, 0 };

void mq_show_severity(struct mq_buffer *out, int64_t severity, bool colour) {
    char text[16] = "-";
    enum mq_colour of = mq_text_severity_colour(severity);
    if (of != MQ_COLOUR_NONE)
        snprintf(text, sizeof(text), "%d %s", (int)severity, mq_text_severity_name(severity));
    mq_text_colour(out, colour && of != MQ_COLOUR_NONE, of);
    mq_text_column(out, mq_str(text), 6);
    mq_text_colour(out, colour && of != MQ_COLOUR_NONE, MQ_COLOUR_NONE);
}

void mq_show_json(const struct mq_buffer *bytes) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    mq_live_json(&line, (struct mq_str){ bytes->data, bytes->len });
    puts(mq_buffer_text(&line));
}

void mq_show_request(struct mq_buffer *out, const struct mq_request *request, int64_t now_us) {
    char until[24];
    mq_when_short(request->until, now_us, until);
    mq_buffer_append_text(out, "申请");
    mq_text_clean(out, mq_word(request->what));
    if (request->until.n)
        mq_buffer_printf(out, "至 %s", until);
}

void mq_show_mobilisation(struct mq_buffer *out, const struct mq_mobilisation *m) {
    mq_buffer_append_text(out, m->exercise ? "〔演练〕" : "");
    mq_text_clean(out, m->unit_name.n ? m->unit_name : m->unit);
    mq_buffer_printf(out, " %" PRId64 "/%" PRId64 " 已收到, %" PRId64 " 到场", m->acknowledged, m->called, m->arrived);
    if (mq_str_equal(m->state, MQ_STR("stood_down")))
        mq_buffer_append_text(out, ", 已解除");
    else if (m->rounds > 1)
        mq_buffer_printf(out, ", 已呼叫 %" PRId64 " 次", m->rounds);
}
