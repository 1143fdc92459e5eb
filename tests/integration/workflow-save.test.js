// SPDX-License-Identifier: Apache-2.0
//
// Workflows made and changed through the REST API: who may, what is kept, what is refused and in which words.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeCredential, makeProject, makeWorkflow } from './lib/fixtures.js';

let db, web, api, project, other, editor, both;

const uuid = () => crypto.randomUUID();
const ask = async (method, path, body, user = editor, headers = {}) => {
  const reply = await api.request(`/api/projects/${path}`, {
    method, token: user?.token, headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return [reply.status, reply.json];
};
const create = (body, user) => ask('POST', `${project.id}/workflows`, body, user);
const change = (id, body, user, method = 'PATCH') => ask(method, `${project.id}/workflows/${id}`, body, user);

let count = 0;
const example = (edit = () => {}) => {
  const [trigger, a, b] = [uuid(), uuid(), uuid()];
  const workflow = {
    name: `workflow of the API ${++count}`,
    triggers: [{ id: trigger, type: 'webhook', enabled: true }],
    jobs: [{ id: a, name: 'Fetch', body: 'fn(s => s)', adaptor: '@openfn/language-http@latest' }, { id: b, name: 'Store', body: 'fn(s => 1)' }],
    edges: [
      { source_trigger_id: trigger, target_job_id: a, condition_type: 'always', enabled: true },
      { source_job_id: a, target_job_id: b, condition_type: 'on_job_success' },
    ],
  };
  edit(workflow);
  return workflow;
};
const made = async (edit) => {
  const [status, reply] = await create(example(edit));
  assert.equal(status, 201, JSON.stringify(reply));
  return reply.workflow;
};
const refused = async (edit, errors) => {
  const body = example(edit);
  assert.deepEqual(await create(body), [422, { id: null, errors: typeof errors === 'function' ? errors(body) : errors }]);
};

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  editor = await makeApiUser(db, [[project, 'editor']]);
  both = await makeApiUser(db, [[project, 'editor'], [other, 'editor']]);
});

after(async () => {
  assert.deepEqual(api.uncalled().filter((route) => /^(POST|PUT|PATCH) \/api\/.*workflows/.test(route)), []);
  await web.finish();
  await db.close();
});

test('a new one gets ids of the server, joined as the client joined its own', async () => {
  const body = example();
  const [status, { workflow, errors }] = await create({ ...body, id: uuid() });
  assert.deepEqual([status, errors, workflow.name, workflow.project_id], [201, {}, body.name, project.id]);
  const sent = [...body.jobs, ...body.triggers].map(({ id }) => id);
  for (const { id } of [...workflow.jobs, ...workflow.triggers]) assert.ok(!sent.includes(id));
  const [start, next] = workflow.edges;
  assert.deepEqual([start.source_trigger_id, start.target_job_id], [workflow.triggers[0].id, workflow.jobs[0].id]);
  assert.deepEqual([next.source_job_id, next.target_job_id], [workflow.jobs[0].id, workflow.jobs[1].id]);
  assert.equal(workflow.jobs[1].adaptor, '@openfn/language-common@latest');
  const row = await db.one(
    `SELECT w.lock_version::int AS version, s.jobs, v.source FROM workflows w JOIN workflow_snapshots s ON s.id = w.current_snapshot_id
       JOIN workflow_versions v ON v.workflow_id = w.id WHERE w.id = $1`, [workflow.id]);
  assert.deepEqual([row.version, row.source, row.jobs.map(({ name }) => name)], [1, 'app', ['Fetch', 'Store']]);
  assert.deepEqual((await api.get(editor, `/api/workflows/${workflow.id}`)).json.workflow, workflow);
});

test('a change keeps what it does not name, and ids', async () => {
  const workflow = await made();
  for (const method of ['PUT', 'PATCH']) {
    const [status, reply] = await change(workflow.id, { name: `renamed by ${method}` }, editor, method);
    assert.equal(status, 200);
    assert.deepEqual({ ...reply.workflow, name: 0, updated_at: 0 }, { ...workflow, name: 0, updated_at: 0 });
  }
  const [job, other_job] = workflow.jobs;
  const [, { workflow: after }] = await change(workflow.id, { jobs: [{ id: job.id, body: 'fn(s => 2)' }, { id: other_job.id }] });
  assert.deepEqual(after.jobs, [{ ...job, body: 'fn(s => 2)' }, other_job]);
  const added = { id: uuid(), name: 'Third', body: 'x' };
  const [status, { workflow: more }] = await change(workflow.id, {
    jobs: [...after.jobs, added], edges: [...after.edges, { id: uuid(), source_job_id: job.id, target_job_id: added.id, condition_type: 'always' }] });
  assert.equal(status, 200);
  assert.equal(more.jobs[2].id, added.id);
  const [, { workflow: less }] = await change(workflow.id, { jobs: more.jobs.slice(0, 2), edges: more.edges.slice(0, 2) });
  assert.equal(less.jobs.length, 2);
  assert.equal((await db.one('SELECT count(*)::int AS n FROM workflow_snapshots WHERE workflow_id = $1', [workflow.id])).n, 6);
});

