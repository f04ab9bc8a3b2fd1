/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts on their way into the database. */
#include "account.h"

#include "area.h"

#include "clients/common/options.h"
#include "common/json.h"
#include "common/topic.h"

#include <errno.h>
#include <sodium.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define FAULTS_SHOWN 20

/* Columns of a file, and members of an element. */
static const struct {
    const char *name;
    size_t offset;
} columns[] = {
    { "account", offsetof(struct mq_account_input, account) }, { "role", offsetof(struct mq_account_input, role) },
    { "name", offsetof(struct mq_account_input, name) },       { "area", offsetof(struct mq_account_input, area) },
    { "department", offsetof(struct mq_account_input, department) }, { "unit", offsetof(struct mq_account_input, unit) },
    { "phone", offsetof(struct mq_account_input, phone) },
};

static const char **member(struct mq_account_input *input, size_t column) {
    return (const char **)(void *)((char *)input + columns[column].offset);
}

void mq_account_batch_deinit(struct mq_account_batch *batch) {
    if (batch->entries)
        sodium_memzero(batch->entries, batch->count * sizeof(*batch->entries));
    free(batch->entries);
    mq_buffer_deinit(&batch->json);
    *batch = (struct mq_account_batch){ 0 };
}

const char *mq_account_fault(const struct mq_account_input *input) {
    bool service = input->role && strcmp(input->role, "service") == 0, desk = input->role && strcmp(input->role, "desk") == 0;
    if (!input->account || !mq_topic_account_valid(mq_str(input->account)))
        return "account must be 3 to 32 of a-z, 0-9 and -";
    if (!service && !desk && (!input->role || (strcmp(input->role, "device") != 0 && strcmp(input->role, "operator") != 0)))
        return "role must be device, desk, operator or service";
    if (!service && (!input->name || !input->area))
        return "a device, desk or operator needs a name (whose it is) and an area";
    if (input->area && !mq_area_valid(mq_str(input->area)))
        return "area must be a code of 4, 6, 9, 12 or 15 digits";
    if (desk && !input->department)
        return "a desk needs a department";
    if (!desk && input->department)
        return "only a desk has a department";
    return NULL;
}

/* Room for one more; what is left behind is wiped. */
static int grow(struct mq_account_batch *batch) {
    if (batch->count < batch->capacity)
        return 0;
    size_t capacity = batch->capacity ? 2 * batch->capacity : 16;
    struct mq_account_entry *entries = calloc(capacity, sizeof(*entries));
    if (!entries)
        return -ENOMEM;
    if (batch->entries) {
        memcpy(entries, batch->entries, batch->count * sizeof(*entries));
        sodium_memzero(batch->entries, batch->count * sizeof(*entries));
        free(batch->entries);
    }
    batch->entries = entries;
    batch->capacity = capacity;
    return 0;
}

static void append_member(struct mq_buffer *out, const char *name, const char *value) {
    if (!value)
        return;
    mq_buffer_printf(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", name);
    mq_json_string(out, mq_str(value));
}

int mq_account_add_entry(struct mq_account_batch *batch, const struct mq_account_input *input, const char *secret, size_t line) {
    char hash[MQ_HASH_TEXT];
    int r = grow(batch);
    if (r < 0)
        return r;
    struct mq_account_entry *entry = &batch->entries[batch->count++];
    entry->line = line;
    snprintf(entry->account, sizeof(entry->account), "%s", input->account);
    if (secret)
        snprintf(entry->secret, sizeof(entry->secret), "%s", secret);
    else
        mq_secret_new(entry->secret);
    r = mq_secret_hash(mq_str(entry->secret), NULL, hash);
    if (r < 0)
        return r;
    mq_buffer_append_text(&batch->json, batch->json.len ? ",{" : "[{");
    if (batch->json.failed)
        return -ENOMEM;
    struct mq_account_input copy = *input;
    for (size_t i = 0; i < MQ_LENGTH(columns); i++)
        append_member(&batch->json, columns[i].name, *member(&copy, i));
    append_member(&batch->json, "hash", hash);
    mq_buffer_append_char(&batch->json, '}');
    return batch->json.failed ? -ENOMEM : 0;
}

/* ---- a file ---- */

struct reader {
    const char *path;
    size_t line, faults;
    size_t order[MQ_LENGTH(columns)]; /* which column stands where */
    size_t count;
};

static void fault(struct reader *reader, const char *text) {
    if (reader->faults++ < FAULTS_SHOWN)
        mq_complain(0, "%s:%zu: %s", reader->path, reader->line, text);
}

/* Cuts the next cell off the front; '-' and nothing are NULL. */
static const char *next_cell(char **rest) {
    char *cell = strsep(rest, "\t");
    return cell && *cell && strcmp(cell, "-") != 0 ? cell : NULL;
}

static void read_head(struct reader *reader, char *text) {
    while (text) {
        const char *name = next_cell(&text);
        size_t i = 0;
        while (i < MQ_LENGTH(columns) && (!name || strcmp(columns[i].name, name) != 0))
            i++;
        if (i == MQ_LENGTH(columns) || reader->count == MQ_LENGTH(columns)) {
            fault(reader, "the head line may name account, role, name, area, department, unit, phone, separated by tabs");
            return;
        }
        reader->order[reader->count++] = i;
    }
}

static int read_row(struct reader *reader, char *text, struct mq_account_batch *batch) {
    struct mq_account_input input = { 0 };
    size_t cells = 0;
    for (; text && cells < reader->count; cells++)
        *member(&input, reader->order[cells]) = next_cell(&text);
    const char *wrong =
        text || cells < reader->count ? "has another number of columns than the head line" : mq_account_fault(&input);
    if (wrong) {
        fault(reader, wrong);
        return 0;
    }
    return mq_account_add_entry(batch, &input, NULL, reader->line);
}

static int compare(const void *a, const void *b) {
    const struct mq_account_entry *left = a, *right = b;
    return strcmp(left->account, right->account);
}

static void find_duplicates(struct reader *reader, struct mq_account_batch *batch) {
    if (batch->count > 0)
        qsort(batch->entries, batch->count, sizeof(*batch->entries), compare);
    for (size_t i = 1; i < batch->count; i++)
        if (strcmp(batch->entries[i - 1].account, batch->entries[i].account) == 0) {
            reader->line = batch->entries[i].line;
            fault(reader, "account stands twice in this file");
        }
}

int mq_account_read_file(const char *path, struct mq_account_batch *batch) {
    struct reader reader = { .path = path };
    FILE *file = fopen(path, "re");
    if (!file)
        return mq_complain(MQ_EXIT_FAILED, "不能读取 cannot read %s: %s", path, strerror(errno));
    char *text = NULL;
    size_t room = 0;
    int r = 0;
    while (r == 0 && getline(&text, &room, file) >= 0) {
        reader.line++;
        text[strcspn(text, "\r\n")] = '\0';
        if (reader.line == 1)
            read_head(&reader, text);
        else if (*text)
            r = read_row(&reader, text, batch);
        if (reader.line == 1 && reader.faults > 0)
            break;
    }
    free(text);
    fclose(file);
    if (r < 0)
        return mq_complain(MQ_EXIT_FAILED, "%s:%zu: %s", path, reader.line, strerror(-r));
    find_duplicates(&reader, batch);
    if (reader.faults > 0)
        return mq_complain(MQ_EXIT_DATA, "%s: %zu 处有误，没有导入 / %zu faults, nothing was imported", path, reader.faults,
                           reader.faults);
    if (batch->count == 0)
        return mq_complain(MQ_EXIT_DATA, "%s: 没有账号 / has no accounts", path);
    return 0;
}
