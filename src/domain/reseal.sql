-- SPDX-License-Identifier: Apache-2.0
--
-- Every place where something sealed is stored, for key rotation. A new one belongs into both lists here and into the table of
-- reseal.c.

-- What does not begin with that head (none: everything), by id; the columns of a row are never torn apart.
-- name: reseal_list
-- params: head after_id
SELECT s.place, s.id, s.project_id, s.sealed
  FROM (SELECT 0::bigint AS place, id, NULL::uuid AS project_id, body AS sealed FROM credential_bodies
        UNION ALL SELECT 1, id, project_id, username FROM webhook_auth_methods
        UNION ALL SELECT 2, id, project_id, password FROM webhook_auth_methods
        UNION ALL SELECT 3, id, project_id, api_key FROM webhook_auth_methods
        UNION ALL SELECT 4, id, NULL, secret FROM user_totps) AS s
 WHERE s.id > coalesce($2::uuid, '00000000-0000-0000-0000-000000000000')
   AND s.sealed IS NOT NULL
   AND ($1::bytea IS NULL OR substring(s.sealed FOR 9) <> $1::bytea)
 ORDER BY s.id
 FETCH FIRST 500 ROWS WITH TIES;

-- Whoever stored something new meanwhile wins. The audit log has nothing to tell: what is sealed stays the same.

-- name: reseal_credential_body
-- params: id before after
UPDATE credential_bodies SET body = $3::bytea
 WHERE id = $1::uuid AND body = $2::bytea AND set_config('fulgur.audit', 'off', true) = 'off';

-- name: reseal_auth_username
-- params: id before after
UPDATE webhook_auth_methods SET username = $3::bytea
 WHERE id = $1::uuid AND username = $2::bytea AND set_config('fulgur.audit', 'off', true) = 'off';

-- name: reseal_auth_password
-- params: id before after
UPDATE webhook_auth_methods SET password = $3::bytea
 WHERE id = $1::uuid AND password = $2::bytea AND set_config('fulgur.audit', 'off', true) = 'off';

-- name: reseal_auth_api_key
-- params: id before after
UPDATE webhook_auth_methods SET api_key = $3::bytea
 WHERE id = $1::uuid AND api_key = $2::bytea AND set_config('fulgur.audit', 'off', true) = 'off';

-- name: reseal_totp_secret
-- params: id before after
UPDATE user_totps SET secret = $3::bytea WHERE id = $1::uuid AND secret = $2::bytea;
