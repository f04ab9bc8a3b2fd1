/* SPDX-License-Identifier: Apache-2.0 */
/* Completion. */
#include "completion.h"

#include "options.h"

#include "common/buffer.h"

#include <stdio.h>

/* What every script has after its tables. Noun and verb are the first two words. bash breaks "--domain=fire" at the "=", which is put
 * together again here. */
static const char body[] =
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} noun= verb= command= i\n"
    "    COMPREPLY=()\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=\n"
    "    elif [[ $prev == = && $COMP_CWORD -gt 1 ]]; then\n"
    "        prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    fi\n"
    "    (( COMP_CWORD > 1 )) && noun=${COMP_WORDS[1]}\n"
    "    (( COMP_CWORD > 2 )) && verb=${COMP_WORDS[2]}\n"
    "    if (( COMP_CWORD == 1 )); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$nouns --help --version\" -- \"$cur\")\n"
    "        return\n"
    "    fi\n"
    "    if [[ -n ${options[$noun]+x} ]]; then\n"
    "        command=$noun\n"
    "    elif (( COMP_CWORD == 2 )); then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${verbs[$noun]-} --help\" -- \"$cur\")\n"
    "        return\n"
    "    else\n"
    "        command=\"$noun $verb\"\n"
    "    fi\n"
    "    if [[ -n ${values[\"$command $prev\"]+x} ]]; then\n"
    "        i=${values[\"$command $prev\"]}\n"
    "        if [[ $i == FILE ]]; then\n"
    "            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "        else\n"
    "            mapfile -t COMPREPLY < <(compgen -W \"$i\" -- \"$cur\")\n"
    "        fi\n"
    "    elif [[ $cur == -* ]]; then\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${options[$command]-} --help\" -- \"$cur\")\n"
    "    else\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"${words[$command]-}\" -- \"$cur\")\n"
    "    fi\n"
    "}\n";

/* The tables as they grow, and the command that is being described. */
struct script {
    const char *command;
    struct mq_buffer nouns, verbs, options, values, words;
};

static void append_list(struct mq_buffer *out, const char *const *list) {
    for (size_t i = 0; list[i]; i++)
        mq_buffer_printf(out, "%s%s", i ? " " : "", list[i]);
}

/* Values under the long name, and under the letter. A value that nobody can know is empty, so that no option is offered for it. */
static void append_values(struct script *script, const struct mq_option *o) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer list = { 0 };
    if (o->type == MQ_OPTION_FLAG)
        return;
    if (o->words)
        append_list(&list, o->words);
    else if (o->type == MQ_OPTION_INTEGER && o->max - o->min < 10)
        for (int64_t n = o->min; o->min < o->max && n <= o->max; n++)
            mq_buffer_printf(&list, "%s%lld", n > o->min ? " " : "", (long long)n);
    else if (o->argument && strcmp(o->argument, "FILE") == 0)
        mq_buffer_append_text(&list, "FILE");
    mq_buffer_printf(&script->values, "        [\"%s --%s\"]=\"%s\"\n", script->command, o->name, mq_buffer_text(&list));
    if (o->letter)
        mq_buffer_printf(&script->values, "        [\"%s -%c\"]=\"%s\"\n", script->command, o->letter, mq_buffer_text(&list));
}

static void append_rows(struct script *script, const struct mq_option *rows) {
    for (; rows && rows->name; rows++) {
        bool first = script->options.len > 0 && script->options.data[script->options.len - 1] == '"';
        mq_buffer_printf(&script->options, "%s--%s", first ? "" : " ", rows->name);
        append_values(script, rows);
    }
}

static void visit(void *userdata, const struct mq_command_line *line) {
    struct script *script = userdata;
    mq_buffer_printf(&script->options, "        [\"%s\"]=\"", script->command);
    append_rows(script, line->options);
    append_rows(script, line->shared);
    mq_buffer_append_text(&script->options, "\"\n");
    if (line->word_values) {
        mq_buffer_printf(&script->words, "        [\"%s\"]=\"", script->command);
        append_list(&script->words, line->word_values);
        mq_buffer_append_text(&script->words, "\"\n");
    }
}

/* One line of nouns, one of the verbs of each. */
static void append_nouns(struct script *script, const struct mq_completion_command *commands, size_t count) {
    for (size_t i = 0; i < count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(commands[j].noun, commands[i].noun) != 0;
        if (!first)
            continue;
        mq_buffer_printf(&script->nouns, "%s%s", script->nouns.len ? " " : "", commands[i].noun);
        if (!commands[i].verb)
            continue;
        mq_buffer_printf(&script->verbs, "        [\"%s\"]=\"", commands[i].noun);
        for (size_t j = i; j < count; j++)
            if (strcmp(commands[j].noun, commands[i].noun) == 0 && commands[j].verb)
                mq_buffer_printf(&script->verbs, "%s%s", j > i ? " " : "", commands[j].verb);
        mq_buffer_append_text(&script->verbs, "\"\n");
    }
}

int mq_completion_bash(const char *program, const struct mq_completion_command *commands, size_t count) {
    struct script script = { 0 };
    char function[64], name[64], full[96];
    snprintf(function, sizeof(function), "_%s", program);
    for (char *c = function; *c; c++)
        *c = *c == '-' ? '_' : *c;
    append_nouns(&script, commands, count);
    mq_options_describe(visit, &script);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "%s%s%s", commands[i].noun, commands[i].verb ? " " : "", commands[i].verb ? commands[i].verb : "");
        snprintf(full, sizeof(full), "%s %s", program, name);
        script.command = name;
        char *argv[] = { full, NULL };
        mq_ignore(commands[i].run(1, argv));
    }
    mq_options_describe(NULL, NULL);
    bool failed = script.nouns.failed || script.verbs.failed || script.options.failed || script.values.failed || script.words.failed;
    if (!failed)
        printf("# bash completion for %s, made by '%s completion bash'\n"
               "%s() {\n    local nouns=\"%s\"\n    local -A verbs=(\n%s    )\n    local -A options=(\n%s    )\n"
               "    local -A values=(\n%s    )\n    local -A words=(\n%s    )\n%scomplete -F %s %s\n",
               program, program, function, mq_buffer_text(&script.nouns), mq_buffer_text(&script.verbs), mq_buffer_text(&script.options),
               mq_buffer_text(&script.values), mq_buffer_text(&script.words), body, function, program);
    mq_buffer_deinit(&script.nouns);
    mq_buffer_deinit(&script.verbs);
    mq_buffer_deinit(&script.options);
    mq_buffer_deinit(&script.values);
    mq_buffer_deinit(&script.words);
    return failed ? MQ_EXIT_FAILED : MQ_EXIT_GOOD;
}
