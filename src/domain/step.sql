-- SPDX-License-Identifier: Apache-2.0
--
-- Steps; the functions are in migrations/0006-queue.sql.

-- name: step_start
-- params: project_id run_id step_id job_id input_dataclip_id worker_time
SELECT step_start($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid, $6::timestamptz) AS outcome;

-- name: step_complete
-- params: project_id run_id step_id reason error_type error_message worker_time
-- params: duration_ms memory_job memory_system memory_peak
-- params: output_too_large output_dataclip_id output webhook_response
SELECT step_complete($1::uuid, $2::uuid, $3::uuid, $4::text, $5::text, $6::text, $7::timestamptz,
                     $8::bigint, $9::bigint, $10::bigint, $11::bigint, $12::boolean,
                     $13::uuid, $14::bytea, $15::bytea) AS outcome;
