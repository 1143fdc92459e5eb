// SPDX-License-Identifier: Apache-2.0
//
// Credentials through the REST API: kept for their owners, shared with projects, read by workers and by nobody else.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { makeProject, makeWorkflow } from './lib/fixtures.js';
import { makeStage } from './lib/stage.js';

let stage, db, web, api, project, other, editor, stranger;

const uuid = () => crypto.randomUUID();
const send = async (method, path, body, user = editor, headers = { 'content-type': 'application/json' }) => {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await api.request(`/api/${path}`, { method, token: user?.token, body: text, headers: text === undefined ? {} : headers });
  assert.ok(!reply.body.includes('planted'), 'no secret comes back');
  return [reply.status, reply.json];
};
const post = (body, user) => send('POST', 'credentials', body, user);
let count = 0;
const example = (values = {}) => ({ name: `credential ${++count}`, schema: 'http', body: { password: 'planted-1', baseUrl: 'https://x' }, ...values });
const made = async (values, user) => {
  const [status, reply] = await post(example(values), user);
  assert.equal(status, 201, JSON.stringify(reply));
  return reply.credential;
};
const link = (...projects) => projects.map(({ id }) => ({ project_id: id }));
const names = ([status, { credentials }]) => [status, credentials.map(({ name }) => name)];

before(async () => {
  stage = await makeStage();
  ({ db } = stage);
  web = await startDaemon('web', db, { LOG_LEVEL: 'debug' });
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  editor = await makeApiUser(db, [[project, 'editor']]);
  stranger = await makeApiUser(db, [[other, 'owner']]);
});

after(async () => {
  assert.ok(!web.log.includes('planted'), 'nor is one logged');
  await web.finish();
  await stage.end();
  assert.deepEqual(api.uncalled().filter((route) => route.includes('credentials')), []);
});

test('what is posted is sealed, shared, and what a worker gets', async () => {
  const credential = await made({ project_credentials: link(project), external_id: 'crm-1' });
  assert.deepEqual([credential.user_id, credential.schema, credential.external_id], [editor.id, 'http', 'crm-1']);
  assert.deepEqual(credential.projects, [{ id: project.id, name: project.name, description: null }]);
  const [shared] = credential.project_credentials;
  assert.deepEqual([shared.project_id, shared.credential_id], [project.id, credential.id]);
  const { body } = await db.one('SELECT body FROM credential_bodies WHERE credential_id = $1', [credential.id]);
  assert.ok(!body.includes('planted'));

  const workflow = await makeWorkflow(db, project, { jobs: [{ credential: { ...credential, project_credential_id: shared.id } }] });
  const run = await stage.claimOne(workflow);
  assert.deepEqual(await run.channel.ok('fetch:credential', { id: credential.id }), { password: 'planted-1', baseUrl: 'https://x' });

  const body_of = { environment: 'main', password: 'planted-2', big: 12345678901234567890n };
  const put = `{"name":"renamed","credential_bodies":[{"name":"main","body":{"password":"planted-2","big":12345678901234567890,"a":1,"a":2}}]}`;
  assert.equal((await send('PUT', `credentials/${credential.id}`, put))[0], 200);
  const again = await stage.claimOne(workflow);
  assert.equal((await again.channel.ok('fetch:credential', { id: credential.id })).password, body_of.password);
});

test('environments each have their own', async () => {
  const { body, ...rest } = example();
  const credential = await made({ body: undefined, credential_bodies: [{ name: 'main', body: { a: 'planted-m' } }, { name: 'staging', body: { a: 'planted-s' } }] });
  const rows = await db.query('SELECT name FROM credential_bodies WHERE credential_id = $1 ORDER BY name', [credential.id]);
  assert.deepEqual((rows.rows ?? rows).map(({ name }) => name), ['main', 'staging']);
  assert.ok(rest && body);
});

