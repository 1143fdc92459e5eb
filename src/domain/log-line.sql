-- SPDX-License-Identifier: Apache-2.0
--
-- Log lines, all of an event in one statement.

-- name: log_lines_insert
-- params: project_id run_id ids step_ids times levels sources messages
INSERT INTO log_lines (run_id, id, project_id, step_id, "timestamp", level, source, message)
SELECT $2::uuid, l.id, $1::uuid, l.step_id, l.at, l.level, l.source, l.message
  FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
    AS l (id, step_id, at, level, source, message);

-- The same when some of the steps were not seen here before: all must belong to the run, or no line is
-- stored.
--
-- name: log_lines_insert_checked
-- params: project_id run_id ids step_ids times levels sources messages unknown_step_ids
INSERT INTO log_lines (run_id, id, project_id, step_id, "timestamp", level, source, message)
SELECT $2::uuid, l.id, $1::uuid, l.step_id, l.at, l.level, l.source, l.message
  FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::text[], $7::text[], $8::text[])
    AS l (id, step_id, at, level, source, message)
 WHERE (SELECT count(*) FROM run_steps s
         WHERE s.run_id = $2 AND s.project_id = $1 AND s.step_id = ANY ($9::uuid[]))
       = cardinality($9::uuid[]);
