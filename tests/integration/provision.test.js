// SPDX-License-Identifier: Apache-2.0
//
// Provisioning: projects as documents, as the command line reads and writes them, and what nobody should send.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import Project, { generateVersionHash } from '@openfn/project';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeCredential, makeProject, makeWorkflow, uuid7 } from './lib/fixtures.js';

let db, web, api, superuser, owner, project, other, stranger;

const uuid = () => crypto.randomUUID();
const post = async (body, user = owner, headers = {}) => {
  const reply = await api.request('/api/provision/', {
    method: 'POST', token: user?.token, headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: reply.status, json: reply.json, location: reply.headers.location };
};
const read = async (id, user = owner) => (await api.request(`/api/provision/${id}`, { token: user.token })).json?.data;
const yaml = async (id, user = owner) =>
  api.request(`/api/provision/yaml?id=${id}`, { token: user.token, headers: { accept: 'application/json' } });

/** The workflow of the command line's own test of its hash. */
const example = (values = {}) => {
  const [trigger, a, b] = [uuid(), uuid(), uuid()];
  return {
    id: uuid(), name: 'wf one',
    triggers: [{ id: trigger, type: 'webhook', enabled: true, webhook_reply: 'before_start' }],
    jobs: [
      { id: a, name: 'job a', body: 'fn(s => ({...s, x: 1}))\n', adaptor: '@openfn/language-common@latest' },
      { id: b, name: 'job bee', body: 'fn(s => s)\n', adaptor: '@openfn/language-common@latest' },
    ],
    edges: [
      { id: uuid(), source_trigger_id: trigger, target_job_id: a, condition_type: 'always', enabled: true },
      { id: uuid(), source_job_id: a, target_job_id: b, condition_type: 'js_expression', condition_expression: 'state.data.ok',
        condition_label: 'yes please', enabled: true },
    ],
    ...values,
  };
};
const newProject = async (workflows, values = {}) => {
  const document = { id: uuid(), name: `made-${uuid().slice(0, 8)}`, workflows, ...values };
  const reply = await post(document, superuser);
  assert.equal(reply.status, 201, JSON.stringify(reply.json));
  return reply.json.data;
};
const errorsOf = async (values, workflow = example(), user = superuser) => {
  const reply = await post({ id: uuid(), name: 'wrong', workflows: [workflow], ...values }, user);
  assert.equal(reply.status, 422);
  return reply.json.errors;
};

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  owner = await makeApiUser(db, [[project, 'owner']]);
  stranger = await makeApiUser(db, [[other, 'owner']]);
  superuser = await makeApiUser(db);
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
});

after(async () => {
  assert.deepEqual(api.uncalled().filter((route) => route.includes('provision')), []);
  await web.finish();
  await db.close();
});

describe('a project that is not there yet', () => {
  test('is made by a superuser, who owns it then', async () => {
    const document = { id: uuid(), name: 'first-deploy', description: 'a demo\n', workflows: [example()] };
    const reply = await post(document, superuser);
    assert.deepEqual([reply.status, reply.location], [201, `/api/provision/${document.id}`]);
    const data = await read(document.id, superuser);
    assert.deepEqual(reply.json.data, data);
    assert.equal(data.description, 'a demo\n');
    const [workflow] = data.workflows;
    assert.deepEqual(workflow.triggers, document.workflows[0].triggers);
    assert.deepEqual(workflow.jobs, document.workflows[0].jobs.map((job) => ({ ...job, project_credential_id: null })));
    assert.deepEqual(workflow.edges, document.workflows[0].edges);
    assert.equal(workflow.lock_version, 1);
    assert.deepEqual(workflow.version_history, ['cli:56c77f25ab3f']);
    const member = await db.one('SELECT user_id, role FROM project_users WHERE project_id = $1', [document.id]);
    assert.deepEqual(member, { user_id: superuser.id, role: 'owner' });
  });

  test('is refused to everybody else', async () => {
    const document = { id: uuid(), name: 'not-mine', workflows: [] };
    for (const user of [owner, stranger]) assert.equal((await post(document, user)).status, 403);
    assert.equal((await post(document, null)).status, 401);
    assert.equal(await db.one('SELECT count(*)::int AS n FROM projects WHERE id = $1', [document.id]).then(({ n }) => n), 0);
  });
});

