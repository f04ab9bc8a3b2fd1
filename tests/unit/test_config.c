/* SPDX-License-Identifier: Apache-2.0 */
/* Settings, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buffer.h"
#include "config.h"
#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char *host, *password;
static int64_t port, ring, wait_ms;
static bool tls;

static const struct mq_setting settings[] = {
    { "broker", "host", MQ_SETTING_TEXT, &host, "localhost", "where the broker is", 0, 0 },
    { "broker", "port", MQ_SETTING_INTEGER, &port, "1883", "its port", 1, 65535 },
    { "broker", "password", MQ_SETTING_SECRET, &password, "", "of this service", 0, 0 },
    { "broker", "tls", MQ_SETTING_BOOLEAN, &tls, "no", "encrypt", 0, 0 },
    { "inbox", "bytes", MQ_SETTING_BYTES, &ring, "8MiB", "size of the ring", 65536, 1 << 30 },
    { "inbox", "wait", MQ_SETTING_MS, &wait_ms, "500ms", "pause", 0, 0 },
    { 0 },
};

static int begin(void **state) {
    (void)state;
    static const char *const names[] = {
        "MINQING_CONFIG",          "MINQING_BROKER_HOST",          "MINQING_BROKER_PORT", "MINQING_BROKER_TLS",
        "MINQING_BROKER_PASSWORD", "MINQING_BROKER_PASSWORD_FILE", "MINQING_INBOX_BYTES", "MINQING_INBOX_WAIT",
        "JOURNAL_STREAM",          "MINQING_LOG_FORMAT",
    };
    for (size_t i = 0; i < MQ_LENGTH(names); i++)
        unsetenv(names[i]);
    mq_log_init("test", MQ_ERROR);
    mq_config_free(settings);
    return 0;
}

static int end(void **state) {
    (void)state;
    mq_config_free(settings);
    return 0;
}

static char said[65536];

/* Loads from text and keeps in `said` what was written to standard error. */
static int load_bytes(const char *text, size_t n) {
    FILE *file = n > 0 ? fmemopen((void *)(uintptr_t)text, n, "r") : NULL;
    int kept = dup(STDERR_FILENO), fd = memfd_create("said", 0);
    dup2(fd, STDERR_FILENO);
    int result = mq_config_load_stream(settings, file, "m.conf");
    dup2(kept, STDERR_FILENO);
    ssize_t length = pread(fd, said, sizeof(said) - 1, 0);
    said[length > 0 ? length : 0] = '\0';
    close(kept);
    close(fd);
    if (file)
        fclose(file);
    return result;
}

static int load(const char *text) {
    return load_bytes(text, strlen(text));
}

static int lines_said(void) {
    int n = 0;
    for (const char *p = said; (p = strchr(p, '\n')); p++)
        n++;
    return n;
}

/* One fault, and it says this. */
static void assert_fault(const char *text, const char *what) {
    assert_int_equal(load(text), -EINVAL);
    if (!strstr(said, what))
        print_error("said: %s", said);
    assert_non_null(strstr(said, what));
    assert_int_equal(lines_said(), 1);
}

static void without_a_file_the_defaults_count(void **state) {
    (void)state;
    assert_int_equal(load(""), 0);
    assert_string_equal(host, "localhost");
    assert_int_equal(port, 1883);
    assert_string_equal(password, "");
    assert_false(tls);
    assert_int_equal(ring, 8 << 20);
    assert_int_equal(wait_ms, 500);
    assert_string_equal(said, "");
}

static void the_file_stands_above_the_defaults(void **state) {
    (void)state;
    assert_int_equal(load("\xef\xbb\xbf; county\n[broker]\nhost = b1 ; the first\r\n  port: 8883\n# c\ntls=on\n"
                          "password = a=b c\n\n[other]\nanything = 1\n[inbox]\nbytes=64KiB\nwait = 14d\n"),
                     0);
    assert_string_equal(host, "b1");
    assert_int_equal(port, 8883);
    assert_true(tls);
    assert_string_equal(password, "a=b c");
    assert_int_equal(ring, 65536);
    assert_int_equal(wait_ms, INT64_C(14) * 86400000);
}

