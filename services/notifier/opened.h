/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a case just opened. Its event brings all that the messages are made of (`opened_members` in schemas/sql), so that the
 * notifier need not read again what was stored a moment ago; the messages are the same, byte by byte, as those of `case_text`,
 * `redacted_text`, `status_text`, `line_text` and `redacted_line`, which tell what happens later. */
#ifndef MQ_OPENED_H
#define MQ_OPENED_H

#include "common/buffer.h"
#include "common/message.h"

/* Members of `opened`, in the order in which they come; then what the element itself has. */
enum mq_opened_part {
    MQ_OPENED_NUMBER, MQ_OPENED_DOMAIN, MQ_OPENED_DOMAIN_NAME, MQ_OPENED_KIND, MQ_OPENED_KIND_NAME, MQ_OPENED_SEVERITY, MQ_OPENED_RESTRICTED,
    MQ_OPENED_LEAD, MQ_OPENED_LEAD_NAME, MQ_OPENED_LEAD_ENGLISH, MQ_OPENED_PARTS, MQ_OPENED_ALSO, MQ_OPENED_DISAGREES, MQ_OPENED_LEVEL,
    MQ_OPENED_AREA, MQ_OPENED_AREA_NAME, MQ_OPENED_TOWN, MQ_OPENED_TOWN_NAME, MQ_OPENED_LOCATION, MQ_OPENED_AT, MQ_OPENED_SIGN_BY,
    MQ_OPENED_HANDLE_BY, MQ_OPENED_HAS_SUBJECT, MQ_OPENED_BY, MQ_OPENED_ACCOUNT, MQ_OPENED_REPORT, MQ_OPENED_OBSERVED_AT, MQ_OPENED_TEXT,
    MQ_OPENED_SUMMARY, MQ_OPENED_ATTACHMENTS,
    MQ_OPENED_MEMBERS,
    MQ_OPENED_CASE = MQ_OPENED_MEMBERS, MQ_OPENED_EVENT,
    MQ_OPENED_PARTS_ALL,
};

/* Each part as JSON has it; points into the element, into itself, and so must not be copied. */
struct mq_opened {
    struct mq_str part[MQ_OPENED_PARTS_ALL];
    char ref[40], event[24], traceparent[56];
};

/* Takes an element's `opened` apart. false: it is not there, or not all of it; then it says nothing. */
MQ_MUST_CHECK bool mq_opened_read(const struct mq_dispatched *dispatched, struct mq_opened *opened);

/* A part without its quotation marks. */
struct mq_str mq_opened_inner(const struct mq_opened *opened, enum mq_opened_part part);

bool mq_opened_restricted(const struct mq_opened *opened);

/* Append the payloads: for the desks; for the command centre, of a restricted case; for who reported; for the stream. */
void mq_opened_case(const struct mq_opened *opened, struct mq_buffer *out);
void mq_opened_redacted(const struct mq_opened *opened, struct mq_buffer *out);
void mq_opened_status(const struct mq_opened *opened, struct mq_buffer *out);
void mq_opened_line(const struct mq_opened *opened, struct mq_buffer *out);

#endif
