-- SPDX-License-Identifier: Apache-2.0
--
-- Second factors.

-- -- logging in

-- As session_insert.
-- name: two_factor_begin
-- params: id user_id token_hash checked_hash remembered
INSERT INTO user_tokens (id, user_id, context, token_hash, remembered)
SELECT $1::uuid, u.id, 'two_factor', $3::bytea, $5::boolean
  FROM users u
 WHERE u.id = $2::uuid AND u.hashed_password = $4::text AND NOT u.disabled AND u.scheduled_deletion IS NULL
   FOR NO KEY UPDATE
RETURNING id;

-- name: two_factor_find
-- params: token_hash
SELECT u.id, u.email, u.first_name, u.last_name, u.role, u.hashed_password, u.mfa_enabled, false AS disabled
  FROM user_tokens t JOIN users u ON u.id = t.user_id
 WHERE t.context = 'two_factor' AND t.token_hash = $1::bytea AND t.inserted_at > now() - interval '5 minutes'
   AND NOT u.disabled AND u.scheduled_deletion IS NULL;

-- name: two_factor_secret_of
-- params: token_hash
SELECT p.id, p.secret, p.last_step, p.confirmed_at IS NOT NULL AS confirmed
  FROM user_tokens t JOIN user_totps p ON p.user_id = t.user_id
 WHERE t.context = 'two_factor' AND t.token_hash = $1::bytea AND p.confirmed_at IS NOT NULL;

-- A change of the password waits for us, or we see it.
-- name: two_factor_lock
-- params: user_id
SELECT id FROM users WHERE id = $1::uuid FOR NO KEY UPDATE;

-- The code is used up, what was begun becomes a session: all or nothing.
-- name: two_factor_pass_code
-- params: id token_hash begun_hash user_id step
WITH used AS (
  UPDATE user_totps SET last_step = $5::bigint
   WHERE user_id = $4::uuid AND confirmed_at IS NOT NULL AND last_step < $5::bigint
     AND EXISTS (SELECT FROM user_tokens t WHERE t.context = 'two_factor' AND t.token_hash = $3::bytea AND t.user_id = $4::uuid)
  RETURNING user_id
), begun AS (
  DELETE FROM user_tokens t USING used
   WHERE t.context = 'two_factor' AND t.token_hash = $3::bytea AND t.user_id = used.user_id
  RETURNING t.user_id, t.remembered
)
INSERT INTO user_tokens (id, user_id, context, token_hash, remembered)
SELECT $1::uuid, begun.user_id, 'session', $2::bytea, begun.remembered FROM begun
RETURNING remembered;

-- name: two_factor_pass_backup
-- params: id token_hash begun_hash user_id code_hash
WITH used AS (
  UPDATE user_backup_codes SET used_at = now()
   WHERE user_id = $4::uuid AND code_hash = $5::bytea AND used_at IS NULL
     AND EXISTS (SELECT FROM user_tokens t WHERE t.context = 'two_factor' AND t.token_hash = $3::bytea AND t.user_id = $4::uuid)
  RETURNING user_id
), begun AS (
  DELETE FROM user_tokens t USING used
   WHERE t.context = 'two_factor' AND t.token_hash = $3::bytea AND t.user_id = used.user_id
  RETURNING t.user_id, t.remembered
)
INSERT INTO user_tokens (id, user_id, context, token_hash, remembered)
SELECT $1::uuid, begun.user_id, 'session', $2::bytea, begun.remembered FROM begun
RETURNING remembered;

-- -- one's own

-- name: two_factor_state
-- params: user_id
SELECT u.mfa_enabled,
       (SELECT count(*) FROM user_backup_codes c WHERE c.user_id = u.id AND c.used_at IS NULL) AS n_backup_codes
  FROM users u WHERE u.id = $1::uuid;

-- A new secret, unless one is in use.
-- name: two_factor_store_secret
-- params: id user_id secret
INSERT INTO user_totps AS p (id, user_id, secret)
VALUES ($1::uuid, $2::uuid, $3::bytea)
ON CONFLICT (user_id) DO UPDATE
   SET id = excluded.id, secret = excluded.secret, last_step = 0, inserted_at = now()
 WHERE p.confirmed_at IS NULL
RETURNING id;

-- name: two_factor_own_secret
-- params: user_id
SELECT id, secret, last_step, confirmed_at IS NOT NULL AS confirmed FROM user_totps WHERE user_id = $1::uuid;

-- name: two_factor_confirm
-- params: user_id id step
WITH confirmed AS (
  UPDATE user_totps SET confirmed_at = now(), last_step = $3::bigint
   WHERE user_id = $1::uuid AND id = $2::uuid AND confirmed_at IS NULL
  RETURNING user_id
)
UPDATE users SET mfa_enabled = true, updated_at = now() FROM confirmed WHERE users.id = confirmed.user_id RETURNING users.id;

-- name: two_factor_forget_backup_codes
-- params: user_id
DELETE FROM user_backup_codes WHERE user_id = $1::uuid;

-- For whom has a second factor.
-- name: two_factor_store_backup_codes
-- params: user_id hashes
INSERT INTO user_backup_codes (user_id, code_hash)
SELECT u.id, h.hash FROM users u, unnest($2::bytea[]) AS h(hash) WHERE u.id = $1::uuid AND u.mfa_enabled
RETURNING user_id;

-- name: two_factor_end
-- params: user_id
WITH totps AS (
  DELETE FROM user_totps WHERE user_id = $1::uuid
), codes AS (
  DELETE FROM user_backup_codes WHERE user_id = $1::uuid
)
UPDATE users SET mfa_enabled = false, updated_at = now() WHERE id = $1::uuid AND mfa_enabled;
