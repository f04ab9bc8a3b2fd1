/* SPDX-License-Identifier: Apache-2.0 */
/* JSON at the edge: a strict scan of the bytes (RFC 8259, stricter than cJSON), then decoding and encoding of structs from
 * tables of fields. A message is one `struct mq_object` table beside its C struct; every fault is reported with its JSON
 * Pointer (RFC 6901). */
#ifndef MQ_JSON_H
#define MQ_JSON_H

#include "base.h"
#include "buffer.h"
#include "uuid.h"

#define MQ_JSON_DEPTH 16       /* arrays and objects inside each other */
#define MQ_JSON_MEMBERS 128    /* members of one object; also the bound of the duplicate-key check */
#define MQ_JSON_FIELDS 48      /* of one table */
#define MQ_FAULTS 16           /* faults kept of one message; later ones are only counted */

/* One thing wrong with a message. */
struct mq_fault {
    char path[96];     /* JSON Pointer, "" for the whole message */
    char message[160]; /* a sentence without final stop, English */
};

struct mq_faults {
    size_t count; /* all found; the first MQ_FAULTS are in `fault` */
    struct mq_fault fault[MQ_FAULTS];
};

/* Adds a fault; path and message are cut to fit. */
void mq_fault_add(struct mq_faults *faults, const char *path, const char *format, ...) MQ_PRINTF(3, 4);

/* Scans the bytes of one JSON text. Refused: anything RFC 8259 does not allow, bytes after the value, invalid UTF-8 (overlong
 * forms, surrogates, above U+10FFFF), \u0000 and unpaired \u surrogates, duplicate keys (compared after unescaping), depth over
 * MQ_JSON_DEPTH, more than MQ_JSON_MEMBERS members, integers outside ±2^53, numbers that are not finite, longer than 63 characters
 * (cJSON's own bound) or with an exponent of more than 4 digits (jsonb's).
 * true: good. false: one fault was added, with path and, in the message, the byte offset. */
MQ_MUST_CHECK bool mq_json_scan(struct mq_str bytes, struct mq_faults *faults);

/* The same, and if the bytes are an array also where its elements are: the first `most` into `parts`, in order. *count says how many there
 * are, SIZE_MAX where the bytes are no array. */
MQ_MUST_CHECK bool mq_json_scan_parts(struct mq_str bytes, struct mq_str *parts, size_t most, size_t *count, struct mq_faults *faults);

/* How many bytes at the start of `bytes` are ASCII that a JSON string may have as it is: no quote, no backslash, no control character. */
size_t mq_json_plain(struct mq_str bytes);

/* Calls `each` for every element of a scanned JSON array, in order, with the element's own bytes (a slice of `array`).
 * `each` returns 0 to go on; anything else ends the walk and is returned. -EINVAL when the bytes are not an array. */
int mq_json_each(struct mq_str array, int (*each)(void *userdata, struct mq_str element), void *userdata);

/* The same for every member of a scanned JSON object; `key` is what stands between its quotes, escapes as they came. */
int mq_json_each_member(struct mq_str object, int (*each)(void *userdata, struct mq_str key, struct mq_str value),
                        void *userdata);

/* What stands before the first place where `word` (small ASCII letters) is spelled: in letters or \u escapes, large or small, in a key,
 * a text or anywhere, in UTF-8 or wider. `bytes` may be anything; all of them where the word is not there. For what must not be kept. */
struct mq_str mq_json_before_word(struct mq_str bytes, struct mq_str word);

enum mq_type {
    MQ_STRING,  /* struct mq_str; min..max in code points */
    MQ_ENUM,    /* int: index in .words, -1 when absent */
    MQ_INTEGER, /* int64_t, min..max */
    MQ_NUMBER,  /* double, min..max */
    MQ_BOOLEAN, /* bool */
    MQ_UUID,    /* struct mq_uuid */
    MQ_TIME,    /* struct mq_str, RFC 3339 with offset, checked including calendar and ranges */
    MQ_OBJECT,  /* the struct of .object, inside this one */
    MQ_ARRAY,   /* struct mq_array of elements of .object; min..max elements */
    MQ_STRINGS, /* struct mq_array of struct mq_str; min..max elements */
    MQ_RAW,     /* struct mq_str: any value, as its own bytes cut from the message; only in the outermost object */
};

/* An array of decoded elements; memory belongs to the document. */
struct mq_array {
    void *items;
    size_t count;
};

/* One field of a message. `has` is the offset of a bool that tells whether it was there; 0 where nobody asks
 * (so a `has` member is never the first of its struct). */
struct mq_field {
    const char *name;
    enum mq_type type;
    size_t offset;
    size_t has;
    bool required;
    bool nullable;              /* null counts as absent */
    double min, max;            /* both 0: no bound */
    const char *const *words;   /* MQ_ENUM, and MQ_STRING where only some are good: NULL-terminated */
    const struct mq_object *object;
    const char *pattern; /* a class of text of mq_json_pattern, or NULL: MQ_STRING and MQ_STRINGS "account", "area", "code",
                          * "digits", "hex64", "kind", "uuid", "written" (not only white space); MQ_INTEGER "format" (a `v`);
                          * MQ_RAW "object" */
};

/* A message or a part of one. */
struct mq_object {
    const char *name;              /* of schemas/messages/{name}.schema.json, or of the part */
    size_t size;                   /* of the struct */
    const struct mq_field *fields; /* ends with name NULL */
    size_t extra;                  /* offset of a struct mq_str for unknown members as one JSON object text, or 0; only of the
                                    * outermost object */
};

/* What a decoded struct's strings point into. */
struct mq_document;
void mq_document_free(struct mq_document *document);
static inline void mq_document_cleanup(struct mq_document **document) { mq_document_free(*document); }

/* Scans and decodes `bytes` into `out` (object->size bytes, zeroed first). All faults are reported, not only the first. Strings
 * live until mq_document_free; `bytes` must live as long (MQ_RAW and `extra` may point into it).
 * true: no fault and *document set. false: at least one fault; what could be read is in `out` all the same (a receipt wants
 * the id), and *document must be freed too (may be NULL). Unknown members are never a fault. */
MQ_MUST_CHECK bool mq_json_decode(const struct mq_object *object, struct mq_str bytes, void *out, struct mq_document **document,
                                  struct mq_faults *faults);

/* The same of bytes that mq_json_scan found good: an element of an array that it scanned. */
MQ_MUST_CHECK bool mq_json_decode_scanned(const struct mq_object *object, struct mq_str bytes, void *out, struct mq_document **document,
                                          struct mq_faults *faults);

/* Appends `in` as JSON; absent optional fields are left out (has false, MQ_STRING with s NULL, enum -1, nil UUID, no elements;
 * where there is no `has`: zero). An absent field that is required is written as null, an array as []. Of two fields with one
 * name the first that is there is written. */
void mq_json_encode(const struct mq_object *object, const void *in, struct mq_buffer *out);

/* Appends a JSON string with quotes and escapes; `text` must be UTF-8. */
void mq_json_string(struct mq_buffer *out, struct mq_str text);

/* Appends [{path,message}…]. */
void mq_json_faults(struct mq_buffer *out, const struct mq_faults *faults);

/* Has valid UTF-8 more than white space, as JSON Schema's \S means it (the ideographic space is white)? */
bool mq_json_written(struct mq_str text);

/* Number of code points of valid UTF-8. */
size_t mq_json_code_points(struct mq_str text);

#endif
