/* SPDX-License-Identifier: Apache-2.0 */
/* Command lines from tables, over getopt_long. */
#include "options.h"

#include "text.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define OPTIONS 32      /* of one command */
#define LONG_ONLY 0x100 /* getopt's value of the first option without a letter */

struct parser {
    const struct mq_command_line *line;
    const struct mq_option *options[OPTIONS];
    size_t count;
    struct option longs[OPTIONS + 2];
    char letters[2 * OPTIONS + 4];
};

static void complain(const char *program, const char *format, va_list arguments) MQ_PRINTF(2, 0);
static void complain(const char *program, const char *format, va_list arguments) {
    char text[2048];
    vsnprintf(text, sizeof(text), format, arguments);
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    mq_buffer_printf(&line, "%s: ", program);
    mq_text_clean(&line, mq_str(text));
    mq_buffer_append_char(&line, '\n');
    fflush(stdout);
    fputs(mq_buffer_text(&line), stderr);
}

int mq_complain(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(program_invocation_short_name, format, arguments);
    va_end(arguments);
    return status;
}

static int misuse(const struct mq_command_line *line, const char *format, ...) MQ_PRINTF(2, 3);
static int misuse(const struct mq_command_line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    complain(line->program, format, arguments);
    va_end(arguments);
    return MQ_EXIT_USAGE;
}

static void add_rows(struct parser *parser, const struct mq_option *rows) {
    for (; rows && rows->name && parser->count < OPTIONS; rows++) {
        size_t i = parser->count++;
        bool value = rows->type != MQ_OPTION_FLAG;
        parser->options[i] = rows;
        parser->longs[i] = (struct option){ rows->name, value ? required_argument : no_argument, NULL, LONG_ONLY + (int)i };
        if (rows->letter) {
            char text[] = { rows->letter, value ? ':' : '\0', '\0' };
            strcat(parser->letters, text);
        }
    }
}

static void help_rows(struct mq_buffer *out, const struct mq_option *rows) {
    for (; rows && rows->name; rows++) {
        char left[80];
        const char *space = rows->argument ? " " : "", *argument = rows->argument ? rows->argument : "";
        if (rows->letter)
            snprintf(left, sizeof(left), "-%c, --%s%s%s", rows->letter, rows->name, space, argument);
        else
            snprintf(left, sizeof(left), "    --%s%s%s", rows->name, space, argument);
        mq_buffer_append_text(out, "  ");
        mq_text_column(out, mq_str(left), 26);
        mq_buffer_printf(out, " %s\n", rows->help);
    }
}

static void print_help(const struct mq_command_line *line) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    bool options = line->options && line->options->name;
    mq_buffer_printf(&out, "用法 usage: %s%s%s [OPTION]…\n%s\n", line->program, *line->words ? " " : "", line->words, line->help);
    if (options) {
        mq_buffer_append_text(&out, "\n选项 options:\n");
        help_rows(&out, line->options);
    }
    if (line->shared && line->shared->name) {
        mq_buffer_append_text(&out, "\n连接 connection:\n");
        help_rows(&out, line->shared);
    }
    fputs(mq_buffer_text(&out), stdout);
}

static int unknown_option(const struct parser *parser, const char *given) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer allowed = { 0 };
    for (size_t i = 0; i < parser->count; i++)
        mq_buffer_printf(&allowed, "--%s, ", parser->longs[i].name);
    return misuse(parser->line, "没有这个选项 unknown option %s; 可用 allowed: %s--help", given, mq_buffer_text(&allowed));
}

static bool parse_integer(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return errno == 0 && end != text && *end == '\0';
}

static bool parse_seconds(const char *text, int64_t *ms) {
    char *end;
    errno = 0;
    double seconds = strtod(text, &end);
    if (errno != 0 || end == text || *end != '\0' || !isfinite(seconds) || fabs(seconds) > 1e9)
        return false;
    *ms = (int64_t)llround(seconds * 1000);
    return true;
}

static bool known_word(const struct mq_option *option, const char *text) {
    size_t i = 0;
    while (option->words[i] && strcmp(option->words[i], text) != 0)
        i++;
    return option->words[i];
}

