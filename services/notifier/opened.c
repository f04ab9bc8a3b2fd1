/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a case just opened, from templates. */
#include "opened.h"

#include "common/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[MQ_OPENED_MEMBERS] = {
    [MQ_OPENED_NUMBER] = "number", [MQ_OPENED_DOMAIN] = "domain", [MQ_OPENED_DOMAIN_NAME] = "domain_name", [MQ_OPENED_KIND] = "kind",
    [MQ_OPENED_KIND_NAME] = "kind_name", [MQ_OPENED_SEVERITY] = "severity", [MQ_OPENED_RESTRICTED] = "restricted", [MQ_OPENED_LEAD] = "lead",
    [MQ_OPENED_LEAD_NAME] = "lead_name", [MQ_OPENED_LEAD_ENGLISH] = "lead_english", [MQ_OPENED_PARTS] = "parts", [MQ_OPENED_ALSO] = "also",
    [MQ_OPENED_DISAGREES] = "disagrees", [MQ_OPENED_LEVEL] = "level", [MQ_OPENED_AREA] = "area", [MQ_OPENED_AREA_NAME] = "area_name",
    [MQ_OPENED_TOWN] = "town", [MQ_OPENED_TOWN_NAME] = "town_name", [MQ_OPENED_LOCATION] = "location", [MQ_OPENED_AT] = "at",
    [MQ_OPENED_SIGN_BY] = "sign_by", [MQ_OPENED_HANDLE_BY] = "handle_by", [MQ_OPENED_HAS_SUBJECT] = "has_subject", [MQ_OPENED_BY] = "by",
    [MQ_OPENED_ACCOUNT] = "account", [MQ_OPENED_REPORT] = "report", [MQ_OPENED_OBSERVED_AT] = "observed_at", [MQ_OPENED_TEXT] = "text",
    [MQ_OPENED_SUMMARY] = "summary", [MQ_OPENED_ATTACHMENTS] = "attachments",
};

enum how {
    WHOLE,
    INNER,    /* without quotation marks */
    OPTIONAL, /* where it is null, neither it nor what stands before it */
    NOTHING,  /* of the part */
};

/* What stands before a part, and the part. */
struct piece {
    const char *before;
    size_t length;
    enum mq_opened_part part;
    enum how how;
};
#define PIECE(text, which, how) { text, sizeof(text) - 1, MQ_OPENED_##which, how }

/* A template: pieces, and what stands behind the last of them. */
struct message {
    const struct piece *pieces;
    size_t count;
    struct mq_str end;
};

static const struct piece case_pieces[] = {
    PIECE("{\"v\":1,\"case\":", CASE, WHOLE),
    PIECE(",\"number\":", NUMBER, WHOLE),
    PIECE(",\"version\":1,\"state_version\":1,\"state\":\"assigned\",\"domain\":", DOMAIN, WHOLE),
    PIECE(",\"domain_name\":", DOMAIN_NAME, WHOLE),
    PIECE(",\"kind\":", KIND, WHOLE),
    PIECE(",\"kind_name\":", KIND_NAME, WHOLE),
    PIECE(",\"also\":", ALSO, WHOLE),
    PIECE(",\"severity\":", SEVERITY, WHOLE),
    PIECE(",\"restricted\":", RESTRICTED, WHOLE),
    PIECE(",\"exercise\":false,\"disagrees\":", DISAGREES, WHOLE),
    PIECE(",\"level\":", LEVEL, WHOLE),
    PIECE(",\"area\":", AREA, WHOLE),
    PIECE(",\"area_name\":", AREA_NAME, WHOLE),
    PIECE(",\"location\":", LOCATION, WHOLE),
    PIECE(",\"opened_at\":", AT, WHOLE),
    PIECE(",\"sign_by\":", SIGN_BY, WHOLE),
    PIECE(",\"handle_by\":", HANDLE_BY, WHOLE),
    PIECE(",\"outcome_by\":null,\"suspended_until\":null,\"lead\":", LEAD, WHOLE),
    PIECE(",\"lead_name\":", LEAD_NAME, WHOLE),
    PIECE(",\"parts\":", PARTS, WHOLE),
    PIECE(",\"request\":null,\"result\":null,\"rating\":null,\"merged_into\":null,\"mobilisation\":null,\"summary\":", SUMMARY, WHOLE),
    PIECE(",\"reports\":{\"count\":1,\"latest\":[{\"id\":", REPORT, WHOLE),
    PIECE(",\"observed_at\":", OBSERVED_AT, WHOLE),
    PIECE(",\"text\":", TEXT, WHOLE),
    PIECE(",\"attachments\":", ATTACHMENTS, WHOLE),
    PIECE("}]},\"has_subject\":", HAS_SUBJECT, WHOLE),
    PIECE(",\"events\":[{\"at\":", AT, WHOLE),
    PIECE(",\"what\":\"opened\"", EVENT, NOTHING),
    PIECE(",\"by\":", BY, OPTIONAL),
};
static const struct message case_message = { case_pieces, MQ_LENGTH(case_pieces), MQ_STR("}]}") };

