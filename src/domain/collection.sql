-- SPDX-License-Identifier: Apache-2.0
--
-- Items of collections. Each statement finds the collection for whoever asks, or fails: find_collection().

-- name: collection_get_item
-- params: user_id run_project_id project_id name key
SELECT key, value, inserted_at, updated_at
  FROM collection_items
 WHERE collection_id = (SELECT find_collection($1::uuid, $2::uuid, $3::uuid, $4::text)) AND key = $5::text;

-- A page is cut where it becomes large; `n_page` tells whether there is more.
-- name: collection_list_items
-- params: user_id run_project_id project_id name after pattern
-- params: created_after created_before updated_after updated_before row_limit max_bytes
WITH page AS (
  SELECT i.id, i.key, i.value, i.inserted_at, i.updated_at
    FROM collection_items i
   WHERE i.collection_id = (SELECT find_collection($1::uuid, $2::uuid, $3::uuid, $4::text))
     AND i.id > $5::bigint
     AND ($6::text IS NULL OR i.key LIKE $6::text)
     AND ($7::timestamptz IS NULL OR i.inserted_at >= $7::timestamptz)
     AND ($8::timestamptz IS NULL OR i.inserted_at < $8::timestamptz)
     AND ($9::timestamptz IS NULL OR i.updated_at >= $9::timestamptz)
     AND ($10::timestamptz IS NULL OR i.updated_at < $10::timestamptz)
   ORDER BY i.id
   LIMIT $11::bigint + 1
), measured AS (
  SELECT page.*, count(*) OVER () AS n_page, row_number() OVER w AS n, sum(octet_length(value)) OVER w AS bytes
    FROM page WINDOW w AS (ORDER BY id)
)
SELECT id, key, value, inserted_at, updated_at, n_page
  FROM measured
 WHERE n <= $11::bigint AND (n = 1 OR bytes <= $12::bigint)
 ORDER BY id;

-- name: collection_put_items
-- params: user_id run_project_id project_id name keys items
SELECT put_collection_items(find_collection($1::uuid, $2::uuid, $3::uuid, $4::text), $5::text[], $6::text[]) AS n;

-- name: collection_delete_items
-- params: user_id run_project_id project_id name pattern
SELECT delete_collection_items(find_collection($1::uuid, $2::uuid, $3::uuid, $4::text), $5::text) AS n;

-- Collections themselves.

-- name: collection_access
-- params: user_id project_id
SELECT has_right($1::uuid, $2::uuid, 'manage_collections') AS allowed FROM projects WHERE id = $2::uuid;

-- name: collection_find
-- params: user_id project_id collection_id
SELECT id, project_id, name FROM collections
 WHERE id = $3::uuid AND project_id = $2::uuid AND has_right($1::uuid, $2::uuid, 'manage_collections');

-- name: collection_demand
-- params: user_id project_id
SELECT demand_right($1::uuid, $2::uuid, 'manage_collections')::text;

-- name: collection_put
-- params: project_id collection_id name
WITH present AS (
  SELECT project_id FROM collections WHERE id = $2::uuid
), renamed AS (
  UPDATE collections SET name = $3::text, updated_at = now()
   WHERE id = $2::uuid AND project_id = $1::uuid AND name <> $3::text
), made AS (
  INSERT INTO collections (id, project_id, name)
  SELECT $2::uuid, $1::uuid, $3::text WHERE NOT EXISTS (SELECT FROM present)
  RETURNING id)
SELECT CASE WHEN EXISTS (SELECT FROM made) THEN 'created'
            WHEN (SELECT project_id FROM present) = $1::uuid THEN 'renamed'
            ELSE 'id_taken' END AS outcome;
