// SPDX-License-Identifier: Apache-2.0
//
// fulgur-workers, as workers see it: through the client library of the real one, against a real PostgreSQL.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeCredential, makeDataclip, makeKeychain, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { readToken, recordedWorkerToken, runToken, workerToken } from './lib/keys.js';
import { connectRaw, connectWorker, Refused, until } from './lib/worker.js';

let db, daemon, worker, queue;

before(async () => {
  db = await newDatabase();
  daemon = await startDaemon('workers', db, { FULGUR_CLAIM_JOIN_SECONDS: '2' });
  worker = await connectWorker(daemon);
  queue = await worker.queue();
});

after(async () => {
  await worker.close();
  await daemon.finish();
  await db.close();
});

const stamp = () => String(Date.now() * 1000 + Math.floor(Math.random() * 1000));

/** A run, claimed and joined. */
async function claimOne(workflow, values) {
  const run = await makeRun(db, workflow, values);
  let claimed;
  // Other tests may have left runs behind: they are not ours to finish.
  await until(async () => (claimed = (await queue.claim()).find(({ id }) => id === run.id)));
  run.token = claimed.token;
  run.channel = await worker.run(run.id, run.token);
  return run;
}

describe('a run from claim to end', () => {
  test('everything is stored as it was reported', async () => {
    const project = await makeProject(db);
    const workflow = await makeWorkflow(db, project, { jobs: [{}, { body: 'fn(s => ({...s, b: 2}))' }] });
    const run = await makeRun(db, workflow, { dataclip: { body: '{"greeting":"hello", "n": 12345678901234567890}', request: { method: 'POST' } } });

    const [claimed] = await queue.claim({ worker_name: 'worker-a' });
    assert.equal(claimed.id, run.id);
    const claims = readToken(claimed.token);
    assert.deepEqual({ iss: claims.iss, id: claims.id, sub: claims.sub }, { iss: 'Lightning', id: run.id, sub: `run:${run.id}` });
    assert.equal(claims.exp - claims.nbf, 310);
    assert.equal(claims.project_id, project.id);

    let row = await db.one('SELECT * FROM runs WHERE id = $1', [run.id]);
    assert.equal(row.state, 'claimed');
    assert.equal(row.worker_name, 'worker-a');
    assert.equal(row.claim_nonce, claims.claim);
    assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, 'running');

    const channel = await worker.run(run.id, claimed.token);
    const plan = await channel.ok('fetch:plan');
    assert.deepEqual(plan, {
      id: run.id,
      project_id: project.id,
      triggers: [{ id: workflow.trigger.id }],
      jobs: workflow.jobs.map(({ id, name, adaptor, body }) => ({ id, name, adaptor, credential_id: null, body })),
      edges: workflow.edges.map((edge) => ({
        id: edge.id, source_trigger_id: edge.source_trigger_id, source_job_id: edge.source_job_id, target_job_id: edge.target_job_id,
        condition: edge.condition_type, enabled: true,
      })),
      starting_node_id: workflow.trigger.id,
      dataclip_id: run.dataclip.id,
      options: { output_dataclips: true, run_timeout_ms: 300000 },
      meta: { work_order_id: run.work_order_id, workflow_id: workflow.id, project_id: project.id },
    });

    const input = Buffer.from(await channel.ok('fetch:dataclip', { id: run.dataclip.id })).toString();
    assert.equal(input, '{"data":{"greeting":"hello", "n": 12345678901234567890},"request":{"method":"POST"}}');

    assert.equal(await channel.ok('run:start', { versions: { worker: '1.25.0' }, timestamp: '1795441205011198' }), null);
    row = await db.one('SELECT * FROM runs WHERE id = $1', [run.id]);
    assert.equal(row.state, 'started');
    assert.equal(row.started_at, '2026-11-23 13:40:05.011198+00');

    const [first, second] = [crypto.randomUUID(), crypto.randomUUID()];
    const [output, last] = [crypto.randomUUID(), crypto.randomUUID()];
    assert.deepEqual(
      await channel.ok('step:start', { step_id: first, job_id: workflow.jobs[0].id, timestamp: stamp(), input_dataclip_id: run.dataclip.id }),
      { step_id: first });
    const line = await channel.ok('run:log', {
      run_id: run.id, message: ['hi', { a: 1 }, 42, null], source: 'JOB', level: 'info', timestamp: '1795441428448938', step_id: first,
    });
    assert.match(line.log_line_id, /^[0-9a-f-]{36}$/);
    assert.deepEqual(
      await channel.ok('step:complete', {
        step_id: first, job_id: workflow.jobs[0].id, mem: { job: 48424992, system: 218415104 }, duration: 802, thread_id: 2,
        timestamp: '1795441206253812', output_dataclip_id: output, output_dataclip: '{"data":{"greeting":"hello"}}',
        reason: 'success', error_type: null, error_message: null,
      }),
      { step_id: first });
    await channel.ok('step:start', { step_id: second, job_id: workflow.jobs[1].id, timestamp: stamp(), input_dataclip_id: output });
    await channel.ok('step:complete', {
      step_id: second, job_id: workflow.jobs[1].id, output_dataclip_id: last, output_dataclip: '5', reason: 'fail',
      error_type: 'JobError', error_message: 'boom',
    });
    assert.deepEqual(
      await channel.ok('run:batch_logs', {
        run_id: run.id,
        logs: [
          { message: ['Run complete with status: fail'], source: 'R/T', level: 'info', timestamp: '1795441428448939' },
          { message: 'plain', timestamp: 1795441428448 },
        ],
      }),
      {});
    assert.equal(
      await channel.ok('run:complete', {
        timestamp: '1795441206253997', final_state: { data: 5 }, reason: 'fail', error_type: 'JobError', error_message: 'boom',
        final_dataclip_id: last,
      }),
      null);

    row = await db.one('SELECT * FROM runs WHERE id = $1', [run.id]);
    assert.deepEqual(
      [row.state, row.error_type, row.error_message, row.final_dataclip_id, row.finished_at],
      ['failed', 'JobError', 'boom', last, '2026-11-23 13:40:06.253997+00']);
    assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, 'failed');
    assert.equal(await db.one('SELECT FROM run_queue WHERE run_id = $1', [run.id]), undefined);
    assert.deepEqual(
      await db.query('SELECT state, n FROM workflow_day_counts WHERE workflow_id = $1', [workflow.id]), [{ state: 'failed', n: 1 }]);

    const steps = await db.query('SELECT * FROM steps WHERE run_id = $1 ORDER BY inserted_at', [run.id]);
    assert.deepEqual(
      steps.map((s) => [s.id, s.job_id, s.input_dataclip_id, s.output_dataclip_id, s.exit_reason, s.duration_ms, s.memory_job, s.memory_system, s.snapshot_id]),
      [
        [first, workflow.jobs[0].id, run.dataclip.id, output, 'success', 802, 48424992, 218415104, workflow.snapshot_id],
        [second, workflow.jobs[1].id, output, last, 'fail', null, null, null, workflow.snapshot_id],
      ]);
    assert.equal(steps[0].finished_at, '2026-11-23 13:40:06.253812+00');
    assert.equal((await db.query('SELECT FROM run_steps WHERE run_id = $1', [run.id])).length, 2);
    assert.deepEqual(
      (await db.query('SELECT body FROM dataclip_bodies WHERE dataclip_id = ANY ($1) ORDER BY inserted_at', [[output, last]]))
        .map(({ body }) => body.toString()),
      ['{"data":{"greeting":"hello"}}', '{"value":5}']);
    assert.deepEqual(
      (await db.query('SELECT * FROM log_lines WHERE run_id = $1 ORDER BY "timestamp", id', [run.id]))
        .map((l) => [l.message, l.level, l.source, l.step_id, l.timestamp]),
      [
        ['plain', 'info', null, null, '2026-11-23 13:43:48.448+00'],
        ['hi {"a":1} 42 null', 'info', 'JOB', first, '2026-11-23 13:43:48.448938+00'],
        ['Run complete with status: fail', 'info', 'R/T', null, '2026-11-23 13:43:48.448939+00'],
      ]);
    await channel.leave();
  });
});
