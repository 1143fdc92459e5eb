/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which daemons are alive (service_instances): a lease only means something while somebody could have
 * renewed it.
 */

#include "db/batch.h"

/* This one is: said again every few seconds. `workers`: JSON array of who is connected to it. */
void instance_seen(Batch *batch, const Uuid *instance_id, const char *service, const char *host,
                   Text workers);
void instance_gone(Batch *batch, const Uuid *instance_id);
