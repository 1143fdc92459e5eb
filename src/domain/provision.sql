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