static int unknown_word(const struct parser *parser, const struct mq_option *option, const char *text) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer allowed = { 0 };
    for (size_t i = 0; option->words[i]; i++)
        mq_buffer_printf(&allowed, " %s", option->words[i]);
    return misuse(parser->line, "--%s 没有这个值 unknown value '%s'; 可用 allowed:%s", option->name, text, mq_buffer_text(&allowed));
}

static int take(const struct parser *parser, const struct mq_option *option, const char *text) {
    int64_t value = 0;
    bool seconds = option->type == MQ_OPTION_SECONDS;
    if (option->type == MQ_OPTION_FLAG) {
        *(bool *)option->target = true;
        return -1;
    }
    if (option->type == MQ_OPTION_WORD && !known_word(option, text))
        return unknown_word(parser, option, text);
    if (option->type == MQ_OPTION_TEXT || option->type == MQ_OPTION_WORD) {
        *(const char **)option->target = text;
        return -1;
    }
    if (option->type == MQ_OPTION_LIST) {
        struct mq_option_list *list = option->target;
        if (list->count == MQ_OPTION_ITEMS)
            return misuse(parser->line, "--%s: 最多 %d 个 at most so many", option->name, MQ_OPTION_ITEMS);
        list->items[list->count++] = text;
        return -1;
    }
    bool good = seconds ? parse_seconds(text, &value) : parse_integer(text, &value);
    bool bounded = option->min != 0 || option->max != 0;
    if (!good || (bounded && (value < option->min || value > option->max))) {
        double unit = seconds ? 1000 : 1;
        return misuse(parser->line, "--%s %s: 应为 must be a number%s, %.15g–%.15g", option->name, text,
                      seconds ? " of seconds" : "", (double)option->min / unit, (double)option->max / unit);
    }
    *(int64_t *)option->target = value;
    return -1;
}

static int take_all(struct parser *parser, int argc, char **argv) {
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, parser->letters, parser->longs, NULL)) != -1;) {
        const struct mq_option *option = NULL;
        if (o == 'H') {
            print_help(parser->line);
            return MQ_EXIT_GOOD;
        }
        for (size_t i = 0; i < parser->count; i++)
            if (o == LONG_ONLY + (int)i || (o != '?' && o != ':' && o == parser->options[i]->letter))
                option = parser->options[i];
        if (o == ':')
            return misuse(parser->line, "选项缺少取值 %s needs a value; --help", argv[optind - 1]);
        if (!option) {
            char letter[] = { '-', (char)optopt, '\0' };
            return unknown_option(parser, optopt > 0 && optopt < LONG_ONLY ? letter : argv[optind - 1]);
        }
        int r = take(parser, option, optarg);
        if (r >= 0)
            return r;
    }
    return -1;
}

/* Who wants to see the tables instead. */
static struct {
    void (*visit)(void *userdata, const struct mq_command_line *line);
    void *userdata;
} describe;

void mq_options_describe(void (*visit)(void *userdata, const struct mq_command_line *line), void *userdata) {
    describe.visit = visit;
    describe.userdata = userdata;
}

int mq_options_parse(const struct mq_command_line *line, int argc, char **argv, size_t *words) {
    if (describe.visit) {
        describe.visit(describe.userdata, line);
        return MQ_EXIT_GOOD;
    }
    struct parser parser = { .line = line, .letters = ":" };
    add_rows(&parser, line->options);
    add_rows(&parser, line->shared);
    parser.longs[parser.count] = (struct option){ "help", no_argument, NULL, 'H' };
    int r = take_all(&parser, argc, argv);
    if (r >= 0)
        return r;
    size_t count = (size_t)(argc - optind);
    memmove(argv + 1, argv + optind, count * sizeof(*argv));
    *words = count;
    if (count < line->words_min)
        return misuse(line, "缺少 missing: %s; --help", line->words);
    if (count > line->words_max)
        return misuse(line, "多余的参数 unexpected '%s'; 用法 usage: %s %s", argv[1 + line->words_max], line->program, line->words);
    return -1;
}
