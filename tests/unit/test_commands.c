/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed becomes what is sent: times, the table of verbs, words, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/common/options.h"
#include "clients/common/text.h"
#include "clients/minqing/table.h"
#include "clients/minqing/verbs.h"
#include "clients/minqing/watch.h"
#include "clients/minqing/when.h"
#include "clients/minqing/whole.h"
#include "clients/minqing/words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define REPORT "0190a0b0-0000-7000-8000-000000000001"
#define OTHER "0190a0b0-0000-7000-8000-000000000002"

/* ---- times ---- */

static const int64_t now = INT64_C(1794985600) * 1000000; /* 2026-11-18T15:06:40+08:00 */

static void a_time_is_typed_in_many_ways(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum mq_edge edge;
        const char *expected; /* NULL: refused */
    } rows[] = {
        { "2026-12-01", MQ_DAY_BEGINS, "2026-12-01T00:00:00.000+08:00" },
        { "2026-12-01", MQ_DAY_ENDS, "2026-12-01T23:59:59.000+08:00" },
        { "2026-12-31", MQ_DAY_PAST, "2027-01-01T00:00:00.000+08:00" },
        { "2026-12-01 17:30", MQ_DAY_ENDS, "2026-12-01T17:30:00.000+08:00" },
        { "2026-12-01T17:30:15", MQ_DAY_ENDS, "2026-12-01T17:30:15.000+08:00" },
        { "2026-12-01T17:30:00Z", MQ_DAY_ENDS, "2026-12-02T01:30:00.000+08:00" },
        { "2026-12-01T17:30:00.5+08:00", MQ_DAY_ENDS, "2026-12-01T17:30:00.500+08:00" },
        { "+48h", MQ_DAY_ENDS, "2026-11-20T15:06:40.000+08:00" },
        { "+3d", MQ_DAY_ENDS, "2026-11-21T15:06:40.000+08:00" },
        { "+90m", MQ_DAY_ENDS, "2026-11-18T16:36:40.000+08:00" },
        { "2026-02-30", MQ_DAY_ENDS, NULL },
        { "2026-12-01 24:00", MQ_DAY_ENDS, NULL },
        { "2026-12-01 1730", MQ_DAY_ENDS, NULL },
        { "2026-12-1", MQ_DAY_ENDS, NULL },
        { "12-01", MQ_DAY_ENDS, NULL },
        { "+3", MQ_DAY_ENDS, NULL },
        { "+d", MQ_DAY_ENDS, NULL },
        { "+3w", MQ_DAY_ENDS, NULL },
        { "+3dd", MQ_DAY_ENDS, NULL },
        { "+100000h", MQ_DAY_ENDS, NULL },
        { "-3d", MQ_DAY_ENDS, NULL },
        { "3d", MQ_DAY_ENDS, NULL },
        { "tomorrow", MQ_DAY_ENDS, NULL },
        { "", MQ_DAY_ENDS, NULL },
    };
    for (size_t i = 0; i < MQ_LENGTH(rows); i++) {
        char out[MQ_TIME_TEXT] = "refused";
        bool good = mq_when_parse(rows[i].text, now, rows[i].edge, out);
        if (good != (rows[i].expected != NULL))
            fail_msg("%s: %s", rows[i].text, good ? "taken" : "refused");
        if (good)
            assert_string_equal(out, rows[i].expected);
    }
}

static void a_month_is_from_its_first_moment_to_that_of_the_next(void **state) {
    (void)state;
    char from[MQ_TIME_TEXT], to[MQ_TIME_TEXT];
    assert_true(mq_when_month("2026-11", from, to));
    assert_string_equal(from, "2026-11-01T00:00:00.000+08:00");
    assert_string_equal(to, "2026-12-01T00:00:00.000+08:00");
    assert_true(mq_when_month("2026-12", from, to));
    assert_string_equal(to, "2027-01-01T00:00:00.000+08:00");
    assert_true(mq_when_month("2028-02", from, to));
    assert_string_equal(to, "2028-03-01T00:00:00.000+08:00");
    assert_false(mq_when_month("2026-13", from, to));
    assert_false(mq_when_month("2026-1", from, to));
    assert_false(mq_when_month("2026-11-01", from, to));
    assert_false(mq_when_month("november", from, to));
}

