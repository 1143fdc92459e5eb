// SPDX-License-Identifier: Apache-2.0
//
// The one-shots: fulgur-migrate, fulgur-cron, fulgur-janitor, alone, several at once and interrupted.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { newDatabase, newEmptyDatabase } from './lib/database.js';
import { makeDataclip, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { runProgram, startProgram } from './lib/program.js';
import { until } from './lib/worker.js';

let db;
async function run(name, env = {}, on = db) {
  const result = await runProgram(name, [], { db: on, env });
  return result;
}
async function good(name, env, on) {
  const { code, stdout, stderr } = await run(name, env, on);
  assert.equal(code, 0, stdout + stderr);
  return stderr;
}

before(async () => {
  db = await newDatabase();
});
after(() => db.close());

describe('every one-shot', () => {
  for (const name of ['fulgur-migrate', 'fulgur-cron', 'fulgur-janitor'])
    test(name, async () => {
      for (const option of ['--help', '--version']) {
        const { code, stdout } = await runProgram(name, [option], {});
        assert.equal(code, 0);
        assert.match(stdout, new RegExp(`^${name} `));
      }
      assert.equal((await runProgram(name, ['--fly'], { db })).code, 64);
      assert.equal((await run(name, { RUN_GRACE_PERIOD_SECONDS: 'long' })).code, 78);
      assert.equal((await run(name, { DATABASE_URL: 'postgresql://x@/y?host=/nowhere' })).code, 1);
    });

  test('says that migrations are missing', async (t) => {
    const empty = await newEmptyDatabase();
    t.after(() => empty.close());
    for (const name of ['fulgur-cron', 'fulgur-janitor']) {
      const { code, stderr } = await run(name, {}, empty);
      assert.equal(code, 1);
      assert.match(stderr, /fulgurctl migrate/);
    }
  });
});

describe('fulgur-migrate', () => {
  const files = fs.readdirSync(path.resolve(new URL('.', import.meta.url).pathname, '../../migrations')).length;
  const check = async (empty) => JSON.parse((await runProgram('fulgurctl', ['--json', 'migrate', '--check'], { db: empty })).stdout);
  const fresh = async (t) => {
    const empty = await newEmptyDatabase();
    t.after(() => empty.close());
    return empty;
  };

  test('twice', async (t) => {
    const empty = await fresh(t);
    assert.match(await good('fulgur-migrate', {}, empty), new RegExp(`${files} migrations`));
    assert.equal(await good('fulgur-migrate', {}, empty), '');
  });

  test('several at once', async (t) => {
    const empty = await fresh(t);
    const all = await Promise.all([1, 2, 3, 4, 5].map(() => good('fulgur-migrate', {}, empty)));
    assert.equal(all.filter((log) => /brought up to date/.test(log)).length, 1);
    assert.deepEqual(await check(empty), { missing: 0 });
  });

  test('killed at any moment, it goes on from there', async (t) => {
    const empty = await fresh(t);
    for (let delay = 5; delay < 120; delay += 13) {
      const child = startProgram('fulgur-migrate', [], { db: empty });
      setTimeout(() => child.kill('SIGKILL'), delay);
      await child.done;
    }
    await good('fulgur-migrate', {}, empty);
    assert.deepEqual(await check(empty), { missing: 0 });
  });
});

describe('fulgur-cron', () => {
  let project;
  const cronWorkflow = (trigger = {}, values = {}) =>
    makeWorkflow(db, project, { trigger: { type: 'cron', cron_expression: '* * * * *', ...trigger }, ...values });
  const orders = (workflow) =>
    db.query('SELECT r.*, o.state AS order_state FROM runs r JOIN work_orders o ON o.id = r.work_order_id WHERE r.workflow_id = $1 ORDER BY r.id', [workflow.id]);
  const clip = (id) =>
    db.one(`SELECT d.type, convert_from(b.body, 'UTF8') AS body FROM dataclips d LEFT JOIN dataclip_bodies b ON b.dataclip_id = d.id WHERE d.id = $1`, [id]);
  /** Forgets that this minute has been taken, so that the next tick fires again. */
  const nextMinute = () => db.query('DELETE FROM cron_firings');
  const tick = async () => {
    await nextMinute();
    return good('fulgur-cron');
  };
  const ending = (run, state, dataclip = null) =>
    db.query('SELECT run_end($1, $2, $3, NULL, NULL, NULL, $4)', [run.project_id, run.id, state, dataclip]);

  beforeEach(async () => {
    await db.query('UPDATE triggers SET enabled = false');
    project = await makeProject(db);
  });

  test('fires once a minute, however many tick', async () => {
    const workflow = await cronWorkflow();
    const rings = [];
    const listener = await db.connect();
    listener.on('notification', ({ channel }) => rings.push(channel));
    await listener.query('LISTEN runs');
    await nextMinute();
    // All of them in the same minute.
    await until(() => new Date().getSeconds() < 50, 15000);
    await Promise.all(Array.from({ length: 8 }, () => good('fulgur-cron')));
    await good('fulgur-cron');
    const [order, ...more] = await orders(workflow);
    assert.deepEqual(more, []);
    assert.equal(order.state, 'available');
    assert.equal(order.order_state, 'pending');
    assert.equal(order.starting_trigger_id, workflow.trigger.id);
    assert.equal(order.snapshot_id, workflow.snapshot_id);
    await until(() => rings.length > 0);
    await listener.end();
  });

  test('leaves alone what is not due, switched off, gone or no cron trigger', async () => {
    const day = new Date(Date.now() + 40 * 86400e3);
    const idle = [
      await cronWorkflow({ enabled: false }),
      await cronWorkflow({ cron_expression: `0 0 ${day.getUTCDate()} ${day.getUTCMonth() + 1} *` }),
      await cronWorkflow(), await cronWorkflow(), await makeWorkflow(db, project),
    ];
    await db.query('UPDATE workflows SET deleted_at = now() WHERE id = $1', [idle[2].id]);
    await db.query('DELETE FROM workflow_edges WHERE workflow_id = $1', [idle[3].id]);
    const due = await cronWorkflow();
    await tick();
    for (const workflow of idle) assert.deepEqual(await orders(workflow), []);
    assert.equal((await orders(due)).length, 1);

    await db.query('UPDATE projects SET scheduled_deletion = now() WHERE id = $1', [project.id]);
    await tick();
    assert.equal((await orders(due)).length, 1);
  });

  test('a wrong expression is named and stops nobody else', async () => {
    const wrong = await cronWorkflow({ cron_expression: '@reboot' });
    const right = await cronWorkflow();
    assert.match(await tick(), new RegExp(wrong.trigger.id));
    assert.equal((await orders(right)).length, 1);
  });

  test('a trigger that fails stops nobody else, and is tried again', async (t) => {
    const workflows = [await cronWorkflow(), await cronWorkflow(), await cronWorkflow()];
    await db.query(`ALTER TABLE work_orders ADD CONSTRAINT refuse CHECK (workflow_id <> '${workflows[1].id}') NOT VALID`);
    t.after(() => db.query('ALTER TABLE work_orders DROP CONSTRAINT IF EXISTS refuse'));
    await nextMinute();
    await until(() => new Date().getSeconds() < 55, 15000);
    assert.equal((await run('fulgur-cron')).code, 1);
    assert.deepEqual(await Promise.all(workflows.map(async (workflow) => (await orders(workflow)).length)), [1, 0, 1]);
    await db.query('ALTER TABLE work_orders DROP CONSTRAINT refuse');
    await good('fulgur-cron');
    assert.equal((await orders(workflows[1])).length, 1);
  });

  test('the input: {}, then what the newest successful run ended with', async () => {
    const workflow = await cronWorkflow();
    await tick();
    const [first] = await orders(workflow);
    assert.deepEqual(await clip(first.dataclip_id), { type: 'global', body: '{}' });

    const output = await makeDataclip(db, project, { type: 'step_result', body: { n: 1 } });
    await ending(first, 'success', output.id);
    await tick();
    const [, second] = await orders(workflow);
    assert.equal(second.dataclip_id, output.id, 'shared, not copied');

    // A failed run changes nothing; another workflow's neither.
    await ending(second, 'failed', (await makeDataclip(db, project, { type: 'step_result' })).id);
    const other = await cronWorkflow();
    await tick();
    const [, , third] = await orders(workflow);
    assert.equal(third.dataclip_id, output.id);
    assert.equal((await clip((await orders(other))[0].dataclip_id)).body, '{}');

    const newer = await makeDataclip(db, project, { type: 'step_result', body: { n: 2 } });
    await ending(third, 'success', newer.id);
    await tick();
    assert.equal((await orders(workflow))[3].dataclip_id, newer.id);

    await db.query("UPDATE dataclips SET body_state = 'wiped' WHERE id = $1", [newer.id]);
    await tick();
    assert.deepEqual(await clip((await orders(workflow))[4].dataclip_id), { type: 'global', body: '{}' });
  });

  test("the input with a cursor job: its newest successful step's output", async () => {
    const workflow = await cronWorkflow({}, { jobs: [{}, {}] });
    const cursor = workflow.jobs[1];
    await db.query('UPDATE triggers SET cron_cursor_job_id = $2 WHERE id = $1', [workflow.trigger.id, cursor.id]);
    const source = await makeRun(db, workflow);
    const step = async (job, reason, n) => {
      const output = await makeDataclip(db, project, { type: 'step_result', body: { n } });
      await db.query(`INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id, output_dataclip_id, exit_reason, started_at, finished_at)
                      VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp(), clock_timestamp())`,
        [source.id, uuid7(), project.id, job.id, workflow.snapshot_id, output.id, reason]);
      return output;
    };
    await ending({ project_id: project.id, id: source.id }, 'success', (await makeDataclip(db, project)).id);
    await step(cursor, 'success', 1);
    const wanted = await step(cursor, 'success', 2);
    await step(cursor, 'fail', 3);
    await step(workflow.jobs[0], 'success', 4);
    await tick();
    assert.equal((await orders(workflow)).at(-1).dataclip_id, wanted.id);

    await db.query('DELETE FROM dataclip_bodies WHERE dataclip_id = $1', [wanted.id]);
    await db.query("UPDATE dataclips SET body_state = 'wiped' WHERE id = $1", [wanted.id]);
    await tick();
    assert.equal((await clip((await orders(workflow)).at(-1).dataclip_id)).body, '{}');
  });
});

describe('fulgur-janitor', () => {
  let workflow;
  before(async () => {
    workflow = await makeWorkflow(db, await makeProject(db));
    await db.query('DELETE FROM run_queue');
  });
  beforeEach(() => db.query('DELETE FROM service_instances'));

  /** A run in a worker's hands since `age` seconds; `lease`: seconds until it runs out. */
  async function held(state, { age = 0, lease = 3600, joined = true, timeout = 300000, ...values } = {}) {
    const held = await makeRun(db, workflow, { run_timeout_ms: timeout, ...values });
    const at = (seconds) => `now() + ${seconds} * interval '1 second'`;
    const started = state === 'started' ? at(-age) : 'NULL';
    await db.query(`UPDATE run_queue SET state = $2, claimed_at = ${at(-age)}, started_at = ${started}, worker_name = 'w', claim_nonce = gen_random_uuid(),
                      joined_at = ${joined ? at(-age) : 'NULL'}, lease_expires_at = ${at(lease)} WHERE run_id = $1`, [held.id, state]);
    await db.query(`UPDATE runs SET state = $2, claimed_at = ${at(-age)}, started_at = ${started} WHERE id = $1`, [held.id, state]);
    await db.query("UPDATE work_orders SET state = 'running' WHERE id = $1", [held.work_order_id]);
    return held;
  }
  async function openStep(of) {
    const id = uuid7();
    await db.query('INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id, started_at) VALUES ($1, $2, $3, $4, $5, now())',
      [of.id, id, workflow.project.id, workflow.jobs[0].id, workflow.snapshot_id]);
    return id;
  }
  const state = async (of) => {
    const { state, error_type } = await db.one('SELECT state, error_type FROM runs WHERE id = $1', [of.id]);
    const order = await db.one('SELECT state FROM work_orders WHERE id = $1', [of.work_order_id]);
    const queued = (await db.query('SELECT FROM run_queue WHERE run_id = $1', [of.id])).length;
    return [state, error_type, order.state, queued].join(' ');
  };
  const lostToday = async () =>
    (await db.one("SELECT coalesce(sum(n), 0)::bigint AS n FROM workflow_day_counts WHERE workflow_id = $1 AND state = 'lost'", [workflow.id])).n;
  const daemon = (age, seen = 0) =>
    db.query(`INSERT INTO service_instances (id, service, host, started_at, seen_at)
              VALUES ($1, 'fulgur-workers', 'h', now() - $2 * interval '1 second', now() - $3 * interval '1 second')`, [uuid7(), age, seen]);

  test('timeout and grace', async () => {
    const before = await lostToday();
    const claimed = await held('claimed', { age: 320 }), started = await held('started', { age: 320 });
    const inGrace = await held('started', { age: 305 }), longer = await held('started', { age: 320, timeout: 600000 });
    const waits = await makeRun(db, workflow);
    await db.query("UPDATE run_queue SET inserted_at = now() - interval '1 year' WHERE run_id = $1", [waits.id]);
    const step = await openStep(started);

    const log = await good('fulgur-janitor');
    assert.equal(await state(claimed), 'lost LostAfterClaim lost 0');
    assert.equal(await state(started), 'lost LostAfterStart lost 0');
    assert.equal(await state(inGrace), 'started  running 1');
    assert.equal(await state(longer), 'started  running 1');
    assert.equal(await state(waits), 'available  pending 1');
    assert.equal((await db.one('SELECT exit_reason FROM steps WHERE id = $1', [step])).exit_reason, 'lost');
    assert.equal(await lostToday(), before + 2);
    assert.match(log, new RegExp(`${claimed.id} lost`));

    await good('fulgur-janitor', { RUN_GRACE_PERIOD_SECONDS: '1' });
    assert.equal(await state(inGrace), 'lost LostAfterStart lost 0');
  });

  test("a worker's slow clock loses no run", async () => {
    const slow = await held('started');
    await db.query("UPDATE run_queue SET started_at = now() - interval '1 day' WHERE run_id = $1", [slow.id]);
    await good('fulgur-janitor');
    assert.equal(await state(slow), 'started  running 1');
  });

  test('a work order with another run goes on', async () => {
    const lost = await held('started', { age: 400 });
    const waits = await makeRun(db, workflow, { work_order_id: lost.work_order_id });
    await good('fulgur-janitor');
    assert.equal(await state(lost), 'lost LostAfterStart pending 0');
    assert.equal(await state(waits), 'available  pending 1');
  });

  test('leases count when a daemon could have renewed them', async () => {
    const silent = await held('started', { age: 60, lease: -5 });
    const unjoined = await held('claimed', { age: 60, lease: -5, joined: false });
    const alive = await held('started', { age: 60, lease: 5 });
    const env = { FULGUR_WORKER_LEASE_SECONDS: '20' };

    await good('fulgur-janitor', env);
    assert.equal(await state(silent), 'started  running 1', 'no daemon');
    await daemon(10);
    await good('fulgur-janitor', env);
    assert.equal(await state(silent), 'started  running 1', 'it has just come back');
    await daemon(600, 60);
    await good('fulgur-janitor', env);
    assert.equal(await state(silent), 'started  running 1', 'this one has gone');
    await daemon(30);
    await good('fulgur-janitor', env);
    assert.equal(await state(silent), 'lost LostAfterStart lost 0');
    assert.equal(await state(unjoined), 'claimed  running 1', 'that one is given back, not lost');
    assert.equal(await state(alive), 'started  running 1');
  });

  test('a completion at the same moment wins or loses, never both', async () => {
    for (let i = 0; i < 10; i++) {
      const both = await held('started', { age: 400 });
      const session = await db.connect();
      await session.query('BEGIN');
      await session.query("SELECT run_complete($1, $2, 'success', now(), NULL, NULL, NULL, NULL, NULL, true, NULL, NULL, false)", [workflow.project.id, both.id]);
      const janitor = run('fulgur-janitor');
      await new Promise((resolve) => setTimeout(resolve, i * 5));
      await session.query(i % 2 ? 'COMMIT' : 'ROLLBACK');
      assert.equal((await janitor).code, 0);
      await session.end();
      await good('fulgur-janitor');
      assert.equal(await state(both), i % 2 ? 'success  success 0' : 'lost LostAfterStart lost 0');
    }
  });

  test('several at once lose each run once', async () => {
    const before = await lostToday();
    const lost = [];
    for (let i = 0; i < 20; i++) lost.push(await held('started', { age: 400 }));
    const logs = await Promise.all([1, 2, 3, 4].map(() => good('fulgur-janitor')));
    for (const one of lost) {
      assert.equal(await state(one), 'lost LostAfterStart lost 0');
      assert.equal(logs.join('').split(`Run ${one.id} lost`).length, 2);
    }
    assert.equal(await lostToday(), before + 20);
  });

  test("a webhook's caller that waits is told", async () => {
    const rings = [];
    const listener = await db.connect();
    listener.on('notification', ({ payload }) => rings.push(payload));
    await listener.query('LISTEN run_done');
    await held('started', { age: 400 });
    const waited = await held('started', { age: 400, reply_after_completion: true });
    await good('fulgur-janitor');
    await until(() => rings.length > 0);
    assert.deepEqual(rings, [waited.id]);
    await listener.end();
  });

  test('steps left open by a run that has ended', async () => {
    const ended = await held('started');
    const step = await openStep(ended);
    await db.query("SELECT run_end($1, $2, 'crashed', NULL, NULL, NULL, NULL)", [workflow.project.id, ended.id]);
    await good('fulgur-janitor');
    const reason = async () => (await db.one('SELECT exit_reason FROM steps WHERE id = $1', [step])).exit_reason;
    assert.equal(await reason(), null, 'within the grace period its worker may still say');
    await db.query("UPDATE runs SET finished_at = now() - interval '1 minute' WHERE id = $1", [ended.id]);
    await good('fulgur-janitor');
    assert.equal(await reason(), 'lost');
  });

  test('the house: partitions ahead, and what only lives for a while', async () => {
    await db.query(`INSERT INTO webhook_replies (run_id, project_id, status, data, inserted_at)
                    SELECT gen_random_uuid(), $1, 200, '{}', now() - n * interval '50 minutes' FROM generate_series(0, 3) AS n`, [workflow.project.id]);
    await db.query(`INSERT INTO cron_firings (project_id, trigger_id, minute)
                    SELECT $1, gen_random_uuid(), now() - n * interval '20 hours' FROM generate_series(0, 3) AS n`, [workflow.project.id]);
    await daemon(90000, 90000);
    await daemon(10, 10);
    const firings = (await db.one('SELECT count(*) AS n FROM cron_firings')).n;
    await good('fulgur-janitor');
    assert.equal((await db.one('SELECT count(*) AS n FROM webhook_replies')).n, 2);
    assert.equal((await db.one('SELECT count(*) AS n FROM cron_firings')).n, firings - 2);
    assert.equal((await db.one('SELECT count(*) AS n FROM service_instances')).n, 1);

    const partitions = async () => (await db.query("SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'runs'::regclass ORDER BY 1")).map(({ name }) => name);
    const made = await partitions();
    assert.ok(made.length >= 4, `${made}`);
    await good('fulgur-janitor');
    assert.deepEqual(await partitions(), made);
  });
});
