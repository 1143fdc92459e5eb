// SPDX-License-Identifier: Apache-2.0
//
// Runs started by hand, retried from the start or from a step, cancelled, one by one and many at once.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeDataclip, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';

let db, web, api, project, other, workflow, user, stranger;

const uuid = () => crypto.randomUUID();
const post = async (path, body, { as = user, of = project, headers = { 'content-type': 'application/json' } } = {}) => {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await api.request(`/projects/${of.id}/${path}`, { method: 'POST', token: as.token, headers, body: text });
  return [reply.status, reply.json];
};
const start = (body, options) => post(`workflows/${workflow.id}/runs`, body, options);
const runOf = (id) => db.one(
  `SELECT r.state, r.queue, r.priority::int, r.created_by_id, r.starting_job_id, r.starting_trigger_id, r.dataclip_id, r.work_order_id,
          r.snapshot_id, q.state AS place, convert_from(b.body, 'UTF8') AS body, d.type
     FROM runs r LEFT JOIN run_queue q ON q.run_id = r.id LEFT JOIN dataclips d ON d.id = r.dataclip_id
     LEFT JOIN dataclip_bodies b ON b.dataclip_id = r.dataclip_id WHERE r.id = $1`, [id]);
const count = async (table) => (await db.one(`SELECT count(*)::int AS n FROM ${table}`)).n;

/** A step that a run has executed. */
async function makeStep(run, job, { input = run.dataclip, exit = 'success' } = {}) {
  const id = uuid7(), output = await makeDataclip(db, project, { type: 'step_result', body: { of: job.name } });
  await db.query(
    `INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id, input_dataclip_id, output_dataclip_id, exit_reason, started_at, finished_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp(), clock_timestamp())`,
    [run.id, id, project.id, job.id, workflow.snapshot_id, input?.id ?? null, output.id, exit]);
  await db.query('INSERT INTO run_steps (run_id, step_id, step_run_id, project_id) VALUES ($1, $2, $1, $3)', [run.id, id, project.id]);
  return { id, input, output, job };
}

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  workflow = await makeWorkflow(db, project, { jobs: [{}, {}, {}] });
  user = await makeApiUser(db, [[project, 'editor']]);
  stranger = await makeApiUser(db, [[other, 'owner']]);
});

after(async () => {
  await web.finish();
  await db.close();
  assert.deepEqual(api.uncalled().filter((route) => /^POST .*\/(runs|work_orders)|\/steps$/.test(route)), []);
});

