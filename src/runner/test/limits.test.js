/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Limits: time, memory, sizes, and what a job can see of the worker.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, test } from 'node:test';

import { bench, installCommon, perform, plan, reason, stateOf } from '../test-support/bench.js';

before(installCommon);

const MEGABYTE = '"x".repeat(1024 * 1024)';

/* Anything but language-common would have to be installed; a job without adaptor starts faster. */
const bare = (body) => ({ body: `export default [${body}]`, adaptor: null });

const OVERTIME = {
  'that waits for ever': bare('() => new Promise(() => {})'),
  'that never yields': bare('() => { while (true); }'),
};

for (const [name, job] of Object.entries(OVERTIME))
  test(`a job ${name} is killed`, async (t) => {
    const { peer } = await bench(t);
    /* A limit no other test uses: it marks the process of this run. */
    const run = await perform(peer, plan([job], { options: { run_timeout_ms: 1500, run_memory_limit_mb: 123 } }));
    const expected = ['kill', 'TimeoutError', 'Workflow failed to return within 1500ms'];

    assert.deepEqual(reason(run.steps[0]), expected);
    assert.equal(run.steps[0].output_dataclip, '{}');
    assert.deepEqual(reason(run.result), expected);
    assert.equal('final_state' in run.result, false);
    assert.deepEqual(jobProcesses('--max-old-space-size=123'), []);
  });

test('the time limit of the worker counts where the plan has none', async (t) => {
  const { peer } = await bench(t, { args: ['--max-run-duration-seconds', '1'] });
  const run = await perform(peer, plan([OVERTIME['that waits for ever']], { options: { run_timeout_ms: undefined } }));

  assert.deepEqual(reason(run.result), ['kill', 'TimeoutError', 'Workflow failed to return within 1000ms']);
});

test('a job that takes all memory is killed', async (t) => {
  const { peer } = await bench(t);
  const job = bare('() => { const all = []; while (true) all.push(new Array(1000).fill(all.length)); }');
  const run = await perform(peer, plan([job], { options: { run_memory_limit_mb: 60 } }));
  const expected = ['kill', 'OOMError', 'Run exceeded maximum memory usage'];

  assert.deepEqual(reason(run.steps[0]), expected);
  assert.deepEqual(reason(run.result), expected);
  assert.ok(run.logs.some(({ message }) => message[0] === 'Memory limit: 60mb'));
});

test('a state above a quarter of the memory is too large', async (t) => {
  const { peer } = await bench(t);
  const job = bare(`() => ({ data: ${MEGABYTE}.repeat(17) })`);
  const run = await perform(peer, plan([job], { options: { run_memory_limit_mb: 64 } }));

  assert.deepEqual(reason(run.steps[0]), ['kill', 'StateTooLargeError', 'State exceeds the limit of 16mb']);
  assert.deepEqual(reason(run.result), ['kill', 'StateTooLargeError', 'State exceeds the limit of 16mb']);
});

test('an output above the payload limit is withheld, the next step still gets it', async (t) => {
  const { peer } = await bench(t);
  const job = plan([bare(`() => ({ data: { long: ${MEGABYTE} } })`), bare('s => ({ length: s.data.long.length })')], {
    options: { payload_limit_mb: 1 },
  });
  const run = await perform(peer, job);

  assert.equal(run.steps[0].output_dataclip_error, 'DATACLIP_TOO_LARGE');
  assert.equal('output_dataclip' in run.steps[0] || 'output_dataclip_id' in run.steps[0], false);
  assert.equal(run.steps[0].reason, 'success');
  assert.equal('input_dataclip_id' in run.started[1], false);
  assert.deepEqual(stateOf(run.steps[1]), { length: 1024 * 1024 });
});

test('the final state is sent whatever its size', async (t) => {
  const { peer } = await bench(t, { env: { WORKER_MAX_PAYLOAD_MB: '0.5' } });
  const run = await perform(peer, plan([bare(`() => ({ long: ${MEGABYTE} })`)]));

  assert.equal(run.steps[0].output_dataclip_error, 'DATACLIP_TOO_LARGE');
  assert.equal(run.result.final_state.long.length, 1024 * 1024);
  assert.equal('final_dataclip_id' in run.result, false);
});

test('a log line above its limit is withheld', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan([bare(`s => { console.log(${MEGABYTE}); console.log('short'); return s; }`)]));

  assert.deepEqual(
    run.logs.filter(({ source }) => source === 'JOB').map(({ message }) => message),
    [['[REDACTED: Message length exceeds payload limit]'], ['short']],
  );
});

test('outputs stay here when the project keeps none', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan([bare('s => ({ n: 1 })'), bare('s => s')], { options: { output_dataclips: false } }));

  for (const step of run.steps) {
    assert.match(step.output_dataclip_id, /^[0-9a-f-]{36}$/);
    assert.equal('output_dataclip' in step, false);
  }
  assert.equal(run.started[1].input_dataclip_id, run.steps[0].output_dataclip_id);
  assert.equal(run.result.final_dataclip_id, run.steps[1].output_dataclip_id);
});

test('a job process knows nothing of the worker’s environment', async (t) => {
  process.env.WORKER_SECRET_FOR_TEST = 'do not tell';
  t.after(() => delete process.env.WORKER_SECRET_FOR_TEST);
  const { peer } = await bench(t);
  const job = plan([bare('() => new Promise(() => {})')], { options: { run_memory_limit_mb: 124 } });
  peer.offer(job);
  await peer.seen((f) => f.topic === `run:${job.id}` && f.event === 'step:start');

  const environments = jobProcesses('--max-old-space-size=124').map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8'));
  peer.answer('phx_join', () => ({ status: 'error', response: { reason: 'unauthorized' } }));
  peer.cut();

  assert.equal(environments.length, 1);
  assert.equal(environments.some((text) => text.includes('do not tell')), false);
});

test('runs share nothing', async (t) => {
  const { peer } = await bench(t);
  const body = bare('s => { const f = s.constructor; f.seen = (f.seen ?? 0) + 1; return { seen: f.seen } }');
  const first = await perform(peer, plan([body]));
  const second = await perform(peer, plan([body]));

  assert.deepEqual([first.result.final_state, second.result.final_state], [{ seen: 1 }, { seen: 1 }]);
  assert.notEqual(first.steps[0].thread_id, second.steps[0].thread_id);
});

test('the capacity is never exceeded', async (t) => {
  const { peer } = await bench(t, { args: ['--capacity', '2'] });
  const jobs = Array.from({ length: 5 }, () => plan([bare('s => new Promise(done => setTimeout(() => done(s), 300))')]));
  jobs.forEach((job) => peer.offer(job));
  await Promise.all(jobs.map(({ id }) => peer.left(id)));

  let running = 0;
  let most = 0;
  for (const { topic, event } of peer.frames) {
    running += Number(topic.startsWith('run:')) * ((event === 'phx_join') - (event === 'phx_leave'));
    most = Math.max(most, running);
  }
  assert.ok(most <= 2, `${most} at once`);
  assert.ok(jobs.every(({ id }) => peer.of(id, 'run:complete')[0].reason === 'success'));
});

/* Linux only, as the worker's unit is. */
function jobProcesses(option) {
  return readdirSync('/proc').filter((name) => {
    try {
      const commandLine = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      return commandLine.includes(option) && commandLine.some((word) => word.endsWith('/job-process.js'));
    } catch {
      return false;
    }
  });
}
