-- SPDX-License-Identifier: Apache-2.0
--
-- Retries and cancellations.

-- name: rerun_retry
-- params: run_id new_run_id run_timeout_ms run_memory_limit_mb project_id
WITH old AS (
  SELECT r.*, w.current_snapshot_id, w.enable_job_logs AS job_logs,
         run_lane_id(w.id, w.concurrency, p.id, p.concurrency) AS lane_id,
         coalesce(w.concurrency, p.concurrency) AS lane_limit,
         p.retention_policy <> 'erase_all' AS save,
         r.dataclip_id IS NOT NULL AND NOT EXISTS (
           SELECT 1 FROM dataclips d
            WHERE d.id = r.dataclip_id AND d.project_id = r.project_id AND d.body_state = 'stored') AS wiped
    FROM runs r
    JOIN workflows w ON w.id = r.workflow_id AND w.project_id = r.project_id
    JOIN projects p ON p.id = r.project_id
   WHERE r.id = $1::uuid AND ($5::uuid IS NULL OR r.project_id = $5) AND w.deleted_at IS NULL
     AND p.scheduled_deletion IS NULL
), made AS (
  INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, starting_job_id,
                    dataclip_id, created_by_id, priority, queue, save_dataclips, enable_job_logs, run_timeout_ms,
                    run_memory_limit_mb)
  SELECT $2::uuid, project_id, workflow_id, work_order_id, current_snapshot_id, starting_trigger_id, starting_job_id,
         dataclip_id, nullif(current_setting('fulgur.actor', true), '')::uuid, 0, 'manual', save, job_logs, $3::bigint, $4::bigint
    FROM old
   WHERE NOT wiped
  RETURNING id, project_id, workflow_id, work_order_id, run_timeout_ms
), queued AS (
  INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, lane_limit, queue, priority,
                         run_timeout_ms)
  SELECT m.id, m.project_id, m.workflow_id, m.work_order_id, o.lane_id, o.lane_limit, 'manual', 0, m.run_timeout_ms
    FROM made m CROSS JOIN old o
), touched AS (
  SELECT work_order_touch(m.project_id, m.work_order_id, m.id, 'available', clock_timestamp()) FROM made m
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM made) THEN 'ok'
            WHEN EXISTS (SELECT 1 FROM old) THEN 'wiped'
            ELSE 'not_found' END AS outcome,
       (SELECT count(*) FROM touched) AS n_work_orders;

-- name: rerun_cancel
-- params: run_id project_id
WITH waiting AS MATERIALIZED (
  SELECT run_id, project_id FROM run_queue
   WHERE run_id = $1::uuid AND ($2::uuid IS NULL OR project_id = $2) AND state = 'available' FOR UPDATE SKIP LOCKED
), cancelled AS MATERIALIZED (
  SELECT run_end(project_id, run_id, 'cancelled', NULL, NULL, NULL, NULL) AS ended FROM waiting
)
SELECT CASE WHEN EXISTS (SELECT FROM cancelled WHERE ended) THEN 'ok'
            WHEN EXISTS (SELECT FROM runs WHERE id = $1::uuid AND ($2::uuid IS NULL OR project_id = $2)) THEN 'not_available'
            ELSE 'not_found' END AS outcome;

-- name: rerun_demand_right
-- params: user_id project_id wanted
SELECT demand_right($1::uuid, $2::uuid, $3::text)::text;

-- name: rerun_demand_start
-- params: project_id workflow_id trigger_id job_id dataclip_id
SELECT demand_start($1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::uuid)::text;

-- The newest run of each of these work orders, of those that the project has.
-- name: rerun_newest
-- params: user_id project_id work_order_ids
SELECT DISTINCT ON (r.work_order_id) r.id AS run_id, r.work_order_id
  FROM runs r
 WHERE r.project_id = $2::uuid AND r.work_order_id = ANY ($3::uuid[]) AND has_right($1::uuid, $2::uuid, 'run_workflow')
 ORDER BY r.work_order_id, r.id DESC;

