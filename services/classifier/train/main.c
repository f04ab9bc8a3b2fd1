/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-train: learns the model of the classifier, measures it, and compares. */
#include "train.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>

static const char usage[] =
    "minqing-train --corpus DIR --catalogue KINDS.tsv --out MODEL   learn a model and put it in place\n"
    "minqing-train --check --corpus DIR --catalogue KINDS.tsv [--calibration DIR] [--apart FILE]\n"
    "                                                               near-duplicates, sentences of each kind\n"
    "minqing-train --score TEST.tsv --model MODEL --catalogue KINDS.tsv [--json]   figures of a model\n"
    "minqing-train --tsv TRAIN.tsv [--test TEST.tsv]                any texts and labels, for comparison\n"
    "\n"
    "  --corpus DIR|FILE     labelled texts (domain kind severity also text); may be repeated\n"
    "  --catalogue FILE      the kinds (columns code and severity)\n"
    "  --calibration DIR|FILE  texts written apart, to correct the confidence by; never learned from\n"
    "  --apart FILE          --check: corpus and calibration must share no sentence with it; may be repeated\n"
    "  --decisions FILE      what people decided: domain kind severity text; may be repeated\n"
    "  --database CONNINFO   the same from the database\n"
    "  --out FILE            the model\n"
    "  --in-use FILE         compare with this model and refuse to install a worse one (default: the one that --out replaces)\n"
    "  --force               install it all the same, and although the decisions contradict the corpus\n"
    "  --report FILE.html    the figures as a page\n"
    "  --folds K             of the cross-validation (default 10)\n"
    "  --seed N              default 1; the same corpus and seed make the same file\n"
    "  --quick               print thresholds only\n"
    "  --label-column N      of --tsv: where the label is (default: last)\n"
    "  --min-count N         texts that a feature must be in (default 1)\n"
    "  --json                --score: one JSON object\n";

enum { CORPUS = 256, CATALOGUE, CALIBRATION, APART, DECISIONS, DATABASE, OUT, IN_USE, FORCE, REPORT, FOLDS, SEED, QUICK, LABEL_COLUMN, MIN_COUNT, JSON, CHECK,
       SCORE, MODEL, TSV, TEST, HELP };

static const struct option long_options[] = {
    { "corpus", 1, NULL, CORPUS },       { "catalogue", 1, NULL, CATALOGUE }, { "calibration", 1, NULL, CALIBRATION }, { "decisions", 1, NULL, DECISIONS },
    { "apart", 1, NULL, APART },
    { "database", 1, NULL, DATABASE },   { "out", 1, NULL, OUT },             { "in-use", 1, NULL, IN_USE },
    { "force", 0, NULL, FORCE },         { "report", 1, NULL, REPORT },       { "folds", 1, NULL, FOLDS },
    { "seed", 1, NULL, SEED },           { "quick", 0, NULL, QUICK },         { "label-column", 1, NULL, LABEL_COLUMN },
    { "min-count", 1, NULL, MIN_COUNT }, { "json", 0, NULL, JSON },           { "check", 0, NULL, CHECK },
    { "score", 1, NULL, SCORE },         { "model", 1, NULL, MODEL },         { "tsv", 1, NULL, TSV },
    { "test", 1, NULL, TEST },           { "help", 0, NULL, HELP },           { 0 },
};

static bool number(const char *text, unsigned min, unsigned max, unsigned *out) {
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || *end || end == text || *text == '-' || value < min || value > max) {
        fprintf(stderr, "minqing-train: %s is not a number from %u to %u\n", text, min, max);
        return false;
    }
    *out = (unsigned)value;
    return true;
}

static bool input(const char *list[MQ_TRAIN_INPUTS], size_t *count, const char *value) {
    if (*count == MQ_TRAIN_INPUTS) {
        fprintf(stderr, "minqing-train: more than %d inputs\n", MQ_TRAIN_INPUTS);
        return false;
    }
    list[(*count)++] = value;
    return true;
}

static bool take(struct mq_train_options *o, int option, const char *value, bool *check) {
    switch (option) {
    case CORPUS: return input(o->corpus, &o->corpus_count, value);
    case DECISIONS: return input(o->decisions, &o->decisions_count, value);
    case CALIBRATION: return input(o->calibration, &o->calibration_count, value);
    case APART: return input(o->apart, &o->apart_count, value);
    case CATALOGUE: o->catalogue = value; return true;
    case DATABASE: o->database = value; return true;
    case OUT: o->out = value; return true;
    case IN_USE: o->in_use = value; return true;
    case REPORT: o->report = value; return true;
    case SCORE: o->score = value; return true;
    case MODEL: o->model = value; return true;
    case TSV: o->tsv = value; return true;
    case TEST: o->test = value; return true;
    case FORCE: o->force = true; return true;
    case QUICK: o->quick = true; return true;
    case JSON: o->json = true; return true;
    case CHECK: *check = true; return true;
    case FOLDS: return number(value, 2, 100, &o->folds);
    case SEED: return number(value, 0, 1u << 31, &o->learn.seed);
    case LABEL_COLUMN: return number(value, 1, 32, &o->label_column);
    case MIN_COUNT: return number(value, 1, 1000, &o->learn.min_count);
    default: return false;
    }
}

static int run(const struct mq_train_options *o, bool check) {
    if (o->tsv)
        return mq_train_tsv(o);
    if (!o->catalogue)
        return -ENOEXEC;
    if (o->score)
        return o->model ? mq_score(o) : -ENOEXEC;
    if (o->corpus_count == 0)
        return -ENOEXEC;
    if (check)
        return mq_check(o);
    return o->out || o->report ? mq_train(o) : -ENOEXEC;
}

int main(int argc, char **argv) {
    struct mq_train_options options = {
        .folds = 10,
        .learn = MQ_LEARN_DEFAULTS,
    };
    bool check = false;
    for (int option; (option = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (option == HELP) {
            fputs(usage, stdout);
            return EXIT_SUCCESS;
        }
        if (!take(&options, option, optarg, &check))
            return 2;
    }
    int r = optind < argc ? -ENOEXEC : run(&options, check);
    if (r == -ENOEXEC) {
        fputs(usage, stderr);
        return 2;
    }
    if (r < 0 && r != -EINVAL)
        fprintf(stderr, "minqing-train: %s\n", strerror(-r));
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
