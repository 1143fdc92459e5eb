-- SPDX-License-Identifier: Apache-2.0
--
-- What happened: inputs, work orders, runs, steps, log lines, outputs. Partitioned by month; see 0001-foundation.sql.
--
-- Work orders, runs and log lines have version 7 ids of ours, so their month follows from the id and a look-up by id goes
-- straight to its partition. Step and output dataclip ids are made by workers and may be of any version: steps go with
-- their run, dataclips by inserted_at.

CREATE TABLE dataclips (
  id uuid NOT NULL,
  project_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('http_request', 'global', 'step_result', 'saved_input', 'kafka')),
  name text,
  body_state text NOT NULL DEFAULT 'stored' CHECK (body_state IN ('stored', 'wiped', 'never_stored')),
  size bigint NOT NULL DEFAULT 0,       -- bytes of the body
  wiped_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, project_id, inserted_at)
) PARTITION BY RANGE (inserted_at);
CREATE INDEX dataclips_project ON dataclips (project_id, inserted_at);
CREATE TABLE dataclips_default PARTITION OF dataclips DEFAULT;

-- Bodies are bytes: what was sent is what is handed on. Wiping is a delete.
CREATE TABLE dataclip_bodies (
  dataclip_id uuid NOT NULL,
  project_id uuid NOT NULL,
  body bytea NOT NULL,                  -- JSON
  request bytea,                        -- JSON, only for http_request
  inserted_at timestamptz NOT NULL,     -- the dataclip's
  PRIMARY KEY (dataclip_id, project_id, inserted_at)
) PARTITION BY RANGE (inserted_at);
CREATE TABLE dataclip_bodies_default PARTITION OF dataclip_bodies DEFAULT;

CREATE TABLE work_orders (
  id uuid NOT NULL,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  snapshot_id uuid NOT NULL,
  trigger_id uuid,
  dataclip_id uuid,
  state text NOT NULL DEFAULT 'pending'
    CHECK (state IN ('rejected', 'pending', 'running', 'success', 'failed', 'crashed', 'cancelled', 'killed', 'exception', 'lost')),
  last_activity timestamptz NOT NULL DEFAULT now(),
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, project_id)
) PARTITION BY RANGE (id);
CREATE INDEX work_orders_project ON work_orders (project_id, id);
CREATE INDEX work_orders_workflow ON work_orders (workflow_id, id);
CREATE TABLE work_orders_default PARTITION OF work_orders DEFAULT;

CREATE TABLE runs (
  id uuid NOT NULL,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  work_order_id uuid NOT NULL,
  snapshot_id uuid NOT NULL,
  starting_trigger_id uuid,
  starting_job_id uuid,
  created_by_id uuid,
  dataclip_id uuid,
  final_dataclip_id uuid,
  state text NOT NULL DEFAULT 'available'
    CHECK (state IN ('available', 'claimed', 'started', 'success', 'failed', 'crashed', 'cancelled', 'killed', 'exception', 'lost')),
  error_type text,
  error_message text,
  priority smallint NOT NULL DEFAULT 1, -- 0 immediate, 1 normal
  queue text NOT NULL DEFAULT 'default',
  worker_name text,
  claim_nonce uuid,                     -- the claim that may join; null: any token for this run
  -- options, frozen when the run is made
  save_dataclips boolean NOT NULL DEFAULT true,
  enable_job_logs boolean NOT NULL DEFAULT true,
  run_timeout_ms bigint NOT NULL,
  run_memory_limit_mb bigint,
  -- how its webhook is answered, frozen too; null unless the caller waits (after_completion)
  reply_success_code bigint,
  reply_error_code bigint,
  reply_after_completion boolean NOT NULL DEFAULT false,
  claimed_at timestamptz,
  started_at timestamptz,
  finished_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (id, project_id),
  CHECK (num_nonnulls(starting_trigger_id, starting_job_id) = 1)
) PARTITION BY RANGE (id);
CREATE INDEX runs_project ON runs (project_id, id);
CREATE INDEX runs_work_order ON runs (work_order_id);
-- The input of the next cron run: the newest successful run of a workflow. The state is not in it: what changes between a run's claim and
-- its end is in no index, so that those updates stay on their page.
CREATE INDEX runs_workflow_output ON runs (workflow_id, finished_at) WHERE final_dataclip_id IS NOT NULL;
CREATE TABLE runs_default PARTITION OF runs DEFAULT;

CREATE TABLE steps (
  run_id uuid NOT NULL,                 -- the run that executed it
  id uuid NOT NULL,
  project_id uuid NOT NULL,
  job_id uuid NOT NULL,
  snapshot_id uuid NOT NULL,
  input_dataclip_id uuid,
  output_dataclip_id uuid,
  exit_reason text,
  error_type text,
  error_message text,
  duration_ms bigint,
  memory_job bigint,                    -- bytes
  memory_system bigint,
  memory_peak bigint,
  output_too_large boolean NOT NULL DEFAULT false,
  started_at timestamptz,
  finished_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, id, project_id)
) PARTITION BY RANGE (run_id);
CREATE INDEX steps_job_success ON steps (job_id, finished_at) WHERE exit_reason = 'success';
CREATE INDEX steps_id ON steps (id);
CREATE INDEX steps_open ON steps (run_id) WHERE exit_reason IS NULL;
CREATE TABLE steps_default PARTITION OF steps DEFAULT;

-- A retry from a later step shares the steps before it, hence many to many.
CREATE TABLE run_steps (
  run_id uuid NOT NULL,
  step_id uuid NOT NULL,
  step_run_id uuid NOT NULL,            -- steps.run_id
  project_id uuid NOT NULL,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, step_id, project_id)
) PARTITION BY RANGE (run_id);
CREATE TABLE run_steps_default PARTITION OF run_steps DEFAULT;

CREATE TABLE log_lines (
  run_id uuid NOT NULL,
  id uuid NOT NULL,
  project_id uuid NOT NULL,
  step_id uuid,
  "timestamp" timestamptz NOT NULL,     -- the worker's clock
  level text NOT NULL DEFAULT 'info',
  source text,
  message text NOT NULL,
  PRIMARY KEY (run_id, "timestamp", id, project_id)
) PARTITION BY RANGE (run_id);
CREATE TABLE log_lines_default PARTITION OF log_lines DEFAULT;

-- Counted by the transition that ends a run, so that no page ever counts history.
CREATE TABLE workflow_day_counts (
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  day date NOT NULL,
  state text NOT NULL,
  n bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (project_id, workflow_id, day, state)
) WITH (fillfactor = 70);

INSERT INTO partitioned_tables (name, by_id, fillfactor) VALUES
  ('dataclips', false, 100), ('dataclip_bodies', false, 100), ('work_orders', true, 75), ('runs', true, 75),
  ('steps', true, 90), ('run_steps', true, 100), ('log_lines', true, 100);

SELECT partitions_ensure(now() - interval '1 month', 4);
