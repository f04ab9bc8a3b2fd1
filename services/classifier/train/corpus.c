/* SPDX-License-Identifier: Apache-2.0 */
/* Reading of labelled texts. */
#include "corpus.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "corpus_internal.h"

#define COLUMNS 32

void mq_corpus_deinit(struct mq_corpus *corpus) {
    for (size_t i = 0; i < corpus->block_count; i++)
        free(corpus->blocks[i]);
    free(corpus->blocks);
    free(corpus->examples);
    *corpus = (struct mq_corpus){ 0 };
}

int mq_corpus_keep(struct mq_corpus *corpus, char *block) {
    char **blocks = realloc(corpus->blocks, (corpus->block_count + 1) * sizeof(*blocks));
    if (!blocks) {
        free(block);
        return -ENOMEM;
    }
    corpus->blocks = blocks;
    blocks[corpus->block_count++] = block;
    return 0;
}

int mq_corpus_push(struct mq_corpus *corpus, const struct mq_example *example) {
    if (corpus->count == corpus->capacity) {
        size_t capacity = corpus->capacity ? 2 * corpus->capacity : 1024;
        struct mq_example *examples = realloc(corpus->examples, capacity * sizeof(*examples));
        if (!examples)
            return -ENOMEM;
        corpus->examples = examples;
        corpus->capacity = capacity;
    }
    corpus->examples[corpus->count++] = *example;
    return 0;
}

/* Reads a whole file into memory that the corpus keeps, terminated by a zero byte. */
static int read_file(struct mq_corpus *corpus, const char *path, char **out, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        int r = -errno;
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return r;
    }
    size_t used = 0, capacity = 1 << 16;
    char *data = malloc(capacity);
    for (size_t n = 1; data && n > 0; used += n) {
        if (capacity - used < 2) {
            char *larger = realloc(data, capacity *= 2);
            if (!larger)
                free(data);
            data = larger;
        }
        n = data ? fread(data + used, 1, capacity - used - 1, file) : 0;
    }
    bool failed = ferror(file);
    fclose(file);
    if (!data || failed) {
        free(data);
        return data ? -EIO : -ENOMEM;
    }
    data[used] = '\0';
    *out = data;
    *size = used;
    return mq_corpus_keep(corpus, data);
}

/* Splits a line at its tabs, in place. */
static size_t split(char *line, char *cells[COLUMNS]) {
    size_t n = 0;
    cells[n++] = line;
    while (n < COLUMNS && (line = strchr(line, '\t'))) {
        *line++ = '\0';
        cells[n++] = line;
    }
    return n;
}

static int fault(const char *path, unsigned line, const char *what, const char *value) {
    fprintf(stderr, "%s:%u: %s: %s\n", path, line, what, value);
    return -EINVAL;
}

static int label_domain(const struct mq_labels *labels, const char *name) {
    for (size_t i = 0; i < labels->domain_count; i++)
        if (strcmp(labels->domains[i], name) == 0)
            return (int)i;
    return labels->has_none && strcmp(name, "none") == 0 ? (int)labels->domain_count : -1;
}

static int label_kind(const struct mq_labels *labels, const char *domain, const char *kind) {
    size_t n = strlen(domain);
    for (size_t i = 0; i < labels->kind_count; i++)
        if (strncmp(labels->kinds[i], domain, n) == 0 && labels->kinds[i][n] == '.' && strcmp(labels->kinds[i] + n + 1, kind) == 0)
            return (int)i;
    return -1;
}

static int add_domain(struct mq_labels *labels, const char *name) {
    if (labels->domain_count >= MQ_CORPUS_DOMAINS - 1 || strlen(name) >= MQ_CORPUS_NAME || !*name)
        return -EINVAL;
    strcpy(labels->domains[labels->domain_count], name);
    return (int)labels->domain_count++;
}

static int add_kind(struct mq_labels *labels, const char *code, const char *severity) {
    const char *dot = strchr(code, '.');
    if (!dot || dot == code || strlen(code) >= MQ_CORPUS_NAME || labels->kind_count == MQ_CORPUS_KINDS)
        return -EINVAL;
    char domain[MQ_CORPUS_NAME];
    snprintf(domain, sizeof(domain), "%.*s", (int)(dot - code), code);
    int d = label_domain(labels, domain);
    if (d < 0)
        d = add_domain(labels, domain);
    if (d < 0 || strlen(severity) != 1 || *severity < '1' || *severity > '4')
        return -EINVAL;
    strcpy(labels->kinds[labels->kind_count], code);
    labels->kind_domain[labels->kind_count] = d;
    labels->kind_severity[labels->kind_count++] = *severity - '0';
    return 0;
}

