/* SPDX-License-Identifier: Apache-2.0 */
/* Sealed personal data, opened for the answer to a question that is in the audit already. */
#include "query.h"

#include "common/log.h"

#include <errno.h>
#include <sodium.h>

/* One person as a report or visit told it. */
struct person {
    struct mq_str name, phone, id_number, address, fault;
    struct mq_str more; /* what else was told, as one object */
};

#define PERSON(member) #member, MQ_STRING, .offset = offsetof(struct person, member)

/* As it was sealed: what else there is goes to `more`. */
static const struct mq_field sealed_fields[] = {
    { PERSON(name) }, { PERSON(phone) }, { PERSON(id_number) }, { PERSON(address) }, { .name = NULL },
};
static const struct mq_object sealed_object = { "subject", sizeof(struct person), sealed_fields, offsetof(struct person, more) };

/* As it is shown. */
static const struct mq_field shown_fields[] = {
    { PERSON(name) }, { PERSON(phone) }, { PERSON(id_number) }, { PERSON(address) }, { PERSON(fault) },
    { "more", MQ_RAW, .offset = offsetof(struct person, more) },
    { .name = NULL },
};
static const struct mq_object shown_object = { "person", sizeof(struct person), shown_fields, 0 };

/* Appends the clear bytes of a row. 0, -ENOMEM, -ENOKEY, -EBADMSG. */
static int open_row(const struct mq_seal *seal, const PGresult *result, int row, struct mq_buffer *clear) {
    size_t n = 0;
    struct mq_uuid context;
    unsigned char *sealed = PQunescapeBytea((const unsigned char *)PQgetvalue(result, row, MQ_ANSWER_SEALED), &n);
    if (!sealed)
        return -ENOMEM;
    int r = -EBADMSG;
    if (mq_uuid_parse(mq_result_str(result, row, MQ_ANSWER_CONTEXT), &context))
        r = mq_seal_open(seal, PQgetvalue(result, row, MQ_ANSWER_KEY), (struct mq_str){ (const char *)sealed, n },
                         (struct mq_str){ (const char *)context.bytes, sizeof(context.bytes) }, clear);
    PQfreemem(sealed);
    return r;
}

/* {"report":…,"observed_at":…} of the statement and the person, as one object. */
static void append_person(struct mq_buffer *out, struct mq_str told, const struct person *person) {
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer text = { 0 };
    mq_json_encode(&shown_object, person, &text);
    mq_buffer_append(out, told.s, told.n - 1);
    if (text.len > 2) {
        mq_buffer_append_char(out, ',');
        mq_buffer_append(out, text.data + 1, text.len - 1);
    } else {
        mq_buffer_append_char(out, '}');
    }
    out->failed |= text.failed;
    if (text.data)
        sodium_memzero(text.data, text.len);
}

static int append_row(const struct mq_seal *seal, const PGresult *result, int row, struct mq_buffer *out) {
    struct mq_str told = mq_result_str(result, row, MQ_ANSWER_SUBJECT);
    struct person person = { 0 };
    struct mq_faults faults;
    faults.count = 0;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    MQ_CLEANUP(mq_buffer_deinit) struct mq_buffer clear = { 0 };
    int r = open_row(seal, result, row, &clear);
    if (r == -ENOMEM)
        return r;
    if (r == 0 && !mq_json_decode(&sealed_object, (struct mq_str){ clear.data, clear.len }, &person, &document, &faults))
        r = -EBADMSG;
    if (r < 0) {
        mq_log(MQ_ERROR, "unseal", "personal data of %s cannot be opened: %s", PQgetvalue(result, row, MQ_ANSWER_CONTEXT),
               r == -ENOKEY ? "its key is not in the key file" : "damaged");
        person = (struct person){ .fault = r == -ENOKEY ? MQ_STR("its key is not in the key file: ask who keeps the keys") : MQ_STR("damaged") };
    }
    append_person(out, told, &person);
    if (clear.data)
        sodium_memzero(clear.data, clear.len);
    return 0;
}

int mq_subject_answer(const struct mq_seal *seal, struct mq_str answer, const PGresult *result, int first, int end, struct mq_buffer *out) {
    int r = 0;
    mq_buffer_append(out, answer.s, answer.n - 1);
    mq_buffer_append_text(out, ",\"subjects\":[");
    for (int row = first; row < end && r == 0; row++) {
        if (row > first)
            mq_buffer_append_char(out, ',');
        r = append_row(seal, result, row, out);
    }
    mq_buffer_append_text(out, "]}");
    return r < 0 ? r : out->failed ? -ENOMEM : 0;
}