test('lists: of one’s own, and of a project for its members', async () => {
  const [reader, writer] = [await makeApiUser(db, [[project, 'viewer']]), await makeApiUser(db, [[project, 'owner'], [other, 'owner']])];
  const both = await made({ name: 'of both', project_credentials: link(project, other) }, writer);
  await made({ name: 'of nobody' }, writer);
  assert.deepEqual(names(await send('GET', 'credentials', undefined, writer)), [200, ['of both', 'of nobody']]);
  assert.deepEqual(names(await send('GET', 'credentials', undefined, reader)), [200, []]);
  for (const path of [`credentials?project_id=${project.id}`, `projects/${project.id}/credentials`]) {
    const [status, { credentials }] = await send('GET', path, undefined, reader);
    const seen = credentials.find(({ id }) => id === both.id);
    assert.deepEqual([status, seen.projects.map(({ id }) => id), seen.project_credentials.length], [200, [project.id], 1], 'projects of others are not told');
    assert.deepEqual(await send('GET', path, undefined, stranger), [403, { error: 'Forbidden' }]);
  }
  for (const id of [uuid(), 'x']) assert.deepEqual(await send('GET', `projects/${id}/credentials`), [404, { error: 'Not Found' }]);
});

test('who may share, read, replace and delete', async () => {
  const viewer = await makeApiUser(db, [[project, 'viewer']]), owner = await makeApiUser(db, [[project, 'owner']]);
  for (const [user, projects] of [[viewer, [project]], [editor, [other]], [editor, [project, other]], [editor, [{ id: uuid() }]]])
    assert.deepEqual(await post(example({ project_credentials: link(...projects) }), user), [403, { error: 'Forbidden' }]);
  const doomed = await makeProject(db);
  await db.query("INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, 'owner')", [doomed.id, editor.id]);
  await db.query('UPDATE projects SET scheduled_deletion = now() WHERE id = $1', [doomed.id]);
  assert.equal((await post(example({ project_credentials: link(doomed) })))[0], 403);

  const credential = await made({ project_credentials: link(project) });
  const path = `credentials/${credential.id}`, body = { name: 'mine', credential_bodies: [{ name: 'main', body: {} }] };
  for (const user of [viewer, owner, stranger]) {
    assert.deepEqual(await send('GET', path, undefined, user), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await send('DELETE', path, undefined, user), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await send('PUT', path, body, user), [409, { error: 'id_taken' }]);
  }
  assert.deepEqual((await send('GET', path))[1].credential, credential);
  for (const id of [uuid(), 'x', '%00']) for (const method of ['GET', 'DELETE']) assert.ok([404, 400].includes((await send(method, `credentials/${id}`))[0]), id);
  assert.equal((await send('GET', 'credentials', undefined, null))[0], 401);
});

test('deleting takes bodies, links and what jobs had of it', async () => {
  const credential = await made({ project_credentials: link(project) });
  const workflow = await makeWorkflow(db, project, { jobs: [{ credential: { ...credential, project_credential_id: credential.project_credentials[0].id } }] });
  assert.deepEqual(await send('DELETE', `credentials/${credential.id}`), [204, undefined]);
  const left = await db.one(`SELECT (SELECT count(*)::int FROM credential_bodies WHERE credential_id = $1) AS bodies,
    (SELECT count(*)::int FROM project_credentials WHERE credential_id = $1) AS links, (SELECT project_credential_id FROM jobs WHERE workflow_id = $2) AS job`, [credential.id, workflow.id]);
  assert.deepEqual(left, { bodies: 0, links: 0, job: null });
  assert.equal((await send('GET', `credentials/${credential.id}`))[0], 404);
  const events = await db.query('SELECT event, actor_id FROM audit_events WHERE item_id = $1', [credential.id]);
  for (const { event, actor_id } of events.rows ?? events) assert.ok(actor_id === editor.id || event === '', event);
});

