/* SPDX-License-Identifier: Apache-2.0 */
/* Identifiers (RFC 9562). */
#include "uuid.h"

#include "clock.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#define TEXT_CHARACTERS (MQ_UUID_TEXT - 1)
#define TRACEPARENT_CHARACTERS (MQ_TRACEPARENT_TEXT - 1)

const struct mq_uuid mq_uuid_case_namespace = {
    { 0x6d, 0x69, 0x6e, 0x71, 0x69, 0x6e, 0x50, 0x67, 0x80, 0x00, 0x63, 0x61, 0x73, 0x65, 0x00, 0x01 }
};

static const char hex_digits[] = "0123456789abcdef";

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Hyphens stand before bytes 4, 6, 8 and 10. */
static bool hyphen_before(size_t byte) {
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool mq_uuid_parse(struct mq_str text, struct mq_uuid *out) {
    if (text.n != TEXT_CHARACTERS)
        return false;
    struct mq_uuid uuid;
    const char *p = text.s;
    for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
        if (hyphen_before(i) && *p++ != '-')
            return false;
        int high = hex_value(*p++);
        int low = hex_value(*p++);
        if (high < 0 || low < 0)
            return false;
        uuid.bytes[i] = (uint8_t)(high << 4 | low);
    }
    *out = uuid;
    return true;
}

static char *write_hex(char *p, const uint8_t *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        *p++ = hex_digits[bytes[i] >> 4];
        *p++ = hex_digits[bytes[i] & 15];
    }
    return p;
}

void mq_uuid_format(const struct mq_uuid *uuid, char out[MQ_UUID_TEXT]) {
    char *p = out;
    for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
        if (hyphen_before(i))
            *p++ = '-';
        p = write_hex(p, &uuid->bytes[i], 1);
    }
    *p = '\0';
}

bool mq_uuid_is_nil(const struct mq_uuid *uuid) {
    static const struct mq_uuid nil;
    return memcmp(uuid, &nil, sizeof(nil)) == 0;
}

static void start_sodium(void) {
    if (sodium_init() < 0)
        abort(); /* no source of random bytes: no id can be made, and none may be guessed */
}

static void random_bytes(void *out, size_t n) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_sodium);
    randombytes_buf(out, n);
}

static void set_version(struct mq_uuid *uuid, unsigned version) {
    uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | version << 4);
    uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

/* Milliseconds and, below them, the 12 bits after the version: random at the start of a millisecond (the upper half left as
 * room to count up), one more for each further id in it. Running over, or a clock set back, borrows from the milliseconds to
 * come. */
static uint64_t next_stamp(uint64_t now_ms, uint64_t random) {
    static _Atomic uint64_t last;
    uint64_t fresh = now_ms << 12 | (random & 0x7ff);
    uint64_t seen = atomic_load_explicit(&last, memory_order_relaxed);
    uint64_t stamp;
    do {
        stamp = fresh > seen ? fresh : seen + 1;
    } while (!atomic_compare_exchange_weak_explicit(&last, &seen, stamp, memory_order_relaxed, memory_order_relaxed));
    return stamp;
}

struct mq_uuid mq_uuid_v7(void) {
    struct mq_uuid uuid;
    random_bytes(&uuid, sizeof(uuid));
    uint64_t stamp = next_stamp((uint64_t)(mq_clock_now_us() / 1000), (uint64_t)uuid.bytes[6] << 8 | uuid.bytes[7]);
    for (size_t i = 0; i < 6; i++)
        uuid.bytes[i] = (uint8_t)(stamp >> (52 - 8 * i));
    uuid.bytes[6] = (uint8_t)(stamp >> 8 & 0x0f);
    uuid.bytes[7] = (uint8_t)stamp;
    set_version(&uuid, 7);
    return uuid;
}

static void free_digest(EVP_MD_CTX **context) {
    EVP_MD_CTX_free(*context);
}

struct mq_uuid mq_uuid_v5(const struct mq_uuid *name_space, const void *bytes, size_t n) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    MQ_CLEANUP(free_digest) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, EVP_sha1(), NULL) != 1 ||
        EVP_DigestUpdate(context, name_space, sizeof(*name_space)) != 1 ||
        (n > 0 && EVP_DigestUpdate(context, bytes, n) != 1) ||
        EVP_DigestFinal_ex(context, digest, NULL) != 1)
        abort(); /* a wrong id would open a second case for the same report */
    struct mq_uuid uuid;
    memcpy(&uuid, digest, sizeof(uuid));
    set_version(&uuid, 5);
    return uuid;
}

struct mq_uuid mq_uuid_case_of(const struct mq_uuid *report) {
    struct mq_uuid uuid = mq_uuid_v5(&mq_uuid_case_namespace, report, sizeof(*report));
    if (report->bytes[6] >> 4 == 7) {
        memcpy(uuid.bytes, report->bytes, 6);
        set_version(&uuid, 8);
    }
    return uuid;
}

static bool all_zero(const uint8_t *bytes, size_t n) {
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

void mq_traceparent_new(char out[MQ_TRACEPARENT_TEXT]) {
    uint8_t trace[16], span[8];
    do {
        random_bytes(trace, sizeof(trace));
        random_bytes(span, sizeof(span));
    } while (all_zero(trace, sizeof(trace)) || all_zero(span, sizeof(span)));
    char *p = out;
    memcpy(p, "00-", 3);
    p = write_hex(p + 3, trace, sizeof(trace));
    *p++ = '-';
    p = write_hex(p, span, sizeof(span));
    memcpy(p, "-01", 4);
}

/* W3C wants lower case. */
static bool lower_hex(const char *s, size_t n, bool *zero) {
    *zero = true;
    for (size_t i = 0; i < n; i++) {
        if (hex_value(s[i]) < 0 || (s[i] >= 'A' && s[i] <= 'F'))
            return false;
        *zero = *zero && s[i] == '0';
    }
    return true;
}

bool mq_traceparent_valid(struct mq_str text) {
    if (text.n != TRACEPARENT_CHARACTERS || memcmp(text.s, "00-", 3) != 0 || text.s[35] != '-' || text.s[52] != '-')
        return false;
    bool no_trace, no_span, no_flags;
    return lower_hex(text.s + 3, 32, &no_trace) && !no_trace && lower_hex(text.s + 36, 16, &no_span) && !no_span &&
           lower_hex(text.s + 53, 2, &no_flags);
}
