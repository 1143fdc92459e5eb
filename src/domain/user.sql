-- SPDX-License-Identifier: Apache-2.0
--
-- People.

-- name: user_by_email
-- params: email
SELECT id, email, first_name, last_name, role, hashed_password, mfa_enabled,
       disabled OR scheduled_deletion IS NOT NULL AS disabled
  FROM users WHERE email = lower($1::text);

-- name: user_by_id
-- params: user_id
SELECT id, email, first_name, last_name, role, hashed_password, mfa_enabled,
       disabled OR scheduled_deletion IS NOT NULL AS disabled
  FROM users WHERE id = $1::uuid;

-- Whose the transaction is, for the audit log.
-- name: user_acts
-- params: user_id
SELECT set_config('fulgur.actor', $1::uuid::text, true);

-- Ends all sessions: the database does that by itself.
-- name: user_password_store
-- params: user_id before after
UPDATE users SET hashed_password = $3::text, updated_at = now()
 WHERE id = $1::uuid AND hashed_password = $2::text
RETURNING id;

-- name: user_rehash
-- params: user_id before after
SELECT rehash_password($1::uuid, $2::text, $3::text)::text;
