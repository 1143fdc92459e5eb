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
