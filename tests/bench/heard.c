/* SPDX-License-Identifier: Apache-2.0 */
/* What arrives at devices, departments and the operator. Nothing is decoded: the ids are looked for in the bytes. */
#include "fleet.h"

#include "common/topic.h"

#include <stdio.h>

#define UUID_CHARACTERS 36

static struct mq_str find(struct mq_str in, const char *what) {
    const char *at = in.n ? memmem(in.s, in.n, what, strlen(what)) : NULL;
    return at ? (struct mq_str){ at, in.n - (size_t)(at - in.s) } : (struct mq_str){ NULL, 0 };
}

/* What stands behind a member's name, its colon, spaces and the quote. */
static struct mq_str value_of(struct mq_str in, const char *quoted_name) {
    struct mq_str at = find(in, quoted_name);
    size_t skip = strlen(quoted_name);
    while (skip < at.n && (at.s[skip] == ' ' || at.s[skip] == ':' || at.s[skip] == '"'))
        skip++;
    return at.n > skip ? (struct mq_str){ at.s + skip, at.n - skip } : (struct mq_str){ NULL, 0 };
}

static struct mq_str last_level(struct mq_str topic) {
    const char *slash = memrchr(topic.s, '/', topic.n);
    return slash ? (struct mq_str){ slash + 1, topic.n - (size_t)(slash + 1 - topic.s) } : topic;
}

static bool ends_with(struct mq_str text, struct mq_str end) {
    return text.n >= end.n && memcmp(text.s + text.n - end.n, end.s, end.n) == 0;
}

static bool begins_with(struct mq_str text, const char *begin) {
    return text.n >= strlen(begin) && memcmp(text.s, begin, strlen(begin)) == 0;
}

static void came_out(struct fleet *fleet, const struct report *report) {
    fleet->now.out += report->handled_us == 0 && report->told_us == 0;
}

static void handled(struct fleet *fleet, struct report *report) {
    if (!report || report->handled_us)
        return;
    came_out(fleet, report);
    report->handled_us = fleet->now_us;
    fleet->now.handled++;
}

static void told(struct fleet *fleet, struct report *report) {
    if (!report || report->told_us)
        return;
    came_out(fleet, report);
    report->told_us = fleet->now_us;
    fleet->now.told++;
}

static void receipt(struct fleet *fleet, struct mq_str payload) {
    struct report *report = reports_find(fleet->reports, REPORTS_BY_ID, value_of(payload, "\"id\""));
    struct mq_str status = value_of(payload, "\"status\"");
    if (!report || report->receipt_us > 0)
        return;
    if (begins_with(status, "later"))
        fleet->later++;
    else if (!begins_with(status, "accepted") && fleet->rejected++ == 0)
        fprintf(stderr, "a report was not accepted: %.*s\n", (int)payload.n, payload.s);
    if (report->receipt_us == 0) {
        fleet->devices[report->device].waiting--;
        fleet_ready(fleet, report->device);
    }
    report->receipt_us = fleet->now_us;
    fleet->now.receipts++;
}

static void status(struct fleet *fleet, struct mq_str payload) {
    struct mq_str list = find(find(payload, "\"reports\""), "[");
    if (list.n == 0) {
        told(fleet, reports_find(fleet->reports, REPORTS_BY_ID, value_of(payload, "\"report\"")));
        return;
    }
    for (size_t i = 0; i + UUID_CHARACTERS < list.n && list.s[i] != ']'; i++) {
        if (list.s[i] == '"') {
            told(fleet, reports_find(fleet->reports, REPORTS_BY_ID, (struct mq_str){ list.s + i + 1, UUID_CHARACTERS }));
            i += UUID_CHARACTERS + 1;
        }
    }
}

static void case_came(struct fleet *fleet, struct mq_str topic, struct mq_str payload) {
    handled(fleet, reports_find(fleet->reports, REPORTS_BY_CASE, last_level(topic)));
    struct mq_str count = value_of(payload, "\"count\""), rest = find(payload, "\"latest\"");
    if (begins_with(count, "1,") || begins_with(count, "1}"))
        return;
    for (;;) {
        struct mq_str id = value_of(rest, "\"id\"");
        if (id.n < UUID_CHARACTERS)
            return;
        handled(fleet, reports_find(fleet->reports, REPORTS_BY_ID, id));
        rest = (struct mq_str){ id.s + UUID_CHARACTERS, id.n - UUID_CHARACTERS };
    }
}

void fleet_heard(void *userdata, struct wire *wire, struct mq_str topic, struct mq_str payload) {
    struct fleet *fleet = userdata;
    struct mq_topic_parts parts;
    fleet->now.messages++;
    fleet->now.bytes += topic.n + payload.n;
    if (payload.n == 0)
        return; /* an ended topic is cleared */
    if (wire->index == fleet->options->devices)
        case_came(fleet, topic, payload);
    else if (wire->index < fleet->options->devices && ends_with(topic, MQ_STR("/receipt")))
        receipt(fleet, payload);
    else if (wire->index < fleet->options->devices)
        status(fleet, payload);
    else if (mq_topic_parse(MQ_TOPIC_COMMAND_REVIEW, topic, &parts))
        handled(fleet, reports_find(fleet->reports, REPORTS_BY_ID, parts.part[2]));
    else
        fleet->now.stream++;
}
