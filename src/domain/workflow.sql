-- SPDX-License-Identifier: Apache-2.0
--
-- Workflows as members of their project read them.

-- name: workflow_access
-- params: user_id workflow_id
SELECT p.scheduled_deletion IS NULL AND m.user_id IS NOT NULL AS allowed
  FROM workflows w
  JOIN projects p ON p.id = w.project_id
  LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE w.id = $2::uuid AND w.deleted_at IS NULL;

-- One workflow, or all.
--
-- name: workflow_read
-- params: user_id project_id workflow_id
SELECT w.id, w.project_id, w.name, w.inserted_at, w.updated_at,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', j.id, 'name', j.name, 'body', j.body, 'adaptor', j.adaptor, 'workflow_id', j.workflow_id)
                 ORDER BY j.inserted_at, j.id), '[]')
          FROM jobs j
         WHERE j.project_id = w.project_id AND j.workflow_id = w.id)::text AS jobs,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', t.id, 'type', t.type, 'enabled', t.enabled, 'comment', t.comment,
                 'custom_path', t.custom_path, 'cron_expression', t.cron_expression,
                 'cron_cursor_job_id', t.cron_cursor_job_id,
                 'webhook_reply', CASE t.type WHEN 'webhook' THEN coalesce(t.webhook_reply, 'before_start') END,
                 'webhook_response_config',
                 CASE WHEN t.success_code IS NOT NULL OR t.error_code IS NOT NULL
                      THEN json_build_object('success_code', t.success_code, 'error_code', t.error_code) END)
                 ORDER BY t.inserted_at, t.id), '[]')
          FROM triggers t
         WHERE t.project_id = w.project_id AND t.workflow_id = w.id)::text AS triggers,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', e.id, 'source_trigger_id', e.source_trigger_id, 'source_job_id', e.source_job_id,
                 'target_job_id', e.target_job_id, 'condition_type', e.condition_type,
                 'condition_expression', e.condition_expression, 'condition_label', e.condition_label,
                 'enabled', e.enabled)
                 ORDER BY e.inserted_at, e.id), '[]')
          FROM workflow_edges e
         WHERE e.project_id = w.project_id AND e.workflow_id = w.id)::text AS edges
  FROM workflows w
  JOIN projects p ON p.id = w.project_id AND p.scheduled_deletion IS NULL
  JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE ($2::uuid IS NULL OR w.project_id = $2) AND ($3::uuid IS NULL OR w.id = $3) AND w.deleted_at IS NULL
 ORDER BY w.name, w.id;
