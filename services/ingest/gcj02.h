/* SPDX-License-Identifier: Apache-2.0 */
/* The offset map datum GCJ-02 that Chinese map apps give instead of WGS 84. */
#ifndef MQ_GCJ02_H
#define MQ_GCJ02_H

/* Converts degrees in place to WGS 84, to better than a metre, by iterating the published forward transform
 * (ellipsoid Krasovsky 1940); outside China (72.004–137.8347 °E, 0.8293–55.8271 °N) both are the same. */
void mq_gcj02_to_wgs84(double *lat, double *lon);

#endif
