/* SPDX-License-Identifier: Apache-2.0 */
/* minqing, the command line of desks and operators: finds the command. */
#include "minqing.h"
#include "verbs.h"

#include "clients/common/completion.h"
#include "clients/common/options.h"
#include "clients/common/text.h"
#include "common/log.h"
#include "version.h"

#include <stdio.h>

struct command {
    const char *noun, *verb; /* verb NULL: the noun is the command */
    mq_command_fn *run;
    const char *help;
};

#define COMMANDS 64

static mq_command_fn complete_bash;

/* Those before the table of verbs, and those after it. */
static const struct command first[] = {
    { "watch", NULL, mq_watch, "实时事件流 live stream of what happens" },
    { "desk", "watch", mq_desk_watch, "某部门的事件 cases of a department as they change" },
    { "review", "list", mq_review_list, "待复核的上报 reports that wait for a decision" },
    { "review", "decide", mq_review_decide, "判定或不予立案 decides or refuses one" },
    { "case", "list", mq_case_list, "事件一览 cases, by state, place, deadline, words" },
    { "case", "show", mq_case_show, "一个事件的全部 everything of one case" },
    { "case", "verify", mq_case_verify, "现场核查 an officer verifies on the spot" },
};
static const struct command rest[] = {
    { "subject", "show", mq_subject_show, "当事人信息（留痕） whom a case is about; the reason is recorded" },
    { "audit", NULL, mq_audit, "查阅记录 who looked at personal data, and why" },
    { "stats", NULL, mq_stats, "考核指标 figures of a period" },
    { "officers", NULL, mq_officers, "网格员 officers, and what they are called to" },
    { "report", "show", mq_report_show, "一条上报的全过程 everything known of a report or case" },
    { "classify", NULL, mq_classify, "分类器的判断及依据 what the model says of a text, and why" },
    { "status", NULL, mq_status, "系统状态 what is behind, why, and what to do" },
    { "doctor", NULL, mq_doctor, "检查各部分 checks each part and says what to do" },
    { "account", "add", mq_account_add, "新建账号 makes an account" },
    { "account", "import", mq_account_import, "批量导入 makes or changes many from a file" },
    { "account", "list", mq_account_list, "账号一览 lists them" },
    { "account", "lock", mq_account_lock, "停用 turns one off" },
    { "account", "unlock", mq_account_unlock, "恢复 turns it on again" },
    { "account", "reset", mq_account_reset, "重置密码 gives one a new secret" },
    { "account", "sync", mq_account_sync, "写入消息服务器的账号文件 writes the broker's files" },
    { "account", "seal-key", mq_account_seal_key, "生成个人信息密钥 makes a key file that seals personal data" },
    { "webhook", "add", mq_webhook_add, "新建事件推送 another system gets cases by HTTP" },
    { "webhook", "list", mq_webhook_list, "推送一览 lists them" },
    { "webhook", "remove", mq_webhook_remove, "删除 removes one and its deliveries" },
    { "webhook", "enable", mq_webhook_enable, "启用 turns one on" },
    { "webhook", "disable", mq_webhook_disable, "停用 turns one off" },
    { "webhook", "test", mq_webhook_test, "试推一次 sends one test and shows what came back" },
    { "webhook", "deliveries", mq_webhook_deliveries, "推送记录 what was sent, and what became of it" },
    { "webhook", "erase", mq_webhook_erase, "清除旧记录 erases old deliveries" },
    { "migrate", NULL, mq_migrate, "建立或升级数据库 brings the database to this version" },
    { "completion", "bash", complete_bash, "命令行补全 completion for bash: . <(minqing completion bash)" },
};

/* All of them, by list_commands. */
static struct command commands[COMMANDS];
static size_t command_count;

static void add_commands(const struct command *rows, size_t count) {
    for (size_t i = 0; i < count && command_count < COMMANDS; i++)
        commands[command_count++] = rows[i];
}

static void list_commands(void) {
    add_commands(first, MQ_LENGTH(first));
    for (size_t i = 0; i < mq_verb_count; i++)
        add_commands(&(struct command){ mq_verbs[i].noun, mq_verbs[i].verb, mq_act, mq_verbs[i].help }, 1);
    add_commands(rest, MQ_LENGTH(rest));
}

static int complete_bash(int argc, char **argv) {
    const struct mq_command_line line = {
        .program = argv[0],
        .words = "",
        .help = "打印 bash 补全脚本。\nPrints the script that completes commands, options and their values in bash.",
    };
    struct mq_completion_command all[COMMANDS];
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    for (size_t i = 0; i < command_count; i++)
        all[i] = (struct mq_completion_command){ commands[i].noun, commands[i].verb, commands[i].run };
    return mq_completion_bash("minqing", all, command_count);
}

