/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks, told as stories: signatures, what follows from an answer, which names and addresses are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/minqing/webhook.h"
#include "services/webhook/sign.h"
#include "services/webhook/verdict.h"

#include <sodium.h>

#define FIRST 5000
#define CAP 600000

static struct mq_verdict answered(int status, unsigned attempt, unsigned failures, int64_t retry_after_s) {
    const struct mq_answer_of answer = { .status = status, .attempt = attempt, .failures = failures, .retry_after_s = retry_after_s };
    return mq_verdict_of(&answer, FIRST, CAP);
}

static void assert_about(int64_t ms, int64_t expected) {
    assert_in_range(ms, expected - expected / 4, expected + expected / 4);
}

static void a_signature_is_the_hmac_that_rfc_4231_knows(void **state) {
    (void)state;
    char signature[MQ_SIGNATURE_TEXT];
    /* test case 7: a key longer than a block, and a text with a full stop, where ours has one */
    char key[131];
    memset(key, 0xaa, sizeof(key));
    mq_webhook_sign((struct mq_str){ key, sizeof(key) },
                    MQ_STR("This is a test using a larger than block-size key and a larger than block-size data"),
                    MQ_STR(" The key needs to be hashed before being used by the HMAC algorithm."), signature);
    assert_string_equal(signature, "sha256=9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    /* printf '1795714894.{"v":1}' | openssl dgst -sha256 -hmac whsec-0123456789abcdef */
    mq_webhook_sign(MQ_STR("whsec-0123456789abcdef"), MQ_STR("1795714894"), MQ_STR("{\"v\":1}"), signature);
    assert_string_equal(signature, "sha256=a525ad0a7f13a43fba04ffd700b4333fafcbffabdd95f4abfb84b85fc426c341");
}

static void every_part_of_what_is_signed_counts(void **state) {
    (void)state;
    char one[MQ_SIGNATURE_TEXT], other[MQ_SIGNATURE_TEXT];
    mq_webhook_sign(MQ_STR("secret"), MQ_STR("1"), MQ_STR("body"), one);
    mq_webhook_sign(MQ_STR("secreu"), MQ_STR("1"), MQ_STR("body"), other);
    assert_string_not_equal(one, other);
    mq_webhook_sign(MQ_STR("secret"), MQ_STR("2"), MQ_STR("body"), other);
    assert_string_not_equal(one, other);
    mq_webhook_sign(MQ_STR("secret"), MQ_STR("1"), MQ_STR("bodz"), other);
    assert_string_not_equal(one, other);
    mq_webhook_sign(MQ_STR("secret"), MQ_STR("1"), MQ_STR("body"), other);
    assert_string_equal(one, other);
}

static void any_2xx_is_done(void **state) {
    (void)state;
    for (int status = 200; status < 300; status++) {
        struct mq_verdict v = answered(status, 3, 2, 0);
        assert_int_equal(v.outcome, MQ_DELIVERED);
        assert_false(v.away || v.gone);
        assert_int_equal(v.failures, 0);
    }
    assert_string_equal(mq_outcome_word(MQ_DELIVERED), "done");
}

static void what_is_gone_is_not_tried_again(void **state) {
    (void)state;
    struct mq_verdict v = answered(410, 1, 0, 0);
    assert_int_equal(v.outcome, MQ_DO_NOT_TRY);
    assert_true(v.gone && !v.away);
}

static void everything_else_is_tried_again(void **state) {
    (void)state;
    static const int statuses[] = { 0, 300, 301, 302, 307, 400, 401, 403, 404, 408, 409, 413, 418, 422, 429, 500, 501, 502, 503, 504, 599 };
    for (size_t i = 0; i < MQ_LENGTH(statuses); i++) {
        struct mq_verdict v = answered(statuses[i], 1, 0, 0);
        assert_int_equal(v.outcome, MQ_TRY_AGAIN);
        assert_false(v.gone);
        assert_about(v.delay_ms, FIRST);
    }
}

static void only_what_speaks_of_the_webhook_pauses_it(void **state) {
    (void)state;
    static const int of_webhook[] = { 0, 429, 502, 503, 504 }, of_delivery[] = { 302, 400, 404, 413, 422, 500 };
    for (size_t i = 0; i < MQ_LENGTH(of_webhook); i++) {
        struct mq_verdict v = answered(of_webhook[i], 1, 2, 0);
        assert_true(v.away);
        assert_int_equal(v.failures, 3);
        assert_about(v.pause_ms, 4 * FIRST);
        assert_about(v.delay_ms, FIRST);
    }
    for (size_t i = 0; i < MQ_LENGTH(of_delivery); i++) {
        struct mq_verdict v = answered(of_delivery[i], 1, 2, 0);
        assert_false(v.away);
        assert_int_equal(v.failures, 0);
        assert_int_equal(v.pause_ms, 0);
    }
    struct mq_verdict own = mq_verdict_of(&(struct mq_answer_of){ .attempt = 1, .own_fault = true }, FIRST, CAP);
    assert_int_equal(own.outcome, MQ_TRY_AGAIN);
    assert_false(own.away);
}

static void delays_double_up_to_their_cap_and_differ(void **state) {
    (void)state;
    int64_t expected = FIRST;
    for (unsigned attempt = 1; attempt < 200; attempt++) {
        assert_about(answered(500, attempt, 0, 0).delay_ms, expected);
        assert_about(answered(0, 1, attempt - 1, 0).pause_ms, expected);
        expected = expected * 2 < CAP ? expected * 2 : CAP;
    }
    int64_t first = answered(500, 9, 0, 0).delay_ms;
    bool differs = false;
    for (int i = 0; i < 50; i++)
        differs = differs || answered(500, 9, 0, 0).delay_ms != first;
    assert_true(differs);
}

static void retry_after_is_respected_within_reason(void **state) {
    (void)state;
    struct mq_verdict v = answered(429, 1, 0, 120);
    assert_int_equal(v.delay_ms, 120000);
    assert_int_equal(v.pause_ms, 120000);
    assert_about(answered(503, 1, 0, 1).pause_ms, FIRST); /* sooner than our own delay */
    assert_int_equal(answered(429, 1, 0, 86400).pause_ms, MQ_RETRY_AFTER_MOST_MS);
    assert_int_equal(answered(429, 1, 0, INT64_MAX).pause_ms, MQ_RETRY_AFTER_MOST_MS);
    assert_about(answered(429, 1, 0, -5).pause_ms, FIRST);
}

static void addresses_are_checked(void **state) {
    (void)state;
    static const char *const good[] = {
        "http://a", "https://example.org", "https://example.org/x?y=1&z=%E7%81%AB", "http://127.0.0.1:8080/in", "https://[::1]:8443/",
        "https://a_b.example?x",
    };
    static const char *const bad[] = {
        "", "ftp://a/", "file:///etc/passwd", "https://", "http:///x", "https://user:word@example.org/", "https://a/#b", "https://a b/",
        "https://a/ b", "https://a/\n", "https://a\"b/", "HTTPS://a/", "https://a/\xe7\x81\xab", "//a",
    };
    for (size_t i = 0; i < MQ_LENGTH(good); i++)
        if (!mq_webhook_url_valid(good[i]))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        if (mq_webhook_url_valid(bad[i]))
            fail_msg("%s is taken", bad[i]);
    assert_true(mq_webhook_name_valid("fire-desk-2"));
    assert_false(mq_webhook_name_valid("ab"));
    assert_false(mq_webhook_name_valid("Fire"));
    assert_false(mq_webhook_name_valid("a-name-that-is-longer-than-32-letters"));
}

int main(void) {
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_is_the_hmac_that_rfc_4231_knows),
        cmocka_unit_test(every_part_of_what_is_signed_counts),
        cmocka_unit_test(any_2xx_is_done),
        cmocka_unit_test(what_is_gone_is_not_tried_again),
        cmocka_unit_test(everything_else_is_tried_again),
        cmocka_unit_test(only_what_speaks_of_the_webhook_pauses_it),
        cmocka_unit_test(delays_double_up_to_their_cap_and_differ),
        cmocka_unit_test(retry_after_is_respected_within_reason),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
