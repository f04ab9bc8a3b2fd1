/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor looks at certificates. */
#include "doctor.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

/* Days until the first certificate of the file ends; false: none can be read. */
static bool days_left(const char *path, int *days, const char **fault) {
    FILE *file = fopen(path, "re");
    if (!file) {
        *fault = strerror(errno);
        return false;
    }
    bool any = false;
    for (X509 *certificate; (certificate = PEM_read_X509(file, NULL, NULL, NULL)); X509_free(certificate)) {
        int left = 0, seconds = 0;
        if (!ASN1_TIME_diff(&left, &seconds, NULL, X509_get0_notAfter(certificate)))
            continue;
        if (!any || left < *days)
            *days = left;
        any = true;
    }
    fclose(file);
    *fault = "没有可读的证书 no certificate in it";
    return any;
}

static void check(struct mq_doctor *d, const char *path) {
    int days = 0;
    const char *fault = "";
    if (!days_left(path, &days, &fault))
        mq_doctor_say(d, "certificates", errno == EACCES ? MQ_CHECK_UNKNOWN : MQ_CHECK_FAULT, "%s: %s", path, fault);
    else
        mq_doctor_say(d, "certificates", days < d->certificate_days ? MQ_CHECK_FAULT : MQ_CHECK_GOOD, "%s: 还有 %d 天 days left",
                      path, days);
}

static bool is_local(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

void mq_doctor_certificates(struct mq_doctor *d) {
    const char *services = mq_doctor_setting(d, "mqtt", "ca_file"), *host = mq_doctor_setting(d, "mqtt", "host");
    const char *ours = d->login.ca_file;
    bool any = false;
    if (services && *services)
        check(d, services), any = true;
    if (ours && *ours && (!services || strcmp(ours, services) != 0))
        check(d, ours), any = true;
    if (*d->broker_certificate)
        check(d, d->broker_certificate), any = true;
    if (any)
        return;
    if (host && *host && !is_local(host))
        mq_doctor_say(d, "certificates", MQ_CHECK_FAULT,
                      "到 %s 没有加密：设 [mqtt] ca_file no TLS to another machine: set [mqtt] ca_file", host);
    else
        mq_doctor_say(d, "certificates", MQ_CHECK_GOOD, "本机连接，不用证书 none: the broker is on this machine");
}
