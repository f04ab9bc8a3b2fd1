/* SPDX-License-Identifier: Apache-2.0 */
/* Hashed n-grams. */
#include "feature.h"

#include <math.h>

/* The finaliser of MurmurHash3: every bit of the input reaches every bit of the output. */
static uint32_t mix(uint32_t h) {
    h ^= h >> 16;
    h *= 0x85ebca6bu;
    h ^= h >> 13;
    h *= 0xc2b2ae35u;
    return h ^ (h >> 16);
}

static uint32_t extend(uint32_t hash, uint32_t code) { return mix(hash * 0x9e3779b1u + code + 1); }

size_t mq_features(const struct mq_symbol *symbols, size_t n, struct mq_feature *out) {
    size_t count = 0;
    for (size_t first = 0; first < n; first++) {
        uint32_t hash = 0;
        for (size_t length = 1; length <= MQ_FEATURE_ORDER && first + length <= n; length++) {
            uint32_t code = symbols[first + length - 1].code;
            if (code == MQ_SYMBOL_BREAK)
                break;
            hash = extend(hash, code);
            out[count++] = (struct mq_feature){ hash, (uint16_t)first, (uint16_t)length };
        }
    }
    if (n) {
        /* What begins and what ends a text: “你好…”, “…吗”. */
        out[count++] = (struct mq_feature){ extend(extend(0, MQ_SYMBOL_EDGE), symbols[0].code), 0, 1 };
        out[count++] = (struct mq_feature){ extend(extend(0, symbols[n - 1].code), MQ_SYMBOL_EDGE), (uint16_t)(n - 1), 1 };
    }
    return count;
}

float mq_feature_frequency(uint32_t count) {
    static const float small[] = { 0, 1, 1.6931472f, 2.0986123f, 2.3862944f, 2.6094379f, 2.7917595f, 2.9459101f };
    return count < MQ_LENGTH(small) ? small[count] : 1.0f + logf((float)count);
}
