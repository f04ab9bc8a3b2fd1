/* SPDX-License-Identifier: Apache-2.0 */
/* Folding and features of a text: the same for every way of writing it, on every machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "feature.h"

#include <locale.h>
#include <stdlib.h>

static struct mq_fold fold;
static struct mq_symbol symbols[MQ_FOLD_SYMBOLS], others[MQ_FOLD_SYMBOLS];
static struct mq_feature features[MQ_FEATURES], other_features[MQ_FEATURES];

static bool same(const char *a, const char *b) {
    size_t n = mq_fold_text(&fold, mq_str(a), symbols), m = mq_fold_text(&fold, mq_str(b), others);
    for (size_t i = 0; i < n && n == m; i++)
        if (symbols[i].code != others[i].code)
            return false;
    return n == m;
}

static void widths_and_cases_are_one(void **state) {
    (void)state;
    assert_true(same("ＡＢＣ１２３", "abc123"));
    assert_true(same("ﾃｽﾄ", "テスト"));
}

static void traditional_characters_are_read_as_simplified(void **state) {
    (void)state;
    assert_true(same("屋後起火，濃煙很大", "屋后起火，浓烟很大"));
}

static void numbers_are_classes(void **state) {
    (void)state;
    assert_true(same("电话13800138000", "电话15912345678"));
    assert_true(same("身份证441581197001011234", "身份证441581198802023456"));
    assert_false(same("电话13800138000", "身份证441581197001011234"));
    assert_true(same("来了12人", "来了34人"));
}

static void a_run_of_punctuation_is_one_break(void **state) {
    (void)state;
    assert_true(same("着火了！！！快来", "着火了，快来"));
}

static void symbols_tell_where_they_come_from(void **state) {
    (void)state;
    size_t n = mq_fold_text(&fold, MQ_STR("山火"), symbols);
    assert_int_equal(n, 2);
    assert_int_equal(symbols[1].begin, 3);
    assert_int_equal(symbols[1].end, 6);
}

static void any_bytes_are_taken(void **state) {
    (void)state;
    char bytes[512];
    srand(7);
    for (int round = 0; round < 2000; round++) {
        size_t n = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)rand();
        size_t count = mq_fold_text(&fold, (struct mq_str){ bytes, n }, symbols);
        assert_true(count <= MQ_FOLD_SYMBOLS);
        assert_true(mq_features(symbols, count, features) <= MQ_FEATURES);
    }
}

static void a_long_text_is_read_up_to_the_bound(void **state) {
    (void)state;
    size_t n = 3 * 20000;
    char *text = malloc(n);
    for (size_t i = 0; i < n; i += 3)
        memcpy(text + i, i % 2 ? "烟" : "火", 3);
    size_t count = mq_fold_text(&fold, (struct mq_str){ text, n }, symbols);
    assert_int_equal(count, MQ_FOLD_SYMBOLS);
    assert_true(mq_features(symbols, count, features) <= MQ_FEATURES);
    free(text);
}

static void features_do_not_depend_on_the_locale(void **state) {
    (void)state;
    const struct mq_str text = MQ_STR("İstanbul ﬁre 山火ＡＢ");
    size_t n = mq_features(symbols, mq_fold_text(&fold, text, symbols), features);
    static const char *const locales[] = { "C", "C.UTF-8", "tr_TR.UTF-8", "zh_CN.GB18030" };
    for (size_t l = 0; l < MQ_LENGTH(locales); l++) {
        setlocale(LC_ALL, locales[l]);
        size_t m = mq_features(others, mq_fold_text(&fold, text, others), other_features);
        assert_int_equal(n, m);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(features[i].hash, other_features[i].hash);
    }
    setlocale(LC_ALL, "C");
}

static int setup(void **state) {
    (void)state;
    mq_fold_init(&fold);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_and_cases_are_one),
        cmocka_unit_test(traditional_characters_are_read_as_simplified),
        cmocka_unit_test(numbers_are_classes),
        cmocka_unit_test(a_run_of_punctuation_is_one_break),
        cmocka_unit_test(symbols_tell_where_they_come_from),
        cmocka_unit_test(any_bytes_are_taken),
        cmocka_unit_test(a_long_text_is_read_up_to_the_bound),
        cmocka_unit_test(features_do_not_depend_on_the_locale),
    };
    return cmocka_run_group_tests_name("features", tests, setup, NULL);
}