test('saying the same again makes no version', async () => {
  const workflow = await made();
  assert.deepEqual(await change(workflow.id, workflow, editor, 'PUT'), [200, { workflow, errors: {} }]);
  assert.deepEqual(await change(workflow.id, {}), [200, { workflow, errors: {} }]);
  assert.equal((await db.one('SELECT lock_version::int AS n FROM workflows WHERE id = $1', [workflow.id])).n, 1);
});

describe('what is refused', () => {
  const blank = ["This field can't be blank."];
  for (const [what, edit, errors] of [
    ['no name', (w) => { delete w.name; }, { name: blank }],
    ['no lists', (w) => { w.jobs = w.triggers = undefined; delete w.edges; }, { jobs: blank, triggers: blank, edges: blank }],
    ['a job without an id', (w) => { delete w.jobs[0].id; }, { workflow: ['All jobs and triggers should have an id (UUID).'] }],
    ['an id that is none', (w) => { w.triggers[0].id = 'x'; }, { workflow: ['Id x should be a UUID.'] }],
    ['the id of another project', (w) => { w.project_id = uuid(); }, { project_id: ['The project_id of the body does not match the one the path.'] }],
    ['a project id that is none', (w) => { w.project_id = 'p'; }, { project_id: ['The project_id is not a UUID.'] }],
    ['no start', (w) => { w.edges.shift(); }, (w) => ({ edges: ['Missing edge with source_trigger_id.'] })],
    ['two starts', (w) => { w.edges.push({ ...w.edges[0], target_job_id: w.jobs[1].id }); }, { edges: ['source_trigger_id must have a single target.'] }],
    ['a job apart', (w) => { w.edges.pop(); }, (w) => ({ jobs: [`The jobs ["${w.jobs[1].id}"] should be present both in the jobs and on an edge.`] })],
    ['a circle', (w) => { w.edges.push({ source_job_id: w.jobs[1].id, target_job_id: w.jobs[0].id, condition_type: 'always' }); },
      (w) => ({ edges: [`Cycle detected on job ${w.jobs[0].id}.`] })],
    ['two triggers that are on', (w) => { w.triggers.push({ id: uuid(), type: 'cron', enabled: true }); },
      { triggers: ['A workflow can have only one trigger enabled at a time.'] }],
    ['a blank job', (w) => { w.jobs[0].body = ''; w.jobs[0].name = 'a/b'; },
      (w) => ({ jobs: [`Job ${w.jobs[0].id} has the errors: [name: Job name has invalid format., body: Code editor cannot be empty.]`] })],
    ['a trigger of no kind', (w) => { w.triggers[0].type = 'moon'; }, (w) => ({ triggers: [`Trigger ${w.triggers[0].id} has the errors: [type: is invalid]`] })],
    ['a credential of others', (w) => { w.jobs[0].project_credential_id = uuid(); },
      (w) => ({ jobs: [`Job ${w.jobs[0].id} has the errors: [project_credential_id: credential doesn't exist or isn't available in this project]`] })],
  ])
    test(what, () => refused(edit, errors));

  test('a name that is taken, a path that is taken', async () => {
    const workflow = await made((w) => { w.triggers[0].custom_path = 'taken'; });
    await refused((w) => { w.name = workflow.name; }, { name: ['a workflow with this name already exists in this project.'] });
    await refused((w) => { w.triggers[0].custom_path = 'taken'; }, { triggers: ['custom_path has already been taken'] });
  });

  test('another trigger in the place of the one that is there, and ids of other workflows', async () => {
    const [one, two] = [await made(), await made()];
    const trigger = { id: uuid(), type: 'webhook', enabled: true };
    const [status, { errors }] = await change(one.id, { triggers: [trigger], edges: [{ ...one.edges[0], source_trigger_id: trigger.id }, one.edges[1]] });
    assert.deepEqual([status, errors], [422, { triggers: ['A trigger cannot be replaced, only edited or added.'] }]);
    const stolen = { ...two.jobs[1], name: 'stolen' };
    const reply = await change(one.id, { jobs: [...one.jobs, stolen], edges: [...one.edges, { id: uuid(), source_job_id: one.jobs[0].id, target_job_id: stolen.id, condition_type: 'always' }] });
    assert.deepEqual(reply, [422, { id: one.id, errors: { workflow: ['An id of a job, trigger or edge belongs to something else.'] } }]);
    assert.deepEqual(await change(one.id, { id: two.id }), [422, { id: one.id, errors: { id: ["Workflow ID doesn't match with the one on the path."] } }]);
  });

  test('bodies that are no workflow', async () => {
    for (const body of ['{', '\0', '{"name":}']) assert.deepEqual(await create(body), [400, { error: 'Bad Request' }]);
    for (const body of ['[]', '1', '""', 'null', '']) assert.equal((await create(body))[0], 422, body);
    for (const list of [1, 'x', { a: 1 }, [1], [[]], [null]]) assert.equal((await create({ ...example(), jobs: list }))[0], 422, JSON.stringify(list));
    for (const list of [1, 'x', [1], [{}]]) assert.equal((await create({ ...example(), edges: list }))[0], 422, JSON.stringify(list));
    assert.equal((await create({ ...example(), name: 'x'.repeat(256) }))[0], 422);
    assert.equal((await ask('POST', `${project.id}/workflows`, 'name=x', editor, { 'content-type': 'application/x-www-form-urlencoded' }))[0], 422);
    const chain = (n) => (w) => {
      w.jobs = Array.from({ length: n }, (_, i) => ({ id: uuid(), name: `j${i}`, body: 'x' }));
      w.edges = [{ ...w.edges[0], target_job_id: w.jobs[n - 1].id }, ...w.jobs.slice(1).map((job, i) => ({ source_job_id: job.id, target_job_id: w.jobs[i].id, condition_type: 'always' }))];
    };
    assert.equal((await create(example(chain(1000))))[0], 201, 'a long chain, backwards');
    await refused(chain(2001), { jobs: ['has too many entries'], edges: ['has too many entries'] });
  });

  test('nothing is half saved', async () => {
    const body = example((w) => { w.jobs[1].body = ''; });
    await create(body);
    assert.equal((await db.one('SELECT count(*)::int AS n FROM workflows WHERE name = $1', [body.name])).n, 0);
  });
});

