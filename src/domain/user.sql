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

-- name: user_rehash
-- params: user_id before after
SELECT rehash_password($1::uuid, $2::text, $3::text)::text;