test('webhooks and runs get what was deployed', async () => {
  const data = await newProject([example()]);
  const snapshot = await db.one(
    'SELECT s.jobs, s.triggers, s.edges FROM workflow_snapshots s JOIN workflows w ON w.current_snapshot_id = s.id WHERE w.id = $1',
    [data.workflows[0].id]);
  assert.deepEqual(snapshot.jobs.map(({ name }) => name), ['job a', 'job bee']);
  assert.equal(snapshot.triggers[0].id, data.workflows[0].triggers[0].id);
  assert.equal(snapshot.edges.length, 2);
});

describe('a second document', () => {
  test('that says the same, in either spelling, changes nothing', async () => {
    const data = await newProject([example()], { collections: [{ id: uuid(), name: 'patients' }] });
    const byKey = (list, key) => Object.fromEntries(list.map((entry, i) => [entry[key] ?? `k${i}`, entry]));
    const objects = {
      ...data,
      workflows: byKey(data.workflows.map((workflow) => ({
        ...workflow, jobs: byKey(workflow.jobs, 'name'), triggers: byKey(workflow.triggers, 'type'), edges: byKey(workflow.edges),
      })), 'name'),
    };
    for (const document of [data, objects]) {
      const reply = await post(document, superuser);
      assert.equal(reply.status, 201, JSON.stringify(reply.json));
      assert.deepEqual(reply.json.data, data);
    }
    assert.equal((await db.one('SELECT count(*)::int AS n FROM workflow_snapshots WHERE workflow_id = $1', [data.workflows[0].id])).n, 1);
  });

  test('changes fields that it has and leaves the others', async () => {
    const data = await newProject([example()]);
    const [workflow] = data.workflows;
    const reply = await post({ id: data.id, name: data.name, workflows: [{
      id: workflow.id, jobs: [{ id: workflow.jobs[0].id, body: 'fn(s => 2)' }, { id: workflow.jobs[1].id }],
    }] }, superuser);
    assert.equal(reply.status, 201, JSON.stringify(reply.json));
    const [after] = reply.json.data.workflows;
    assert.deepEqual(after.jobs, [{ ...workflow.jobs[0], body: 'fn(s => 2)' }, workflow.jobs[1]]);
    assert.deepEqual(after.edges, workflow.edges);
    assert.deepEqual(after.triggers, workflow.triggers);
    assert.deepEqual([after.lock_version, after.version_history.length], [2, 2]);
  });

  test('adds behind what is there, and deletes by word or by silence', async () => {
    const data = await newProject([example()]);
    const [workflow] = data.workflows;
    const c = { id: uuid(), name: 'job c', body: 'fn(s => s)' };
    const reply = await post({ ...data, workflows: [{ ...workflow,
      jobs: [c, { id: workflow.jobs[1].id, delete: true }, workflow.jobs[0]],
      edges: [...workflow.edges, { id: uuid(), source_job_id: workflow.jobs[0].id, target_job_id: c.id, condition_type: 'always' }],
    }] }, superuser);
    assert.equal(reply.status, 201, JSON.stringify(reply.json));
    const [after] = reply.json.data.workflows;
    assert.deepEqual(after.jobs.map(({ name }) => name), ['job a', 'job c']);
    assert.equal(after.edges.length, 2, 'the edge to the job that went is gone');
    const silent = await post({ ...data, workflows: [{ ...after, jobs: [after.jobs[0]], edges: [after.edges[0]] }] }, superuser);
    assert.deepEqual(silent.json.data.workflows[0].jobs.map(({ name }) => name), ['job a']);
  });

  test('deletes workflows only when told to, and frees their names', async () => {
    const data = await newProject([example(), example({ name: 'wf two' })]);
    const [one, two] = data.workflows;
    assert.equal((await post({ ...data, workflows: [one] }, superuser)).json.data.workflows.length, 2);
    const gone = await post({ ...data, workflows: [{ id: two.id, delete: true }] }, superuser);
    assert.deepEqual(gone.json.data.workflows.map(({ name }) => name), ['wf one']);
    assert.equal((await db.one('SELECT enabled FROM triggers WHERE id = $1', [two.triggers[0].id])).enabled, false);
    assert.equal((await post({ ...data, workflows: [example({ name: 'wf two' })] }, superuser)).status, 201);
    const again = await post({ ...data, workflows: [{ ...two, name: 'back' }] }, superuser);
    assert.deepEqual([again.status, again.json.errors], [422, { base: ['has an id that belongs to something else'] }]);
  });

  test('makes, renames and deletes collections', async () => {
    const data = await newProject([], { collections: [{ id: uuid(), name: 'a' }, { id: uuid(), name: 'b' }] });
    const [a, b] = data.collections;
    const reply = await post({ ...data, collections: [{ ...a, name: 'c' }, { ...b, delete: true }] }, superuser);
    assert.deepEqual(reply.json.data.collections, [{ ...a, name: 'c' }]);
  });

  test('exchanges webhook paths between triggers', async () => {
    const [x, y] = [example(), example({ name: 'wf two' })];
    x.triggers[0].custom_path = 'x';
    y.triggers[0].custom_path = 'y';
    const data = await newProject([x, y]);
    const swapped = [x, y].map((workflow, i) => ({ ...workflow, triggers: [{ ...workflow.triggers[0], custom_path: 'yx'[i] }] }));
    assert.equal((await post({ ...data, workflows: swapped }, superuser)).status, 201);
    assert.equal((await db.one('SELECT custom_path AS p FROM triggers WHERE id = $1', [x.triggers[0].id])).p, 'y');
  });
});

