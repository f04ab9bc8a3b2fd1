/* SPDX-License-Identifier: Apache-2.0 */
/* The inbox, told as stories. With a number as argument the story of two threads carries that many messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "inbox.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

static uint32_t messages_of_two_threads = 30000;

static void free_inbox(struct mq_inbox **inbox) {
    mq_inbox_free(*inbox);
}

static struct mq_inbox *new_inbox(size_t bytes, size_t messages) {
    struct mq_inbox *inbox = NULL;
    assert_int_equal(mq_inbox_new(bytes, messages, &inbox), 0);
    return inbox;
}

static bool put(struct mq_inbox *inbox, struct mq_str payload) {
    return mq_inbox_put(inbox, &(struct mq_arrival){ .topic = MQ_STR("t"), .payload = payload });
}

static bool readable(const struct mq_inbox *inbox) {
    return poll(&(struct pollfd){ .fd = mq_inbox_fd(inbox), .events = POLLIN }, 1, 0) == 1;
}

static void assert_str(struct mq_str is, const char *expected) {
    assert_true(mq_str_equal(is, mq_str(expected)));
}

static void a_message_comes_out_as_it_went_in(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(4096, 10);
    const struct mq_arrival in = {
        .topic = MQ_STR("minqing/query/desk-1/subject"),
        .payload = MQ_STR("{\"a\":1}"),
        .response_topic = MQ_STR("minqing/reply/desk-1/x"),
        .correlation = { "\0\1\2", 3 },
        .content_type = { "", 0 },
        .retained = true,
        .over = true,
        .qos = 1,
        .arrived_us = INT64_C(1234567890123),
    };
    assert_true(mq_inbox_put(inbox, &in));
    struct mq_arrival out[2];
    assert_int_equal(mq_inbox_peek(inbox, out, 2, 1000), 1);
    assert_true(mq_str_equal(out->topic, in.topic));
    assert_true(mq_str_equal(out->payload, in.payload));
    assert_true(mq_str_equal(out->response_topic, in.response_topic));
    assert_true(mq_str_equal(out->correlation, in.correlation));
    assert_null(out->traceparent.s);
    assert_non_null(out->content_type.s);
    assert_int_equal(out->content_type.n, 0);
    assert_true(out->retained);
    assert_true(out->over);
    assert_int_equal(out->qos, 1);
    assert_int_equal(out->arrived_us, in.arrived_us);
    assert_ptr_not_equal(out->payload.s, in.payload.s);
}

static void messages_stay_until_released_and_leave_in_order(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(4096, 10);
    struct mq_arrival out[10];
    assert_true(put(inbox, MQ_STR("one")) && put(inbox, MQ_STR("two")) && put(inbox, MQ_STR("three")));
    assert_int_equal(mq_inbox_peek(inbox, out, 2, 1000), 2);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 3);
    assert_str(out[0].payload, "one");
    mq_inbox_release(inbox, 2);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 1);
    assert_str(out[0].payload, "three");
    mq_inbox_release(inbox, 99);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 0);
}

static void a_peek_brings_no_more_payload_than_asked_for_but_always_one(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(4096, 10);
    struct mq_arrival out[10];
    for (int i = 0; i < 5; i++)
        assert_true(put(inbox, MQ_STR("0123456789")));
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 30), 3);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 39), 3);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 40), 4);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1), 1);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 0), 1);
    assert_int_equal(mq_inbox_peek(inbox, out, 0, 1000), 0);
}

static void the_number_of_messages_is_bounded(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(65536, 2);
    assert_true(put(inbox, MQ_STR("a")));
    assert_true(put(inbox, MQ_STR("b")));
    assert_false(put(inbox, MQ_STR("c")));
    mq_inbox_release(inbox, 1);
    assert_true(put(inbox, MQ_STR("d")));
    assert_false(put(inbox, MQ_STR("e")));
}

static void a_full_ring_drops_the_new_and_keeps_the_old(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(1024, 100);
    struct mq_arrival out[100];
    size_t kept = 0, messages, bytes;
    while (put(inbox, (struct mq_str){ "aaaaaaaaaaaaaaaaaaaa" + kept % 20, 1 }))
        kept++;
    assert_true(kept > 5);
    mq_inbox_usage(inbox, &messages, &bytes);
    assert_int_equal(messages, kept);
    assert_in_range(bytes, 1024 - 64, 1024);
    assert_int_equal(mq_inbox_peek(inbox, out, 100, 10000), kept);
    mq_inbox_release(inbox, kept);
    mq_inbox_usage(inbox, &messages, &bytes);
    assert_int_equal(messages, 0);
    assert_int_equal(bytes, 0);
}

static void bytes_skipped_at_the_end_of_the_ring_are_given_back(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(1024, 100);
    static char text[400];
    size_t messages, one, used;
    assert_true(put(inbox, (struct mq_str){ text, sizeof(text) }));
    mq_inbox_usage(inbox, &messages, &one);
    assert_true(put(inbox, (struct mq_str){ text, sizeof(text) }));
    mq_inbox_release(inbox, 1);
    assert_true(put(inbox, (struct mq_str){ text, sizeof(text) }));
    mq_inbox_usage(inbox, &messages, &used);
    assert_int_equal(used, 1024); /* the second, the skipped end and the third at the beginning */
    mq_inbox_release(inbox, 1);
    assert_true(put(inbox, (struct mq_str){ text, sizeof(text) }));
    mq_inbox_release(inbox, 1);
    mq_inbox_usage(inbox, &messages, &used);
    assert_int_equal(messages, 1);
    assert_int_equal(used, one);
}

