/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding of structs from tables of fields, over cJSON's tree of bytes that were scanned. */
#include "json.h"

#include "clock.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define EXACT 9007199254740992.0 /* 2^53 */
#define TIMES_END_US 253402214400000000 /* where the last day of 9999 begins: in no zone is it the year 10000 */

/* Memory of the document beside cJSON's tree: arrays, and the text of unknown members. */
struct block {
    struct block *next;
    max_align_t bytes[];
};

struct mq_document {
    cJSON *root;
    struct block *blocks;
};

/* Where the decoder is; the pointer is spelled out only for a fault. */
struct place {
    const struct place *parent; /* NULL: the whole message */
    const char *name;           /* NULL: an element, at `index` */
    size_t index;
};

/* One member of the outermost object in the bytes. */
struct cut {
    struct mq_str member, key, value;
};

struct decoder {
    struct mq_document *document;
    struct mq_faults *faults;
    const struct cut *cuts; /* of the outermost object, in the order of cJSON's children */
    size_t cut_count;
};

static bool decode_object(struct decoder *d, const struct mq_object *object, const cJSON *item, void *out,
                          const struct place *place);

/* Ends a text that did not fit with an ellipsis, behind a whole code point. */
static void mark_cut(char *text, size_t size) {
    static const char ellipsis[] = "…";
    size_t end = size - sizeof ellipsis;
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80)
        end--;
    memcpy(text + end, ellipsis, sizeof ellipsis);
}

void mq_fault_add(struct mq_faults *faults, const char *path, const char *format, ...) {
    size_t at = faults->count++;
    if (at >= MQ_FAULTS)
        return;
    struct mq_fault *fault = &faults->fault[at];
    if ((size_t)snprintf(fault->path, sizeof fault->path, "%s", path) >= sizeof fault->path)
        mark_cut(fault->path, sizeof fault->path);
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(fault->message, sizeof fault->message, format, arguments);
    va_end(arguments);
    if (n < 0)
        fault->message[0] = '\0';
    else if ((size_t)n >= sizeof fault->message)
        mark_cut(fault->message, sizeof fault->message);
}

size_t mq_json_code_points(struct mq_str text) {
    size_t points = 0;
    for (size_t i = 0; i < text.n; i++)
        points += ((unsigned char)text.s[i] & 0xc0) != 0x80;
    return points;
}

static void put_place(struct mq_buffer *out, const struct place *place) {
    if (!place)
        return;
    put_place(out, place->parent);
    mq_buffer_append_char(out, '/');
    if (!place->name)
        mq_buffer_printf(out, "%zu", place->index);
    for (const char *c = place->name; c && *c; c++) {
        if (*c == '~' || *c == '/')
            mq_buffer_append_text(out, *c == '~' ? "~0" : "~1");
        else
            mq_buffer_append_char(out, *c);
    }
}

/* false, so that a check can end with it. */
static bool MQ_PRINTF(3, 4) refuse(struct decoder *d, const struct place *place, const char *format, ...) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer path = { 0 };
    put_place(&path, place);
    char message[sizeof d->faults->fault[0].message + 16]; /* longer, so that mq_fault_add sees and marks the cut */
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    mq_fault_add(d->faults, mq_buffer_text(&path), "%s", n < 0 ? format : message);
    return false;
}

static bool out_of_memory(struct decoder *d, const struct place *place) {
    return refuse(d, place, "cannot be read for want of memory");
}

/* `n` zeroed bytes that live as long as the document; NULL: out of memory. */
static void *take(struct mq_document *document, size_t count, size_t size) {
    size_t n = 0;
    if (__builtin_mul_overflow(count, size, &n) || __builtin_add_overflow(n, sizeof(struct block), &n))
        return NULL;
    struct block *block = calloc(1, n);
    if (!block)
        return NULL;
    block->next = document->blocks;
    document->blocks = block;
    return block->bytes;
}

