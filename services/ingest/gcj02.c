/* SPDX-License-Identifier: Apache-2.0 */
/* GCJ-02 to WGS 84. */
#include "gcj02.h"

#include <math.h>
#include <stdbool.h>

#define AXIS 6378245.0
#define ECCENTRICITY2 0.00669342162296594323
#define RADIANS (M_PI / 180.0)

static bool outside(double lat, double lon) { return lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271; }

static double waves(double x) {
    return (20.0 * sin(6.0 * x * M_PI) + 20.0 * sin(2.0 * x * M_PI)) * 2.0 / 3.0;
}

static double shift_lat(double x, double y) {
    double d = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(fabs(x)) + waves(x);
    d += (20.0 * sin(y * M_PI) + 40.0 * sin(y / 3.0 * M_PI)) * 2.0 / 3.0;
    return d + (160.0 * sin(y / 12.0 * M_PI) + 320.0 * sin(y * M_PI / 30.0)) * 2.0 / 3.0;
}

static double shift_lon(double x, double y) {
    double d = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(fabs(x)) + waves(x);
    d += (20.0 * sin(x * M_PI) + 40.0 * sin(x / 3.0 * M_PI)) * 2.0 / 3.0;
    return d + (150.0 * sin(x / 12.0 * M_PI) + 300.0 * sin(x / 30.0 * M_PI)) * 2.0 / 3.0;
}

static void offset(double lat, double lon, double *dlat, double *dlon) {
    double s = sin(lat * RADIANS);
    double magic = 1.0 - ECCENTRICITY2 * s * s;
    *dlat = shift_lat(lon - 105.0, lat - 35.0) / ((AXIS * (1.0 - ECCENTRICITY2)) / (magic * sqrt(magic)) * RADIANS);
    *dlon = shift_lon(lon - 105.0, lat - 35.0) / (AXIS / sqrt(magic) * cos(lat * RADIANS) * RADIANS);
}

void mq_gcj02_to_wgs84(double *lat, double *lon) {
    if (outside(*lat, *lon))
        return;
    double wlat = *lat, wlon = *lon;
    for (int i = 0; i < 5; i++) {
        double dlat, dlon;
        offset(wlat, wlon, &dlat, &dlon);
        wlat = *lat - dlat;
        wlon = *lon - dlon;
    }
    *lat = wlat;
    *lon = wlon;
}
