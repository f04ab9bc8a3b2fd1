/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts, told as stories: secrets, hashes as the broker reads them, rights on topics, areas, files of accounts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/minqing/account.h"
#include "clients/minqing/acl.h"
#include "clients/minqing/area.h"

#include "clients/common/options.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of our own with this text; removed by the caller. */
static void write_file(char path[32], const char *text) {
    strcpy(path, "/tmp/test_account-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static const char *rights(struct mq_buffer *out, const char *account, const char *role, const char *area, const char *department) {
    const struct mq_account a = { mq_str(account), mq_str(role), mq_str(area), mq_str(department) };
    mq_buffer_reset(out, SIZE_MAX);
    assert_int_equal(mq_acl_account(out, &a), 0);
    return mq_buffer_text(out);
}

static void the_hash_is_the_one_that_mosquitto_passwd_writes(void **state) {
    (void)state;
    /* mosquitto_passwd 2.0.11 wrote this line for the password correct-horse-battery */
    static const char theirs[] =
        "$7$101$VQVPhiDmLMIHQZLD$qOcwA7W7DRdVonIgCqUieCJh1pcKQ9SvacdceuL1Y/d2vDksbr2MMb4nr8/KWCnNw3nwK+HzuXEvsyR5y8gHIQ==";
    unsigned char salt[MQ_SALT_BYTES];
    size_t length;
    char hash[MQ_HASH_TEXT];
    assert_int_equal(
        sodium_base642bin(salt, sizeof(salt), "VQVPhiDmLMIHQZLD", 16, NULL, &length, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
    assert_int_equal(length, MQ_SALT_BYTES);
    assert_int_equal(mq_secret_hash(MQ_STR("correct-horse-battery"), salt, hash), 0);
    assert_string_equal(hash, theirs);
    assert_int_equal(mq_secret_hash(MQ_STR("correct-horse-batterz"), salt, hash), 0);
    assert_string_not_equal(hash, theirs);
}

static void two_accounts_with_one_secret_have_different_hashes(void **state) {
    (void)state;
    char first[MQ_HASH_TEXT], second[MQ_HASH_TEXT];
    assert_int_equal(mq_secret_hash(MQ_STR("the same"), NULL, first), 0);
    assert_int_equal(mq_secret_hash(MQ_STR("the same"), NULL, second), 0);
    assert_string_not_equal(first, second);
}

static void secrets_are_long_plain_and_never_the_same(void **state) {
    (void)state;
    char first[MQ_SECRET_TEXT], second[MQ_SECRET_TEXT];
    mq_secret_new(first);
    mq_secret_new(second);
    assert_int_equal(strspn(first, "abcdefghijklmnopqrstuvwxyz0123456789"), 20);
    assert_int_equal(strlen(first), 20);
    assert_string_not_equal(first, second);
}

static void a_secret_file_is_only_for_its_owner(void **state) {
    (void)state;
    char path[32], *secret = NULL;
    struct stat st;
    write_file(path, "old\n");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(mq_secret_write(path, false, MQ_STR("0123456789abcdefghij\n")), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(mq_secret_read(path, &secret), 0);
    assert_string_equal(secret, "0123456789abcdefghij");
    free(secret);
    unlink(path);
    assert_int_equal(mq_secret_read(path, &secret), -ENOENT);
}

static void a_short_secret_from_a_file_is_refused(void **state) {
    (void)state;
    char path[32], *secret = NULL;
    write_file(path, "12345678\n");
    assert_int_equal(mq_secret_read(path, &secret), -EINVAL);
    assert_null(secret);
    unlink(path);
}

static void a_device_has_its_own_topics_and_nothing_more(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    assert_string_equal(rights(&out, "bomei-001", "device", "441581105202001", NULL), "");
    assert_int_equal(mq_acl_everybody(&out), 0);
    assert_string_equal(mq_buffer_text(&out), "pattern write minqing/field/%u/report\n"
                                              "pattern write minqing/field/%u/visit\n"
                                              "pattern write minqing/field/%u/answer\n"
                                              "pattern read minqing/field/%u/receipt\n"
                                              "pattern read minqing/field/%u/status\n"
                                              "pattern read minqing/field/%u/task\n"
                                              "pattern write minqing/query/%u/+\n"
                                              "pattern read minqing/reply/%u/#\n"
                                              "pattern read minqing/public/+/+/+/notice/+\n");
}

static void a_town_desk_sees_its_department_in_its_town(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    const char *expected = "\nuser bomei-fire\n"
                           "topic read minqing/department/fire/441581/441581105/case/+\n"
                           "topic read minqing/department/fire/441581/441581105/restricted/+\n"
                           "topic write minqing/department/fire/441581/441581105/action/bomei-fire\n";
    assert_string_equal(rights(&out, "bomei-fire", "desk", "441581105", "fire"), expected);
}

static void a_village_desk_sees_its_village_alone(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    const char *expected = "\nuser dianshi-fire\n"
                           "topic read minqing/department/fire/441581/441581105202/case/+\n"
                           "topic read minqing/department/fire/441581/441581105202/restricted/+\n"
                           "topic write minqing/department/fire/441581/441581105/action/dianshi-fire\n";
    assert_string_equal(rights(&out, "dianshi-fire", "desk", "441581105202", "fire"), expected);
}

static void a_county_desk_sees_all_towns_and_a_city_desk_all_counties(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    assert_string_equal(rights(&out, "fire", "desk", "441581", "fire"),
                        "\nuser fire\n"
                        "topic read minqing/department/fire/441581/+/case/+\n"
                        "topic read minqing/department/fire/441581/+/restricted/+\n"
                        "topic write minqing/department/fire/441581/+/action/fire\n");
    assert_non_null(strstr(rights(&out, "fire", "desk", "4415", "fire"), "topic read minqing/department/fire/+/+/case/+\n"));
}

static void an_operator_sees_all_departments_but_never_what_is_restricted(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    assert_string_equal(rights(&out, "bomei-command", "operator", "441581105", NULL),
                        "\nuser bomei-command\n"
                        "topic read minqing/stream/441581/441581105/+/+\n"
                        "topic read minqing/department/+/441581/441581105/case/+\n"
                        "topic read minqing/command/441581/441581105/review/+\n"
                        "topic read minqing/health/+/+\n"
                        "topic read $SYS/broker/publish/messages/+\n"
                        "topic read $SYS/broker/store/messages/+\n"
                        "topic read $SYS/broker/clients/+\n"
                        "topic write minqing/command/441581/441581105/action/bomei-command\n"
                        "topic write minqing/command/441581/441581105/report/bomei-command\n");
    assert_null(strstr(rights(&out, "lufeng", "operator", "441581", NULL), "restricted"));
    assert_non_null(strstr(mq_buffer_text(&out), "topic write minqing/command/441581/+/action/lufeng\n"));
}

static void each_service_has_the_topics_of_its_name(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    assert_string_equal(rights(&out, "classifier", "service", NULL, NULL), "\nuser classifier\n"
                                                                           "topic read minqing/stage/received\n"
                                                                           "topic write minqing/stage/classified\n"
                                                                           "topic write minqing/health/classifier/+\n");
    assert_non_null(strstr(rights(&out, "ingest", "service", NULL, NULL), "topic write minqing/reply/+/#\n"));
    assert_null(strstr(mq_buffer_text(&out), "dispatched"));
    /* a retained message may be cleared by who takes it, and by nobody else */
    static const char *const field[] = { "report", "visit", "answer" };
    for (size_t i = 0; i < MQ_LENGTH(field); i++) {
        char line[64];
        snprintf(line, sizeof(line), "topic readwrite minqing/field/+/%s\n", field[i]);
        assert_non_null(strstr(mq_buffer_text(&out), line));
    }
    assert_non_null(strstr(mq_buffer_text(&out), "topic readwrite minqing/command/+/+/report/+\n"));
    assert_null(strstr(mq_buffer_text(&out), "/action/"));
    assert_non_null(strstr(rights(&out, "dispatcher", "service", NULL, NULL), "topic readwrite minqing/department/+/+/+/action/+\n"));
    assert_non_null(strstr(mq_buffer_text(&out), "topic readwrite minqing/command/+/+/action/+\n"));
    assert_null(strstr(mq_buffer_text(&out), "minqing/field"));
    assert_null(strstr(rights(&out, "notifier", "service", NULL, NULL), "minqing/field/+/report"));
    assert_string_equal(rights(&out, "query", "service", NULL, NULL), "\nuser query\n"
                                                                      "topic readwrite minqing/query/+/+\n"
                                                                      "topic write minqing/reply/+/#\n"
                                                                      "topic write minqing/health/query/+\n");
    /* a service that nobody knows, or a device named like one */
    assert_string_equal(rights(&out, "stranger", "service", NULL, NULL), "");
    assert_string_equal(rights(&out, "ingest", "device", "441581105202001", NULL), "");
}

static void an_account_without_area_or_department_never_gets_everybodys(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    const struct mq_account no_area = { MQ_STR("abc"), MQ_STR("operator"), { NULL, 0 }, { NULL, 0 } };
    const struct mq_account no_department = { MQ_STR("abc"), MQ_STR("desk"), MQ_STR("441581"), { NULL, 0 } };
    const struct mq_account wild = { MQ_STR("abc"), MQ_STR("desk"), MQ_STR("441581"), MQ_STR("+") };
    const struct mq_account forged = { MQ_STR("a\nuser b"), MQ_STR("operator"), MQ_STR("441581"), { NULL, 0 } };
    assert_int_equal(mq_acl_account(&out, &no_area), -EINVAL);
    assert_int_equal(mq_acl_account(&out, &no_department), -EINVAL);
    assert_int_equal(mq_acl_account(&out, &wild), -EINVAL);
    assert_int_equal(mq_acl_account(&out, &forged), -EINVAL);
}

static void areas_are_cut_into_county_and_town(void **state) {
    (void)state;
    struct mq_str county, town;
    assert_true(mq_area_parts(MQ_STR("441581105202001"), &county, &town));
    assert_true(mq_str_equal(county, MQ_STR("441581")) && mq_str_equal(town, MQ_STR("441581105")));
    assert_true(mq_area_parts(MQ_STR("441581"), &county, &town));
    assert_true(mq_str_equal(county, MQ_STR("441581")) && !town.s);
    assert_true(mq_area_parts(MQ_STR("4415"), &county, &town));
    assert_true(!county.s && !town.s);
    static const char *const bad[] = { "", "44158", "4415811", "44158110", "4415x1", "4415811052020011" };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++)
        assert_false(mq_area_parts(mq_str(bad[i]), &county, &town));
}

static void what_a_person_gives_is_checked(void **state) {
    (void)state;
    struct mq_account_input good = {
        .account = "bomei-fire", .role = "desk", .name = "王", .area = "441581105", .department = "fire"
    };
    assert_null(mq_account_fault(&good));
    struct mq_account_input bad = good;
    bad.account = "Fire";
    assert_non_null(mq_account_fault(&bad));
    bad = good;
    bad.role = "chief";
    assert_non_null(mq_account_fault(&bad));
    bad = good;
    bad.department = NULL;
    assert_non_null(mq_account_fault(&bad));
    bad = good;
    bad.role = "device";
    assert_non_null(mq_account_fault(&bad));
    bad = good;
    bad.area = "4415";
    assert_null(mq_account_fault(&bad));
    bad.name = NULL;
    assert_non_null(mq_account_fault(&bad));
    assert_null(mq_account_fault(&(struct mq_account_input){ .account = "ingest", .role = "service" }));
}

static void a_file_of_accounts_becomes_one_array_with_a_secret_each(void **state) {
    (void)state;
    char path[32];
    MQ_CLEANUP(mq_account_batch_deinit) struct mq_account_batch batch = { 0 };
    write_file(path, "account\trole\tname\tarea\tdepartment\tunit\n"
                     "bomei-002\tdevice\t杨\"志\"强\t441581105001002\t-\tbomei-1-1\n"
                     "bomei-001\tdevice\t林志强\t441581105001001\t\tbomei-1-1\r\n");
    assert_int_equal(mq_account_read_file(path, &batch), 0);
    unlink(path);
    assert_int_equal(batch.count, 2);
    assert_string_equal(batch.entries[0].account, "bomei-001");
    assert_int_equal(strlen(batch.entries[0].secret), MQ_SECRET_LENGTH);
    static const char first[] =
        "[{\"account\":\"bomei-002\",\"role\":\"device\",\"name\":\"杨\\\"志\\\"强\",\"area\":\"441581105001002\","
        "\"unit\":\"bomei-1-1\",\"hash\":\"$7$101$";
    assert_memory_equal(batch.json.data, first, sizeof(first) - 1);
    assert_null(strstr(batch.json.data, batch.entries[0].secret));
}

static void a_file_with_one_bad_line_imports_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {
        "account\trole\nbomei-001\n",                        /* a column short */
        "account\trole\ningest\tservice\tmore\n",            /* one too many */
        "account\trole\ningest\tservice\ningest\tservice\n", /* twice */
        "account\trole\tcolour\ningest\tservice\tred\n",     /* an unknown column */
        "account\trole\nbomei-001\tdevice\n",                /* nobody's */
        "account\trole\n",                                   /* none */
    };
    for (size_t i = 0; i < MQ_LENGTH(bad); i++) {
        char path[32];
        MQ_CLEANUP(mq_account_batch_deinit) struct mq_account_batch batch = { 0 };
        write_file(path, bad[i]);
        assert_int_equal(mq_account_read_file(path, &batch), MQ_EXIT_DATA);
        unlink(path);
    }
}

int main(void) {
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_the_one_that_mosquitto_passwd_writes),
        cmocka_unit_test(two_accounts_with_one_secret_have_different_hashes),
        cmocka_unit_test(secrets_are_long_plain_and_never_the_same),
        cmocka_unit_test(a_secret_file_is_only_for_its_owner),
        cmocka_unit_test(a_short_secret_from_a_file_is_refused),
        cmocka_unit_test(a_device_has_its_own_topics_and_nothing_more),
        cmocka_unit_test(a_town_desk_sees_its_department_in_its_town),
        cmocka_unit_test(a_village_desk_sees_its_village_alone),
        cmocka_unit_test(a_county_desk_sees_all_towns_and_a_city_desk_all_counties),
        cmocka_unit_test(an_operator_sees_all_departments_but_never_what_is_restricted),
        cmocka_unit_test(each_service_has_the_topics_of_its_name),
        cmocka_unit_test(an_account_without_area_or_department_never_gets_everybodys),
        cmocka_unit_test(areas_are_cut_into_county_and_town),
        cmocka_unit_test(what_a_person_gives_is_checked),
        cmocka_unit_test(a_file_of_accounts_becomes_one_array_with_a_secret_each),
        cmocka_unit_test(a_file_with_one_bad_line_imports_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