typedef int (*line_fn)(struct mq_corpus *corpus, const char *path, unsigned line, char **cells, size_t n, void *context);

/* Calls fn for every line that is not empty, without its line end. */
static int each_line(struct mq_corpus *corpus, const char *path, line_fn fn, void *context) {
    char *data = NULL;
    size_t size = 0;
    int r = read_file(corpus, path, &data, &size);
    if (r < 0 || !data)
        return r;
    if (memchr(data, '\0', size))
        return fault(path, 0, "not a text file", "it contains zero bytes");
    unsigned line = 0;
    int result = 0;
    for (char *at = data; at && *at;) {
        char *end = strchr(at, '\n'), *cells[COLUMNS];
        if (end) {
            *end = '\0';
            if (end > at && end[-1] == '\r')
                end[-1] = '\0';
        }
        line++;
        if (*at && (r = fn(corpus, path, line, cells, split(at, cells), context)) < 0) {
            result = r;
            if (r != -EINVAL)
                return r;
        }
        at = end ? end + 1 : NULL;
    }
    return result;
}

struct catalogue_columns {
    int code, severity, restricted;
};

static int catalogue_line(struct mq_corpus *corpus, const char *path, unsigned line, char **cells, size_t n, void *context) {
    struct catalogue_columns *columns = context;
    if (line == 1) {
        for (size_t i = 0; i < n; i++) {
            if (strcmp(cells[i], "code") == 0)
                columns->code = (int)i;
            if (strcmp(cells[i], "severity") == 0)
                columns->severity = (int)i;
            if (strcmp(cells[i], "restricted") == 0)
                columns->restricted = (int)i;
        }
        return columns->code < 0 || columns->severity < 0 ? fault(path, line, "the header lacks", "code or severity") : 0;
    }
    if ((int)n <= columns->code || (int)n <= columns->severity)
        return fault(path, line, "too few columns", cells[0]);
    struct mq_labels *labels = &corpus->labels;
    if (add_kind(labels, cells[columns->code], cells[columns->severity]) < 0)
        return fault(path, line, "not a kind", cells[0]);
    /* a domain is restricted where all its kinds are */
    size_t last = labels->kind_count - 1;
    int domain = labels->kind_domain[last];
    bool restricted = columns->restricted >= 0 && (int)n > columns->restricted && strcmp(cells[columns->restricted], "1") == 0;
    bool first = last == 0 || labels->kind_domain[last - 1] != domain;
    labels->restricted[domain] = restricted && (first || labels->restricted[domain]);
    return 0;
}

int mq_corpus_catalogue(struct mq_corpus *corpus, const char *path) {
    struct catalogue_columns columns = { -1, -1, -1 };
    corpus->labels.has_none = true;
    int r = each_line(corpus, path, catalogue_line, &columns);
    return r < 0 ? r : corpus->labels.kind_count ? 0 : -EINVAL;
}

