/* SPDX-License-Identifier: Apache-2.0 */
/* Settings as tables: section, key, type, target, default, one line of help. One INI file (--config, MINQING_CONFIG, else
 * /etc/minqing/minqing.conf when it is there) for all programs; every key also as environment MINQING_SECTION_KEY, which wins.
 * --help, the documentation and a reload come from the same table. */
#ifndef MQ_CONFIG_H
#define MQ_CONFIG_H

#include "base.h"
#include <stdio.h>

enum mq_setting_type {
    MQ_SETTING_TEXT,    /* char *, owned by the table: mq_config_free */
    MQ_SETTING_SECRET,  /* char *, not printed; `key`_file names a file to read it from instead */
    MQ_SETTING_INTEGER, /* int64_t, min..max */
    MQ_SETTING_BYTES,   /* int64_t, with suffix KiB, MiB, GiB; min..max */
    MQ_SETTING_MS,      /* int64_t milliseconds, written as 500ms, 30s, 5m, 2h, 14d; min..max in ms */
    MQ_SETTING_BOOLEAN, /* bool: yes/no, true/false, on/off, 1/0 */
};

struct mq_setting {
    const char *section, *key;
    enum mq_setting_type type;
    void *target;
    const char *fallback; /* the default, as it would be written */
    const char *help;
    int64_t min, max;     /* both 0: no bound */
};

/* Fills all targets: defaults, then the file (a missing named file is an error, a missing default file is not), then the
 * environment. Keys of sections that this table has but does not know are an error; other sections belong to other programs.
 * 0, or -EINVAL/-ENOENT after one line a fault on standard error that says file, line, what is wrong and what is allowed.
 * `settings` ends with section NULL. */
MQ_MUST_CHECK int mq_config_load(const struct mq_setting *settings, const char *path);

/* The same with an open INI file, or NULL for none; `name` is what faults call it. Nothing is changed on a fault, so a running
 * program can load again and keep what it has; texts of an earlier load are freed, so before the first one they are NULL. */
MQ_MUST_CHECK int mq_config_load_stream(const struct mq_setting *settings, FILE *file, const char *name);

/* Frees texts. */
void mq_config_free(const struct mq_setting *settings);

/* The table as text for --help: "[section] key = default   help   (MINQING_SECTION_KEY)". */
void mq_config_help(const struct mq_setting *settings, FILE *out);

#endif
