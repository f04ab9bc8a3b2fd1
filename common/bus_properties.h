/* SPDX-License-Identifier: Apache-2.0 */
/* The properties of MQTT 5 that messages have. For bus.c. */
#ifndef MQ_BUS_PROPERTIES_H
#define MQ_BUS_PROPERTIES_H

#include "bus.h"

#include <MQTTClient.h>

/* Adds what the publication asks for; Paho copies it. */
void mq_bus_properties_for(const struct mq_publication *publication, MQTTProperties *properties);

/* Fills in what an arrival has of them; they stay Paho's. */
void mq_bus_properties_of(const MQTTProperties *properties, struct mq_arrival *arrival);

#endif
