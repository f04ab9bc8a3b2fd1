/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences as officers write them, from a seed: the same seed gives the same sentences. */
#ifndef MQ_SIMULATE_TEXT_H
#define MQ_SIMULATE_TEXT_H

#include "common/buffer.h"
#include "scenes.h"

/* A small generator of numbers (splitmix64): enough to look varied, the same on every machine. */
struct mq_random {
    uint64_t state;
};

uint64_t mq_random_next(struct mq_random *random);
/* 0 … n-1; n > 0. */
size_t mq_random_below(struct mq_random *random, size_t n);
/* 0 ≤ x < 1. */
double mq_random_unit(struct mq_random *random);
bool mq_random_chance(struct mq_random *random, unsigned percent);

/* Appends one sentence about a scene; returns the scene. */
const struct mq_scene *mq_simulate_sentence(struct mq_random *random, struct mq_buffer *out);

/* Appends an invented person as JSON object. */
void mq_simulate_subject(struct mq_random *random, const char *village, struct mq_buffer *out);

#endif
