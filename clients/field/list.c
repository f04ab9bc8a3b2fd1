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
    bool json, colour;
};

static void text_of(struct mq_str payload, struct mq_buffer *out) {
    struct mq_report report;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    mq_ignore(mq_json_decode(&mq_report_object, payload, &report, &document, &faults));
    mq_text_column(out, report.text, TEXT_CELLS);
}

static void as_json(const struct mq_outbox_entry *entry, const char *id, struct mq_buffer *line) {
    char at[MQ_TIME_TEXT];
    mq_clock_format(entry->kept_at_us, mq_clock_offset_minutes(), at);
    bool refused = entry->refused_at_us > 0;
    mq_buffer_printf(line, "{\"state\":\"%s\",\"id\":\"%s\",\"severity\":%d,\"kept_at\":\"%s\",\"sends\":%u",
                     refused ? "refused" : "waiting", id, entry->severity, at, entry->sends);
    if (refused) {
        mq_buffer_append_text(line, ",\"path\":");
        mq_json_string(line, entry->path);
        mq_buffer_append_text(line, ",\"message\":");
        mq_json_string(line, entry->message);
    }
    mq_buffer_append_text(line, ",\"report\":");
    mq_buffer_append_str(line, entry->payload);
    mq_buffer_append_char(line, '}');
}

static void as_text(const struct mq_outbox_entry *entry, const char *id, bool colour, struct mq_buffer *line) {
    char at[MQ_TIME_TEXT];
    mq_clock_format(entry->kept_at_us, mq_clock_offset_minutes(), at);
    at[10] = ' ';
    mq_buffer_append_text(line, "  ");
    mq_text_colour(line, colour, mq_text_severity_colour(entry->severity));
    mq_buffer_printf(line, "%d %s", entry->severity, mq_text_severity_name(entry->severity));
    mq_text_colour(line, colour, MQ_COLOUR_NONE);
    mq_buffer_printf(line, "  %.14s  %s  ", at + 5, id);
    text_of(entry->payload, line);
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

static int list(struct mq_keeping *keeping, bool json) {
    struct listing listing = { json, mq_text_wants_colour() };
    size_t waiting, refused;
    int r = mq_outbox_counts(keeping->outbox, &waiting, &refused);
    if (r == 0 && !json)
        printf("待发 waiting %zu\n", waiting);
    if (r == 0)
        r = mq_outbox_each(keeping->outbox, false, show, &listing);
    if (r == 0 && !json)
        printf("被拒 refused %zu\n", refused);
    if (r == 0)
        r = mq_outbox_each(keeping->outbox, true, show, &listing);
    return r < 0 ? mq_keeping_explain(keeping, r) : MQ_EXIT_GOOD;
}

int mq_field_list(int argc, char **argv) {
    struct mq_client_login login = { 0 };
    struct mq_keeping keeping = MQ_KEEPING_DEFAULTS;
    bool json = false;
    const struct mq_option options[] = {
        { 'u', "user", MQ_OPTION_TEXT, &login.user, "ACCOUNT", "账号 account (MINQING_DEVICE_USER)", 0, 0 },
        { 0, "outbox", MQ_OPTION_TEXT, &keeping.path, "FILE", "待发箱文件 file of the outbox (MINQING_OUTBOX)", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &json, NULL, "每行一个 JSON one object a line", 0, 0 },
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
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = mq_client_login(&login, MQ_CLIENT_DEVICE);
    if (status == 0)
        status = mq_keeping_open(&keeping, login.user);
    if (status == 0)
        status = list(&keeping, json);
    mq_keeping_close(&keeping);
    mq_client_login_deinit(&login);
    return status;
}
