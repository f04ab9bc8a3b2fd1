/* SPDX-License-Identifier: Apache-2.0 */
/* Stories of the messages' tables: what they let through, and that they say the same as schemas/messages. */
#include "message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define ID "0190a0b0-0000-7000-8000-000000000001"
#define OTHER "0190a0b0-0000-7000-8000-000000000002"
#define TIME "2026-11-23T02:10:00+08:00"

static char *read_source(const char *path) {
    const char *root = getenv("MINQING_SOURCE_ROOT");
    assert_non_null(root);
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "r");
    if (!file)
        fail_msg("no file %s", full);
    static char bytes[65536];
    size_t n = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[n] = '\0';
    return bytes;
}

static const cJSON *get(const cJSON *object, const char *name) {
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

/* Follows a $ref to $defs, also one inside anyOf with null. */
static const cJSON *resolve(const cJSON *root, const cJSON *schema) {
    const cJSON *any = get(schema, "anyOf");
    if (any)
        schema = cJSON_GetArrayItem(any, 0);
    const cJSON *ref = get(schema, "$ref");
    return ref ? get(get(root, "$defs"), ref->valuestring + strlen("#/$defs/")) : schema;
}

static bool type_is(const cJSON *schema, const char *type) {
    const cJSON *types = get(schema, "type"), *one;
    if (cJSON_IsString(types))
        return strcmp(types->valuestring, type) == 0;
    cJSON_ArrayForEach(one, types) {
        if (strcmp(one->valuestring, type) == 0)
            return true;
    }
    return false;
}

static bool allows_null(const cJSON *schema) {
    const cJSON *one;
    cJSON_ArrayForEach(one, get(schema, "enum")) {
        if (cJSON_IsNull(one))
            return true;
    }
    return type_is(schema, "null") || cJSON_GetArraySize(get(schema, "anyOf")) > 1;
}

static bool requires(const cJSON *schema, const char *name) {
    const cJSON *one;
    cJSON_ArrayForEach(one, get(schema, "required")) {
        if (strcmp(one->valuestring, name) == 0)
            return true;
    }
    return false;
}

static void assert_bound(const cJSON *schema, const char *word, double expected, const char *where) {
    const cJSON *bound = get(schema, word);
    double value = bound ? bound->valuedouble : 0;
    if (value < expected || value > expected)
        fail_msg("%s: %s is %.16g in the schema, %.16g in the table", where, word, value, expected);
}

static void assert_words(const cJSON *schema, const char *const *words, const char *where) {
    const cJSON *one;
    size_t i = 0;
    cJSON_ArrayForEach(one, get(schema, "enum")) {
        if (cJSON_IsNull(one))
            continue;
        if (!words[i] || strcmp(words[i], one->valuestring) != 0)
            fail_msg("%s: word %zu differs", where, i);
        i++;
    }
    if (words[i])
        fail_msg("%s: the schema does not know %s", where, words[i]);
}

static void assert_text(const cJSON *schema, const char *pattern, const char *where) {
    static const char *const classes[][2] = {
        { "written", "\\S" },
        { "account", "^[a-z0-9-]{3,32}$" },
        { "area", "^([0-9]{12}|[0-9]{15})$" },
        { "code", "^[a-z][a-z0-9_]*$" },
        { "digits", "^[0-9]*$" },
        { "hex64", "^[0-9a-f]{64}$" },
        { "uuid", "^(?!00000000-0000-0000-0000-000000000000$)[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$" },
        { "kind", "^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$" },
    };
    const char *expected = "";
    for (size_t i = 0; pattern && i < MQ_LENGTH(classes); i++) {
        if (strcmp(pattern, classes[i][0]) == 0)
            expected = classes[i][1];
    }
    const char *found = get(schema, "pattern") ? get(schema, "pattern")->valuestring : "";
    if (strcmp(found, expected) != 0 || (pattern && !*expected))
        fail_msg("%s: pattern %s in the schema, %s in the table", where, found, pattern ? pattern : "none");
}

static void assert_same_object(const cJSON *root, const cJSON *schema, const struct mq_object *object, const char *where);

static void assert_same_integer(const cJSON *schema, const struct mq_field *f, const char *where) {
    assert_true(type_is(schema, "integer"));
    if (f->pattern) {
        assert_string_equal(f->pattern, "format");
        assert_bound(schema, "const", f->min, where);
        assert_bound(schema, "const", f->max, where);
    } else {
        assert_bound(schema, "minimum", f->min, where);
        assert_bound(schema, "maximum", f->max, where);
    }
}

static void assert_same_field(const cJSON *root, const cJSON *schema, const struct mq_field *f, const char *where) {
    const cJSON *items = get(schema, "items");
    switch (f->type) {
    case MQ_STRING:
        assert_true(type_is(schema, "string"));
        assert_bound(schema, "minLength", f->min, where);
        assert_bound(schema, "maxLength", f->max, where);
        assert_text(schema, f->pattern, where);
        if (f->words || get(schema, "enum"))
            assert_words(schema, f->words, where);
        break;
    case MQ_ENUM:
        assert_words(schema, f->words, where);
        break;
    case MQ_INTEGER:
        assert_same_integer(schema, f, where);
        break;
    case MQ_NUMBER:
        assert_true(type_is(schema, "number"));
        assert_bound(schema, "minimum", f->min, where);
        assert_bound(schema, "maximum", f->max, where);
        break;
    case MQ_BOOLEAN:
        assert_true(type_is(schema, "boolean"));
        break;
    case MQ_UUID:
        assert_string_equal(get(schema, "format")->valuestring, "uuid");
        break;
    case MQ_TIME:
        assert_string_equal(get(schema, "format")->valuestring, "date-time");
        break;
    case MQ_OBJECT:
        assert_same_object(root, schema, f->object, where);
        break;
    case MQ_ARRAY:
    case MQ_STRINGS:
        assert_true(type_is(schema, "array"));
        assert_bound(schema, "minItems", f->min, where);
        assert_bound(schema, "maxItems", f->max, where);
        if (f->type == MQ_ARRAY)
            assert_same_object(root, resolve(root, items), f->object, where);
        else
            assert_text(resolve(root, items), f->pattern, where);
        break;
    case MQ_RAW:
        assert_true(type_is(schema, "object"));
        break;
    }
}

static void assert_same_object(const cJSON *root, const cJSON *schema, const struct mq_object *object, const char *where) {
    assert_true(type_is(schema, "object"));
    const cJSON *property, *properties = get(schema, "properties");
    size_t count = 0;
    for (const struct mq_field *f = object->fields; f->name; f++, count++) {
        char here[256];
        snprintf(here, sizeof here, "%s/%s", where, f->name);
        const cJSON *found = get(properties, f->name);
        if (!found)
            fail_msg("%s: the schema does not know it", here);
        if (requires(schema, f->name) != f->required)
            fail_msg("%s: required or not", here);
        if (allows_null(found) != f->nullable)
            fail_msg("%s: null or not", here);
        assert_same_field(root, resolve(root, found), f, here);
    }
    assert_true(count <= MQ_JSON_FIELDS);

    cJSON_ArrayForEach(property, properties) {
        bool known = false;
        for (const struct mq_field *f = object->fields; f->name; f++)
            known |= strcmp(f->name, property->string) == 0;
        if (!known && requires(schema, property->string))
            fail_msg("%s/%s: required, and the table does not know it", where, property->string);
    }
}

static void tables_and_schemas_say_the_same(void **state) {
    (void)state;
    size_t count = 0;
    for (; mq_objects[count]; count++) {
        char path[256], id[256];
        snprintf(path, sizeof path, "schemas/messages/%s.schema.json", mq_objects[count]->name);
        snprintf(id, sizeof id, "minqing:messages/%s", mq_objects[count]->name);
        cJSON *root = cJSON_Parse(read_source(path));
        assert_non_null(root);
        assert_string_equal(get(root, "$id")->valuestring, id);
        const cJSON *schema = type_is(root, "array") ? resolve(root, get(root, "items")) : root;
        assert_same_object(root, schema, mq_objects[count], mq_objects[count]->name);
        cJSON_Delete(root);
    }
    assert_int_equal(count, 18);
}

/* Cutting bytes is for the outermost object alone, and what a field offers must be there where it says. */
static void assert_sound(const struct mq_object *object, bool outermost) {
    for (const struct mq_field *f = object->fields; f->name; f++) {
        assert_true(f->offset < object->size);
        assert_true(f->has < object->size);
        assert_true(f->type != MQ_RAW || outermost);
        assert_true((f->type == MQ_OBJECT || f->type == MQ_ARRAY) == (f->object != NULL));
        assert_true(f->type != MQ_ENUM || f->words);
        if (f->object)
            assert_sound(f->object, false);
    }
    assert_true(object->extra == 0 || outermost);
}

static void tables_are_sound_in_themselves(void **state) {
    (void)state;
    for (size_t i = 0; mq_objects[i]; i++)
        assert_sound(mq_objects[i], true);
}

static void domains_stand_in_the_order_of_the_catalogue(void **state) {
    (void)state;
    const char *line = strchr(read_source("schemas/reference/kinds.tsv"), '\n');
    size_t at = 0, kinds = 0;
    while (line && line[1]) {
        size_t n = strcspn(++line, ".\t");
        if (!mq_domain_words[at] || n != strlen(mq_domain_words[at]) || strncmp(line, mq_domain_words[at], n) != 0)
            at++;
        assert_non_null(mq_domain_words[at]);
        assert_int_equal(strncmp(line, mq_domain_words[at], n), 0);
        line = strchr(line, '\n');
        kinds++;
    }
    assert_int_equal(at, 9);
    assert_true(kinds >= 50);
}

/* One message with all that it can say. */
static const struct {
    const struct mq_object *object;
    const char *text;
} examples[] = {
    { &mq_report_object, "{\"v\":1,\"id\":\"" ID "\",\"observed_at\":\"" TIME "\",\"text\":\"前面山头冒烟，疑似山火\","
      "\"location\":{\"lat\":22.9451,\"lon\":115.6449,\"accuracy_m\":8.5,\"datum\":\"gcj02\"},\"area\":\"441581105202001\","
      "\"domain\":\"fire_safety\",\"kind\":\"fire_safety.hill_fire\",\"severity\":4,"
      "\"attachments\":[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"],"
      "\"subject\":{\"name\":\"林某\",\"phone\":\"13800000000\", \"note\":[1]},\"origin\":\"patrol\",\"battery\":0.5}" },
    { &mq_receipt_object, "{\"v\":1,\"kind\":\"report\",\"id\":null,\"status\":\"rejected\","
      "\"errors\":[{\"path\":\"/text\",\"message\":\"is missing\"}],\"retry_after_s\":0,\"at\":\"" TIME "\"}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"state_version\":3,\"action\":\"return\","
      "\"reason\":\"属烟草局职责\",\"department\":\"tobacco\",\"domain\":\"counterfeit\",\"kind\":\"counterfeit.cigarettes\","
      "\"severity\":2,\"until\":\"" TIME "\"}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"action\":\"split\",\"reports\":[\"" ID "\",\"" OTHER "\"]}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"action\":\"merge\",\"into\":\"" ID "\"}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"action\":\"mobilise\",\"note\":\"带灭火器\",\"unit\":\"bomei-1\","
      "\"exercise\":true}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"action\":\"rate\",\"rating\":5}" },
    { &mq_action_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"action\":\"progress\",\"note\":\"已代办低保\",\"filed\":true}" },
    { &mq_answer_object, "{\"v\":1,\"id\":\"" ID "\",\"task\":\"" OTHER "\",\"answer\":\"arrived\",\"at\":\"" TIME "\",\"note\":\"到了\","
      "\"location\":{\"lat\":22.9451,\"lon\":115.6449},\"attachments\":[\"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"],"
      "\"battery\":1}" },
    { &mq_visit_object, "{\"v\":1,\"id\":\"" ID "\",\"observed_at\":\"" TIME "\",\"area\":\"441581105202\",\"location\":{\"lat\":22.9451,\"lon\":115.6449},"
      "\"text\":\"独居\",\"service\":\"打扫\",\"task\":\"" OTHER "\",\"subject\":{\"name\":\"林某加\"},\"mood\":\"good\"}" },
    { &mq_answered_object, "{\"v\":1,\"id\":\"" ID "\",\"what\":\"visit\"}" },
    { &mq_task_object, "{\"v\":1,\"task\":\"" ID "\",\"version\":2,\"case\":\"" OTHER "\",\"number\":\"博美-1123-042\",\"kind\":\"mobilise\","
      "\"exercise\":true,\"text\":\"到点石村后山集合\",\"location\":{\"lat\":22.9451,\"lon\":115.6449},\"due_at\":\"" TIME "\",\"state\":\"called\"}" },
    { &mq_query_object, "{\"v\":1,\"id\":\"" ID "\",\"state\":\"signed\",\"domain\":\"fire_safety\",\"kind\":\"fire_safety.hill_fire\","
      "\"severity\":3,\"department\":\"fire\",\"area\":\"441581\",\"overdue\":false,\"text\":\"后山 冒烟\",\"from\":\"" TIME "\",\"to\":\"" TIME "\","
      "\"limit\":200,\"after\":\"1~" OTHER "\"}" },
    { &mq_query_object, "{\"id\":\"" ID "\",\"case\":\"" OTHER "\",\"reason\":\"办理救助\"}" },
    { &mq_query_object, "{\"id\":\"" ID "\",\"by\":\"village\"}" },
    { &mq_result_object, "{\"v\":1,\"id\":\"" ID "\",\"name\":\"cases\",\"done\":true,\"total\":0,\"next\":\"1~" OTHER "\"}" },
    { &mq_result_object, "{\"v\":1,\"id\":null,\"name\":\"case\",\"done\":false,\"reason\":\"no such case\"}" },
    { &mq_reply_object, "{\"v\":1,\"action\":\"" ID "\",\"done\":false,\"reason\":\"stale\",\"state\":\"assigned\","
      "\"state_version\":4,\"allowed\":[\"sign\",\"return\"],\"case\":\"" OTHER "\",\"number\":\"博美-1123-042\"}" },
    { &mq_received_object, "{\"v\":1,\"id\":\"" ID "\",\"text\":\"x\",\"domain\":\"anti_drug\",\"kind\":\"anti_drug.tip\","
      "\"severity\":3}" },
    { &mq_classified_object, "{\"v\":1,\"id\":\"" ID "\","
      "\"traceparent\":\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"}" },
    { &mq_dispatched_object, "{\"v\":1,\"event\":12,\"ref\":\"" ID "\"}" },
    { &mq_dispatched_object, "{\"v\":1,\"event\":12,\"ref\":\"" ID "\",\"opened\":{\"number\":\"博美-1123-042\",\"text\":\"后山 \\\"冒烟\\\"\",\"parts\":[{}]}}" },
    { &mq_stream_line_object, "{\"v\":1,\"event\":12,\"at\":\"" TIME "\",\"what\":\"opened\",\"severity\":4,"
      "\"area\":\"441581105\",\"case\":\"" ID "\",\"text\":\"山火\"}" },
    { &mq_case_object, "{\"v\":1,\"case\":\"" ID "\",\"number\":\"博美-1123-042\",\"version\":7,\"state_version\":2,"
      "\"state\":\"assigned\",\"domain\":\"fire_safety\",\"severity\":4,\"restricted\":false,\"area\":\"441581105202\","
      "\"opened_at\":\"" TIME "\",\"sign_by\":\"" TIME "\",\"handle_by\":\"" TIME "\",\"lead\":\"fire\","
      "\"parts\":[{\"department\":\"forestry\",\"role\":\"supporting\",\"state\":\"assigned\"}],\"summary\":\"山火\","
      "\"reports\":{\"count\":84,\"latest\":[{\"id\":\"" OTHER "\",\"observed_at\":\"" TIME "\",\"text\":\"烟\"}]},"
      "\"has_subject\":true}" },
    { &mq_case_object, "{\"v\":1,\"case\":\"" ID "\",\"number\":\"博美-1123-042\",\"version\":7,\"state_version\":2,"
      "\"state\":\"assigned\",\"severity\":3,\"restricted\":true,\"area\":\"441581105\",\"opened_at\":\"" TIME "\","
      "\"sign_by\":\"" TIME "\",\"handle_by\":\"" TIME "\"}" },
    { &mq_review_object, "{\"v\":1,\"report\":\"" ID "\",\"version\":1,\"state\":\"waiting\",\"text\":\"x\","
      "\"area\":\"441581105202\",\"received_at\":\"" TIME "\",\"probability\":0.25,\"severity\":4}" },
    { &mq_status_object, "{\"v\":1,\"report\":\"" ID "\",\"case\":\"" OTHER "\",\"version\":2,\"number\":\"博美-1123-042\","
      "\"state\":\"closed\",\"text\":\"已办结\"}" },
    { &mq_health_object, "{\"v\":1,\"service\":\"ingest\",\"instance\":\"1\",\"state\":\"standby\",\"version\":\"0.1.0\","
      "\"at\":\"" TIME "\",\"pid\":1,\"inbox_messages\":0,\"inbox_bytes\":0,\"behind\":0,\"database\":\"away\",\"counters\":{\"received\":12},"
      "\"recent\":{\"received\":2}}" },
};