describe('credentials', () => {
  test('of the caller are linked by name, those of others are not', async () => {
    const mine = await makeCredential(db, null, { main: { a: 1 } });
    await db.query('UPDATE credentials SET user_id = $1 WHERE id = $2', [superuser.id, mine.id]);
    const email = (await db.one('SELECT email FROM users WHERE id = $1', [superuser.id])).email;
    const link = { id: uuid(), name: mine.name, owner: email }, workflow = example();
    workflow.jobs[0].project_credential_id = link.id;
    const data = await newProject([workflow], { project_credentials: [link] });
    assert.deepEqual(data.project_credentials, [link]);
    const { jobs } = await db.one('SELECT s.jobs FROM workflow_snapshots s JOIN workflows w ON w.current_snapshot_id = s.id WHERE w.id = $1',
      [data.workflows[0].id]);
    assert.equal(jobs[0].credential_id, mine.id, 'runs ask for the credential itself');

    assert.deepEqual(await errorsOf({ project_credentials: [{ ...link, id: uuid(), name: 'nothing' }] }),
      { project_credentials: { project_credentials: { credential: ['No credential found with name nothing'] } } });
    const theirs = example();
    theirs.jobs[0].project_credential_id = uuid();
    const wrong = await errorsOf({ project_credentials: [{ id: theirs.jobs[0].project_credential_id, name: mine.name, owner: 'eve@example.org' }] }, theirs);
    assert.deepEqual(wrong.workflows['wf one'].jobs['job a'],
      { project_credential_id: ["credential doesn't exist or isn't available in this project"] });
    theirs.jobs[0].project_credential_id = 'eve@example.org|crm';
    assert.deepEqual((await errorsOf({}, theirs)).workflows['wf one'].jobs['job a'], { project_credential_id: ['is invalid'] });
  });
});

