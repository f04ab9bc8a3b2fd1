/* SPDX-License-Identifier: Apache-2.0 */
/* What an officer may see: phrases of scenes over the ten domains and some chat, from which the simulator makes its sentences.
 * Written for the simulator alone: the classifier is not trained on them. */
#ifndef MQ_SCENES_H
#define MQ_SCENES_H

#include "common/base.h"

struct mq_scene {
    int domain;         /* index in mq_domain_words; -1: chat, belongs nowhere */
    const char *kind;   /* without the domain */
    int severity;       /* as an officer would rate it */
    const char *phrase; /* what follows the place */
};

extern const struct mq_scene mq_scenes[];
extern const size_t mq_scene_count;

#endif
