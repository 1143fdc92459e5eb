-- SPDX-License-Identifier: Apache-2.0
--
-- What has been applied to this database.

-- name: migration_table_exists
SELECT to_regclass('schema_migrations') IS NOT NULL AS there;

-- name: migration_list
SELECT version, name, sha256 FROM schema_migrations ORDER BY version;

-- name: migration_record
-- params: version name sha256
INSERT INTO schema_migrations (version, name, sha256) VALUES ($1::bigint, $2, $3);

-- One number for everybody who migrates this database: the first eight letters of the product's name, as bytes.

-- name: migration_try_lock
SELECT pg_try_advisory_lock(x'66756c6775720001'::bigint) AS locked;

-- name: migration_lock
SELECT pg_advisory_lock(x'66756c6775720001'::bigint);

-- name: migration_unlock
SELECT pg_advisory_unlock(x'66756c6775720001'::bigint);