static void a_deadline_counts_down_and_then_up(void **state) {
    (void)state;
    char text[64];
    mq_when_deadline(MQ_STR("2026-11-18T15:36:40+08:00"), now, text);
    assert_string_equal(text, "15:36 余0h30m");
    mq_when_deadline(MQ_STR("2026-11-17T13:06:40+08:00"), now, text);
    assert_string_equal(text, "11-17 13:06 超26h00m");
    mq_when_deadline(MQ_STR(""), now, text);
    assert_string_equal(text, "-");
}

/* ---- verbs ---- */

static const struct mq_actor desk = { MQ_STR("bomei-fire"), MQ_STR("desk"), MQ_STR("fire") };
static const struct mq_actor operator = { MQ_STR("bomei-command"), MQ_STR("operator"), { NULL, 0 } };
static const struct mq_actor device = { MQ_STR("bomei-001"), MQ_STR("device"), { NULL, 0 } };

#define DESK_TOPIC "minqing/department/fire/441581/441581105/action/bomei-fire"
#define COMMAND_TOPIC "minqing/command/441581/441581105/action/bomei-command"

/* One row a verb: what is typed, and the topic and message that must come of it (without id and v). */
static char *reports[] = { REPORT, OTHER }, *no_reports[] = { "one" };
static const struct story {
    const char *command;
    struct mq_given given;
    bool by_desk;
    const char *message;
} stories[] = {
    { "case sign", { 0 }, true, "\"action\":\"sign\"" },
    { "case progress", { .note = "已到场", .attachments = HASH "," HASH, .filed = true }, true,
      "\"action\":\"progress\",\"note\":\"已到场\",\"attachments\":[\"" HASH "\",\"" HASH "\"],\"filed\":true" },
    { "case resolve", { .note = "已扑灭" }, true, "\"action\":\"resolve\",\"note\":\"已扑灭\"" },
    { "case return", { .reason = "属烟草局职责", .department = "tobacco" }, true,
      "\"action\":\"return\",\"reason\":\"属烟草局职责\",\"department\":\"tobacco\"" },
    { "case extend", { .reason = "等测绘", .until = "2026-12-01 17:30" }, true,
      "\"action\":\"extend\",\"reason\":\"等测绘\",\"until\":\"2026-12-01T17:30:00.000+08:00\"" },
    { "case suspend", { .reason = "等诉讼" }, true, "\"action\":\"suspend\",\"reason\":\"等诉讼\"" },
    { "case support", { .department = "police" }, true, "\"action\":\"support\",\"department\":\"police\"" },
    { "case support", { .department = "police" }, false, "\"action\":\"support\",\"department\":\"police\"" },
    { "case refuse", { .reason = "重复" }, false, "\"action\":\"refuse\",\"reason\":\"重复\"" },
    { "case reassign", { .department = "water" }, false, "\"action\":\"reassign\",\"department\":\"water\"" },
    { "case correct", { .domain = "fire_safety", .kind = "fire_safety.hill_fire", .severity = 4 }, false,
      "\"action\":\"correct\",\"domain\":\"fire_safety\",\"kind\":\"fire_safety.hill_fire\",\"severity\":4" },
    { "case approve", { 0 }, false, "\"action\":\"approve\"" },
    { "case deny", { .reason = "尚早" }, false, "\"action\":\"deny\",\"reason\":\"尚早\"" },
    { "case supervise", { .note = "请抓紧" }, false, "\"action\":\"supervise\",\"note\":\"请抓紧\"" },
    { "case merge", { .into = "博美-1123-001" }, false, "\"action\":\"merge\"" },
    { "case split", { .reports = reports, .report_count = 2, .kind = "fire_safety.smoke" }, false,
      "\"action\":\"split\",\"kind\":\"fire_safety.smoke\",\"reports\":[\"" REPORT "\",\"" OTHER "\"]" },
    { "case call-back", { .note = "满意" }, false, "\"action\":\"call_back\",\"note\":\"满意\"" },
    { "case rework", { .reason = "余火" }, false, "\"action\":\"rework\",\"reason\":\"余火\"" },
    { "case close", { 0 }, false, "\"action\":\"close\"" },
    { "case reopen", { .reason = "复燃" }, false, "\"action\":\"reopen\",\"reason\":\"复燃\"" },
    { "case rate", { .rating = 5 }, false, "\"action\":\"rate\",\"rating\":5" },
    { "review admit", { 0 }, false, "\"action\":\"admit\"" },
    { "mobilise", { .unit = "bomei-1", .note = "带灭火工具", .exercise = true }, false,
      "\"action\":\"mobilise\",\"note\":\"带灭火工具\",\"unit\":\"bomei-1\",\"exercise\":true" },
    { "stand-down", { 0 }, false, "\"action\":\"stand_down\"" },
};

