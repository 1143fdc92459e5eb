-- SPDX-License-Identifier: Apache-2.0
--
-- Versions of workflows, for the command line; and who may replace a project by a document.

-- Append-only. The hash covers what the command line knows of a workflow; it compares the newest with its own.
CREATE TABLE workflow_versions (
  id uuid PRIMARY KEY,
  project_id uuid NOT NULL,
  workflow_id uuid NOT NULL,
  hash text NOT NULL CHECK (hash ~ '^[0-9a-f]{12}$'),
  source text NOT NULL CHECK (source IN ('app', 'cli')),
  inserted_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (project_id, workflow_id) REFERENCES workflows (project_id, id) ON DELETE CASCADE
);
CREATE INDEX workflow_versions_workflow ON workflow_versions (workflow_id, inserted_at, id);

-- The rights that roles have in a project; one table for all that decides, and for the test that tries it.
CREATE TABLE rights (
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'editor', 'admin', 'owner', 'support')),
  PRIMARY KEY (name, role)
);
INSERT INTO rights (name, role)
VALUES ('read_project', 'viewer'), ('read_project', 'editor'), ('read_project', 'admin'), ('read_project', 'owner'),
       ('use_collection', 'viewer'), ('use_collection', 'editor'), ('use_collection', 'admin'), ('use_collection', 'owner'),
       ('read_document', 'viewer'), ('read_document', 'editor'), ('read_document', 'admin'), ('read_document', 'owner'),
       ('read_document', 'support'),
       ('write_document', 'admin'), ('write_document', 'owner'),
       ('edit_workflows', 'editor'), ('edit_workflows', 'admin'), ('edit_workflows', 'owner');

-- Has the user that right in the project? A project that is scheduled for deletion is open to nobody; one that requires a second
-- factor, to those who have one.
CREATE FUNCTION has_right(asker uuid, project uuid, wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM projects p
      JOIN users u ON u.id = asker
      LEFT JOIN project_users m ON m.project_id = p.id AND m.user_id = u.id
      JOIN rights r ON r.name = wanted
       AND (r.role = m.role OR (r.role = 'support' AND u.support_user AND p.allow_support_access))
     WHERE p.id = project AND p.scheduled_deletion IS NULL AND (u.mfa_enabled OR NOT p.requires_mfa))
$$;

-- The first statement of whoever changes a project's workflows: may they, and is the project still as they read it? `versions`: the
-- lock_version of each workflow then; `new_ids`: what is to be made. Holds the project until the transaction ends, and says whose
-- it is (fulgur.actor).
CREATE FUNCTION document_begin(asker uuid, project uuid, wanted text, is_new boolean, workflow_ids uuid[], versions bigint[],
                               new_ids uuid[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('fulgur.actor', asker::text, true);
  PERFORM FROM projects WHERE id = project FOR NO KEY UPDATE;
  IF is_new AND FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'FX410', MESSAGE = 'the project has been made meanwhile';
  END IF;
  IF NOT (CASE WHEN is_new THEN EXISTS (SELECT FROM users WHERE id = asker AND role = 'superuser')
              ELSE has_right(asker, project, wanted) END) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'the project is not open to the user';
  END IF;
  IF EXISTS (SELECT FROM (SELECT id, lock_version FROM workflows WHERE project_id = project AND deleted_at IS NULL) w
               FULL JOIN unnest(workflow_ids, versions) AS v (id, lock_version) ON v.id = w.id
              WHERE w.lock_version IS DISTINCT FROM v.lock_version) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX410', MESSAGE = 'the project has changed meanwhile';
  END IF;
  -- An id is one thing's for good, in whichever project that is.
  IF EXISTS (SELECT FROM workflows WHERE id = ANY (new_ids) UNION ALL SELECT FROM jobs WHERE id = ANY (new_ids)
             UNION ALL SELECT FROM triggers WHERE id = ANY (new_ids)
             UNION ALL SELECT FROM workflow_edges WHERE id = ANY (new_ids)
             UNION ALL SELECT FROM collections WHERE id = ANY (new_ids)
             UNION ALL SELECT FROM project_credentials WHERE id = ANY (new_ids)) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX422', MESSAGE = 'an id is taken';
  END IF;
END
$$;