static void the_environment_stands_above_the_file(void **state) {
    (void)state;
    setenv("MINQING_BROKER_HOST", "b2", 1);
    setenv("MINQING_BROKER_PORT", "1884", 1);
    setenv("MINQING_INBOX_WAIT", "2h", 1);
    assert_int_equal(load("[broker]\nhost = b1\nport = nonsense\n[inbox]\nbytes = 1GiB\n"), 0);
    assert_string_equal(host, "b2");
    assert_int_equal(port, 1884);
    assert_int_equal(ring, 1 << 30);
    assert_int_equal(wait_ms, 7200000);
}

static void every_fault_is_said_in_its_own_line(void **state) {
    (void)state;
    assert_int_equal(load("host = early\n[broker]\nprot = 1\nport = 0\ntls = maybe\nno key here\n[inbox\n[inbox]\n"
                          "bytes = 1KiB\nwait = 5\nneither\n"),
                     -EINVAL);
    assert_int_equal(lines_said(), 9);
    static const char *const expected[] = {
        "m.conf:1: host stands before the first [section]\n",
        "m.conf:3: [broker] has no key prot; it has host, port, password, tls\n",
        "m.conf:4: [broker] port: \"0\" is not allowed; allowed is a whole number, from 1 to 65535\n",
        "m.conf:5: [broker] tls: \"maybe\" is not allowed; allowed is yes, no, true, false, on, off, 1 or 0\n",
        "m.conf:6: neither [section] nor key = value nor ; comment\n",
        "m.conf:7: the line has no ] after its [\n",
        "m.conf:9: [inbox] bytes: \"1KiB\" is not allowed; allowed is a number of bytes, or one with KiB, MiB or GiB, from "
        "65536 to 1073741824 bytes\n",
        "m.conf:10: [inbox] wait: \"5\" is not allowed; allowed is a time as in 500ms, 30s, 5m, 2h, 14d\n",
        "m.conf:11: neither",
    };
    for (size_t i = 0; i < MQ_LENGTH(expected); i++) {
        if (!strstr(said, expected[i]))
            print_error("missing: %s", expected[i] ? expected[i] : "");
        assert_non_null(strstr(said, expected[i]));
    }
}

static void a_fault_changes_nothing_so_that_a_reload_keeps_what_runs(void **state) {
    (void)state;
    assert_int_equal(load("[broker]\nhost = b1\nport = 1000\npassword = old\n"), 0);
    assert_int_equal(load("[broker]\nhost = b2\nport = -1\npassword = new\n"), -EINVAL);
    assert_string_equal(host, "b1");
    assert_int_equal(port, 1000);
    assert_string_equal(password, "old");
    assert_int_equal(load("[broker]\nhost = b3\n"), 0);
    assert_string_equal(host, "b3");
    assert_string_equal(password, "");
    assert_int_equal(port, 1883);
}

static void an_environment_fault_names_the_variable(void **state) {
    (void)state;
    setenv("MINQING_BROKER_PORT", "65536", 1);
    assert_fault("", "MINQING_BROKER_PORT: \"65536\" is not allowed");
}

