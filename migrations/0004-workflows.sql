-- SPDX-License-Identifier: Apache-2.0
--
-- Workflows as people build them, and the snapshots that runs keep.

CREATE TABLE workflows (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  state text NOT NULL DEFAULT 'live' CHECK (state IN ('draft', 'live')),
  concurrency bigint CHECK (concurrency >= 1),
  enable_job_logs boolean NOT NULL DEFAULT true,
  positions jsonb,
  lock_version bigint NOT NULL DEFAULT 0,
  current_snapshot_id uuid,             -- the snapshot of lock_version: what new runs get
  deleted_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, id)
);
CREATE UNIQUE INDEX workflows_name ON workflows (project_id, name) WHERE deleted_at IS NULL;

CREATE TABLE jobs (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  body text NOT NULL,
  adaptor text NOT NULL DEFAULT '@openfn/language-common@latest',
  project_credential_id uuid,
  keychain_credential_id uuid,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workflow_id, name) DEFERRABLE INITIALLY DEFERRED,
  UNIQUE (project_id, workflow_id, id),
  FOREIGN KEY (project_id, workflow_id) REFERENCES workflows (project_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, project_credential_id) REFERENCES project_credentials (project_id, id)
    ON DELETE SET NULL (project_credential_id),
  FOREIGN KEY (project_id, keychain_credential_id) REFERENCES keychain_credentials (project_id, id)
    ON DELETE SET NULL (keychain_credential_id),
  CHECK (project_credential_id IS NULL OR keychain_credential_id IS NULL)
);
CREATE INDEX jobs_project ON jobs (project_id);
CREATE INDEX jobs_project_credential ON jobs (project_credential_id) WHERE project_credential_id IS NOT NULL;

CREATE TABLE triggers (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('webhook', 'cron')),
  enabled boolean NOT NULL DEFAULT false,
  comment text,
  custom_path text CHECK (custom_path ~ '^[a-z0-9_-]+$' AND length(custom_path) <= 255),
  legacy_bare_path boolean NOT NULL DEFAULT false,
  cron_expression text,
  cron_cursor_job_id uuid,
  webhook_reply text CHECK (webhook_reply IN ('before_start', 'after_completion', 'custom')),
  success_code bigint,                  -- webhook_response_config
  error_code bigint,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, id),
  UNIQUE (project_id, workflow_id, id),
  UNIQUE (project_id, custom_path),
  FOREIGN KEY (project_id, workflow_id) REFERENCES workflows (project_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, workflow_id, cron_cursor_job_id) REFERENCES jobs (project_id, workflow_id, id)
    ON DELETE SET NULL (cron_cursor_job_id),
  CHECK (type <> 'cron' OR (cron_expression IS NOT NULL AND custom_path IS NULL AND webhook_reply IS NULL)),
  CHECK (type <> 'webhook' OR (cron_expression IS NULL AND cron_cursor_job_id IS NULL))
);
CREATE UNIQUE INDEX triggers_legacy_bare_path ON triggers (custom_path) WHERE legacy_bare_path;
CREATE INDEX triggers_workflow ON triggers (workflow_id);
CREATE INDEX triggers_cron ON triggers (id) WHERE type = 'cron' AND enabled;

CREATE TABLE trigger_webhook_auth_methods (
  project_id uuid NOT NULL,
  trigger_id uuid NOT NULL,
  webhook_auth_method_id uuid NOT NULL,
  PRIMARY KEY (trigger_id, webhook_auth_method_id),
  FOREIGN KEY (project_id, trigger_id) REFERENCES triggers (project_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, webhook_auth_method_id) REFERENCES webhook_auth_methods (project_id, id) ON DELETE CASCADE
);
CREATE INDEX trigger_webhook_auth_methods_method ON trigger_webhook_auth_methods (webhook_auth_method_id);

CREATE TABLE workflow_edges (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  source_trigger_id uuid,
  source_job_id uuid,
  target_job_id uuid NOT NULL,
  condition_type text NOT NULL
    CHECK (condition_type IN ('on_job_success', 'on_job_failure', 'always', 'js_expression')),
  condition_expression text CHECK (length(condition_expression) <= 255),
  condition_label text CHECK (length(condition_label) <= 255),
  enabled boolean NOT NULL DEFAULT true,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (project_id, workflow_id) REFERENCES workflows (project_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, workflow_id, source_trigger_id) REFERENCES triggers (project_id, workflow_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, workflow_id, source_job_id) REFERENCES jobs (project_id, workflow_id, id) ON DELETE CASCADE,
  FOREIGN KEY (project_id, workflow_id, target_job_id) REFERENCES jobs (project_id, workflow_id, id) ON DELETE CASCADE,
  CHECK (num_nonnulls(source_trigger_id, source_job_id) = 1),
  CHECK (source_job_id <> target_job_id),
  CHECK (condition_type <> 'js_expression' OR condition_expression IS NOT NULL),
  CHECK (source_trigger_id IS NULL OR (enabled AND condition_type IN ('always', 'js_expression')))
);
CREATE INDEX workflow_edges_workflow ON workflow_edges (workflow_id);
CREATE INDEX workflow_edges_source_trigger ON workflow_edges (source_trigger_id) WHERE source_trigger_id IS NOT NULL;

-- Immutable: what a work order, a run and a step were made from. jobs, triggers and edges are arrays of the rows as they were; a job's
-- entry names its credential by `credential_id` (a credential or a keychain credential).
CREATE TABLE workflow_snapshots (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  lock_version bigint NOT NULL,
  name text NOT NULL,
  jobs json NOT NULL,
  triggers json NOT NULL,
  edges json NOT NULL,
  positions jsonb,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (workflow_id, lock_version),
  FOREIGN KEY (project_id, workflow_id) REFERENCES workflows (project_id, id) ON DELETE CASCADE
);

-- Whoever keeps triggers in memory is told when they, their authentication or their workflow change. These are rare
-- transactions, so the notice travels inside them. No payload: forget everything.
CREATE FUNCTION triggers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('triggers', '');
  RETURN NULL;
END
$$;
CREATE TRIGGER triggers_changed AFTER INSERT OR UPDATE OR DELETE ON triggers
  FOR EACH STATEMENT EXECUTE FUNCTION triggers_changed();
CREATE TRIGGER triggers_changed AFTER INSERT OR UPDATE OR DELETE ON trigger_webhook_auth_methods
  FOR EACH STATEMENT EXECUTE FUNCTION triggers_changed();
CREATE TRIGGER triggers_changed AFTER UPDATE OR DELETE ON webhook_auth_methods
  FOR EACH STATEMENT EXECUTE FUNCTION triggers_changed();
CREATE TRIGGER triggers_changed AFTER UPDATE OR DELETE ON workflows
  FOR EACH STATEMENT EXECUTE FUNCTION triggers_changed();
CREATE TRIGGER triggers_changed AFTER UPDATE OR DELETE ON projects
  FOR EACH STATEMENT EXECUTE FUNCTION triggers_changed();
