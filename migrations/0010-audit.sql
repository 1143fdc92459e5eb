-- SPDX-License-Identifier: Apache-2.0
--
-- The audit log: every change of what people administer, written by the change itself, so that no program can forget it.

-- No references, no updates: it outlives what it tells of. `before` and `after` hold what has changed; of something new or gone, all.
CREATE TABLE audit_events (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  project_id uuid,                      -- null: of no project
  item_type text NOT NULL,
  item_id uuid NOT NULL,
  event text NOT NULL,
  actor_type text NOT NULL CHECK (actor_type IN ('user', 'program')),
  actor_id uuid,                        -- of a user
  actor_name text,                      -- of a program: fulgurctl, a service
  before json,
  after json,
  inserted_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX audit_events_time ON audit_events (inserted_at, id);
CREATE INDEX audit_events_item ON audit_events (item_id, inserted_at);
CREATE INDEX audit_events_project ON audit_events (project_id, inserted_at) WHERE project_id IS NOT NULL;

CREATE FUNCTION audit_events_are_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'audit events are not changed';
END
$$;
CREATE TRIGGER audit_events_are_final BEFORE UPDATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_events_are_final();

-- A row as it may be shown: secrets, sealed or hashed, are named and not told; what changes with everything is left out.
CREATE FUNCTION audit_row(r jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT coalesce(jsonb_object_agg(key, CASE WHEN key IN ('body', 'username', 'password', 'api_key', 'hashed_password') AND value <> 'null'
                                             THEN to_jsonb(left(encode(sha256(convert_to(value::text, 'UTF8')), 'hex'), 12) || ' (hidden)')
                                             ELSE value END), '{}')
    FROM jsonb_each(r)
   WHERE key NOT IN ('inserted_at', 'updated_at', 'token_hash', 'last_used_at', 'lock_version', 'current_snapshot_id', 'byte_size_sum')
$$;

CREATE FUNCTION audit_write(of_project uuid, of_type text, of_id uuid, what text, old_row jsonb, new_row jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  actor uuid := nullif(current_setting('fulgur.actor', true), '')::uuid;
  changed_before jsonb := old_row;
  changed_after jsonb := new_row;
BEGIN
  -- Sealing the same secret anew with another key changes nothing.
  IF current_setting('fulgur.audit', true) = 'off' THEN
    RETURN;
  END IF;
  IF old_row IS NOT NULL AND new_row IS NOT NULL THEN
    SELECT jsonb_object_agg(key, value), jsonb_object_agg(key, new_row -> key) INTO changed_before, changed_after
      FROM jsonb_each(old_row) WHERE value IS DISTINCT FROM new_row -> key;
    IF changed_after IS NULL THEN
      RETURN;
    END IF;
  END IF;
  INSERT INTO audit_events (project_id, item_type, item_id, event, actor_type, actor_id, actor_name, before, after)
  VALUES (of_project, of_type, of_id, what, CASE WHEN actor IS NULL THEN 'program' ELSE 'user' END, actor,
          CASE WHEN actor IS NULL THEN nullif(current_setting('application_name', true), '') END, changed_before, changed_after);
END
$$;

-- What has a row and an id of its own: created, updated, deleted. A workflow that is marked as deleted is deleted.
CREATE FUNCTION audit_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  row jsonb := coalesce(new_row, old_row);
BEGIN
  PERFORM audit_write(
    CASE TG_ARGV[0] WHEN 'project' THEN (row ->> 'id')::uuid ELSE (row ->> 'project_id')::uuid END, TG_ARGV[0], (row ->> 'id')::uuid,
    CASE WHEN TG_OP = 'INSERT' THEN 'created'
         WHEN TG_OP = 'DELETE' OR (old_row ->> 'deleted_at' IS NULL AND new_row ->> 'deleted_at' IS NOT NULL) THEN 'deleted'
         ELSE 'updated' END,
    audit_row(old_row), audit_row(new_row));
  RETURN NULL;
END
$$;

-- What belongs to an item, which the event is about: argument 0 its type, 1 the column with its id, 2 to 4 what a row more, changed or
-- less means.
CREATE FUNCTION audit_part() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  old_row jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  new_row jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
  row jsonb := coalesce(new_row, old_row);
BEGIN
  PERFORM audit_write((row ->> 'project_id')::uuid, TG_ARGV[0], (row ->> TG_ARGV[1])::uuid,
                      CASE TG_OP WHEN 'INSERT' THEN TG_ARGV[2] WHEN 'UPDATE' THEN TG_ARGV[3] ELSE TG_ARGV[4] END,
                      audit_row(old_row), audit_row(new_row));
  RETURN NULL;
END
$$;

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION audit_item('user');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON projects FOR EACH ROW EXECUTE FUNCTION audit_item('project');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON workflows FOR EACH ROW EXECUTE FUNCTION audit_item('workflow');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON credentials FOR EACH ROW EXECUTE FUNCTION audit_item('credential');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON keychain_credentials
  FOR EACH ROW EXECUTE FUNCTION audit_item('keychain_credential');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON webhook_auth_methods
  FOR EACH ROW EXECUTE FUNCTION audit_item('webhook_auth_method');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON collections FOR EACH ROW EXECUTE FUNCTION audit_item('collection');

CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON project_users
  FOR EACH ROW EXECUTE FUNCTION audit_part('project', 'project_id', 'collaborator_added', 'collaborator_changed', 'collaborator_removed');
CREATE TRIGGER audit AFTER INSERT OR UPDATE OR DELETE ON credential_bodies
  FOR EACH ROW EXECUTE FUNCTION audit_part('credential', 'credential_id', 'body_created', 'body_updated', 'body_deleted');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON project_credentials
  FOR EACH ROW EXECUTE FUNCTION audit_part('credential', 'credential_id', 'added_to_project', '', 'removed_from_project');
CREATE TRIGGER audit AFTER INSERT OR DELETE ON trigger_webhook_auth_methods
  FOR EACH ROW EXECUTE FUNCTION audit_part('webhook_auth_method', 'webhook_auth_method_id', 'added_to_trigger', '', 'removed_from_trigger');
CREATE TRIGGER audit AFTER UPDATE ON triggers
  FOR EACH ROW WHEN (OLD.enabled <> NEW.enabled) EXECUTE FUNCTION audit_part('workflow', 'workflow_id', '', 'trigger_switched', '');
CREATE TRIGGER audit_insert AFTER INSERT ON user_tokens
  FOR EACH ROW WHEN (NEW.context = 'api') EXECUTE FUNCTION audit_part('user', 'user_id', 'token_created', '', '');
CREATE TRIGGER audit_delete AFTER DELETE ON user_tokens
  FOR EACH ROW WHEN (OLD.context = 'api') EXECUTE FUNCTION audit_part('user', 'user_id', '', '', 'token_deleted');

-- A snapshot is told by its number: it is there to be read.
CREATE FUNCTION audit_snapshot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM audit_write(NEW.project_id, 'workflow', NEW.workflow_id, 'snapshot_created', NULL,
                      jsonb_build_object('snapshot_id', NEW.id, 'lock_version', NEW.lock_version, 'name', NEW.name));
  RETURN NULL;
END
$$;
CREATE TRIGGER audit AFTER INSERT ON workflow_snapshots FOR EACH ROW EXECUTE FUNCTION audit_snapshot();
