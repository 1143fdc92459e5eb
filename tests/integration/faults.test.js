// SPDX-License-Identifier: Apache-2.0
//
// Everything together under load (callers, web, webhooks, workers, a worker, PostgreSQL), and one of them dies, again and
// again. What was promised holds: a webhook that was answered 200 is there once, as it was sent, with its run; a run is in
// the hands of one claim; nobody is refused a connection; and all of it recovers by itself.
//
// FULGUR_FAULT_ROUNDS: how often each daemon dies (10).

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { startAll } from './lib/kept.js';
import { runProgram } from './lib/program.js';
import { connectWorker, until } from './lib/worker.js';

const rounds = Number(process.env.FULGUR_FAULT_ROUNDS ?? 10);
const lease = 10;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const server = (action) => promisify(execFile)(process.env.FULGUR_TEST_WITH_POSTGRES, ['--server', action]);

let db, all, workflows, project;

before(async () => {
  db = await newDatabase();
  project = await makeProject(db);
  workflows = [await makeWorkflow(db, project), await makeWorkflow(db, project)];
  all = await startAll(db, { FULGUR_CLAIM_JOIN_SECONDS: '2', FULGUR_WORKER_LEASE_SECONDS: String(lease), DATABASE_TIMEOUT: '5000' });
  all.workerAddress = `ws://${all.host}:${all.port}/worker`;
});
after(async () => {
  await all.finish();
  await db.close().catch(() => {});
});

/** The test's own connection may be cut like any other. */
async function query(sql, values) {
  for (let i = 0; ; i++) {
    let client;
    try {
      client = await db.connect();
      return (await client.query(sql, values)).rows;
    } catch (error) {
      if (i === 100) throw error;
      await sleep(100);
    } finally {
      await client?.end().catch(() => {});
    }
  }
}

/** Callers that post one webhook after the other through the public port. */
function callers(n) {
  const agent = new http.Agent({ keepAlive: true });
  const result = { sent: new Map(), answers: new Map(), statuses: {}, errors: {}, retryAfter: true };
  let running = true;

  const post = (number, body) =>
    new Promise((resolve) => {
      const workflow = workflows[number % workflows.length];
      const request = http.request(
        { host: all.host, port: all.port, agent, method: 'POST', path: `/i/${workflow.trigger.id}`, headers: { 'content-type': 'application/json' } },
        (response) => {
          let text = '';
          response.on('data', (data) => (text += data));
          response.on('error', resolve);
          response.on('end', () => {
            result.statuses[response.statusCode] = (result.statuses[response.statusCode] ?? 0) + 1;
            if (response.statusCode === 503 && !response.headers['retry-after']) result.retryAfter = false;
            if (response.statusCode === 200) result.answers.set(number, JSON.parse(text).work_order_id);
            resolve();
          });
        });
      request.on('error', ({ code }) => {
        result.errors[code] = (result.errors[code] ?? 0) + 1;
        setTimeout(resolve, 20);
      });
      request.end(body);
    });

  let next = 0;
  const caller = async () => {
    while (running) {
      const number = next++;
      const body = JSON.stringify({ number, text: crypto.randomBytes(crypto.randomInt(600)).toString('base64') });
      result.sent.set(number, body);
      await post(number, body);
      await sleep(15);
    }
  };
  const tasks = Array.from({ length: n }, caller);
  result.stop = async () => {
    running = false;
    await Promise.all(tasks);
    agent.destroy();
    return result;
  };
  return result;
}

/** A worker that keeps claiming, and what it was told. A run that breaks under its hands is given up. */
async function startWorker() {
  const seen = { admitted: new Map(), completed: new Map() };
  const worker = await connectWorker(all, { timeout: 3000 });
  const queue = await worker.queue();
  let running = true;

  const execute = async ({ id, token }) => {
    const channel = await worker.run(id, token);
    seen.admitted.set(id, (seen.admitted.get(id) ?? new Set()).add(token));
    const plan = await channel.ok('fetch:plan');
    await channel.ok('run:start', { timestamp: String(Date.now() * 1000) });
    const step_id = crypto.randomUUID();
    await channel.ok('step:start', { step_id, job_id: plan.jobs[0].id });
    await channel.ok('run:log', { step_id, level: 'info', source: 'JOB', message: ['hello'], timestamp: String(Date.now() * 1000) });
    await channel.ok('step:complete', { step_id, reason: 'success', output_dataclip_id: crypto.randomUUID(), output_dataclip: '{}' });
    await channel.ok('run:complete', { reason: 'success', final_state: {} });
    seen.completed.set(id, (seen.completed.get(id) ?? 0) + 1);
    await channel.leave();
  };
  const work = async () => {
    while (running) {
      const runs = await Promise.race([queue.claim({ demand: 10 }), sleep(2000).then(() => [])]).catch(() => []);
      await Promise.race([Promise.allSettled(runs.map(execute)), sleep(4000)]);
      if (runs.length === 0) await sleep(50);
    }
  };
  const task = work();
  return {
    ...seen,
    cut: worker.cut,
    stop: async () => {
      running = false;
      await task;
      worker.socket.disconnect();
    },
  };
}