describe('a run by hand', () => {
  test('starts at a job or a trigger, with what is sent along, or with nothing', async () => {
    const body = '{"a": 1.50, "a": 2}';
    for (const [where, custom_body, expected] of [
      [{ job_id: workflow.jobs[1].id }, body, body],
      [{ trigger_id: workflow.trigger.id }, undefined, '{}'],
      [{ trigger_id: workflow.trigger.id, job_id: null, dataclip_id: null }, ' ', '{}'],
    ]) {
      const [status, { data }] = await start({ ...where, custom_body });
      assert.equal(status, 201);
      const run = await runOf(data.run_id);
      assert.deepEqual([run.state, run.place, run.queue, run.priority, run.created_by_id], ['available', 'available', 'manual', 0, user.id]);
      assert.deepEqual([run.starting_job_id, run.starting_trigger_id], [where.job_id ?? null, where.trigger_id ?? null]);
      assert.deepEqual([run.body, run.type, run.work_order_id, run.dataclip_id], [expected, 'saved_input', data.workorder_id, data.dataclip.id]);
    }
  });

  test('starts from an input that is there', async () => {
    const dataclip = await makeDataclip(db, project);
    const [status, { data }] = await start({ job_id: workflow.jobs[0].id, dataclip_id: dataclip.id });
    assert.deepEqual([status, data.dataclip], [201, { id: dataclip.id }]);
    assert.equal((await runOf(data.run_id)).dataclip_id, dataclip.id);
    const wiped = await makeDataclip(db, project, { body: null });
    assert.deepEqual(await start({ job_id: workflow.jobs[0].id, dataclip_id: wiped.id }), [422, { error: 'The dataclip has been wiped.' }]);
    const theirs = await makeDataclip(db, other);
    for (const id of [theirs.id, uuid()])
      assert.deepEqual(await start({ job_id: workflow.jobs[0].id, dataclip_id: id }), [404, { error: 'Not Found' }]);
  });

  test('does not start elsewhere', async () => {
    const elsewhere = await makeWorkflow(db, project), theirs = await makeWorkflow(db, other), before = await count('runs');
    for (const body of [{ job_id: elsewhere.jobs[0].id }, { trigger_id: elsewhere.trigger.id }, { job_id: theirs.jobs[0].id }, { job_id: uuid() }])
      assert.deepEqual(await start(body), [404, { error: 'Not Found' }], JSON.stringify(body));
    assert.equal((await post(`workflows/${theirs.id}/runs`, { job_id: theirs.jobs[0].id }))[0], 404);
    for (const body of [{}, undefined, { job_id: workflow.jobs[0].id, trigger_id: workflow.trigger.id }])
      assert.deepEqual(await start(body), [400, { error: 'Either a job_id or a trigger_id is needed.' }]);
    assert.equal(await count('runs'), before);
  });

  test('takes nothing that is no input', async () => {
    const at = { job_id: workflow.jobs[0].id };
    for (const custom_body of ['[1]', '"x"', '1', '{', 'null', '{"a":\u0000}'])
      assert.deepEqual(await start({ ...at, custom_body }), [422, { errors: { custom_body: ['must be a JSON object'] } }], custom_body);
    assert.deepEqual(await start({ ...at, custom_body: { a: 1 } }), [422, { errors: { custom_body: ['is invalid'] } }]);
    assert.deepEqual(await start({ job_id: 'x' }), [422, { errors: { job_id: ['is invalid'] } }]);
    for (const body of ['{', '[]', '1']) assert.equal((await start(body))[0], 400);
    assert.equal((await start(JSON.stringify(at), { headers: { 'content-type': 'text/plain' } }))[0], 400);
    assert.equal((await post('workflows/x/runs', at))[0], 400);
  });
});

describe('a retry', () => {
  test('from the start', async () => {
    const run = await makeRun(db, workflow);
    const [status, { data }] = await post(`runs/${run.id}/retry`);
    assert.equal(status, 201);
    const again = await runOf(data.run_id);
    assert.deepEqual([again.work_order_id, again.dataclip_id, again.starting_trigger_id, again.state, again.created_by_id],
      [run.work_order_id, run.dataclip.id, workflow.trigger.id, 'available', user.id]);
    const wiped = await makeRun(db, workflow, { dataclip: { body: null } });
    assert.deepEqual(await post(`runs/${wiped.id}/retry`), [422, { error: 'cannot retry run using a wiped dataclip' }]);
  });

  test('from a step, which shares the steps before it', async () => {
    const run = await makeRun(db, workflow), [a, b, c] = workflow.jobs;
    const first = await makeStep(run, a), second = await makeStep(run, b, { input: first.output }), third = await makeStep(run, c, { input: second.output });
    const [status, { data }] = await post(`runs/${run.id}/retry`, { step_id: second.id });
    assert.equal(status, 201);
    const again = await runOf(data.run_id);
    assert.deepEqual([again.starting_job_id, again.starting_trigger_id, again.dataclip_id, again.created_by_id], [b.id, null, first.output.id, user.id]);
    const shared = async (id) => (await api.request(`/projects/${project.id}/runs/${id}/steps`, { token: user.token })).json.data;
    assert.deepEqual((await shared(data.run_id)).map(({ id }) => id), [first.id]);
    const steps = await shared(run.id);
    assert.deepEqual(steps.map(({ id, job_id, exit_reason }) => [id, job_id, exit_reason]), [first, second, third].map(({ id, job }) => [id, job.id, 'success']));
    assert.deepEqual([steps[1].input_dataclip_id, steps[1].executed_by_run_id], [first.output.id, run.id]);

    await db.query("UPDATE dataclips SET body_state = 'wiped' WHERE id = $1", [second.output.id]);
    assert.deepEqual(await post(`runs/${run.id}/retry`, { step_id: third.id }), [422, { error: 'cannot retry run using a wiped dataclip' }]);
    assert.deepEqual(await post(`runs/${run.id}/retry`, { step_id: uuid() }), [404, { error: 'Not Found' }]);
    assert.deepEqual(await post(`runs/${run.id}/retry`, { step_id: 'x' }), [422, { errors: { step_id: ['is invalid'] } }]);
    const stranger = await makeRun(db, workflow);
    assert.deepEqual(await post(`runs/${stranger.id}/retry`, { step_id: first.id }), [404, { error: 'Not Found' }], 'a step of another run');
  });
});

