-- SPDX-License-Identifier: Apache-2.0
--
-- Members of a project.

-- name: member_list
-- params: user_id project_id
SELECT m.user_id, u.email, u.first_name, u.last_name, m.role, m.inserted_at
  FROM project_users m JOIN users u ON u.id = m.user_id
 WHERE m.project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_project')
 ORDER BY m.inserted_at, u.email;

-- name: member_demand
-- params: user_id project_id
SELECT demand_right($1::uuid, $2::uuid, 'manage_members')::text;

-- name: member_put
-- params: project_id email role
WITH person AS (
  SELECT id FROM users WHERE email = lower($2::text) AND NOT disabled AND scheduled_deletion IS NULL
), present AS (
  SELECT m.role FROM project_users m JOIN person ON person.id = m.user_id WHERE m.project_id = $1::uuid
), stored AS (
  INSERT INTO project_users (project_id, user_id, role)
  SELECT $1::uuid, person.id, $3::text FROM person
  ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role, updated_at = now()
   WHERE project_users.role NOT IN ('owner', excluded.role)
  RETURNING role)
SELECT CASE WHEN NOT EXISTS (SELECT FROM person) THEN 'unknown_user'
            WHEN EXISTS (SELECT FROM present WHERE role = 'owner') THEN 'owner'
            WHEN EXISTS (SELECT FROM present) THEN 'changed'
            ELSE 'added' END AS outcome,
       (SELECT count(*) FROM stored) AS n_stored;

-- name: member_delete
-- params: project_id member_id
WITH present AS (
  SELECT role FROM project_users WHERE project_id = $1::uuid AND user_id = $2::uuid
), gone AS (
  DELETE FROM project_users WHERE project_id = $1::uuid AND user_id = $2::uuid AND role <> 'owner' RETURNING role)
SELECT CASE WHEN EXISTS (SELECT FROM gone) THEN 'removed'
            WHEN EXISTS (SELECT FROM present) THEN 'owner'
            ELSE 'not_found' END AS outcome;
