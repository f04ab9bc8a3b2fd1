/* SPDX-License-Identifier: Apache-2.0 */
/* Comparison of a new model with the one in use.
 *
 * A model agrees with whatever it learned, out of fold too when enough of it was learned, so neither may be judged by labels that the
 * other did not have. What is left is fair to both: texts set apart, and texts which both learned under the same label, each by what
 * was said of it before it was learned (the model file remembers that). Both models speak of the same texts, so only those count on
 * which one is right and the other not: were they equally good, each would win such a text as often as a coin.
 *
 * Decisions without rhyme or reason hardly move a linear model, so they are looked at themselves as well. That the model in use says
 * something else proves nothing, for people decide where it was unsure or was told that it is wrong; but even then what is right is
 * mostly among its first three. */
#include "train.h"

#include "model_internal.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define CHANCE 0.01       /* of refusing a model that is as good, over all that is looked at */
#define SHARE 0.005       /* of all texts of a set that must be lost on balance; less does not matter, however sure it is */
#define SHARE_DOMAIN 0.02 /* the same of one domain's, which wins or loses a little whenever another is learned better */

#define FIRST 3           /* domains that a sensible decision is mostly among */

/* One text, and what both say of it. */
struct pair {
    const struct mq_example *example;
    struct mq_outcome now, before;
    bool apart, kind, severity; /* set apart; both learned this kind, this severity, or none of them had to */
};

struct pairs {
    struct pair *items;
    size_t count, apart, left_out;
};

/* What can be asked of a text. */
struct question {
    const char *name;
    bool (*asked)(const struct pair *pair);
    bool (*right)(const struct mq_example *example, const struct mq_outcome *outcome);
};

static bool asked_domain(const struct pair *pair) {
    (void)pair;
    return true;
}

static bool asked_kind(const struct pair *pair) { return pair->kind && pair->example->kind >= 0; }
static bool asked_severity(const struct pair *pair) { return pair->severity && pair->example->severity != 0; }
static bool right_kind(const struct mq_example *e, const struct mq_outcome *o) { return o->best_kind == e->kind; }
static bool right_severity(const struct mq_example *e, const struct mq_outcome *o) { return o->severity == e->severity; }

static const struct question questions[] = {
    { "domain", asked_domain, mq_outcome_right },
    { "kind", asked_kind, right_kind },
    { "severity", asked_severity, right_severity },
};

struct tally {
    size_t texts, now, before, gained, lost;
};

/* The texts of a set that have one domain, or any where it is negative. */
static struct tally count(const struct pairs *pairs, const struct question *question, bool apart, int domain) {
    struct tally t = { 0 };
    for (size_t i = 0; i < pairs->count; i++) {
        const struct pair *p = &pairs->items[i];
        if (p->apart != apart || (domain >= 0 && p->example->domain != domain) || !question->asked(p))
            continue;
        bool now = question->right(p->example, &p->now), before = question->right(p->example, &p->before);
        t.texts++;
        t.now += now;
        t.before += before;
        t.gained += now && !before;
        t.lost += before && !now;
    }
    return t;
}

/* How probable it is that a fair coin falls so at least `lost` times out of both. */
static double chance(size_t gained, size_t lost) {
    double n = (double)(gained + lost), sum = 0;
    for (size_t k = lost; k <= gained + lost; k++)
        sum += exp(lgamma(n + 1) - lgamma((double)k + 1) - lgamma(n - (double)k + 1) - n * M_LN2);
    return sum;
}

/* Beyond chance, and so much that it matters. */
static bool is_worse(const struct tally *t, double share, double level) {
    return t->lost > t->gained && (double)(t->lost - t->gained) > share * (double)t->texts && chance(t->gained, t->lost) < level;
}

static const char *set_name(bool apart) { return apart ? "set apart" : "that both learned under the same label"; }

static void say_worse(const struct question *question, const struct tally *t, bool apart, const char *domain) {
    fprintf(stderr, "worse: of the %zu texts%s%s %s it has the %s of %zu right where the model in use has %zu (%zu gained, %zu lost)\n",
            t->texts, domain ? " of " : "", domain ? domain : "", set_name(apart), question->name, t->now, t->before, t->gained, t->lost);
}