static void every_message_comes_out_as_it_went_in(void **state) {
    (void)state;
    for (size_t i = 0; i < MQ_LENGTH(examples); i++) {
        MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
        MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
        struct mq_faults faults = { 0 };
        max_align_t message[64];
        assert_true(examples[i].object->size <= sizeof message);
        if (!mq_json_decode(examples[i].object, mq_str(examples[i].text), message, &document, &faults))
            fail_msg("%s%s %s", examples[i].object->name, faults.fault[0].path, faults.fault[0].message);
        mq_json_encode(examples[i].object, message, &out);
        assert_string_equal(mq_buffer_text(&out), examples[i].text);
    }
}

/* The fault at `path` of a report or action with `members` besides what it must have. */
static void assert_fault(const struct mq_object *object, const char *members, const char *path, const char *message) {
    char text[16384];
    snprintf(text, sizeof text, "{\"id\":\"" ID "\"%s,%s}",
             object == &mq_action_object ? ",\"action\":\"sign\"" : ",\"observed_at\":\"" TIME "\"", members);
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { 0 };
    max_align_t decoded[64];
    assert_false(mq_json_decode(object, mq_str(text), decoded, &document, &faults));
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.fault[0].path, path);
    assert_string_equal(faults.fault[0].message, message);
}

