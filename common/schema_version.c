/* SPDX-License-Identifier: Apache-2.0 */
/* The schema that this build belongs to. */
#include "store.h"
#include "version.h"

const int mq_store_schema_version = MQ_SCHEMA_VERSION;
