-- SPDX-License-Identifier: Apache-2.0
--
-- Sessions.

-- Only for whom the password is still the one that was checked; a change that comes after this ends the session with the others.
-- name: session_insert
-- params: id user_id token_hash checked_hash remembered
INSERT INTO user_tokens (id, user_id, context, token_hash, remembered)
SELECT $1::uuid, u.id, 'session', $3::bytea, $5::boolean
  FROM users u
 WHERE u.id = $2::uuid AND u.hashed_password = $4::text AND NOT u.disabled AND u.scheduled_deletion IS NULL
   FOR NO KEY UPDATE
RETURNING id;

-- Whose session is it? Using it is noted once a minute, not with every request.
-- name: session_find_user
-- params: token_hash
WITH used AS (
  UPDATE user_tokens
     SET last_used_at = now()
   WHERE context = 'session' AND token_hash = $1::bytea
     AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute'))
SELECT u.id AS user_id, NULL::uuid AS run_id, NULL::uuid AS project_id, u.role = 'superuser' AS superuser, t.id AS session_id
  FROM user_tokens t JOIN users u ON u.id = t.user_id
 WHERE t.context = 'session' AND t.token_hash = $1::bytea AND t.inserted_at > now() - interval '60 days'
   AND NOT u.disabled AND u.scheduled_deletion IS NULL;

-- name: session_is_remembered
-- params: id
SELECT remembered FROM user_tokens WHERE context = 'session' AND id = $1::uuid;

-- name: session_delete
-- params: token_hash
DELETE FROM user_tokens WHERE context = 'session' AND token_hash = $1::bytea;