static void a_report_is_held_to_its_bounds(void **state) {
    (void)state;
    const struct mq_object *report = &mq_report_object;
    char text[4001 * 3 + 16] = "\"text\":\"", *end = text + strlen(text);
    for (size_t i = 0; i < 4001; i++)
        end = stpcpy(end, "山");
    strcpy(end, "\"");
    assert_fault(report, text, "/text", "must have 1 to 4000 characters, has 4001");
    assert_fault(report, "\"text\":\"\"", "/text", "must have 1 to 4000 characters, has 0");
    assert_fault(report, "\"text\":\" \\n\u3000\"", "/text", "must not be only white space");
    assert_fault(report, "\"x\":0", "/text", "is missing");

    static const struct {
        const char *members, *path, *message;
    } faults[] = {
        { "\"location\":{\"lat\":90.1,\"lon\":0}", "/location/lat", "must be a number from -90 to 90" },
        { "\"location\":{\"lat\":0}", "/location/lon", "is missing" },
        { "\"location\":{\"lat\":0,\"lon\":-181}", "/location/lon", "must be a number from -180 to 180" },
        { "\"location\":{\"lat\":0,\"lon\":0,\"accuracy_m\":-1}", "/location/accuracy_m",
          "must be a number from 0 to 1000000" },
        { "\"location\":{\"lat\":0,\"lon\":0,\"datum\":\"bd09\"}", "/location/datum", "must be one of wgs84, gcj02" },
        { "\"area\":\"441581105\"", "/area", "must have 12 to 15 characters, has 9" },
        { "\"area\":\"4415811052021\"", "/area", "must be 12 digits of a village or 15 of a grid" },
        { "\"area\":\"44158110520x\"", "/area", "must be 12 digits of a village or 15 of a grid" },
        { "\"severity\":0", "/severity", "must be an integer from 1 to 4" },
        { "\"severity\":5", "/severity", "must be an integer from 1 to 4" },
        { "\"kind\":\"Fire.x\"", "/kind", "must be a domain, a dot and a word, as in fire_safety.hill_fire" },
        { "\"kind\":\"fire_safety\"", "/kind", "must be a domain, a dot and a word, as in fire_safety.hill_fire" },
        { "\"kind\":\"a.b.c\"", "/kind", "must be a domain, a dot and a word, as in fire_safety.hill_fire" },
        { "\"attachments\":[\"AB\"]", "/attachments/0", "must be 64 hexadecimal digits in lower case" },
        { "\"subject\":7", "/subject", "must be an object" },
        { "\"subject\":{\"name\":1}", "/subject/name", "must be a string" },
        { "\"origin\":\"rumour\"", "/origin", "must be one of patrol, visit, telephone, hotline, resident, sensor" },
        { "\"v\":2", "/v", "is format 2, this program knows 1" },
    };
    for (size_t i = 0; i < MQ_LENGTH(faults); i++) {
        char members[512];
        snprintf(members, sizeof members, "\"text\":\"t\",%s", faults[i].members);
        assert_fault(report, members, faults[i].path, faults[i].message);
    }
}