static void numbers_are_read_whole_or_not_at_all(void **state) {
    (void)state;
    static const char *const bad[] = { "", "x", "1x", "1 2", "0x10", "+1", "--1", "99999999999999999999", "1.5", "1KiB" };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        setenv("MINQING_BROKER_PORT", bad[i], 1);
        assert_int_equal(load(""), -EINVAL);
    }
    unsetenv("MINQING_BROKER_PORT");
    static const char *const bad_sizes[] = { "-1", "64kib", "64 KiB", "64KB", "KiB", "9223372036854775807KiB", "64KiBx" };
    for (size_t i = 0; i < MQ_LENGTH(bad_sizes); i++) {
        setenv("MINQING_INBOX_BYTES", bad_sizes[i], 1);
        assert_int_equal(load(""), -EINVAL);
    }
    unsetenv("MINQING_INBOX_BYTES");
    static const char *const bad_times[] = { "-5s", "5", "5sec", "ms", "1h30m", "9223372036854775807d" };
    for (size_t i = 0; i < MQ_LENGTH(bad_times); i++) {
        setenv("MINQING_INBOX_WAIT", bad_times[i], 1);
        assert_int_equal(load(""), -EINVAL);
    }
    setenv("MINQING_INBOX_WAIT", "0", 1);
    assert_int_equal(load(""), 0);
    assert_int_equal(wait_ms, 0);
    setenv("MINQING_INBOX_WAIT", "5m", 1);
    assert_int_equal(load(""), 0);
    assert_int_equal(wait_ms, 300000);
}

static void a_key_given_twice_is_a_fault(void **state) {
    (void)state;
    assert_fault("[broker]\nport = 1\nport = 2\n", "m.conf:3: [broker] port is given twice, first in line 2");
    assert_fault("[broker]\npassword = a\npassword_file = /b\n", "given twice");
    setenv("MINQING_BROKER_PASSWORD", "a", 1);
    setenv("MINQING_BROKER_PASSWORD_FILE", "/b", 1);
    assert_fault("", "MINQING_BROKER_PASSWORD: given directly and as MINQING_BROKER_PASSWORD_FILE; unset one");
}

static void lines_that_hide_something_are_faults(void **state) {
    (void)state;
    static const char zero[] = "[broker]\nhost = a\0b\nport = 1\n";
    assert_int_equal(load_bytes(zero, sizeof(zero) - 1), -EINVAL);
    assert_non_null(strstr(said, "m.conf:2: the line has a zero byte"));
    static char text[8192] = "[broker]\nhost = ";
    memset(text + 16, 'h', 6000);
    strcpy(text + 6016, "\nport = 77\n");
    assert_fault(text, "m.conf:2: the line is too long");
}

static void a_connection_string_of_two_kibibytes_fits(void **state) {
    (void)state;
    static char text[4096] = "[broker]\nhost = ";
    memset(text + 16, 'h', 2000);
    assert_int_equal(load(text), 0);
    assert_int_equal(strlen(host), 2000);
}

static void write_secret(char path[32], const char *bytes, size_t n) {
    strcpy(path, "/tmp/test_config.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    close(fd);
}

static void a_secret_comes_from_its_file_without_the_last_line_feed(void **state) {
    (void)state;
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "s3cret\n", "s3cret" }, { "s3cret\r\n", "s3cret" }, { " two words \n\n", " two words \n" }, { "", "" }, { "x", "x" },
    };
    for (size_t i = 0; i < MQ_LENGTH(cases); i++) {
        char path[32], text[128];
        write_secret(path, cases[i].in, strlen(cases[i].in));
        snprintf(text, sizeof(text), "[broker]\npassword_file = %s\n", path);
        int from_file = load(text);
        char *first = password ? strdup(password) : NULL;
        setenv("MINQING_BROKER_PASSWORD_FILE", path, 1);
        int from_environment = load("[broker]\npassword = other\n");
        unsetenv("MINQING_BROKER_PASSWORD_FILE");
        unlink(path);
        assert_int_equal(from_file, 0);
        assert_string_equal(first, cases[i].out);
        free(first);
        assert_int_equal(from_environment, 0);
        assert_string_equal(password, cases[i].out);
    }
}

