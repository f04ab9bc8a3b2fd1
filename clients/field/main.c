/* SPDX-License-Identifier: Apache-2.0 */
/* minqing-field: a field device on the command line, and many of them as a simulation. */
#include "field.h"

#include "common/log.h"
#include "completion.h"
#include "options.h"
#include "version.h"

#include <locale.h>
#include <signal.h>
#include <stdio.h>

static int complete_bash(int argc, char **argv);

static const struct {
    const char *verb;
    int (*handler)(int argc, char **argv);
    const char *help;
} verbs[] = {
    { "send", mq_field_send, "上报一条 report one thing seen" },
    { "visit", mq_field_visit, "登记一次走访 record a visit, and what was settled on the spot" },
    { "tasks", mq_field_tasks, "看任务 show the tasks that wait or arrive" },
    { "answer", mq_field_answer, "答复任务，或现场核查 answer a task, or verify a case on the spot" },
    { "flush", mq_field_flush, "发出待发箱里的 send what waits in the outbox" },
    { "list", mq_field_list, "看待发箱 show what waits and what was refused" },
    { "simulate", mq_field_simulate, "模拟许多网格员 simulate many officers" },
    { "completion", complete_bash, "命令行补全 completion for bash: . <(minqing-field completion)" },
};

static int complete_bash(int argc, char **argv) {
    static const char *const shells[] = { "bash", NULL };
    const struct mq_command_line line = {
        .program = "minqing-field completion",
        .words = "[bash]",
        .help = "打印 bash 补全脚本。\nPrints the script that completes commands, options and their values in bash.",
        .words_max = 1,
        .word_values = shells,
    };
    struct mq_completion_command all[MQ_LENGTH(verbs)];
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    for (size_t i = 0; i < MQ_LENGTH(verbs); i++)
        all[i] = (struct mq_completion_command){ .noun = verbs[i].verb, .run = verbs[i].handler };
    return mq_completion_bash("minqing-field", all, MQ_LENGTH(verbs));
}

static int help(FILE *out, int status) {
    fputs("用法 usage: minqing-field VERB [OPTION]…\n\n", out);
    for (size_t i = 0; i < MQ_LENGTH(verbs); i++)
        fprintf(out, "  %-10s %s\n", verbs[i].verb, verbs[i].help);
    fputs("\n每个命令有 each has --help。账号 account: MINQING_DEVICE_USER, MINQING_DEVICE_PASSWORD\n"
          "退出码 exit status: 0 成功 good, 1 失败 failed, 2 用法 usage, 3 连不上 no broker, 4 不允许 not allowed, 5 超时 time ran "
          "out, "
          "6 数据不合格 invalid data\n",
          out);
    return status;
}

int main(int argc, char **argv) {
    setlocale(LC_ALL, "");
    mq_log_init("minqing-field", MQ_ERROR);
    signal(SIGPIPE, SIG_IGN);
    const char *verb = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < MQ_LENGTH(verbs); i++)
        if (strcmp(verb, verbs[i].verb) == 0)
            return verbs[i].handler(argc - 1, argv + 1);
    if (strcmp(verb, "--help") == 0)
        return help(stdout, MQ_EXIT_GOOD);
    if (strcmp(verb, "--version") == 0) {
        puts("minqing-field " MQ_VERSION);
        return MQ_EXIT_GOOD;
    }
    if (*verb)
        mq_ignore(mq_complain(0, "没有这个命令 unknown command: %s", verb));
    return help(stderr, MQ_EXIT_USAGE);
}