static void an_action_is_held_to_its_bounds(void **state) {
    (void)state;
    char note[2100] = "\"note\":\"";
    memset(note + strlen(note), 'x', 2001);
    strcat(note, "\"");
    assert_fault(&mq_action_object, note, "/note", "must have at most 2000 characters, has 2001");
    assert_fault(&mq_action_object, "\"case\":\"1\"", "/case", "must be a UUID");
    assert_fault(&mq_action_object, "\"state_version\":-1", "/state_version", "must be an integer from 0 to 2147483647");
}

static void assert_answer(const char *members, const char *path) {
    char bytes[512];
    snprintf(bytes, sizeof bytes, "{\"id\":\"" ID "\",\"at\":\"" TIME "\",%s}", members);
    struct mq_answer answer;
    struct mq_document *document = NULL;
    struct mq_faults faults = { .count = 0 };
    assert_true(mq_json_decode(&mq_answer_object, mq_str(bytes), &answer, &document, &faults));
    mq_answer_check(&answer, &faults);
    assert_int_equal(faults.count, path ? 1 : 0);
    if (path)
        assert_string_equal(faults.fault[0].path, path);
    mq_document_free(document);
}

static void an_answer_names_one_thing_and_says_why_it_is_no_good(void **state) {
    (void)state;
    assert_answer("\"task\":\"" OTHER "\",\"answer\":\"acknowledged\"", NULL);
    assert_answer("\"case\":\"" OTHER "\",\"answer\":\"verified\"", NULL);
    assert_answer("\"case\":\"" OTHER "\",\"answer\":\"rework\",\"note\":\" 垃圾还在\"", NULL);
    assert_answer("\"answer\":\"arrived\"", "/task");
    assert_answer("\"task\":\"" OTHER "\",\"case\":\"" OTHER "\",\"answer\":\"arrived\"", "/case");
    assert_answer("\"task\":\"" OTHER "\",\"answer\":\"result\"", "/note");
    assert_answer("\"case\":\"" OTHER "\",\"answer\":\"rework\",\"note\":\" \\n\\t\"", "/note");
}

