// SPDX-License-Identifier: Apache-2.0
//
// Who holds a run, and for how long: claims that nobody comes for, connections that break, a daemon that stops.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow } from './lib/fixtures.js';
import { readToken } from './lib/keys.js';
import { makeStage, stamp } from './lib/stage.js';
import { connectRaw, connectWorker, until } from './lib/worker.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
/** Seconds until the lease of a run ends. */
const leaseOf = async (db, run) =>
  Number((await db.one('SELECT extract(epoch FROM lease_expires_at - clock_timestamp()) AS s FROM run_queue WHERE run_id = $1', [run.id])).s);

describe('claims', () => {
  let stage, db, daemon, worker, queue, workflow;
  before(async () => {
    stage = await makeStage({ FULGUR_CLAIM_JOIN_SECONDS: '2', FULGUR_WORKER_LEASE_SECONDS: '12' });
    ({ db, daemon, worker, queue } = stage);
    workflow = await makeWorkflow(db, await makeProject(db));
  });
  after(() => stage.end());

  test('what is not joined in time goes back, and the late token is refused', async () => {
    const run = await stage.claim(await makeRun(db, workflow));
    assert.ok((await leaseOf(db, run)) <= 2);
    const pushes = [];
    queue.channel.on('work-available', () => pushes.push(1));
    await until(async () => (await stage.row(run)).state === 'available');
    const row = await db.one(
      `SELECT r.claimed_at, r.worker_name, r.claim_nonce, q.state, q.claimed_at AS queue_claimed_at, q.claim_nonce AS queue_nonce,
              q.lease_expires_at, o.state AS work_order_state
         FROM runs r JOIN run_queue q ON q.run_id = r.id JOIN work_orders o ON o.id = r.work_order_id WHERE r.id = $1`, [run.id]);
    assert.deepEqual(row, {
      claimed_at: null, worker_name: null, claim_nonce: null, state: 'available', queue_claimed_at: null, queue_nonce: null,
      lease_expires_at: null, work_order_state: 'pending',
    });
    await until(() => pushes.length > 0);
    assert.match(daemon.log, /<5>Run given back: it was claimed, but not joined in time/);

    await assert.rejects(worker.run(run.id, run.token), { response: { reason: 'unauthorized' } });
    const stale = run.token;
    await stage.claim(run);
    assert.notEqual(readToken(run.token).claim, readToken(stale).claim);
    await assert.rejects(worker.run(run.id, stale), { response: { reason: 'unauthorized' } });
    const channel = await worker.run(run.id, run.token);
    await channel.ok('run:complete', { reason: 'success' });
  });

  test('what is joined stays', async () => {
    const run = await stage.claimOne(workflow);
    await sleep(3500);
    assert.equal((await stage.row(run)).state, 'claimed');
    await run.channel.ok('run:start');
    await run.channel.ok('run:complete', { reason: 'success' });
  });

  test('a worker that is gone when its run is found: the run goes back at once', async () => {
    // The claim waits for a lock; meanwhile its worker leaves.
    const run = await makeRun(db, workflow);
    const locker = await db.connect();
    await locker.query('BEGIN');
    await locker.query('SELECT FROM work_orders WHERE id = $1 FOR UPDATE', [run.work_order_id]);
    const raw = await connectRaw(daemon);
    await raw.ask('1', '1', 'worker:queue', 'phx_join', {});
    raw.send('["1","2","worker:queue","claim",{"demand":1,"worker_name":"short-lived","queues":["*"]}]');
    await until(async () => (await db.one("SELECT count(*) AS n FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).n > 0);
    raw.terminate();
    await sleep(100);
    await locker.query('COMMIT');
    await locker.end();
    await until(() => /Run given back: its worker has gone \(worker short-lived\)/.test(daemon.log));
    assert.equal((await stage.row(run)).state, 'available');
    await stage.claim(run);
    await (await worker.run(run.id, run.token)).ok('run:complete', { reason: 'success' });
  });

  test('the lease is renewed while the worker lives, cut short when its connection breaks, and renewed when it is back', async () => {
    const other = await connectWorker(daemon);
    const run = await stage.claim(await makeRun(db, workflow));
    const channel = await other.run(run.id, run.token);
    assert.ok((await leaseOf(db, run)) > 10);
    const first = (await stage.queued(run)).lease_expires_at;
    await until(async () => (await stage.queued(run)).lease_expires_at > first);

    // The client comes back by itself and goes on with the next event.
    other.cut();
    await until(() => other.closes.includes(1006));
    await channel.ok('run:start', { timestamp: stamp() });
    assert.equal((await stage.row(run)).state, 'started');
    assert.ok((await leaseOf(db, run)) > 8);
    await channel.ok('run:complete', { reason: 'success' });
    await other.close();
  });

  test('two connections to one run: both may speak', async () => {
    const run = await stage.claimOne(workflow);
    const other = await connectWorker(daemon);
    const second = await other.run(run.id, run.token);
    await run.channel.ok('run:start');
    await second.ok('run:log', { message: ['second'], timestamp: stamp() });
    await other.close();
    await run.channel.ok('run:log', { message: ['first'], timestamp: stamp() });
    assert.deepEqual(await stage.lines(run), ['second', 'first']);
    await run.channel.ok('run:complete', { reason: 'success' });
  });
});

describe('a lost connection', () => {
  test('leaves thirty seconds to come back', async () => {
    const stage = await makeStage({ FULGUR_WORKER_LEASE_SECONDS: '600' });
    const workflow = await makeWorkflow(stage.db, await makeProject(stage.db));
    const run = await stage.claim(await makeRun(stage.db, workflow));
    const raw = await connectRaw(stage.daemon);
    await raw.ask('1', '1', `run:${run.id}`, 'phx_join', { token: run.token });
    assert.ok((await leaseOf(stage.db, run)) > 500);
    raw.terminate();
    await until(async () => (await leaseOf(stage.db, run)) <= 30);
    await worker_rejoins(stage, run);
    await stage.end();
  });

  test('so does a run that is left unfinished', async () => {
    const stage = await makeStage({ FULGUR_WORKER_LEASE_SECONDS: '600' });
    const workflow = await makeWorkflow(stage.db, await makeProject(stage.db));
    const run = await stage.claimOne(workflow);
    assert.ok((await leaseOf(stage.db, run)) > 500);
    await run.channel.leave();
    await until(async () => (await leaseOf(stage.db, run)) <= 30);
    await worker_rejoins(stage, run);
    await stage.end();
  });

  async function worker_rejoins(stage, run) {
    const channel = await stage.worker.run(run.id, run.token);
    assert.ok((await leaseOf(stage.db, run)) > 500);
    await channel.ok('run:complete', { reason: 'success' });
  }
});

describe('the daemon’s life', () => {
  test('it says that it is there, and that it has gone', async () => {
    const stage = await makeStage();
    const instances = () => stage.db.query("SELECT service, seen_at > now() - interval '10 s' AS fresh FROM service_instances");
    await until(async () => (await instances()).length > 0);
    assert.deepEqual(await instances(), [{ service: 'fulgur-workers', fresh: true }]);
    await stage.daemon.finish();
    assert.deepEqual(await instances(), []);
    stage.worker.socket.disconnect();
    await stage.db.close();
  });

  test('stopped under work: what was sent is done, sockets close with 1012, workers come back to the next one', async () => {
    const stage = await makeStage();
    const workflow = await makeWorkflow(stage.db, await makeProject(stage.db));
    const run = await stage.claimOne(workflow);
    const raw = await connectRaw(stage.daemon);
    await run.channel.ok('run:start');
    run.channel.channel.push('run:log', { message: ['on its way'], timestamp: stamp() });
    // On the wire before the signal is.
    await run.channel.ok('run:log', { message: ['and stored'], timestamp: stamp() });
    const { code, signal } = await stage.daemon.stop();
    assert.deepEqual([code, signal], [0, null]);
    assert.equal((await raw.closed).code, 1012);
    await until(() => stage.worker.closes.length > 0);
    assert.equal(stage.worker.closes[0], 1012);
    assert.deepEqual(await stage.lines(run), ['on its way', 'and stored']);

    await stage.daemon.start();
    await run.channel.ok('run:complete', { reason: 'success' });
    assert.equal((await stage.row(run)).state, 'success');
    await stage.end();
  });

  test('BROADCAST_WORK_AVAILABLE=false is quiet', async () => {
    const stage = await makeStage({ BROADCAST_WORK_AVAILABLE: 'false' });
    const pushes = [];
    stage.queue.channel.on('work-available', () => pushes.push(1));
    await stage.db.query('NOTIFY runs');
    await sleep(300);
    assert.deepEqual(pushes, []);
    await stage.end();
  });

  test('refusals are noted, but not each, and never with the token', async () => {
    const stage = await makeStage();
    for (let i = 0; i < 20; i++) await connectWorker(stage.daemon, { token: `secret-token-${i}` }).catch(() => {});
    const notes = stage.daemon.log.match(/Refused \d+ worker connection/g);
    assert.equal(notes.length, 1);
    assert.doesNotMatch(stage.daemon.log, /secret-token/);
    await stage.end();
  });

  test('without its keys it does not start', async () => {
    const db = await newDatabase();
    for (const missing of ['WORKER_SECRET', 'WORKER_RUNS_PRIVATE_KEY', 'PRIMARY_ENCRYPTION_KEY']) {
      const daemon = await startDaemon('workers', db, { [missing]: null });
      await connectRaw(daemon).catch(() => {});
      assert.equal((await daemon.exit).code, 78, missing);
      assert.match(daemon.log, new RegExp(missing));
    }
    await db.close();
  });
});
