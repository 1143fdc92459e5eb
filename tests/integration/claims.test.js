// SPDX-License-Identifier: Apache-2.0
//
// Who gets which run: the claim's SQL against tables of what waits.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow } from './lib/fixtures.js';

let db;

before(async () => {
  db = await newDatabase();
});
after(() => db.close());

const nobody = '00000000-0000-0000-0000-000000000000';

/** Claims `demands` runs; returns the names of the runs, by claimer. */
async function claim(world, demands, { queues = ['manual', '*'], after: last = nobody, limit = 50, visits = 1000, on = db } = {}) {
  const rows = await on.query(
    'SELECT claimer, run_id, project_id, nonce FROM claim_runs($1, $2, $3, $4, $5, $6, $7)',
    [demands, demands.map((_, i) => `worker-${i + 1}`), queues, last, limit, '30 s', visits]);
  const got = demands.map(() => []);
  for (const row of rows.rows ?? rows) {
    got[row.claimer - 1].push(world.names.get(row.run_id));
    world.last = row.project_id;
  }
  return got.map((names) => names.join(' ')).join(' | ');
}

/**
 * `waiting`: runs in the order they came, "a1" is a run of workflow a1 of project a, "a1!" an immediate one, "a1@fast_lane" one of
 * that queue. `limits`: { a: 1 } of the project, { a1: 1 } of the workflow.
 */
async function makeWorld(waiting, limits = {}) {
  await db.query('TRUNCATE run_queue, claim_turns');
  const world = { names: new Map(), runs: new Map(), projects: {}, workflows: {}, last: nobody };
  const counts = {};
  for (const word of waiting.split(' ').filter(Boolean)) {
    const [, name, project, immediate, queue] = /^(([a-z])\d+)(!?)(?:@(\w+))?$/.exec(word);
    world.projects[project] ??= await makeProject(db, { concurrency: limits[project] ?? null });
    world.workflows[name] ??= await makeWorkflow(db, world.projects[project], { concurrency: limits[name] ?? null });
    const run = await makeRun(db, world.workflows[name], { priority: immediate ? 0 : 1, queue: queue ?? 'default', dataclip: null });
    counts[name] = (counts[name] ?? 0) + 1;
    const label = `${name}.${counts[name]}`;
    world.names.set(run.id, label);
    world.runs.set(label, run);
  }
  return world;
}

const cases = [
  ['nothing waits', '', {}, [3], ''],
  ['the oldest of a lane first', 'a1 a1 a1', {}, [2], 'a1.1 a1.2'],
  ['projects take turns', 'a1 a1 a1 b1 c1', {}, [4], 'a1.1 b1.1 c1.1 a1.2'],
  ['lanes of a project take turns', 'a1 a1 a1 a2 a3', {}, [4], 'a1.1 a2.1 a3.1 a1.2'],
  ['one project with many lanes does not crowd out another', 'a1 a2 a3 a4 b1 b1 b1', {}, [6], 'a1.1 b1.1 a2.1 a3.1 b1.2 a4.1', 'set'],
  ['several claimers in one go', 'a1 a1 b1 b1', {}, [1, 2, 1], 'a1.1 | b1.1 a1.2 | b1.2'],
  ['some claimers get nothing', 'a1 b1', {}, [1, 1, 1], 'a1.1 | b1.1 | '],
  ['a workflow limit counts', 'a1 a1 a1', { a1: 2 }, [3], 'a1.1 a1.2'],
  ['a project limit counts across workflows', 'a1 a2 a1 b1', { a: 2 }, [4], 'a1.1 b1.1 a2.1'],
  ['a workflow with its own limit ignores the project’s', 'a1 a2 a2 a2', { a: 1, a2: 2 }, [4], 'a1.1 a2.1 a2.2', 'set'],
  ['immediate before normal', 'a1 a1! b1!', {}, [3], 'a1.2 b1.1 a1.1'],
  ['a limited lane offers its oldest, whatever their priority', 'a1 a1 a1!', { a1: 2 }, [3], 'a1.1 a1.2'],
];

for (const [name, waiting, limits, demands, expected, order] of cases)
  test(name, async () => {
    const world = await makeWorld(waiting, limits);
    const got = await claim(world, demands);
    if (order === 'set') assert.deepEqual(got.split(' ').sort(), expected.split(' ').sort());
    else assert.equal(got, expected);
  });