test('who may, and where', async () => {
  const users = Object.fromEntries(await Promise.all(['viewer', 'editor', 'admin', 'owner'].map(async (role) => [role, await makeApiUser(db, [[project, role]])])));
  const [stranger, superuser, disabled] = [await makeApiUser(db, [[other, 'owner']]), await makeApiUser(db), await makeApiUser(db, [[project, 'owner']])];
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
  await db.query('UPDATE users SET disabled = true WHERE id = $1', [disabled.id]);
  const workflow = await made();
  const statuses = async (user) => [(await create(example(), user))[0], (await change(workflow.id, {}, user))[0]];
  for (const role of ['editor', 'admin', 'owner']) assert.deepEqual(await statuses(users[role]), [201, 200], role);
  for (const user of [users.viewer, stranger, superuser]) assert.deepEqual(await statuses(user), [403, 403]);
  for (const user of [null, disabled]) assert.deepEqual(await statuses(user), [401, 401]);

  const elsewhere = await makeWorkflow(db, other), nowhere = uuid();
  assert.deepEqual(await change(elsewhere.id, {}), [404, { id: elsewhere.id, errors: ['Not Found'] }]);
  assert.deepEqual(await change(elsewhere.id, {}, both), [400, { error: 'Bad Request' }]);
  assert.deepEqual(await change(nowhere, {}), [404, { id: nowhere, errors: ['Not Found'] }]);
  assert.deepEqual(await ask('POST', `${nowhere}/workflows`, example()), [404, { id: null, errors: ['Not Found'] }]);
  assert.deepEqual(await ask('POST', 'x/workflows', example()), [422, { id: null, errors: { workflow: ['Id x should be a UUID.'] } }]);
  assert.deepEqual(await change('x', {}), [422, { id: null, errors: { workflow: ['Id x should be a UUID.'] } }]);
  const doomed = await makeProject(db);
  await db.query("INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, 'owner')", [doomed.id, editor.id]);
  await db.query('UPDATE projects SET scheduled_deletion = now() WHERE id = $1', [doomed.id]);
  assert.equal((await ask('POST', `${doomed.id}/workflows`, example()))[0], 403);
});

test('jobs use credentials of the project', async () => {
  const credential = await makeCredential(db, project, { main: { a: 1 } });
  const workflow = await made((w) => { w.jobs[0].project_credential_id = credential.project_credential_id; });
  const { jobs } = await db.one('SELECT s.jobs FROM workflows w JOIN workflow_snapshots s ON s.id = w.current_snapshot_id WHERE w.id = $1', [workflow.id]);
  assert.equal(jobs[0].credential_id, credential.id);
});

test('several at once: each change is there, or refused', async () => {
  const workflow = await made();
  const replies = await Promise.all(Array.from({ length: 6 }, (_, i) => change(workflow.id, { name: `at once ${i} ${workflow.id}` })));
  const stored = replies.filter(([status]) => status === 200).length;
  assert.ok(stored >= 1 && replies.every(([status]) => status === 200 || status === 409), JSON.stringify(replies.map(([status]) => status)));
  assert.equal((await db.one('SELECT lock_version::int AS n FROM workflows WHERE id = $1', [workflow.id])).n, 1 + stored);
});
