-- SPDX-License-Identifier: Apache-2.0
--
-- People and their tokens.

CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) <= 160),
  first_name text NOT NULL CHECK (length(first_name) BETWEEN 1 AND 255),
  last_name text NOT NULL CHECK (length(last_name) BETWEEN 1 AND 255),
  hashed_password text,
  role text NOT NULL DEFAULT 'user' CHECK (role IN ('user', 'superuser')),
  support_user boolean NOT NULL DEFAULT false,
  disabled boolean NOT NULL DEFAULT false,
  mfa_enabled boolean NOT NULL DEFAULT false,
  contact_preference text NOT NULL DEFAULT 'critical' CHECK (contact_preference IN ('critical', 'any')),
  preferences jsonb NOT NULL DEFAULT '{}',
  confirmed_at timestamptz,
  scheduled_deletion timestamptz CHECK (scheduled_deletion IS NULL OR role <> 'superuser'),
  inserted_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- Tokens are stored as SHA-256. A personal access token (context "api") is a JWT whose jti is the row's id and
-- whose iat is inserted_at in whole seconds: whoever holds the signing key can print it again, nobody else can.
CREATE TABLE user_tokens (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  context text NOT NULL,
  token_hash bytea NOT NULL CHECK (length(token_hash) = 32),
  sent_to text,
  last_used_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (context, token_hash)
);
CREATE INDEX user_tokens_user ON user_tokens (user_id);
