// SPDX-License-Identifier: Apache-2.0
//
// fulgur-workers or PostgreSQL goes away in mid-flight. Promises: a run is executed by one worker only, what a worker was told is stored
// is stored, and in the end every run has ended.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import { promisify } from 'node:util';
import { test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow } from './lib/fixtures.js';
import { stamp } from './lib/stage.js';
import { runProgram } from './lib/program.js';
import { connectWorker, until } from './lib/worker.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const server = (action) => promisify(execFile)(process.env.FULGUR_TEST_WITH_POSTGRES, ['--server', action]);

/** Works like a real worker: one run after the other per slot; an event that is refused or lost is not sent again. */
async function work(daemon, name, slots, seen) {
  const worker = await connectWorker(daemon, { timeout: 4000 });
  const queue = await worker.queue();
  worker.stopped = false;

  const execute = async ({ id, token }) => {
    let channel;
    try {
      channel = await worker.run(id, token);
    } catch {
      return; // refused: it is somebody else's by now
    }
    const note = (event) => seen.push({ run: id, worker: name, event });
    const plan = await channel.ok('fetch:plan').catch(() => null);
    if (!plan) return channel.leave(); // its answer was lost with the connection
    const send = (event, payload) => channel.push(event, payload).then(({ status }) => status === 'ok', () => false);
    const [step_id, output] = [crypto.randomUUID(), crypto.randomUUID()];
    note('begins');
    if (await send('run:start', { timestamp: stamp() })) note('run:start');
    if (await send('step:start', { step_id, job_id: plan.jobs[0].id, timestamp: stamp(), input_dataclip_id: plan.dataclip_id })) note('step:start');
    const logs = Array.from({ length: 5 }, (_, i) => ({ message: [`${name} ${i}`], timestamp: stamp(), step_id }));
    if (await send('run:batch_logs', { logs })) note('run:batch_logs');
    if (await send('step:complete', { step_id, reason: 'success', output_dataclip_id: output, output_dataclip: '{}', timestamp: stamp() })) note('step:complete');
    if (await send('run:complete', { reason: 'success', final_dataclip_id: output, final_state: {}, timestamp: stamp() })) note('run:complete');
    await channel.leave();
  };
  const slot = async () => {
    while (!worker.stopped) {
      let runs = [];
      try {
        const { status, response } = await queue.push('claim', { demand: 1, worker_name: name, queues: ['manual', '*'] });
        if (status === 'ok') runs = response.runs;
      } catch {}
      if (runs.length === 0) await sleep(50);
      await Promise.all(runs.map(execute));
    }
  };
  const done = Promise.all(Array.from({ length: slots }, slot));
  worker.stop = async () => {
    worker.stopped = true;
    await done;
    await worker.close();
  };
  return worker;
}

/** As short as it may be: a run that a worker has let go of holds a place of its project until then. */
const LEASE_SECONDS = '10';

