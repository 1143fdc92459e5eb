-- SPDX-License-Identifier: Apache-2.0
--
-- Retries and cancellations.

-- name: rerun_retry
-- params: run_id new_run_id run_timeout_ms run_memory_limit_mb
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
   WHERE r.id = $1::uuid AND w.deleted_at IS NULL AND p.scheduled_deletion IS NULL
), made AS (
  INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, starting_job_id,
                    dataclip_id, priority, queue, save_dataclips, enable_job_logs, run_timeout_ms, run_memory_limit_mb)
  SELECT $2::uuid, project_id, workflow_id, work_order_id, current_snapshot_id, starting_trigger_id, starting_job_id,
         dataclip_id, 0, 'manual', save, job_logs, $3::bigint, $4::bigint
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
-- params: run_id
WITH waiting AS MATERIALIZED (
  SELECT run_id, project_id FROM run_queue WHERE run_id = $1::uuid AND state = 'available' FOR UPDATE SKIP LOCKED
), cancelled AS MATERIALIZED (
  SELECT run_end(project_id, run_id, 'cancelled', NULL, NULL, NULL, NULL) AS ended FROM waiting
)
SELECT CASE WHEN EXISTS (SELECT FROM cancelled WHERE ended) THEN 'ok'
            WHEN EXISTS (SELECT FROM runs WHERE id = $1::uuid) THEN 'not_available'
            ELSE 'not_found' END AS outcome;