test('a run is cancelled while it waits', async () => {
  const run = await makeRun(db, workflow), taken = await makeRun(db, workflow);
  await db.query("UPDATE run_queue SET state = 'claimed' WHERE run_id = $1", [taken.id]);
  assert.deepEqual(await post(`runs/${run.id}/cancel`), [200, { data: { run_id: run.id, state: 'cancelled' } }]);
  assert.deepEqual([(await runOf(run.id)).state, (await runOf(run.id)).place], ['cancelled', null]);
  const late = [409, { error: 'The run has been claimed by a worker or has ended.' }];
  assert.deepEqual(await post(`runs/${run.id}/cancel`), late);
  assert.deepEqual(await post(`runs/${taken.id}/cancel`), late);
  assert.equal((await runOf(taken.id)).place, 'claimed');
});

describe('many at once', () => {
  test('are retried, each by its newest run', async () => {
    const [good, wiped] = [await makeRun(db, workflow), await makeRun(db, workflow, { dataclip: { body: null } })];
    const newer = await makeRun(db, workflow, { work_order_id: good.work_order_id, starting_job_id: workflow.jobs[1].id });
    const [status, { data }] = await post('work_orders/retry', { work_order_ids: [good.work_order_id, wiped.work_order_id, uuid(), good.work_order_id] });
    assert.equal(status, 201);
    const of = (id) => data.find(({ work_order_id }) => work_order_id === id);
    assert.equal(data.length, 2);
    assert.deepEqual(of(wiped.work_order_id), { work_order_id: wiped.work_order_id, run_id: null, outcome: 'wiped' });
    assert.equal((await runOf(of(good.work_order_id).run_id)).starting_job_id, newer.starting_job_id);
  });

  test('are cancelled', async () => {
    const runs = [await makeRun(db, workflow), await makeRun(db, workflow)];
    await db.query("UPDATE run_queue SET state = 'started' WHERE run_id = $1", [runs[1].id]);
    const [status, { data }] = await post('work_orders/cancel', { work_order_ids: runs.map(({ work_order_id }) => work_order_id) });
    assert.equal(status, 200);
    assert.deepEqual(data.map(({ outcome }) => outcome).sort(), ['not_available', 'ok']);
    assert.equal((await runOf(runs[0].id)).state, 'cancelled');
  });

  test('are of the project, and not too many', async () => {
    const theirs = await makeRun(db, await makeWorkflow(db, other));
    assert.deepEqual(await post('work_orders/retry', { work_order_ids: [theirs.work_order_id] }), [201, { data: [] }]);
    assert.equal((await db.one('SELECT count(*)::int AS n FROM runs WHERE work_order_id = $1', [theirs.work_order_id])).n, 1);
    for (const [ids, message] of [[undefined, "This field can't be blank."], ['x', 'is invalid'], [['x'], 'is invalid'], [[1], 'is invalid'],
      [Array.from({ length: 101 }, uuid), 'should have at most 100 item(s)']])
      assert.deepEqual(await post('work_orders/cancel', { work_order_ids: ids }), [422, { errors: { work_order_ids: [message] } }]);
  });
});

test('a run of another project is not there', async () => {
  const theirs = await makeRun(db, await makeWorkflow(db, other));
  for (const what of ['retry', 'cancel']) {
    assert.deepEqual(await post(`runs/${theirs.id}/${what}`), [404, { error: 'Not Found' }]);
    assert.deepEqual(await post(`runs/${theirs.id}/${what}`, {}, { of: other }), [403, { error: 'Forbidden' }]);
  }
  assert.equal((await api.request(`/projects/${project.id}/runs/${theirs.id}/steps`, { token: user.token })).status, 404);
  assert.equal((await runOf(theirs.id)).place, 'available');
});
