/* SPDX-License-Identifier: Apache-2.0 */
/* The log, told as stories. Each captures standard error in a file that has no name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clock.h"
#include "log.h"
#include "outage.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int kept_stderr, captured_fd;
static char captured[1 << 20];

static void capture_begin(void) {
    kept_stderr = dup(STDERR_FILENO);
    captured_fd = memfd_create("captured", 0);
    /* Without it two threads may write at the same position: a memfd has no lock around its own. */
    fcntl(captured_fd, F_SETFL, O_APPEND);
    dup2(captured_fd, STDERR_FILENO);
}

/* Puts standard error back before anything is asserted, and returns what was written. */
static const char *capture_end(void) {
    dup2(kept_stderr, STDERR_FILENO);
    close(kept_stderr);
    ssize_t n = pread(captured_fd, captured, sizeof(captured) - 1, 0);
    close(captured_fd);
    captured[n > 0 ? n : 0] = '\0';
    return captured;
}

static int plain_environment(void **state) {
    (void)state;
    unsetenv("JOURNAL_STREAM");
    unsetenv("MINQING_LOG_FORMAT");
    unsetenv("TZ");
    return 0;
}

static void a_line_says_when_how_bad_who_and_what(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("ingest", MQ_INFO);
    mq_log(MQ_WARNING, "test", "broker %s refused %d", "b1", 7);
    const char *line = capture_end();
    int64_t us;
    assert_true(mq_clock_parse((struct mq_str){ line, 29 }, &us));
    assert_memory_equal(line + 23, "+08:00", 6);
    assert_string_equal(line + 29, " warning ingest test: broker b1 refused 7\n");
}

static void what_is_less_severe_than_asked_for_is_not_written(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("ingest", MQ_WARNING);
    mq_log(MQ_INFO, "test", "quiet");
    mq_log(MQ_DEBUG, "test", "quiet");
    mq_log_limited("quiet", 0, MQ_INFO, "quiet");
    mq_log(MQ_ERROR, "test", "loud");
    assert_non_null(strstr(capture_end(), " error ingest test: loud\n"));
    assert_null(strstr(captured, "quiet"));
}

static void levels_are_known_by_name(void **state) {
    (void)state;
    enum mq_level level = MQ_DEBUG;
    assert_true(mq_log_level_parse("warning", &level));
    assert_int_equal(level, MQ_WARNING);
    assert_true(mq_log_level_parse("error", &level));
    assert_int_equal(level, MQ_ERROR);
    assert_false(mq_log_level_parse("Warning", &level));
    assert_false(mq_log_level_parse("", &level));
    assert_false(mq_log_level_parse(NULL, &level));
    assert_int_equal(level, MQ_ERROR);
}

static void no_text_can_forge_a_line_or_command_a_terminal(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("ingest", MQ_INFO);
    mq_log(MQ_INFO, "test", "%s", "a\nb\tc\rd\x1b[2Je\x7f" "f\xc2\x9bg 烟\xff" "h\xe7\x83");
    assert_string_equal(strstr(capture_end(), "ingest test: "),
                        "ingest test: a\\nb\\tc\\rd\\x1b[2Je\\x7ff\\xc2\\x9bg 烟\\xffh\\xe7\\x83\n");
}

static void malformed_utf_8_of_every_kind_is_escaped(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("t", MQ_INFO);
    mq_log(MQ_INFO, "test", "%s", "\xc0\xaf \xe0\x80\xaf \xed\xa0\x80 \xf4\x90\x80\x80 \xf5 \xf0\x9f\x94\xa5");
    assert_string_equal(strstr(capture_end(), "t test: "),
                        "t test: \\xc0\\xaf \\xe0\\x80\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80 \\xf5 \xf0\x9f\x94\xa5\n");
}

static void a_long_line_ends_at_two_kibibytes_and_between_characters(void **state) {
    (void)state;
    static char text[3 * 4000 + 1];
    for (size_t i = 0; i < 4000; i++)
        memcpy(text + 3 * i, "民", 3);
    for (size_t shift = 0; shift < 3; shift++) {
        capture_begin();
        mq_log_init("t", MQ_INFO);
        mq_log(MQ_INFO, "test", "%.*s%s", (int)shift, "xx", text);
        size_t n = strlen(capture_end());
        assert_in_range(n, 2000, 2048);
        assert_int_equal(captured[n - 1], '\n');
        assert_null(strstr(captured, "\\x"));
        assert_memory_equal(captured + n - 4, "民", 3);
    }
}

static void the_journal_gets_priority_event_and_message_alone(void **state) {
    (void)state;
    capture_begin();
    struct stat st;
    char stream[64];
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    mq_log_init("ingest", MQ_INFO);
    mq_log(MQ_WARNING, "test", "inbox full");
    mq_log(MQ_INFO, "test", "up");
    assert_string_equal(capture_end(), "<4>test: inbox full\n<6>test: up\n");
}

