-- SPDX-License-Identifier: Apache-2.0
--
-- Drafts, stored so that a second time changes nothing. The rows come as the JSON arrays that the snapshot keeps.

-- name: draft_paths_release
-- params: project_id workflow_ids trigger_ids custom_paths
UPDATE triggers t
   SET custom_path = NULL, updated_at = now()
 WHERE t.project_id = $1::uuid AND t.workflow_id = ANY ($2::uuid[]) AND t.custom_path IS NOT NULL
   AND NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::text[]) AS d (id, custom_path)
                    WHERE d.id = t.id AND d.custom_path = t.custom_path);

-- Lists are in the order of inserted_at: what comes new in one transaction keeps the order it came in.
-- name: draft_workflow_store
-- params: id project_id name
INSERT INTO workflows (id, project_id, name, inserted_at)
VALUES ($1::uuid, $2::uuid, $3::text, clock_timestamp())
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, updated_at = now()
 WHERE workflows.project_id = $2::uuid AND workflows.name <> excluded.name;

-- name: draft_jobs_store
-- params: project_id workflow_id jobs
WITH declared AS (
  SELECT *
    FROM ROWS FROM (json_to_recordset($3::text::json)
                    AS (id uuid, name text, body text, adaptor text, project_credential_id uuid, keychain_credential_id uuid))
         WITH ORDINALITY AS j (id, name, body, adaptor, project_credential_id, keychain_credential_id, place)
), gone AS (
  DELETE FROM jobs
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO jobs (id, project_id, workflow_id, name, body, adaptor, project_credential_id, keychain_credential_id, inserted_at)
SELECT id, $1::uuid, $2::uuid, name, body, adaptor, project_credential_id, keychain_credential_id,
       now() + place * interval '1 microsecond'
  FROM declared
ON CONFLICT (id) DO UPDATE
   SET name = excluded.name, body = excluded.body, adaptor = excluded.adaptor,
       project_credential_id = excluded.project_credential_id,
       keychain_credential_id = excluded.keychain_credential_id, updated_at = now()
 WHERE jobs.project_id = $1::uuid AND jobs.workflow_id = $2::uuid
   AND (jobs.name, jobs.body, jobs.adaptor, jobs.project_credential_id, jobs.keychain_credential_id)
       IS DISTINCT FROM
       (excluded.name, excluded.body, excluded.adaptor, excluded.project_credential_id, excluded.keychain_credential_id);

-- name: draft_triggers_store
-- params: project_id workflow_id triggers
WITH declared AS (
  SELECT *
    FROM ROWS FROM (json_to_recordset($3::text::json)
                    AS (id uuid, type text, enabled boolean, comment text, custom_path text, cron_expression text,
                        cron_cursor_job_id uuid, webhook_reply text, webhook_response_config json))
         WITH ORDINALITY AS t (id, type, enabled, comment, custom_path, cron_expression, cron_cursor_job_id, webhook_reply,
                               webhook_response_config, place)
), gone AS (
  DELETE FROM triggers
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO triggers (id, project_id, workflow_id, type, enabled, comment, custom_path, cron_expression,
                      cron_cursor_job_id, webhook_reply, success_code, error_code, inserted_at)
SELECT id, $1::uuid, $2::uuid, type, enabled, comment, custom_path, cron_expression, cron_cursor_job_id, webhook_reply,
       (webhook_response_config ->> 'success_code')::bigint, (webhook_response_config ->> 'error_code')::bigint,
       now() + place * interval '1 microsecond'
  FROM declared
ON CONFLICT (id) DO UPDATE
   SET type = excluded.type, enabled = excluded.enabled, comment = excluded.comment, custom_path = excluded.custom_path,
       cron_expression = excluded.cron_expression, cron_cursor_job_id = excluded.cron_cursor_job_id,
       webhook_reply = excluded.webhook_reply, success_code = excluded.success_code, error_code = excluded.error_code,
       updated_at = now()
 WHERE triggers.project_id = $1::uuid AND triggers.workflow_id = $2::uuid
   AND (triggers.type, triggers.enabled, triggers.comment, triggers.custom_path, triggers.cron_expression,
        triggers.cron_cursor_job_id, triggers.webhook_reply, triggers.success_code, triggers.error_code)
       IS DISTINCT FROM
       (excluded.type, excluded.enabled, excluded.comment, excluded.custom_path, excluded.cron_expression,
        excluded.cron_cursor_job_id, excluded.webhook_reply, excluded.success_code, excluded.error_code);

-- name: draft_edges_store
-- params: project_id workflow_id edges
WITH declared AS (
  SELECT *
    FROM ROWS FROM (json_to_recordset($3::text::json)
                    AS (id uuid, source_trigger_id uuid, source_job_id uuid, target_job_id uuid, condition_type text,
                        condition_expression text, condition_label text, enabled boolean))
         WITH ORDINALITY AS e (id, source_trigger_id, source_job_id, target_job_id, condition_type, condition_expression,
                               condition_label, enabled, place)
), gone AS (
  DELETE FROM workflow_edges
   WHERE project_id = $1::uuid AND workflow_id = $2::uuid AND id NOT IN (SELECT id FROM declared))
INSERT INTO workflow_edges (id, project_id, workflow_id, source_trigger_id, source_job_id, target_job_id,
                            condition_type, condition_expression, condition_label, enabled, inserted_at)
SELECT id, $1::uuid, $2::uuid, source_trigger_id, source_job_id, target_job_id,
       condition_type, condition_expression, condition_label, enabled, now() + place * interval '1 microsecond'
  FROM declared
ON CONFLICT (id) DO UPDATE
   SET source_trigger_id = excluded.source_trigger_id, source_job_id = excluded.source_job_id,
       target_job_id = excluded.target_job_id, condition_type = excluded.condition_type,
       condition_expression = excluded.condition_expression, condition_label = excluded.condition_label,
       enabled = excluded.enabled, updated_at = now()
 WHERE workflow_edges.project_id = $1::uuid AND workflow_edges.workflow_id = $2::uuid
   AND (workflow_edges.source_trigger_id, workflow_edges.source_job_id, workflow_edges.target_job_id,
        workflow_edges.condition_type, workflow_edges.condition_expression, workflow_edges.condition_label,
        workflow_edges.enabled)
       IS DISTINCT FROM
       (excluded.source_trigger_id, excluded.source_job_id, excluded.target_job_id,
        excluded.condition_type, excluded.condition_expression, excluded.condition_label, excluded.enabled);

-- A save that changes something makes the next snapshot and notes its hash; one that changes nothing makes none. The same hash
-- twice in a row says nothing new.
-- name: draft_snapshot_store
-- params: id project_id workflow_id name jobs triggers edges version_id hash source
WITH current AS (
  SELECT w.id, w.lock_version
    FROM workflows w LEFT JOIN workflow_snapshots s ON s.id = w.current_snapshot_id
   WHERE w.id = $3::uuid AND w.project_id = $2::uuid
     AND (s.id IS NULL OR s.name <> $4::text OR s.jobs::text <> $5::text OR s.triggers::text <> $6::text
          OR s.edges::text <> $7::text)
), made AS (
  INSERT INTO workflow_snapshots (id, project_id, workflow_id, lock_version, name, jobs, triggers, edges)
  SELECT $1::uuid, $2::uuid, c.id, c.lock_version + 1, $4::text, $5::text::json, $6::text::json, $7::text::json
    FROM current c
  RETURNING id, workflow_id, lock_version
), noted AS (
  INSERT INTO workflow_versions (id, project_id, workflow_id, hash, source)
  SELECT $8::uuid, $2::uuid, c.id, $9::text, $10::text
    FROM current c
   WHERE $9::text IS DISTINCT FROM (SELECT v.hash FROM workflow_versions v WHERE v.workflow_id = c.id
                                     ORDER BY v.inserted_at DESC, v.id DESC LIMIT 1))
UPDATE workflows w
   SET lock_version = m.lock_version, current_snapshot_id = m.id, updated_at = now()
  FROM made m
 WHERE w.id = m.workflow_id;

-- name: draft_workflows_delete
-- params: project_id workflow_ids
WITH gone AS (
  UPDATE workflows
     SET deleted_at = now(), updated_at = now()
   WHERE project_id = $1::uuid AND id = ANY ($2::uuid[]) AND deleted_at IS NULL
  RETURNING id)
UPDATE triggers t
   SET enabled = false, custom_path = NULL, updated_at = now()
  FROM gone
 WHERE t.workflow_id = gone.id AND t.project_id = $1::uuid;
