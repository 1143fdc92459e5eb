-- SPDX-License-Identifier: Apache-2.0
--
-- The live queue: one small row per unfinished run, gone when the run is final. The claim looks at nothing
-- else, so it does not get slower with history.
--
-- A lane is what a concurrency limit counts: a workflow with a limit of its own, else the project when that
-- has one, else the workflow (without limit).

CREATE TABLE run_queue (
  run_id uuid NOT NULL,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  work_order_id uuid NOT NULL,
  lane_id uuid NOT NULL,
  lane_limit bigint,
  state text NOT NULL DEFAULT 'available' CHECK (state IN ('available', 'claimed', 'started')),
  queue text NOT NULL DEFAULT 'default',
  priority smallint NOT NULL DEFAULT 1,
  run_timeout_ms bigint NOT NULL,
  worker_name text,
  claim_nonce uuid,
  claimed_at timestamptz,
  joined_at timestamptz,
  started_at timestamptz,
  -- Until joined: when it is given back. Then: when its worker counts as dead.
  lease_expires_at timestamptz,
  fetched_body_ids uuid[] NOT NULL DEFAULT '{}',        -- credential bodies the worker got, for the scrubber
  webhook_response bytea,               -- the latest one a step gave, raw JSON
  inserted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, project_id)
) WITH (
  fillfactor = 70,
  autovacuum_vacuum_scale_factor = 0,
  autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0,
  autovacuum_vacuum_insert_threshold = 200000,
  autovacuum_vacuum_cost_delay = 0,
  autovacuum_analyze_scale_factor = 0,
  autovacuum_analyze_threshold = 50000
);
CREATE INDEX run_queue_available ON run_queue (queue, priority, project_id, lane_id, inserted_at, run_id)
  WHERE state = 'available';
CREATE INDEX run_queue_limited ON run_queue (lane_id, inserted_at, run_id) WHERE lane_limit IS NOT NULL;
-- Also what those walk who look for leases that have run out: there are not more active runs than workers
-- have room for. An index on the lease itself would be written with every claim, join and renewal.
CREATE INDEX run_queue_active ON run_queue (workflow_id) WHERE state <> 'available';
CREATE INDEX run_queue_work_order ON run_queue (work_order_id);

-- Whose turn it is inside a project: the lane served last.
CREATE UNLOGGED TABLE claim_turns (
  project_id uuid PRIMARY KEY,
  lane_id uuid NOT NULL
) WITH (fillfactor = 50);

-- The answer for a webhook's caller that waits, from the run's end until it is fetched.
CREATE TABLE webhook_replies (
  run_id uuid NOT NULL,
  project_id uuid NOT NULL,
  status bigint NOT NULL,
  data bytea NOT NULL,                  -- JSON
  inserted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, project_id)
);

-- Each minute of a cron trigger fires once, however many machines tick.
CREATE TABLE cron_firings (
  project_id uuid NOT NULL,
  trigger_id uuid NOT NULL,
  minute timestamptz NOT NULL,
  PRIMARY KEY (trigger_id, minute, project_id)
);

CREATE FUNCTION run_lane_id(workflow_id uuid, workflow_limit bigint, project_id uuid, project_limit bigint)
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN workflow_limit IS NULL AND project_limit IS NOT NULL THEN project_id ELSE workflow_id END;

-- Limits that change move what waits to its new lane.
CREATE FUNCTION lanes_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE run_queue q
     SET lane_id = run_lane_id(w.id, w.concurrency, p.id, p.concurrency),
         lane_limit = coalesce(w.concurrency, p.concurrency)
    FROM workflows w JOIN projects p ON p.id = w.project_id
   WHERE w.id = q.workflow_id
     AND (CASE TG_TABLE_NAME WHEN 'projects' THEN p.id ELSE w.id END) = NEW.id;
  RETURN NULL;
END
$$;
CREATE TRIGGER lanes_changed AFTER UPDATE OF concurrency ON workflows
  FOR EACH ROW WHEN (OLD.concurrency IS DISTINCT FROM NEW.concurrency) EXECUTE FUNCTION lanes_changed();
CREATE TRIGGER lanes_changed AFTER UPDATE OF concurrency ON projects
  FOR EACH ROW WHEN (OLD.concurrency IS DISTINCT FROM NEW.concurrency) EXECUTE FUNCTION lanes_changed();