test('queues: preference, any, and none but the named ones', async () => {
  const waiting = 'a1@default a1@manual a1@fast_lane a1@other';
  assert.equal(await claim(await makeWorld(waiting), [4], { queues: ['manual', '*'] }), 'a1.2 a1.1 a1.3 a1.4');
  assert.equal(await claim(await makeWorld(waiting), [4], { queues: ['*', 'default'] }), 'a1.3 a1.2 a1.4 a1.1');
  assert.equal(await claim(await makeWorld(waiting), [4], { queues: ['fast_lane'] }), 'a1.3');
  assert.equal(await claim(await makeWorld(waiting), [4], { queues: ['nothing'] }), '');
});

test('turns go on where the last claim stopped', async () => {
  const world = await makeWorld('a1 a1 a2 a2 b1 b1');
  const got = [];
  for (let i = 0; i < 6; i++) got.push(await claim(world, [1], { after: world.last }));
  assert.deepEqual(got, ['a1.1', 'b1.1', 'a2.1', 'b1.2', 'a1.2', 'a2.2']);
});

test('one workflow holds at most so many claims', async () => {
  const world = await makeWorld('a1 a1 a1 a2');
  assert.equal(await claim(world, [4], { limit: 2 }), 'a1.1 a2.1 a1.2');
});

test('lanes that may not go on are passed over, also when there are more of them than one claim looks at', async () => {
  const world = await makeWorld('a1 a1 a2 a2 a3 a3 a4', { a1: 1, a2: 1, a3: 1, a4: 1 });
  assert.equal(await claim(world, [3]), 'a1.1 a2.1 a3.1');
  await db.query("UPDATE claim_turns SET lane_id = $1", [nobody]);
  // Three full lanes stand before the one that is free; each claim looks at two.
  assert.equal(await claim(world, [1], { visits: 2 }), '');
  assert.equal(await claim(world, [1], { visits: 2 }), 'a4.1');
});

test('a claim is noted everywhere', async () => {
  const world = await makeWorld('a1');
  await claim(world, [1]);
  const run = world.runs.get('a1.1');
  const row = await db.one(
    `SELECT r.state, r.worker_name, r.claimed_at = q.claimed_at AS same_time, r.claim_nonce = q.claim_nonce AS same_nonce,
            q.lease_expires_at - q.claimed_at = '30 s' AS leased, q.state AS queue_state, o.state AS work_order_state,
            o.last_activity = r.claimed_at AS touched
       FROM runs r JOIN run_queue q ON q.run_id = r.id JOIN work_orders o ON o.id = r.work_order_id WHERE r.id = $1`, [run.id]);
  assert.deepEqual(row, {
    state: 'claimed', worker_name: 'worker-1', same_time: true, same_nonce: true, leased: true, queue_state: 'claimed',
    work_order_state: 'running', touched: true,
  });
});

test('a work order with another run that waits stays pending', async () => {
  const world = await makeWorld('a1');
  const run = world.runs.get('a1.1');
  await makeRun(db, world.workflows.a1, { work_order_id: run.work_order_id, dataclip: null });
  await claim(world, [1]);
  assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, 'pending');
});

test('two that claim at once never get the same run, and never more than a limit', async () => {
  const world = await makeWorld(Array.from({ length: 60 }, (_, i) => `${'abc'[i % 3]}${1 + (i % 2)}`).join(' '), { a1: 3, b: 2 });
  const clients = await Promise.all(Array.from({ length: 6 }, () => db.connect()));
  const got = [];
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < 12; i++) got.push(...(await claim(world, [1, 1], { on: client, after: world.last })).split(/[ |]+/).filter(Boolean));
      await client.end();
    }));
  assert.equal(new Set(got).size, got.length);
  const count = (pattern) => got.filter((name) => pattern.test(name)).length;
  assert.deepEqual([count(/^a1/), count(/^a2/), count(/^b/), count(/^c/)], [3, 10, 2, 20]);
});

test('limits that change move what waits', async () => {
  const world = await makeWorld('a1 a1 a1', { a1: 1 });
  assert.equal(await claim(world, [3]), 'a1.1');
  await db.query('UPDATE workflows SET concurrency = 2 WHERE id = $1', [world.workflows.a1.id]);
  assert.equal(await claim(world, [3]), 'a1.2');
  await db.query('UPDATE workflows SET concurrency = NULL WHERE id = $1', [world.workflows.a1.id]);
  assert.equal(await claim(world, [3]), 'a1.3');
});
