/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of MQTT 5, from our structs and into them. */
#include "bus_properties.h"

static struct mq_str property_str(const MQTTProperties *properties, enum MQTTPropertyCodes id) {
    MQTTProperty *p = MQTTProperties_getProperty((MQTTProperties *)properties, id);
    return p ? (struct mq_str){ p->value.data.data, (size_t)p->value.data.len } : (struct mq_str){ NULL, 0 };
}

static struct mq_str user_property(const MQTTProperties *properties, struct mq_str name) {
    for (int i = 0; i < properties->count; i++) {
        const MQTTProperty *p = &properties->array[i];
        if (p->identifier == MQTTPROPERTY_CODE_USER_PROPERTY
            && mq_str_equal((struct mq_str){ p->value.data.data, (size_t)p->value.data.len }, name))
            return (struct mq_str){ p->value.value.data, (size_t)p->value.value.len };
    }
    return (struct mq_str){ NULL, 0 };
}

static void add_data(MQTTProperties *properties, enum MQTTPropertyCodes id, struct mq_str value) {
    MQTTProperty p = { .identifier = id };
    p.value.data.data = (char *)value.s;
    p.value.data.len = (int)value.n;
    MQTTProperties_add(properties, &p);
}

void mq_bus_properties_for(const struct mq_publication *p, MQTTProperties *properties) {
    if (p->payload.n && !p->bytes) {
        MQTTProperty format = { .identifier = MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR };
        format.value.byte = 1;
        MQTTProperties_add(properties, &format);
        add_data(properties, MQTTPROPERTY_CODE_CONTENT_TYPE, MQ_STR("application/json"));
    }
    if (p->expiry_s > 0) {
        MQTTProperty expiry = { .identifier = MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL };
        expiry.value.integer4 = (unsigned)p->expiry_s;
        MQTTProperties_add(properties, &expiry);
    }
    if (p->response_topic.n)
        add_data(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC, p->response_topic);
    if (p->correlation.n)
        add_data(properties, MQTTPROPERTY_CODE_CORRELATION_DATA, p->correlation);
    if (p->traceparent.n) {
        MQTTProperty user = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };
        user.value.data.data = (char *)"traceparent";
        user.value.data.len = (int)strlen("traceparent");
        user.value.value.data = (char *)p->traceparent.s;
        user.value.value.len = (int)p->traceparent.n;
        MQTTProperties_add(properties, &user);
    }
}

void mq_bus_properties_of(const MQTTProperties *properties, struct mq_arrival *arrival) {
    arrival->response_topic = property_str(properties, MQTTPROPERTY_CODE_RESPONSE_TOPIC);
    arrival->correlation = property_str(properties, MQTTPROPERTY_CODE_CORRELATION_DATA);
    arrival->content_type = property_str(properties, MQTTPROPERTY_CODE_CONTENT_TYPE);
    arrival->traceparent = user_property(properties, MQ_STR("traceparent"));
}
