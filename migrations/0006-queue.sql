-- SPDX-License-Identifier: Apache-2.0
--
-- The live queue: one small row per unfinished run, gone when the run is final. The claim looks at nothing else, so it does not
-- get slower with history.
--
-- A lane is what a concurrency limit counts: a workflow with a limit of its own, else the project when that has one, else the workflow
-- (without limit).

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
  lease_expires_at timestamptz,         -- until joined: when it is given back; then: when its worker counts as dead
  fetched_body_ids uuid[] NOT NULL DEFAULT '{}',        -- credential bodies the worker got: what the scrubber knows
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
CREATE INDEX run_queue_active ON run_queue (workflow_id) WHERE state <> 'available';
CREATE INDEX run_queue_lease ON run_queue (lease_expires_at) WHERE state <> 'available';
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

CREATE FUNCTION run_lane_id(workflow_id uuid, workflow_limit bigint, project_id uuid, project_limit bigint) RETURNS uuid
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

-- The work order's state after one of its runs has become `run_state`: another unfinished run decides first (a started one, then one
-- that waits, then a claimed one), else this run does. The last run to change wins, not the newest.
CREATE FUNCTION work_order_touch(of_project uuid, of_work_order uuid, of_run uuid, run_state text, at timestamptz) RETURNS void
LANGUAGE sql AS $$
  UPDATE work_orders o
     SET state = CASE d.state
                   WHEN 'available' THEN 'pending'
                   WHEN 'claimed' THEN 'running'
                   WHEN 'started' THEN 'running'
                   ELSE d.state
                 END,
         last_activity = at,
         updated_at = at
    FROM (SELECT coalesce((SELECT q.state FROM run_queue q
                            WHERE q.work_order_id = of_work_order AND q.run_id <> of_run
                            ORDER BY CASE q.state WHEN 'started' THEN 0 WHEN 'available' THEN 1 ELSE 2 END
                            LIMIT 1), run_state) AS state) d
   WHERE o.id = of_work_order AND o.project_id = of_project
$$;

-- Claims runs for several claimers at once, fairly: projects take turns, lanes of a project take turns, the oldest run of a lane goes
-- first. Queues and priorities come before fairness: a class is one (queue, priority), served in the order of `queues`.
--
-- Cost: a few index probes for each run handed out, whatever waits or has finished. Lanes that are at their limit are passed over, at
-- most `max_visits` lanes in one call; the turn remembers where to go on.
--
-- A limited lane offers its oldest `lane_limit` unfinished runs and no others: two claims at the same moment cannot exceed it.
CREATE FUNCTION claim_runs(
  demands bigint[], workers text[], queues text[],
  after_project uuid,                   -- the project served last
  workflow_limit bigint,                -- unfinished claims one workflow may hold (PER_WORKFLOW_CLAIM_LIMIT)
  join_within interval, max_visits bigint)
RETURNS TABLE (claimer bigint, run_id uuid, project_id uuid, nonce uuid, run_timeout_ms bigint)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
  nobody CONSTANT uuid := '00000000-0000-0000-0000-000000000000';
  any_queue boolean := '*' = ANY (queues);
  want bigint := (SELECT coalesce(sum(d), 0) FROM unnest(demands) d);
  who bigint := 1;
  has bigint := 0;
  class record;
  lane record;
  picked record;
  start_project uuid;
  this_project uuid;
  this_lane uuid;
  first_lane uuid;
  wrapped boolean;
  lane_wrapped boolean;
  progress boolean;
  visits bigint := max_visits;
  at timestamptz;