static const struct piece redacted_pieces[] = {
    PIECE("{\"v\":1,\"case\":", CASE, WHOLE),
    PIECE(",\"number\":", NUMBER, WHOLE),
    PIECE(",\"version\":1,\"state_version\":1,\"state\":\"assigned\",\"severity\":", SEVERITY, WHOLE),
    PIECE(",\"restricted\":true,\"area\":", TOWN, WHOLE),
    PIECE(",\"opened_at\":", AT, WHOLE),
    PIECE(",\"sign_by\":", SIGN_BY, WHOLE),
    PIECE(",\"handle_by\":", HANDLE_BY, WHOLE),
};
static const struct message redacted_message = { redacted_pieces, MQ_LENGTH(redacted_pieces), MQ_STR("}") };

static const struct piece status_pieces[] = {
    PIECE("{\"v\":1,\"report\":", REPORT, WHOLE),
    PIECE(",\"reports\":[", REPORT, WHOLE),
    PIECE("],\"case\":", CASE, WHOLE),
    PIECE(",\"version\":1,\"number\":", NUMBER, WHOLE),
    PIECE(",\"state\":\"assigned\",\"domain\":", DOMAIN, WHOLE),
    PIECE(",\"kind\":", KIND, WHOLE),
    PIECE(",\"lead\":", LEAD, WHOLE),
    PIECE(",\"lead_name\":", LEAD_NAME, WHOLE),
    PIECE(",\"exercise\":false,\"text\":\"已立案 ", NUMBER, INNER),
    PIECE("，", LEAD_NAME, INNER),
    PIECE("主办 / Opened as ", NUMBER, INNER),
    PIECE(", led by ", LEAD_ENGLISH, INNER),
};
static const struct message status_message = { status_pieces, MQ_LENGTH(status_pieces), MQ_STR("\"}") };

static const struct piece line_pieces[] = {
    PIECE("{\"v\":1,\"event\":", EVENT, WHOLE),
    PIECE(",\"at\":", AT, WHOLE),
    PIECE(",\"what\":\"opened\",\"domain\":", DOMAIN, WHOLE),
    PIECE(",\"domain_name\":", DOMAIN_NAME, OPTIONAL),
    PIECE(",\"kind\":", KIND, OPTIONAL),
    PIECE(",\"kind_name\":", KIND_NAME, OPTIONAL),
    PIECE(",\"severity\":", SEVERITY, WHOLE),
    PIECE(",\"area\":", AREA, WHOLE),
    PIECE(",\"area_name\":", AREA_NAME, OPTIONAL),
    PIECE(",\"case\":", CASE, WHOLE),
    PIECE(",\"number\":", NUMBER, WHOLE),
    PIECE(",\"report\":", REPORT, WHOLE),
    PIECE(",\"state\":\"assigned\",\"lead\":", LEAD, WHOLE),
    PIECE(",\"lead_name\":", LEAD_NAME, OPTIONAL),
    PIECE(",\"by\":", BY, OPTIONAL),
    PIECE(",\"text\":", TEXT, WHOLE),
};
static const struct message line_message = { line_pieces, MQ_LENGTH(line_pieces), MQ_STR("}") };