static void print_row(const struct command *c) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    char name[48];
    snprintf(name, sizeof(name), "%s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
    mq_buffer_append_text(&line, "  minqing ");
    mq_text_column(&line, mq_str(name), 18);
    printf("%s %s\n", mq_buffer_text(&line), c->help);
}

/* All commands, or those of one noun. */
static int print_commands(const char *noun) {
    puts("民情指挥命令行 / command line of minqing\n\n命令 commands (minqing … --help):");
    for (size_t i = 0; i < command_count; i++)
        if (!noun || strcmp(commands[i].noun, noun) == 0)
            print_row(&commands[i]);
    if (!noun)
        puts("\n环境 environment: MINQING_MQTT_HOST _PORT _CA_FILE, MINQING_OPERATOR_USER _PASSWORD (watch, review, status, what the\n"
             "  command centre does), MINQING_DESK_USER _PASSWORD (desk, what departments do),\n"
             "  MINQING_DEVICE_USER _PASSWORD (case verify), MINQING_DATABASE (report, status, doctor, account list),\n"
             "  MINQING_DATABASE_ADMIN (account, migrate, doctor), MINQING_CONFIG, NO_COLOR\n"
             "退出状态 exit status: 0 成功 good, 1 失败或没有 failed or not found, 2 用法 usage, 3 连接不上 unreachable,\n"
             "  4 无权 not allowed, 5 超时 time ran out, 6 数据有误 invalid data");
    return MQ_EXIT_GOOD;
}

/* Adds a word to the list once. */
static void add_word(struct mq_buffer *list, const char *word) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer padded = { 0 };
    mq_buffer_printf(&padded, " %s ", word);
    if (!strstr(mq_buffer_text(list), mq_buffer_text(&padded)))
        mq_buffer_printf(list, "%s ", word);
}

static int unknown(const char *noun, const char *given, bool noun_known) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer allowed = { 0 };
    mq_buffer_append_char(&allowed, ' ');
    for (size_t i = 0; i < command_count; i++) {
        if (!noun_known)
            add_word(&allowed, commands[i].noun);
        else if (strcmp(commands[i].noun, noun) == 0 && commands[i].verb)
            add_word(&allowed, commands[i].verb);
    }
    if (!given)
        return mq_complain(MQ_EXIT_USAGE, "%s%s缺少命令 a command is missing; 可用 allowed:%s(--help)", noun_known ? noun : "",
                           noun_known ? ": " : "", mq_buffer_text(&allowed));
    return mq_complain(MQ_EXIT_USAGE, "%s%s没有这个命令 unknown command '%s'; 可用 allowed:%s(--help)", noun_known ? noun : "",
                       noun_known ? ": " : "", given, mq_buffer_text(&allowed));
}

static bool wants_help(const char *word) {
    return strcmp(word, "--help") == 0 || strcmp(word, "help") == 0;
}

static int run(const struct command *c, int argc, char **argv) {
    char name[64];
    snprintf(name, sizeof(name), "minqing %s%s%s", c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
    argv[0] = name;
    int status = c->run(argc, argv);
    /* a full disk must not look like success; a reader that has seen enough (head) is none of our faults */
    if (fflush(stdout) != 0 && status == MQ_EXIT_GOOD)
        status = MQ_EXIT_FAILED;
    return status;
}

int main(int argc, char **argv) {
    mq_log_init("minqing", MQ_ERROR);
    list_commands();
    if (argc < 2)
        return unknown("", NULL, false);
    if (wants_help(argv[1]))
        return print_commands(NULL);
    if (strcmp(argv[1], "--version") == 0)
        return puts(MQ_VERSION) < 0 ? MQ_EXIT_FAILED : MQ_EXIT_GOOD;
    bool noun_known = false;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &commands[i];
        if (strcmp(c->noun, argv[1]) != 0)
            continue;
        noun_known = true;
        if (!c->verb)
            return run(c, argc - 1, argv + 1);
        if (argc > 2 && strcmp(c->verb, argv[2]) == 0)
            return run(c, argc - 2, argv + 2);
    }
    if (noun_known && argc > 2 && wants_help(argv[2]))
        return print_commands(argv[1]);
    return unknown(argv[1], noun_known ? argc > 2 ? argv[2] : NULL : argv[1], noun_known);
}
