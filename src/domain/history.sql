-- SPDX-License-Identifier: Apache-2.0
--
-- What happened, as members of the project read it.
--
-- Lists go through the user's projects one by one, each by its own index and no further than the page reaches:
-- one index scan over all projects would go through everybody's history. ids_after and ids_before are times that
-- bound the ids (which are made a little before their row is inserted), so that months without a match are not
-- looked at.

-- Before lists and counts: a plan for the values at hand costs some milliseconds and leaves out months, filters
-- and columns that are not asked for; one for all values has to look at each row.
--
-- name: history_plan
SELECT set_config('plan_cache_mode', 'force_custom_plan', true) AS mode;

-- name: history_run_access
-- params: user_id run_id
SELECT p.scheduled_deletion IS NULL AND m.user_id IS NOT NULL AS allowed
  FROM runs r
  JOIN projects p ON p.id = r.project_id
  LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE r.id = $2::uuid;

-- name: history_run_get
-- params: user_id project_id run_id
SELECT r.id, r.project_id, r.workflow_id, r.work_order_id, r.starting_trigger_id, r.starting_job_id,
       r.dataclip_id, r.final_dataclip_id, r.state, r.error_type, r.error_message,
       CASE r.priority WHEN 0 THEN 'immediate' ELSE 'normal' END AS priority, r.queue, r.worker_name,
       r.claimed_at, r.started_at, r.finished_at, r.inserted_at, r.updated_at
  FROM runs r
  JOIN projects p ON p.id = r.project_id AND p.scheduled_deletion IS NULL
  JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE r.id = $3::uuid AND ($2::uuid IS NULL OR r.project_id = $2);