/* Looks at one question in one set, over all texts and, for the domain, over those of each. */
static bool look(const struct pairs *pairs, const struct mq_labels *labels, const struct question *question, bool apart, double level) {
    struct tally t = count(pairs, question, apart, -1);
    bool worse = is_worse(&t, SHARE, level);
    if (t.texts)
        printf("  %-8s of %5zu texts %-38s right before %5zu, now %5zu (%zu gained, %zu lost)\n", question->name, t.texts,
               set_name(apart), t.before, t.now, t.gained, t.lost);
    if (worse)
        say_worse(question, &t, apart, NULL);
    for (size_t d = 0; question == questions && d < labels->domain_count + labels->has_none; d++) {
        t = count(pairs, question, apart, (int)d);
        if (!is_worse(&t, SHARE_DOMAIN, level))
            continue;
        worse = true;
        say_worse(question, &t, apart, mq_label_name(labels, d));
    }
    return worse;
}

static int judge(const struct pairs *pairs, const struct mq_labels *labels) {
    size_t looks = 2 * (MQ_LENGTH(questions) + labels->domain_count + labels->has_none);
    bool worse = false;
    for (int apart = 1; apart >= 0; apart--)
        for (size_t q = 0; q < MQ_LENGTH(questions); q++)
            worse |= look(pairs, labels, &questions[q], apart, CHANCE / (double)looks);
    return worse;
}

/* How many domains the model in use finds more probable. */
static size_t rank(const struct mq_mixed *mixed, uint32_t domains, int domain) {
    size_t rank = 0;
    for (uint32_t d = 0; d < domains; d++)
        rank += mixed->domain[d] > mixed->domain[domain];
    return rank;
}

static int by_text(const void *a, const void *b) {
    const struct mq_model_seen *x = a, *y = b;
    return x->text < y->text ? -1 : x->text > y->text;
}

