-- SPDX-License-Identifier: Apache-2.0
--
-- Claims and leases; the claim itself is claim_runs() in migrations/0006-queue.sql.

-- name: claim_runs
-- params: demands workers queues after_project workflow_limit join_within_usec
SELECT claimer, run_id, project_id, nonce, run_timeout_ms
  FROM claim_runs($1::bigint[], $2::text[], $3::text[],
                  coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'), $5::bigint,
                  $6::bigint * interval '1 microsecond', 1000);

-- name: claims_give_back
-- params: run_ids project_ids nonces
SELECT run_id, project_id, worker_name FROM runs_give_back($1::uuid[], $2::uuid[], $3::uuid[]);

-- name: claims_give_back_unjoined
-- params: at_most
SELECT run_id, project_id, worker_name FROM runs_give_back_unjoined($1::bigint);

-- In the order of the ids, so that two instances that renew the same runs do not wait for each other
-- crosswise.
--
-- name: leases_renew
-- params: run_ids project_ids lease_usec
WITH mine AS (
  SELECT q.run_id, q.project_id
    FROM unnest($1::uuid[], $2::uuid[]) AS r (run_id, project_id)
    JOIN run_queue q ON q.run_id = r.run_id AND q.project_id = r.project_id
   WHERE q.state <> 'available' AND q.joined_at IS NOT NULL
   ORDER BY q.run_id
   FOR UPDATE OF q)
UPDATE run_queue q
   SET lease_expires_at = now() + $3::bigint * interval '1 microsecond'
  FROM mine m
 WHERE q.run_id = m.run_id AND q.project_id = m.project_id;

-- name: leases_shorten
-- params: run_ids project_ids lease_usec
WITH mine AS (
  SELECT q.run_id, q.project_id
    FROM unnest($1::uuid[], $2::uuid[]) AS r (run_id, project_id)
    JOIN run_queue q ON q.run_id = r.run_id AND q.project_id = r.project_id
   WHERE q.state <> 'available' AND q.joined_at IS NOT NULL
   ORDER BY q.run_id
   FOR UPDATE OF q)
UPDATE run_queue q
   SET lease_expires_at = least(q.lease_expires_at, now() + $3::bigint * interval '1 microsecond')
  FROM mine m
 WHERE q.run_id = m.run_id AND q.project_id = m.project_id;
