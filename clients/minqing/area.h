/* SPDX-License-Identifier: Apache-2.0 */
/* Area codes: 4 digits a city, 6 a county, 9 a town, 12 a village, 15 a grid; each is a prefix of those in it. */
#ifndef MQ_AREA_H
#define MQ_AREA_H

#include "common/base.h"

bool mq_area_valid(struct mq_str code);

/* The county and town levels of topics for an account or a filter of this area: {NULL,0} where all are meant (the county of a
 * city, the town of a county). Villages and grids count as their town. false: not a code. */
MQ_MUST_CHECK bool mq_area_parts(struct mq_str code, struct mq_str *county, struct mq_str *town);

#endif
