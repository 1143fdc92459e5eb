/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims: values in, values out; what decides is in SQL.
 */

#include "basic/clock.h"
#include "domain/claim.h"
#include "domain/sql.h"
#include "json/writer.h"

void claim_request_init(ClaimRequest *request) {
        *request = (ClaimRequest) {};
        array_init(&request->demands, ARRAY_BIGINT);
        array_init(&request->workers, ARRAY_TEXT);
        array_init(&request->queues, ARRAY_TEXT);
}

void claim_request_deinit(ClaimRequest *request) {
        array_deinit(&request->demands);
        array_deinit(&request->workers);
        array_deinit(&request->queues);
}

void claim_request_add(ClaimRequest *request, int64_t demand, Text worker_name) {
        array_add_int(&request->demands, demand);
        array_add_text(&request->workers, worker_name);
}

void claim_request_add_queue(ClaimRequest *request, Text queue) {
        array_add_text(&request->queues, queue);
}

void claim_ask(Batch *batch, ClaimRequest *request) {
        batch_add(batch, &SQL_CLAIM_RUNS, array_param(&request->demands), array_param(&request->workers),
                  array_param(&request->queues), P_UUID(&request->after_project),
                  P_INT((int64_t) request->workflow_limit), P_INT((int64_t) request->join_within_usec));
}

size_t claims_read(const Rows *rows, Arena *arena, Claim **ret_claims) {
        size_t n = rows_count(rows);
        Claim *claims = arena_new(arena, Claim, n);

        for (size_t i = 0; i < n; i++)
                claims[i] = (Claim) {
                        .claimer = (size_t) rows_int(rows, i, rows_column(rows, "claimer")) - 1,
                        .run_id = rows_uuid(rows, i, rows_column(rows, "run_id")),
                        .project_id = rows_uuid(rows, i, rows_column(rows, "project_id")),
                        .nonce = rows_uuid(rows, i, rows_column(rows, "nonce")),
                        .run_timeout_msec = rows_int(rows, i, rows_column(rows, "run_timeout_ms")),
                };

        *ret_claims = claims;
        return n;
}

void claim_write_token(const Claim *claim, uint64_t now_usec, uint64_t grace_seconds, Buffer *claims) {
        int64_t now = (int64_t) (now_usec / USEC_PER_SEC);
        char id[UUID_STRING_SIZE], subject[sizeof("run:") + UUID_TEXT_LENGTH] = "run:";
        JsonWriter w = JSON_WRITER(claims);

        uuid_format(&claim->run_id, id);
        memcpy(subject + strlen("run:"), id, sizeof id);

        json_begin(&w, NULL);
        json_string(&w, "iss", "Lightning");
        json_string(&w, "id", id);
        json_string(&w, "sub", subject);
        json_int(&w, "nbf", now);
        json_int(&w, "exp", now + (claim->run_timeout_msec + 999) / 1000 + (int64_t) grace_seconds);
        json_uuid(&w, "claim", &claim->nonce);
        json_uuid(&w, "project_id", &claim->project_id);
        json_end(&w);
}

void run_set_init(RunSet *set) {
        array_init(&set->run_ids, ARRAY_UUID);
        array_init(&set->project_ids, ARRAY_UUID);
        array_init(&set->nonces, ARRAY_UUID);
}

void run_set_deinit(RunSet *set) {
        array_deinit(&set->run_ids);
        array_deinit(&set->project_ids);
        array_deinit(&set->nonces);
}

void run_set_add(RunSet *set, const Uuid *run_id, const Uuid *project_id, const Uuid *nonce) {
        array_add_uuid(&set->run_ids, run_id);
        array_add_uuid(&set->project_ids, project_id);
        if (nonce)
                array_add_uuid(&set->nonces, nonce);
}

void claims_give_back(Batch *batch, RunSet *set) {
        batch_add(batch, &SQL_CLAIMS_GIVE_BACK, array_move(&set->run_ids, batch->arena),
                  array_move(&set->project_ids, batch->arena),
                  array_move(&set->nonces, batch->arena));
}

void claims_give_back_unjoined(Batch *batch, int64_t at_most) {
        batch_add(batch, &SQL_CLAIMS_GIVE_BACK_UNJOINED, P_INT(at_most));
}

void given_back_read(const Rows *rows, size_t row, GivenBack *ret_given_back) {
        *ret_given_back = (GivenBack) {
                .run_id = rows_uuid(rows, row, rows_column(rows, "run_id")),
                .project_id = rows_uuid(rows, row, rows_column(rows, "project_id")),
                .worker_name = rows_text(rows, row, rows_column(rows, "worker_name")),
        };
}

void leases_renew(Batch *batch, RunSet *set, uint64_t lease_usec) {
        batch_add(batch, &SQL_LEASES_RENEW, array_move(&set->run_ids, batch->arena),
                  array_move(&set->project_ids, batch->arena),
                  P_INT((int64_t) lease_usec));
}

void leases_shorten(Batch *batch, RunSet *set, uint64_t lease_usec) {
        batch_add(batch, &SQL_LEASES_SHORTEN, array_move(&set->run_ids, batch->arena),
                  array_move(&set->project_ids, batch->arena),
                  P_INT((int64_t) lease_usec));
}
