/* SPDX-License-Identifier: Apache-2.0 */
/* What is told of a case just opened: made of all its members, or not at all. That it is what the database says is a story of tests/flow. */
#include "services/notifier/opened.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define WAY "\"number\":\"博美-1123-042\",\"domain\":\"fire_safety\",\"domain_name\":\"消防安全\",\"kind\":null,\"kind_name\":null,\"severity\":4,"
#define LEAD "\"lead\":\"fire\",\"lead_name\":\"消防\",\"lead_english\":\"Fire\",\"parts\":[{\"department\":\"fire\"}],\"also\":[],\"disagrees\":false,"
#define PLACE "\"level\":\"town\",\"area\":\"441581105202\",\"area_name\":\"博美镇\",\"town\":\"441581105\",\"town_name\":\"博美镇\",\"location\":null,"
#define TIMES "\"at\":\"A\",\"sign_by\":\"S\",\"handle_by\":\"H\",\"has_subject\":true,\"by\":null,\"account\":\"bomei-001\","
#define REPORT "\"report\":\"R\",\"observed_at\":\"O\",\"text\":\"后山 \\\"冒烟\\\"\",\"summary\":\"后山\",\"attachments\":[]"
#define ALL(restricted) "{" WAY "\"restricted\":" restricted "," LEAD PLACE TIMES REPORT "}"

static struct mq_dispatched with(const char *opened) {
    struct mq_dispatched d = { .v = 1, .event = 17, .traceparent = MQ_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"), .opened = mq_str(opened) };
    assert_true(mq_uuid_parse(MQ_STR("01a21dc1-d2ce-78a5-8a50-533b70156e4d"), &d.ref));
    return d;
}

static void messages_are_made_of_the_members(void **state) {
    (void)state;
    static struct mq_opened opened;
    const struct mq_dispatched d = with(ALL("false"));
    assert_true(mq_opened_read(&d, &opened));
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_opened_line(&opened, &out);
    assert_string_equal(mq_buffer_text(&out), "{\"v\":1,\"event\":17,\"at\":\"A\",\"what\":\"opened\",\"domain\":\"fire_safety\",\"domain_name\":\"消防安全\","
        "\"severity\":4,\"area\":\"441581105202\",\"area_name\":\"博美镇\",\"case\":\"01a21dc1-d2ce-78a5-8a50-533b70156e4d\",\"number\":\"博美-1123-042\","
        "\"report\":\"R\",\"state\":\"assigned\",\"lead\":\"fire\",\"lead_name\":\"消防\",\"text\":\"后山 \\\"冒烟\\\"\"}");
    mq_buffer_reset(&out, 0);
    mq_opened_status(&opened, &out);
    assert_non_null(strstr(mq_buffer_text(&out), "\"text\":\"已立案 博美-1123-042，消防主办 / Opened as 博美-1123-042, led by Fire\"}"));
    mq_buffer_reset(&out, 0);
    mq_opened_case(&opened, &out);
    struct mq_faults faults = { 0 };
    assert_true(mq_json_scan((struct mq_str){ out.data, out.len }, &faults));
    assert_string_equal(opened.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
}

static void of_a_restricted_case_the_line_says_nothing(void **state) {
    (void)state;
    static struct mq_opened opened;
    const struct mq_dispatched d = with(ALL("true"));
    assert_true(mq_opened_read(&d, &opened));
    assert_true(mq_opened_restricted(&opened));
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_opened_line(&opened, &out);
    mq_opened_redacted(&opened, &out);
    static const char *const secret[] = { "冒烟", "后山", "fire", "消防", "441581105202" };
    for (size_t i = 0; i < MQ_LENGTH(secret); i++)
        assert_null(strstr(mq_buffer_text(&out), secret[i]));
}

static void a_member_less_or_out_of_order_says_nothing(void **state) {
    (void)state;
    static struct mq_opened opened;
    static const char *const wrong[] = {
        "{}",
        "{" WAY "\"restricted\":false," LEAD PLACE TIMES "}",
        "{" WAY LEAD PLACE TIMES REPORT "}",
        "{" LEAD WAY "\"restricted\":false," PLACE TIMES REPORT "}",
        "{\"number\":7,\"domain\":\"x\",\"domain_name\":null,\"kind\":null,\"kind_name\":null,\"severity\":4,\"restricted\":false," LEAD PLACE TIMES REPORT "}",
    };
    for (size_t i = 0; i < MQ_LENGTH(wrong); i++) {
        const struct mq_dispatched d = with(wrong[i]);
        assert_false(mq_opened_read(&d, &opened));
    }
    const struct mq_dispatched none = { .v = 1, .event = 17 };
    assert_false(mq_opened_read(&none, &opened));
    /* a later dispatcher may say more */
    const struct mq_dispatched more = with("{\"colour\":\"red\"," WAY "\"restricted\":false," LEAD PLACE TIMES REPORT ",\"more\":[1]}");
    assert_true(mq_opened_read(&more, &opened));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_made_of_the_members),
        cmocka_unit_test(of_a_restricted_case_the_line_says_nothing),
        cmocka_unit_test(a_member_less_or_out_of_order_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