/* Every member of the expected message, and no other, in any order. */
static void assert_message(const char *command, const char *expected, const struct mq_action *action) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer wanted = { 0 }, json = { 0 };
    struct mq_action read;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { .count = 0 };
    mq_buffer_printf(&wanted, "{\"v\":1,\"id\":\"" REPORT "\",%s}", expected);
    if (!mq_json_decode(&mq_action_object, (struct mq_str){ wanted.data, wanted.len }, &read, &document, &faults))
        fail_msg("%s: %s %s", command, faults.fault[0].path, faults.fault[0].message);
    mq_buffer_reset(&wanted, SIZE_MAX);
    mq_json_encode(&mq_action_object, &read, &wanted);
    mq_json_encode(&mq_action_object, action, &json);
    assert_string_equal(mq_buffer_text(&json), mq_buffer_text(&wanted));
}

static void each_verb_becomes_its_message_at_its_topic(void **state) {
    (void)state;
    bool told[64] = { false };
    for (size_t i = 0; i < MQ_LENGTH(stories); i++) {
        struct mq_given given = stories[i].given;
        struct mq_address address;
        char topic[MQ_TOPIC_BYTES];
        const struct mq_verb *verb = mq_verb_find(stories[i].command);
        if (!verb)
            fail_msg("no verb %s", stories[i].command);
        told[verb - mq_verbs] = true;
        assert_int_equal(mq_verb_read(verb, &given), 0);
        struct mq_action action = mq_verb_action(verb, &given);
        assert_true(mq_uuid_parse(MQ_STR(REPORT), &action.id));
        assert_message(stories[i].command, stories[i].message, &action);
        assert_int_equal(mq_verb_address(verb, stories[i].by_desk ? &desk : &operator, MQ_STR("441581105202001"), &address), 0);
        assert_int_equal(mq_topic_format(address.topic, address.parts, address.count, topic), 0);
        assert_string_equal(topic, stories[i].by_desk ? DESK_TOPIC : COMMAND_TOPIC);
    }
    for (size_t i = 0; i < mq_verb_count; i++)
        if (!told[i])
            fail_msg("no story of %s %s", mq_verbs[i].noun, mq_verbs[i].verb ? mq_verbs[i].verb : "");
}

static void what_a_verb_needs_must_be_typed(void **state) {
    (void)state;
    static const struct {
        const char *command;
        struct mq_given given;
    } rows[] = {
        { "case progress", { 0 } },
        { "case progress", { .note = "" } },
        { "case return", { .department = "tobacco" } },
        { "case extend", { .reason = "等测绘" } },
        { "case extend", { .reason = "等测绘", .until = "soon" } },
        { "case correct", { .note = "?" } },
        { "case merge", { 0 } },
        { "case split", { 0 } },
        { "case split", { .reports = no_reports, .report_count = 1 } },
        { "case rate", { 0 } },
        { "case resolve", { .note = "好", .attachments = "photo.jpg" } },
        { "mobilise", { .exercise = true } },
    };
    for (size_t i = 0; i < MQ_LENGTH(rows); i++) {
        struct mq_given given = rows[i].given;
        assert_int_equal(mq_verb_read(mq_verb_find(rows[i].command), &given), MQ_EXIT_USAGE);
    }
}

static void nobody_acts_for_another(void **state) {
    (void)state;
    struct mq_address address;
    assert_int_equal(mq_verb_address(mq_verb_find("minqing case sign"), &operator, MQ_STR("441581105202"), &address), -EACCES);
    assert_int_equal(mq_verb_address(mq_verb_find("minqing case close"), &desk, MQ_STR("441581105202"), &address), -EACCES);
    assert_int_equal(mq_verb_address(mq_verb_find("minqing case support"), &device, MQ_STR("441581105202"), &address), -EACCES);
    assert_int_equal(mq_verb_address(mq_verb_find("minqing case close"), &operator, MQ_STR("4415811"), &address), -EINVAL);
    assert_null(mq_verb_find("minqing case verify"));
    assert_null(mq_verb_find("minqing case"));
}

