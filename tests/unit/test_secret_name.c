/* SPDX-License-Identifier: Apache-2.0 */
/* Names that only those know who know a password. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret_name.h"

#include <string.h>

static void the_same_password_makes_the_same_name_and_another_another(void **state) {
    (void)state;
    char name[MQ_SECRET_NAME], same[MQ_SECRET_NAME], other[MQ_SECRET_NAME];
    mq_secret_name("client", "bomei-001", "secret", name);
    mq_secret_name("client", "bomei-001", "secret", same);
    assert_string_equal(name, same);
    assert_int_equal(strlen(name), strlen("bomei-001-") + 16);
    assert_memory_equal(name, "bomei-001-", strlen("bomei-001-"));
    mq_secret_name("client", "bomei-001", "secret2", other);
    assert_string_not_equal(name, other);
    mq_secret_name("client", "bomei-001", NULL, other);
    assert_string_not_equal(name, other);
}

static void what_it_is_for_and_whose_it_is_count_beside_the_password(void **state) {
    (void)state;
    char name[MQ_SECRET_NAME], other[MQ_SECRET_NAME];
    mq_secret_name("client", "ingest", "secret", name);
    mq_secret_name("group", "ingest", "secret", other);
    assert_string_not_equal(name, other);
    mq_secret_name("client", "ingesu", "secret", other);
    assert_string_not_equal(name + strlen("ingest-"), other + strlen("ingesu-"));
}

static void a_long_name_is_cut_and_stays_its_own(void **state) {
    (void)state;
    char a[121], b[121], name[MQ_SECRET_NAME], other[MQ_SECRET_NAME];
    memset(a, 'a', 120);
    a[120] = '\0';
    memcpy(b, a, sizeof(a));
    b[119] = 'b';
    mq_secret_name("client", a, "secret", name);
    mq_secret_name("client", b, "secret", other);
    assert_int_equal(strlen(name), 100 + 1 + 16);
    assert_string_not_equal(name, other);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_password_makes_the_same_name_and_another_another),
        cmocka_unit_test(what_it_is_for_and_whose_it_is_count_beside_the_password),
        cmocka_unit_test(a_long_name_is_cut_and_stays_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
