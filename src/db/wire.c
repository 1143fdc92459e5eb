/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Parameters onto the wire.
 *
 * Everything is sent in binary form and no type is announced: PostgreSQL takes the type from where the
 * parameter stands in the statement, once, when it is prepared. (A type taken from a value would change with
 * it: null has none.) So the statement says what it wants, `$1::bigint`, and a value of another shape is an
 * error of the statement, not a guess.
 */

#include <endian.h>

#include "db/misuse.h"
#include "db/wire.h"
#include "log/log.h"

#define USEC_1970_TO_2000 (946684800LL * 1000000LL)

typedef struct Encoded {
        const char *values[DB_MAX_PARAMS];
        int lengths[DB_MAX_PARAMS];
        int formats[DB_MAX_PARAMS];
        uint64_t numbers[DB_MAX_PARAMS];        /* what values[] points to, if not to the caller's memory */
} Encoded;

int64_t wire_time(uint64_t usec) {
        return usec == UINT64_MAX ? INT64_MAX : (int64_t) usec - USEC_1970_TO_2000;
}

uint64_t wire_time_usec(int64_t wire) {
        if (wire == INT64_MAX)
                return UINT64_MAX;

        /* Zero would mean "not set", and there is no time before it: the first microsecond stands for all
         * of that. */
        return wire > -USEC_1970_TO_2000 ? (uint64_t) (wire + USEC_1970_TO_2000) : 1;
}

static void encode(Encoded *encoded, size_t i, const Param *param) {
        const void *data = &encoded->numbers[i];
        size_t length = sizeof encoded->numbers[i];

        switch (param->type) {
        case PARAM_NULL:
                data = NULL;
                length = 0;
                break;
        case PARAM_TEXT:
        case PARAM_BYTES:
                /* An empty text may point anywhere; NULL would make it null. */
                data = param->text.length > 0 ? param->text.data : "";
                length = param->text.length;
                break;
        case PARAM_UUID:
                data = uuid_is_null(&param->uuid) ? NULL : param->uuid.bytes;
                length = data ? sizeof param->uuid.bytes : 0;
                break;
        case PARAM_INT:
                encoded->numbers[i] = htobe64((uint64_t) param->integer);
                break;
        case PARAM_TIME:
                encoded->numbers[i] = htobe64((uint64_t) wire_time((uint64_t) param->integer));
                break;
        case PARAM_BOOL:
                *(char *) &encoded->numbers[i] = param->boolean;
                length = 1;
                break;
        }

        encoded->values[i] = data;
        encoded->lengths[i] = (int) length;
        encoded->formats[i] = 1;
}

bool wire_send_prepare(PGconn *pg, const Query *query) {
        return PQsendPrepare(pg, query->name, query->sql, 0, NULL);
}

bool wire_send(PGconn *pg, const Statement *statement, bool prepared) {
        int n = (int) statement->n_params;
        Encoded encoded;

        for (size_t i = 0; i < statement->n_params; i++)
                encode(&encoded, i, &statement->params[i]);

        if (prepared)
                return PQsendQueryPrepared(pg, statement->query->name, n, encoded.values, encoded.lengths,
                                           encoded.formats, 1);

        return PQsendQueryParams(pg, statement->query->sql, n, NULL, encoded.values, encoded.lengths,
                                 encoded.formats, 1);
}

bool wire_is_success(const PGresult *pg_result) {
        ExecStatusType status = PQresultStatus(pg_result);

        return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

static void on_notice(_unused_ void *userdata, const char *message) {
        log_debug("PostgreSQL: %.*s", (int) strcspn(message, "\n"), message);
}

void wire_quiet(PGconn *pg) {
        PQsetNoticeProcessor(pg, on_notice, NULL);
}
