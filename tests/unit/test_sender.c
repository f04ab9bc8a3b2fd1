/* SPDX-License-Identifier: Apache-2.0 */
/* What a device sends when, with a clock that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sender.h"

#define S 1000000LL
#define MS 1000LL

struct device {
    struct mq_sender sender;
    struct mq_uuid ids[64];
    int64_t now;
};

static struct device connected(void) {
    struct device d = { .now = 1000 * S };
    mq_sender_init(&d.sender);
    mq_sender_connected(&d.sender, d.now);
    for (size_t i = 0; i < MQ_LENGTH(d.ids); i++)
        d.ids[i] = mq_uuid_v7();
    return d;
}

static void add(struct device *d, int key, int severity) {
    mq_sender_add(&d->sender, key, &d->ids[key], severity, 0, d->now);
}

/* Sends the flight that is due; the broker answers at once with `answer`. Returns its key, -1: none was due. */
static int64_t send_next(struct device *d, enum mq_ack answer) {
    struct mq_flight *flight = mq_sender_due(&d->sender, d->now);
    if (!flight)
        return -1;
    int64_t key = flight->key;
    enum mq_ack *ack = mq_sender_ack(&d->sender);
    assert_non_null(ack);
    *ack = answer;
    mq_sender_sent(&d->sender, flight, ack, d->now);
    assert_true(mq_sender_look(&d->sender, d->now));
    return key;
}

/* The delay until the only flight is due again. */
static int64_t delay(const struct device *d) {
    return d->sender.flights[0].due_us - d->now;
}

static void assert_about(int64_t us, int64_t expected) {
    assert_in_range(us, expected * 3 / 4 - MS, expected * 5 / 4 + MS);
}

static void no_more_than_sixteen_are_on_the_way(void **state) {
    (void)state;
    struct device d = connected();
    for (int i = 0; i < MQ_SENDER_WINDOW; i++) {
        assert_true(mq_sender_room(&d.sender));
        add(&d, i, 2);
    }
    assert_false(mq_sender_room(&d.sender));
    assert_true(mq_sender_land(&d.sender, &d.ids[3], NULL));
    assert_true(mq_sender_room(&d.sender));
    assert_false(mq_sender_land(&d.sender, &d.ids[3], NULL));
}

static void the_severe_go_first_then_the_old(void **state) {
    (void)state;
    struct device d = connected();
    static const int severities[] = { 2, 4, 1, 3, 4, 2 };
    static const int64_t expected[] = { 1, 4, 3, 0, 5, 2 };
    for (int i = 0; i < 6; i++)
        add(&d, i, severities[i]);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(send_next(&d, MQ_ACK_TAKEN), expected[i]);
    assert_int_equal(send_next(&d, MQ_ACK_TAKEN), -1);
}

static void without_a_receipt_it_is_sent_again_after_two_seconds_and_then_ever_later(void **state) {
    (void)state;
    struct device d = connected();
    add(&d, 0, 2);
    int64_t expected = 2 * S;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(send_next(&d, MQ_ACK_TAKEN), 0);
        assert_int_equal(send_next(&d, MQ_ACK_TAKEN), -1);
        assert_true(delay(&d) <= 60 * S);
        assert_in_range(delay(&d), expected * 3 / 4 - MS, expected * 5 / 4 + MS);
        expected = expected * 2 < 60 * S ? expected * 2 : 60 * S;
        d.now += delay(&d);
    }
    assert_int_equal(d.sender.sent, 8);
    assert_int_equal(d.sender.resent, 7);
}

static void where_nobody_is_there_it_is_sent_again_within_a_quarter_of_a_second(void **state) {
    (void)state;
    struct device d = connected();
    add(&d, 0, 2);
    send_next(&d, MQ_ACK_UNHEARD);
    assert_about(delay(&d), 200 * MS);
    d.now += delay(&d);
    send_next(&d, MQ_ACK_UNHEARD);
    assert_about(delay(&d), 400 * MS);
}

static void what_the_broker_refuses_is_marked_and_waits_its_turn(void **state) {
    (void)state;
    struct device d = connected();
    add(&d, 0, 2);
    send_next(&d, MQ_ACK_REFUSED);
    assert_true(d.sender.flights[0].refused);
    assert_about(delay(&d), 2 * S);
}

static void a_reconnection_sends_everything_at_once(void **state) {
    (void)state;
    struct device d = connected();
    for (int i = 0; i < 3; i++)
        add(&d, i, 2);
    while (send_next(&d, MQ_ACK_TAKEN) >= 0)
        ;
    mq_sender_lost(&d.sender, d.now);
    d.now += S / 10;
    assert_null(mq_sender_due(&d.sender, d.now));
    mq_sender_connected(&d.sender, d.now);
    for (int64_t i = 0; i < 3; i++)
        assert_int_equal(send_next(&d, MQ_ACK_TAKEN), i);
}

