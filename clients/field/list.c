/* SPDX-License-Identifier: Apache-2.0 */
/* The command list: what waits in the outbox, and what the server refused. */
#include "field.h"

#include "common/clock.h"
#include "common/message.h"
#include "keeping.h"
#include "options.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>

#define TEXT_CELLS 48

struct listing {
    struct mq_keeping *keeping;
    bool json, colour;
};

/* What people want to see of any of the kinds. */
struct glance {
    struct mq_str answer, text, note;
};

static const struct mq_field glance_fields[] = {
    { "answer", MQ_STRING, offsetof(struct glance, answer) },
    { "text", MQ_STRING, offsetof(struct glance, text) },
    { "note", MQ_STRING, offsetof(struct glance, note) },
    { .name = NULL },
};
static const struct mq_object glance_object = { "glance", sizeof(struct glance), glance_fields, 0 };

static void text_of(const struct mq_outbox_entry *entry, struct mq_buffer *out) {
    struct glance glance;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    mq_ignore(mq_json_decode(&glance_object, entry->payload, &glance, &document, &faults));
    if (entry->kind == MQ_RECEIPT_ANSWER)
        mq_buffer_printf(&text, "%.*s %.*s", (int)glance.answer.n, glance.answer.n ? glance.answer.s : "", (int)glance.note.n,
                         glance.note.n ? glance.note.s : "");
    else
        mq_buffer_append_str(&text, glance.text);
    mq_text_column(out, (struct mq_str){ mq_buffer_text(&text), text.len }, TEXT_CELLS);
}

static void as_json(const struct mq_outbox_entry *entry, const char *id, struct mq_buffer *line) {
    char at[MQ_TIME_TEXT];
    mq_clock_format(entry->kept_at_us, mq_clock_offset_minutes(), at);
    bool refused = entry->refused_at_us > 0;
    const char *kind = mq_receipt_kind_words[entry->kind];
    mq_buffer_printf(line, "{\"state\":\"%s\",\"kind\":\"%s\",\"id\":\"%s\",\"severity\":%d,\"kept_at\":\"%s\",\"sends\":%u",
                     refused ? "refused" : "waiting", kind, id, entry->severity, at, entry->sends);
    if (refused) {
        mq_buffer_append_text(line, ",\"path\":");
        mq_json_string(line, entry->path);
        mq_buffer_append_text(line, ",\"message\":");
        mq_json_string(line, entry->message);
    }
    mq_buffer_printf(line, ",\"%s\":", kind);
    mq_buffer_append_str(line, entry->payload);
    mq_buffer_append_char(line, '}');
}

static void as_text(const struct mq_outbox_entry *entry, const char *id, bool colour, struct mq_buffer *line) {
    char at[MQ_TIME_TEXT];
    mq_clock_format(entry->kept_at_us, mq_clock_offset_minutes(), at);
    at[10] = ' ';
    mq_buffer_append_text(line, "  ");
    if (entry->kind == MQ_RECEIPT_REPORT) {
        mq_text_colour(line, colour, mq_text_severity_colour(entry->severity));
        mq_buffer_printf(line, "%d %s", entry->severity, mq_text_severity_name(entry->severity));
        mq_text_colour(line, colour, MQ_COLOUR_NONE);
    } else {
        mq_text_column(line, entry->kind == MQ_RECEIPT_VISIT ? MQ_STR("走访") : MQ_STR("答复"), 6);
    }
    mq_buffer_printf(line, "  %.14s  %s  ", at + 5, id);
    text_of(entry, line);
    if (entry->refused_at_us > 0) {
        mq_buffer_append_text(line, "  ");
        mq_text_clean(line, entry->path);
        mq_buffer_append_text(line, entry->path.n ? ": " : "");
        mq_text_clean(line, entry->message);
    }
}

static int show(void *userdata, const struct mq_outbox_entry *entry) {
    const struct listing *listing = userdata;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&entry->id, id);
    if (listing->json)
        as_json(entry, id, &line);
    else
        as_text(entry, id, listing->colour, &line);
    puts(mq_buffer_text(&line));
    return 0;
}

static int list(void *userdata, char **words, size_t count) {
    struct listing *listing = userdata;
    struct mq_outbox *outbox = listing->keeping->outbox;
    size_t waiting, refused;
    (void)words;
    (void)count;
    listing->colour = mq_text_wants_colour();
    int r = mq_outbox_counts(outbox, &waiting, &refused);
    if (r == 0 && !listing->json)
        printf("待发 waiting %zu\n", waiting);
    if (r == 0)
        r = mq_outbox_each(outbox, false, show, listing);
    if (r == 0 && !listing->json)
        printf("被拒 refused %zu\n", refused);
    if (r == 0)
        r = mq_outbox_each(outbox, true, show, listing);
    return r < 0 ? mq_keeping_explain(listing->keeping, r) : MQ_EXIT_GOOD;
}

int mq_field_list(int argc, char **argv) {
    struct mq_client_login login = { 0 };
    struct mq_keeping keeping = MQ_KEEPING_DEFAULTS;
    struct listing listing = { .keeping = &keeping };
    const struct mq_option options[] = {
        { 'u', "user", MQ_OPTION_TEXT, &login.user, "ACCOUNT", "账号 account (MINQING_DEVICE_USER)", 0, 0 },
        { 0, "outbox", MQ_OPTION_TEXT, &keeping.path, "FILE", "待发箱文件 file of the outbox (MINQING_OUTBOX)", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &listing.json, NULL, "每行一个 JSON one object a line", 0, 0 },
        { .name = NULL },
    };
    const struct mq_command_line line = {
        "minqing-field list",
        "",
        "待发箱里有什么，什么被拒了。\nWhat waits in the outbox, and what the server refused.",
        options,
        NULL,
        0,
        0,
    };
    return mq_keeping_run(&(struct mq_keeping_command){ &line, &keeping, &login, list, &listing }, argc, argv);
}
