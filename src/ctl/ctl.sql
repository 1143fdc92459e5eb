-- SPDX-License-Identifier: Apache-2.0
--
-- What fulgurctl shows.

-- name: ctl_run_list
-- params: project_name state limit
SELECT r.id, p.name AS project, w.name AS workflow, r.state, r.error_type, r.inserted_at, r.finished_at
  FROM runs r
  JOIN projects p ON p.id = r.project_id
  JOIN workflows w ON w.id = r.workflow_id
 WHERE ($1::text IS NULL OR p.name = $1::text)
   AND ($2::text IS NULL OR r.state = $2::text)
 ORDER BY r.id DESC
 LIMIT $3::bigint;

-- name: ctl_run_show
-- params: run_id
SELECT r.id, p.name AS project, w.name AS workflow, r.work_order_id, r.state, r.error_type, r.error_message, r.queue,
       r.worker_name, r.dataclip_id, r.final_dataclip_id, r.inserted_at, r.claimed_at, r.started_at, r.finished_at
  FROM runs r
  JOIN projects p ON p.id = r.project_id
  JOIN workflows w ON w.id = r.workflow_id
 WHERE r.id = $1::uuid;

-- name: ctl_run_steps
-- params: run_id
SELECT s.id, s.job_id, coalesce(j.name, s.job_id::text) AS job, s.exit_reason, s.error_type, s.error_message, s.duration_ms,
       s.memory_job, s.output_too_large, s.started_at, s.finished_at
  FROM run_steps rs
  JOIN steps s ON s.run_id = rs.step_run_id AND s.id = rs.step_id AND s.project_id = rs.project_id
  LEFT JOIN jobs j ON j.id = s.job_id AND j.project_id = s.project_id
 WHERE rs.run_id = $1::uuid
 ORDER BY s.started_at, s.inserted_at;

-- Log lines are shown once each: the worker's clock orders them, ids (ours, increasing) say which are new.
-- name: ctl_run_log
-- params: run_id after_id
SELECT id, "timestamp", level, source, message
  FROM log_lines
 WHERE run_id = $1::uuid AND ($2::uuid IS NULL OR id > $2::uuid)
 ORDER BY id
 LIMIT 1000;

-- name: ctl_kickstart_lock
SELECT pg_advisory_lock(hashtext('fulgur.kickstart'))::text;

-- name: ctl_ring
-- params: channel payload
SELECT pg_notify($1::text, $2::text)::text;

-- name: ctl_status_queue
SELECT state, count(*) AS n, min(inserted_at) AS oldest FROM run_queue GROUP BY state ORDER BY state;

-- name: ctl_status_services
SELECT service, host, started_at, seen_at FROM service_instances
 WHERE seen_at > now() - interval '1 minute'
 ORDER BY service, host, started_at;

-- name: ctl_status_database
SELECT current_setting('server_version') AS server_version, pg_database_size(current_database()) AS bytes;

-- Who is connected, as the daemons last said, and who holds runs. A run knows its worker's name; a worker without one is known by its id.
-- name: ctl_worker_list
WITH connected AS (
  SELECT coalesce(w.name, w.worker_id) AS worker, count(*) AS n_sockets, max(w.capacity) AS capacity, max(w.version) AS version,
         min(w.connected_at) AS connected_at
    FROM service_instances i
    CROSS JOIN json_to_recordset(i.workers) AS w (worker_id text, name text, capacity bigint, version text, connected_at timestamptz)
   WHERE i.seen_at > now() - interval '1 minute'
   GROUP BY 1
), holding AS (
  SELECT coalesce(worker_name, '') AS worker, count(*) AS n_runs, min(claimed_at) AS oldest_claim
    FROM run_queue
   WHERE state <> 'available'
   GROUP BY 1
)
SELECT coalesce(c.worker, h.worker) AS worker, coalesce(c.n_sockets, 0) AS n_sockets, c.capacity, c.version, c.connected_at,
       coalesce(h.n_runs, 0) AS n_runs, h.oldest_claim
  FROM connected c FULL JOIN holding h ON h.worker = c.worker
 ORDER BY worker;

-- What set-up looks at before it changes anything.

-- name: ctl_setup_has_owner
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fulgur');

-- name: ctl_setup_has_webhooks
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = 'fulgur-webhooks');

-- name: ctl_setup_has_database
SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'fulgur');

-- What is granted in one transaction is there as a whole, or not at all. Joined, so that a server without the role has an answer.
-- name: ctl_setup_has_grants
SELECT coalesce((SELECT has_table_privilege(r.oid, to_regclass('webhook_replies'), 'DELETE')
                    AND has_table_privilege(r.oid, to_regclass('run_queue'), 'INSERT')
                    AND has_table_privilege(r.oid, to_regclass('webhook_auth_methods'), 'SELECT')
                   FROM pg_roles r WHERE r.rolname = 'fulgur-webhooks'), false);

-- Anyone without an address, this one with it.
-- name: ctl_setup_has_superuser
-- params: email
SELECT EXISTS (SELECT FROM users WHERE role = 'superuser' AND ($1::text IS NULL OR email = $1::text));

-- What the doctor asks.

-- name: ctl_doctor_server
SELECT current_setting('server_version') AS server_version, current_setting('server_version_num')::bigint AS number;

-- A unix socket has no address.
-- name: ctl_doctor_tls
SELECT inet_server_addr() IS NULL OR inet_server_addr() << inet '127.0.0.0/8' OR inet_server_addr() = inet '::1' AS local,
       coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted;

