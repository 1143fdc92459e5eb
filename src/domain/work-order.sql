-- SPDX-License-Identifier: Apache-2.0
--
-- New work: what a trigger, a clock or a person starts becomes a dataclip, a work order, a run and its place
-- in the queue.

-- Many at once, in one statement: it sees one snapshot, so that nothing of an order is stored when its
-- trigger has been switched off meanwhile. What comes back has been stored; what does not was refused.
--
-- The bodies stay in their arrays until they are inserted: a CTE that carried them would be written to a
-- temporary file.
--
-- A second try of a batch whose first one has been committed fails as a whole (unique work_orders, runs): a
-- place in the queue must not come back after its run has ended.
--
-- name: work_order_insert
-- params: work_order_ids run_ids project_ids trigger_ids job_ids created_by_ids
-- params: dataclip_ids dataclip_types bodies requests queues priorities waits
-- params: trigger_type run_timeout_ms run_memory_limit_mb
WITH incoming AS (
  SELECT generate_subscripts($1::uuid[], 1) AS n,
         unnest($1::uuid[]) AS work_order_id,
         unnest($2::uuid[]) AS run_id,
         unnest($3::uuid[]) AS project_id,
         unnest($4::uuid[]) AS trigger_id,
         unnest($5::uuid[]) AS job_id,
         unnest($6::uuid[]) AS created_by_id,
         unnest($7::uuid[]) AS dataclip_id,
         unnest($8::text[]) AS dataclip_type,
         unnest($11::text[]) AS queue,
         unnest($12::bigint[]) AS priority,
         unnest($13::boolean[]) AS waits
), accepted AS (
  -- Each order looks up its own few rows by their primary keys. OFFSET 0 holds the planner to it: about
  -- tables that nobody has analyzed yet it knows nothing, and joins all workflows with all orders.
  SELECT i.*, s.workflow_id, s.success_code, s.error_code, w.snapshot_id, w.enable_job_logs, p.save_dataclips,
         run_lane_id(w.id, w.concurrency, p.id, p.concurrency) AS lane_id,
         coalesce(w.concurrency, p.concurrency) AS lane_limit
    FROM incoming i
    CROSS JOIN LATERAL (
      -- trigger_type: what the triggers must still be, and enabled. Null: a person starts them, enabled or
      -- not.
      SELECT t.workflow_id, t.success_code, t.error_code
        FROM triggers t
       WHERE t.id = i.trigger_id AND t.project_id = i.project_id
         AND ($14::text IS NULL OR (t.enabled AND t.type = $14))
      UNION ALL
      SELECT j.workflow_id, NULL, NULL
        FROM jobs j
       WHERE j.id = i.job_id AND j.project_id = i.project_id
      OFFSET 0) s
    CROSS JOIN LATERAL (
      SELECT w.id, w.current_snapshot_id AS snapshot_id, w.enable_job_logs, w.concurrency
        FROM workflows w
       WHERE w.id = s.workflow_id AND w.deleted_at IS NULL AND w.current_snapshot_id IS NOT NULL
      OFFSET 0) w
    CROSS JOIN LATERAL (
      SELECT p.id, p.retention_policy <> 'erase_all' AS save_dataclips, p.concurrency
        FROM projects p
       WHERE p.id = i.project_id AND p.scheduled_deletion IS NULL
      OFFSET 0) p
   -- An input that is there already must be the project's. (EXISTS would be hashed: a scan of all dataclips.)
   WHERE i.dataclip_type IS NOT NULL OR i.dataclip_id IS NULL
      OR (SELECT true FROM dataclips d WHERE d.id = i.dataclip_id AND d.project_id = i.project_id LIMIT 1)
), new_dataclips AS (
  INSERT INTO dataclips (id, project_id, type, size)
  SELECT dataclip_id, project_id, dataclip_type, octet_length(($9::bytea[])[n])
    FROM accepted WHERE dataclip_type IS NOT NULL
), new_bodies AS (
  INSERT INTO dataclip_bodies (dataclip_id, project_id, body, request, inserted_at)
  SELECT dataclip_id, project_id, ($9::bytea[])[n], ($10::bytea[])[n], now()
    FROM accepted WHERE dataclip_type IS NOT NULL
), new_work_orders AS (
  INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, trigger_id, dataclip_id)
  SELECT work_order_id, project_id, workflow_id, snapshot_id, trigger_id, dataclip_id
    FROM accepted
), new_runs AS (
  INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, starting_job_id,
                    created_by_id, dataclip_id, priority, queue, save_dataclips, enable_job_logs,
                    run_timeout_ms, run_memory_limit_mb,
                    reply_after_completion, reply_success_code, reply_error_code)
  SELECT run_id, project_id, workflow_id, work_order_id, snapshot_id, trigger_id, job_id,
         created_by_id, dataclip_id, priority, queue, save_dataclips, enable_job_logs,
         $15::bigint, $16::bigint,
         waits, CASE WHEN waits THEN success_code END, CASE WHEN waits THEN error_code END
    FROM accepted
), new_places AS (
  INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, lane_limit, queue, priority,
                         run_timeout_ms)
  SELECT run_id, project_id, workflow_id, work_order_id, lane_id, lane_limit, queue, priority, $15::bigint
    FROM accepted
)
SELECT n FROM accepted;

-- Which of these are stored? Asked after a batch whose outcome is not known.
--
-- name: work_order_present
-- params: work_order_ids project_ids
SELECT a.n
  FROM (SELECT generate_subscripts($1::uuid[], 1) AS n,
               unnest($1::uuid[]) AS id,
               unnest($2::uuid[]) AS project_id) a
  CROSS JOIN LATERAL (
    SELECT FROM work_orders o WHERE o.id = a.id AND o.project_id = a.project_id OFFSET 0) o;
