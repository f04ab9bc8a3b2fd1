/* SPDX-License-Identifier: Apache-2.0 */
/* The command tasks: what a device is asked to do, as it arrives. */
#include "field.h"

#include "common/clock.h"
#include "common/message.h"
#include "live.h"
#include "text.h"

#include <stdio.h>

struct tasks {
    struct mq_client_login *login;
    const bool *json;
    bool colour;
};

static const struct {
    const char *word, *shown;
} words[] = {
    /* kinds */
    { "mobilise", "动员" },
    { "verify", "核查" },
    { "visit", "走访" },
    { "leader", "未答名单" },
    /* states */
    { "called", "待答" },
    { "acknowledged", "已答" },
    { "arrived", "已到" },
    { "done", "完成" },
    { "stood_down", "解除" },
};

static struct mq_str shown(struct mq_str word) {
    for (size_t i = 0; i < MQ_LENGTH(words); i++)
        if (mq_str_equal(word, mq_str(words[i].word)))
            return mq_str(words[i].shown);
    return word;
}

static int subscribe(void *userdata, struct mq_client *client, int qos) {
    const struct tasks *tasks = userdata;
    struct mq_str account = mq_str(tasks->login->user);
    return mq_client_subscribe(client, MQ_TOPIC_FIELD_TASK, &account, 1, qos);
}

static void append_time(struct mq_str at, struct mq_buffer *out) {
    int64_t us;
    char text[MQ_TIME_TEXT];
    if (!mq_clock_parse(at, &us))
        return;
    mq_clock_format(us, mq_clock_offset_minutes(), text);
    mq_buffer_printf(out, "  限 by %.5s %.5s", text + strlen("2026-"), text + strlen("2026-11-23T"));
}

static void append_task(const struct tasks *tasks, const struct mq_task *task, struct mq_buffer *out) {
    char id[MQ_UUID_TEXT];
    mq_uuid_format(&task->task, id);
    bool waits = mq_str_equal(task->state, MQ_STR("called"));
    mq_text_colour(out, tasks->colour && waits, MQ_COLOUR_BOLD);
    mq_text_column(out, shown(task->kind), 8);
    mq_buffer_append_char(out, ' ');
    mq_text_column(out, shown(task->state), 4);
    mq_text_colour(out, tasks->colour && waits, MQ_COLOUR_NONE);
    mq_buffer_append_text(out, task->exercise ? " 〔演练 exercise〕 " : " ");
    mq_text_clean(out, task->number);
    append_time(task->due_at, out);
    mq_buffer_append_text(out, "  ");
    mq_text_clean(out, task->text);
    if (task->has_location)
        mq_buffer_printf(out, "  %.5f,%.5f", task->location.lat, task->location.lon);
    mq_buffer_printf(out, "  %s", id);
}

static enum mq_shown show(void *userdata, const struct mq_arrival *arrival, struct mq_buffer *out) {
    const struct tasks *tasks = userdata;
    struct mq_task task;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults;
    faults.count = 0;
    if (!mq_json_decode(&mq_task_object, arrival->payload, &task, &document, &faults))
        return MQ_NOT_UNDERSTOOD;
    if (*tasks->json)
        mq_live_json(out, arrival->payload);
    else
        append_task(tasks, &task, out);
    return MQ_SHOWN;
}

int mq_field_tasks(int argc, char **argv) {
    MQ_CLEANUP(mq_client_login_deinit) struct mq_client_login login = { 0 };
    struct tasks tasks = { .login = &login, .colour = mq_text_wants_colour() };
    /* a session of its own: what waits in it is not swallowed by a command that sends */
    struct mq_live live = {
        .login = &login,
        .who = MQ_CLIENT_DEVICE,
        .session = "tasks",
        .options = { .qos = 1 },
        .userdata = &tasks,
        .subscribe = subscribe,
        .show = show,
    };
    tasks.json = &live.options.json;
    const struct mq_option options[] = { MQ_LIVE_OPTIONS(&live.options), { .name = NULL } };
    const struct mq_option shared[] = { MQ_CLIENT_OPTIONS(&login), { .name = NULL } };
    const struct mq_command_line line = {
        "minqing-field tasks",
        "",
        "看任务：先是离开时到的，再是新来的；每行末尾是任务编号，用它答复。一个账号同时只开一个。\n"
        "Tasks: those that came while nobody looked, then each as it arrives; the id at the end is what 'answer' wants.\n"
        "One at a time for an account.",
        options,
        shared,
        0,
        0,
    };
    size_t count;
    int status = mq_options_parse(&line, argc, argv, &count);
    return status >= 0 ? status : mq_live_run(&live);
}
