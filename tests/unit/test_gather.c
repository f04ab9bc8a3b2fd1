/* SPDX-License-Identifier: Apache-2.0 */
/* When a stage lets arrivals gather, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/clock.h"
#include "common/stage_internal.h"

static const struct mq_stage_settings settings = { .gather_ms = 500 };

static void set_up(struct mq_stage *stage, const struct mq_stage_settings *s) {
    *stage = (struct mq_stage){ .settings = s };
    assert_int_equal(mq_inbox_new(1 << 16, 1000, &stage->inbox), 0);
}

/* A batch that took so many milliseconds. */
static void learn(struct mq_stage *stage, size_t elements, int64_t ms) {
    mq_gather_learn(stage, elements * 50, elements, mq_clock_monotonic_us() - ms * 1000);
}

static void put(struct mq_stage *stage, int count) {
    for (int i = 0; i < count; i++)
        assert_true(mq_inbox_put(stage->inbox, &(struct mq_arrival){ .topic = MQ_STR("t"), .payload = MQ_STR("x") }));
}

static void while_there_is_little_to_do_nothing_waits(void **state) {
    (void)state;
    struct mq_stage stage;
    set_up(&stage, &settings);
    assert_int_equal(mq_gather_pause_us(&stage), 0);
    for (size_t elements = 0; elements < 8; elements++) {
        learn(&stage, elements, 400);
        assert_int_equal(mq_gather_pause_us(&stage), 0);
    }
    mq_inbox_free(stage.inbox);
}

static void a_pause_is_as_long_as_the_batch_took_or_longer_but_bounded(void **state) {
    (void)state;
    struct mq_stage stage;
    set_up(&stage, &settings);
    learn(&stage, 8, 200);
    assert_in_range(mq_gather_pause_us(&stage), 100000, 210000);
    learn(&stage, 16, 200);
    assert_in_range(mq_gather_pause_us(&stage), 300000, 410000);
    learn(&stage, 400, 60000);
    assert_in_range(mq_gather_pause_us(&stage), 400000, 500000);
    mq_inbox_free(stage.inbox);
}

static void it_ends_when_enough_has_gathered(void **state) {
    (void)state;
    struct mq_stage stage;
    set_up(&stage, &settings);
    learn(&stage, 20, 200);
    put(&stage, 20);
    assert_true(mq_gather_pause_us(&stage) > 0);
    put(&stage, 60);
    assert_int_equal(mq_gather_pause_us(&stage), 0);
    mq_inbox_free(stage.inbox);
}

static void without_the_setting_there_is_none(void **state) {
    (void)state;
    static const struct mq_stage_settings none = { 0 };
    struct mq_stage stage;
    set_up(&stage, &none);
    learn(&stage, 20, 200);
    assert_int_equal(mq_gather_pause_us(&stage), 0);
    mq_inbox_free(stage.inbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(while_there_is_little_to_do_nothing_waits),
        cmocka_unit_test(a_pause_is_as_long_as_the_batch_took_or_longer_but_bounded),
        cmocka_unit_test(it_ends_when_enough_has_gathered),
        cmocka_unit_test(without_the_setting_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