void mq_document_free(struct mq_document *document) {
    if (!document)
        return;
    while (document->blocks) {
        struct block *block = document->blocks;
        document->blocks = block->next;
        free(block);
    }
    cJSON_Delete(document->root);
    free(document);
}

static bool all_of(struct mq_str text, const char *set) {
    for (size_t i = 0; i < text.n; i++) {
        if (!strchr(set, text.s[i]))
            return false;
    }
    return true;
}

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"

static bool is_digits(struct mq_str text) {
    return all_of(text, DIGITS);
}

static bool is_area(struct mq_str text) {
    return (text.n == 12 || text.n == 15) && is_digits(text);
}

static bool is_uuid(struct mq_str text) {
    struct mq_uuid uuid;
    return mq_uuid_parse(text, &uuid) && !mq_uuid_is_nil(&uuid);
}

static bool is_hex64(struct mq_str text) {
    return text.n == 64 && all_of(text, DIGITS "abcdef");
}

static bool is_account(struct mq_str text) {
    return text.n >= 3 && text.n <= 32 && all_of(text, LOWER DIGITS "-");
}

static bool is_code(struct mq_str text) {
    return text.n > 0 && strchr(LOWER, text.s[0]) && all_of(text, LOWER DIGITS "_");
}

static bool is_kind(struct mq_str text) {
    const char *dot = memchr(text.s, '.', text.n);
    if (!dot)
        return false;
    size_t head = (size_t)(dot - text.s);
    return is_code((struct mq_str){ text.s, head }) && is_code((struct mq_str){ dot + 1, text.n - head - 1 });
}

/* Classes of text. */
static const struct mq_json_pattern {
    const char *name;
    bool (*fits)(struct mq_str text);
    const char *fault;
} patterns[] = {
    { "account", is_account, "must be 3 to 32 of a-z, 0-9 and -" },
    { "area", is_area, "must be 12 digits of a village or 15 of a grid" },
    { "code", is_code, "must be a word of a-z, 0-9 and _ that begins with a letter" },
    { "digits", is_digits, "must be digits" },
    { "uuid", is_uuid, "must be a UUID" },
    { "hex64", is_hex64, "must be 64 hexadecimal digits in lower case" },
    { "kind", is_kind, "must be a domain, a dot and a word, as in fire_safety.hill_fire" },
    { "written", mq_json_written, "must not be only white space" },
};

static bool check_size(struct decoder *d, const struct mq_field *f, size_t n, const char *what, const struct place *place) {
    size_t min = (size_t)f->min, max = (size_t)f->max;
    if ((min == 0 && max == 0) || (n >= min && n <= max))
        return true;
    if (min == max)
        return refuse(d, place, "must have %zu %s, has %zu", min, what, n);
    if (min == 0)
        return refuse(d, place, "must have at most %zu %s, has %zu", max, what, n);
    return refuse(d, place, "must have %zu to %zu %s, has %zu", min, max, what, n);
}

static bool check_pattern(struct decoder *d, const struct mq_field *f, struct mq_str text, const struct place *place) {
    for (size_t i = 0; f->pattern && i < MQ_LENGTH(patterns); i++) {
        if (strcmp(f->pattern, patterns[i].name) == 0)
            return patterns[i].fits(text) || refuse(d, place, "%s", patterns[i].fault);
    }
    return true;
}

/* Index of a word, -1 and a fault: none of them. */
static int find_word(struct decoder *d, const char *const *words, const cJSON *item, const struct place *place) {
    for (int i = 0; cJSON_IsString(item) && words[i]; i++) {
        if (strcmp(item->valuestring, words[i]) == 0)
            return i;
    }
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer list = { 0 };
    for (size_t i = 0; words[i]; i++)
        mq_buffer_printf(&list, "%s%s", i > 0 ? ", " : "", words[i]);
    refuse(d, place, "must be one of %s", mq_buffer_text(&list));
    return -1;
}