-- The work order's state after one of its runs has become `run_state`: another unfinished run decides first
-- (a started one, then one that waits, then a claimed one), else this run does. The last run to change
-- wins, not the newest.
--
-- The first UPDATE holds the work order's row, so that the look at the other runs sees what whoever held it
-- before has committed: of two runs that end at the same moment, the second one sees that there is no
-- other.
--
-- About `SET` on this and the following functions: a plan for a partitioned table that is made without
-- knowing the id looks dear to the planner, which then plans every single call anew, for several times the
-- price of running it. And the queue is empty most of the time, so that a plan made then must not be a
-- sequential scan.
CREATE FUNCTION work_order_touch(of_project uuid, of_work_order uuid, of_run uuid, run_state text,
                                 at timestamptz) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  other text;
BEGIN
  UPDATE work_orders o
     SET state = CASE run_state
                   WHEN 'available' THEN 'pending'
                   WHEN 'claimed' THEN 'running'
                   WHEN 'started' THEN 'running'
                   ELSE run_state
                 END,
         last_activity = at,
         updated_at = at
   WHERE o.id = of_work_order AND o.project_id = of_project;

  SELECT q.state INTO other FROM run_queue q
   WHERE q.work_order_id = of_work_order AND q.run_id <> of_run
   ORDER BY CASE q.state WHEN 'started' THEN 0 WHEN 'available' THEN 1 ELSE 2 END
   LIMIT 1;
  IF FOUND THEN
    UPDATE work_orders o
       SET state = CASE other WHEN 'available' THEN 'pending' ELSE 'running' END
     WHERE o.id = of_work_order AND o.project_id = of_project;
  END IF;
END
$$;

-- Claims runs for several claimers at once, fairly: projects take turns, lanes of a project take turns, the
-- oldest run of a lane goes first. Queues and priorities come before fairness: a class is one (queue,
-- priority), served in the order of `queues`.
--
-- Cost: a few index probes for each run handed out, whatever waits or has finished. A round looks at the
-- projects with work, from the one after the last served, and takes the same number of runs from each; it
-- is one statement, because starting statements is what costs. Lanes that are at their limit are passed
-- over, at most `max_visits` of a project in one round; the turn remembers where to go on.
--
-- A limited lane offers its oldest `lane_limit` unfinished runs and no others: two claims at the same
-- moment cannot exceed it.
CREATE FUNCTION claim_runs(
  demands bigint[], workers text[], queues text[],
  after_project uuid,                   -- the project served last
  workflow_limit bigint,                -- unfinished claims one workflow may hold (PER_WORKFLOW_CLAIM_LIMIT)
  join_within interval, max_visits bigint)