-- name: history_run_list
-- params: user_id project_id ids_after ids_before inserted_after inserted_before updated_after updated_before
-- params: row_offset row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
), found AS (
  SELECT f.id, f.project_id
    FROM mine
   CROSS JOIN LATERAL (
      SELECT r.id, r.project_id
        FROM runs r
       WHERE r.project_id = mine.project_id
         AND r.id >= coalesce(uuid7_floor($3::timestamptz), '00000000-0000-0000-0000-000000000000')
         AND r.id <= coalesce(uuid7_floor($4::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
         AND ($5::timestamptz IS NULL OR r.inserted_at >= $5)
         AND ($6::timestamptz IS NULL OR r.inserted_at <= $6)
         AND ($7::timestamptz IS NULL OR r.updated_at >= $7)
         AND ($8::timestamptz IS NULL OR r.updated_at <= $8)
       ORDER BY r.id DESC
       LIMIT $9::bigint + $10::bigint
    ) f
   ORDER BY f.id DESC
  OFFSET $9 LIMIT $10
)
SELECT r.id, r.project_id, r.workflow_id, r.work_order_id, r.starting_trigger_id, r.starting_job_id,
       r.dataclip_id, r.final_dataclip_id, r.state, r.error_type, r.error_message,
       CASE r.priority WHEN 0 THEN 'immediate' ELSE 'normal' END AS priority, r.queue, r.worker_name,
       r.claimed_at, r.started_at, r.finished_at, r.inserted_at, r.updated_at
  FROM found f
  JOIN runs r ON r.id = f.id AND r.project_id = f.project_id
 ORDER BY r.id DESC;

-- Newest first: what was changed lately is found before a week of what was not.
-- name: history_run_count
-- params: user_id project_id ids_after ids_before inserted_after inserted_before updated_after updated_before
-- params: row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
)
SELECT count(*) AS n
  FROM (
    SELECT
      FROM mine
     CROSS JOIN LATERAL (
      SELECT
        FROM runs r
       WHERE r.project_id = mine.project_id
         AND r.id >= coalesce(uuid7_floor($3::timestamptz), '00000000-0000-0000-0000-000000000000')
         AND r.id <= coalesce(uuid7_floor($4::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
         AND ($5::timestamptz IS NULL OR r.inserted_at >= $5)
         AND ($6::timestamptz IS NULL OR r.inserted_at <= $6)
         AND ($7::timestamptz IS NULL OR r.updated_at >= $7)
         AND ($8::timestamptz IS NULL OR r.updated_at <= $8)
       ORDER BY r.id DESC
       LIMIT $9::bigint
    ) f
     LIMIT $9
  ) counted;

-- name: history_work_order_access
-- params: user_id work_order_id
SELECT p.scheduled_deletion IS NULL AND m.user_id IS NOT NULL AS allowed
  FROM work_orders o
  JOIN projects p ON p.id = o.project_id
  LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE o.id = $2::uuid;

-- name: history_work_order_get
-- params: user_id project_id work_order_id
SELECT o.id, o.project_id, o.workflow_id, o.trigger_id, o.dataclip_id, o.state, o.last_activity, o.inserted_at,
       o.updated_at
  FROM work_orders o
  JOIN projects p ON p.id = o.project_id AND p.scheduled_deletion IS NULL
  JOIN project_users m ON m.project_id = p.id AND m.user_id = $1::uuid
 WHERE o.id = $3::uuid AND ($2::uuid IS NULL OR o.project_id = $2);

-- A retry changes a work order of any age. Those that changed lately are the young ones and those of young runs
-- (retried_after): no need to look at all.
--
-- name: history_work_order_list
-- params: user_id project_id ids_after ids_before inserted_after inserted_before updated_after updated_before
-- params: retried_after
-- params: row_offset row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
), found AS (
  SELECT f.id, f.project_id
    FROM mine
   CROSS JOIN LATERAL (
      (SELECT o.id, o.project_id
         FROM work_orders o
         WHERE o.project_id = mine.project_id
           AND o.id >= coalesce(uuid7_floor($3::timestamptz), '00000000-0000-0000-0000-000000000000')
           AND o.id <= coalesce(uuid7_floor($4::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
           AND ($5::timestamptz IS NULL OR o.inserted_at >= $5)
           AND ($6::timestamptz IS NULL OR o.inserted_at <= $6)
           AND ($7::timestamptz IS NULL OR o.updated_at >= $7)
           AND ($8::timestamptz IS NULL OR o.updated_at <= $8)
        ORDER BY o.id DESC
        LIMIT $10::bigint + $11::bigint)
      UNION ALL
      SELECT DISTINCT o.id, o.project_id
        FROM runs r
          JOIN work_orders o ON o.id = r.work_order_id AND o.project_id = r.project_id
         WHERE $9::timestamptz IS NOT NULL
           AND r.project_id = mine.project_id
           AND r.id >= uuid7_floor($9) AND r.work_order_id < uuid7_floor($9)
           AND ($5::timestamptz IS NULL OR o.inserted_at >= $5)
           AND ($6::timestamptz IS NULL OR o.inserted_at <= $6)
           AND ($7::timestamptz IS NULL OR o.updated_at >= $7)
           AND ($8::timestamptz IS NULL OR o.updated_at <= $8)
    ) f
   ORDER BY f.id DESC
  OFFSET $10 LIMIT $11
)
SELECT o.id, o.project_id, o.workflow_id, o.trigger_id, o.dataclip_id, o.state, o.last_activity, o.inserted_at,
       o.updated_at
  FROM found f
  JOIN work_orders o ON o.id = f.id AND o.project_id = f.project_id
 ORDER BY o.id DESC;

-- name: history_work_order_count
-- params: user_id project_id ids_after ids_before inserted_after inserted_before updated_after updated_before
-- params: retried_after
-- params: row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
)
SELECT count(*) AS n
  FROM (
    SELECT
      FROM mine
     CROSS JOIN LATERAL (
      (SELECT o.id
         FROM work_orders o
         WHERE o.project_id = mine.project_id
           AND o.id >= coalesce(uuid7_floor($3::timestamptz), '00000000-0000-0000-0000-000000000000')
           AND o.id <= coalesce(uuid7_floor($4::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff')
           AND ($5::timestamptz IS NULL OR o.inserted_at >= $5)
           AND ($6::timestamptz IS NULL OR o.inserted_at <= $6)
           AND ($7::timestamptz IS NULL OR o.updated_at >= $7)
           AND ($8::timestamptz IS NULL OR o.updated_at <= $8)
        ORDER BY o.id DESC
        LIMIT $10::bigint)
      UNION ALL
      SELECT DISTINCT o.id
        FROM runs r
          JOIN work_orders o ON o.id = r.work_order_id AND o.project_id = r.project_id
         WHERE $9::timestamptz IS NOT NULL
           AND r.project_id = mine.project_id
           AND r.id >= uuid7_floor($9) AND r.work_order_id < uuid7_floor($9)
           AND ($5::timestamptz IS NULL OR o.inserted_at >= $5)
           AND ($6::timestamptz IS NULL OR o.inserted_at <= $6)
           AND ($7::timestamptz IS NULL OR o.updated_at >= $7)
           AND ($8::timestamptz IS NULL OR o.updated_at <= $8)
    ) f
     LIMIT $10
  ) counted;

-- There is no index over the log lines of a project: its runs are gone through, newest first, and the lines of
-- each, no further than the page reaches. The runs of a work order are few and lie between two ids.
--
-- name: history_log_line_list
-- params: user_id project_id workflow_id job_id work_order_id run_id level timestamp_after timestamp_before
-- params: runs_after runs_before ended_after
-- params: row_offset row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
), of_work_order AS MATERIALIZED (
  SELECT min(r.id::text)::uuid AS first_id, max(r.id::text)::uuid AS last_id
    FROM runs r
   WHERE r.work_order_id = $5::uuid
)
SELECT f.id, f.run_id, f.step_id, f."timestamp", f.level, f.source, f.message
  FROM mine
 CROSS JOIN LATERAL (
    SELECT l.id, r.id AS run_id, l.step_id, l."timestamp", l.level, l.source, l.message
      FROM (
             SELECT r.id, r.project_id
               FROM runs r
              WHERE r.project_id = mine.project_id
                AND r.id >= CASE WHEN $6::uuid IS NOT NULL THEN $6
                                 WHEN $5 IS NULL THEN coalesce(uuid7_floor($10::timestamptz),
                                                               '00000000-0000-0000-0000-000000000000')
                                 ELSE coalesce((SELECT first_id FROM of_work_order),
                                               'ffffffff-ffff-ffff-ffff-ffffffffffff') END
                AND r.id <= CASE WHEN $6 IS NOT NULL THEN $6
                                 WHEN $5 IS NULL THEN coalesce(uuid7_floor($11::timestamptz),
                                                               'ffffffff-ffff-ffff-ffff-ffffffffffff')
                                 ELSE coalesce((SELECT last_id FROM of_work_order),
                                               '00000000-0000-0000-0000-000000000000') END
                AND ($3::uuid IS NULL OR r.workflow_id = $3)
                AND ($5 IS NULL OR r.work_order_id = $5)
                AND ($12::timestamptz IS NULL OR r.finished_at IS NULL OR r.finished_at >= $12)
              ORDER BY r.id DESC
           ) r
     CROSS JOIN LATERAL (
             SELECT l.id, l.step_id, l."timestamp", l.level, l.source, l.message
               FROM log_lines l
              WHERE l.run_id = r.id AND l.project_id = r.project_id
                AND ($8::timestamptz IS NULL OR l."timestamp" >= $8)
                AND ($9::timestamptz IS NULL OR l."timestamp" <= $9)
                AND ($7::text IS NULL OR l.level = $7)
                AND ($4::uuid IS NULL
                     OR EXISTS (SELECT FROM steps s
                                 WHERE s.run_id = l.run_id AND s.id = l.step_id AND s.project_id = l.project_id
                                   AND s.job_id = $4))
           ) l
     ORDER BY r.id DESC, l."timestamp", l.id
     LIMIT $13::bigint + $14::bigint
  ) f
 ORDER BY f.run_id DESC, f."timestamp", f.id
OFFSET $13 LIMIT $14;

-- The inner limits keep the planner from joining all runs with all lines.
--
-- name: history_log_line_count
-- params: user_id project_id workflow_id job_id work_order_id run_id level timestamp_after timestamp_before
-- params: runs_after runs_before ended_after
-- params: row_limit
WITH mine AS MATERIALIZED (
  SELECT p.id AS project_id
    FROM project_users m
    JOIN projects p ON p.id = m.project_id
   WHERE m.user_id = $1::uuid AND p.scheduled_deletion IS NULL
     AND ($2::uuid IS NULL OR p.id = $2)
), of_work_order AS MATERIALIZED (
  SELECT min(r.id::text)::uuid AS first_id, max(r.id::text)::uuid AS last_id
    FROM runs r
   WHERE r.work_order_id = $5::uuid
)
SELECT count(*) AS n
  FROM (
    SELECT
      FROM mine
     CROSS JOIN LATERAL (
        SELECT
          FROM (
             SELECT r.id, r.project_id
               FROM runs r
              WHERE r.project_id = mine.project_id
                AND r.id >= CASE WHEN $6::uuid IS NOT NULL THEN $6
                                 WHEN $5 IS NULL THEN coalesce(uuid7_floor($10::timestamptz),
                                                               '00000000-0000-0000-0000-000000000000')
                                 ELSE coalesce((SELECT first_id FROM of_work_order),
                                               'ffffffff-ffff-ffff-ffff-ffffffffffff') END
                AND r.id <= CASE WHEN $6 IS NOT NULL THEN $6
                                 WHEN $5 IS NULL THEN coalesce(uuid7_floor($11::timestamptz),
                                                               'ffffffff-ffff-ffff-ffff-ffffffffffff')
                                 ELSE coalesce((SELECT last_id FROM of_work_order),
                                               '00000000-0000-0000-0000-000000000000') END
                AND ($3::uuid IS NULL OR r.workflow_id = $3)
                AND ($5 IS NULL OR r.work_order_id = $5)
                AND ($12::timestamptz IS NULL OR r.finished_at IS NULL OR r.finished_at >= $12)
              ORDER BY r.id DESC
               ) r
         CROSS JOIN LATERAL (
             SELECT
               FROM log_lines l
              WHERE l.run_id = r.id AND l.project_id = r.project_id
                AND ($8::timestamptz IS NULL OR l."timestamp" >= $8)
                AND ($9::timestamptz IS NULL OR l."timestamp" <= $9)
                AND ($7::text IS NULL OR l.level = $7)
                AND ($4::uuid IS NULL
                     OR EXISTS (SELECT FROM steps s
                                 WHERE s.run_id = l.run_id AND s.id = l.step_id AND s.project_id = l.project_id
                                   AND s.job_id = $4))
              LIMIT $13::bigint
               ) l
         LIMIT $13
      ) f
     LIMIT $13
  ) counted;
