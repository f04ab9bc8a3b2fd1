/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing of personal data, told as stories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "FFEEDDCCBBAA99887766554433221100ffeeddccbbaa99887766554433221100"

static char folder[64], key_file[96];

static int folder_begin(void **state) {
    (void)state;
    strcpy(folder, "/tmp/test_seal.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(key_file, sizeof(key_file), "%s/keys", folder);
    return 0;
}

static int folder_end(void **state) {
    (void)state;
    unlink(key_file);
    return rmdir(folder);
}

static void write_keys(const char *text, mode_t mode) {
    unlink(key_file);
    int fd = open(key_file, O_CREAT | O_WRONLY | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void free_seal(struct mq_seal **seal) {
    mq_seal_free(*seal);
}

static struct mq_seal *new_seal(const char *keys) {
    struct mq_seal *seal = NULL;
    write_keys(keys, 0600);
    assert_int_equal(mq_seal_new(key_file, &seal), 0);
    return seal;
}

static struct mq_str bytes_of(const struct mq_buffer *buffer) {
    return (struct mq_str){ buffer->data, buffer->len };
}

static void what_was_sealed_is_opened_with_its_context(void **state) {
    (void)state;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = new_seal("k1 " KEY_A "\n");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    struct mq_str name = MQ_STR("{\"name\":\"陈某\"}"), report = MQ_STR("0123456789abcdef");
    assert_int_equal(mq_seal_close(seal, name, report, &sealed), 0);
    assert_int_equal(sealed.len, name.n + 40);
    assert_null(memmem(sealed.data, sealed.len, "陈某", 6));
    mq_buffer_append_text(&clear, "subject: ");
    assert_int_equal(mq_seal_open(seal, "k1", bytes_of(&sealed), report, &clear), 0);
    assert_string_equal(mq_buffer_text(&clear), "subject: {\"name\":\"陈某\"}");
}

static void nothing_can_be_sealed_too(void **state) {
    (void)state;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = new_seal("k1 " KEY_A "\n");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    struct mq_str nothing = { NULL, 0 };
    assert_int_equal(mq_seal_close(seal, nothing, nothing, &sealed), 0);
    assert_int_equal(sealed.len, 40);
    assert_int_equal(mq_seal_open(seal, "k1", bytes_of(&sealed), nothing, &clear), 0);
    assert_int_equal(clear.len, 0);
}

static void the_same_name_is_sealed_differently_each_time(void **state) {
    (void)state;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = new_seal("k1 " KEY_A "\n");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer one = { 0 }, other = { 0 };
    assert_int_equal(mq_seal_close(seal, MQ_STR("x"), MQ_STR("r"), &one), 0);
    assert_int_equal(mq_seal_close(seal, MQ_STR("x"), MQ_STR("r"), &other), 0);
    assert_memory_not_equal(one.data, other.data, 41);
}

static void a_value_moved_to_another_row_does_not_open(void **state) {
    (void)state;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = new_seal("k1 " KEY_A "\n");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    assert_int_equal(mq_seal_close(seal, MQ_STR("x"), MQ_STR("report 1"), &sealed), 0);
    assert_int_equal(mq_seal_open(seal, "k1", bytes_of(&sealed), MQ_STR("report 2"), &clear), -EBADMSG);
    assert_int_equal(clear.len, 0);
}

static void every_damaged_bit_and_every_cut_is_noticed(void **state) {
    (void)state;
    MQ_CLEANUP(free_seal) struct mq_seal *seal = new_seal("k1 " KEY_A "\n");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    mq_buffer_append_text(&clear, "before");
    assert_int_equal(mq_seal_close(seal, MQ_STR("13800000000"), MQ_STR("r"), &sealed), 0);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ 1 << bit % 8);
        assert_int_equal(mq_seal_open(seal, "k1", bytes_of(&sealed), MQ_STR("r"), &clear), -EBADMSG);
        sealed.data[bit / 8] = (char)(sealed.data[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < sealed.len; n++)
        assert_int_equal(mq_seal_open(seal, "k1", (struct mq_str){ sealed.data, n }, MQ_STR("r"), &clear), -EBADMSG);
    assert_string_equal(mq_buffer_text(&clear), "before");
}

static void old_rows_stay_readable_after_a_new_key(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    MQ_CLEANUP(free_seal) struct mq_seal *before = new_seal("2025 " KEY_A "\n");
    assert_string_equal(mq_seal_key_id(before), "2025");
    assert_int_equal(mq_seal_close(before, MQ_STR("old"), MQ_STR("r"), &sealed), 0);
    MQ_CLEANUP(free_seal) struct mq_seal *after = new_seal("2025 " KEY_A "\n2026 " KEY_B);
    assert_string_equal(mq_seal_key_id(after), "2026");
    assert_int_equal(mq_seal_open(after, "2025", bytes_of(&sealed), MQ_STR("r"), &clear), 0);
    assert_string_equal(mq_buffer_text(&clear), "old");
    assert_int_equal(mq_seal_open(after, "2026", bytes_of(&sealed), MQ_STR("r"), &clear), -EBADMSG);
    assert_int_equal(mq_seal_open(after, "2024", bytes_of(&sealed), MQ_STR("r"), &clear), -ENOKEY);
    assert_int_equal(mq_seal_open(after, "202", bytes_of(&sealed), MQ_STR("r"), &clear), -ENOKEY);
}

static void a_key_file_that_others_can_read_is_refused(void **state) {
    (void)state;
    struct mq_seal *seal = NULL;
    write_keys("k1 " KEY_A "\n", 0640);
    assert_int_equal(mq_seal_new(key_file, &seal), -EPERM);
    write_keys("k1 " KEY_A "\n", 0604);
    assert_int_equal(mq_seal_new(key_file, &seal), -EPERM);
    write_keys("k1 " KEY_A "\n", 0400);
    assert_int_equal(mq_seal_new(key_file, &seal), 0);
    mq_seal_free(seal);
}

static void a_key_file_that_is_wrong_or_missing_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "\n\n",
        "k1\n",
        KEY_A "\n",
        "k1 " KEY_A "0\n",
        "k1  " KEY_A "\n",
        "k1 " KEY_A " \n",
        "k1 0011223344556677\n",
        "k1 g0112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
        " " KEY_A "\n",
        "k/1 " KEY_A "\n",
        "an-id-that-has-more-than-32-letters " KEY_A "\n",
        "k1 " KEY_A "\nk1 " KEY_B "\n",
    };
    struct mq_seal *seal = NULL;
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        write_keys(bad[i], 0600);
        assert_int_equal(mq_seal_new(key_file, &seal), -EINVAL);
    }
    assert_int_equal(mq_seal_new(folder, &seal), -EINVAL);
    unlink(key_file);
    assert_int_equal(mq_seal_new(key_file, &seal), -ENOENT);
    assert_null(seal);
    mq_seal_free(NULL);
}

