/* SPDX-License-Identifier: Apache-2.0 */
/* Encoding of structs from tables of fields. */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void encode_object(const struct mq_object *object, const void *in, struct mq_buffer *out);

void mq_json_string(struct mq_buffer *out, struct mq_str text) {
    static const char letters[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    mq_buffer_append_char(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.s[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        mq_buffer_append(out, text.s + from, i - from);
        from = i + 1;
        const char *letter = c ? strchr(letters, c) : NULL;
        if (letter)
            mq_buffer_append(out, (char[]){ '\\', letter[1] }, 2);
        else
            mq_buffer_printf(out, "\\u%04x", c);
    }
    if (from < text.n)
        mq_buffer_append(out, text.s + from, text.n - from);
    mq_buffer_append_char(out, '"');
}

void mq_json_faults(struct mq_buffer *out, const struct mq_faults *faults) {
    mq_buffer_append_char(out, '[');
    for (size_t i = 0; i < faults->count && i < MQ_FAULTS; i++) {
        mq_buffer_append_text(out, i > 0 ? ",{\"path\":" : "{\"path\":");
        mq_json_string(out, mq_str(faults->fault[i].path));
        mq_buffer_append_text(out, ",\"message\":");
        mq_json_string(out, mq_str(faults->fault[i].message));
        mq_buffer_append_char(out, '}');
    }
    mq_buffer_append_char(out, ']');
}

/* The shortest of two forms that reads back as the same number. */
static void encode_number(struct mq_buffer *out, double value) {
    if (!isfinite(value)) {
        mq_buffer_append_text(out, "null");
        return;
    }
    char text[32];
    snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value)
        snprintf(text, sizeof text, "%.17g", value);
    mq_buffer_append_text(out, text);
}

static void encode_array(const struct mq_field *f, const struct mq_array *array, struct mq_buffer *out) {
    mq_buffer_append_char(out, '[');
    for (size_t i = 0; i < array->count; i++) {
        if (i > 0)
            mq_buffer_append_char(out, ',');
        if (f->type == MQ_ARRAY)
            encode_object(f->object, (const char *)array->items + i * f->object->size, out);
        else
            mq_json_string(out, ((const struct mq_str *)array->items)[i]);
    }
    mq_buffer_append_char(out, ']');
}

static bool is_there(const struct mq_field *f, const void *in) {
    const void *at = (const char *)in + f->offset;
    if (f->has != 0)
        return *(const bool *)((const char *)in + f->has);
    switch (f->type) {
    case MQ_STRING:
    case MQ_TIME:
    case MQ_RAW:
        return ((const struct mq_str *)at)->s != NULL;
    case MQ_ENUM:
        return *(const int *)at >= 0;
    case MQ_UUID:
        return !mq_uuid_is_nil(at);
    case MQ_INTEGER:
        return f->required || *(const int64_t *)at != 0;
    case MQ_NUMBER:
        return f->required || fpclassify(*(const double *)at) != FP_ZERO;
    case MQ_BOOLEAN:
        return f->required || *(const bool *)at;
    case MQ_ARRAY:
    case MQ_STRINGS:
        return f->required || ((const struct mq_array *)at)->count > 0;
    case MQ_OBJECT:
        return true;
    }
    return false;
}

static void encode_value(const struct mq_field *f, const void *at, struct mq_buffer *out) {
    char uuid[MQ_UUID_TEXT];
    switch (f->type) {
    case MQ_STRING:
    case MQ_TIME:
        mq_json_string(out, *(const struct mq_str *)at);
        break;
    case MQ_RAW:
        mq_buffer_append_str(out, *(const struct mq_str *)at);
        break;
    case MQ_ENUM:
        mq_json_string(out, mq_str(f->words[*(const int *)at]));
        break;
    case MQ_UUID:
        mq_uuid_format(at, uuid);
        mq_json_string(out, mq_str(uuid));
        break;
    case MQ_INTEGER:
        mq_buffer_append_integer(out, *(const int64_t *)at);
        break;
    case MQ_NUMBER:
        encode_number(out, *(const double *)at);
        break;
    case MQ_BOOLEAN:
        mq_buffer_append_text(out, *(const bool *)at ? "true" : "false");
        break;
    case MQ_ARRAY:
    case MQ_STRINGS:
        encode_array(f, at, out);
        break;
    case MQ_OBJECT:
        encode_object(f->object, at, out);
        break;
    }
}

/* Unknown members come last, as their own bytes. */
static void encode_extra(const struct mq_object *object, const void *in, bool first, struct mq_buffer *out) {
    const struct mq_str *extra = (const void *)((const char *)in + object->extra);
    if (object->extra == 0 || extra->n <= 2)
        return;
    if (!first)
        mq_buffer_append_char(out, ',');
    mq_buffer_append(out, extra->s + 1, extra->n - 2);
}

static void encode_object(const struct mq_object *object, const void *in, struct mq_buffer *out) {
    mq_buffer_append_char(out, '{');
    const char *last = NULL; /* two fields with one name are neighbours */
    for (const struct mq_field *f = object->fields; f->name; f++) {
        bool there = is_there(f, in);
        if ((!there && !f->required) || (last && strcmp(last, f->name) == 0))
            continue;
        if (last)
            mq_buffer_append_char(out, ',');
        last = f->name;
        mq_json_string(out, mq_str(f->name));
        mq_buffer_append_char(out, ':');
        if (there)
            encode_value(f, (const char *)in + f->offset, out);
        else
            mq_buffer_append_text(out, "null");
    }
    encode_extra(object, in, last == NULL, out);
    mq_buffer_append_char(out, '}');
}

void mq_json_encode(const struct mq_object *object, const void *in, struct mq_buffer *out) {
    encode_object(object, in, out);
}
