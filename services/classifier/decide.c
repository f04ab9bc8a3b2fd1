/* SPDX-License-Identifier: Apache-2.0 */
/* Reports become classifications. */
#include "classifier.h"

#include <stdio.h>

/* What the model must be this sure of before its disagreement with an officer is said, or before its “nothing to act on” keeps a
 * kind's severity out. */
#define STRONG 0.9

static void because_json(const struct mq_prediction *p, struct mq_buffer *out) {
    mq_buffer_reset(out, 4096);
    mq_buffer_append_text(out, "{\"phrases\":[");
    for (size_t i = 0; i < p->because_count; i++) {
        mq_buffer_append_text(out, i ? ",{\"text\":" : "{\"text\":");
        mq_json_string(out, mq_str(p->because[i].text));
        mq_buffer_printf(out, ",\"weight\":%.3f}", p->because[i].weight);
    }
    mq_buffer_append_char(out, ']');
    if (p->runner_up)
        mq_buffer_printf(out, ",\"runner_up\":{\"domain\":\"%s\",\"probability\":%.3f}", p->runner_up, p->runner_up_probability);
    mq_buffer_append_char(out, '}');
}

static void also_cell(const struct mq_prediction *p, struct mq_columns *row) {
    char also[128] = "";
    for (size_t i = 0; i < p->also_count; i++)
        snprintf(also + strlen(also), sizeof(also) - strlen(also), "%s%s", i ? "," : "", p->also[i].domain);
    mq_columns_optional(row, mq_str(also));
}

static void words_cell(struct mq_classifier *classifier, struct mq_columns *row) {
    int32_t words[MQ_MODEL_WORDS];
    size_t count = mq_model_words(classifier->scratch, words);
    struct mq_buffer *out = &classifier->words;
    mq_buffer_reset(out, 16384);
    mq_buffer_append_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        if (i)
            mq_buffer_append_char(out, ',');
        mq_buffer_append_integer(out, words[i]);
    }
    mq_buffer_append_char(out, '}');
    mq_columns_text(row, (struct mq_str){ out->data, out->len });
}

int mq_decide_decode(struct mq_stage *stage, const struct mq_element *element, struct mq_columns *row, struct mq_faults *faults) {
    struct mq_classifier *classifier = mq_stage_userdata(stage);
    struct mq_received received;
    MQ_CLEANUP(mq_document_cleanup) struct mq_document *document = NULL;
    if (!mq_element_decode(element, &mq_received_object, &received, &document, faults))
        return 1;
    struct mq_prediction p;
    mq_model_predict(classifier->model, classifier->scratch, received.text, &p);
    because_json(&p, &classifier->because);

    char id[MQ_UUID_TEXT];
    mq_uuid_format(&received.id, id);
    mq_columns_text(row, mq_str(id));
    mq_columns_optional(row, received.domain >= 0 ? mq_str(mq_domain_words[received.domain]) : (struct mq_str){ NULL, 0 });
    mq_columns_optional(row, received.kind);
    if (received.severity)
        mq_columns_integer(row, received.severity);
    else
        mq_columns_null(row);
    mq_columns_optional(row, mq_str(p.domain));
    mq_columns_optional(row, mq_str(p.kind));
    mq_columns_number(row, p.probability);
    mq_columns_integer(row, p.critical ? 4 : p.severity);
    mq_columns_boolean(row, !p.review);
    mq_columns_boolean(row, p.probability >= STRONG);
    mq_columns_boolean(row, p.severity == 1 && p.severity_probability >= STRONG && !p.critical);
    also_cell(&p, row);
    mq_columns_text(row, (struct mq_str){ classifier->because.data, classifier->because.len });
    mq_columns_text(row, mq_str(mq_model_name(classifier->model)));
    mq_columns_text(row, received.traceparent);
    words_cell(classifier, row);
    return 0;
}

int mq_decide_encode(struct mq_stage *stage, const struct mq_element *elements, PGresult *result) {
    (void)elements;
    int rows = PQntuples(result);
    mq_metrics_add(mq_stage_metrics(stage), MQ_METRIC_STORED, (uint64_t)rows);
    for (int i = 0; i < rows; i++)
        mq_stage_pass(stage, MQ_TOPIC_STAGE_CLASSIFIED, mq_result_str(result, i, 0));
    return 0;
}
