-- SPDX-License-Identifier: Apache-2.0
--
-- Provisioning: what exists, found by the names people use; then everything stored so that a second time changes nothing.

-- name: provision_user_find
-- params: email
SELECT id, hashed_password FROM users WHERE email = lower($1::text);

-- name: provision_project_find
-- params: name
SELECT id FROM projects
 WHERE name = $1::text AND parent_id IS NULL AND scheduled_deletion IS NULL
 ORDER BY inserted_at, id LIMIT 1;

-- name: provision_workflow_find
-- params: project_id name
SELECT id FROM workflows WHERE project_id = $1::uuid AND name = $2::text AND deleted_at IS NULL;

-- name: provision_credential_find
-- params: user_id name project_id
SELECT c.id, b.id AS body_id, b.body, pc.id AS project_credential_id
  FROM credentials c
  LEFT JOIN credential_bodies b ON b.credential_id = c.id AND b.name = 'main'
  LEFT JOIN project_credentials pc ON pc.credential_id = c.id AND pc.project_id = $3::uuid
 WHERE c.user_id = $1::uuid AND c.name = $2::text;

-- name: provision_user_store
-- params: id email first_name last_name hashed_password superuser
INSERT INTO users (id, email, first_name, last_name, hashed_password, role, confirmed_at)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::text, CASE WHEN $6::boolean THEN 'superuser' ELSE 'user' END, now())
ON CONFLICT (id) DO UPDATE
   SET first_name = excluded.first_name,
       last_name = excluded.last_name,
       hashed_password = coalesce(excluded.hashed_password, users.hashed_password),
       role = excluded.role,
       updated_at = now()
 WHERE (users.first_name, users.last_name, users.role)
       IS DISTINCT FROM (excluded.first_name, excluded.last_name, excluded.role)
    OR excluded.hashed_password IS NOT NULL;

-- name: provision_project_store
-- params: id name description retention_policy concurrency
INSERT INTO projects (id, name, description, retention_policy, concurrency)
VALUES ($1::uuid, $2::text, $3::text, $4::text, $5::bigint)
ON CONFLICT (id) DO UPDATE
   SET description = excluded.description,
       retention_policy = excluded.retention_policy,
       concurrency = excluded.concurrency,
       updated_at = now()
 WHERE (projects.description, projects.retention_policy, projects.concurrency)
       IS DISTINCT FROM (excluded.description, excluded.retention_policy, excluded.concurrency);

-- name: provision_members_store
-- params: project_id user_ids roles
WITH declared AS (
  SELECT u.id, u.role FROM unnest($2::uuid[], $3::text[]) AS u (id, role)
), gone AS (
  DELETE FROM project_users
   WHERE project_id = $1::uuid AND user_id NOT IN (SELECT id FROM declared))
INSERT INTO project_users (project_id, user_id, role)
SELECT $1::uuid, id, role FROM declared
ON CONFLICT (project_id, user_id) DO UPDATE
   SET role = excluded.role, updated_at = now()
 WHERE project_users.role <> excluded.role;

-- name: provision_collections_store
-- params: project_id ids names
WITH declared AS (
  SELECT c.id, c.name FROM unnest($2::uuid[], $3::text[]) AS c (id, name)
), gone AS (
  DELETE FROM collections
   WHERE project_id = $1::uuid AND name NOT IN (SELECT name FROM declared))
INSERT INTO collections (id, project_id, name)
SELECT id, $1::uuid, name FROM declared
ON CONFLICT (project_id, name) DO NOTHING;

-- name: provision_credential_store
-- params: id user_id name schema external_id
INSERT INTO credentials (id, user_id, name, schema, external_id)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, nullif($5::text, ''))
ON CONFLICT (id) DO UPDATE
   SET schema = excluded.schema, external_id = excluded.external_id, updated_at = now()
 WHERE (credentials.schema, credentials.external_id) IS DISTINCT FROM (excluded.schema, excluded.external_id);

-- name: provision_credential_body_store
-- params: id credential_id body
INSERT INTO credential_bodies (id, credential_id, name, body)
VALUES ($1::uuid, $2::uuid, 'main', $3::bytea)
ON CONFLICT (id) DO UPDATE SET body = excluded.body, updated_at = now();

-- name: provision_credential_link
-- params: id project_id credential_id
INSERT INTO project_credentials (id, project_id, credential_id)
VALUES ($1::uuid, $2::uuid, $3::uuid)
ON CONFLICT (project_id, credential_id) DO NOTHING;

-- name: provision_credentials_prune
-- params: project_id credential_ids
DELETE FROM project_credentials
 WHERE project_id = $1::uuid AND credential_id <> ALL ($2::uuid[]);

-- name: provision_workflow_store
-- params: id project_id name
INSERT INTO workflows (id, project_id, name)
VALUES ($1::uuid, $2::uuid, $3::text)
ON CONFLICT (id) DO NOTHING;

-- name: provision_paths_release
-- params: project_id trigger_ids custom_paths
UPDATE triggers t
   SET custom_path = NULL, updated_at = now()
 WHERE t.project_id = $1::uuid AND t.custom_path IS NOT NULL
   AND NOT EXISTS (SELECT FROM unnest($2::uuid[], $3::text[]) AS d (id, custom_path)
                    WHERE d.id = t.id AND d.custom_path = t.custom_path);