describe("the command line's own library", () => {
  const pulled = async (id) => Project.from('state', await read(id, superuser));
  const odd = () => {
    const [t, ...jobs] = Array.from({ length: 5 }, uuid);
    return example({
      name: 'names of every kind',
      triggers: [{ id: t, type: 'cron', enabled: true, cron_expression: '5 4 * * *', cron_cursor_job_id: jobs[1] }],
      jobs: ['b_2', 'B-1', 'a b', 'A 10'].map((name, i) => ({ id: jobs[i], name, body: `fn(s => ${i})`, adaptor: '@openfn/language-http@7.0.0' })),
      edges: [
        { id: uuid(), source_trigger_id: t, target_job_id: jobs[0], condition_type: 'always', enabled: true },
        ...[[0, 1], [0, 2], [2, 3]].map(([from, to]) => ({
          id: uuid(), source_job_id: jobs[from], target_job_id: jobs[to], condition_type: 'on_job_failure', enabled: to !== 3 })),
      ],
    });
  };

  test('computes the same hashes', async () => {
    const reply = example({ name: 'answers' });
    Object.assign(reply.triggers[0], { webhook_reply: 'after_completion', webhook_response_config: { success_code: 202, error_code: 418 } });
    const data = await newProject([example(), odd(), reply]);
    for (const workflow of (await pulled(data.id)).workflows)
      assert.deepEqual(data.workflows.find(({ name }) => name === workflow.name).version_history, [generateVersionHash(workflow)]);
  });

  test('sends back what it read, and nothing changes', async () => {
    const data = await newProject([example(), odd()]);
    const { parent_id, ...state } = (await pulled(data.id)).serialize('state', { format: 'json' });
    const reply = await post(state, superuser);
    assert.equal(reply.status, 201, JSON.stringify(reply.json));
    assert.deepEqual(reply.json.data, data);
  });
});

describe('what is wrong is told where it is', () => {
  const bad = (change) => { const workflow = example(); change(workflow); return workflow; };
  for (const [what, change, expected] of [
    ['a blank body', (w) => { w.jobs[0].body = ' \n'; }, { jobs: { 'job a': { body: ['Code editor cannot be empty.'] } } }],
    ['no id and no name', (w) => { delete w.jobs[1].id; w.jobs[1].name = ''; w.edges.pop(); },
      { jobs: { '': { id: ["This field can't be blank."], name: ["Job name can't be blank."] } } }],
    ['a name twice', (w) => { w.jobs[1].name = 'job a'; }, { jobs: { 'job a': { name: ['job name has already been taken'] } } }],
    ['a name with a slash', (w) => { w.jobs[0].name = 'a/b'; }, { jobs: { 'a/b': { name: ['Job name has invalid format.'] } } }],
    ['a long name', (w) => { w.jobs[0].name = 'a'.repeat(101); }, { jobs: { ['a'.repeat(101)]: { name: ['Job name should be at most 100 character(s).'] } } }],
    ['no condition', (w) => { w.edges[0].condition_type = null; },
      { edges: { 'webhook->job a': { condition_type: ["This field can't be blank."] } } }],
    ['a condition that triggers have not', (w) => { w.edges[0].condition_type = 'on_job_success'; },
      { edges: { 'webhook->job a': { condition_type: ['must be always or js_expression when source is a trigger'] } } }],
    ['no expression', (w) => { w.edges[1].condition_expression = ' '; },
      { edges: { 'job a->job bee': { condition_expression: ["can't be blank"] } } }],
    ['an expression that is a program', (w) => { w.edges[1].condition_expression = "require('fs')"; },
      { edges: { 'job a->job bee': { condition_expression: ['contains unacceptable words'] } } }],
    ['an edge to itself', (w) => { w.edges[1].target_job_id = w.edges[1].source_job_id; },
      { edges: { 'job a->job a': { target_job_id: ['target_job_id must be different from source_job_id'] } } }],
    ['an edge to nowhere', (w) => { w.edges[1].target_job_id = uuid(); },
      { edges: { 'job a->': { target_job_id: ["job doesn't exist, or is not in the same workflow"] } } }],
    ['kafka', (w) => { w.triggers[0].type = 'kafka'; }, { triggers: { kafka: { type: ['is invalid'] } } }],
    ['a cron expression', (w) => { Object.assign(w.triggers[0], { type: 'cron', cron_expression: '61 * * * *' }); },
      { triggers: { cron: { cron_expression: ['has an invalid minute field'] } } }],
    ['a custom path', (w) => { w.triggers[0].custom_path = 'A b'; },
      { triggers: { webhook: { custom_path: ['may hold only a-z, 0-9, _ and -'] } } }],
    ['unknown keys', (w) => { w.jobs[0].colour = 1; w.jobs[0].shape = 2; },
      { jobs: { 'job a': { base: ['extraneous parameters: colour, shape'] } } }],
    ['deleting what is not there', (w) => { w.jobs.push({ id: uuid(), delete: true }); },
      { jobs: { '': { delete: ['cannot change or add a record while deleting'] } } }],
    ['an id twice', (w) => { w.jobs.push({ ...w.jobs[0], name: 'job x' }); }, { jobs: { 'job x': { id: ['has already been taken'] } } }],
    ['parts that are none', (w) => { w.edges = [1]; }, { edges: { '': { base: ['is invalid'] } } }],
    ['lists that are none', (w) => { w.edges = 'x'; }, { edges: ['is invalid'] }],
  ])
    test(what, async () => assert.deepEqual(await errorsOf({}, bad(change)), { workflows: { 'wf one': expected } }));

  test('in the project itself', async () => {
    assert.deepEqual(await errorsOf({ name: '', workflows: [] }), { name: ["This field can't be blank."] });
    assert.deepEqual(await errorsOf({ name: 'A b', workflows: [], extra: 1 }),
      { name: ['has invalid format'], base: ['extraneous parameters: extra'] });
    assert.deepEqual(await errorsOf({ description: 'x'.repeat(241), workflows: [] }), { description: ['should be at most 240 character(s)'] });
    assert.deepEqual(await errorsOf({ workflows: [], collections: [{ id: uuid(), name: 'A b', colour: 1 }] }),
      { collections: { collections: { base: ['extraneous parameters: colour'], name: ['Collection name must be URL safe'] } } });
    assert.deepEqual(await errorsOf({ workflows: [], channels: [{ id: uuid() }] }),
      { channels: { channels: { base: ['channels are not supported by this server'] } } });
    assert.deepEqual((await errorsOf({ workflows: [example(), example()] })).workflows['wf one'],
      { name: ['a workflow with this name already exists in this project.'] });
    assert.deepEqual((await errorsOf({ workflows: [example({ name: 'x_del3' })] })).workflows['x_del3'],
      { name: ['cannot end with _del followed by digits'] });
    for (const [id, message] of [[undefined, "This field can't be blank."], ['x', 'is invalid'], [7, 'is invalid']]) {
      const reply = await post({ id, name: 'x', workflows: [] }, superuser);
      assert.deepEqual([reply.status, reply.json], [422, { errors: { id: [message] } }]);
    }
  });

  test('nothing of it is saved', async () => {
    const document = { id: uuid(), name: 'half', workflows: [example(), bad((w) => { w.name = 'wf two'; w.jobs[0].body = ''; })] };
    assert.equal((await post(document, superuser)).status, 422);
    assert.equal((await db.one('SELECT count(*)::int AS n FROM projects WHERE id = $1', [document.id])).n, 0);
  });
});