static int read_also(const struct mq_labels *labels, char *text, uint64_t *also) {
    *also = 0;
    if (strcmp(text, "-") == 0 || !*text)
        return 0;
    for (char *save = NULL, *name = strtok_r(text, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
        int d = label_domain(labels, name);
        if (d < 0)
            return -EINVAL;
        if (d < (int)labels->domain_count)
            *also |= (uint64_t)1 << d;
    }
    return 0;
}

static bool is_null(const char *cell) { return !*cell || strcmp(cell, "-") == 0 || strcmp(cell, "\\N") == 0; }

static int corpus_line(struct mq_corpus *corpus, const char *path, unsigned line, char **cells, size_t n, void *context) {
    (void)context;
    const struct mq_labels *labels = &corpus->labels;
    if (line == 1 && strcmp(cells[0], "domain") == 0)
        return 0;
    if (n != 5)
        return fault(path, line, "not five columns", cells[0]);
    struct mq_example e = { .text = mq_str(cells[4]), .kind = -1, .file = path, .line = line };
    if ((e.domain = label_domain(labels, cells[0])) < 0)
        return fault(path, line, "not a domain", cells[0]);
    if (!is_null(cells[1]) && (e.kind = label_kind(labels, cells[0], cells[1])) < 0)
        return fault(path, line, "not a kind of its domain", cells[1]);
    if (!is_null(cells[2]) && (strlen(cells[2]) != 1 || *cells[2] < '1' || *cells[2] > '4'))
        return fault(path, line, "not a severity", cells[2]);
    e.severity = is_null(cells[2]) ? 0 : *cells[2] - '0';
    if (read_also(labels, cells[3], &e.also) < 0)
        return fault(path, line, "not a domain", cells[3]);
    if (e.domain < (int)labels->domain_count)
        e.also &= ~((uint64_t)1 << e.domain);
    return e.text.n ? mq_corpus_push(corpus, &e) : fault(path, line, "no text", cells[0]);
}

static int is_tsv(const struct dirent *entry) {
    size_t n = strlen(entry->d_name);
    return n > 4 && strcmp(entry->d_name + n - 4, ".tsv") == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b) { return strcmp((*a)->d_name, (*b)->d_name); }

int mq_corpus_add(struct mq_corpus *corpus, const char *path) {
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
        return each_line(corpus, path, corpus_line, NULL);
    struct dirent **entries;
    int n = scandir(path, &entries, is_tsv, by_name), result = 0;
    if (n < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return -errno;
    }
    for (int i = 0; i < n; i++) {
        char *name;
        int r = asprintf(&name, "%s/%s", path, entries[i]->d_name) < 0 ? -ENOMEM : mq_corpus_keep(corpus, name);
        if (r == 0)
            r = each_line(corpus, name, corpus_line, NULL);
        if (result == 0)
            result = r;
        free(entries[i]);
    }
    free(entries);
    return result;
}

int mq_corpus_push_decision(struct mq_corpus *corpus, const char *path, unsigned line, char *const cells[4]) {
    const struct mq_labels *labels = &corpus->labels;
    struct mq_example e = { .text = mq_str(cells[3]), .domain = (int)labels->domain_count, .kind = -1, .decided = true, .file = path,
                            .line = line };
    if (!is_null(cells[0]) && (e.domain = label_domain(labels, cells[0])) < 0)
        return fault(path, line, "not a domain", cells[0]);
    const char *dot = strchr(cells[1], '.');
    if (!is_null(cells[1]) && (e.kind = label_kind(labels, cells[0], dot ? dot + 1 : cells[1])) < 0)
        return fault(path, line, "not a kind of its domain", cells[1]);
    if (!is_null(cells[2]) && (strlen(cells[2]) != 1 || *cells[2] < '1' || *cells[2] > '4'))
        return fault(path, line, "not a severity", cells[2]);
    e.severity = is_null(cells[2]) ? 0 : *cells[2] - '0';
    return e.text.n ? mq_corpus_push(corpus, &e) : 0;
}

static int decision_line(struct mq_corpus *corpus, const char *path, unsigned line, char **cells, size_t n, void *context) {
    (void)context;
    if (line == 1 && strcmp(cells[0], "domain") == 0)
        return 0;
    if (n != 4)
        return fault(path, line, "not four columns (domain, kind, severity, text)", cells[0]);
    return mq_corpus_push_decision(corpus, path, line, cells);
}

int mq_corpus_add_decisions(struct mq_corpus *corpus, const char *path) { return each_line(corpus, path, decision_line, NULL); }

struct tsv_columns {
    unsigned label;
    bool learn;
};

static int tsv_line(struct mq_corpus *corpus, const char *path, unsigned line, char **cells, size_t n, void *context) {
    const struct tsv_columns *columns = context;
    size_t label = columns->label ? columns->label - 1 : n - 1;
    if (n < 2 || label >= n)
        return fault(path, line, "no label", cells[0]);
    int d = label_domain(&corpus->labels, cells[label]);
    if (d < 0 && columns->learn)
        d = add_domain(&corpus->labels, cells[label]);
    if (d < 0)
        return fault(path, line, "label unknown or too many labels", cells[label]);
    struct mq_example e = { .text = mq_str(cells[label == 0]), .domain = d, .kind = -1, .file = path, .line = line };
    return mq_corpus_push(corpus, &e);
}

int mq_corpus_add_tsv(struct mq_corpus *corpus, const char *path, unsigned label_column, bool learn_labels) {
    struct tsv_columns columns = { label_column, learn_labels };
    return each_line(corpus, path, tsv_line, &columns);
}