static void connecting_again_backs_off_from_one_to_thirty_seconds(void **state) {
    (void)state;
    struct device d = connected();
    mq_sender_lost(&d.sender, d.now);
    int64_t last = 0;
    for (int i = 0; i < 12; i++) {
        int64_t wait = d.sender.connect_due_us - d.now;
        assert_in_range(wait, 1 * S, 30 * S);
        assert_false(mq_sender_may_connect(&d.sender, d.now));
        d.now += wait;
        assert_true(mq_sender_may_connect(&d.sender, d.now));
        mq_sender_connect_failed(&d.sender, d.now);
        last = wait;
    }
    assert_true(last > 20 * S);
    mq_sender_connected(&d.sender, d.now);
    assert_int_equal(d.sender.tries, 0);
}

static void a_critical_report_takes_the_place_of_one_long_without_answer(void **state) {
    (void)state;
    struct device d = connected();
    for (int i = 0; i < MQ_SENDER_WINDOW; i++)
        add(&d, i, i == 5 ? 1 : 2);
    while (send_next(&d, MQ_ACK_TAKEN) >= 0)
        ;
    assert_null(mq_sender_weakest(&d.sender, 4, d.now));
    d.now += MQ_SENDER_RECEIPT_US;
    assert_null(mq_sender_weakest(&d.sender, 1, d.now));
    struct mq_flight *weakest = mq_sender_weakest(&d.sender, 4, d.now);
    assert_non_null(weakest);
    assert_int_equal(weakest->key, 5);
    mq_sender_remove(&d.sender, weakest);
    add(&d, 20, 4);
    assert_int_equal(send_next(&d, MQ_ACK_TAKEN), 20);
}

static void a_report_is_not_published_twice_while_the_broker_still_holds_its_answer(void **state) {
    (void)state;
    struct device d = connected();
    add(&d, 0, 2);
    send_next(&d, MQ_ACK_PENDING);
    d.now += 5 * S;
    assert_null(mq_sender_due(&d.sender, d.now));
    assert_true(mq_sender_look(&d.sender, d.now));
    d.now += MQ_SENDER_SILENT_US;
    assert_false(mq_sender_look(&d.sender, d.now));
}

static void an_answer_after_the_receipt_does_not_fall_on_another_report(void **state) {
    (void)state;
    struct device d = connected();
    add(&d, 0, 2);
    struct mq_flight *flight = mq_sender_due(&d.sender, d.now);
    enum mq_ack *first = mq_sender_ack(&d.sender);
    *first = MQ_ACK_PENDING;
    mq_sender_sent(&d.sender, flight, first, d.now);
    assert_true(mq_sender_land(&d.sender, &d.ids[0], NULL));
    add(&d, 1, 2);
    flight = mq_sender_due(&d.sender, d.now);
    enum mq_ack *second = mq_sender_ack(&d.sender);
    assert_ptr_not_equal(first, second);
    *second = MQ_ACK_PENDING;
    mq_sender_sent(&d.sender, flight, second, d.now);
    *first = MQ_ACK_UNHEARD;
    assert_true(mq_sender_look(&d.sender, d.now));
    assert_about(delay(&d), 2 * S);
}

static void the_sender_wakes_for_the_next_thing_to_do(void **state) {
    (void)state;
    struct device d = connected();
    assert_true(mq_sender_wake(&d.sender, d.now) == INT64_MAX);
    add(&d, 0, 2);
    assert_true(mq_sender_wake(&d.sender, d.now) <= d.now);
    send_next(&d, MQ_ACK_TAKEN);
    assert_true(mq_sender_wake(&d.sender, d.now) == d.sender.flights[0].due_us);
    mq_sender_lost(&d.sender, d.now);
    assert_true(mq_sender_wake(&d.sender, d.now) == d.sender.connect_due_us);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_sixteen_are_on_the_way),
        cmocka_unit_test(the_severe_go_first_then_the_old),
        cmocka_unit_test(without_a_receipt_it_is_sent_again_after_two_seconds_and_then_ever_later),
        cmocka_unit_test(where_nobody_is_there_it_is_sent_again_within_a_quarter_of_a_second),
        cmocka_unit_test(what_the_broker_refuses_is_marked_and_waits_its_turn),
        cmocka_unit_test(a_reconnection_sends_everything_at_once),
        cmocka_unit_test(connecting_again_backs_off_from_one_to_thirty_seconds),
        cmocka_unit_test(a_critical_report_takes_the_place_of_one_long_without_answer),
        cmocka_unit_test(a_report_is_not_published_twice_while_the_broker_still_holds_its_answer),
        cmocka_unit_test(an_answer_after_the_receipt_does_not_fall_on_another_report),
        cmocka_unit_test(the_sender_wakes_for_the_next_thing_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