/* ---- words ---- */

static bool known(const char *word) {
    struct mq_str shown = mq_word(mq_str(word));
    return !mq_str_equal(shown, mq_str(word));
}

static void assert_known(const char *word, size_t n, const char *where) {
    char text[64];
    snprintf(text, sizeof(text), "%.*s", (int)n, word);
    if (n > 0 && strcmp(text, "-") != 0 && !known(text))
        fail_msg("no Chinese for %s of %s", text, where);
}

/* Each state, action and event of the table. */
static void every_word_of_the_lifecycle_has_its_chinese(void **state) {
    (void)state;
    char path[4096], line[1024];
    snprintf(path, sizeof(path), "%s/schemas/reference/transitions.tsv", getenv("MINQING_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t rows = 0;
    while (fgets(line, sizeof(line), file)) {
        char *rest = line, *field;
        for (int column = 0; rows > 0 && (field = strsep(&rest, "\t\n")); column++) {
            /* action, from_states, to_state, from_parts, to_part, event */
            if (column != 1 && (column < 3 || column > 6) && column != 10)
                continue;
            for (char *word; (word = strsep(&field, ","));)
                assert_known(word, strlen(word), "transitions.tsv");
        }
        rows++;
    }
    fclose(file);
    assert_true(rows > 40);
    for (size_t i = 0; mq_action_words[i]; i++)
        assert_known(mq_action_words[i], strlen(mq_action_words[i]), "the actions");
    for (size_t i = 0; mq_answer_words[i]; i++)
        assert_known(mq_answer_words[i], strlen(mq_answer_words[i]), "the answers");
    for (size_t i = 0; mq_state_words[i]; i++)
        assert_known(mq_state_words[i], strlen(mq_state_words[i]), "the states");
    for (size_t i = 0; mq_domain_words[i]; i++)
        assert_known(mq_domain_words[i], strlen(mq_domain_words[i]), "the domains");
    static const char *const contract[] = {
        "opened", "joined", "signed", "part_signed", "progress", "part_progress", "resolved", "part_resolved", "returned", "part_returned",
        "extension_asked", "suspension_asked", "support_asked", "approved", "denied", "refused", "reassigned", "corrected", "supervised",
        "reminded", "escalated", "called_out", "resumed", "merged", "split", "verified", "reworked", "closed", "reopened", "rated",
        "mobilised", "acknowledged", "arrived", "task_done", "called_again", "stood_down", "admitted", "decided", "review", "service",
    };
    for (size_t i = 0; i < MQ_LENGTH(contract); i++)
        assert_known(contract[i], strlen(contract[i]), "the contract");
}

static void departments_are_those_of_the_reference_data(void **state) {
    (void)state;
    char path[4096], line[1024];
    snprintf(path, sizeof(path), "%s/schemas/reference/departments.tsv", getenv("MINQING_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof(line), file));
    size_t i = 0;
    while (fgets(line, sizeof(line), file)) {
        assert_non_null(mq_department_words[i]);
        line[strcspn(line, "\t")] = '\0';
        assert_string_equal(line, mq_department_words[i++]);
    }
    fclose(file);
    assert_null(mq_department_words[i]);
}

static void a_word_without_chinese_is_shown_once(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_word_both(MQ_STR("signed"), &out);
    assert_string_equal(mq_buffer_text(&out), "已签收 signed");
    mq_buffer_reset(&out, SIZE_MAX);
    mq_word_both(MQ_STR("teleported\033"), &out);
    assert_string_equal(mq_buffer_text(&out), "teleported\xef\xbf\xbd");
}

/* ---- tables ---- */

static void fill(struct mq_table *table) {
    static const char *const cells[] = { "单位", "件数", "说明", "博美镇", "9", "好", "a", "123", "say \"hi\", =x", "b", "-", "=1+1" };
    table->columns = 3;
    for (size_t i = 0; i < MQ_LENGTH(cells); i++)
        mq_table_add(table, mq_str(cells[i]));
}

static void columns_of_a_table_stand_under_each_other(void **state) {
    (void)state;
    MQ_CLEANUP(mq_table_deinit) struct mq_table table = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    fill(&table);
    mq_table_align(&table, 0, &out);
    assert_string_equal(mq_buffer_text(&out), "单位    件数  说明\n"
                                              "博美镇     9  好\n"
                                              "a        123  say \"hi\", =x\n"
                                              "b          -  =1+1\n");
}

static void csv_is_quoted_and_gives_no_formula_to_a_spreadsheet(void **state) {
    (void)state;
    MQ_CLEANUP(mq_table_deinit) struct mq_table table = { 0 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    fill(&table);
    mq_table_csv(&table, &out);
    assert_string_equal(mq_buffer_text(&out), "\"单位\",\"件数\",\"说明\"\r\n"
                                              "\"博美镇\",\"9\",\"好\"\r\n"
                                              "\"a\",\"123\",\"say \"\"hi\"\", =x\"\r\n"
                                              "\"b\",\"-\",\"'=1+1\"\r\n");
}

/* ---- what is shown ---- */

static void a_line_tells_what_happened_before_what_was_reported(void **state) {
    (void)state;
    static const struct mq_stream_line line = { .at = MQ_STR("2026-11-23T10:00:02+08:00"), .what = MQ_STR("acknowledged"), .severity = 4,
                                                .text = MQ_STR("前面山头冒烟") };
    static const struct mq_watch_more more = { MQ_STR("61/84 已收到，40 已到场"), true };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_watch_line(&line, &more, 0, false, &out);
    assert_non_null(strstr(mq_buffer_text(&out), " 已收到 "));
    assert_non_null(strstr(mq_buffer_text(&out), " 〔演练〕61/84 已收到，40 已到场 · 前面山头冒烟"));
}

static void a_request_and_a_mobilisation_are_one_phrase_each(void **state) {
    (void)state;
    static const struct mq_request request = { .what = MQ_STR("extension"), .until = MQ_STR("2026-11-24T10:00:00+08:00") };
    struct mq_mobilisation calls = { .unit_name = MQ_STR("第一中队"), .called = 84, .acknowledged = 61, .arrived = 40, .rounds = 2 };
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_show_request(&out, &request, now);
    mq_buffer_append_char(&out, '|');
    mq_show_mobilisation(&out, &calls);
    calls.state = MQ_STR("stood_down");
    mq_buffer_append_char(&out, '|');
    mq_show_mobilisation(&out, &calls);
    assert_string_equal(mq_buffer_text(&out), "申请延期至 11-24 10:00|第一中队 61/84 已收到, 40 到场, 已呼叫 2 次|"
                                              "第一中队 61/84 已收到, 40 到场, 已解除");
}

static void a_case_may_be_as_bare_as_its_progress(void **state) {
    (void)state;
    static const char progress[] = "{\"v\":1,\"report\":\"" REPORT "\",\"case\":\"" OTHER
                                   "\",\"version\":3,\"number\":\"博美-1123-001\",\"state\":\"signed\",\"request\":null,\"parts\":null,"
                                   "\"mobilisation\":null,\"also\":null,\"reports\":[\"" REPORT "\"]}";
    struct mq_whole whole;
    MQ_CLEANUP(mq_whole_free) struct mq_whole_documents documents = { NULL, NULL };
    struct mq_faults faults = { .count = 0 };
    assert_true(mq_whole_decode(mq_str(progress), &whole, &documents, &faults));
    assert_false(whole.has_request || whole.has_mobilisation);
    assert_int_equal(whole.reports.count, 0);
    assert_int_equal(whole.parts.count, 0);
}

int main(void) {
    setenv("TZ", "Asia/Shanghai", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_typed_in_many_ways),
        cmocka_unit_test(a_month_is_from_its_first_moment_to_that_of_the_next),
        cmocka_unit_test(a_deadline_counts_down_and_then_up),
        cmocka_unit_test(each_verb_becomes_its_message_at_its_topic),
        cmocka_unit_test(what_a_verb_needs_must_be_typed),
        cmocka_unit_test(nobody_acts_for_another),
        cmocka_unit_test(every_word_of_the_lifecycle_has_its_chinese),
        cmocka_unit_test(departments_are_those_of_the_reference_data),
        cmocka_unit_test(a_word_without_chinese_is_shown_once),
        cmocka_unit_test(columns_of_a_table_stand_under_each_other),
        cmocka_unit_test(csv_is_quoted_and_gives_no_formula_to_a_spreadsheet),
        cmocka_unit_test(a_line_tells_what_happened_before_what_was_reported),
        cmocka_unit_test(a_request_and_a_mobilisation_are_one_phrase_each),
        cmocka_unit_test(a_case_may_be_as_bare_as_its_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