async function checkWebhooks({ sent, answers }, since) {
  const rows = await query(
    `SELECT o.id, convert_from(b.body, 'UTF8') AS body, count(r.id) AS runs
       FROM work_orders o
       LEFT JOIN dataclips d ON d.id = o.dataclip_id
       LEFT JOIN dataclip_bodies b ON b.dataclip_id = d.id
       LEFT JOIN runs r ON r.work_order_id = o.id
      WHERE o.inserted_at >= $1::timestamptz AND o.trigger_id IS NOT NULL AND d.type = 'http_request'
      GROUP BY o.id, b.body`, [since]);
  const stored = new Map();
  for (const { id, body, runs } of rows) {
    const { number } = JSON.parse(body);
    assert.ok(!stored.has(number), `stored twice: ${number}`);
    assert.equal(body, sent.get(number), 'stored otherwise than sent');
    assert.equal(runs, 1);
    stored.set(number, id);
  }
  for (const [number, id] of answers) assert.equal(stored.get(number), id, `answered, not stored: ${number}`);
  return stored.size;
}

function checkWorker({ admitted, completed }) {
  for (const [id, tokens] of admitted) assert.equal(tokens.size, 1, `run ${id} was joined by two claims`);
  for (const [id, n] of completed) assert.equal(n, 1, `run ${id} was completed ${n} times`);
}

/** What says the same in two places does. */
async function checkBooks() {
  const [{ wrong }] = await query(`
    SELECT count(*) AS wrong FROM runs r
      LEFT JOIN run_queue q ON q.run_id = r.id
      JOIN work_orders o ON o.id = r.work_order_id
     WHERE (r.state IN ('available', 'claimed', 'started')) <> (q.run_id IS NOT NULL)
        OR q.state <> r.state
        OR o.state <> CASE r.state WHEN 'available' THEN 'pending' WHEN 'claimed' THEN 'running' WHEN 'started' THEN 'running' ELSE r.state END`);
  assert.equal(wrong, 0);
  // One statement: work may still end while we look.
  const differing = await query(`
    SELECT state, c.n AS counted, r.n
      FROM (SELECT state, sum(n)::bigint AS n FROM workflow_day_counts GROUP BY state) c
      FULL JOIN (SELECT state, count(*) AS n FROM runs WHERE state NOT IN ('available', 'claimed', 'started') GROUP BY state) r USING (state)
     WHERE c.n IS DISTINCT FROM r.n`);
  assert.deepEqual(differing, []);
}

/** All that is left gets done, or counts as lost when its worker has given it up. */
async function drain() {
  const worker = await startWorker();
  const left = () => query(`SELECT state, joined_at IS NOT NULL AS joined, count(*) AS n, min(lease_expires_at - now())::text AS lease
                              FROM run_queue GROUP BY 1, 2`);
  await until(async () => {
    await runProgram('fulgur-janitor', [], { db, env: { FULGUR_WORKER_LEASE_SECONDS: String(lease) } });
    return (await left()).length === 0;
  }, 60000).catch(async () => {
    const instances = await query('SELECT service, now() - started_at AS age, now() - seen_at AS seen FROM service_instances');
    assert.fail(`left in the queue: ${JSON.stringify(await left())} ${JSON.stringify(instances)} ${worker.completed.size} done`);
  });
  await worker.stop();
  checkWorker(worker);
  const [{ lost, n }] = await query("SELECT count(*) FILTER (WHERE state = 'lost') AS lost, count(*) AS n FROM runs");
  return { lost, n };
}

const start = async () => (await query('SELECT clock_timestamp()::text AS at'))[0].at;

async function underLoad(fault) {
  const since = await start();
  const load = callers(8);
  const worker = await startWorker();
  await until(() => load.answers.size > 20 && worker.completed.size > 5);
  await fault(load);
  const before = load.answers.size;
  await until(() => load.answers.size > before + 20, 20000);
  const result = await load.stop();
  await worker.stop();

  assert.ok((await checkWebhooks(result, since)) >= result.answers.size);
  checkWorker(worker);
  await checkBooks();
  assert.equal(result.errors.ECONNREFUSED, undefined, 'a connection was refused');
  assert.ok(result.retryAfter, '503 without Retry-After');
  return result;
}

describe('a daemon is killed, again and again', () => {
  for (const name of ['webhooks', 'workers', 'web'])
    test(name, { timeout: 60000 + rounds * 5000 }, async (t) => {
      const { n_starts } = all[name];
      const { statuses, errors } = await underLoad(async () => {
        for (let i = 0; i < rounds; i++) {
          assert.ok(await until(() => all[name].kill()));
          await sleep(crypto.randomInt(20, 300));
        }
      });
      assert.ok(all[name].n_starts > n_starts + rounds / 2);
      t.diagnostic(`${JSON.stringify(statuses)} ${JSON.stringify(errors)}`);
      for (const status of Object.keys(statuses)) assert.ok(['200', '502', '503', '504'].includes(status), status);
      if (name === 'workers') assert.deepEqual(Object.keys(statuses), ['200'], 'webhooks have nothing to do with workers');
    });

  test('what they left behind gets done', { timeout: 90000 }, async (t) => {
    const { lost, n } = await drain();
    t.diagnostic(`${lost} of ${n} runs lost`);
    await checkBooks();
    assert.ok(lost < n / 2);
  });
});