RETURNS TABLE (claimer bigint, run_id uuid, project_id uuid, nonce uuid, run_timeout_ms bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  lowest CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  highest CONSTANT uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  any_queue CONSTANT boolean := '*' = ANY (queues);
  at CONSTANT timestamptz := clock_timestamp();
  claimers bigint[];                    -- who gets the first run, the second …
  want bigint;
  have bigint := 0;
  class record;
  row record;
  start_project uuid;
  low uuid;                             -- the projects at hand: low < id <= high
  high uuid;
  per_project bigint;                   -- runs to take in this round from a project, and from one of its
  per_lane bigint;                      -- lanes
  n_runs bigint;                        -- taken in this round, from so many projects and lanes
  n_projects bigint;
  n_lanes bigint;
  last_project uuid;
  last_lane uuid;
  turn_projects uuid[] := '{}';
  turn_lanes uuid[] := '{}';
BEGIN
  SELECT array_agg(d.who ORDER BY d.who) INTO claimers
    FROM unnest(demands) WITH ORDINALITY AS d (n, who) CROSS JOIN generate_series(1, d.n);
  want := coalesce(cardinality(claimers), 0);

  <<classes>>
  FOR class IN
    WITH RECURSIVE classes AS (
      (SELECT q.queue, q.priority FROM run_queue q
        WHERE q.state = 'available'
        ORDER BY q.queue, q.priority LIMIT 1)
      UNION ALL
      SELECT n.queue, n.priority
        FROM classes c CROSS JOIN LATERAL (
          SELECT q.queue, q.priority FROM run_queue q
           WHERE q.state = 'available' AND (q.queue, q.priority) > (c.queue, c.priority)
           ORDER BY q.queue, q.priority LIMIT 1) n)
    SELECT c.queue, c.priority FROM classes c
     WHERE any_queue OR c.queue = ANY (queues)
     ORDER BY CASE WHEN any_queue
                   THEN coalesce(array_position(queues, c.queue), array_position(queues, '*')) END,
              c.priority, c.queue
  LOOP
    per_project := 1;
    per_lane := 1;
    LOOP                                -- rounds
      n_runs := 0;
      n_projects := 0;
      n_lanes := 0;
      last_project := NULL;
      last_lane := NULL;
      start_project := after_project;
      low := start_project;
      high := highest;
      LOOP                              -- to the end, and then from the beginning
        FOR row IN
          WITH RECURSIVE projects AS (
            (SELECT q.project_id FROM run_queue q
              WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                AND q.project_id > low AND q.project_id <= high
              ORDER BY q.project_id LIMIT 1)
            UNION ALL
            SELECT n.project_id
              FROM projects p CROSS JOIN LATERAL (
                SELECT q.project_id FROM run_queue q
                 WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                   AND q.project_id > p.project_id AND q.project_id <= high
                 ORDER BY q.project_id LIMIT 1) n
          ), found AS MATERIALIZED (
            -- The limits here stop the recursions: no project, lane or run is looked at (and locked) that
            -- is not needed.
            SELECT p.project_id, f.lane_id, f.run_id, row_number() OVER () AS n
              FROM (
                SELECT p.project_id,
                       coalesce((SELECT s.lane_id
                                   FROM unnest(turn_projects, turn_lanes)
                                          WITH ORDINALITY AS s (project_id, lane_id, n)
                                  WHERE s.project_id = p.project_id ORDER BY s.n DESC LIMIT 1),
                                (SELECT t.lane_id FROM claim_turns t WHERE t.project_id = p.project_id),
                                lowest) AS turn
                  FROM projects p) p
              CROSS JOIN LATERAL (
                -- Lanes of the project: those behind the turn, then those up to it.
                WITH RECURSIVE lanes AS (
                  (SELECT * FROM (
                    (SELECT q.lane_id, q.lane_limit, q.workflow_id, false AS is_second_half, 1 AS n
                       FROM run_queue q
                      WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                        AND q.project_id = p.project_id AND q.lane_id > p.turn
                      ORDER BY q.lane_id LIMIT 1)
                    UNION ALL
                    (SELECT q.lane_id, q.lane_limit, q.workflow_id, true, 1 FROM run_queue q
                      WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                        AND q.project_id = p.project_id AND q.lane_id <= p.turn
                      ORDER BY q.lane_id LIMIT 1)) first_lane LIMIT 1)
                  UNION ALL
                  SELECT next_lane.* FROM lanes l CROSS JOIN LATERAL (
                    SELECT * FROM (
                      (SELECT q.lane_id, q.lane_limit, q.workflow_id, l.is_second_half, l.n + 1
                         FROM run_queue q
                        WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                          AND q.project_id = p.project_id AND q.lane_id > l.lane_id
                          AND q.lane_id <= CASE WHEN l.is_second_half THEN p.turn ELSE highest END
                        ORDER BY q.lane_id LIMIT 1)
                      UNION ALL
                      (SELECT q.lane_id, q.lane_limit, q.workflow_id, true, l.n + 1 FROM run_queue q
                        WHERE NOT l.is_second_half
                          AND q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                          AND q.project_id = p.project_id AND q.lane_id <= p.turn
                        ORDER BY q.lane_id LIMIT 1)) either LIMIT 1) next_lane
                   WHERE l.n < max_visits
                )
                SELECT l.lane_id, r.run_id
                  FROM lanes l
                  LEFT JOIN LATERAL (   -- the youngest run that a limited lane offers
                    SELECT o.inserted_at, o.run_id FROM run_queue o
                     WHERE o.lane_id = l.lane_id AND o.lane_limit IS NOT NULL AND l.lane_limit IS NOT NULL
                     ORDER BY o.inserted_at, o.run_id
                     OFFSET greatest(l.lane_limit - 1, 0) LIMIT 1) last_offered ON true
                  LEFT JOIN LATERAL (
                    SELECT q.run_id FROM run_queue q
                     WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
                       AND q.project_id = p.project_id AND q.lane_id = l.lane_id
                       AND (q.inserted_at, q.run_id)
                           <= (coalesce(last_offered.inserted_at, 'infinity'),
                               coalesce(last_offered.run_id, highest))
                     ORDER BY q.inserted_at, q.run_id
                     LIMIT least(per_lane, CASE WHEN l.lane_limit IS NULL THEN workflow_limit - (
                             SELECT count(*)
                               FROM (SELECT FROM run_queue a
                                      WHERE a.workflow_id = l.workflow_id AND a.state <> 'available'
                                      LIMIT workflow_limit) held) END)
                     FOR UPDATE SKIP LOCKED) r ON true
                 WHERE r.run_id IS NOT NULL OR l.n = max_visits
                 LIMIT per_project) f
             LIMIT want - have
          ), claimed AS (
            UPDATE run_queue u
               SET state = 'claimed', claimed_at = at,
                   worker_name = nullif(workers[claimers[have + f.n]], ''),
                   claim_nonce = gen_random_uuid(), joined_at = NULL, lease_expires_at = at + join_within
              FROM found f
             WHERE u.run_id = f.run_id AND u.project_id = f.project_id
            RETURNING u.run_id, u.project_id, u.work_order_id, u.worker_name, u.claim_nonce, u.run_timeout_ms
          ), in_history AS (
            UPDATE runs r
               SET state = 'claimed', claimed_at = at, worker_name = c.worker_name,
                   claim_nonce = c.claim_nonce, updated_at = at
              FROM claimed c
             WHERE r.id = c.run_id AND r.project_id = c.project_id
          ), touched AS (
            UPDATE work_orders o
               SET state = 'running', last_activity = at, updated_at = at
              FROM claimed c
             WHERE o.id = c.work_order_id AND o.project_id = c.project_id
          )
          SELECT f.project_id, f.lane_id, f.n, c.run_id, c.work_order_id, c.claim_nonce, c.run_timeout_ms,
                 EXISTS (SELECT FROM run_queue q
                          WHERE q.work_order_id = c.work_order_id AND q.run_id <> c.run_id) AS has_others
            FROM found f LEFT JOIN claimed c ON c.run_id = f.run_id AND c.project_id = f.project_id
           ORDER BY f.n
        LOOP
          n_projects := n_projects + (row.project_id IS DISTINCT FROM last_project)::int;
          n_lanes := n_lanes + (row.lane_id IS DISTINCT FROM last_lane)::int;
          last_project := row.project_id;
          last_lane := row.lane_id;
          turn_projects := turn_projects || row.project_id::uuid;
          turn_lanes := turn_lanes || row.lane_id::uuid;
          CONTINUE WHEN row.run_id IS NULL;

          IF row.has_others THEN
            PERFORM work_order_touch(row.project_id, row.work_order_id, row.run_id, 'claimed', at);
          END IF;
          have := have + 1;
          n_runs := n_runs + 1;
          after_project := row.project_id;

          claimer := claimers[have];
          run_id := row.run_id;
          project_id := row.project_id;
          nonce := row.claim_nonce;
          run_timeout_ms := row.run_timeout_ms;
          RETURN NEXT;
        END LOOP;

        EXIT classes WHEN have >= want;
        EXIT WHEN low = lowest;
        low := lowest;
        high := start_project;
      END LOOP;

      EXIT WHEN n_runs = 0;
      -- What is still wanted is shared out evenly; projects with few lanes give several runs of each.
      per_lane := CASE WHEN n_lanes < n_projects * per_project
                       THEN greatest(1, (want - have) / n_lanes) ELSE 1 END;
      per_project := greatest(1, (want - have) / n_projects);
    END LOOP;
  END LOOP;

  -- All at the end and in order, so that two that claim at once do not wait for each other crosswise.
  IF cardinality(turn_projects) > 0 THEN
    INSERT INTO claim_turns AS t (project_id, lane_id)
    SELECT DISTINCT ON (s.project_id) s.project_id, s.lane_id
      FROM unnest(turn_projects, turn_lanes) WITH ORDINALITY AS s (project_id, lane_id, n)
     ORDER BY s.project_id, s.n DESC
    ON CONFLICT (project_id) DO UPDATE SET lane_id = excluded.lane_id;
  END IF;
END
$$;

-- -- what a run goes through ------------------------------------------------------------------------------
--
-- Each function is a whole transition: queue, run, work order and counter change together or not at all.
-- They lock the queue's row first, so that of two that want the same run (worker and janitor, join and
-- give-back) the second sees what the first has done.

