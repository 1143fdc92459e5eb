-- SPDX-License-Identifier: Apache-2.0
--
-- Cron triggers.

-- name: cron_triggers_list
SELECT t.id AS trigger_id, t.project_id, t.workflow_id, t.cron_expression
  FROM triggers t
  JOIN workflows w ON w.id = t.workflow_id AND w.project_id = t.project_id
  JOIN projects p ON p.id = t.project_id
 WHERE t.type = 'cron' AND t.enabled
   AND w.deleted_at IS NULL AND w.current_snapshot_id IS NOT NULL AND p.scheduled_deletion IS NULL
   AND EXISTS (SELECT 1 FROM workflow_edges e WHERE e.source_trigger_id = t.id)
 ORDER BY t.id;

-- Each branch reads the newest entry of an index; one of them is not executed.
-- name: cron_trigger_input
-- params: trigger_id project_id
WITH cursor AS (
  SELECT t.workflow_id, t.cron_cursor_job_id, t.project_id
    FROM triggers t WHERE t.id = $1::uuid AND t.project_id = $2::uuid
), newest AS (
  (SELECT r.final_dataclip_id AS dataclip_id
     FROM runs r
    WHERE r.workflow_id = (SELECT workflow_id FROM cursor WHERE cron_cursor_job_id IS NULL)
      AND r.state = 'success' AND r.final_dataclip_id IS NOT NULL
    ORDER BY r.finished_at DESC LIMIT 1)
  UNION ALL
  (SELECT s.output_dataclip_id
     FROM steps s
    WHERE s.job_id = (SELECT cron_cursor_job_id FROM cursor)
      AND s.exit_reason = 'success' AND s.output_dataclip_id IS NOT NULL
    ORDER BY s.finished_at DESC LIMIT 1)
)
SELECT d.id AS dataclip_id
  FROM newest n JOIN dataclips d ON d.id = n.dataclip_id AND d.project_id = $2::uuid
 WHERE d.body_state = 'stored';

-- name: cron_take_minute
-- params: project_id trigger_id minute
INSERT INTO cron_firings (project_id, trigger_id, minute) VALUES ($1::uuid, $2::uuid, $3::timestamptz);