describe('PostgreSQL goes away', () => {
  const faults = {
    restart: () => server('restart'),
    crash: async () => {
      await server('kill');
      await server('start');
    },
    'for a while': async () => {
      await server('stop');
      await sleep(3000);
      await server('start');
    },
  };
  for (const [name, fault] of Object.entries(faults))
    test(name, { timeout: 60000 }, async (t) => {
      const starts = ['web', 'webhooks', 'workers'].map((daemon) => all[daemon].n_starts);
      const { statuses, errors } = await underLoad(fault);
      t.diagnostic(`${JSON.stringify(statuses)} ${JSON.stringify(errors)}`);
      for (const status of Object.keys(statuses)) assert.ok(['200', '503'].includes(status), status);
      assert.deepEqual(errors, {});
      assert.deepEqual(['web', 'webhooks', 'workers'].map((daemon) => all[daemon].n_starts), starts, 'a daemon died of it');
    });

  test('what that left behind gets done', { timeout: 90000 }, async () => {
    await drain();
    await checkBooks();
  });
});

describe('a worker', () => {
  const state = async (run) => (await query('SELECT state, error_type FROM runs WHERE id = $1', [run.id]))[0];
  const janitor = () => runProgram('fulgur-janitor', [], { db, env: { FULGUR_WORKER_LEASE_SECONDS: String(lease) } });
  /** A run that this worker has claimed and joined. */
  async function take(worker, queue) {
    const run = await makeRun({ query }, workflows[0]);
    const claimed = await until(async () => (await queue.claim({ demand: 10 })).find(({ id }) => id === run.id));
    run.token = claimed.token;
    run.channel = await worker.run(run.id, run.token);
    return run;
  }

  test('that dies loses its run; when it comes back it is too late', { timeout: 60000 }, async () => {
    const worker = await connectWorker(all);
    const run = await take(worker, await worker.queue());
    await run.channel.ok('run:start');
    worker.socket.disconnect();
    await until(async () => {
      assert.equal((await janitor()).code, 0);
      return (await state(run)).state === 'lost';
    }, 40000);
    assert.equal((await state(run)).error_type, 'LostAfterStart');
    await checkBooks();

    const late = await connectWorker(all);
    const outcome = await late.run(run.id, run.token).then((channel) => channel.push('run:complete', { reason: 'success', final_state: {} }), (error) => error);
    assert.notEqual(outcome.status, 'ok');
    assert.equal((await state(run)).state, 'lost');
    late.socket.disconnect();
    await checkBooks();
  });

  test('that repeats itself changes nothing by it', async () => {
    const worker = await connectWorker(all);
    const run = await take(worker, await worker.queue());
    const step = { step_id: uuid7(), job_id: workflows[0].jobs[0].id };
    const done = { step_id: step.step_id, reason: 'success', output_dataclip_id: uuid7(), output_dataclip: '{"n":1}' };
    for (let i = 0; i < 3; i++) await run.channel.push('run:start', {});
    for (let i = 0; i < 3; i++) await run.channel.push('step:start', step);
    for (let i = 0; i < 3; i++) await run.channel.push('step:complete', done);
    for (const reason of ['success', 'success', 'fail', 'crash']) await run.channel.push('run:complete', { reason, final_state: {} });
    assert.equal((await state(run)).state, 'success');
    assert.equal((await query('SELECT FROM steps WHERE run_id = $1', [run.id])).length, 1);
    assert.equal((await query('SELECT FROM dataclips WHERE id = $1', [done.output_dataclip_id])).length, 1);
    worker.socket.disconnect();
    await checkBooks();
  });

  test('that lies about whose run, step or output it is gets nothing', async () => {
    const worker = await connectWorker(all);
    const queue = await worker.queue();
    const [mine, other] = [await take(worker, queue), await take(worker, queue)];
    // A connection of its own: two channels of one topic push each other out of the client.
    const liar = await connectWorker(all);
    await assert.rejects(liar.run(other.id, mine.token));
    liar.socket.disconnect();

    const step_id = uuid7();
    await other.channel.ok('step:start', { step_id, job_id: workflows[0].jobs[0].id });
    assert.equal((await mine.channel.push('step:start', { step_id, job_id: workflows[0].jobs[0].id })).status, 'error');
    assert.equal((await mine.channel.push('step:complete', { step_id, reason: 'success', output_dataclip_id: uuid7(), output_dataclip: '{}' })).status, 'error');
    const [{ exit_reason }] = await query('SELECT exit_reason FROM steps WHERE id = $1', [step_id]);
    assert.equal(exit_reason, null);
    for (const run of [mine, other]) await run.channel.ok('run:complete', { reason: 'success', final_state: {} });
    worker.socket.disconnect();
    await checkBooks();
  });
});