-- Takes a run that ended out of the queue. False: it was not there, so it has ended before.
CREATE FUNCTION run_end(of_project uuid, of_run uuid, final_state text, ended_at timestamptz,
                        of_error_type text, of_error_message text, of_final_dataclip uuid) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  q record;
  at CONSTANT timestamptz := clock_timestamp();
BEGIN
  DELETE FROM run_queue d WHERE d.run_id = of_run AND d.project_id = of_project
  RETURNING d.workflow_id, d.work_order_id INTO q;
  IF NOT FOUND THEN
    RETURN false;
  END IF;

  UPDATE runs r
     SET state = final_state, finished_at = coalesce(ended_at, at),
         error_type = of_error_type, error_message = of_error_message,
         final_dataclip_id = of_final_dataclip, updated_at = at
   WHERE r.id = of_run AND r.project_id = of_project;
  PERFORM work_order_touch(of_project, q.work_order_id, of_run, final_state, at);

  -- Last: runs of one workflow that end at the same moment wait for each other here.
  INSERT INTO workflow_day_counts AS c (project_id, workflow_id, day, state, n)
  VALUES (of_project, q.workflow_id, (at AT TIME ZONE 'UTC')::date, final_state, 1)
  ON CONFLICT (project_id, workflow_id, day, state) DO UPDATE SET n = c.n + 1;
  RETURN true;
