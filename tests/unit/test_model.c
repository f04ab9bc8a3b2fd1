/* SPDX-License-Identifier: Apache-2.0 */
/* Learning a small model, predicting with it, refusing damaged files and models that are worse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "model.h"
#include "train.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/minqing-test-model-XXXXXX";
static char corpus[64], catalogue[64], first[64], second[64], damaged[64], decisions[64];

/* Sentences are two of these words, so that no two are near-duplicates of which one fold would have them all. */
static const char *const heads[] = { "fire_safety\thill_fire\t4", "livelihood_relief\tlonely_elder\t2", "none\t-\t1" };
static const char *const words[][8] = {
    { "山上冒烟", "林子烧起来", "火势很大", "浓烟滚滚", "着火了", "消防快来", "火苗窜上屋顶", "后山烧着" },
    { "老人独居", "没人照顾", "阿婆吃饭困难", "孤寡无依", "五保户生病", "子女不在身边", "生活不能自理", "一个人住" },
    { "你好", "天气不错", "收到谢谢", "测试一下", "大家早安", "吃饭了吗", "节日快乐", "哈哈好的" },
};

static void write_text(const char *path, const char *head) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(head, out);
    for (int i = 0; path == corpus && i < 8; i++)
        for (int k = 0; k < 8; k++)
            for (int d = 0; d < 3; d++)
                fprintf(out, "%s\t-\t%s，%s\n", heads[d], words[d][i], i == k ? "" : words[d][k]);
    fclose(out);
}

static struct mq_train_options options_for(const char *out) {
    return (struct mq_train_options){ .corpus = { corpus }, .corpus_count = 1, .catalogue = catalogue, .out = out, .folds = 4, .quick = true,
                                      .learn = MQ_LEARN_DEFAULTS };
}

static int setup(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(corpus, sizeof(corpus), "%s/corpus.tsv", folder);
    snprintf(catalogue, sizeof(catalogue), "%s/kinds.tsv", folder);
    snprintf(first, sizeof(first), "%s/first", folder);
    snprintf(second, sizeof(second), "%s/second", folder);
    snprintf(damaged, sizeof(damaged), "%s/damaged", folder);
    snprintf(decisions, sizeof(decisions), "%s/decisions.tsv", folder);
    write_text(corpus, "domain\tkind\tseverity\talso\ttext\n");
    write_text(catalogue, "code\tseverity\nfire_safety.hill_fire\t4\nlivelihood_relief.lonely_elder\t2\n");
    struct mq_train_options options = options_for(first);
    return mq_train(&options);
}

static int teardown(void **state) {
    (void)state;
    const char *const files[] = { corpus, catalogue, first, second, damaged, decisions };
    for (size_t i = 0; i < MQ_LENGTH(files); i++)
        unlink(files[i]);
    return rmdir(folder);
}

static char *read_file(const char *path, size_t *n) {
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    *n = (size_t)ftell(in);
    rewind(in);
    char *bytes = malloc(*n);
    assert_int_equal(fread(bytes, 1, *n, in), *n);
    fclose(in);
    return bytes;
}

static void the_same_corpus_and_seed_make_the_same_file(void **state) {
    (void)state;
    struct mq_train_options options = options_for(second);
    assert_int_equal(mq_train(&options), 0);
    size_t n, m;
    char *a = read_file(first, &n), *b = read_file(second, &m);
    assert_int_equal(n, m);
    assert_memory_equal(a, b, n);
    free(a);
    free(b);
}

static void what_it_learned_it_says_and_why(void **state) {
    (void)state;
    struct mq_model *model;
    struct mq_scratch *scratch;
    struct mq_prediction p;
    char fault[200];
    assert_int_equal(mq_model_open(first, &model, fault), 0);
    assert_int_equal(mq_scratch_new(model, &scratch), 0);
    mq_model_predict(model, scratch, MQ_STR("后山冒烟着火了"), &p);
    assert_string_equal(p.domain, "fire_safety");
    assert_int_equal(p.severity, 4);
    assert_true(p.because_count > 0);
    mq_model_predict(model, scratch, MQ_STR("独居老人没人照顾"), &p);
    assert_string_equal(p.domain, "livelihood_relief");
    assert_true(p.probability > 0 && p.probability <= 1);
    mq_model_predict(model, scratch, MQ_STR("你好，收到谢谢"), &p);
    assert_null(p.domain);
    assert_true(p.review);
    mq_model_predict(model, scratch, MQ_STR(""), &p);
    assert_true(p.review);
    mq_scratch_free(scratch);
    mq_model_free(model);
}

