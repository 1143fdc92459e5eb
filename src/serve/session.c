/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who asks: what every way of authentication has in common.
 */

#include "serve/session.h"

void session_set_principal(Call *call, const Principal *principal) {
        call->principal = arena_memdup(&call->arena, principal, sizeof *principal);

        switch (principal->kind) {
        case PRINCIPAL_USER:
                call_log_uuid(call, "FULGUR_USER_ID", &principal->user_id);
                break;
        case PRINCIPAL_RUN:
                call_log_uuid(call, "FULGUR_RUN_ID", &principal->run_id);
                break;
        case PRINCIPAL_PROJECT:
                call_log_uuid(call, "FULGUR_PROJECT_ID", &principal->project_id);
                break;
        }
}

int session_bearer(Call *call, Text *ret_token) {
        static const char scheme[] = "Bearer ";
        HttpRequest *request = call_request(call);
        Text header;

        /* Several may be read differently by a proxy and by us: they count as none. */
        if (!request || http_header_count(request, "authorization") != 1)
                return -EKEYREJECTED;

        header = call_request_header(call, "authorization");
        if (header.length < sizeof scheme || !text_starts_with(header, scheme))
                return -EKEYREJECTED;

        *ret_token = text_make(header.data + sizeof scheme - 1, header.length - (sizeof scheme - 1));
        return 0;
}
