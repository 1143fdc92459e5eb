-- SPDX-License-Identifier: Apache-2.0
--
-- A project as one document. Every statement that shows something asks for the right itself.

-- name: document_access
-- params: user_id project_id
SELECT u.email, u.role = 'superuser' AS superuser, p.id IS NOT NULL AS known,
       has_right(u.id, $2::uuid, 'read_document') AS may_read, has_right(u.id, $2::uuid, 'write_document') AS may_write,
       has_right(u.id, $2::uuid, 'edit_workflows') AS may_edit
  FROM users u LEFT JOIN projects p ON p.id = $2::uuid
 WHERE u.id = $1::uuid;

-- name: document_project
-- params: user_id project_id
SELECT p.id, p.name, p.description, p.concurrency, p.allow_support_access, p.requires_mfa, p.retention_policy,
       p.history_retention_period, p.dataclip_retention_period, p.scheduled_deletion, p.color, p.env, p.parent_id,
       p.inserted_at, p.updated_at
  FROM projects p
 WHERE p.id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_document');

-- name: document_credentials
-- params: user_id project_id
SELECT pc.id, pc.credential_id, c.name, u.email AS owner
  FROM project_credentials pc
  JOIN credentials c ON c.id = pc.credential_id
  JOIN users u ON u.id = c.user_id
 WHERE pc.project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_document')
 ORDER BY pc.inserted_at, pc.id;

-- name: document_collections
-- params: user_id project_id
SELECT id, name FROM collections
 WHERE project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_document')
 ORDER BY inserted_at, id;

-- name: document_keychains
-- params: user_id project_id
SELECT id FROM keychain_credentials
 WHERE project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_document');

-- What the user could share with the project.
-- name: document_own_credentials
-- params: user_id
SELECT id, name FROM credentials WHERE user_id = $1::uuid AND scheduled_deletion IS NULL;

-- name: document_workflows
-- params: user_id project_id
SELECT w.id, w.name, w.concurrency, w.lock_version, w.inserted_at, w.updated_at,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', j.id, 'name', j.name, 'body', j.body, 'adaptor', j.adaptor,
                 'project_credential_id', j.project_credential_id, 'keychain_credential_id', j.keychain_credential_id,
                 'credential_id', coalesce(j.keychain_credential_id, pc.credential_id))
                 ORDER BY j.inserted_at, j.id), '[]')
          FROM jobs j LEFT JOIN project_credentials pc ON pc.id = j.project_credential_id
         WHERE j.project_id = w.project_id AND j.workflow_id = w.id)::text AS jobs,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', t.id, 'type', t.type, 'enabled', t.enabled, 'comment', t.comment, 'custom_path', t.custom_path,
                 'cron_expression', t.cron_expression, 'cron_cursor_job_id', t.cron_cursor_job_id,
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
         WHERE e.project_id = w.project_id AND e.workflow_id = w.id)::text AS edges,
       (SELECT json_agg(v.source || ':' || v.hash ORDER BY v.inserted_at, v.id)
          FROM workflow_versions v
         WHERE v.workflow_id = w.id)::text AS versions
  FROM workflows w
 WHERE w.project_id = $2::uuid AND w.deleted_at IS NULL AND has_right($1::uuid, $2::uuid, 'read_document')
 ORDER BY w.inserted_at, w.id;

-- The same columns, of snapshots instead: a version that was, without its history.
-- name: document_snapshots
-- params: user_id project_id snapshot_ids
SELECT w.id, s.name, w.concurrency, s.lock_version, w.inserted_at, s.inserted_at AS updated_at,
       s.jobs::text AS jobs, s.triggers::text AS triggers, s.edges::text AS edges, NULL::text AS versions
  FROM workflow_snapshots s
  JOIN workflows w ON w.project_id = s.project_id AND w.id = s.workflow_id
 WHERE s.project_id = $2::uuid AND s.id = ANY ($3::uuid[]) AND has_right($1::uuid, $2::uuid, 'read_document')
 ORDER BY w.inserted_at, w.id, s.lock_version;

-- A workflow that was saved before versions were kept gets its first one.
-- name: document_version_note
-- params: id project_id workflow_id hash
INSERT INTO workflow_versions (id, project_id, workflow_id, hash, source)
SELECT $1::uuid, $2::uuid, $3::uuid, $4::text, 'app'
 WHERE NOT EXISTS (SELECT FROM workflow_versions WHERE workflow_id = $3::uuid);

-- name: document_begin
-- params: user_id project_id wanted is_new workflow_ids versions new_ids
SELECT document_begin($1::uuid, $2::uuid, $3::text, $4::boolean, $5::uuid[], $6::bigint[], $7::uuid[])::text;

-- name: document_project_store
-- params: project_id name description
INSERT INTO projects (id, name, description)
VALUES ($1::uuid, $2::text, $3::text)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, description = excluded.description, updated_at = now()
 WHERE (projects.name, projects.description) IS DISTINCT FROM (excluded.name, excluded.description);

-- Somebody must be able to go on with it.
-- name: document_owner_store
-- params: project_id user_id
INSERT INTO project_users (project_id, user_id, role)
SELECT $1::uuid, $2::uuid, 'owner'
 WHERE NOT EXISTS (SELECT FROM project_users WHERE project_id = $1::uuid);

-- name: document_credential_store
-- params: id project_id credential_id user_id
INSERT INTO project_credentials (id, project_id, credential_id, inserted_at)
SELECT $1::uuid, $2::uuid, c.id, clock_timestamp() FROM credentials c WHERE c.id = $3::uuid AND c.user_id = $4::uuid
ON CONFLICT (project_id, credential_id) DO NOTHING;

-- name: document_collection_store
-- params: id project_id name
INSERT INTO collections (id, project_id, name, inserted_at)
VALUES ($1::uuid, $2::uuid, $3::text, clock_timestamp())
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, updated_at = now()
 WHERE collections.project_id = $2::uuid AND collections.name <> excluded.name;

-- name: document_collection_delete
-- params: id project_id
DELETE FROM collections WHERE id = $1::uuid AND project_id = $2::uuid;
