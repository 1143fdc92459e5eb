// SPDX-License-Identifier: Apache-2.0
//
// Projects and collections put at an id: who may make one, what is replaced, what is refused.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject } from './lib/fixtures.js';

let db, web, api, superuser, owner, viewer, project, other;

const uuid = () => crypto.randomUUID();
const put = async (path, body, user) => {
  const reply = await api.request(`/api/projects/${path}`, { method: 'PUT', token: user?.token, headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body) });
  return [reply.status, reply.json];
};
const emailOf = async (user) => (await db.one('SELECT email FROM users WHERE id = $1', [user.id])).email;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  owner = await makeApiUser(db, [[project, 'owner']]);
  viewer = await makeApiUser(db, [[project, 'viewer']]);
  superuser = await makeApiUser(db);
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
});

after(async () => {
  await web.finish();
  await db.close();
  assert.deepEqual(api.uncalled().filter((route) => /^PUT \/api\/projects\/\{id\}|collections\/\{id\}/.test(route)), []);
});

describe('a project', () => {
  test('is made by a superuser, with its members', async () => {
    const id = uuid(), [a, b] = [await emailOf(owner), await emailOf(viewer)];
    const [status, { data }] = await put(id, { id, name: 'made-1', description: 'd', notify: false,
      members: [{ email: a.toUpperCase(), role: 'owner' }, { email: b, role: 'viewer' }] }, superuser);
    assert.deepEqual([status, data.id, data.attributes.name, data.attributes.description], [201, id, 'made-1', 'd']);
    const rows = await db.query('SELECT user_id, role FROM project_users WHERE project_id = $1 ORDER BY role', [id]);
    assert.deepEqual(rows.rows ?? rows, [{ user_id: owner.id, role: 'owner' }, { user_id: viewer.id, role: 'viewer' }]);
    assert.equal((await api.get(owner, `/api/projects/${id}`)).json.data.attributes.name, 'made-1');
    assert.deepEqual((await put(id, { name: 'made-2', members: [{ email: b, role: 'owner' }] }, owner))[1].data.attributes.name, 'made-2');
    const after = await db.one('SELECT count(*)::int AS n, (SELECT description FROM projects WHERE id = $1) AS d FROM project_users WHERE project_id = $1', [id]);
    assert.deepEqual(after, { n: 2, d: null }, 'members stay, what is not given is replaced by nothing');
  });

  test('is refused to others', async () => {
    const members = [{ email: await emailOf(owner), role: 'owner' }];
    assert.deepEqual(await put(uuid(), { name: 'x', members }, owner), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await put(project.id, { name: 'x' }, viewer), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await put(project.id, { name: 'x' }, superuser), [403, { error: 'Forbidden' }], 'being a superuser makes nobody a member');
    assert.equal((await put(project.id, { name: 'x' }, null))[0], 401);
  });

  test('needs what it needs', async () => {
    const id = uuid(), email = await emailOf(owner), one = { email, role: 'owner' };
    for (const [body, errors] of [
      [{ members: [one] }, { name: ["This field can't be blank."] }],
      [{ name: 'A b', members: [one] }, { name: ['has invalid format'] }],
      [{ name: 'x', description: 'x'.repeat(241), members: [one] }, { description: ['should be at most 240 character(s)'] }],
      [{ name: 'x', id: 'y', members: [one] }, { id: ['is not a UUID'] }],
      [{ name: 'x', id: uuid(), members: [one] }, { id: ['does not match the id in the path'] }],
      [{ name: 'x', colour: 1, shape: 2, members: [one] }, { colour: ['is not accepted'], shape: ['is not accepted'] }],
      [{ name: 'x' }, { members: ['must name exactly one owner'] }],
      [{ name: 'x', members: [one, one] }, { members: ['names one user more than once', 'must name exactly one owner'] }],
      [{ name: 'x', members: [one, { email: 'no@example.org', role: 'viewer' }] }, { members: ['names an email no user holds'] }],
      [{ name: 'x', members: [{ email, role: 'king' }] }, { members: ['names a role that is not one of owner, admin, editor, viewer'] }],
      [{ name: 'x', members: [1] }, { members: ['must be objects with an email and a role'] }],
      [{ name: 'x', members: { a: one } }, { members: ['is invalid'] }],
      ['[]', { body: ['must be a JSON object'] }],
    ])
      assert.deepEqual(await put(id, body, superuser), [422, { errors }], JSON.stringify(body));
    for (const body of ['{', '\0']) assert.equal((await put(id, body, superuser))[0], 400);
    assert.equal((await put('x', { name: 'x' }, superuser))[0], 400);
    assert.equal((await put(id, { name: 'x', members: Array(1001).fill(one) }, superuser))[0], 422);
    assert.equal((await db.one('SELECT count(*)::int AS n FROM projects WHERE id = $1', [id])).n, 0);
  });
});

describe('a collection', () => {
  test('is made, read and renamed, and keeps its items', async () => {
    const id = uuid(), path = `${project.id}/collections/${id}`, data = { id, project_id: project.id, name: 'patients' };
    assert.equal((await api.get(owner, `/api/projects/${path}`)).status, 404);
    assert.deepEqual(await put(path, { name: 'patients' }, owner), [201, { data }]);
    await api.request('/collections/patients/k', { method: 'PUT', token: owner.token, headers: { 'content-type': 'application/json' }, body: '{"value":"v"}' });
    assert.deepEqual(await put(path, { id, name: 'people' }, owner), [200, { data: { ...data, name: 'people' } }]);
    assert.deepEqual(await put(path, { name: 'people' }, owner), [200, { data: { ...data, name: 'people' } }]);
    assert.deepEqual((await api.get(owner, `/api/projects/${path}`)).json, { data: { ...data, name: 'people' } });
    assert.equal((await api.get(owner, '/collections/people/k')).json.value, 'v');
  });

  test('has an id and a name of its own', async () => {
    const [a, b] = [uuid(), uuid()];
    await put(`${project.id}/collections/${a}`, { name: 'first' }, owner);
    assert.deepEqual(await put(`${project.id}/collections/${b}`, { name: 'first' }, owner), [409, { error: 'name_taken' }]);
    const both = await makeApiUser(db, [[project, 'admin'], [other, 'owner']]);
    assert.deepEqual(await put(`${other.id}/collections/${a}`, { name: 'mine' }, both), [409, { error: 'id_taken' }]);
    assert.equal((await api.get(both, `/api/projects/${other.id}/collections/${a}`)).status, 404);
    assert.equal((await db.one('SELECT name FROM collections WHERE id = $1', [a])).name, 'first');
  });

  test('is refused as it must', async () => {
    const path = `${project.id}/collections/${uuid()}`;
    assert.deepEqual(await put(path, { name: 'x' }, viewer), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await put(`${uuid()}/collections/${uuid()}`, { name: 'x' }, owner), [404, { error: 'Not Found' }]);
    assert.deepEqual(await put(`${other.id}/collections/${uuid()}`, { name: 'x' }, owner), [403, { error: 'Forbidden' }]);
    for (const [body, errors] of [[{}, { name: ["This field can't be blank."] }], [{ name: 'A b' }, { name: ['Collection name must be URL safe'] }],
      [{ name: '../x' }, { name: ['Collection name must be URL safe'] }], [{ name: 'x'.repeat(256) }, { name: ['Collection name must be URL safe'] }],
      [{ name: 'x', id: uuid() }, { id: ['does not match the id in the path'] }], [[], { body: ['must be a JSON object'] }]])
      assert.deepEqual(await put(path, body, owner), [422, { errors }], JSON.stringify(body));
  });
});