END
$$;

-- Puts a claimed run back. The caller holds the queue's row.
CREATE FUNCTION run_release(of_project uuid, of_run uuid, of_work_order uuid) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  at CONSTANT timestamptz := clock_timestamp();
BEGIN
  UPDATE run_queue q
     SET state = 'available', claimed_at = NULL, worker_name = NULL, claim_nonce = NULL, joined_at = NULL,
         lease_expires_at = NULL
   WHERE q.run_id = of_run AND q.project_id = of_project;
  UPDATE runs r
     SET state = 'available', claimed_at = NULL, worker_name = NULL, claim_nonce = NULL, updated_at = at
   WHERE r.id = of_run AND r.project_id = of_project;
  PERFORM work_order_touch(of_project, of_work_order, of_run, 'available', at);
END
$$;

-- Claims that their worker will not hear of. One that has been joined meanwhile stays.
CREATE FUNCTION runs_give_back(run_ids uuid[], project_ids uuid[], nonces uuid[])
RETURNS TABLE (run_id uuid, project_id uuid, worker_name text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  q record;
BEGIN
  FOR q IN
    SELECT w.run_id, w.project_id, w.work_order_id, w.worker_name
      FROM unnest(run_ids, project_ids, nonces) AS g (run_id, project_id, nonce)
      JOIN run_queue w ON w.run_id = g.run_id AND w.project_id = g.project_id AND w.claim_nonce = g.nonce
     WHERE w.state = 'claimed' AND w.joined_at IS NULL
     FOR UPDATE OF w SKIP LOCKED
  LOOP
    PERFORM run_release(q.project_id, q.run_id, q.work_order_id);
    run_id := q.run_id;
    project_id := q.project_id;
    worker_name := q.worker_name;
    RETURN NEXT;
  END LOOP;
END
$$;

-- The same for claims that nobody joined in time, whoever made them.
CREATE FUNCTION runs_give_back_unjoined(at_most bigint)
RETURNS TABLE (run_id uuid, project_id uuid, worker_name text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  q record;
BEGIN
  FOR q IN
    SELECT w.run_id, w.project_id, w.work_order_id, w.worker_name
      FROM run_queue w
     WHERE w.lease_expires_at < clock_timestamp() AND w.state <> 'available'
       AND w.state = 'claimed' AND w.joined_at IS NULL
     ORDER BY w.lease_expires_at LIMIT at_most
     FOR UPDATE OF w SKIP LOCKED
  LOOP
    PERFORM run_release(q.project_id, q.run_id, q.work_order_id);
    run_id := q.run_id;
    project_id := q.project_id;
    worker_name := q.worker_name;
    RETURN NEXT;
  END LOOP;
END
$$;

-- A worker joins the run its token names: everything the channel needs to know of it. No row: there is no
-- such run, or not in that project. `admitted` is false for a token of another claim than the current one;
-- a run that was given back admits no token of a claim.
CREATE FUNCTION run_join(of_run uuid, token_project uuid, nonce uuid, lease interval)
RETURNS TABLE (admitted boolean,
               project_id uuid, workflow_id uuid, work_order_id uuid, snapshot_id uuid,
               trigger_id uuid, job_id uuid, dataclip_id uuid, state text, worker_name text,
               save_dataclips boolean, enable_job_logs boolean,
               run_timeout_ms bigint, run_memory_limit_mb bigint,
               reply_after_completion boolean, reply_success_code bigint, reply_error_code bigint,
               jobs text, triggers text, edges text, n_fetched bigint)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  q record;
  r record;
BEGIN
  SELECT w.state, cardinality(w.fetched_body_ids) AS n_fetched INTO q
    FROM run_queue w WHERE w.run_id = of_run FOR UPDATE;
  SELECT * INTO r FROM runs w WHERE w.id = of_run AND (token_project IS NULL OR w.project_id = token_project);
  IF NOT FOUND THEN
    RETURN;
  END IF;

  admitted := CASE WHEN r.claim_nonce IS NOT NULL THEN nonce IS NOT DISTINCT FROM r.claim_nonce
                   ELSE nonce IS NULL OR r.state <> 'available' END;
  IF admitted AND q.state <> 'available' THEN
    UPDATE run_queue w
       SET joined_at = coalesce(w.joined_at, clock_timestamp()), lease_expires_at = clock_timestamp() + lease
     WHERE w.run_id = of_run AND w.project_id = r.project_id;
  END IF;

  RETURN QUERY
    SELECT admitted,
           r.project_id, r.workflow_id, r.work_order_id, r.snapshot_id,
           r.starting_trigger_id, r.starting_job_id, r.dataclip_id, r.state, r.worker_name,
           r.save_dataclips, r.enable_job_logs, r.run_timeout_ms, r.run_memory_limit_mb,
           r.reply_after_completion, r.reply_success_code, r.reply_error_code,
           s.jobs::text, s.triggers::text, s.edges::text, q.n_fetched::bigint
      FROM (VALUES (1)) AS one
      LEFT JOIN workflow_snapshots s ON s.id = r.snapshot_id AND s.project_id = r.project_id;
END
$$;

-- `started`, or why not: `unclaimed`, `ended`. A second start changes nothing.
CREATE FUNCTION run_start(of_project uuid, of_run uuid, worker_time timestamptz) RETURNS text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  q record;
  at CONSTANT timestamptz := clock_timestamp();
BEGIN
  SELECT w.state, w.work_order_id INTO q
    FROM run_queue w WHERE w.run_id = of_run AND w.project_id = of_project FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'ended';
  ELSIF q.state <> 'claimed' THEN
    RETURN CASE q.state WHEN 'started' THEN 'started' ELSE 'unclaimed' END;
  END IF;

  UPDATE run_queue w SET state = 'started', started_at = coalesce(worker_time, at)
   WHERE w.run_id = of_run AND w.project_id = of_project;
  UPDATE runs r SET state = 'started', started_at = coalesce(worker_time, at), updated_at = at
   WHERE r.id = of_run AND r.project_id = of_project;
  PERFORM work_order_touch(of_project, q.work_order_id, of_run, 'started', at);
  RETURN 'started';
END
$$;

-- Stores a result of a run's step or of the run itself. `result` null: only that there was one (retention
-- policy erase_all).
CREATE FUNCTION result_store(of_project uuid, of_dataclip uuid, result bytea) RETURNS void
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  at CONSTANT timestamptz := clock_timestamp();
BEGIN
  INSERT INTO dataclips (id, project_id, type, body_state, size, wiped_at, inserted_at, updated_at)
  VALUES (of_dataclip, of_project, 'step_result',
          CASE WHEN result IS NULL THEN 'never_stored' ELSE 'stored' END,
          coalesce(length(result), 0), CASE WHEN result IS NULL THEN date_trunc('second', at) END, at, at);
  IF result IS NOT NULL THEN
    INSERT INTO dataclip_bodies (dataclip_id, project_id, body, inserted_at)
    VALUES (of_dataclip, of_project, result, at);
  END IF;
END
$$;

-- Is it an input or output that this run has to do with?
CREATE FUNCTION run_has_dataclip(of_project uuid, of_run uuid, of_dataclip uuid) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  RETURN EXISTS (SELECT FROM runs r
                  WHERE r.id = of_run AND r.project_id = of_project AND r.dataclip_id = of_dataclip)
      OR EXISTS (SELECT FROM run_steps l
                   JOIN steps s
                     ON s.run_id = l.step_run_id AND s.id = l.step_id AND s.project_id = l.project_id
                  WHERE l.run_id = of_run AND l.project_id = of_project
                    AND of_dataclip IN (s.output_dataclip_id, s.input_dataclip_id));
END
$$;

-- `completed`, or why not: `unclaimed`, `ended`, `no_dataclip`. The final dataclip is one the run has
-- already stored (given_dataclip), else its final state becomes one (own_dataclip; save: with its content).
-- `reply` answers the webhook's caller. `again`: a second try after a lost connection; a first one that was
-- committed shows in state and time.
CREATE FUNCTION run_complete(of_project uuid, of_run uuid, final_state text, worker_time timestamptz,
                             of_error_type text, of_error_message text,
                             given_dataclip uuid, own_dataclip uuid, result bytea, save boolean,
                             reply_status bigint, reply bytea, again boolean) RETURNS text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  queue_state text;
  final_dataclip uuid;
BEGIN
  SELECT w.state INTO queue_state
    FROM run_queue w WHERE w.run_id = of_run AND w.project_id = of_project FOR UPDATE;
  IF NOT FOUND THEN
    RETURN CASE WHEN again AND EXISTS (SELECT FROM runs r
                                        WHERE r.id = of_run AND r.project_id = of_project
                                          AND r.state = final_state AND r.finished_at = worker_time)
                THEN 'completed' ELSE 'ended' END;
  ELSIF queue_state = 'available' THEN
    RETURN 'unclaimed';
  END IF;

  IF given_dataclip IS NOT NULL AND run_has_dataclip(of_project, of_run, given_dataclip) THEN
    final_dataclip := given_dataclip;
  ELSIF result IS NOT NULL THEN
    final_dataclip := own_dataclip;
    PERFORM result_store(of_project, own_dataclip, CASE WHEN save THEN result END);
  ELSIF given_dataclip IS NOT NULL THEN
    RETURN 'no_dataclip';
  END IF;

  IF reply_status IS NOT NULL THEN
    INSERT INTO webhook_replies (run_id, project_id, status, data)
    VALUES (of_run, of_project, reply_status, reply)
    ON CONFLICT (run_id, project_id) DO NOTHING;
  END IF;
  PERFORM run_end(of_project, of_run, final_state, worker_time, of_error_type, of_error_message,
                  final_dataclip);
  RETURN 'completed';
END
$$;

-- What the run starts from; wiped as soon as it was read when the run may not keep data.
CREATE FUNCTION run_input(of_project uuid, of_run uuid) RETURNS TABLE (type text, body bytea, request bytea)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
  r record;
  d record;
BEGIN
  SELECT w.dataclip_id, w.save_dataclips INTO r FROM runs w WHERE w.id = of_run AND w.project_id = of_project;
  SELECT w.id, w.type, w.name, w.inserted_at, b.body, b.request INTO d
    FROM dataclips w
    LEFT JOIN dataclip_bodies b
           ON b.dataclip_id = w.id AND b.project_id = w.project_id AND b.inserted_at = w.inserted_at
   WHERE w.id = r.dataclip_id AND w.project_id = of_project
   ORDER BY w.inserted_at LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;

  IF NOT r.save_dataclips AND d.body IS NOT NULL AND d.name IS NULL
     AND d.type IN ('http_request', 'step_result', 'saved_input') THEN
    DELETE FROM dataclip_bodies b
     WHERE b.dataclip_id = d.id AND b.project_id = of_project AND b.inserted_at = d.inserted_at;
    UPDATE dataclips w
       SET body_state = 'wiped', wiped_at = date_trunc('second', clock_timestamp()),
           updated_at = clock_timestamp()
     WHERE w.id = d.id AND w.project_id = of_project AND w.inserted_at = d.inserted_at;
  END IF;

  type := d.type;
  body := d.body;
  request := d.request;
  RETURN NEXT;
END
$$;

-- `started`, or why not: `no_run`, `taken` (the id belongs to a step of another run). A second start
-- changes nothing. An input the run does not know (its step:complete was lost with a connection) is left
-- out.
CREATE FUNCTION step_start(of_project uuid, of_run uuid, of_step uuid, of_job uuid, input uuid,
                           worker_time timestamptz) RETURNS text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
BEGIN
  IF EXISTS (SELECT FROM steps s
              WHERE s.id = of_step AND (s.run_id <> of_run OR s.project_id <> of_project)) THEN
    RETURN 'taken';
  END IF;

  INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id, input_dataclip_id, started_at)
  SELECT r.id, of_step, r.project_id, of_job, r.snapshot_id,
         CASE WHEN run_has_dataclip(of_project, of_run, input) THEN input END,
         coalesce(worker_time, clock_timestamp())
    FROM runs r WHERE r.id = of_run AND r.project_id = of_project
  ON CONFLICT (run_id, id, project_id) DO NOTHING;
  IF FOUND THEN
    INSERT INTO run_steps (run_id, step_id, step_run_id, project_id)
    VALUES (of_run, of_step, of_run, of_project);
    RETURN 'started';
  END IF;

  RETURN CASE WHEN EXISTS (SELECT FROM runs r WHERE r.id = of_run AND r.project_id = of_project)
              THEN 'started' ELSE 'no_run' END;