static const struct piece redacted_line_pieces[] = {
    PIECE("{\"v\":1,\"event\":", EVENT, WHOLE),
    PIECE(",\"at\":", AT, WHOLE),
    PIECE(",\"what\":\"opened\",\"severity\":", SEVERITY, WHOLE),
    PIECE(",\"area\":", TOWN, WHOLE),
    PIECE(",\"area_name\":", TOWN_NAME, OPTIONAL),
    PIECE(",\"case\":", CASE, WHOLE),
    PIECE(",\"number\":", NUMBER, WHOLE),
};
static const struct message redacted_line_message = {
    redacted_line_pieces, MQ_LENGTH(redacted_line_pieces), MQ_STR(",\"state\":\"assigned\",\"text\":\"（受限事件 restricted）\"}"),
};

struct reading {
    struct mq_opened *opened;
    size_t count;
};

static bool is_named(size_t part, struct mq_str key) { return mq_str_equal(key, mq_str(names[part])); }

/* They come in order; a name that nobody here knows is passed over. */
static int take(void *userdata, struct mq_str key, struct mq_str value) {
    struct reading *reading = userdata;
    for (size_t part = reading->count; part < MQ_OPENED_MEMBERS; part++)
        if (is_named(part, key)) {
            if (part != reading->count)
                return 1;
            reading->opened->part[reading->count++] = value;
            return 0;
        }
    return 0;
}

static bool is_quoted(struct mq_str text) { return text.n >= 2 && text.s[0] == '"'; }

/* Members that are cut out of their quotation marks must have some. */
static bool is_sound(const struct mq_opened *o) {
    return is_quoted(o->part[MQ_OPENED_NUMBER]) && is_quoted(o->part[MQ_OPENED_LEAD_NAME]) && is_quoted(o->part[MQ_OPENED_LEAD_ENGLISH])
           && is_quoted(o->part[MQ_OPENED_ACCOUNT]) && is_quoted(o->part[MQ_OPENED_TOWN]) && is_quoted(o->part[MQ_OPENED_DOMAIN]);
}

bool mq_opened_read(const struct mq_dispatched *dispatched, struct mq_opened *opened) {
    struct reading reading = { .opened = opened };
    if (!dispatched->opened.s || mq_json_each_member(dispatched->opened, take, &reading) != 0 || reading.count != MQ_OPENED_MEMBERS || !is_sound(opened))
        return false;
    opened->ref[0] = '"';
    mq_uuid_format(&dispatched->ref, opened->ref + 1);
    opened->ref[MQ_UUID_TEXT] = '"';
    opened->part[MQ_OPENED_CASE] = (struct mq_str){ opened->ref, MQ_UUID_TEXT + 1 };
    int n = snprintf(opened->event, sizeof opened->event, "%" PRId64, dispatched->event);
    opened->part[MQ_OPENED_EVENT] = (struct mq_str){ opened->event, (size_t)n };
    size_t trace = dispatched->traceparent.n < sizeof opened->traceparent ? dispatched->traceparent.n : 0;
    if (trace)
        memcpy(opened->traceparent, dispatched->traceparent.s, trace);
    opened->traceparent[trace] = '\0';
    return true;
}

struct mq_str mq_opened_inner(const struct mq_opened *opened, enum mq_opened_part part) {
    struct mq_str whole = opened->part[part];
    return (struct mq_str){ whole.s + 1, whole.n - 2 };
}

bool mq_opened_restricted(const struct mq_opened *opened) { return mq_str_equal(opened->part[MQ_OPENED_RESTRICTED], MQ_STR("true")); }

static void append(const struct message *message, const struct mq_opened *opened, struct mq_buffer *out) {
    for (const struct piece *p = message->pieces; p < message->pieces + message->count; p++) {
        struct mq_str part = opened->part[p->part];
        if (p->how == OPTIONAL && mq_str_equal(part, MQ_STR("null")))
            continue;
        mq_buffer_append(out, p->before, p->length);
        if (p->how != NOTHING)
            mq_buffer_append_str(out, p->how == INNER ? mq_opened_inner(opened, p->part) : part);
    }
    mq_buffer_append_str(out, message->end);
}

void mq_opened_case(const struct mq_opened *opened, struct mq_buffer *out) { append(&case_message, opened, out); }

void mq_opened_redacted(const struct mq_opened *opened, struct mq_buffer *out) { append(&redacted_message, opened, out); }

void mq_opened_status(const struct mq_opened *opened, struct mq_buffer *out) { append(&status_message, opened, out); }

void mq_opened_line(const struct mq_opened *opened, struct mq_buffer *out) {
    append(mq_opened_restricted(opened) ? &redacted_line_message : &line_message, opened, out);
}
