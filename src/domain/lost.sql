-- SPDX-License-Identifier: Apache-2.0
--
-- Lost runs, lost steps, and what only lives for a while.

-- A run is timed from its start by its worker's clock, but never from before it was claimed by ours: a worker whose clock
-- is slow must not lose its runs.
--
-- name: lost_runs_mark
-- params: grace_seconds lease_seconds limit
WITH watched AS (
  -- Leases only mean something while a daemon could have renewed them, and workers had the time to come back to it.
  SELECT EXISTS (
    SELECT FROM service_instances
     WHERE service = 'fulgur-workers' AND seen_at > now() - interval '30 seconds'
       AND started_at < now() - make_interval(secs => $2::bigint)) AS leases
), silent AS MATERIALIZED (
  SELECT q.run_id, q.project_id, q.worker_name,
         CASE q.state
           WHEN 'claimed' THEN 'LostAfterClaim'
           WHEN 'started' THEN 'LostAfterStart'
           ELSE 'UnknownReason'
         END AS error_type
    FROM run_queue q CROSS JOIN watched
   WHERE q.state <> 'available'
     AND (greatest(q.started_at, q.claimed_at) + q.run_timeout_ms * interval '1 millisecond'
            + make_interval(secs => $1::bigint) < now()
          OR (watched.leases AND q.joined_at IS NOT NULL AND q.lease_expires_at < now()))
   ORDER BY q.run_id
   LIMIT $3::bigint
   FOR UPDATE OF q SKIP LOCKED
), lost AS MATERIALIZED (
  SELECT s.*, run_end(s.project_id, s.run_id, 'lost', NULL, s.error_type, NULL, NULL) AS ended
    FROM silent s
), steps_lost AS (
  UPDATE steps s
     SET exit_reason = 'lost', finished_at = clock_timestamp()
    FROM lost l
   WHERE l.ended AND s.run_id = l.run_id AND s.project_id = l.project_id AND s.exit_reason IS NULL
)
SELECT l.run_id, l.project_id, coalesce(l.worker_name, '') AS worker_name, l.error_type, r.reply_after_completion
  FROM lost l JOIN runs r ON r.id = l.run_id AND r.project_id = l.project_id
 WHERE l.ended;

-- name: lost_steps_mark
-- params: grace_seconds
UPDATE steps s
   SET exit_reason = 'lost', finished_at = clock_timestamp()
  FROM runs r
 WHERE s.exit_reason IS NULL AND s.finished_at IS NULL
   AND r.id = s.run_id AND r.project_id = s.project_id
   AND r.state NOT IN ('available', 'claimed', 'started')
   AND r.finished_at < now() - make_interval(secs => $1::bigint);

-- name: housekeeping_partitions
SELECT partitions_ensure(now(), 3) AS n_made;

-- name: housekeeping_short_lived
WITH replies AS (
  DELETE FROM webhook_replies WHERE inserted_at < now() - interval '1 hour'
), firings AS (
  DELETE FROM cron_firings WHERE minute < now() - interval '1 day'
), sessions AS (
  DELETE FROM user_tokens WHERE context = 'session' AND inserted_at < now() - interval '60 days'
), half_sessions AS (
  DELETE FROM user_tokens WHERE context = 'two_factor' AND inserted_at < now() - interval '5 minutes'
), guesses AS (
  DELETE FROM attempts WHERE ends_at < now()
)
DELETE FROM service_instances WHERE seen_at < now() - interval '1 day';