static bool decode_string(struct decoder *d, const struct mq_field *f, const cJSON *item, struct mq_str *out,
                          const struct place *place) {
    if (!cJSON_IsString(item))
        return refuse(d, place, "must be a string");
    if (f->words && find_word(d, f->words, item, place) < 0)
        return false;
    struct mq_str text = mq_str(item->valuestring);
    bool bounded = f->type == MQ_STRING && f->max > 0;
    if ((bounded && !check_size(d, f, mq_json_code_points(text), "characters", place)) || !check_pattern(d, f, text, place))
        return false;
    *out = text;
    return true;
}

static bool decode_time(struct decoder *d, const cJSON *item, struct mq_str *out, const struct place *place) {
    int64_t us;
    if (!cJSON_IsString(item) || !mq_clock_parse(mq_str(item->valuestring), &us))
        return refuse(d, place, "must be a time with offset such as 2026-11-23T02:10:00+08:00");
    if (us < 0 || us >= TIMES_END_US)
        return refuse(d, place, "must be a time from 1970-01-01 to 9999-12-30 in UTC");
    *out = mq_str(item->valuestring);
    return true;
}

/* The nil UUID is the struct's word for “none”, so nobody may be called that. */
static bool decode_uuid(struct decoder *d, const cJSON *item, struct mq_uuid *out, const struct place *place) {
    struct mq_uuid uuid;
    if (!cJSON_IsString(item) || !mq_uuid_parse(mq_str(item->valuestring), &uuid) || mq_uuid_is_nil(&uuid))
        return refuse(d, place, "must be a UUID");
    *out = uuid;
    return true;
}

static bool decode_enum(struct decoder *d, const struct mq_field *f, const cJSON *item, int *out, const struct place *place) {
    *out = find_word(d, f->words, item, place);
    return *out >= 0;
}

/* A double holds every integer that the scan lets through, so that nothing is lost on this way. */
static bool decode_integer(struct decoder *d, const struct mq_field *f, const cJSON *item, int64_t *out,
                           const struct place *place) {
    bool bounded = f->min != 0 || f->max != 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    bool integer = value >= -EXACT && value <= EXACT && trunc(value) == value;
    if (integer && (!bounded || (value >= f->min && value <= f->max))) {
        *out = (int64_t)value;
        return true;
    }
    if (integer && f->pattern && strcmp(f->pattern, "format") == 0)
        return refuse(d, place, "is format %.0f, this program knows %.0f", value, f->max);
    if (!bounded)
        return refuse(d, place, "must be an integer");
    return refuse(d, place, "must be an integer from %.0f to %.0f", f->min, f->max);
}

static bool decode_number(struct decoder *d, const struct mq_field *f, const cJSON *item, double *out,
                          const struct place *place) {
    bool bounded = f->min != 0 || f->max != 0;
    double value = cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
    if (isfinite(value) && (!bounded || (value >= f->min && value <= f->max))) {
        *out = value;
        return true;
    }
    if (!bounded)
        return refuse(d, place, "must be a number");
    return refuse(d, place, "must be a number from %.16g to %.16g", f->min, f->max);
}

static bool decode_array(struct decoder *d, const struct mq_field *f, const cJSON *item, struct mq_array *out,
                         const struct place *place) {
    if (!cJSON_IsArray(item))
        return refuse(d, place, "must be an array");
    size_t count = (size_t)cJSON_GetArraySize(item);
    if (!check_size(d, f, count, "elements", place))
        return false;
    if (count == 0)
        return true;
    size_t size = f->type == MQ_ARRAY ? f->object->size : sizeof(struct mq_str);
    char *items = take(d->document, count, size);
    if (!items)
        return out_of_memory(d, place);
    bool good = true;
    struct place here = { .parent = place };
    for (const cJSON *element = item->child; element; element = element->next, here.index++) {
        void *to = items + here.index * size;
        good &= f->type == MQ_ARRAY ? decode_object(d, f->object, element, to, &here)
                                    : decode_string(d, f, element, to, &here);
    }
    *out = (struct mq_array){ items, count };
    return good;
}