-- From a step on: its job starts, with the input it had; steps that do not follow from it are shared with the new run.
--
-- name: rerun_retry_step
-- params: project_id run_id step_id new_run_id run_timeout_ms run_memory_limit_mb
WITH RECURSIVE old AS (
  SELECT r.id, r.project_id, r.workflow_id, r.work_order_id, s.job_id, s.input_dataclip_id, w.current_snapshot_id,
         w.enable_job_logs AS job_logs, run_lane_id(w.id, w.concurrency, p.id, p.concurrency) AS lane_id,
         coalesce(w.concurrency, p.concurrency) AS lane_limit, p.retention_policy <> 'erase_all' AS save,
         NOT EXISTS (SELECT FROM dataclips d
                      WHERE d.id = s.input_dataclip_id AND d.project_id = r.project_id AND d.body_state = 'stored') AS wiped
    FROM runs r
    JOIN run_steps rs ON rs.run_id = r.id AND rs.step_id = $3::uuid
    JOIN steps s ON s.run_id = rs.step_run_id AND s.id = rs.step_id
    JOIN workflows w ON w.id = r.workflow_id AND w.project_id = r.project_id
    JOIN projects p ON p.id = r.project_id
    JOIN jobs j ON j.id = s.job_id AND j.workflow_id = w.id
   WHERE r.id = $2::uuid AND r.project_id = $1::uuid AND w.deleted_at IS NULL AND p.scheduled_deletion IS NULL
), following AS (
  SELECT job_id FROM old
   UNION
  SELECT e.target_job_id
    FROM following f JOIN workflow_edges e ON e.source_job_id = f.job_id
   WHERE e.workflow_id = (SELECT workflow_id FROM old)
), made AS (
  INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_job_id, dataclip_id, created_by_id, priority,
                    queue, save_dataclips, enable_job_logs, run_timeout_ms, run_memory_limit_mb)
  SELECT $4::uuid, project_id, workflow_id, work_order_id, current_snapshot_id, job_id, input_dataclip_id,
         nullif(current_setting('fulgur.actor', true), '')::uuid, 0, 'manual', save, job_logs, $5::bigint, $6::bigint
    FROM old
   WHERE NOT wiped
  RETURNING id, project_id, workflow_id, work_order_id, run_timeout_ms
), queued AS (
  INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, lane_limit, queue, priority,
                         run_timeout_ms)
  SELECT m.id, m.project_id, m.workflow_id, m.work_order_id, o.lane_id, o.lane_limit, 'manual', 0, m.run_timeout_ms
    FROM made m CROSS JOIN old o
), shared AS (
  INSERT INTO run_steps (run_id, step_id, step_run_id, project_id)
  SELECT m.id, rs.step_id, rs.step_run_id, rs.project_id
    FROM made m
    JOIN run_steps rs ON rs.run_id = $2::uuid AND rs.project_id = m.project_id
    JOIN steps s ON s.run_id = rs.step_run_id AND s.id = rs.step_id
   WHERE s.job_id NOT IN (SELECT job_id FROM following)
), touched AS (
  SELECT work_order_touch(m.project_id, m.work_order_id, m.id, 'available', clock_timestamp()) FROM made m
)
SELECT CASE WHEN EXISTS (SELECT 1 FROM made) THEN 'ok'
            WHEN EXISTS (SELECT 1 FROM old) THEN 'wiped'
            ELSE 'not_found' END AS outcome,
       (SELECT count(*) FROM touched) AS n_work_orders;

-- Steps of a run in the order they began, also those it shares with the run it retries.
-- name: rerun_steps
-- params: user_id project_id run_id
SELECT s.id, s.job_id, s.exit_reason, s.error_type, s.error_message, s.input_dataclip_id, s.output_dataclip_id,
       s.output_too_large, s.duration_ms, s.started_at, s.finished_at, s.run_id AS executed_by_run_id
  FROM run_steps rs
  JOIN steps s ON s.run_id = rs.step_run_id AND s.id = rs.step_id
 WHERE rs.run_id = $3::uuid AND rs.project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_project')
 ORDER BY s.started_at, s.inserted_at, s.id;

-- name: rerun_run_access
-- params: user_id project_id run_id
SELECT has_right($1::uuid, $2::uuid, 'read_project') AS allowed
  FROM projects p
 WHERE p.id = $2::uuid AND ($3::uuid IS NULL OR EXISTS (SELECT FROM runs r WHERE r.id = $3 AND r.project_id = p.id));
