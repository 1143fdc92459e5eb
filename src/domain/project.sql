-- SPDX-License-Identifier: Apache-2.0
--
-- Projects as their members read them.

-- name: project_access
-- params: user_id project_id
SELECT p.scheduled_deletion IS NULL AND m.user_id IS NOT NULL AS allowed
  FROM projects p
  LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE p.id = $2::uuid;

-- name: project_list
-- params: user_id row_offset row_limit
SELECT p.id, p.name, p.description, p.inserted_at, p.updated_at
  FROM project_users m
  JOIN projects p ON p.id = m.project_id
 WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
 ORDER BY p.name, p.id
OFFSET $2::bigint LIMIT $3::bigint;

-- name: project_count
-- params: user_id
SELECT count(*) AS n
  FROM project_users m
  JOIN projects p ON p.id = m.project_id
 WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL;

-- name: project_get
-- params: user_id project_id
SELECT p.id, p.name, p.description, p.inserted_at, p.updated_at
  FROM project_users m
  JOIN projects p ON p.id = m.project_id
 WHERE m.user_id = $1::uuid AND p.id = $2::uuid AND p.scheduled_deletion IS NULL;

-- name: project_find
-- params: project_id
SELECT EXISTS (SELECT FROM projects WHERE id = $1::uuid) AS known;

-- name: project_find_users
-- params: emails
SELECT id, email FROM users WHERE email = ANY ($1::text[]) AND NOT disabled AND scheduled_deletion IS NULL;

-- name: project_demand
-- params: user_id project_id
SELECT demand_project($1::uuid, $2::uuid)::text;

-- name: project_put
-- params: project_id name description
INSERT INTO projects (id, name, description)
VALUES ($1::uuid, $2::text, $3::text)
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, description = excluded.description, updated_at = now()
 WHERE (projects.name, projects.description) IS DISTINCT FROM (excluded.name, excluded.description);

-- Of a project that has none.
-- name: project_put_members
-- params: project_id user_ids roles
INSERT INTO project_users (project_id, user_id, role)
SELECT $1::uuid, m.user_id, m.role FROM unnest($2::uuid[], $3::text[]) AS m (user_id, role)
 WHERE NOT EXISTS (SELECT FROM project_users WHERE project_id = $1::uuid);

-- name: project_present
-- params: project_id
SELECT id, name, description, inserted_at, updated_at FROM projects WHERE id = $1::uuid;