-- One sealed value for each key: the head names it (crypto/vault.h).
-- name: ctl_doctor_seals
SELECT DISTINCT ON (substring(sealed FOR 9)) sealed
  FROM (SELECT body AS sealed FROM credential_bodies
        UNION ALL SELECT username FROM webhook_auth_methods
        UNION ALL SELECT password FROM webhook_auth_methods
        UNION ALL SELECT api_key FROM webhook_auth_methods
        UNION ALL SELECT secret FROM user_totps) AS every
 WHERE sealed IS NOT NULL;

-- name: ctl_doctor_clock
SELECT clock_timestamp() AS now;

-- name: ctl_doctor_workers
SELECT (SELECT count(*) FROM service_instances i CROSS JOIN json_array_elements(i.workers) AS w
         WHERE i.seen_at > now() - interval '1 minute') AS n_workers,
       count(*) AS n_waiting,
       coalesce(extract(epoch FROM now() - min(q.inserted_at)) * 1000000, 0)::bigint AS waited_usec
  FROM run_queue q
 WHERE q.state = 'available';

-- name: ctl_doctor_archived
SELECT last_archived_time FROM pg_stat_archiver;

-- Daemons of other machines have keys of their own.
-- name: ctl_other_hosts
-- params: host
SELECT string_agg(DISTINCT host, ', ') AS hosts FROM service_instances
 WHERE host <> $1::text AND seen_at > now() - interval '1 minute';

-- What there is, for the administrator.

-- name: ctl_user_list
-- params: project_name limit
SELECT u.id, u.email, u.role, u.disabled, u.mfa_enabled, u.inserted_at, u.first_name || ' ' || u.last_name AS name,
       (SELECT count(*) FROM project_users m WHERE m.user_id = u.id) AS projects
  FROM users u
 WHERE $1::text IS NULL
    OR EXISTS (SELECT FROM project_users m JOIN projects p ON p.id = m.project_id WHERE m.user_id = u.id AND p.name = $1)
 ORDER BY u.email
 LIMIT $2::bigint;

-- name: ctl_user_disable
-- params: email
UPDATE users SET disabled = true, updated_at = now() WHERE email = lower($1::text) RETURNING id;

-- name: ctl_user_enable
-- params: email
UPDATE users SET disabled = false, updated_at = now() WHERE email = lower($1::text) RETURNING id;

-- name: ctl_user_drop_factor
-- params: email
WITH who AS (
  UPDATE users SET mfa_enabled = false, updated_at = now() WHERE email = lower($1::text) RETURNING id
), totps AS (
  DELETE FROM user_totps p USING who WHERE p.user_id = who.id
), codes AS (
  DELETE FROM user_backup_codes c USING who WHERE c.user_id = who.id
)
SELECT id FROM who;

-- name: ctl_project_list
-- params: project_name limit
SELECT p.id, p.name, p.concurrency, p.retention_policy, p.scheduled_deletion,
       (SELECT count(*) FROM project_users m WHERE m.project_id = p.id) AS members,
       (SELECT count(*) FROM workflows w WHERE w.project_id = p.id AND w.deleted_at IS NULL) AS workflows,
       (SELECT u.email FROM project_users m JOIN users u ON u.id = m.user_id
         WHERE m.project_id = p.id AND m.role = 'owner' ORDER BY m.inserted_at LIMIT 1) AS owner
  FROM projects p
 WHERE $1::text IS NULL OR p.name = $1
 ORDER BY p.name, p.id
 LIMIT $2::bigint;

-- name: ctl_workflow_list
-- params: project_name limit
SELECT w.id, p.name AS project, w.name, w.lock_version, w.updated_at,
       (SELECT count(*) FROM jobs j WHERE j.workflow_id = w.id) AS jobs,
       EXISTS (SELECT FROM triggers t WHERE t.workflow_id = w.id AND t.enabled) AS enabled
  FROM workflows w JOIN projects p ON p.id = w.project_id
 WHERE w.deleted_at IS NULL AND ($1::text IS NULL OR p.name = $1)
 ORDER BY p.name, w.name, w.id
 LIMIT $2::bigint;

-- name: ctl_credential_list
-- params: project_name limit
SELECT c.id, c.name, u.email AS owner, c.schema, c.updated_at,
       (SELECT string_agg(b.name, ',' ORDER BY b.name) FROM credential_bodies b WHERE b.credential_id = c.id) AS environments,
       (SELECT count(*) FROM project_credentials pc WHERE pc.credential_id = c.id) AS projects
  FROM credentials c JOIN users u ON u.id = c.user_id
 WHERE $1::text IS NULL
    OR EXISTS (SELECT FROM project_credentials pc JOIN projects p ON p.id = pc.project_id
                WHERE pc.credential_id = c.id AND p.name = $1)
 ORDER BY u.email, c.name
 LIMIT $2::bigint;

-- name: ctl_audit_list
-- params: project_name limit
SELECT a.inserted_at, coalesce(u.email, a.actor_id::text, a.actor_name, a.actor_type) AS actor, a.item_type, a.event, a.item_id,
       a.before::text AS before, a.after::text AS after
  FROM audit_events a LEFT JOIN users u ON u.id = a.actor_id
 WHERE $1::text IS NULL OR a.project_id IN (SELECT id FROM projects WHERE name = $1)
 ORDER BY a.inserted_at DESC, a.id DESC
 LIMIT $2::bigint;