static bool decode_raw(struct decoder *d, const struct mq_field *f, const cJSON *item, const struct cut *cut,
                       struct mq_str *out, const struct place *place) {
    if (f->pattern && strcmp(f->pattern, "object") == 0 && !cJSON_IsObject(item))
        return refuse(d, place, "must be an object");
    if (cut)
        *out = cut->value;
    return true;
}

static bool decode_field(struct decoder *d, const struct mq_field *f, const cJSON *item, const struct cut *cut, void *out,
                         const struct place *place) {
    switch (f->type) {
    case MQ_STRING:
        return decode_string(d, f, item, out, place);
    case MQ_ENUM:
        return decode_enum(d, f, item, out, place);
    case MQ_INTEGER:
        return decode_integer(d, f, item, out, place);
    case MQ_NUMBER:
        return decode_number(d, f, item, out, place);
    case MQ_BOOLEAN:
        *(bool *)out = cJSON_IsTrue(item);
        return cJSON_IsBool(item) || refuse(d, place, "must be true or false");
    case MQ_UUID:
        return decode_uuid(d, item, out, place);
    case MQ_TIME:
        return decode_time(d, item, out, place);
    case MQ_OBJECT:
        return decode_object(d, f->object, item, out, place);
    case MQ_ARRAY:
    case MQ_STRINGS:
        return decode_array(d, f, item, out, place);
    case MQ_RAW:
        return decode_raw(d, f, item, cut, out, place);
    }
    return false;
}

/* Zero is a word of an enum, so an absent one has to be said. */
static void set_absent(const struct mq_object *object, void *out) {
    for (const struct mq_field *f = object->fields; f->name; f++) {
        void *at = (char *)out + f->offset;
        if (f->type == MQ_ENUM)
            *(int *)at = -1;
        else if (f->type == MQ_OBJECT)
            set_absent(f->object, at);
    }
}

/* What of an object's members the table does not know, as an object of its own. */
static bool keep_extra(struct decoder *d, const bool *known, size_t count, struct mq_str *out) {
    size_t n = 1;
    for (size_t i = 0; i < count; i++)
        n += known[i] ? 0 : d->cuts[i].member.n + 1;
    if (n == 1)
        return true;
    char *text = take(d->document, n + 1, 1);
    if (!text)
        return out_of_memory(d, NULL);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (known[i])
            continue;
        text[at] = at == 0 ? '{' : ',';
        memcpy(text + at + 1, d->cuts[i].member.s, d->cuts[i].member.n);
        at += 1 + d->cuts[i].member.n;
    }
    text[at++] = '}';
    *out = (struct mq_str){ text, at };
    return true;
}

static bool decode_object(struct decoder *d, const struct mq_object *object, const cJSON *item, void *out,
                          const struct place *place) {
    set_absent(object, out);
    if (!cJSON_IsObject(item))
        return refuse(d, place, "must be an object");

    const cJSON *found[MQ_JSON_FIELDS] = { 0 };
    size_t where[MQ_JSON_FIELDS] = { 0 }, members = 0;
    bool known[MQ_JSON_MEMBERS] = { false };
    for (const cJSON *member = item->child; member && members < MQ_JSON_MEMBERS; member = member->next, members++) {
        for (size_t i = 0; i < MQ_JSON_FIELDS && object->fields[i].name; i++) {
            if (strcmp(object->fields[i].name, member->string) != 0)
                continue;
            found[i] = member;
            where[i] = members;
            known[members] = true;
        }
    }

    bool good = true, outermost = item == d->document->root && d->cut_count == members;
    for (size_t i = 0; i < MQ_JSON_FIELDS && object->fields[i].name; i++) {
        const struct mq_field *f = &object->fields[i];
        struct place here = { .parent = place, .name = f->name };
        if (!found[i] || (f->nullable && cJSON_IsNull(found[i]))) {
            if (f->required && !found[i])
                good = refuse(d, &here, "is missing");
            continue;
        }
        bool fits = decode_field(d, f, found[i], outermost ? &d->cuts[where[i]] : NULL, (char *)out + f->offset, &here);
        if (f->has != 0)
            *(bool *)((char *)out + f->has) = fits;
        good &= fits;
    }
    if (object->extra != 0 && outermost)
        good &= keep_extra(d, known, members, (struct mq_str *)(void *)((char *)out + object->extra));
    return good;
}

