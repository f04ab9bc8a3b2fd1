/* SPDX-License-Identifier: Apache-2.0 */
/* Topic names. */
#include "topic.h"

#include <errno.h>

static const struct mq_str patterns[] = {
#define X(symbol, pattern) [MQ_TOPIC_##symbol] = { pattern, sizeof(pattern) - 1 },
    MQ_TOPICS(X)
#undef X
};

const char *mq_topic_pattern(enum mq_topic which) {
    return patterns[which].s;
}

/* May this byte stand in a topic? Wildcards would end the connection of who publishes, and MQTT advises against U+0001–U+001F
 * and U+007F–U+009F, which brokers refuse. `next`: the byte after it, 0 at the end. */
static bool byte_allowed(unsigned char byte, unsigned char next) {
    if (byte < 0x20 || byte == '+' || byte == '#' || byte == 0x7f)
        return false;
    return !(byte == 0xc2 && next >= 0x80 && next < 0xa0);
}

static unsigned char byte_at(struct mq_str text, size_t i) {
    return i < text.n ? (unsigned char)text.s[i] : 0;
}

static bool level_valid(struct mq_str level) {
    for (size_t i = 0; i < level.n; i++) {
        if (level.s[i] == '/' || !byte_allowed(byte_at(level, i), byte_at(level, i + 1)))
            return false;
    }
    return level.n > 0;
}

/* A pattern taken apart from left to right: first a literal, then one {name}, and so on. */
struct walk {
    const char *p, *end;
    struct mq_str literal; /* before the {name}; may be empty */
    bool name;             /* a {name} follows the literal */
};

static bool walk_next(struct walk *walk) {
    if (walk->p == walk->end)
        return false;
    const char *brace = memchr(walk->p, '{', (size_t)(walk->end - walk->p));
    const char *stop = brace ? brace : walk->end;
    walk->literal = (struct mq_str){ walk->p, (size_t)(stop - walk->p) };
    walk->name = brace;
    walk->p = brace ? (const char *)memchr(brace, '}', (size_t)(walk->end - brace)) + 1 : walk->end;
    return true;
}

static struct walk walk_begin(enum mq_topic which) {
    struct mq_str pattern = patterns[which];
    return (struct walk){ .p = pattern.s, .end = pattern.s + pattern.n };
}

struct writer {
    char *out; /* MQ_TOPIC_BYTES */
    size_t n;
    bool full;
};

static void write_str(struct writer *writer, struct mq_str text) {
    if (writer->full || text.n >= MQ_TOPIC_BYTES - writer->n) {
        writer->full = true;
        return;
    }
    if (text.n > 0)
        memcpy(writer->out + writer->n, text.s, text.n);
    writer->n += text.n;
}

static int write_end(struct writer *writer) {
    writer->out[writer->full ? 0 : writer->n] = '\0';
    return writer->full ? -ENAMETOOLONG : 0;
}

/* On every error the text is empty, so that nobody publishes half a topic. */
static int refuse(char out[MQ_TOPIC_BYTES]) {
    out[0] = '\0';
    return -EINVAL;
}

int mq_topic_format(enum mq_topic which, const struct mq_str *parts, size_t count, char out[MQ_TOPIC_BYTES]) {
    struct walk walk = walk_begin(which);
    struct writer writer = { .out = out };
    size_t used = 0;
    while (walk_next(&walk)) {
        write_str(&writer, walk.literal);
        if (!walk.name)
            continue;
        if (used == count || !level_valid(parts[used]))
            return refuse(out);
        write_str(&writer, parts[used++]);
    }
    return used == count ? write_end(&writer) : refuse(out);
}

int mq_topic_filter(enum mq_topic which, const char *group, const struct mq_str *parts, size_t count,
                    char out[MQ_TOPIC_BYTES]) {
    struct walk walk = walk_begin(which);
    struct writer writer = { .out = out };
    size_t names = 0;
    if (group) {
        if (!level_valid(mq_str(group)))
            return refuse(out);
        write_str(&writer, MQ_STR("$share/"));
        write_str(&writer, mq_str(group));
        write_str(&writer, MQ_STR("/"));
    }
    while (walk_next(&walk)) {
        write_str(&writer, walk.literal);
        if (!walk.name)
            continue;
        struct mq_str part = names < count && parts[names].s ? parts[names] : MQ_STR("+");
        if (names < count && parts[names].s && !level_valid(part))
            return refuse(out);
        write_str(&writer, part);
        names++;
    }
    return count <= names ? write_end(&writer) : refuse(out);
}

/* Takes one level from the front of *topic; empty when it has a byte that no level may have. */
static struct mq_str take_level(struct mq_str *topic) {
    size_t n = 0;
    while (n < topic->n && topic->s[n] != '/') {
        if (!byte_allowed(byte_at(*topic, n), byte_at(*topic, n + 1)))
            return (struct mq_str){ topic->s, 0 };
        n++;
    }
    struct mq_str level = { topic->s, n };
    topic->s += n;
    topic->n -= n;
    return level;
}

static bool take_literal(struct mq_str *topic, struct mq_str literal) {
    if (topic->n < literal.n || memcmp(topic->s, literal.s, literal.n) != 0)
        return false;
    topic->s += literal.n;
    topic->n -= literal.n;
    return true;
}

bool mq_topic_parse(enum mq_topic which, struct mq_str topic, struct mq_topic_parts *parts) {
    parts->count = 0;
    if (!topic.s || topic.n >= MQ_TOPIC_BYTES)
        return false;
    struct walk walk = walk_begin(which);
    while (walk_next(&walk)) {
        if (!take_literal(&topic, walk.literal))
            return false;
        if (!walk.name)
            continue;
        struct mq_str level = take_level(&topic);
        if (level.n == 0)
            return false;
        parts->part[parts->count++] = level;
    }
    return topic.n == 0;
}

bool mq_topic_account_valid(struct mq_str account) {
    if (account.n < 3 || account.n > 32)
        return false;
    for (size_t i = 0; i < account.n; i++) {
        char c = account.s[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

bool mq_topic_is_reply_of(struct mq_str topic, struct mq_str account) {
    if (!topic.s || topic.n >= MQ_TOPIC_BYTES || !mq_topic_account_valid(account))
        return false;
    struct mq_str rest = topic;
    if (!take_literal(&rest, MQ_STR("minqing/reply/")) || !take_literal(&rest, account) || !take_literal(&rest, MQ_STR("/")))
        return false;
    for (size_t i = 0; i < rest.n; i++) {
        if (!byte_allowed(byte_at(rest, i), byte_at(rest, i + 1)))
            return false;
    }
    return rest.n > 0;
}

int mq_topic_reply(struct mq_str asked, struct mq_str account, struct mq_str name, char out[MQ_TOPIC_BYTES]) {
    if (mq_topic_is_reply_of(asked, account)) {
        memcpy(out, asked.s, asked.n);
        out[asked.n] = '\0';
        return 0;
    }
    const struct mq_str parts[] = { account, name };
    return mq_topic_format(MQ_TOPIC_REPLY, parts, MQ_LENGTH(parts), out);
}
