/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer target: whatever is read as a topic is written again byte for byte, and belongs to its filter's account alone. */
#include "topic.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool truth) {
    if (!truth)
        abort();
}

static void read_and_write_again(struct mq_str topic) {
    int taken = 0;
    for (int i = 0; i < MQ_TOPIC_COUNT; i++) {
        enum mq_topic which = (enum mq_topic)i;
        struct mq_topic_parts parts;
        char again[MQ_TOPIC_BYTES], filter[MQ_TOPIC_BYTES];
        if (!mq_topic_parse(which, topic, &parts))
            continue;
        taken++;
        require(parts.count <= MQ_TOPIC_PARTS);
        require(mq_topic_format(which, parts.part, parts.count, again) == 0);
        require(mq_str_equal(mq_str(again), topic));
        require(mq_topic_filter(which, NULL, parts.part, parts.count, filter) == 0);
        require(strcmp(again, filter) == 0);
    }
    require(taken <= 1);
}

/* The bytes as parts, divided by line feeds. */
static void write_and_read_again(enum mq_topic which, struct mq_str text) {
    struct mq_str parts[MQ_TOPIC_PARTS + 1];
    size_t count = 0;
    while (count < MQ_LENGTH(parts)) {
        const char *end = text.n > 0 ? memchr(text.s, '\n', text.n) : NULL;
        parts[count++] = (struct mq_str){ text.s, end ? (size_t)(end - text.s) : text.n };
        if (!end)
            break;
        text.n -= (size_t)(end - text.s) + 1;
        text.s = end + 1;
    }
    char topic[MQ_TOPIC_BYTES];
    struct mq_topic_parts again;
    if (mq_topic_format(which, parts, count, topic) < 0)
        return;
    require(mq_topic_parse(which, mq_str(topic), &again) && again.count == count);
    for (size_t i = 0; i < count; i++)
        require(mq_str_equal(again.part[i], parts[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0)
        return 0;
    struct mq_str rest = { (const char *)data + 1, size - 1 };
    read_and_write_again(rest);
    write_and_read_again((enum mq_topic)(data[0] % MQ_TOPIC_COUNT), rest);
    struct mq_topic_parts parts;
    bool read = mq_topic_parse(MQ_TOPIC_REPLY, rest, &parts) && mq_topic_account_valid(parts.part[0]);
    require(!read || mq_topic_is_reply_of(rest, parts.part[0]));
    require(!mq_topic_is_reply_of(rest, MQ_STR("nobody")) || memcmp(rest.s, "minqing/reply/nobody/", 21) == 0);
    return 0;
}
