-- SPDX-License-Identifier: Apache-2.0
--
-- Triggers as webhooks find them.

-- A row per authentication method, one without when there is none. What the path means is tried in this
-- order: a custom path of a project, a trigger's id, a bare custom path from before they belonged to projects
-- (http-api 1.1).
--
-- A workflow or project that is being deleted still has its addresses, but they are closed, as the original
-- does it.
--
-- name: trigger_find
-- params: first_id custom_path bare_path
WITH found AS (
  SELECT t.id, 1 AS place FROM triggers t
   WHERE t.project_id = $1::uuid AND t.custom_path = $2::text AND t.type = 'webhook'
  UNION ALL
  SELECT t.id, 2 FROM triggers t
   WHERE t.id = $1 AND t.type = 'webhook'
  UNION ALL
  SELECT t.id, 3 FROM triggers t
   WHERE t.custom_path = $3::text AND t.legacy_bare_path AND t.type = 'webhook'
  ORDER BY place LIMIT 1
)
SELECT t.id, t.project_id, t.workflow_id,
       t.enabled AND w.deleted_at IS NULL AND w.current_snapshot_id IS NOT NULL AND p.scheduled_deletion IS NULL
         AS enabled,
       coalesce(t.webhook_reply = 'after_completion', false) AS reply_after_completion,
       -- By its id, and no project could mean something else with it: true for any rest of the path.
       f.place = 2 AND NOT EXISTS (SELECT FROM projects o WHERE o.id = $1) AS any_rest,
       l.webhook_auth_method_id AS method_id, m.auth_type, m.username, m.password, m.api_key,
       m.scheduled_deletion IS NOT NULL AS retired
  FROM found f
  JOIN triggers t ON t.id = f.id
  JOIN workflows w ON w.id = t.workflow_id
  JOIN projects p ON p.id = t.project_id
  LEFT JOIN trigger_webhook_auth_methods l ON l.trigger_id = t.id
  LEFT JOIN webhook_auth_methods m ON m.id = l.webhook_auth_method_id AND m.project_id = t.project_id
 ORDER BY l.webhook_auth_method_id;
