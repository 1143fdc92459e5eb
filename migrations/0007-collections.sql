-- SPDX-License-Identifier: Apache-2.0
--
-- Items of collections: keys and texts that workflows keep. `byte_size_sum` of a collection is what its keys and values take.

CREATE TABLE collection_items (
  collection_id uuid NOT NULL REFERENCES collections ON DELETE CASCADE,
  id bigint GENERATED ALWAYS AS IDENTITY,       -- in the order they were first stored
  key text COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  value text NOT NULL CHECK (length(value) BETWEEN 1 AND 1000000),
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (collection_id, id),
  UNIQUE (collection_id, key)
);

-- The collection of that name that a user, as a member of its project, or a run, through its own project, may use. Of several with one
-- name, the project says which.
CREATE FUNCTION find_collection(asking_user uuid, asking_project uuid, in_project uuid, collection_name text) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
DECLARE
  found uuid[];
BEGIN
  SELECT array_agg(c.id) INTO found
    FROM collections c JOIN projects p ON p.id = c.project_id
   WHERE c.name = collection_name AND p.scheduled_deletion IS NULL
     AND (in_project IS NULL OR c.project_id = in_project)
     AND (c.project_id = asking_project
          OR EXISTS (SELECT FROM project_users m WHERE m.project_id = c.project_id AND m.user_id = asking_user));
  IF cardinality(found) = 1 THEN
    RETURN found[1];
  ELSIF cardinality(found) > 1 THEN
    RAISE EXCEPTION USING ERRCODE = 'FX409', MESSAGE = 'several collections have this name';
  ELSIF EXISTS (SELECT FROM collections c
                 WHERE c.name = collection_name AND (in_project IS NULL OR c.project_id = in_project)) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'the collection is in a project of others';
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'FX404', MESSAGE = 'there is no such collection';
END $$;

-- Keys are there once each. Returns how many were stored. Writers of one collection take turns: its size adds up.
CREATE FUNCTION put_collection_items(collection uuid, keys text[], items text[]) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  size_before bigint;
BEGIN
  PERFORM FROM collections WHERE id = collection FOR UPDATE;
  SELECT coalesce(sum(octet_length(i.key) + octet_length(i.value)), 0) INTO size_before
    FROM collection_items i WHERE i.collection_id = collection AND i.key = ANY (keys);
  INSERT INTO collection_items (collection_id, key, value)
  SELECT collection, n.key, n.value
    FROM unnest(keys, items) WITH ORDINALITY AS n(key, value, position)
   ORDER BY n.position
  ON CONFLICT (collection_id, key) DO UPDATE SET value = excluded.value, updated_at = now();
  UPDATE collections
     SET byte_size_sum = byte_size_sum - size_before
         + (SELECT coalesce(sum(octet_length(n.key) + octet_length(n.value)), 0) FROM unnest(keys, items) AS n(key, value))
   WHERE id = collection;
  RETURN cardinality(keys);
END $$;

-- `pattern`: of LIKE; NULL for all. Returns how many went.
CREATE FUNCTION delete_collection_items(collection uuid, pattern text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  n bigint;
BEGIN
  PERFORM FROM collections WHERE id = collection FOR UPDATE;
  WITH gone AS (
    DELETE FROM collection_items i
     WHERE i.collection_id = collection AND (pattern IS NULL OR i.key LIKE pattern)
    RETURNING octet_length(i.key) + octet_length(i.value) AS size
  ), sized AS (
    UPDATE collections c
       SET byte_size_sum = c.byte_size_sum - (SELECT coalesce(sum(size), 0) FROM gone)
     WHERE c.id = collection
  )
  SELECT count(*) INTO n FROM gone;
  RETURN n;
END $$;
