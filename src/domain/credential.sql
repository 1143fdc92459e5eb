-- SPDX-License-Identifier: Apache-2.0
--
-- Credentials for runs. Which ids a run may ask for follows from its snapshot and is checked before; here,
-- what it asks for must (still) be shared with its project.

-- A keychain looks into the run's input for an external id; its default counts only while it is shared with
-- the project.
--
-- name: credential_fetch
-- params: project_id run_id credential_id
WITH run AS (
  SELECT r.dataclip_id, q.run_id IS NOT NULL AS is_live, p.env
    FROM runs r
    JOIN projects p ON p.id = r.project_id
    LEFT JOIN run_queue q ON q.run_id = r.id AND q.project_id = r.project_id
   WHERE r.id = $2::uuid AND r.project_id = $1::uuid
), keychain AS (
  SELECT k.default_credential_id,
         (SELECT keychain_match(b.body, k.path) FROM dataclip_bodies b
           WHERE b.dataclip_id = (SELECT dataclip_id FROM run) AND b.project_id = $1
           ORDER BY b.inserted_at LIMIT 1) AS external_id
    FROM keychain_credentials k
   WHERE k.id = $3::uuid AND k.project_id = $1
), picked AS (
  SELECT c.id, c.name
    FROM credentials c
    JOIN project_credentials pc ON pc.credential_id = c.id AND pc.project_id = $1
   WHERE c.id = $3
      OR c.id = coalesce((SELECT m.id FROM credentials m
                            JOIN project_credentials mc ON mc.credential_id = m.id AND mc.project_id = $1
                           WHERE m.external_id = (SELECT external_id FROM keychain)
                           ORDER BY m.inserted_at, m.id LIMIT 1),
                         (SELECT default_credential_id FROM keychain))
), body AS (
  SELECT b.id, b.body
    FROM picked c JOIN credential_bodies b ON b.credential_id = c.id AND b.name = (SELECT env FROM run)
), noted AS (
  UPDATE run_queue q
     SET fetched_body_ids = array_append(q.fetched_body_ids, (SELECT id FROM body))
   WHERE q.run_id = $2 AND q.project_id = $1
     AND EXISTS (SELECT FROM body) AND NOT (SELECT id FROM body) = ANY (q.fetched_body_ids)
)
SELECT (SELECT is_live FROM run) AS is_live,
       (SELECT env FROM run) AS env,
       EXISTS (SELECT FROM keychain) AS is_keychain,
       (SELECT id FROM picked) AS id,
       (SELECT name FROM picked) AS name,
       (SELECT id FROM body) AS body_id,
       (SELECT body FROM body) AS body;

-- name: credential_fetched_bodies
-- params: project_id run_id
SELECT b.id, b.body
  FROM run_queue q JOIN credential_bodies b ON b.id = ANY (q.fetched_body_ids)
 WHERE q.run_id = $2::uuid AND q.project_id = $1::uuid;

-- name: credential_possible_bodies
-- params: project_id credential_ids
SELECT b.id, b.body
  FROM credential_bodies b
 WHERE b.credential_id = ANY ($2::uuid[])
    OR (b.credential_id IN (SELECT pc.credential_id FROM project_credentials pc
                             WHERE pc.project_id = $1::uuid)
        AND EXISTS (SELECT FROM keychain_credentials k WHERE k.project_id = $1 AND k.id = ANY ($2)));