END
$$;

-- `completed`, or why not: `no_step`, `taken` (the output's id is another dataclip's). What is complete
-- stays as it is, except that a late worker knows better than whoever declared its step lost. `response` is
-- what the step wants the webhook's caller to get.
CREATE FUNCTION step_complete(of_project uuid, of_run uuid, of_step uuid,
                              reason text, of_error_type text, of_error_message text, worker_time timestamptz,
                              of_duration_ms bigint, of_memory_job bigint, of_memory_system bigint,
                              of_memory_peak bigint, too_large boolean,
                              output uuid, result bytea, response bytea) RETURNS text
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
DECLARE
  s record;
BEGIN
  SELECT w.exit_reason INTO s FROM steps w
   WHERE w.run_id = of_run AND w.id = of_step AND w.project_id = of_project FOR UPDATE;
  IF NOT FOUND THEN
    RETURN 'no_step';
  ELSIF s.exit_reason <> 'lost' THEN
    RETURN 'completed';
  END IF;

  IF output IS NOT NULL THEN
    IF EXISTS (SELECT FROM dataclips d WHERE d.id = output) THEN
      RETURN 'taken';
    END IF;
    PERFORM result_store(of_project, output, result);
  END IF;
  UPDATE steps w
     SET exit_reason = reason, error_type = of_error_type, error_message = of_error_message,
         finished_at = coalesce(worker_time, clock_timestamp()), duration_ms = of_duration_ms,
         memory_job = of_memory_job, memory_system = of_memory_system, memory_peak = of_memory_peak,
         output_too_large = too_large, output_dataclip_id = output
   WHERE w.run_id = of_run AND w.id = of_step AND w.project_id = of_project;
  IF response IS NOT NULL THEN
    UPDATE run_queue w SET webhook_response = response WHERE w.run_id = of_run AND w.project_id = of_project;
  END IF;
  RETURN 'completed';
END
$$;

-- What a keychain's path finds in an input: a text, or nothing, also when the input is no JSON that
-- PostgreSQL can look into.
CREATE FUNCTION keychain_match(body bytea, path text) RETURNS text
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN jsonb_path_query_first(convert_from(body, 'UTF8')::jsonb, path::jsonpath) #>> '{}';
EXCEPTION WHEN others THEN
  RETURN NULL;
END
$$;