static void a_stage_element_of_another_format_is_refused(void **state) {
    (void)state;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { 0 };
    struct mq_received received;
    assert_false(mq_json_decode(&mq_received_object, MQ_STR("{\"v\":2,\"id\":\"" ID "\"}"), &received, &document, &faults));
    assert_string_equal(faults.fault[0].path, "/v");
    assert_string_equal(faults.fault[0].message, "is format 2, this program knows 1");
}

static void the_subject_is_decoded_and_kept_as_bytes(void **state) {
    (void)state;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    struct mq_faults faults = { 0 };
    struct mq_report report;
    assert_true(mq_json_decode(&mq_report_object, mq_str(examples[0].text), &report, &document, &faults));
    assert_true(report.has_subject);
    assert_true(mq_str_equal(report.subject.name, MQ_STR("林某")));
    assert_true(mq_str_equal(report.subject_raw, MQ_STR("{\"name\":\"林某\",\"phone\":\"13800000000\", \"note\":[1]}")));
    assert_true(mq_str_equal(report.extra, MQ_STR("{\"battery\":0.5}")));
    assert_string_equal(mq_domain_words[report.domain], "fire_safety");
}

static void a_subject_without_bytes_is_encoded_from_its_fields(void **state) {
    (void)state;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer out = { 0 };
    struct mq_report report = { .text = MQ_STR("t"), .observed_at = MQ_STR(TIME), .domain = -1, .origin = -1,
                                .has_subject = true, .subject.phone = MQ_STR("1") };
    report.id.bytes[15] = 1;
    mq_json_encode(&mq_report_object, &report, &out);
    assert_string_equal(mq_buffer_text(&out), "{\"id\":\"00000000-0000-0000-0000-000000000001\",\"observed_at\":\"" TIME "\","
                                              "\"text\":\"t\",\"subject\":{\"phone\":\"1\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_schemas_say_the_same),
        cmocka_unit_test(tables_are_sound_in_themselves),
        cmocka_unit_test(domains_stand_in_the_order_of_the_catalogue),
        cmocka_unit_test(every_message_comes_out_as_it_went_in),
        cmocka_unit_test(a_report_is_held_to_its_bounds),
        cmocka_unit_test(an_action_is_held_to_its_bounds),
        cmocka_unit_test(an_answer_names_one_thing_and_says_why_it_is_no_good),
        cmocka_unit_test(a_stage_element_of_another_format_is_refused),
        cmocka_unit_test(the_subject_is_decoded_and_kept_as_bytes),
        cmocka_unit_test(a_subject_without_bytes_is_encoded_from_its_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
