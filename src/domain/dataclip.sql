-- SPDX-License-Identifier: Apache-2.0

-- name: dataclip_take_input
-- params: project_id run_id
SELECT type, body, request FROM run_input($1::uuid, $2::uuid);

-- As members of the project see them: what they are, without what is in them.

-- What a job was started with, the named ones first, then the newest. A query looks for a part of the name, or the beginning of the id.
--
-- name: dataclip_of_job
-- params: user_id project_id job_id query row_limit
SELECT d.id, d.type, d.name, d.body_state, d.size, d.inserted_at, d.updated_at
  FROM (SELECT DISTINCT ON (s.input_dataclip_id) s.input_dataclip_id AS id
          FROM (SELECT s.input_dataclip_id
                  FROM jobs j JOIN steps s ON s.job_id = j.id AND s.project_id = j.project_id
                 WHERE j.id = $3::uuid AND j.project_id = $2::uuid AND s.input_dataclip_id IS NOT NULL
                   AND s.exit_reason = 'success' AND has_right($1::uuid, $2::uuid, 'read_project')
                 ORDER BY s.finished_at DESC
                 LIMIT 1000) s) used
  JOIN dataclips d ON d.id = used.id AND d.project_id = $2::uuid
 WHERE $4::text IS NULL OR d.name ILIKE '%' || replace(replace(replace($4, '\', '\\'), '%', '\%'), '_', '\_') || '%'
    OR d.id::text LIKE lower(replace(replace(replace($4, '\', '\\'), '%', '\%'), '_', '\_')) || '%'
 ORDER BY d.name IS NULL, d.inserted_at DESC, d.id
 LIMIT $5::bigint;

-- name: dataclip_job_access
-- params: user_id project_id job_id
SELECT has_right($1::uuid, $2::uuid, 'read_project') AS allowed
  FROM projects p
 WHERE p.id = $2::uuid AND EXISTS (SELECT FROM jobs j WHERE j.id = $3::uuid AND j.project_id = p.id);

-- name: dataclip_of_run
-- params: user_id project_id run_id
SELECT d.id, d.type, d.name, d.body_state, d.size, d.inserted_at, d.updated_at
  FROM runs r JOIN dataclips d ON d.id = r.dataclip_id AND d.project_id = r.project_id
 WHERE r.id = $3::uuid AND r.project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'read_project');

-- name: dataclip_rename
-- params: project_id dataclip_id name
UPDATE dataclips SET name = $3::text, updated_at = now()
 WHERE id = $2::uuid AND project_id = $1::uuid
RETURNING id, type, name, body_state, size, inserted_at, updated_at;