-- The rows come as the JSON arrays that the snapshot keeps.
-- name: provision_jobs_store
-- params: project_id workflow_id jobs
WITH declared AS (
  SELECT * FROM json_to_recordset($3::text::json)
    AS j (id uuid, name text, body text, adaptor text, project_credential_id uuid)
), gone AS (
  DELETE FROM jobs
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO jobs (id, project_id, workflow_id, name, body, adaptor, project_credential_id)
SELECT id, $1::uuid, $2::uuid, name, body, adaptor, project_credential_id FROM declared
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, body = excluded.body, adaptor = excluded.adaptor,
       project_credential_id = excluded.project_credential_id, keychain_credential_id = NULL, updated_at = now()
 WHERE jobs.project_id = $1::uuid
   AND (jobs.name, jobs.body, jobs.adaptor, jobs.project_credential_id)
       IS DISTINCT FROM (excluded.name, excluded.body, excluded.adaptor, excluded.project_credential_id);

-- name: provision_triggers_store
-- params: project_id workflow_id triggers
WITH declared AS (
  SELECT * FROM json_to_recordset($3::text::json)
    AS t (id uuid, type text, enabled boolean, comment text, custom_path text, cron_expression text,
          cron_cursor_job_id uuid, webhook_reply text, webhook_response_config json)
), gone AS (
  DELETE FROM triggers
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO triggers (id, project_id, workflow_id, type, enabled, comment, custom_path, cron_expression,
                      cron_cursor_job_id, webhook_reply, success_code, error_code)
SELECT id, $1::uuid, $2::uuid, type, enabled, comment, custom_path, cron_expression, cron_cursor_job_id, webhook_reply,
       (webhook_response_config ->> 'success_code')::bigint, (webhook_response_config ->> 'error_code')::bigint
  FROM declared
ON CONFLICT (id) DO UPDATE
   SET type = excluded.type, enabled = excluded.enabled, comment = excluded.comment, custom_path = excluded.custom_path,
       cron_expression = excluded.cron_expression, cron_cursor_job_id = excluded.cron_cursor_job_id,
       webhook_reply = excluded.webhook_reply, success_code = excluded.success_code, error_code = excluded.error_code,
       updated_at = now()
 WHERE triggers.project_id = $1::uuid
   AND (triggers.type, triggers.enabled, triggers.comment, triggers.custom_path, triggers.cron_expression,
        triggers.cron_cursor_job_id, triggers.webhook_reply, triggers.success_code, triggers.error_code)
       IS DISTINCT FROM
       (excluded.type, excluded.enabled, excluded.comment, excluded.custom_path, excluded.cron_expression,
        excluded.cron_cursor_job_id, excluded.webhook_reply, excluded.success_code, excluded.error_code);

-- name: provision_edges_store
-- params: project_id workflow_id edges
WITH declared AS (
  SELECT * FROM json_to_recordset($3::text::json)
    AS e (id uuid, source_trigger_id uuid, source_job_id uuid, target_job_id uuid, condition_type text,
          condition_expression text, condition_label text, enabled boolean)
), gone AS (
  DELETE FROM workflow_edges
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO workflow_edges (id, project_id, workflow_id, source_trigger_id, source_job_id, target_job_id,
                            condition_type, condition_expression, condition_label, enabled)
SELECT id, $1::uuid, $2::uuid, source_trigger_id, source_job_id, target_job_id,
       condition_type, condition_expression, condition_label, enabled
  FROM declared
ON CONFLICT (id) DO UPDATE
   SET source_trigger_id = excluded.source_trigger_id, source_job_id = excluded.source_job_id,
       target_job_id = excluded.target_job_id, condition_type = excluded.condition_type,
       condition_expression = excluded.condition_expression, condition_label = excluded.condition_label,
       enabled = excluded.enabled, updated_at = now()
 WHERE workflow_edges.project_id = $1::uuid
   AND (workflow_edges.source_trigger_id, workflow_edges.source_job_id, workflow_edges.target_job_id,
        workflow_edges.condition_type, workflow_edges.condition_expression, workflow_edges.condition_label,
        workflow_edges.enabled)
       IS DISTINCT FROM
       (excluded.source_trigger_id, excluded.source_job_id, excluded.target_job_id,
        excluded.condition_type, excluded.condition_expression, excluded.condition_label, excluded.enabled);

-- A save that changes something makes the next version and its snapshot; one that changes nothing makes none.
-- name: provision_snapshot_store
-- params: id project_id workflow_id name jobs triggers edges
WITH current AS (
  SELECT w.id, w.lock_version
    FROM workflows w LEFT JOIN workflow_snapshots s ON s.id = w.current_snapshot_id
   WHERE w.id = $3::uuid AND w.project_id = $2::uuid
     AND (s.id IS NULL OR s.name <> $4::text OR s.jobs::text <> $5::text OR s.triggers::text <> $6::text
          OR s.edges::text <> $7::text)
), made AS (
  INSERT INTO workflow_snapshots (id, project_id, workflow_id, lock_version, name, jobs, triggers, edges)
  SELECT $1::uuid, $2::uuid, c.id, c.lock_version + 1, $4::text, $5::text::json, $6::text::json, $7::text::json
    FROM current c
  RETURNING id, workflow_id, lock_version)
UPDATE workflows w
   SET lock_version = m.lock_version, current_snapshot_id = m.id, updated_at = now()
  FROM made m
 WHERE w.id = m.workflow_id;

-- name: provision_workflows_prune
-- params: project_id workflow_ids
WITH gone AS (
  UPDATE workflows
     SET deleted_at = now(), updated_at = now()
   WHERE project_id = $1::uuid AND id <> ALL ($2::uuid[]) AND deleted_at IS NULL
  RETURNING id)
UPDATE triggers t
   SET enabled = false, custom_path = NULL, updated_at = now()
  FROM gone
 WHERE t.workflow_id = gone.id AND t.project_id = $1::uuid;
