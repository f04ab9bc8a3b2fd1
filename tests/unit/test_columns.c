/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of cells on their way into array parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "common/store.h"

static struct mq_str cell(const struct mq_columns *c, size_t row, size_t column) {
    const struct mq_cell *found = &c->cells[row * c->columns + column];
    return found->offset == SIZE_MAX ? (struct mq_str){ NULL, 0 } : (struct mq_str){ c->text.data + found->offset, found->len };
}

static void a_row_is_complete_after_its_last_cell(void **state) {
    (void)state;
    struct mq_columns c;
    mq_columns_init(&c, 3);
    mq_columns_integer(&c, -42);
    mq_columns_text(&c, MQ_STR("a\"b\\c"));
    assert_int_equal(c.rows, 0);
    mq_columns_boolean(&c, true);
    assert_int_equal(c.rows, 1);
    assert_true(mq_str_equal(cell(&c, 0, 0), MQ_STR("-42")));
    assert_true(mq_str_equal(cell(&c, 0, 1), MQ_STR("a\"b\\c")));
    assert_true(mq_str_equal(cell(&c, 0, 2), MQ_STR("t")));
    mq_columns_deinit(&c);
}

static void a_cancelled_row_leaves_no_trace(void **state) {
    (void)state;
    struct mq_columns c;
    mq_columns_init(&c, 2);
    mq_columns_text(&c, MQ_STR("half"));
    mq_columns_cancel(&c);
    mq_columns_text(&c, MQ_STR("one"));
    mq_columns_null(&c);
    assert_int_equal(c.rows, 1);
    assert_true(mq_str_equal(cell(&c, 0, 0), MQ_STR("one")));
    assert_null(cell(&c, 0, 1).s);
    mq_columns_deinit(&c);
}

static void bytes_become_hexadecimal_and_empty_text_null(void **state) {
    (void)state;
    struct mq_columns c;
    mq_columns_init(&c, 3);
    mq_columns_bytes(&c, (struct mq_str){ "\x00\xff\x10", 3 });
    mq_columns_optional(&c, MQ_STR(""));
    mq_columns_number(&c, 22.5);
    assert_true(mq_str_equal(cell(&c, 0, 0), MQ_STR("\\x00ff10")));
    assert_null(cell(&c, 0, 1).s);
    assert_true(mq_str_equal(cell(&c, 0, 2), MQ_STR("22.5")));
    mq_columns_deinit(&c);
}

static void every_number_is_read_back_as_itself(void **state) {
    (void)state;
    static const double numbers[] = { 0, 1, 22.8661, 115.84512345, 115.8451234, 1.0 / 3, 1e-7, 1e-8, 0.1 + 0.2, 99999999.9999999, 1e15, 1e300, -22.5, -0.0 };
    struct mq_columns c;
    mq_columns_init(&c, 1);
    for (size_t i = 0; i < MQ_LENGTH(numbers); i++) {
        mq_columns_number(&c, numbers[i]);
        char text[64] = "";
        struct mq_str is = cell(&c, i, 0);
        memcpy(text, is.s, is.n);
        assert_true(strtod(text, NULL) >= numbers[i] && strtod(text, NULL) <= numbers[i]);
    }
    assert_true(mq_str_equal(cell(&c, 1, 0), MQ_STR("1")));
    assert_true(mq_str_equal(cell(&c, 2, 0), MQ_STR("22.8661")));
    /* places as devices have them, all over the county */
    mq_columns_reset(&c);
    for (int i = 0; i < 100000; i++) {
        double number = 115.0 + i * 0.0000123;
        mq_columns_number(&c, number);
        char text[64] = "";
        struct mq_str is = cell(&c, c.rows - 1, 0);
        memcpy(text, is.s, is.n);
        assert_true(strtod(text, NULL) >= number && strtod(text, NULL) <= number);
    }
    mq_columns_deinit(&c);
}

static void ten_thousand_rows_survive_growing_and_reset(void **state) {
    (void)state;
    struct mq_columns c;
    mq_columns_init(&c, 2);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 10000; i++) {
            mq_columns_integer(&c, i);
            mq_columns_text(&c, MQ_STR("烟"));
        }
        assert_int_equal(c.rows, 10000);
        assert_true(mq_str_equal(cell(&c, 9999, 0), MQ_STR("9999")));
        assert_false(c.failed);
        mq_columns_reset(&c);
        assert_int_equal(c.rows, 0);
    }
    mq_columns_deinit(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_is_complete_after_its_last_cell),
        cmocka_unit_test(a_cancelled_row_leaves_no_trace),
        cmocka_unit_test(bytes_become_hexadecimal_and_empty_text_null),
        cmocka_unit_test(every_number_is_read_back_as_itself),
        cmocka_unit_test(ten_thousand_rows_survive_growing_and_reset),
    };
    return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
