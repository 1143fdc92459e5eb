-- SPDX-License-Identifier: Apache-2.0
--
-- The audit log as superusers read it.

-- name: audit_access
-- params: user_id
SELECT role = 'superuser' AS allowed FROM users WHERE id = $1::uuid;

-- name: audit_list
-- params: user_id project_id item_id actor_id item_type event inserted_after inserted_before row_offset row_limit
SELECT a.id, a.project_id, a.item_type, a.item_id, a.event, a.actor_type, a.actor_id, a.actor_name,
       a.before::text AS before, a.after::text AS after, a.inserted_at
  FROM audit_events a
 WHERE ($1::uuid IS NULL OR EXISTS (SELECT FROM users WHERE id = $1 AND role = 'superuser'))
   AND ($2::uuid IS NULL OR a.project_id = $2) AND ($3::uuid IS NULL OR a.item_id = $3)
   AND ($4::uuid IS NULL OR a.actor_id = $4) AND ($5::text IS NULL OR a.item_type = $5) AND ($6::text IS NULL OR a.event = $6)
   AND ($7::timestamptz IS NULL OR a.inserted_at >= $7) AND ($8::timestamptz IS NULL OR a.inserted_at <= $8)
 ORDER BY a.inserted_at DESC, a.id DESC
OFFSET $9::bigint LIMIT $10::bigint;

-- name: audit_count
-- params: user_id project_id item_id actor_id item_type event inserted_after inserted_before
SELECT count(*) AS n
  FROM (SELECT FROM audit_events a
         WHERE ($1::uuid IS NULL OR EXISTS (SELECT FROM users WHERE id = $1 AND role = 'superuser'))
           AND ($2::uuid IS NULL OR a.project_id = $2) AND ($3::uuid IS NULL OR a.item_id = $3)
           AND ($4::uuid IS NULL OR a.actor_id = $4) AND ($5::text IS NULL OR a.item_type = $5)
           AND ($6::text IS NULL OR a.event = $6)
           AND ($7::timestamptz IS NULL OR a.inserted_at >= $7) AND ($8::timestamptz IS NULL OR a.inserted_at <= $8)
         LIMIT 100001) counted;
