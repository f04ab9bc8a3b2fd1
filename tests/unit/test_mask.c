/* SPDX-License-Identifier: Apache-2.0 */
/* Masking of personal data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "mask.h"

static void check(const char *text, const struct mq_subject *subject, const char *expected) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    bool masked = mq_mask(mq_str(text), subject, &out);
    assert_int_equal(masked, expected != NULL);
    assert_string_equal(mq_buffer_text(&out), expected ? expected : "");
}

static void a_mobile_number_keeps_its_first_three_digits(void **state) {
    (void)state;
    check("电话13800138000找他", NULL, "电话138********找他");
    check("138 0013 8000", NULL, "138**********");
    check("8613800138000", NULL, "861**********");
}

static void a_landline_with_hyphen_is_masked(void **state) {
    (void)state;
    check("打0660-8991234", NULL, "打066*********");
}

static void an_identity_number_keeps_its_area(void **state) {
    (void)state;
    check("身份证441581197001011234。", NULL, "身份证441581************。");
    check("44158119700101123X", NULL, "441581************");
}

static void other_numbers_stay(void **state) {
    (void)state;
    check("来了84个人，车牌粤N12345，110", NULL, NULL);
    check("2026年11月23日2点10分", NULL, NULL);
    check("", NULL, NULL);
}

static void a_number_inside_a_longer_word_stays(void **state) {
    (void)state;
    check("编号AB13800138000", NULL, NULL);
}

static void names_that_the_subject_gives_are_masked_wherever_they_stand(void **state) {
    (void)state;
    const struct mq_subject subject = { .name = MQ_STR("欧阳婷"), .phone = MQ_STR("8991234"), .address = MQ_STR("") };
    check("欧阳婷病了，欧阳婷电话8991234", &subject, "欧**病了，欧**电话8******");
}

static void a_name_that_is_not_there_changes_nothing(void **state) {
    (void)state;
    const struct mq_subject subject = { .name = MQ_STR("林某") };
    check("山上冒烟", &subject, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mobile_number_keeps_its_first_three_digits),
        cmocka_unit_test(a_landline_with_hyphen_is_masked),
        cmocka_unit_test(an_identity_number_keeps_its_area),
        cmocka_unit_test(other_numbers_stay),
        cmocka_unit_test(a_number_inside_a_longer_word_stays),
        cmocka_unit_test(names_that_the_subject_gives_are_masked_wherever_they_stand),
        cmocka_unit_test(a_name_that_is_not_there_changes_nothing),
    };
    return cmocka_run_group_tests_name("mask", tests, NULL, NULL);
}
