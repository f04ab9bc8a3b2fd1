/* SPDX-License-Identifier: Apache-2.0 */
/* Settings: three layers of text (default, file, environment), then one pass that turns the uppermost into values. */
#include "config.h"

#include "buffer.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_FILE "/etc/minqing/minqing.conf"
#define LINE_BYTES 4096
#define SECRET_BYTES 65536
#define NAME_BYTES 160 /* of an environment variable */

enum layer { LAYER_DEFAULT, LAYER_FILE, LAYER_ENVIRONMENT };

union value {
    char *text;
    int64_t number;
    bool yes;
};

/* What was found for one setting. */
struct entry {
    char *text; /* owned; NULL: the default counts */
    enum layer layer;
    unsigned line;
    bool indirect; /* text names a file that has the secret */
    union value value;
};

struct load {
    const struct mq_setting *settings;
    struct entry *entries; /* one a setting */
    size_t count, faults;
    bool no_memory;
    const char *name;
    FILE *file;
    char *text; /* the line being read */
    size_t capacity;
    unsigned line;
    bool expects_key; /* the line must make inih call the handler */
};

static bool is_text(const struct mq_setting *setting) {
    return setting->type == MQ_SETTING_TEXT || setting->type == MQ_SETTING_SECRET;
}

static void free_text(char *text) {
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static char *copy_text(struct load *load, const char *text) {
    char *copy = strdup(text); // cppcheck-suppress ctunullpointer ; callers give what getenv found or the parser read
    load->no_memory = load->no_memory || !copy;
    return copy;
}

static void environment_name(const struct mq_setting *setting, const char *suffix, char out[NAME_BYTES]) {
    snprintf(out, NAME_BYTES, "MINQING_%s_%s%s", setting->section, setting->key, suffix);
    for (char *p = out; *p; p++) {
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
        else if (*p == '-' || *p == '.')
            *p = '_';
    }
}

static void fault_at_line(struct load *load, const char *format, ...) MQ_PRINTF(2, 3);
static void fault_at_line(struct load *load, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    mq_log(MQ_ERROR, "settings", "%s:%u: %s", load->name, load->line, text);
    load->faults++;
}

/* The same for what an entry says, wherever it says so. */
static void fault_of_entry(struct load *load, size_t i, const char *format, ...) MQ_PRINTF(3, 4);
static void fault_of_entry(struct load *load, size_t i, const char *format, ...) {
    const struct mq_setting *setting = &load->settings[i];
    const struct entry *entry = &load->entries[i];
    char text[512], name[NAME_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const char *suffix = entry->indirect ? "_file" : "";
    environment_name(setting, suffix, name);
    if (entry->layer == LAYER_ENVIRONMENT)
        mq_log(MQ_ERROR, "settings", "%s: %s", name, text);
    else if (entry->layer == LAYER_FILE)
        mq_log(MQ_ERROR, "settings", "%s:%u: [%s] %s%s: %s", load->name, entry->line, setting->section, setting->key, suffix, text);
    else
        mq_log(MQ_ERROR, "settings", "[%s] %s (or %s), default: %s", setting->section, setting->key, name, text);
    load->faults++;
}

/* ---- the file ---- */

static bool find_setting(const struct load *load, const char *section, const char *key, size_t *at, bool *indirect) {
    for (size_t i = 0; i < load->count; i++) {
        const struct mq_setting *setting = &load->settings[i];
        size_t n = strlen(setting->key);
        if (strcmp(setting->section, section) != 0 || strncmp(setting->key, key, n) != 0)
            continue;
        *at = i;
        *indirect = setting->type == MQ_SETTING_SECRET && strcmp(key + n, "_file") == 0;
        if (key[n] == '\0' || *indirect)
            return true;
    }
    return false;
}

static void fault_unknown_key(struct load *load, const char *section, const char *key) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer known = { 0 };
    for (size_t i = 0; i < load->count; i++) {
        if (strcmp(load->settings[i].section, section) == 0)
            mq_buffer_printf(&known, "%s%s", known.len > 0 ? ", " : "", load->settings[i].key);
    }
    if (known.len > 0)
        fault_at_line(load, "[%s] has no key %.60s; it has %s", section, key, mq_buffer_text(&known));
}

static int on_key(void *userdata, const char *section, const char *key, const char *text) {
    struct load *load = userdata;
    load->expects_key = false;
    size_t i;
    bool indirect;
    if (!*section) {
        fault_at_line(load, "%.60s stands before the first [section]", key);
    } else if (!find_setting(load, section, key, &i, &indirect)) {
        fault_unknown_key(load, section, key);
    } else if (load->entries[i].text) {
        fault_at_line(load, "[%s] %s is given twice, first in line %u", section, load->settings[i].key, load->entries[i].line);
    } else {
        load->entries[i] = (struct entry){
            .text = copy_text(load, text), .layer = LAYER_FILE, .line = load->line, .indirect = indirect
        };
    }
    return 1;
}

/* A line without key was passed over by inih, which tells only of the first such. */
static void settle_line(struct load *load) {
    if (load->expects_key)
        fault_at_line(load, "neither [section] nor key = value nor ; comment");
    load->expects_key = false;
}

/* inih's fgets: one whole line a call. Leading blanks go, for an indented line would be taken as more of the one before. */
static char *read_line(char *out, int room, void *userdata) {
    struct load *load = userdata;
    settle_line(load);
    ssize_t got = getline(&load->text, &load->capacity, load->file);
    if (got < 0) {
        if (ferror(load->file))
            fault_at_line(load, "cannot read on: %s", strerror(errno));
        return NULL;
    }
    load->line++;
    size_t n = (size_t)got;
    const char *text = load->text;
    const char *fault = NULL;
    if (load->line == 1 && n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        text += 3;
    if (strlen(load->text) != n)
        fault = "has a zero byte";
    text += strspn(text, " \t\r\n\v\f");
    if (strlen(text) + 2 > (size_t)room)
        fault = "is too long; put it into the environment";
    else if (*text == '[' && !strchr(text, ']'))
        fault = "has no ] after its [";
    if (fault) {
        fault_at_line(load, "the line %s", fault);
        text = "";
    }
    load->expects_key = *text && !strchr(";#[", *text);
    snprintf(out, (size_t)room, "%s\n", text);
    return out;
}

static void read_file(struct load *load) {
    /* inih's own line is 200 bytes, less than a connection string with three hosts. */
    ini_use_stack = false;
    ini_initial_alloc = ini_max_line = LINE_BYTES;
    int first_bad_line = ini_parse_stream(read_line, load, on_key, load);
    settle_line(load);
    if (first_bad_line == -2)
        load->no_memory = true;
    if (first_bad_line > 0 && load->faults == 0) {
        load->line = (unsigned)first_bad_line;
        fault_at_line(load, "neither [section] nor key = value nor ; comment");
    }
    if (load->text)
        explicit_bzero(load->text, load->capacity);
    free(load->text);
}

/* ---- the environment ---- */

static void read_environment(struct load *load, size_t i) {
    const struct mq_setting *setting = &load->settings[i];
    char name[NAME_BYTES];
    environment_name(setting, "", name);
    const char *text = getenv(name);
    environment_name(setting, "_file", name);
    const char *file = setting->type == MQ_SETTING_SECRET ? getenv(name) : NULL;
    if (!text && !file)
        return;
    free_text(load->entries[i].text);
    load->entries[i] = (struct entry){
        .text = copy_text(load, text ? text : file), .layer = LAYER_ENVIRONMENT, .indirect = !text
    };
    if (text && file)
        fault_of_entry(load, i, "given directly and as %s; unset one", name);
}

/* ---- texts into values ---- */

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit no_unit[] = { { "", 1 }, { NULL, 0 } };
static const struct unit byte_units[] = {
    { "", 1 }, { "KiB", 1 << 10 }, { "MiB", 1 << 20 }, { "GiB", 1 << 30 }, { NULL, 0 },
};
static const struct unit time_units[] = {
    { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
};

static bool parse_number(const char *text, const struct unit *units, int64_t *value) {
    const char *digits = *text == '-' && units == no_unit ? text + 1 : text;
    if (*digits < '0' || *digits > '9')
        return false;
    char *rest;
    errno = 0;
    long long number = strtoll(text, &rest, 10);
    if (errno != 0)
        return false;
    for (const struct unit *unit = units; unit->suffix; unit++) {
        if (strcmp(rest, unit->suffix) == 0)
            return !__builtin_mul_overflow(number, unit->factor, value);
    }
    *value = 0;
    return number == 0 && !*rest; /* no time needs no unit */
}

static bool parse_boolean(const char *text, bool *value) {
    static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1" };
    for (size_t i = 0; i < MQ_LENGTH(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i % 2 == 1;
            return true;
        }
    }
    return false;
}

static bool within(const struct mq_setting *setting, int64_t value) {
    return (setting->min == 0 && setting->max == 0) || (value >= setting->min && value <= setting->max);
}

static bool parse_plain(const struct mq_setting *setting, const char *text, union value *value) {
    switch (setting->type) {
    case MQ_SETTING_INTEGER:
        return parse_number(text, no_unit, &value->number) && within(setting, value->number);
    case MQ_SETTING_BYTES:
        return parse_number(text, byte_units, &value->number) && within(setting, value->number);
    case MQ_SETTING_MS:
        return parse_number(text, time_units, &value->number) && within(setting, value->number);
    case MQ_SETTING_BOOLEAN:
        return parse_boolean(text, &value->yes);
    case MQ_SETTING_TEXT:
    case MQ_SETTING_SECRET:
        break;
    }
    return false;
}

static void fault_not_allowed(struct load *load, size_t i, const char *text) {
    static const struct {
        const char *form, *unit;
    } allowed[] = {
        [MQ_SETTING_INTEGER] = { "a whole number", "" },
        [MQ_SETTING_BYTES] = { "a number of bytes, or one with KiB, MiB or GiB", " bytes" },
        [MQ_SETTING_MS] = { "a time as in 500ms, 30s, 5m, 2h, 14d", " ms" },
        [MQ_SETTING_BOOLEAN] = { "yes, no, true, false, on, off, 1 or 0", "" },
    };
    const struct mq_setting *setting = &load->settings[i];
    char range[80] = "";
    if (setting->type != MQ_SETTING_BOOLEAN && (setting->min != 0 || setting->max != 0))
        snprintf(range, sizeof(range), ", from %" PRId64 " to %" PRId64 "%s", setting->min, setting->max,
                 allowed[setting->type].unit);
    fault_of_entry(load, i, "\"%.100s\" is not allowed; allowed is %s%s", text, allowed[setting->type].form, range);
}

static void close_fd(int *fd) {
    if (*fd >= 0)
        close(*fd);
}

/* The secret in a file without its last line feed; NULL: a fault was logged. */
static char *read_secret(struct load *load, size_t i, const char *path) {
    MQ_CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        fault_of_entry(load, i, "cannot open \"%.200s\": %s", path, strerror(errno));
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > SECRET_BYTES) {
        fault_of_entry(load, i, "\"%.200s\" is not a regular file of at most %d bytes", path, SECRET_BYTES);
        return NULL;
    }
    char *text = calloc(1, (size_t)st.st_size + 1);
    if (!text) {
        load->no_memory = true;
        return NULL;
    }
    ssize_t n = read(fd, text, (size_t)st.st_size);
    if (n != st.st_size || strlen(text) != (size_t)n) {
        fault_of_entry(load, i, "\"%.200s\" cannot be read whole, or has a zero byte", path);
        explicit_bzero(text, (size_t)st.st_size);
        free(text);
        return NULL;
    }
    if (n > 0 && text[n - 1] == '\n')
        text[--n] = '\0';
    if (n > 0 && text[n - 1] == '\r')
        text[--n] = '\0';
    return text;
}

static void parse_entry(struct load *load, size_t i) {
    const struct mq_setting *setting = &load->settings[i];
    struct entry *entry = &load->entries[i];
    const char *text = entry->text ? entry->text : setting->fallback;
    if (entry->indirect && entry->text)
        entry->value.text = read_secret(load, i, entry->text);
    else if (is_text(setting))
        entry->value.text = copy_text(load, text ? text : "");
    else if (!text)
        fault_of_entry(load, i, "it has none and must be set");
    else if (!parse_plain(setting, text, &entry->value))
        fault_not_allowed(load, i, text);
}

/* ---- together ---- */

static void store_entry(const struct mq_setting *setting, struct entry *entry) {
    if (is_text(setting)) {
        char **target = setting->target;
        free_text(*target);
        *target = entry->value.text;
        entry->value.text = NULL;
    } else if (setting->type == MQ_SETTING_BOOLEAN) {
        *(bool *)setting->target = entry->value.yes;
    } else {
        *(int64_t *)setting->target = entry->value.number;
    }
}

static size_t count_settings(const struct mq_setting *settings) {
    size_t n = 0;
    while (settings[n].section)
        n++;
    return n;
}

int mq_config_load_stream(const struct mq_setting *settings, FILE *file, const char *name) {
    struct load load = { .settings = settings, .count = count_settings(settings), .name = name, .file = file };
    load.entries = calloc(load.count + 1, sizeof(*load.entries));
    if (!load.entries)
        return -ENOMEM;
    if (file)
        read_file(&load);
    for (size_t i = 0; i < load.count; i++) {
        read_environment(&load, i);
        parse_entry(&load, i);
    }
    int error = load.no_memory ? -ENOMEM : load.faults > 0 ? -EINVAL : 0;
    for (size_t i = 0; i < load.count; i++) {
        if (error == 0)
            store_entry(&settings[i], &load.entries[i]);
        if (is_text(&settings[i]))
            free_text(load.entries[i].value.text);
        free_text(load.entries[i].text);
    }
    free(load.entries);
    return error;
}

static void close_file(FILE **file) {
    if (*file)
        fclose(*file);
}

int mq_config_load(const struct mq_setting *settings, const char *path) {
    const char *named = path ? path : getenv("MINQING_CONFIG");
    if (named && !*named)
        named = NULL;
    const char *name = named ? named : DEFAULT_FILE;
    MQ_CLEANUP(close_file) FILE *file = fopen(name, "re");
    if (!file && (named || errno != ENOENT)) {
        int error = errno == ENOENT ? -ENOENT : -EINVAL;
        mq_log(MQ_ERROR, "settings", "%s: cannot open the settings: %s; name the file with --config", name, strerror(errno));
        return error;
    }
    return mq_config_load_stream(settings, file, name);
}

void mq_config_free(const struct mq_setting *settings) {
    for (; settings->section; settings++) {
        if (is_text(settings)) {
            char **target = settings->target;
            free_text(*target);
            *target = NULL;
        }
    }
}

void mq_config_help(const struct mq_setting *settings, FILE *out) {
    for (; settings->section; settings++) {
        bool secret = settings->type == MQ_SETTING_SECRET;
        const char *fallback = !secret && settings->fallback ? settings->fallback : "";
        char name[NAME_BYTES];
        environment_name(settings, "", name);
        fprintf(out, "[%s] %s =%s%s   %s   (%s)\n", settings->section, settings->key, *fallback ? " " : "", fallback,
                settings->help, name);
        if (secret)
            fprintf(out, "[%s] %s_file =   a file to read it from instead   (%s_FILE)\n", settings->section, settings->key,
                    name);
    }
}
