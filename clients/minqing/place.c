/* SPDX-License-Identifier: Apache-2.0 */
/* Finding where a report waits. */
#include "place.h"

#include "area.h"
#include "retained.h"

#include <errno.h>
#include <stdio.h>

static void found(void *userdata, const struct mq_arrival *arrival) {
    struct mq_place *place = userdata;
    struct mq_topic_parts parts;
    if (arrival->payload.n == 0 || !mq_topic_parse(MQ_TOPIC_COMMAND_REVIEW, arrival->topic, &parts))
        return;
    snprintf(place->county, sizeof(place->county), "%.*s", (int)parts.part[0].n, parts.part[0].s);
    snprintf(place->town, sizeof(place->town), "%.*s", (int)parts.part[1].n, parts.part[1].s);
}

static int from_area(const char *area, struct mq_place *place) {
    struct mq_str county, town;
    if (!mq_area_parts(mq_str(area), &county, &town))
        return mq_complain(MQ_EXIT_USAGE, "--area %s: 应为 must be 4, 6, 9, 12 or 15 digits", area);
    snprintf(place->county, sizeof(place->county), "%.*s", county.s ? (int)county.n : 3, county.s ? county.s : "all");
    snprintf(place->town, sizeof(place->town), "%.*s", town.s ? (int)town.n : 3, town.s ? town.s : "all");
    return 0;
}

int mq_review_place(struct mq_client *client, const struct mq_client_login *login, const struct mq_uuid *report, const char *area,
                    struct mq_place *out) {
    if (area)
        return from_area(area, out);
    char id[MQ_UUID_TEXT];
    mq_uuid_format(report, id);
    const struct mq_str parts[] = { { NULL, 0 }, { NULL, 0 }, mq_str(id) };
    int r = mq_retained_read(client, &(struct mq_retained){ MQ_TOPIC_COMMAND_REVIEW, parts, 3, found, out });
    if (r < 0)
        return r == -EINTR ? MQ_EXIT_FAILED : mq_client_explain(login, r);
    if (!*out->county)
        return mq_complain(
            MQ_EXIT_FAILED,
            "%s 不在待复核之列（或不在本账号的辖区）/ this report does not wait for review, or not in your area: see 'minqing "
            "review list', or name the area with --area",
            id);
    return 0;
}