test('PUT makes, replaces and only adds links', async () => {
  const id = uuid(), path = `credentials/${id}`, email = (await db.one('SELECT email FROM users WHERE id = $1', [editor.id])).email;
  const body = (values) => ({ name: `put ${id}`, schema: 'raw', credential_bodies: [{ name: 'main', body: { k: 'planted' } }], ...values });
  const [status, { credential }] = await send('PUT', path, body({ id, owner: email.toUpperCase().toLowerCase(), project_credentials: link(project) }));
  assert.deepEqual([status, credential.id, credential.project_credentials.length], [201, id, 1]);
  assert.deepEqual((await send('PUT', path, body({ name: `other ${id}`, project_credentials: [] })))[1].credential.project_credentials, credential.project_credentials);
  await made({ name: `taken ${id}` });
  assert.deepEqual(await send('PUT', path, body({ name: `taken ${id}` })), [409, { error: 'name_taken' }]);
  await db.query('UPDATE credentials SET scheduled_deletion = now() WHERE id = $1', [id]);
  assert.deepEqual(await send('PUT', path, body()), [409, { error: 'scheduled_for_deletion' }]);
  for (const [values, errors] of [
    [{ id: uuid() }, { id: ['does not match the id in the path'] }], [{ id: 'x' }, { id: ['is not a UUID'] }], [{ colour: 1 }, { colour: ['is not accepted'] }],
    [{ body: {} }, { body: ['is not accepted'] }], [{ owner: 'eve@example.org' }, { owner: ['must be the one who asks'] }],
    [{ credential_bodies: [{ name: 'staging', body: {} }] }, { credential_bodies: ['must be one body named main, holding an object'] }],
    [{ credential_bodies: undefined }, { credential_bodies: ["This field can't be blank."] }],
  ])
    assert.deepEqual(await send('PUT', `credentials/${id.replace(/^./, (c) => (c === '0' ? '1' : '0'))}`, body({ name: 'x', ...values, ...(values.id === undefined ? {} : {}) })), [422, { errors }], JSON.stringify(values));
});

describe('what is refused', () => {
  const blank = ["This field can't be blank."];
  for (const [what, values, errors] of [
    ['no name', { name: ' ' }, { name: blank }],
    ['a long name', { name: 'x'.repeat(256) }, { name: ['should be at most 255 character(s)'] }],
    ['a long schema', { schema: 'x'.repeat(41) }, { schema: ['should be at most 40 character(s)'] }],
    ['no body', { body: undefined }, { body: blank }],
    ['a body that is a list', { body: ['planted'] }, { body: ['is invalid'] }],
    ['an environment that is none', { credential_bodies: [{ name: 'A b', body: {} }] }, { credential_bodies: ['has an environment whose name is not of a-z, 0-9, - and _'] }],
    ['an environment twice', { credential_bodies: [{ name: 'main', body: {} }, { name: 'main', body: {} }] }, { credential_bodies: ['has an environment twice'] }],
    ['many environments', { credential_bodies: Array.from({ length: 21 }, (_, i) => ({ name: `e${i}`, body: {} })) }, { credential_bodies: ['should have at most 20 item(s)'] }],
    ['many secrets', { body: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`k${i}`, `planted-${i}`])) }, { body: ['has more than 50 sensitive values'] }],
    ['bodies that are none', { credential_bodies: ['planted'] }, { credential_bodies: ['must be objects with a name and a body'] }],
    ['projects that are none', { project_credentials: [1] }, { project_credentials: ['must be objects with a project_id'] }],
    ['many projects', { project_credentials: link(...Array.from({ length: 101 }, () => ({ id: uuid() }))) }, { project_credentials: ['should have at most 100 item(s)'] }],
  ])
    test(what, async () => assert.deepEqual(await post(example(values)), [422, { errors }]));

  test('names that are taken', async () => {
    const { name } = await made({ external_id: 'taken' });
    assert.deepEqual(await post(example({ name })), [422, { errors: { name: ['you have another credential with the same name'] } }]);
    assert.deepEqual(await post(example({ external_id: 'taken' })), [422, { errors: { external_id: ['has already been taken'] } }]);
    assert.equal((await post(example({ name }), stranger))[0], 201, 'others may use the name');
  });

  test('bodies that are no JSON object, of another type, too large', async () => {
    for (const body of ['{', '[]', '"planted"', '\0', '']) assert.equal((await post(body))[0], 400, body);
    assert.equal((await send('POST', 'credentials', 'name=x', editor, { 'content-type': 'application/x-www-form-urlencoded' }))[0], 400);
    assert.equal((await post(example({ body: { a: 'x'.repeat(300_000) } })))[0], 413);
    const deep = `{"name":"deep","body":{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}}`;
    assert.ok([201, 422].includes((await post(deep))[0]));
  });
});