BEGIN
  IF want = 0 THEN
    RETURN;
  END IF;

  FOR class IN
    WITH RECURSIVE classes AS (
      (SELECT q.queue, q.priority FROM run_queue q WHERE q.state = 'available' ORDER BY q.queue, q.priority LIMIT 1)
      UNION ALL
      SELECT n.queue, n.priority
        FROM classes c CROSS JOIN LATERAL (
          SELECT q.queue, q.priority FROM run_queue q
           WHERE q.state = 'available' AND (q.queue, q.priority) > (c.queue, c.priority)
           ORDER BY q.queue, q.priority LIMIT 1) n)
    SELECT c.queue, c.priority FROM classes c
     WHERE any_queue OR c.queue = ANY (queues)
     ORDER BY CASE WHEN any_queue THEN coalesce(array_position(queues, c.queue), array_position(queues, '*')) END,
              c.priority, c.queue
  LOOP
    LOOP                                -- passes: each gives every project one run
      progress := false;
      wrapped := false;
      start_project := after_project;
      this_project := after_project;

      LOOP                              -- projects, from the one after the last served, once around
        SELECT q.project_id INTO picked FROM run_queue q
         WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
           AND q.project_id > this_project
         ORDER BY q.project_id LIMIT 1;
        IF NOT FOUND THEN
          EXIT WHEN wrapped;
          wrapped := true;
          this_project := nobody;
          CONTINUE;
        END IF;
        EXIT WHEN wrapped AND picked.project_id > start_project;
        this_project := picked.project_id;

        SELECT t.lane_id INTO first_lane FROM claim_turns t WHERE t.project_id = this_project;
        first_lane := coalesce(first_lane, nobody);
        this_lane := first_lane;
        lane_wrapped := false;
        picked := NULL;

        LOOP                            -- lanes, likewise
          SELECT q.lane_id, q.lane_limit, q.workflow_id INTO lane FROM run_queue q
           WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
             AND q.project_id = this_project AND q.lane_id > this_lane
           ORDER BY q.lane_id LIMIT 1;
          IF NOT FOUND THEN
            EXIT WHEN lane_wrapped;
            lane_wrapped := true;
            this_lane := nobody;
            CONTINUE;
          END IF;
          EXIT WHEN lane_wrapped AND lane.lane_id > first_lane;
          this_lane := lane.lane_id;
          visits := visits - 1;

          IF lane.lane_limit IS NOT NULL THEN
            SELECT q.run_id, q.work_order_id, q.run_timeout_ms INTO picked FROM run_queue q
             WHERE q.project_id = this_project AND q.state = 'available'
               AND q.queue = class.queue AND q.priority = class.priority
               AND q.run_id IN (SELECT o.run_id FROM run_queue o
                                 WHERE o.lane_id = this_lane AND o.lane_limit IS NOT NULL
                                 ORDER BY o.inserted_at, o.run_id LIMIT lane.lane_limit)
             ORDER BY q.inserted_at, q.run_id LIMIT 1
             FOR UPDATE SKIP LOCKED;
          ELSIF (SELECT count(*) FROM (SELECT 1 FROM run_queue a
                                        WHERE a.workflow_id = lane.workflow_id AND a.state <> 'available'
                                        LIMIT workflow_limit) held) < workflow_limit THEN
            SELECT q.run_id, q.work_order_id, q.run_timeout_ms INTO picked FROM run_queue q
             WHERE q.state = 'available' AND q.queue = class.queue AND q.priority = class.priority
               AND q.project_id = this_project AND q.lane_id = this_lane
             ORDER BY q.inserted_at, q.run_id LIMIT 1
             FOR UPDATE SKIP LOCKED;
          ELSE
            picked := NULL;
          END IF;

          EXIT WHEN picked.run_id IS NOT NULL OR visits <= 0;
        END LOOP;

        IF picked.run_id IS NOT NULL THEN
          at := clock_timestamp();
          nonce := gen_random_uuid();
          UPDATE run_queue q
             SET state = 'claimed', claimed_at = at, worker_name = nullif(workers[who], ''), claim_nonce = nonce,
                 joined_at = NULL, lease_expires_at = at + join_within
           WHERE q.run_id = picked.run_id AND q.project_id = this_project;
          UPDATE runs r
             SET state = 'claimed', claimed_at = at, worker_name = nullif(workers[who], ''), claim_nonce = nonce,
                 updated_at = at
           WHERE r.id = picked.run_id AND r.project_id = this_project;
          PERFORM work_order_touch(this_project, picked.work_order_id, picked.run_id, 'claimed', at);

          claimer := who;
          run_id := picked.run_id;
          project_id := this_project;
          run_timeout_ms := picked.run_timeout_ms;
          RETURN NEXT;

          INSERT INTO claim_turns AS t (project_id, lane_id) VALUES (this_project, this_lane)
            ON CONFLICT (project_id) DO UPDATE SET lane_id = excluded.lane_id;

          progress := true;
          after_project := this_project;
          want := want - 1;
          has := has + 1;
          WHILE who <= array_length(demands, 1) AND has >= demands[who] LOOP
            who := who + 1;
            has := 0;
          END LOOP;
          IF want = 0 THEN
            RETURN;
          END IF;
        ELSIF visits <= 0 THEN
          INSERT INTO claim_turns AS t (project_id, lane_id) VALUES (this_project, this_lane)
            ON CONFLICT (project_id) DO UPDATE SET lane_id = excluded.lane_id;
          RETURN;
        END IF;
      END LOOP;

      EXIT WHEN NOT progress;
    END LOOP;
  END LOOP;
END
$$;