static void a_message_larger_than_the_ring_is_dropped_and_harms_nothing(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(1024, 10);
    static char large[2048];
    struct mq_arrival out[10];
    assert_false(put(inbox, (struct mq_str){ large, sizeof(large) }));
    assert_false(put(inbox, (struct mq_str){ large, SIZE_MAX }));
    assert_false(put(inbox, (struct mq_str){ large, 1020 }));
    assert_false(readable(inbox));
    assert_true(put(inbox, (struct mq_str){ large, 900 }));
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 10000), 1);
    assert_int_equal(out[0].payload.n, 900);
}

static void rings_of_no_size_are_refused(void **state) {
    (void)state;
    struct mq_inbox *inbox = NULL;
    assert_int_equal(mq_inbox_new(0, 10, &inbox), -EINVAL);
    assert_int_equal(mq_inbox_new(4096, 0, &inbox), -EINVAL);
    assert_int_equal(mq_inbox_new(SIZE_MAX, 10, &inbox), -EINVAL);
    assert_null(inbox);
    mq_inbox_free(NULL);
}

static void the_descriptor_is_readable_exactly_while_something_may_wait(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(4096, 10);
    struct mq_arrival out[10];
    assert_false(readable(inbox));
    assert_true(put(inbox, MQ_STR("a")));
    assert_true(put(inbox, MQ_STR("b")));
    assert_true(readable(inbox));
    assert_int_equal(mq_inbox_peek(inbox, out, 1, 1000), 1);
    mq_inbox_release(inbox, 1);
    assert_true(readable(inbox));
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 1);
    mq_inbox_release(inbox, 1);
    assert_true(put(inbox, MQ_STR("c")));
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 1);
    mq_inbox_release(inbox, 1);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 0);
    assert_false(readable(inbox));
    assert_true(put(inbox, MQ_STR("d")));
    assert_true(readable(inbox));
}

static void what_is_peeked_is_not_overwritten_by_what_arrives(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(1024, 100);
    struct mq_arrival out[100];
    for (int round = 0; round < 50; round++) {
        assert_true(put(inbox, MQ_STR("kept until released")));
        size_t n = mq_inbox_peek(inbox, out, 1, 1000);
        assert_int_equal(n, 1);
        size_t others = 0;
        while (put(inbox, MQ_STR("another one, somewhat longer")))
            others++;
        assert_true(others > 2);
        assert_str(out[0].payload, "kept until released");
        mq_inbox_release(inbox, 1 + (round % 3 ? others : others - 1));
        mq_inbox_release(inbox, round % 3 ? 0 : 1);
    }
}

/* Message k: its number and a payload whose length and bytes follow from it. */
static size_t payload_of(uint32_t k, unsigned char payload[700]) {
    uint32_t mixed = k * UINT32_C(2654435761);
    size_t n = 4 + (mixed >> 16) % (k % 16 == 0 ? 690 : 60);
    memcpy(payload, &k, 4);
    memset(payload + 4, (int)(mixed >> 8 & 0xff), n - 4);
    return n;
}

static bool payload_right(struct mq_str payload, uint32_t k) {
    unsigned char expected[700];
    size_t n = payload_of(k, expected);
    return payload.n == n && memcmp(payload.s, expected, n) == 0;
}

