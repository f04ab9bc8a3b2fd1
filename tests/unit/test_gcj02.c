/* SPDX-License-Identifier: Apache-2.0 */
/* Conversion from GCJ-02. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "gcj02.h"

#include <math.h>

/* The offset in Lufeng is some 500 m to the south-east, as any Chinese map shows against satellite positions. */
static void a_point_of_lufeng_moves_by_half_a_kilometre(void **state) {
    (void)state;
    double lat = 22.945, lon = 115.644;
    mq_gcj02_to_wgs84(&lat, &lon);
    double north = (22.945 - lat) * 111320.0, east = (115.644 - lon) * 111320.0 * cos(22.945 * M_PI / 180.0);
    double metres = hypot(north, east);
    assert_true(metres > 300.0 && metres < 800.0);
    assert_true(east > 0.0);
}

/* Published pair: Tiananmen, WGS 84 39.90734 116.39089, GCJ-02 39.90874 116.39713. */
static void a_published_pair_agrees_within_five_metres(void **state) {
    (void)state;
    double lat = 39.908739, lon = 116.397131;
    mq_gcj02_to_wgs84(&lat, &lon);
    assert_true(fabs(lat - 39.907335) * 111320.0 < 5.0);
    assert_true(fabs(lon - 116.390888) * 85400.0 < 5.0);
}

static void outside_china_nothing_moves(void **state) {
    (void)state;
    double lat = 48.8584, lon = 2.2945;
    mq_gcj02_to_wgs84(&lat, &lon);
    assert_true(lat == 48.8584 && lon == 2.2945);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_point_of_lufeng_moves_by_half_a_kilometre),
        cmocka_unit_test(a_published_pair_agrees_within_five_metres),
        cmocka_unit_test(outside_china_nothing_moves),
    };
    return cmocka_run_group_tests_name("gcj02", tests, NULL, NULL);
}
