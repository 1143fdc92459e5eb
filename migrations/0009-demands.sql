-- SPDX-License-Identifier: Apache-2.0
--
-- What people change over HTTP, and who may.

INSERT INTO rights (name, role)
VALUES ('run_workflow', 'editor'), ('run_workflow', 'admin'), ('run_workflow', 'owner'),
       ('edit_project', 'admin'), ('edit_project', 'owner'),
       ('manage_members', 'admin'), ('manage_members', 'owner'),
       ('manage_collections', 'admin'), ('manage_collections', 'owner'),
       ('share_credential', 'editor'), ('share_credential', 'admin'), ('share_credential', 'owner');

-- The first statement of a change: ends the transaction unless the user has the right, and says whose it is (fulgur.actor).
CREATE FUNCTION demand_right(asker uuid, project uuid, wanted text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('fulgur.actor', asker::text, true);
  IF NOT EXISTS (SELECT FROM projects WHERE id = project) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX404', MESSAGE = 'there is no such project';
  END IF;
  IF NOT has_right(asker, project, wanted) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'the project is not open to the user';
  END IF;
END
$$;

-- The same for whoever puts a project at an id: a new one is a superuser's.
CREATE FUNCTION demand_project(asker uuid, project uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('fulgur.actor', asker::text, true);
  IF NOT (CASE WHEN EXISTS (SELECT FROM projects WHERE id = project) THEN has_right(asker, project, 'edit_project')
               ELSE EXISTS (SELECT FROM users WHERE id = asker AND role = 'superuser') END) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'the project is not open to the user';
  END IF;
END
$$;

-- May the user share a credential with each of these projects? One that is not there is none of theirs.
CREATE FUNCTION demand_sharing(asker uuid, project_ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('fulgur.actor', asker::text, true);
  IF EXISTS (SELECT FROM unnest(project_ids) AS p (id) WHERE NOT has_right(asker, p.id, 'share_credential')) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX403', MESSAGE = 'a project is not open to the user';
  END IF;
END
$$;

-- May a run of that workflow start there, from that input? `of_dataclip` null: it brings its own.
CREATE FUNCTION demand_start(project uuid, of_workflow uuid, of_trigger uuid, of_job uuid, of_dataclip uuid) RETURNS void
LANGUAGE plpgsql STABLE AS $$
DECLARE
  dataclip record;
BEGIN
  IF NOT EXISTS (
    SELECT FROM workflows w
     WHERE w.id = of_workflow AND w.project_id = project AND w.deleted_at IS NULL
       AND (EXISTS (SELECT FROM triggers t WHERE t.id = of_trigger AND t.workflow_id = w.id)
            OR EXISTS (SELECT FROM jobs j WHERE j.id = of_job AND j.workflow_id = w.id))) THEN
    RAISE EXCEPTION USING ERRCODE = 'FX404', MESSAGE = 'the workflow has no such job or trigger';
  END IF;
  IF of_dataclip IS NOT NULL THEN
    SELECT body_state INTO dataclip FROM dataclips WHERE id = of_dataclip AND project_id = project;
    IF NOT FOUND THEN
      RAISE EXCEPTION USING ERRCODE = 'FX404', MESSAGE = 'there is no such dataclip';
    END IF;
    IF dataclip.body_state <> 'stored' THEN
      RAISE EXCEPTION USING ERRCODE = 'FX422', MESSAGE = 'the dataclip has been wiped';
    END IF;
  END IF;
END
$$;