static void every_size_goes_round_every_ring(void **state) {
    (void)state;
    for (size_t bytes = 1024; bytes < 1024 + 200; bytes += 8) {
        MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(bytes, 1000);
        uint32_t sent = 0, seen = 0;
        while (seen < 2000) {
            unsigned char payload[700];
            for (size_t n = payload_of(sent, payload); put(inbox, (struct mq_str){ (char *)payload, n });
                 n = payload_of(sent, payload))
                sent++;
            struct mq_arrival out[8];
            size_t n = mq_inbox_peek(inbox, out, 1 + seen % 8, 4096);
            assert_true(n > 0);
            for (size_t i = 0; i < n; i++)
                assert_true(payload_right(out[i].payload, seen + (uint32_t)i));
            mq_inbox_release(inbox, n);
            seen += (uint32_t)n;
            size_t messages, used;
            mq_inbox_usage(inbox, &messages, &used);
            assert_int_equal(messages, sent - seen);
            assert_true(used <= bytes);
        }
    }
}

static void *produce(void *inbox) {
    for (uint32_t k = 0; k < messages_of_two_threads; k++) {
        unsigned char payload[700];
        size_t n = payload_of(k, payload);
        while (!put(inbox, (struct mq_str){ (char *)payload, n }))
            sched_yield();
        /* Now and then the reader finds the ring empty, so that the wake-up counts. */
        if (k % 64 == 0)
            sched_yield();
    }
    return NULL;
}

static void two_threads_lose_nothing_and_no_wake_up(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(16384, 200);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, inbox), 0);
    uint32_t seen = 0, wrong = 0;
    bool woken = true;
    while (seen < messages_of_two_threads && woken) {
        struct mq_arrival out[32];
        size_t n = mq_inbox_peek(inbox, out, 1 + seen % 32, 4096);
        if (n == 0) {
            /* A missed wake-up would wait for ever; the long timeout only turns that into a failure. */
            woken = poll(&(struct pollfd){ .fd = mq_inbox_fd(inbox), .events = POLLIN }, 1, 60000) == 1;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            wrong += !payload_right(out[i].payload, seen + (uint32_t)i);
        mq_inbox_release(inbox, n);
        seen += (uint32_t)n;
    }
    assert_true(woken);
    pthread_join(thread, NULL);
    assert_int_equal(wrong, 0);
    assert_int_equal(seen, messages_of_two_threads);
    struct mq_arrival none;
    assert_int_equal(mq_inbox_peek(inbox, &none, 1, 1), 0);
    assert_false(readable(inbox));
}

static void the_reader_is_woken_by_the_last_of_several_messages(void **state) {
    (void)state;
    MQ_CLEANUP(free_inbox) struct mq_inbox *inbox = new_inbox(4096, 10);
    struct mq_arrival arrival = { .topic = MQ_STR("t"), .payload = MQ_STR("x"), .more = true };
    mq_inbox_wake(inbox);
    assert_false(readable(inbox));
    assert_true(mq_inbox_put(inbox, &arrival));
    assert_true(mq_inbox_put(inbox, &arrival));
    assert_false(readable(inbox));
    arrival.more = false;
    assert_true(mq_inbox_put(inbox, &arrival));
    assert_true(readable(inbox));

    struct mq_arrival out[10];
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 3);
    assert_true(mq_inbox_release(inbox, 3) >= 3 * 2);
    assert_int_equal(mq_inbox_peek(inbox, out, 10, 1000), 0);
    arrival.more = true; /* and the last is thrown away by whoever takes them in */
    assert_true(mq_inbox_put(inbox, &arrival));
    assert_false(readable(inbox));
    mq_inbox_wake(inbox);
    assert_true(readable(inbox));
}

int main(int argc, char **argv) {
    if (argc > 1)
        messages_of_two_threads = (uint32_t)strtoul(argv[1], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_out_as_it_went_in),
        cmocka_unit_test(messages_stay_until_released_and_leave_in_order),
        cmocka_unit_test(a_peek_brings_no_more_payload_than_asked_for_but_always_one),
        cmocka_unit_test(the_number_of_messages_is_bounded),
        cmocka_unit_test(a_full_ring_drops_the_new_and_keeps_the_old),
        cmocka_unit_test(bytes_skipped_at_the_end_of_the_ring_are_given_back),
        cmocka_unit_test(a_message_larger_than_the_ring_is_dropped_and_harms_nothing),
        cmocka_unit_test(rings_of_no_size_are_refused),
        cmocka_unit_test(the_descriptor_is_readable_exactly_while_something_may_wait),
        cmocka_unit_test(what_is_peeked_is_not_overwritten_by_what_arrives),
        cmocka_unit_test(every_size_goes_round_every_ring),
        cmocka_unit_test(the_reader_is_woken_by_the_last_of_several_messages),
        cmocka_unit_test(two_threads_lose_nothing_and_no_wake_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