static void a_journal_that_reads_another_stream_does_not_count(void **state) {
    (void)state;
    capture_begin();
    setenv("JOURNAL_STREAM", "1:2", 1);
    mq_log_init("ingest", MQ_INFO);
    mq_log(MQ_WARNING, "test", "inbox full");
    assert_non_null(strstr(capture_end(), " warning ingest test: inbox full\n"));
}

static void json_lines_carry_the_message_as_it_is(void **state) {
    (void)state;
    capture_begin();
    setenv("MINQING_LOG_FORMAT", "json", 1);
    mq_log_init("in\"gest", MQ_INFO);
    mq_log_instance("2");
    mq_log(MQ_WARNING, "test", "%s", "say \"烟\" \\ twice\n\x01\x1b \xff");
    capture_end();
    assert_ptr_equal(strchr(captured, '\n'), captured + strlen(captured) - 1);
    cJSON *line = cJSON_Parse(captured);
    assert_non_null(line);
    int64_t us;
    assert_true(mq_clock_parse(mq_str(cJSON_GetObjectItem(line, "at")->valuestring), &us));
    assert_string_equal(cJSON_GetObjectItem(line, "level")->valuestring, "warning");
    assert_string_equal(cJSON_GetObjectItem(line, "service")->valuestring, "in\"gest");
    assert_string_equal(cJSON_GetObjectItem(line, "instance")->valuestring, "2");
    assert_string_equal(cJSON_GetObjectItem(line, "event")->valuestring, "test");
    assert_string_equal(cJSON_GetObjectItem(line, "message")->valuestring, "say \"烟\" \\ twice\n\x01\x1b \xef\xbf\xbd");
    assert_int_equal(cJSON_GetArraySize(line), 6);
    cJSON_Delete(line);
}

static void a_cut_json_line_is_still_json(void **state) {
    (void)state;
    static char text[4000];
    memset(text, '"', sizeof(text) - 1);
    capture_begin();
    setenv("MINQING_LOG_FORMAT", "json", 1);
    mq_log_init("t", MQ_INFO);
    mq_log(MQ_INFO, "test", "%s", text);
    capture_end();
    assert_in_range(strlen(captured), 2000, 2048);
    cJSON *line = cJSON_Parse(captured);
    assert_non_null(line);
    cJSON_Delete(line);
}

static void a_limited_line_comes_once_and_then_with_the_number_left_out(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("t", MQ_INFO);
    mq_log_limited("full", 3600000, MQ_WARNING, "inbox full %d", 1);
    mq_log_limited("full", 3600000, MQ_WARNING, "inbox full %d", 2);
    mq_log_limited("full", 3600000, MQ_WARNING, "inbox full %d", 3);
    mq_log_limited("other", 3600000, MQ_WARNING, "another %d", 4);
    mq_log_limited("full", 0, MQ_WARNING, "inbox full %d", 5);
    mq_log_limited("full", 0, MQ_WARNING, "inbox full %d", 6);
    capture_end();
    assert_non_null(strstr(captured, "t full: inbox full 1\n"));
    assert_null(strstr(captured, "inbox full 2"));
    assert_null(strstr(captured, "inbox full 3"));
    assert_non_null(strstr(captured, "t other: another 4\n"));
    assert_non_null(strstr(captured, "t full: inbox full 5 (2 like this left out)\n"));
    assert_non_null(strstr(captured, "t full: inbox full 6\n"));
}

static void json_has_the_number_left_out_as_a_number(void **state) {
    (void)state;
    capture_begin();
    setenv("MINQING_LOG_FORMAT", "json", 1);
    mq_log_init("t", MQ_INFO);
    for (int i = 0; i < 3; i++)
        mq_log_limited("json-limited", i < 2 ? 3600000 : 0, MQ_INFO, "full");
    capture_end();
    cJSON *line = cJSON_Parse(strchr(captured, '\n') + 1);
    assert_non_null(line);
    assert_int_equal(cJSON_GetObjectItem(line, "left_out")->valueint, 1);
    cJSON_Delete(line);
}

static void an_outage_is_one_line_when_it_begins_and_one_when_it_is_over_for_all(void **state) {
    (void)state;
    struct mq_outage outage = MQ_OUTAGE("x-away", "x-back");
    bool one = false, other = false;
    capture_begin();
    mq_log_init("t", MQ_INFO);
    mq_outage_over(&outage, &one, "x answers again"); /* nothing was amiss */
    for (int i = 0; i < 100; i++) {
        mq_outage_met(&outage, &one, MQ_WARNING, "x is away: %d", i);
        mq_outage_met(&outage, &other, MQ_WARNING, "x is away for the other: %d", i);
    }
    mq_outage_over(&outage, &one, "x answers again");
    mq_outage_over(&outage, &other, "x answers again");
    mq_outage_met(&outage, &one, MQ_WARNING, "x is away once more");
    capture_end();
    char *line = captured;
    const char *const wanted[] = { " warning t x-away: x is away: 0", " info t x-back: x answers again after 0.", " warning t x-away: x is away once more" };
    for (size_t i = 0; i < MQ_LENGTH(wanted); i++)
        assert_non_null(strstr(strsep(&line, "\n"), wanted[i]));
    assert_string_equal(line, "");
}

