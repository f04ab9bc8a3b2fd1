/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at files: settings, secrets, keys, the model. */
#include "doctor.h"

#include "services/classifier/model.h"
#include "version.h"

#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_FILE "/etc/minqing/minqing.conf"

static const char *const sections[] = { "mqtt",       "database", "broker", "ingest",  "classifier",
                                        "dispatcher", "notifier", "query",  "webhook", "console" };

static int take_entry(void *userdata, const char *section, const char *key, const char *value) {
    struct mq_doctor *d = userdata;
    if (d->entry_count == MQ_DOCTOR_ENTRIES)
        return 0;
    struct mq_settings_entry entry = { strdup(section), strdup(key), strdup(value) };
    if (!entry.section || !entry.key || !entry.value) {
        free(entry.section);
        free(entry.key);
        free(entry.value);
        return 0;
    }
    d->entries[d->entry_count++] = entry;
    return 1;
}

/* What a service's own program says of its settings, the first fault; "" for nothing. false: there is no such program. */
static bool ask_program(const char *config, const char *service, char *fault, size_t size) {
    char self[PATH_MAX], program[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    int ends[2];
    if (n <= 0)
        return false;
    self[n] = '\0';
    snprintf(program, sizeof(program), "%s/minqing-%s", dirname(self), service);
    if (access(program, X_OK) < 0 || pipe(ends) < 0)
        return false;
    pid_t child = fork();
    if (child == 0) {
        unsetenv("MINQING_LOG_FORMAT");
        unsetenv("JOURNAL_STREAM");
        dup2(ends[1], STDERR_FILENO);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        execl(program, program, "--config", config, "--check", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    size_t got = 0;
    for (ssize_t part; got + 1 < size && (part = read(ends[0], fault + got, size - 1 - got)) > 0;)
        got += (size_t)part;
    fault[got] = '\0';
    close(ends[0]);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        *fault = '\0';
    fault[strcspn(fault, "\n")] = '\0';
    const char *message = strstr(fault, " settings: ");
    if (message)
        memmove(fault, message + strlen(" settings: "), strlen(message + strlen(" settings: ")) + 1);
    return true;
}

static void check_sections(struct mq_doctor *d, const char *config) {
    for (size_t i = 0; i < d->entry_count; i++) {
        bool known = false, said = false;
        for (size_t k = 0; k < MQ_LENGTH(sections); k++)
            known = known || strcmp(d->entries[i].section, sections[k]) == 0;
        for (size_t k = 0; k < i; k++)
            said = said || strcmp(d->entries[i].section, d->entries[k].section) == 0;
        if (!known && !said)
            mq_doctor_say(d, "settings", MQ_CHECK_FAULT, "%s: 没有这一节 no program has a section [%s]", config,
                          d->entries[i].section);
    }
}

static void check_settings(struct mq_doctor *d, const char *config) {
    struct stat st;
    if (stat(config, &st) < 0) {
        mq_doctor_say(d, "settings", errno == EACCES ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "%s: %s (--config, MINQING_CONFIG)",
                      config, strerror(errno));
        return;
    }
    ini_use_stack = false;
    ini_initial_alloc = ini_max_line = 4096;
    int line = ini_parse(config, take_entry, d);
    if (line != 0) {
        mq_doctor_say(d, "settings", line == -1 ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "%s:%d: 读不懂 cannot be read", config, line);
        return;
    }
    size_t before = d->faults, asked = 0;
    check_sections(d, config);
    for (size_t i = 0; mq_health_services[i]; i++) {
        char fault[600];
        if (!ask_program(config, mq_health_services[i], fault, sizeof(fault)))
            continue;
        asked++;
        if (*fault)
            mq_doctor_say(d, "settings", MQ_CHECK_FAULT, "%s: %s", mq_health_services[i], fault);
    }
    bool password = false;
    for (size_t i = 0; i < d->entry_count; i++)
        password = password || strcmp(d->entries[i].key, "password") == 0;
    if (password && (st.st_mode & 07))
        mq_doctor_say(d, "secrets", MQ_CHECK_FAULT, "%s: 含密码，却人人可读 has a password and others may read it (mode %o)",
                      config, st.st_mode & 0777);
    if (d->faults == before)
        mq_doctor_say(d, "settings", MQ_CHECK_GOOD, "%s, %zu 个程序认可 accepted by %zu programs", config, asked, asked);
}

/* A secret must be there, and nobody's but its owner's (`group`: whose group may read it, too). */
static void check_secret(struct mq_doctor *d, const char *path, bool group, size_t *good) {
    struct stat st;
    if (stat(path, &st) < 0)
        mq_doctor_say(d, "secrets", errno == EACCES ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "%s: %s", path, strerror(errno));
    else if (st.st_mode & (group ? 037 : 077))
        mq_doctor_say(d, "secrets", MQ_CHECK_FAULT, "%s: 别人也能读写 others have rights on it (mode %o)", path, st.st_mode & 0777);
    else
        (*good)++;
}

static void check_secrets(struct mq_doctor *d) {
    size_t good = 0, before = d->faults + d->unknown;
    for (size_t i = 0; i < d->entry_count; i++) {
        const struct mq_settings_entry *e = &d->entries[i];
        char *passfile = strcmp(e->key, "database") == 0 ? strstr(e->value, "passfile=") : NULL, path[PATH_MAX];
        if (strcmp(e->section, "broker") == 0)
            continue;
        if (strcmp(e->key, "password_file") == 0 || strcmp(e->key, "seal_key_file") == 0)
            check_secret(d, e->value, strcmp(e->key, "password_file") == 0, &good);
        if (passfile && sscanf(passfile, "passfile=%1023[^ ]", path) == 1)
            check_secret(d, path, false, &good);
    }
    if (d->faults + d->unknown == before)
        mq_doctor_say(d, "secrets", MQ_CHECK_GOOD, "%zu 个文件 files", good);
}

static void check_model(struct mq_doctor *d) {
    const char *named = mq_doctor_setting(d, "classifier", "model"), *environment = getenv("MINQING_CLASSIFIER_MODEL");
    const char *path = environment && *environment ? environment : named ? named : MQ_MODEL_PATH;
    char fault[200] = "";
    struct mq_model *model = NULL;
    int r = mq_model_open(path, &model, fault);
    if (r == 0)
        mq_doctor_say(d, "model", MQ_CHECK_GOOD, "%s: %s", path, mq_model_name(model));
    else
        mq_doctor_say(d, "model", r == -EACCES ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "%s: %s", path, *fault ? fault : strerror(-r));
    mq_model_free(model);
}

void mq_doctor_files(struct mq_doctor *d) {
    const char *environment = getenv("MINQING_CONFIG");
    const char *config = d->config ? d->config : environment && *environment ? environment : DEFAULT_FILE;
    check_settings(d, config);
    check_secrets(d);
    check_model(d);
}