struct cutter {
    struct cut *cuts;
    size_t count;
};

static int cut_member(void *userdata, struct mq_str key, struct mq_str value) {
    struct cutter *cutter = userdata;
    if (cutter->count == MQ_JSON_MEMBERS)
        return 1;
    const char *start = key.s - 1; /* at the key's quote */
    struct mq_str member = { start, (size_t)(value.s + value.n - start) };
    cutter->cuts[cutter->count++] = (struct cut){ member, key, value };
    return 0;
}

static bool wants_cuts(const struct mq_object *object) {
    bool wants = object->extra != 0;
    for (const struct mq_field *f = object->fields; f->name; f++)
        wants |= f->type == MQ_RAW;
    return wants;
}

static bool is_named(const struct mq_field *f, struct mq_str key) {
    return strncmp(f->name, key.s, key.n) == 0 && f->name[key.n] == '\0';
}

/* Adds to cJSON's tree one member of the outermost object: as far as its table wants to know. */
static bool plant(cJSON *root, const struct mq_object *object, const struct cut *cut) {
    const struct mq_field *named = NULL;
    bool whole = false;
    for (const struct mq_field *f = object->fields; f->name && !whole; f++) {
        if (!is_named(f, cut->key))
            continue;
        named = f;
        whole = f->type != MQ_RAW;
    }
    cJSON *item = whole ? cJSON_ParseWithLengthOpts(cut->value.s, cut->value.n, NULL, false)
                  : cut->value.s[0] == '{' ? cJSON_CreateObject() : cut->value.s[0] == 'n' ? cJSON_CreateNull() : cJSON_CreateFalse();
    if (item && cJSON_AddItemToObjectCS(root, named ? named->name : "", item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* The tree of an object of which the table wants some parts as bytes: these are not taken apart, and a case in an element costs no more
 * than its length. NULL: out of memory, or a name has escapes, and only cJSON can tell which it is. */
static cJSON *parse_wanted(const struct mq_object *object, const struct cut *cuts, size_t count) {
    cJSON *root = cJSON_CreateObject();
    for (size_t i = 0; i < count; i++) {
        if (root && !memchr(cuts[i].key.s, '\\', cuts[i].key.n) && plant(root, object, &cuts[i]))
            continue;
        cJSON_Delete(root);
        return NULL;
    }
    return root;
}

bool mq_json_decode(const struct mq_object *object, struct mq_str bytes, void *out, struct mq_document **document,
                    struct mq_faults *faults) {
    *document = NULL;
    if (mq_json_scan(bytes, faults))
        return mq_json_decode_scanned(object, bytes, out, document, faults);
    memset(out, 0, object->size);
    set_absent(object, out);
    return false;
}

bool mq_json_decode_scanned(const struct mq_object *object, struct mq_str bytes, void *out, struct mq_document **document,
                            struct mq_faults *faults) {
    *document = NULL;
    memset(out, 0, object->size);
    set_absent(object, out);
    struct decoder d = { .faults = faults };
    d.document = calloc(1, sizeof *d.document);
    if (!d.document)
        return out_of_memory(&d, NULL);
    *document = d.document;
    struct cut cuts[MQ_JSON_MEMBERS];
    struct cutter cutter = { .cuts = cuts };
    if (wants_cuts(object) && mq_json_each_member(bytes, cut_member, &cutter) == 0) {
        d.cuts = cuts;
        d.cut_count = cutter.count;
        d.document->root = parse_wanted(object, cuts, cutter.count);
    }
    if (!d.document->root)
        d.document->root = cJSON_ParseWithLengthOpts(bytes.s, bytes.n, NULL, false);
    if (!d.document->root)
        return out_of_memory(&d, NULL); /* all else was found by the scan */
    return decode_object(&d, object, d.document->root, out, NULL);
}