test('who may: by role, for projects that are there, deleted, unknown', async () => {
  const roles = ['viewer', 'editor', 'admin', 'owner'];
  const members = Object.fromEntries(await Promise.all(roles.map(async (role) => [role, await makeApiUser(db, [[project, role], [other, role]])])));
  const support = await makeApiUser(db);
  await db.query('UPDATE users SET support_user = true WHERE id = $1', [support.id]);
  const disabled = await makeApiUser(db, [[project, 'owner']]);
  await db.query('UPDATE users SET disabled = true WHERE id = $1', [disabled.id]);
  const deleted = await makeProject(db);
  for (const user of [...Object.values(members), owner])
    await db.query("INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, 'owner')", [deleted.id, user.id]);
  await db.query('UPDATE projects SET scheduled_deletion = now() WHERE id = $1', [deleted.id]);
  const statuses = async (user, { id, name }) => [
    (await api.request(`/api/provision/${id}`, { token: user?.token })).status, (await yaml(id, user ?? {})).status,
    (await post({ id, name }, user)).status];

  await makeWorkflow(db, project);
  for (const role of ['viewer', 'editor']) assert.deepEqual(await statuses(members[role], project), [200, 200, 403], role);
  for (const role of ['admin', 'owner']) assert.deepEqual(await statuses(members[role], project), [200, 200, 201], role);
  for (const user of [stranger, superuser, support]) assert.deepEqual(await statuses(user, project), [403, 403, 403]);
  await db.query('UPDATE projects SET allow_support_access = true WHERE id = $1', [project.id]);
  assert.deepEqual(await statuses(support, project), [200, 200, 403]);
  for (const user of [null, disabled]) assert.deepEqual(await statuses(user, project), [401, 401, 401]);
  for (const user of [owner, ...Object.values(members)]) assert.deepEqual(await statuses(user, deleted), [403, 403, 403]);
  assert.deepEqual(await statuses(owner, { id: uuid(), name: 'x' }), [404, 404, 403]);
  assert.equal((await api.get(owner, '/api/provision/no-id')).status, 400);
  assert.equal((await api.get(owner, '/api/provision/yaml')).status, 400);
  assert.equal((await api.get(owner, '/api/provision/')).status, 404);

  await db.query('UPDATE projects SET requires_mfa = true WHERE id = $1', [project.id]);
  assert.deepEqual(await statuses(members.owner, project), [403, 403, 403]);
  await db.query('UPDATE users SET mfa_enabled = true WHERE id = $1', [members.owner.id]);
  assert.deepEqual(await statuses(members.owner, project), [200, 200, 201]);
  await db.query('UPDATE projects SET requires_mfa = false WHERE id = $1', [project.id]);
});

