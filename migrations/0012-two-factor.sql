-- SPDX-License-Identifier: Apache-2.0
--
-- Second factors: what is in people's phones, and codes on paper for the day the phone is gone.

-- A secret that is not confirmed asks nobody for anything. Codes of `last_step` and before have been used.
CREATE TABLE user_totps (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE,
  secret bytea NOT NULL,
  last_step bigint NOT NULL DEFAULT 0,
  confirmed_at timestamptz,
  inserted_at timestamptz NOT NULL DEFAULT now()
);

-- SHA-256 of 80 random bits each; one use.
CREATE TABLE user_backup_codes (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  code_hash bytea NOT NULL CHECK (length(code_hash) = 32),
  used_at timestamptz,
  PRIMARY KEY (user_id, code_hash)
);

-- Who has shown the password and not yet the second factor has a row with the context "two_factor".
CREATE OR REPLACE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('fulgur.keep_sessions', true) IS DISTINCT FROM 'yes' THEN
    DELETE FROM user_tokens WHERE user_id = NEW.id AND context IN ('session', 'two_factor');
  END IF;
  RETURN NULL;
END
$$;

CREATE INDEX user_tokens_two_factor_age ON user_tokens (inserted_at) WHERE context = 'two_factor';