static int by_hash(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The entry of a text: the one of its own domain where there are several, NULL where there is none. */
static const struct mq_model_seen *find(const struct mq_model_seen *sorted, size_t count, uint64_t text, int domain) {
    struct mq_model_seen key = { .text = text };
    const struct mq_model_seen *known = bsearch(&key, sorted, count, sizeof(*sorted), by_text);
    if (!known)
        return NULL;
    while (known > sorted && known[-1].text == text)
        known--;
    for (const struct mq_model_seen *s = known; s < sorted + count && s->text == text; s++)
        if (s->domain == domain)
            return s;
    return known;
}

/* Pairs a text with what the model in use said of it; false where that would be unfair to one of them. */
static bool pair_up(const struct mq_said *said, size_t i, const struct mq_model_seen *known, const struct mq_outcome *predicted,
                    bool learned_too, struct pair *out) {
    const struct mq_example *e = &said->corpus->examples[i];
    *out = (struct pair){ .example = e, .now = said->outcomes[i], .before = *predicted, .apart = i >= said->learned, .kind = true,
                          .severity = true };
    if (out->apart ? learned_too : !known)
        return false;
    if (!known)
        return true;
    out->before.domain = known->said_domain;
    out->before.severity = known->said_severity;
    out->before.best_kind = known->said_kind == MQ_MODEL_NO_KIND ? -1 : known->said_kind;
    out->kind = out->apart || e->kind == (known->kind == MQ_MODEL_NO_KIND ? -1 : known->kind);
    out->severity = out->apart || e->severity == known->severity;
    return known->said_domain < MQ_MODEL_DOMAINS && (out->apart || known->domain == e->domain);
}

/* The working memory of collect. */
struct looked_up {
    struct mq_model_seen *seen;
    struct mq_outcome *predicted;
    uint64_t *hashes, *learned;
    struct mq_symbol *symbols;
};

static int collect(const struct mq_model *model, const struct mq_said *said, struct looked_up *l, struct pairs *out) {
    size_t n = said->corpus->count, seen_count;
    double seconds;
    const struct mq_model_seen *seen = mq_model_seen(model, &seen_count);
    l->seen = malloc((seen_count + 1) * sizeof(*l->seen));
    l->predicted = calloc(n + 1, sizeof(*l->predicted));
    l->hashes = calloc(n + 1, sizeof(*l->hashes));
    l->learned = malloc((said->learned + 1) * sizeof(*l->learned));
    l->symbols = malloc(MQ_FOLD_SYMBOLS * sizeof(*l->symbols));
    out->items = calloc(n + 1, sizeof(*out->items));
    if (!l->seen || !l->predicted || !l->hashes || !l->learned || !l->symbols || !out->items)
        return -ENOMEM;
    int r = mq_predict_all(model, said->corpus, l->predicted, &seconds);
    if (r < 0)
        return r;
    memcpy(l->seen, seen, seen_count * sizeof(*l->seen));
    qsort(l->seen, seen_count, sizeof(*l->seen), by_text);
    for (size_t i = 0; i < n; i++)
        l->hashes[i] = mq_model_text_hash(l->symbols, mq_fold_text(&model->fold, said->corpus->examples[i].text, l->symbols));
    memcpy(l->learned, l->hashes, said->learned * sizeof(*l->learned));
    qsort(l->learned, said->learned, sizeof(*l->learned), by_hash);
    for (size_t i = 0; i < n; i++) {
        const struct mq_model_seen *known = find(l->seen, seen_count, l->hashes[i], said->corpus->examples[i].domain);
        bool learned_too = bsearch(&l->hashes[i], l->learned, said->learned, sizeof(*l->learned), by_hash);
        if (pair_up(said, i, known, &l->predicted[i], learned_too, &out->items[out->count]))
            out->apart += out->items[out->count++].apart;
        else
            out->left_out++;
    }
    return 0;
}

/* Whether most of the decisions that are new to the model in use name a domain which is far from all it thinks of. */
static int judge_decisions(const struct mq_model *model, const struct mq_said *said, const struct looked_up *l) {
    struct mq_scratch *scratch;
    struct mq_prediction prediction;
    size_t news = 0, odd = 0, seen_count;
    mq_model_seen(model, &seen_count);
    int r = mq_scratch_new(model, &scratch);
    if (r < 0)
        return r;
    for (size_t i = 0; i < said->learned; i++) {
        const struct mq_example *e = &said->corpus->examples[i];
        const struct mq_model_seen *known = e->decided ? find(l->seen, seen_count, l->hashes[i], e->domain) : NULL;
        if (!e->decided || (known && known->domain == e->domain))
            continue;
        mq_model_predict(model, scratch, e->text, &prediction);
        news++;
        odd += rank(&scratch->mixed, model->header->shape.domains, e->domain) >= FIRST;
    }
    mq_scratch_free(scratch);
    bool worse = odd > news - odd && chance(news - odd, odd) < CHANCE;
    if (news)
        printf("  decisions new to it: %zu, of which %zu name none of the %d domains that it finds most probable\n", news, odd, FIRST);
    if (worse)
        fprintf(stderr, "worse: %zu of the %zu decisions new to the model in use name none of the %d domains that it finds most probable\n",
                odd, news, FIRST);
    return worse;
}

int mq_compare(const char *path, const struct mq_said *said) {
    const struct mq_labels *labels = &said->corpus->labels;
    struct mq_model *model = NULL;
    struct pairs pairs = { 0 };
    struct looked_up looked_up = { 0 };
    char fault[200];
    int r = mq_model_open(path, &model, fault);
    if (r < 0 || !mq_same_labels(model, labels)) {
        printf("in use: %s: %s; nothing to compare with\n", path, r < 0 ? fault : "of another catalogue");
        mq_model_free(model);
        return 0;
    }
    r = collect(model, said, &looked_up, &pairs);
    if (r == 0) {
        printf("in use: %s; compared on %zu texts set apart and %zu that both learned under the same label; %zu that only one learned "
               "so are left out\n",
               mq_model_name(model), pairs.apart, pairs.count - pairs.apart, pairs.left_out);
        bool worse = judge(&pairs, labels);
        r = judge_decisions(model, said, &looked_up);
        if (r == 0 && worse)
            r = 1;
        printf("  %s\n", r ? "worse" : "not worse");
    }
    free(looked_up.seen);
    free(looked_up.predicted);
    free(looked_up.hashes);
    free(looked_up.learned);
    free(looked_up.symbols);
    free(pairs.items);
    mq_model_free(model);
    return r;
}
