-- SPDX-License-Identifier: Apache-2.0
--
-- A run and its worker; the transitions themselves are functions of migrations/0006-queue.sql.

-- name: run_join
-- params: run_id project_id nonce lease_usec
SELECT admitted, project_id, workflow_id, work_order_id, snapshot_id, trigger_id, job_id, dataclip_id, state,
       worker_name, save_dataclips, enable_job_logs, run_timeout_ms, run_memory_limit_mb,
       reply_after_completion, reply_success_code, reply_error_code, jobs, triggers, edges, n_fetched
  FROM run_join($1::uuid, $2::uuid, $3::uuid, $4::bigint * interval '1 microsecond');

-- name: run_start
-- params: project_id run_id worker_time
SELECT run_start($1::uuid, $2::uuid, $3::timestamptz) AS outcome;

-- name: run_complete
-- params: project_id run_id state worker_time error_type error_message
-- params: given_dataclip_id own_dataclip_id result save reply_status reply again
SELECT run_complete($1::uuid, $2::uuid, $3::text, $4::timestamptz, $5::text, $6::text,
                    $7::uuid, $8::uuid, $9::bytea, $10::boolean, $11::bigint, $12::bytea,
                    $13::boolean) AS outcome;