/* Decisions on texts that say what `group` of words says, in other sentences than the corpus; `label`: domain, kind, severity. */
static void decide(const char *label, int group, int count) {
    FILE *out = fopen(decisions, "w");
    assert_non_null(out);
    for (int i = 0; i < count; i++) {
        /* characters of their own keep them from being near-duplicates */
        char other[6][4] = { "", "", "", "", "", "" };
        for (int c = 0; c < 6; c++)
            snprintf(other[c], sizeof(other[c]), "\xe7%c%c", (char)(0x80 + (i * 6 + c) / 64 % 64), (char)(0x80 + (i * 6 + c) % 64));
        fprintf(out, "%s\t%s%s%s%s%s%s%s%s\n", label, other[0], other[1], other[2], words[group][i % 8], other[3], other[4], other[5],
                words[group][(i + i / 8) % 8]);
    }
    fclose(out);
}

/* Learns corpus and decisions beside the model in use, which `second` is to replace. */
static int learn_decisions(bool force) {
    struct mq_train_options options = options_for(second);
    options.in_use = first;
    options.decisions[options.decisions_count++] = decisions;
    options.force = force;
    unlink(second);
    return mq_train(&options);
}

static void decisions_that_make_it_worse_are_refused_unless_forced(void **state) {
    (void)state;
    decide("livelihood_relief\tlonely_elder\t2", 0, 120);
    assert_int_equal(learn_decisions(false), 1);
    assert_int_equal(access(second, F_OK), -1);
    assert_int_equal(learn_decisions(true), 0);
    assert_int_equal(access(second, F_OK), 0);
}

static void decisions_that_fit_are_learned(void **state) {
    (void)state;
    decide("fire_safety\thill_fire\t4", 0, 60);
    assert_int_equal(learn_decisions(false), 0);
    assert_int_equal(access(second, F_OK), 0);
}

static void decisions_that_contradict_the_corpus_are_refused(void **state) {
    (void)state;
    FILE *out = fopen(decisions, "w");
    assert_non_null(out);
    for (int i = 0; i < 30; i++)
        fprintf(out, "livelihood_relief\tlonely_elder\t2\t%s，%s\n", words[0][i % 8], words[0][(i + 1 + i / 8) % 8]);
    fclose(out);
    assert_int_equal(learn_decisions(false), 1);
    assert_int_equal(access(second, F_OK), -1);
}

static void what_is_replaced_is_compared_with(void **state) {
    (void)state;
    decide("livelihood_relief\tlonely_elder\t2", 0, 120);
    struct mq_train_options options = options_for(second);
    unlink(second);
    assert_int_equal(mq_train(&options), 0);
    options.decisions[options.decisions_count++] = decisions;
    assert_int_equal(mq_train(&options), 1);
    options.decisions_count = 0;
    assert_int_equal(mq_train(&options), 0);
}

static int open_bytes(const char *bytes, size_t n) {
    struct mq_model *model = NULL;
    char fault[200] = "";
    FILE *out = fopen(damaged, "w");
    fwrite(bytes, 1, n, out);
    fclose(out);
    int r = mq_model_open(damaged, &model, fault);
    if (r < 0)
        assert_true(fault[0] != '\0');
    mq_model_free(model);
    return r;
}

static void a_file_with_any_bit_turned_is_refused(void **state) {
    (void)state;
    size_t n;
    char *bytes = read_file(first, &n);
    srand(3);
    for (int i = 0; i < 200; i++) {
        size_t at = (size_t)rand() % n;
        char bit = (char)(1 << (rand() % 8));
        bytes[at] ^= bit;
        assert_true(open_bytes(bytes, n) < 0);
        bytes[at] ^= bit;
    }
    assert_int_equal(open_bytes(bytes, n), 0);
    free(bytes);
}

static void a_file_cut_short_is_refused(void **state) {
    (void)state;
    size_t n;
    char *bytes = read_file(first, &n);
    for (size_t keep = 0; keep < n; keep += n / 37 + 1)
        assert_int_equal(open_bytes(bytes, keep), -EBADMSG);
    free(bytes);
}

static void no_file_and_no_model_are_told_apart(void **state) {
    (void)state;
    struct mq_model *model = NULL;
    char fault[200] = "";
    assert_int_equal(mq_model_open("/nonexistent/model", &model, fault), -ENOENT);
    assert_int_equal(mq_model_open(corpus, &model, fault), -EBADMSG);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_corpus_and_seed_make_the_same_file),
        cmocka_unit_test(what_it_learned_it_says_and_why),
        cmocka_unit_test(decisions_that_make_it_worse_are_refused_unless_forced),
        cmocka_unit_test(decisions_that_fit_are_learned),
        cmocka_unit_test(decisions_that_contradict_the_corpus_are_refused),
        cmocka_unit_test(what_is_replaced_is_compared_with),
        cmocka_unit_test(a_file_with_any_bit_turned_is_refused),
        cmocka_unit_test(a_file_cut_short_is_refused),
        cmocka_unit_test(no_file_and_no_model_are_told_apart),
    };
    return cmocka_run_group_tests_name("model", tests, setup, teardown);
}