static void sixty_four_keys_fit_and_one_more_does_not(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer keys = { 0 };
    struct mq_seal *seal = NULL;
    for (int i = 0; i < 64; i++)
        mq_buffer_printf(&keys, "an-id-that-has-just-32-letters%02d " KEY_A "\n", i);
    write_keys(mq_buffer_text(&keys), 0600);
    assert_int_equal(mq_seal_new(key_file, &seal), 0);
    assert_string_equal(mq_seal_key_id(seal), "an-id-that-has-just-32-letters63");
    mq_seal_free(seal);
    mq_buffer_printf(&keys, "k " KEY_A "\n");
    write_keys(mq_buffer_text(&keys), 0600);
    assert_int_equal(mq_seal_new(key_file, &seal), -EINVAL);
}

static void a_new_key_file_is_private_usable_and_never_overwritten(void **state) {
    (void)state;
    unlink(key_file);
    assert_int_equal(mq_seal_create(key_file, "2026-a"), 0);
    struct stat st;
    assert_int_equal(stat(key_file, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    struct mq_seal *seal = NULL;
    assert_int_equal(mq_seal_new(key_file, &seal), 0);
    assert_string_equal(mq_seal_key_id(seal), "2026-a");
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer sealed = { 0 }, clear = { 0 };
    assert_int_equal(mq_seal_close(seal, MQ_STR("x"), MQ_STR("r"), &sealed), 0);
    mq_seal_free(seal);

    assert_int_equal(mq_seal_create(key_file, "2026-a"), -EEXIST);
    assert_int_equal(mq_seal_new(key_file, &seal), 0);
    assert_int_equal(mq_seal_open(seal, "2026-a", bytes_of(&sealed), MQ_STR("r"), &clear), 0);
    mq_seal_free(seal);
    assert_int_equal(mq_seal_create(key_file, "no spaces"), -EINVAL);
    assert_int_equal(mq_seal_create("/nowhere/at/all", "k"), -ENOENT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_is_opened_with_its_context),
        cmocka_unit_test(nothing_can_be_sealed_too),
        cmocka_unit_test(the_same_name_is_sealed_differently_each_time),
        cmocka_unit_test(a_value_moved_to_another_row_does_not_open),
        cmocka_unit_test(every_damaged_bit_and_every_cut_is_noticed),
        cmocka_unit_test(old_rows_stay_readable_after_a_new_key),
        cmocka_unit_test(a_key_file_that_others_can_read_is_refused),
        cmocka_unit_test(a_key_file_that_is_wrong_or_missing_is_refused),
        cmocka_unit_test(sixty_four_keys_fit_and_one_more_does_not),
        cmocka_unit_test(a_new_key_file_is_private_usable_and_never_overwritten),
    };
    return cmocka_run_group_tests(tests, folder_begin, folder_end);
}
