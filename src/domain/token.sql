-- SPDX-License-Identifier: Apache-2.0
--
-- Personal access tokens.

-- name: token_insert
-- params: id user_id token_hash inserted_at
INSERT INTO user_tokens (id, user_id, context, token_hash, inserted_at)
VALUES ($1::uuid, $2::uuid, 'api', $3::bytea, $4::timestamptz)
ON CONFLICT (id) DO NOTHING;

-- By its owner, who has a limited number of them.
-- name: token_add
-- params: id user_id token_hash inserted_at most
INSERT INTO user_tokens (id, user_id, context, token_hash, inserted_at)
SELECT $1::uuid, $2::uuid, 'api', $3::bytea, $4::timestamptz
 WHERE (SELECT count(*) FROM user_tokens WHERE user_id = $2::uuid AND context = 'api') < $5::bigint
RETURNING id;

-- name: token_list
-- params: user_id most
SELECT id, inserted_at, last_used_at
  FROM user_tokens
 WHERE user_id = $1::uuid AND context = 'api'
 ORDER BY inserted_at DESC, id DESC
 LIMIT $2::bigint;

-- name: token_delete
-- params: user_id id
DELETE FROM user_tokens WHERE user_id = $1::uuid AND id = $2::uuid AND context = 'api' RETURNING id;

-- The personal tokens of a user, oldest first: kickstart prints the first that it can sign again.
-- name: token_of_user
-- params: user_id
SELECT id, inserted_at, token_hash
  FROM user_tokens
 WHERE user_id = $1::uuid AND context = 'api'
 ORDER BY inserted_at, id
 LIMIT 100;

-- Is this the token of the claim that holds the run now?
-- name: token_run
-- params: run_id project_id nonce
SELECT NULL::uuid AS user_id, run_id, project_id, false AS superuser, NULL::uuid AS session_id FROM run_queue
 WHERE run_id = $1::uuid AND project_id = $2::uuid AND claim_nonce = $3::uuid AND state <> 'available';

-- Who presents this token? Using it is noted once a minute, not with every request.
-- name: token_user
-- params: token_hash
WITH used AS (
  UPDATE user_tokens
     SET last_used_at = now()
   WHERE context = 'api' AND token_hash = $1::bytea
     AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute'))
SELECT u.id AS user_id, NULL::uuid AS run_id, NULL::uuid AS project_id, u.role = 'superuser' AS superuser,
       NULL::uuid AS session_id
  FROM user_tokens t JOIN users u ON u.id = t.user_id
 WHERE t.context = 'api' AND t.token_hash = $1::bytea
   AND NOT u.disabled AND u.scheduled_deletion IS NULL;
