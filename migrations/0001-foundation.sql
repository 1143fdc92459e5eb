-- SPDX-License-Identifier: Apache-2.0
--
-- What the other migrations stand on: ids that carry their time, and partitions by month.
--
-- Two kinds of table. What people configure (projects, workflows, triggers …) is small, lives as long as its
-- project and is held together by foreign keys, composite ones wherever a row must stay inside its project.
-- What happens (work orders, runs, steps, log lines, dataclips) grows without end: it is partitioned by time,
-- carries project_id in every unique key, and has no foreign keys, so that a month can be dropped; its rows are
-- only ever made by statements that join the configuration they belong to.

-- The smallest version 7 UUID of an instant: bounds for partitions and for searches by time.
CREATE FUNCTION uuid7_floor(at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid;

-- The tables that are partitioned, and by what.
CREATE TABLE partitioned_tables (
  name text PRIMARY KEY,
  by_id boolean NOT NULL,               -- true: by a version 7 id, false: by inserted_at
  fillfactor integer NOT NULL DEFAULT 100       -- less where rows are updated soon: the new version goes beside the old one
);

-- Makes the monthly partitions from the one of `at` to `months` later. Safe to call from several machines at once.
-- Returns how many were made. Rows that fit none (ids of other versions) go to the default partition.
CREATE FUNCTION partitions_ensure(at timestamptz, months integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  t record;
  month timestamptz;
  part text;
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('fulgur.partitions_ensure'));

  FOR t IN SELECT name, by_id, fillfactor FROM partitioned_tables ORDER BY name LOOP
    FOR i IN 0..months LOOP
      month := (date_trunc('month', at AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC';
      part := format('%s_%s', t.name, to_char(month AT TIME ZONE 'UTC', 'YYYYMM'));
      CONTINUE WHEN to_regclass(part) IS NOT NULL;

      IF t.by_id THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', part, t.name,
                       uuid7_floor(month),
                       uuid7_floor((month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC'), t.fillfactor);
      ELSE
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L) WITH (fillfactor = %s)', part, t.name,
                       month, (month AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC', t.fillfactor);
      END IF;
      made := made + 1;
    END LOOP;
  END LOOP;

  RETURN made;
END
$$;

-- Which daemons are alive: a lease only means something while somebody could have renewed it.
CREATE TABLE service_instances (
  id uuid PRIMARY KEY,
  service text NOT NULL,
  host text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now(),
  workers json NOT NULL DEFAULT '[]'    -- fulgur-workers: who is connected, [{worker_id, name, capacity, version, connected_at}]
);
