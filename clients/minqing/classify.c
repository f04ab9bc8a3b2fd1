/* SPDX-License-Identifier: Apache-2.0 */
/* minqing classify: what the model would say of a text, and why. */
#include "minqing.h"

#include "clients/common/options.h"
#include "clients/common/text.h"
#include "common/json.h"
#include "services/classifier/model.h"
#include "version.h"

#include <stdio.h>
#include <stdlib.h>

static void phrases_json(const struct mq_prediction *p, struct mq_buffer *out) {
    mq_buffer_append_text(out, ",\"because\":[");
    for (size_t i = 0; i < p->because_count; i++) {
        mq_buffer_append_text(out, i ? ",{\"text\":" : "{\"text\":");
        mq_json_string(out, mq_str(p->because[i].text));
        mq_buffer_printf(out, ",\"weight\":%.3f}", p->because[i].weight);
    }
    mq_buffer_append_char(out, ']');
}

static void code(struct mq_buffer *out, const char *member, const char *value) {
    mq_buffer_printf(out, value ? ",\"%s\":\"%s\"" : ",\"%s\":null", member, value);
}

static void print_json(struct mq_str text, const struct mq_prediction *p) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    mq_buffer_append_text(&out, "{\"text\":");
    mq_json_string(&out, text);
    code(&out, "domain", p->domain);
    code(&out, "kind", p->kind);
    mq_buffer_printf(&out, ",\"probability\":%.4f,\"also\":[", p->probability);
    for (size_t i = 0; i < p->also_count; i++)
        mq_buffer_printf(&out, "%s{\"domain\":\"%s\",\"probability\":%.4f}", i ? "," : "", p->also[i].domain, p->also[i].probability);
    mq_buffer_printf(&out, "],\"severity\":%d,\"critical\":%s,\"review\":%s", p->severity, p->critical ? "true" : "false",
                     p->review ? "true" : "false");
    phrases_json(p, &out);
    code(&out, "runner_up", p->runner_up);
    if (p->runner_up)
        mq_buffer_printf(&out, ",\"runner_up_probability\":%.4f", p->runner_up_probability);
    mq_buffer_append_char(&out, '}');
    puts(mq_buffer_text(&out));
}

static void print_text(struct mq_str text, const struct mq_prediction *p) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer line = { 0 };
    mq_buffer_printf(&line, "%d %s %3.0f%% ", p->critical ? 4 : p->severity, p->review ? "复核 review  " : "派遣 dispatch", p->probability * 100);
    mq_text_column(&line, mq_str(p->kind ? p->kind : p->domain ? p->domain : "none"), 34);
    for (size_t i = 0; i < p->also_count; i++)
        mq_buffer_printf(&line, " +%s %.0f%%", p->also[i].domain, p->also[i].probability * 100);
    if (p->because_count)
        mq_buffer_append_text(&line, " 依据 because");
    for (size_t i = 0; i < p->because_count; i++)
        mq_buffer_printf(&line, " “%s”", p->because[i].text);
    if (p->runner_up)
        mq_buffer_printf(&line, " 其次 or %s %.0f%%", p->runner_up, p->runner_up_probability * 100);
    printf("%s  %.*s\n", mq_buffer_text(&line), (int)text.n, text.s);
}

struct session {
    struct mq_model *model;
    struct mq_scratch *scratch;
    bool json;
};

static int classify(const struct session *session, struct mq_str text) {
    /* output is JSON and terminal text, so what goes through must be UTF-8 */
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer quoted = { 0 };
    struct mq_faults faults;
    faults.count = 0;
    mq_json_string(&quoted, text);
    if (!mq_json_scan((struct mq_str){ quoted.data, quoted.len }, &faults))
        return mq_complain(MQ_EXIT_DATA, "文本不是 UTF-8 / the text is not UTF-8: %s", faults.fault[0].message);
    struct mq_prediction prediction;
    mq_model_predict(session->model, session->scratch, text, &prediction);
    (session->json ? print_json : print_text)(text, &prediction);
    return MQ_EXIT_GOOD;
}

static int classify_lines(const struct session *session) {
    char *line = NULL;
    size_t size = 0;
    int status = MQ_EXIT_GOOD;
    for (ssize_t n; (n = getline(&line, &size, stdin)) >= 0;) {
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            n--;
        int r = classify(session, (struct mq_str){ line, (size_t)n });
        status = status ? status : r;
    }
    free(line);
    return status;
}

static int open_model(struct session *session, const char *path) {
    char fault[200] = "";
    int r = mq_model_open(path, &session->model, fault);
    if (r == 0)
        r = mq_scratch_new(session->model, &session->scratch);
    if (r == 0)
        return MQ_EXIT_GOOD;
    return mq_complain(MQ_EXIT_FAILED, "模型 %s 打不开 / cannot open the model: %s; --model 或 MINQING_MODEL 指定另一个 names another", path,
                       *fault ? fault : strerror(-r));
}

int mq_classify(int argc, char **argv) {
    const char *path = getenv("MINQING_MODEL");
    struct session session = { 0 };
    const struct mq_option options[] = {
        { 0, "model", MQ_OPTION_TEXT, &path, "FILE", "模型文件 the model (MINQING_MODEL, else " MQ_MODEL_PATH ")", 0, 0 },
        { 0, "json", MQ_OPTION_FLAG, &session.json, NULL, "每行一个 JSON 对象 one JSON object a line", 0, 0 },
        { 0 },
    };
    const struct mq_command_line line = {
        .program = argv[0], .words = "TEXT…|-", .help = "模型对一段文字的判断及依据；- 从标准输入逐行读取\nWhat the model says of a text, and why; "
                                                       "- reads texts from standard input, one a line.",
        .options = options, .words_min = 1, .words_max = 1000,
    };
    size_t words;
    int status = mq_options_parse(&line, argc, argv, &words);
    if (status >= 0)
        return status;
    status = open_model(&session, path && *path ? path : MQ_MODEL_PATH);
    for (size_t i = 1; i <= words && status == MQ_EXIT_GOOD; i++)
        status = words == 1 && strcmp(argv[i], "-") == 0 ? classify_lines(&session) : classify(&session, mq_str(argv[i]));
    mq_scratch_free(session.scratch);
    mq_model_free(session.model);
    return status;
}
