/* SPDX-License-Identifier: Apache-2.0 */
/* Token buckets. A bucket is one number, the time at which it will be full again: taking moves that time on by what the taken costs,
 * and whoever would move it further than a burst ahead is above the rate. */
#include "rate.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#define SECOND_NS INT64_C(1000000000)

enum bucket { MESSAGES, BYTES, TOLD, BUCKETS };

struct sender {
    uint64_t hash; /* 0: nobody */
    int64_t full_ns[BUCKETS];
};

struct mq_rate {
    unsigned char key[crypto_shorthash_KEYBYTES]; /* so that nobody can choose a name that shares another's place */
    double cost_ns[BUCKETS];                      /* of one */
    int64_t depth_ns[BUCKETS];                    /* from empty to full */
    size_t sets;                                  /* a power of two */
    struct sender *senders;                       /* sets × MQ_RATE_WAYS */
};

static void set_limit(struct mq_rate *rate, enum bucket bucket, int64_t per_s, int64_t burst) {
    rate->cost_ns[bucket] = (double)SECOND_NS / (double)per_s;
    double depth = rate->cost_ns[bucket] * (double)burst;
    /* times to come must fit beside the clock, whatever is set */
    rate->depth_ns[bucket] = depth < 1e17 ? (int64_t)depth : INT64_C(100000000000000000);
}

int mq_rate_new(const struct mq_rate_limits *limits, size_t senders, struct mq_rate **out) {
    if (limits->per_s < 1 || limits->burst < 1 || limits->bytes_per_s < 1 || limits->bytes_burst < 1 || limits->told_per_s < 1
        || limits->told_burst < 1 || senders == 0 || senders > SIZE_MAX / 64)
        return -EINVAL;
    size_t sets = 1;
    while (sets * MQ_RATE_WAYS < senders)
        sets *= 2;
    struct mq_rate *rate = calloc(1, sizeof(*rate));
    if (!rate)
        return -ENOMEM;
    rate->sets = sets;
    rate->senders = calloc(sets * MQ_RATE_WAYS, sizeof(*rate->senders));
    if (!rate->senders) {
        mq_rate_free(rate);
        return -ENOMEM;
    }
    set_limit(rate, MESSAGES, limits->per_s, limits->burst);
    set_limit(rate, BYTES, limits->bytes_per_s, limits->bytes_burst);
    set_limit(rate, TOLD, limits->told_per_s, limits->told_burst);
    randombytes_buf(rate->key, sizeof(rate->key));
    *out = rate;
    return 0;
}

void mq_rate_free(struct mq_rate *rate) {
    if (!rate)
        return;
    free(rate->senders);
    free(rate);
}

/* When all its buckets are full again: nothing is to be remembered of it from then on. */
static int64_t owes_until(const struct sender *sender) {
    int64_t until = 0;
    for (size_t i = 0; i < BUCKETS; i++)
        until = sender->full_ns[i] > until ? sender->full_ns[i] : until;
    return until;
}

static struct sender *find(struct mq_rate *rate, struct mq_str name) {
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)name.s, name.n, rate->key);
    hash += hash == 0;
    struct sender *set = rate->senders + (hash & (rate->sets - 1)) * MQ_RATE_WAYS, *least = set;
    for (struct sender *s = set; s < set + MQ_RATE_WAYS; s++) {
        if (s->hash == hash)
            return s;
        if (owes_until(s) < owes_until(least))
            least = s;
    }
    *least = (struct sender){ .hash = hash };
    return least;
}

/* Where the bucket would stand after `n`, -1: it has not so much. */
static int64_t after(const struct mq_rate *rate, const struct sender *sender, enum bucket bucket, size_t n, int64_t now_ns) {
    int64_t full = sender->full_ns[bucket] > now_ns ? sender->full_ns[bucket] : now_ns;
    double cost = rate->cost_ns[bucket] * (double)n;
    int64_t cost_ns = cost < (double)rate->depth_ns[bucket] ? (int64_t)cost : rate->depth_ns[bucket];
    return full + cost_ns - now_ns <= rate->depth_ns[bucket] ? full + cost_ns : -1;
}

enum mq_rate_verdict mq_rate_take(struct mq_rate *rate, struct mq_str sender, size_t bytes, int64_t now_us) {
    struct sender *s = find(rate, sender);
    int64_t now_ns = now_us * 1000;
    int64_t messages = after(rate, s, MESSAGES, 1, now_ns), volume = after(rate, s, BYTES, bytes, now_ns);
    if (messages >= 0 && volume >= 0) {
        s->full_ns[MESSAGES] = messages;
        s->full_ns[BYTES] = volume;
        return MQ_RATE_WITHIN;
    }
    int64_t told = after(rate, s, TOLD, 1, now_ns);
    if (told < 0)
        return MQ_RATE_EXCESS;
    s->full_ns[TOLD] = told;
    return MQ_RATE_OVER;
}