static void a_secret_file_that_is_missing_or_odd_is_a_fault(void **state) {
    (void)state;
    assert_fault("[broker]\npassword_file = /nowhere/at/all\n",
                 "m.conf:2: [broker] password_file: cannot open \"/nowhere/at/all\": No such file or directory");
    assert_fault("[broker]\npassword_file = /tmp\n", "\"/tmp\" is not a regular file");
    assert_fault("[broker]\nhost_file = /tmp\n", "[broker] has no key host_file");
    char path[32];
    write_secret(path, "a\0b", 3);
    setenv("MINQING_BROKER_PASSWORD_FILE", path, 1);
    int result = load("");
    unlink(path);
    assert_int_equal(result, -EINVAL);
    assert_non_null(strstr(said, "MINQING_BROKER_PASSWORD_FILE: "));
}

static void a_missing_named_file_is_an_error_and_a_directory_is_none(void **state) {
    (void)state;
    assert_int_equal(mq_config_load(settings, "/nowhere/at/all"), -ENOENT);
    setenv("MINQING_CONFIG", "/nowhere/at/all", 1);
    assert_int_equal(mq_config_load(settings, NULL), -ENOENT);
    assert_int_equal(mq_config_load(settings, "/tmp"), -EINVAL);
    char path[32];
    static const char text[] = "[broker]\nport = 7\n";
    write_secret(path, text, sizeof(text) - 1);
    setenv("MINQING_CONFIG", path, 1);
    int result = mq_config_load(settings, NULL);
    unlink(path);
    assert_int_equal(result, 0);
    assert_int_equal(port, 7);
}

static void a_number_without_default_must_be_set(void **state) {
    (void)state;
    int64_t n = 0;
    const struct mq_setting table[] = { { "a-b", "n", MQ_SETTING_INTEGER, &n, NULL, "", 0, 0 }, { 0 } };
    assert_int_equal(mq_config_load_stream(table, NULL, ""), -EINVAL);
    setenv("MINQING_A_B_N", "-5", 1);
    assert_int_equal(mq_config_load_stream(table, NULL, ""), 0);
    unsetenv("MINQING_A_B_N");
    assert_int_equal(n, -5);
}

static void help_lists_the_table_and_no_secret(void **state) {
    (void)state;
    static const struct mq_setting table[] = {
        { "broker", "port", MQ_SETTING_INTEGER, &port, "1883", "its port", 1, 65535 },
        { "broker", "password", MQ_SETTING_SECRET, &password, "changeme", "of this service", 0, 0 },
        { 0 },
    };
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    assert_non_null(out);
    mq_config_help(table, out);
    fclose(out);
    assert_string_equal(text, "[broker] port = 1883   its port   (MINQING_BROKER_PORT)\n"
                              "[broker] password =   of this service   (MINQING_BROKER_PASSWORD)\n"
                              "[broker] password_file =   a file to read it from instead   (MINQING_BROKER_PASSWORD_FILE)\n");
    free(text);
}

static void freeing_twice_does_no_harm(void **state) {
    (void)state;
    assert_int_equal(load("[broker]\nhost = b1\n"), 0);
    mq_config_free(settings);
    assert_null(host);
    mq_config_free(settings);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORY(without_a_file_the_defaults_count),
        STORY(the_file_stands_above_the_defaults),
        STORY(the_environment_stands_above_the_file),
        STORY(every_fault_is_said_in_its_own_line),
        STORY(a_fault_changes_nothing_so_that_a_reload_keeps_what_runs),
        STORY(an_environment_fault_names_the_variable),
        STORY(numbers_are_read_whole_or_not_at_all),
        STORY(a_key_given_twice_is_a_fault),
        STORY(lines_that_hide_something_are_faults),
        STORY(a_connection_string_of_two_kibibytes_fits),
        STORY(a_secret_comes_from_its_file_without_the_last_line_feed),
        STORY(a_secret_file_that_is_missing_or_odd_is_a_fault),
        STORY(a_missing_named_file_is_an_error_and_a_directory_is_none),
        STORY(a_number_without_default_must_be_set),
        STORY(help_lists_the_table_and_no_secret),
        STORY(freeing_twice_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
