-- SPDX-License-Identifier: Apache-2.0
--
-- Sessions of people: rows of user_tokens with the context "session". Guesses at secrets are counted.

-- How often somebody has tried since ends_at was set. `subject`: SHA-256 of what is guessed at, or from where. What is lost in a crash is
-- a count of minutes.
CREATE UNLOGGED TABLE attempts (
  subject bytea PRIMARY KEY CHECK (length(subject) = 32),
  n bigint NOT NULL,
  ends_at timestamptz NOT NULL
);
CREATE INDEX attempts_end ON attempts (ends_at);

-- Whether the browser keeps the cookie when it is closed.
ALTER TABLE user_tokens ADD COLUMN remembered boolean NOT NULL DEFAULT false;

CREATE INDEX user_tokens_session_age ON user_tokens (inserted_at) WHERE context = 'session';

-- Who is disabled, about to go or has another password is logged out everywhere, whatever program did it.
CREATE FUNCTION end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('fulgur.keep_sessions', true) IS DISTINCT FROM 'yes' THEN
    DELETE FROM user_tokens WHERE user_id = NEW.id AND context = 'session';
  END IF;
  RETURN NULL;
END
$$;
CREATE TRIGGER end_sessions AFTER UPDATE ON users FOR EACH ROW
  WHEN (OLD.hashed_password IS DISTINCT FROM NEW.hashed_password
        OR (NEW.disabled AND NOT OLD.disabled)
        OR (NEW.scheduled_deletion IS NOT NULL AND OLD.scheduled_deletion IS NULL))
  EXECUTE FUNCTION end_sessions();

-- The same password under another hash: nobody has to know.
CREATE FUNCTION rehash_password(whose uuid, old_hash text, new_hash text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  -- Not as options of the function: only superusers may give it those.
  PERFORM set_config('fulgur.keep_sessions', 'yes', true), set_config('fulgur.audit', 'off', true);
  UPDATE users SET hashed_password = new_hash WHERE id = whose AND hashed_password = old_hash;
  PERFORM set_config('fulgur.keep_sessions', '', true), set_config('fulgur.audit', '', true);
END
$$;
