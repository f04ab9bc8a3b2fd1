/* SPDX-License-Identifier: Apache-2.0 */
/* Probabilities from the scores of the linear models. Prediction and calibration share it. */
#include "model_format.h"

#include <math.h>

#define UNKNOWN_KIND (-4.0f) /* evidence of a domain without kinds; as good as a firm no */

void mq_kind_evidence(const struct mq_shape *shape, const struct mq_model_label *kinds, float sharpness, const float *scores,
                      float *evidence) {
    const float *score = scores + mq_column_kinds(shape);
    float top[MQ_MODEL_DOMAINS], sum[MQ_MODEL_DOMAINS] = { 0 };
    for (uint32_t d = 0; d < shape->domains; d++)
        top[d] = UNKNOWN_KIND;
    for (uint32_t k = 0; k < shape->kinds; k++)
        top[kinds[k].domain] = fmaxf(top[kinds[k].domain], score[k]);
    for (uint32_t k = 0; k < shape->kinds; k++)
        sum[kinds[k].domain] += expf(sharpness * (score[k] - top[kinds[k].domain]));
    for (uint32_t d = 0; d < shape->domains; d++)
        evidence[d] = sum[d] > 0 ? top[d] + logf(sum[d]) / sharpness : UNKNOWN_KIND;
    if (shape->has_none && shape->kinds)
        evidence[shape->domains - 1] = score[shape->kinds];
}

void mq_severity_steps(const struct mq_shape *shape, const float *scores, float steps[MQ_MODEL_SEVERITIES]) {
    const float *score = scores + mq_column_severity(shape);
    steps[0] = 0;
    for (uint32_t s = 1; s < MQ_MODEL_SEVERITIES; s++)
        steps[s] = steps[s - 1] + (s <= shape->severities ? score[s - 1] : 0);
}

static void softmax(float *values, size_t n) {
    float top = values[0], sum = 0;
    for (size_t i = 1; i < n; i++)
        top = fmaxf(top, values[i]);
    for (size_t i = 0; i < n; i++)
        sum += values[i] = expf(values[i] - top);
    for (size_t i = 0; i < n; i++)
        values[i] /= sum;
}

static void mix_domains(const struct mq_shape *shape, const struct mq_model_label *kinds, const struct mq_calibration *c,
                        const float *scores, struct mq_mixed *out) {
    float evidence[MQ_MODEL_DOMAINS];
    mq_kind_evidence(shape, kinds, c->sharpness, scores, evidence);
    for (uint32_t d = 0; d < shape->domains; d++) {
        float several = shape->several ? scores[mq_column_several(shape) + d] : 0;
        out->domain[d] = c->direct * scores[d] + c->several * several + c->kind * evidence[d] + c->domain_bias[d];
        out->several[d] = 1 / (1 + expf(-(c->several_slope * several + c->several_bias)));
    }
    softmax(out->domain, shape->domains);
    out->best = 0;
    for (uint32_t d = 1; d < shape->domains; d++)
        if (out->domain[d] > out->domain[out->best])
            out->best = d;
    out->second = out->best == 0;
    for (uint32_t d = 0; d < shape->domains; d++)
        if (d != out->best && out->domain[d] > out->domain[out->second])
            out->second = d;
}

/* The kind within the best domain, and the logarithm of what the kinds say of each severity. */
static void mix_kind(const struct mq_shape *shape, const struct mq_model_label *kinds, const struct mq_calibration *c,
                     const float *scores, struct mq_mixed *out, float severity[MQ_MODEL_SEVERITIES]) {
    const float *score = scores + mq_column_kinds(shape);
    float top = -INFINITY, sum = 0, share[MQ_MODEL_SEVERITIES] = { 0 };
    out->kind = UINT32_MAX;
    out->kind_probability = 0;
    for (uint32_t k = 0; k < shape->kinds; k++)
        if (kinds[k].domain == out->best && (out->kind == UINT32_MAX || score[k] > top)) {
            top = score[k];
            out->kind = k;
        }
    for (uint32_t k = 0; k < shape->kinds && out->kind != UINT32_MAX; k++)
        if (kinds[k].domain == out->best) {
            float weight = expf(c->kind_slope * (score[k] - top));
            sum += weight;
            for (uint32_t s = 0; s < MQ_MODEL_SEVERITIES; s++)
                share[s] += weight * expf(kinds[k].severity[s]);
        }
    for (uint32_t s = 0; s < MQ_MODEL_SEVERITIES; s++)
        severity[s] = sum > 0 ? logf(share[s] / sum + 1e-6f) : 0;
    if (sum > 0)
        out->kind_probability = out->domain[out->best] / sum;
}

void mq_confidence_features(const struct mq_shape *shape, const struct mq_mixed *mixed, const float *scores, size_t symbols,
                            float out[MQ_MODEL_CONFIDENCE]) {
    float p = mixed->domain[mixed->best], length = logf((float)symbols + 1);
    const float *several = scores + mq_column_several(shape);
    out[0] = 1;
    out[1] = logf(p / (1 - p + 1e-6f) + 1e-6f);
    out[2] = shape->domains > 1 ? logf(mixed->domain[mixed->second] + 1e-6f) : 0;
    out[3] = shape->several ? several[mixed->best] : 0;
    out[4] = shape->several && shape->domains > 1 ? several[mixed->second] : 0;
    out[5] = length;
    out[6] = out[1] * length;
    out[7] = shape->has_none && mixed->best == shape->domains - 1;
    out[8] = mixed->kind == UINT32_MAX ? 0 : mixed->kind_probability / p;
}

static float confidence(const struct mq_shape *shape, const struct mq_calibration *c, const struct mq_mixed *mixed, const float *scores,
                        size_t symbols) {
    float features[MQ_MODEL_CONFIDENCE], sum = 0;
    mq_confidence_features(shape, mixed, scores, symbols, features);
    for (size_t i = 0; i < MQ_MODEL_CONFIDENCE; i++)
        sum += c->confidence[i] * features[i];
    return 1 / (1 + expf(-sum));
}

void mq_mix(const struct mq_shape *shape, const struct mq_model_label *kinds, const struct mq_calibration *c, const float *scores,
            size_t symbols, struct mq_mixed *out) {
    float prior[MQ_MODEL_SEVERITIES];
    mix_domains(shape, kinds, c, scores, out);
    mix_kind(shape, kinds, c, scores, out, prior);
    out->confidence = confidence(shape, c, out, scores, symbols);
    mq_severity_steps(shape, scores, out->severity);
    for (uint32_t s = 0; s < MQ_MODEL_SEVERITIES; s++)
        out->severity[s] = c->severity_score * out->severity[s] + c->severity_kind * prior[s] + c->severity_bias[s];
    softmax(out->severity, MQ_MODEL_SEVERITIES);
}