static void the_number_left_out_survives_a_cut(void **state) {
    (void)state;
    static char text[4000];
    memset(text, 'x', sizeof(text) - 1);
    capture_begin();
    mq_log_init("t", MQ_INFO);
    for (int i = 0; i < 3; i++)
        mq_log_limited("long", i < 2 ? 3600000 : 0, MQ_INFO, "%s", text);
    capture_end();
    assert_non_null(strstr(captured, "x (1 like this left out)\n"));
    assert_int_equal(strlen(captured), 2 * 2048);
}

static void more_limited_keys_than_places_lose_no_line(void **state) {
    (void)state;
    static char keys[200][8];
    capture_begin();
    mq_log_init("t", MQ_INFO);
    for (size_t i = 0; i < MQ_LENGTH(keys); i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%zu", i);
        mq_log_limited(keys[i], 3600000, MQ_INFO, "line %zu.", i);
    }
    capture_end();
    for (size_t i = 0; i < MQ_LENGTH(keys); i++) {
        char expected[16];
        snprintf(expected, sizeof(expected), "line %zu.\n", i);
        assert_non_null(strstr(captured, expected));
    }
}

static void logging_leaves_errno_as_it_was(void **state) {
    (void)state;
    capture_begin();
    mq_log_init("t", MQ_INFO);
    errno = ENOENT;
    mq_log(MQ_INFO, "test", "%m");
    int after = errno;
    errno = EAGAIN;
    mq_log_limited("errno", 0, MQ_INFO, "%m");
    int after_limited = errno;
    close(STDERR_FILENO);
    errno = EINVAL;
    mq_log(MQ_INFO, "test", "nobody reads this");
    int after_failure = errno;
    capture_end();
    assert_int_equal(after, ENOENT);
    assert_int_equal(after_limited, EAGAIN);
    assert_int_equal(after_failure, EINVAL);
    assert_non_null(strstr(captured, "t test: No such file or directory\n"));
    assert_non_null(strstr(captured, "t errno: Resource temporarily unavailable\n"));
}

static void *log_many(void *who) {
    for (int i = 0; i < 500; i++)
        mq_log(MQ_INFO, "test", "%s", (const char *)who);
    return NULL;
}

static void lines_of_two_threads_never_mix(void **state) {
    (void)state;
    static char one[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", other[] = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    capture_begin();
    mq_log_init("t", MQ_INFO);
    pthread_t thread;
    int made = pthread_create(&thread, NULL, log_many, one);
    log_many(other);
    if (made == 0)
        pthread_join(thread, NULL);
    capture_end();
    assert_int_equal(made, 0);
    int lines = 0;
    for (char *rest = captured, *line; (line = strsep(&rest, "\n")) && *line; lines++) {
        const char *text = strstr(line, "t test: ");
        assert_non_null(text);
        assert_true(strcmp(text + 8, one) == 0 || strcmp(text + 8, other) == 0);
    }
    assert_int_equal(lines, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_says_when_how_bad_who_and_what, plain_environment),
        cmocka_unit_test_setup(what_is_less_severe_than_asked_for_is_not_written, plain_environment),
        cmocka_unit_test_setup(levels_are_known_by_name, plain_environment),
        cmocka_unit_test_setup(no_text_can_forge_a_line_or_command_a_terminal, plain_environment),
        cmocka_unit_test_setup(malformed_utf_8_of_every_kind_is_escaped, plain_environment),
        cmocka_unit_test_setup(a_long_line_ends_at_two_kibibytes_and_between_characters, plain_environment),
        cmocka_unit_test_setup(the_journal_gets_priority_event_and_message_alone, plain_environment),
        cmocka_unit_test_setup(a_journal_that_reads_another_stream_does_not_count, plain_environment),
        cmocka_unit_test_setup(json_lines_carry_the_message_as_it_is, plain_environment),
        cmocka_unit_test_setup(a_cut_json_line_is_still_json, plain_environment),
        cmocka_unit_test_setup(a_limited_line_comes_once_and_then_with_the_number_left_out, plain_environment),
        cmocka_unit_test_setup(the_number_left_out_survives_a_cut, plain_environment),
        cmocka_unit_test_setup(json_has_the_number_left_out_as_a_number, plain_environment),
        cmocka_unit_test_setup(an_outage_is_one_line_when_it_begins_and_one_when_it_is_over_for_all, plain_environment),
        cmocka_unit_test_setup(more_limited_keys_than_places_lose_no_line, plain_environment),
        cmocka_unit_test_setup(logging_leaves_errno_as_it_was, plain_environment),
        cmocka_unit_test_setup(lines_of_two_threads_never_mix, plain_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
