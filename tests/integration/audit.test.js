// SPDX-License-Identifier: Apache-2.0
//
// The audit log: written by every change, read by superusers, holding no secret, changed by nobody.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeCredential, makeProject, uuid7 } from './lib/fixtures.js';

let db, web, api, superuser, owner, project;

const uuid = () => crypto.randomUUID();
const events = async (query, user = superuser) => (await api.get(user, `/api/audit_events?${new URLSearchParams({ page_size: 100, ...query })}`)).json.data;
const told = (list) => list.map(({ attributes: { item_type, event } }) => `${item_type} ${event}`).sort();
const provision = async (body, user) => {
  const reply = await api.request('/api/provision', { method: 'POST', token: user.token, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(reply.status, 201, reply.body);
  return reply.json.data;
};
const workflow = () => {
  const [trigger, job] = [uuid(), uuid()];
  return { id: uuid(), name: 'daily', triggers: [{ id: trigger, type: 'webhook', enabled: true }], jobs: [{ id: job, name: 'j', body: 'fn(s => s)' }],
    edges: [{ id: uuid(), source_trigger_id: trigger, target_job_id: job, condition_type: 'always' }] };
};

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  project = await makeProject(db);
  owner = await makeApiUser(db, [[project, 'owner']]);
  superuser = await makeApiUser(db);
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
});

after(async () => {
  await web.finish();
  await db.close();
});

test('what a document makes is told with who sent it', async () => {
  const data = await provision({ id: uuid(), name: 'told', workflows: [workflow()], collections: [{ id: uuid(), name: 'c' }] }, superuser);
  const list = await events({ project_id: data.id });
  assert.deepEqual(told(list), ['collection created', 'project collaborator_added', 'project created', 'workflow created', 'workflow snapshot_created']);
  for (const { attributes } of list) assert.deepEqual([attributes.actor_type, attributes.actor_id, attributes.actor_name, attributes.before], ['user', superuser.id, null, null]);
  const [created] = list.filter(({ attributes }) => attributes.event === 'created' && attributes.item_type === 'project');
  assert.equal(created.attributes.after.name, 'told');
});

test('a change is told by what has changed, and nothing by nothing', async () => {
  const data = await provision({ id: uuid(), name: 'changed', workflows: [workflow()] }, superuser), [{ id, triggers }] = data.workflows;
  const before = (await events({ project_id: data.id })).length;
  await provision(data, superuser);
  assert.equal((await events({ project_id: data.id })).length, before, 'saying the same again');
  await provision({ ...data, description: 'new', workflows: [{ id, name: 'renamed', triggers: [{ id: triggers[0].id, enabled: false }] }] }, superuser);
  const list = (await events({ project_id: data.id })).slice(0, -before).map(({ attributes }) => attributes);
  const of = (event, type) => list.find((attributes) => attributes.event === event && attributes.item_type === type);
  assert.deepEqual([of('updated', 'project').before, of('updated', 'project').after], [{ description: null }, { description: 'new' }]);
  assert.deepEqual([of('updated', 'workflow').before, of('updated', 'workflow').after], [{ name: 'daily' }, { name: 'renamed' }]);
  assert.deepEqual([of('trigger_switched', 'workflow').before, of('trigger_switched', 'workflow').after], [{ enabled: true }, { enabled: false }]);
  assert.equal(of('snapshot_created', 'workflow').after.lock_version, 2);
  await provision({ ...data, workflows: [{ id, delete: true }] }, superuser);
  assert.deepEqual(told(await events({ item_id: id, event: 'deleted' })), ['workflow deleted']);
});

test('the API tells whose a saved workflow is', async () => {
  const { id, ...body } = workflow();
  const reply = await api.request(`/api/projects/${project.id}/workflows`, { method: 'POST', token: owner.token, headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...body, name: 'of the owner' }) });
  assert.equal(reply.status, 201, reply.body);
  const list = await events({ item_id: reply.json.workflow.id });
  assert.deepEqual(told(list), ['workflow created', 'workflow snapshot_created']);
  for (const { attributes } of list) assert.equal(attributes.actor_id, owner.id);
});

