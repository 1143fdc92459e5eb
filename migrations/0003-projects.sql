-- SPDX-License-Identifier: Apache-2.0
--
-- Projects, their members, and the credentials they may use.

CREATE TABLE projects (
  id uuid PRIMARY KEY,
  name text NOT NULL CHECK (name ~ '^[a-z0-9-]+$' AND length(name) <= 255),
  description text CHECK (length(description) <= 240),
  parent_id uuid REFERENCES projects ON DELETE SET NULL CHECK (parent_id <> id),
  color text CHECK (color ~ '^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$'),
  env text DEFAULT 'main' CHECK (env ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  concurrency bigint CHECK (concurrency >= 1),
  requires_mfa boolean NOT NULL DEFAULT false,
  allow_support_access boolean NOT NULL DEFAULT false,
  retention_policy text NOT NULL DEFAULT 'retain_all'
    CHECK (retention_policy IN ('retain_all', 'retain_with_errors', 'erase_all')),
  history_retention_period bigint CHECK (history_retention_period IN (7, 14, 30, 90, 180, 365)),
  dataclip_retention_period bigint
    CHECK (dataclip_retention_period IN (7, 14, 30, 90, 180, 365)
           AND dataclip_retention_period <= history_retention_period),
  scheduled_deletion timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
-- Root projects may share a name; siblings below one parent may not.
CREATE UNIQUE INDEX projects_child_name ON projects (parent_id, name) WHERE parent_id IS NOT NULL;
CREATE INDEX projects_name ON projects (name);

CREATE TABLE project_users (
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner')),
  failure_alert boolean NOT NULL DEFAULT false,
  digest text NOT NULL DEFAULT 'never' CHECK (digest IN ('never', 'daily', 'weekly', 'monthly')),
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (project_id, user_id)
);
CREATE INDEX project_users_user ON project_users (user_id);

CREATE TABLE credentials (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  schema text CHECK (length(schema) <= 40),
  external_id text CHECK (external_id <> ''),
  scheduled_deletion timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (user_id, name),
  UNIQUE (user_id, external_id)
);

-- One body per environment, sealed by the vault: table, column and row id are part of the seal.
CREATE TABLE credential_bodies (
  id uuid PRIMARY KEY,
  credential_id uuid NOT NULL REFERENCES credentials ON DELETE CASCADE,
  name text NOT NULL DEFAULT 'main' CHECK (name ~ '^[a-z0-9][a-z0-9_-]{0,31}$'),
  body bytea NOT NULL,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (credential_id, name)
);

CREATE TABLE project_credentials (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  credential_id uuid NOT NULL REFERENCES credentials ON DELETE CASCADE,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, credential_id),
  UNIQUE (project_id, id)
);
CREATE INDEX project_credentials_credential ON project_credentials (credential_id);

CREATE TABLE keychain_credentials (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  created_by_id uuid REFERENCES users ON DELETE SET NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  path text NOT NULL CHECK (length(path) BETWEEN 1 AND 500),
  default_credential_id uuid REFERENCES credentials ON DELETE SET NULL,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, name),
  UNIQUE (project_id, id)
);

-- Sealed: username, password, api_key, each bound to its column, row and project.
CREATE TABLE webhook_auth_methods (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  auth_type text NOT NULL CHECK (auth_type IN ('basic', 'api')),
  username bytea,
  password bytea,
  api_key bytea,
  scheduled_deletion timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, name),
  UNIQUE (project_id, id),
  CHECK (auth_type <> 'basic' OR (username IS NOT NULL AND password IS NOT NULL)),
  CHECK (auth_type <> 'api' OR api_key IS NOT NULL)
);

CREATE TABLE collections (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL REFERENCES projects ON DELETE CASCADE,
  name text NOT NULL CHECK (name ~ '^[a-z0-9]+([-_.][a-z0-9]+)*$' AND length(name) <= 255),
  byte_size_sum bigint NOT NULL DEFAULT 0,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (project_id, name),
  UNIQUE (project_id, id)
);