test('ids of other projects are refused, and nothing of theirs is touched', async () => {
  const theirs = await makeWorkflow(db, other);
  const before = await read(other.id, stranger);
  const taken = [
    example({ id: theirs.id }),
    example({ jobs: [{ id: theirs.jobs[0].id, name: 'mine', body: 'x' }], edges: [] }),
    example({ triggers: [{ id: theirs.trigger.id, type: 'webhook' }], edges: [] }),
  ];
  for (const workflow of taken) {
    const reply = await post({ id: project.id, name: project.name, workflows: [workflow] });
    assert.deepEqual([reply.status, reply.json.errors], [422, { base: ['has an id that belongs to something else'] }]);
  }
  assert.deepEqual(await read(other.id, stranger), before);
  const moved = await newProject([example(), example({ name: 'wf two' })]);
  const [one, two] = moved.workflows;
  const reply = await post({ ...moved, workflows: [{ ...one, jobs: [...one.jobs, { ...two.jobs[0], name: 'moved' }] }] }, superuser);
  assert.equal(reply.status, 422, 'a job does not move between workflows');
});

test('a version that was is read by its snapshot', async () => {
  const data = await newProject([example()]);
  const [workflow] = data.workflows;
  const { id } = await db.one('SELECT current_snapshot_id AS id FROM workflows WHERE id = $1', [workflow.id]);
  await post({ ...data, workflows: [{ id: workflow.id, name: 'renamed' }] }, superuser);
  const reply = await api.get(superuser, `/api/provision/${data.id}?snapshots%5B%5D=${id}&snapshots[]=${uuid()}`);
  const [old] = reply.json.data.workflows;
  assert.deepEqual([old.name, old.lock_version, old.version_history], ['wf one', 1, undefined]);
  assert.deepEqual(old.jobs, workflow.jobs);
  assert.equal((await api.get(superuser, `/api/provision/${data.id}?snapshots[]=x`)).status, 400);
  const foreign = await api.get(stranger, `/api/provision/${other.id}?snapshots[]=${id}`);
  assert.deepEqual(foreign.json.data.workflows, [], 'a snapshot of another project is none');
});

test('workflows saved before versions were kept get one when they are read', async () => {
  const fresh = await makeProject(db);
  const user = await makeApiUser(db, [[fresh, 'viewer']]);
  const workflow = await makeWorkflow(db, fresh);
  const first = await read(fresh.id, user);
  assert.match(first.workflows[0].version_history[0], /^app:[0-9a-f]{12}$/);
  assert.deepEqual(await read(fresh.id, user), first);
  assert.equal((await db.one('SELECT count(*)::int AS n FROM workflow_versions WHERE workflow_id = $1', [workflow.id])).n, 1);
});

