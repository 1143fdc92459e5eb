-- SPDX-License-Identifier: Apache-2.0
--
-- What callers who wait for their run are answered. The worker's side computes status and data when the run
-- ends (webhook_replies); here they are fetched.

-- A row for each of these runs that has ended. It has no reply when it ended without its worker: lost, or
-- cancelled before it was claimed.
--
-- name: webhook_answer_find
-- params: run_ids project_ids
SELECT a.n, r.state, r.error_type, r.inserted_at, r.claimed_at, r.started_at, r.finished_at,
       coalesce(w.status, r.reply_error_code) AS status, w.data
  FROM (SELECT generate_subscripts($1::uuid[], 1) AS n,
               unnest($1::uuid[]) AS run_id,
               unnest($2::uuid[]) AS project_id) a
  -- OFFSET 0: one by one, by their keys, whatever the planner believes of tables nobody has analyzed yet.
  CROSS JOIN LATERAL (
    SELECT * FROM runs r
     WHERE r.id = a.run_id AND r.project_id = a.project_id AND r.state NOT IN ('available', 'claimed', 'started')
    OFFSET 0) r
  LEFT JOIN LATERAL (
    SELECT w.status, w.data FROM webhook_replies w
     WHERE w.run_id = a.run_id AND w.project_id = a.project_id
    OFFSET 0) w ON true;

-- They have been fetched, or nobody waits any more.
--
-- name: webhook_answer_delete
-- params: run_ids project_ids
DELETE FROM webhook_replies w
 USING (SELECT unnest($1::uuid[]) AS run_id, unnest($2::uuid[]) AS project_id) a
 WHERE w.run_id = a.run_id AND w.project_id = a.project_id;
