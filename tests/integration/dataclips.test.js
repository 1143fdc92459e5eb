// SPDX-License-Identifier: Apache-2.0
//
// What jobs and runs were started with: found, named, and nothing of what is in them.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeDataclip, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';

let db, web, api, project, other, workflow, user;

const get = async (path, as = user) => {
  const reply = await api.request(`/projects/${project.id}/${path}`, { token: as.token });
  return [reply.status, reply.json];
};
const rename = async (id, body, of = project) => {
  const reply = await api.request(`/projects/${of.id}/dataclips/${id}`, { method: 'PATCH', token: user.token, headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body) });
  return [reply.status, reply.json];
};
const use = async (dataclip, exit = 'success') => {
  const run = await makeRun(db, workflow, { dataclip }), id = uuid7();
  await db.query(
    `INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id, input_dataclip_id, exit_reason, started_at, finished_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp())`,
    [run.id, id, project.id, workflow.jobs[0].id, workflow.snapshot_id, dataclip.id, exit]);
  return run;
};

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  workflow = await makeWorkflow(db, project);
  user = await makeApiUser(db, [[project, 'editor']]);
});

after(async () => {
  await web.finish();
  await db.close();
  assert.deepEqual(api.uncalled().filter((route) => route.includes('dataclip')), []);
});

test('inputs of a job: named ones first, then the newest, each once', async () => {
  const [a, b, c, failed] = await Promise.all([0, 1, 2, 3].map((n) => makeDataclip(db, project, { body: { planted: n } })));
  for (const dataclip of [a, b, a, c]) await use(dataclip);
  await use(failed, 'fail');
  const path = `jobs/${workflow.jobs[0].id}/dataclips`, ids = ([status, { data }]) => [status, data.map(({ id }) => id)];
  const newest = [a, b, c].sort((x, y) => (x.id < y.id ? 1 : -1)).map(({ id }) => id);
  assert.deepEqual(ids(await get(path))[1].sort(), [...newest].sort());
  assert.deepEqual(await rename(b.id, { name: ' The 100%_one ' }), [200, { data: { ...(await get(path))[1].data.find(({ id }) => id === b.id), name: 'The 100%_one' } }]);
  assert.equal(ids(await get(path))[1][0], b.id);
  assert.deepEqual(ids(await get(`${path}?query=100%25_ONE`)), [200, [b.id]]);
  assert.deepEqual(ids(await get(`${path}?query=100__one`)), [200, []], '_ and % stand for themselves');
  assert.deepEqual(ids(await get(`${path}?query=${c.id.slice(0, 24).toUpperCase()}`))[1].includes(c.id), true);
  assert.equal(ids(await get(`${path}?limit=1`))[1].length, 1);
  assert.ok(!JSON.stringify(await get(path)).includes('planted'));
  for (const query of ['limit=x', 'limit=-1', `query=${'x'.repeat(256)}`, 'query=%00']) assert.equal((await get(`${path}?${query}`))[0] >= 400, true, query);
  assert.equal((await rename(b.id, { name: null }))[1].data.name, null);
});

test('the input of a run', async () => {
  const dataclip = await makeDataclip(db, project), run = await use(dataclip);
  const [status, { data }] = await get(`runs/${run.id}/dataclip`);
  assert.deepEqual([status, data.id, data.type, data.body_state], [200, dataclip.id, 'http_request', 'stored']);
  assert.equal((await get(`runs/${(await makeRun(db, workflow, { dataclip: null })).id}/dataclip`))[0], 404);
});

test('of other projects there is nothing', async () => {
  const theirs = await makeDataclip(db, other), elsewhere = await makeWorkflow(db, other), run = await makeRun(db, elsewhere);
  assert.deepEqual(await rename(theirs.id, { name: 'x' }), [404, { error: 'Not Found' }]);
  assert.deepEqual(await rename(theirs.id, { name: 'x' }, other), [403, { error: 'Forbidden' }]);
  for (const path of [`jobs/${elsewhere.jobs[0].id}/dataclips`, `runs/${run.id}/dataclip`, `jobs/${crypto.randomUUID()}/dataclips`])
    assert.deepEqual(await get(path), [404, { error: 'Not Found' }], path);
  assert.equal((await db.one('SELECT name FROM dataclips WHERE id = $1', [theirs.id])).name, null);
});

test('names that are none', async () => {
  const { id } = await makeDataclip(db, project);
  for (const body of ['{', '[]', '{}', '"x"', '']) assert.equal((await rename(id, body))[0], 400, body);
  assert.deepEqual(await rename(id, { name: 'x'.repeat(256) }), [422, { errors: { name: ['should be at most 255 character(s)'] } }]);
  assert.deepEqual(await rename(id, { name: 7 }), [422, { errors: { name: ['is invalid'] } }]);
  assert.equal((await rename('x', { name: 'x' }))[0], 400);
});
