// SPDX-License-Identifier: Apache-2.0
//
// Members of a project: who there is, with which role, and that access ends at once.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject } from './lib/fixtures.js';

let db, web, api, project, owner, admin;

const emailOf = async ({ id }) => (await db.one('SELECT email FROM users WHERE id = $1', [id])).email;
const send = async (method, body, { as = admin, of = project, id = '' } = {}) => {
  const reply = await api.request(`/projects/${of.id}/members${id && `/${id}`}`, { method, token: as.token, headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined || typeof body === 'string' ? body : JSON.stringify(body) });
  return [reply.status, reply.json];
};
const roles = async () => Object.fromEntries((await send('GET'))[1].data.map(({ user_id, role }) => [user_id, role]));

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  project = await makeProject(db);
  owner = await makeApiUser(db, [[project, 'owner']]);
  admin = await makeApiUser(db, [[project, 'admin']]);
});

after(async () => {
  await web.finish();
  await db.close();
  assert.deepEqual(api.uncalled().filter((route) => route.includes('members')), []);
});

test('are added, changed and removed, and that holds at once', async () => {
  const user = await makeApiUser(db);
  assert.equal((await api.get(user, `/api/projects/${project.id}`)).status, 403);
  const [status, { data }] = await send('PUT', { email: ` ${(await emailOf(user)).toUpperCase()} `, role: 'viewer' });
  assert.deepEqual([status, data.find(({ user_id }) => user_id === user.id).role], [200, 'viewer']);
  assert.equal((await api.get(user, `/api/projects/${project.id}`)).status, 200);
  assert.deepEqual((await send('GET', undefined, { as: user }))[1].data, data, 'every member sees who there is');
  await send('PUT', { email: await emailOf(user), role: 'editor' });
  assert.deepEqual(await roles(), { [owner.id]: 'owner', [admin.id]: 'admin', [user.id]: 'editor' });
  assert.deepEqual(await send('DELETE', undefined, { id: user.id }), [204, undefined]);
  assert.equal((await api.get(user, `/api/projects/${project.id}`)).status, 403);
  assert.deepEqual(await send('DELETE', undefined, { id: user.id }), [404, { error: 'Not Found' }]);
  const events = await db.query("SELECT event, actor_id FROM audit_events WHERE item_id = $1 AND event LIKE 'collaborator%' AND actor_id IS NOT NULL ORDER BY inserted_at", [project.id]);
  assert.deepEqual((events.rows ?? events).map(({ event }) => event), ['collaborator_added', 'collaborator_changed', 'collaborator_removed']);
});

test('the owner stays', async () => {
  const stays = [422, { errors: { role: ['of the owner stays'] } }];
  assert.deepEqual(await send('PUT', { email: await emailOf(owner), role: 'viewer' }), stays);
  assert.deepEqual(await send('DELETE', undefined, { id: owner.id }), stays);
  assert.equal((await roles())[owner.id], 'owner');
});

test('what is refused', async () => {
  const editor = await makeApiUser(db, [[project, 'editor']]), stranger = await makeApiUser(db), email = await emailOf(stranger);
  for (const as of [editor, stranger]) {
    assert.deepEqual(await send('PUT', { email, role: 'viewer' }, { as }), [403, { error: 'Forbidden' }]);
    assert.deepEqual(await send('DELETE', undefined, { as, id: admin.id }), [403, { error: 'Forbidden' }]);
  }
  for (const [body, errors] of [
    [{ email: 'nobody@example.org', role: 'viewer' }, { email: ['names an email no user holds'] }],
    [{ email, role: 'owner' }, { role: ['is not one of viewer, editor, admin'] }], [{ email, role: 'king' }, { role: ['is not one of viewer, editor, admin'] }],
    [{ role: 'viewer' }, { email: ["This field can't be blank."] }], [{ email: 7, role: 'viewer' }, { email: ['is invalid'] }],
    [{ email: `${'x'.repeat(160)}@example.org`, role: 'viewer' }, { email: ['should be at most 160 character(s)'] }],
  ])
    assert.deepEqual(await send('PUT', body), [422, { errors }], JSON.stringify(body));
  for (const body of ['{', '[]', '']) assert.equal((await send('PUT', body))[0], 400);
  assert.equal((await send('DELETE', undefined, { id: 'x' }))[0], 400);
  assert.deepEqual(await send('GET', undefined, { of: { id: crypto.randomUUID() } }), [404, { error: 'Not Found' }]);
});