async function play(disturb, { n_runs = 150 } = {}) {
  let db = await newDatabase();
  const daemon = await startDaemon('workers', db, { FULGUR_CLAIM_JOIN_SECONDS: '2', DATABASE_POOL_SIZE: '4', FULGUR_WORKER_LEASE_SECONDS: LEASE_SECONDS });
  const projects = [await makeProject(db), await makeProject(db, { concurrency: 3 })];
  const workflows = [await makeWorkflow(db, projects[0]), await makeWorkflow(db, projects[1]), await makeWorkflow(db, projects[0])];
  const runs = [];
  for (let i = 0; i < n_runs; i++) runs.push(await makeRun(db, workflows[i % 3]));
  const again = async () => {
    for (let i = 0; i < 100; i++)
      try {
        return await db.connect();
      } catch {
        await sleep(100);
      }
    throw new Error('the database stays away');
  };

  const seen = [];
  const workers = await Promise.all(['a', 'b', 'c'].map((name) => work(daemon, name, 4, seen)));
  /** Once the workers have been told so much more. */
  const progress = (n = 40) => {
    const enough = seen.length + n;
    return until(() => seen.length >= enough);
  };
  await disturb(daemon, progress);

  const client = await again();
  const query = async (sql, values) => (await client.query(sql, values)).rows;
  // What a worker lost with a connection stays unfinished, the janitor's business. Everything else ends.
  await until(async () => {
    await runProgram('fulgur-janitor', [], { db, env: { FULGUR_WORKER_LEASE_SECONDS: LEASE_SECONDS } });
    const [{ n }] = await query("SELECT count(*) AS n FROM run_queue WHERE state = 'available' OR joined_at IS NULL");
    return n === 0 && seen.filter(({ event }) => event === 'begins').length > 0;
  });
  await Promise.all(workers.map((worker) => worker.stop()));

  const told = new Map();
  for (const { run, worker, event } of seen) {
    const key = `${run} ${event}`;
    told.set(key, (told.get(key) ?? new Set()).add(worker));
  }
  for (const run of runs) {
    const workersOf = told.get(`${run.id} begins`) ?? new Set();
    const [row] = await query('SELECT * FROM runs WHERE id = $1', [run.id]);
    assert.ok(workersOf.size === 1 || (workersOf.size === 0 && ['claimed', 'lost'].includes(row.state)), `${run.id} was executed by ${[...workersOf].join(', ')}`);
    const steps = await query('SELECT * FROM steps WHERE run_id = $1', [run.id]);
    const lines = await query('SELECT * FROM log_lines WHERE run_id = $1', [run.id]);
    const was = (event) => told.has(`${run.id} ${event}`);
    if (was('run:complete')) assert.equal(row.state, 'success');
    if (was('run:start')) assert.notEqual(row.started_at, null);
    if (was('step:start')) assert.equal(steps.length, 1);
    if (was('step:complete')) assert.equal(steps[0].exit_reason, 'success');
    if (was('run:batch_logs')) assert.equal(lines.length, 5);
    assert.ok(lines.length === 5 || lines.length === 0);
    const [queued] = await query('SELECT FROM run_queue WHERE run_id = $1', [run.id]);
    assert.equal(queued === undefined, ['success', 'lost'].includes(row.state));
  }
  const [{ ended, lost }] = await query(
    "SELECT count(*) FILTER (WHERE state = 'success') AS ended, count(*) FILTER (WHERE state = 'lost') AS lost FROM runs");
  const [{ counted }] = await query('SELECT sum(n)::bigint AS counted FROM workflow_day_counts');
  assert.equal(counted, ended + lost);
  const wrong = await query(
    `SELECT o.id FROM work_orders o JOIN runs r ON r.work_order_id = o.id
      WHERE o.state <> CASE r.state WHEN 'claimed' THEN 'running' WHEN 'started' THEN 'running' WHEN 'available' THEN 'pending' ELSE r.state END`);
  assert.deepEqual(wrong, []);
  await client.end();
  await daemon.stop();
  await db.close().catch(() => {});
  return { ended, n_runs, daemon };
}

test('undisturbed, every run ends', async () => {
  const { ended, n_runs } = await play(() => {});
  assert.equal(ended, n_runs);
});

test('the daemon is killed and started again, three times', async () => {
  const { ended, n_runs } = await play(async (daemon, progress) => {
    for (let i = 0; i < 3; i++) {
      await progress();
      await daemon.kill();
      await daemon.start();
    }
  });
  assert.ok(ended > n_runs / 2, `${ended} of ${n_runs} ended`);
});

test('the daemon is restarted: nothing that was sent is lost', async () => {
  await play(async (daemon, progress) => {
    for (let i = 0; i < 3; i++) {
      await progress();
      await daemon.stop();
      await daemon.start();
    }
  });
});

test('PostgreSQL is killed and recovers', async () => {
  await play(async (daemon, progress) => {
    await progress();
    await server('kill');
    await server('start');
  });
});

test('PostgreSQL is restarted', async () => {
  await play(async (daemon, progress) => {
    await progress();
    await server('restart');
  });
});

// As a restart of PostgreSQL does it: one connection after the other is ended, each while the event is being worked on.
test('what a worker says or asks outlives the connections it is worked on with', async () => {
  const db = await newDatabase();
  const daemon = await startDaemon('workers', db);
  const run = await makeRun(db, await makeWorkflow(db, await makeProject(db)));
  const worker = await connectWorker(daemon);
  const { response } = await (await worker.queue()).push('claim', { demand: 1, worker_name: 'one', queues: ['manual', '*'] });
  const channel = await worker.run(response.runs[0].id, response.runs[0].token);
  const aside = await db.connect();

  const disturbed = async (table, event, payload) => {
    await aside.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    const answer = channel.push(event, payload);
    for (let i = 0; i < 3; i++) {
      // Not by the one that locks: within a transaction it would see the same activity again and again.
      await until(async () => (await db.one("SELECT count(*) AS n FROM pg_stat_activity WHERE application_name = 'fulgur-workers' AND datname = current_database() AND wait_event_type = 'Lock'")).n > 0);
      await db.query("SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'fulgur-workers' AND datname = current_database()");
    }
    await aside.query('COMMIT');
    return (await answer).status;
  };

  await channel.ok('fetch:plan');
  assert.equal(await disturbed('dataclip_bodies', 'fetch:dataclip', {}), 'ok');
  await channel.ok('run:start', { timestamp: stamp() });
  assert.equal(await disturbed('work_orders', 'run:complete', { reason: 'success', final_state: {}, timestamp: stamp() }), 'ok');
  assert.equal((await db.one('SELECT state FROM runs WHERE id = $1', [run.id])).state, 'success');
  await aside.end();
  await worker.close();
  await daemon.finish();
  await db.close();
});