test('several at once: each is stored whole, or refused', async () => {
  const data = await newProject([example()]);
  const [workflow] = data.workflows;
  const replies = await Promise.all(Array.from({ length: 8 }, (_, i) =>
    post({ ...data, workflows: [{ id: workflow.id, jobs: workflow.jobs.map((job) => ({ ...job, body: `fn(${i})` })) }] }, superuser)));
  const stored = replies.filter(({ status }) => status === 201).length;
  assert.ok(stored >= 1 && replies.every(({ status }) => status === 201 || status === 409), replies.map(({ status }) => status).join());
  const after = await read(data.id, superuser);
  assert.equal(new Set(after.workflows[0].jobs.map(({ body }) => body)).size, 1);
  assert.equal(after.workflows[0].lock_version, 1 + stored);
  assert.equal((await db.one('SELECT count(*)::int AS n FROM workflow_snapshots WHERE workflow_id = $1', [workflow.id])).n, 1 + stored);
});

describe('what nobody should send', () => {
  test('bodies that are no document', async () => {
    for (const body of ['{', '\0', '\xff{}', '{"id":"a"', 'id=1']) assert.equal((await post(body, superuser)).status, 400, body);
    for (const body of ['[]', '"x"', '1', 'null', '', '{}']) assert.equal((await post(body, superuser)).status, 422, body);
    const form = await post(`id=${uuid()}&name=x`, superuser, { 'content-type': 'application/x-www-form-urlencoded' });
    assert.equal(form.status, 422);
  });

  test('packed ones: gzip is unpacked, as far as bodies may go', async () => {
    const document = JSON.stringify({ id: uuid(), name: 'packed', workflows: [] });
    const send = (body, encoding, token = superuser.token) => api.request('/api/provision', { method: 'POST', token, body,
      headers: { 'content-type': 'application/json', 'content-encoding': encoding, 'content-length': body.length } });
    assert.equal((await send(gzipSync(document), 'gzip')).json.data.name, 'packed');
    assert.equal((await send(document, 'identity')).status, 201);
    assert.equal((await send(document, 'gzip')).status, 400, 'what is no gzip');
    assert.equal((await send(gzipSync(document).subarray(0, 40), 'gzip')).status, 400, 'what is cut off');
    for (const encoding of ['br', 'deflate', 'gzip, gzip']) assert.equal((await send(document, encoding)).status, 415, encoding);
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '));
    assert.deepEqual([(await send(bomb, 'gzip')).status, (await send(bomb, 'gzip', null)).status], [413, 401]);
  });

  test('large and deep ones', async () => {
    const jobs = Array.from({ length: 2001 }, (_, i) => ({ id: uuid(), name: `j${i}`, body: 'x' }));
    assert.deepEqual((await errorsOf({}, example({ jobs, edges: [] }))).workflows['wf one'], { jobs: ['has too many entries'] });
    const deep = await post(`{"id":"${uuid()}","name":"x","workflows":${'['.repeat(100000)}${']'.repeat(100000)}}`, superuser);
    assert.equal(deep.status, 422);
    const wrong = Array.from({ length: 2000 }, (_, i) => ({ id: 'no', name: `j${i}`, x: 1 }));
    const reply = await post({ id: uuid(), name: 'x', workflows: [example({ jobs: wrong, edges: [] })] }, superuser);
    assert.ok(JSON.stringify(reply.json).length < 100_000, 'complaints are limited');
  });

  test('equal keys, NULs, what is no text', async () => {
    const id = uuid();
    const reply = await post(`{"id":"${id}","name":"first","name":"second","workflows":[]}`, superuser);
    assert.equal(reply.json.data.name, 'second');
    const nul = await post({ id: uuid(), name: 'a\0b', workflows: [] }, superuser);
    assert.equal(nul.status, 422);
    const body = await newProject([example({ jobs: [{ id: uuid(), name: 'j', body: 'fn("\0")' }], edges: [] })]);
    assert.equal(body.workflows[0].jobs[0].body, 'fn("\ufffd")');
    assert.deepEqual((await errorsOf({}, example({ name: { a: 1 } }))).workflows[''].name[0], 'is invalid');
  });
});
