-- SPDX-License-Identifier: Apache-2.0
--
-- Credentials as their owners keep them. Bodies are never read here.

-- The user's own, those of a project, or one of the user's own. Of the projects only those that the user is a member of.
--
-- name: credential_read
-- params: user_id project_id credential_id
SELECT c.id, c.name, c.schema, c.external_id, c.user_id, c.inserted_at, c.updated_at,
       (SELECT coalesce(json_agg(json_build_object(
                 'id', pc.id, 'project_id', pc.project_id, 'credential_id', pc.credential_id,
                 'inserted_at', to_char(pc.inserted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                 'updated_at', to_char(pc.inserted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                 ORDER BY pc.inserted_at, pc.id), '[]')
          FROM project_credentials pc
          JOIN project_users m ON m.project_id = pc.project_id AND m.user_id = $1::uuid
         WHERE pc.credential_id = c.id)::text AS project_credentials,
       (SELECT coalesce(json_agg(json_build_object('id', p.id, 'name', p.name, 'description', p.description) ORDER BY p.name, p.id), '[]')
          FROM project_credentials pc
          JOIN projects p ON p.id = pc.project_id AND p.scheduled_deletion IS NULL
          JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
         WHERE pc.credential_id = c.id)::text AS projects
  FROM credentials c
 WHERE c.scheduled_deletion IS NULL AND ($3::uuid IS NULL OR c.id = $3)
   AND CASE WHEN $2::uuid IS NULL THEN c.user_id = $1::uuid
            ELSE has_right($1::uuid, $2::uuid, 'read_project')
                 AND EXISTS (SELECT FROM project_credentials pc WHERE pc.credential_id = c.id AND pc.project_id = $2) END
 ORDER BY c.name, c.id;

-- name: credential_owner
-- params: user_id credential_id
SELECT c.id IS NOT NULL AS known, c.user_id = $1::uuid AS mine, c.scheduled_deletion IS NOT NULL AS scheduled
  FROM (SELECT) one LEFT JOIN credentials c ON c.id = $2::uuid;

-- name: credential_demand
-- params: user_id project_ids
SELECT demand_sharing($1::uuid, $2::uuid[])::text;

-- name: credential_insert
-- params: id user_id name schema external_id
INSERT INTO credentials (id, user_id, name, schema, external_id)
VALUES ($1::uuid, $2::uuid, $3::text, $4::text, nullif($5::text, ''));

-- name: credential_replace
-- params: id user_id name schema external_id
UPDATE credentials
   SET name = $3::text, schema = $4::text, external_id = coalesce(nullif($5::text, ''), external_id), updated_at = now()
 WHERE id = $1::uuid AND user_id = $2::uuid AND scheduled_deletion IS NULL;

-- A body is sealed to its row: another one is another row.
-- name: credential_body_replace
-- params: id credential_id environment body
WITH gone AS (
  DELETE FROM credential_bodies WHERE credential_id = $2::uuid AND name = $3::text RETURNING id
), counted AS (
  SELECT count(*) FROM gone)
INSERT INTO credential_bodies (id, credential_id, name, body)
SELECT $1::uuid, $2::uuid, $3::text, $4::bytea FROM counted;

-- name: credential_share
-- params: credential_id user_id project_ids
INSERT INTO project_credentials (id, project_id, credential_id)
SELECT gen_random_uuid(), p.id, $1::uuid
  FROM unnest($3::uuid[]) AS p (id)
 WHERE EXISTS (SELECT FROM credentials WHERE id = $1::uuid AND user_id = $2::uuid)
ON CONFLICT (project_id, credential_id) DO NOTHING;

-- name: credential_delete
-- params: user_id credential_id
DELETE FROM credentials WHERE id = $2::uuid AND user_id = $1::uuid;
