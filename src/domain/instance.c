/* SPDX-License-Identifier: Apache-2.0 */

#include "domain/instance.h"
#include "domain/sql.h"

void instance_seen(Batch *batch, const Uuid *instance_id, const char *service, const char *host,
                   Text workers) {
        batch_add(batch, &SQL_INSTANCE_SEEN, P_UUID(instance_id), P_STRING(service), P_STRING(host),
                  P_TEXT(workers));
}

void instance_gone(Batch *batch, const Uuid *instance_id) {
        batch_add(batch, &SQL_INSTANCE_GONE, P_UUID(instance_id));
}
