-- SPDX-License-Identifier: Apache-2.0
--
-- Jobs as members of their project read them.

-- name: job_access
-- params: user_id job_id
SELECT p.scheduled_deletion IS NULL AND m.user_id IS NOT NULL AS allowed
  FROM jobs j
  JOIN workflows w ON w.id = j.workflow_id AND w.deleted_at IS NULL
  JOIN projects p ON p.id = j.project_id
  LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE j.id = $2::uuid;

-- Bodies are fetched for the page only.
--
-- name: job_list
-- params: user_id project_id row_offset row_limit
WITH found AS (
  SELECT j.id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
    JOIN jobs j ON j.project_id = p.id
    JOIN workflows w ON w.id = j.workflow_id AND w.deleted_at IS NULL
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR m.project_id = $2)
   ORDER BY j.inserted_at, j.id
  OFFSET $3::bigint LIMIT $4::bigint
)
SELECT j.id, j.project_id, j.workflow_id, j.name, j.body, j.adaptor, j.inserted_at, j.updated_at
  FROM found f
  JOIN jobs j ON j.id = f.id
 ORDER BY j.inserted_at, j.id;

-- name: job_count
-- params: user_id project_id
SELECT count(*) AS n
  FROM project_users m
  JOIN projects p ON p.id = m.project_id
  JOIN jobs j ON j.project_id = p.id
  JOIN workflows w ON w.id = j.workflow_id AND w.deleted_at IS NULL
 WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
   AND ($2::uuid IS NULL OR m.project_id = $2);

-- name: job_get
-- params: user_id project_id job_id
SELECT j.id, j.project_id, j.workflow_id, j.name, j.body, j.adaptor, j.inserted_at, j.updated_at
  FROM jobs j
  JOIN workflows w ON w.id = j.workflow_id AND w.deleted_at IS NULL
  JOIN projects p ON p.id = j.project_id AND p.scheduled_deletion IS NULL
  JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE j.id = $3::uuid AND ($2::uuid IS NULL OR j.project_id = $2);