test('secrets are named and not told', async () => {
  const credential = await makeCredential(db, project, { main: { token: 'planted' } });
  const sealed = (await db.one("SELECT encode(body, 'hex') AS b FROM credential_bodies WHERE credential_id = $1", [credential.id])).b;
  await db.query("UPDATE users SET hashed_password = '$argon2id$planted' WHERE id = $1", [owner.id]);
  await db.query('UPDATE credential_bodies SET body = body || body WHERE credential_id = $1', [credential.id]);
  const list = [...await events({ item_id: credential.id }), ...await events({ item_id: owner.id })], text = JSON.stringify(list);
  assert.deepEqual(told(list).filter((event) => event.startsWith('credential')),
    ['credential added_to_project', 'credential body_created', 'credential body_updated', 'credential created']);
  for (const secret of ['planted', sealed, sealed.slice(2, 40)]) assert.ok(!text.includes(secret), secret);
  const changed = list.find(({ attributes }) => attributes.event === 'body_updated').attributes;
  assert.match(changed.after.body, /^[0-9a-f]{12} \(hidden\)$/);
  assert.notEqual(changed.before.body, changed.after.body);
  assert.deepEqual(told(await events({ item_id: owner.id, event: 'token_created' })), ['user token_created']);
});

test('what no person does is told with the program', async () => {
  const id = uuid7();
  const client = await db.connect();
  await client.query("SET application_name = 'fulgurctl'");
  await client.query("INSERT INTO users (id, email, first_name, last_name) VALUES ($1, 'a@example.org', 'A', 'B')", [id]);
  await client.end();
  const [{ attributes }] = await events({ item_id: id });
  assert.deepEqual([attributes.actor_type, attributes.actor_name, attributes.actor_id], ['program', 'fulgurctl', null]);
});

test('one transaction does not speak for the next', async () => {
  const data = await provision({ id: uuid(), name: 'mine', workflows: [] }, superuser);
  await Promise.all(Array.from({ length: 20 }, () => api.get(owner, '/api/projects')));
  await db.query("UPDATE projects SET description = 'by hand' WHERE id = $1", [data.id]);
  const [newest] = await events({ project_id: data.id });
  assert.deepEqual([newest.attributes.event, newest.attributes.actor_type], ['updated', 'program']);
});

describe('reading', () => {
  test('is for superusers', async () => {
    assert.equal((await api.get(owner, '/api/audit_events')).status, 403);
    assert.equal((await api.request('/api/audit_events')).status, 401);
  });

  test('is narrowed and paged', async () => {
    const all = (await api.get(superuser, '/api/audit_events?page_size=3')).json;
    assert.equal(all.data.length, 3);
    assert.ok(all.meta.total_entries > 10 && all.links.next);
    const times = (await events({})).map(({ attributes }) => attributes.inserted_at);
    assert.deepEqual(times, [...times].sort().reverse());
    for (const { attributes } of await events({ actor_id: owner.id })) assert.equal(attributes.actor_id, owner.id);
    for (const { attributes } of await events({ item_type: 'user', inserted_after: times.at(-1) })) assert.equal(attributes.item_type, 'user');
    assert.deepEqual(await events({ inserted_after: '2999-01-01T00:00:00Z' }), []);
    for (const [name, what] of [['project_id', 'a UUID'], ['actor_id', 'a UUID'], ['inserted_after', 'an ISO 8601 time']])
      assert.deepEqual((await api.get(superuser, `/api/audit_events?${name}=x`)).json, { error: `${name} is not ${what}` });
  });
});

test('nobody changes what is written', async () => {
  await assert.rejects(db.query("UPDATE audit_events SET event = 'nothing'"), /not changed/);
});
