/* SPDX-License-Identifier: Apache-2.0 */
/* Area codes. */
#include "area.h"

bool mq_area_valid(struct mq_str code) {
    for (size_t i = 0; i < code.n; i++)
        if (code.s[i] < '0' || code.s[i] > '9')
            return false;
    return code.n == 4 || code.n == 6 || code.n == 9 || code.n == 12 || code.n == 15;
}

bool mq_area_parts(struct mq_str code, struct mq_str *county, struct mq_str *town) {
    if (!mq_area_valid(code))
        return false;
    *county = code.n >= 6 ? (struct mq_str){ code.s, 6 } : (struct mq_str){ NULL, 0 };
    *town = code.n >= 9 ? (struct mq_str){ code.s, 9 } : (struct mq_str){ NULL, 0 };
    return true;
}
