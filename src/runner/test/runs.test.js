/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Runs: what the server hears of a run, for every way a run can go.
 */

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { before, test } from 'node:test';

import { bench, COMMON, installCommon, perform, plan, reason, stateOf } from '../test-support/bench.js';

const SUCCESS = ['success', null, null];

before(installCommon);

test('a run that succeeds', async (t) => {
  const { peer } = await bench(t, { env: { WORKER_NAME: 'tester' } });
  const job = plan(['fn(state => ({ ...state, seen: true }))']);
  const run = await perform(peer, job, { input: { data: { a: 1 } } });

  assert.deepEqual(
    run.events.filter((event) => event !== 'run:log'),
    ['phx_join', 'fetch:plan', 'fetch:dataclip', 'run:start', 'step:start', 'step:complete', 'run:complete', 'phx_leave'],
  );

  const [started] = run.started;
  assert.equal(started.job_id, job.jobs[0].id);
  assert.equal(started.input_dataclip_id, job.dataclip_id);
  assert.match(started.timestamp, /^\d{16}$/);

  const [step] = run.steps;
  assert.equal(step.step_id, started.step_id);
  assert.deepEqual(stateOf(step), { data: { a: 1 }, seen: true });
  assert.deepEqual(reason(step), SUCCESS);
  assert.ok(step.mem.job > 0 && step.mem.system > 0);
  assert.equal(typeof step.duration, 'number');
  assert.equal(typeof step.thread_id, 'number');

  assert.deepEqual(reason(run.result), SUCCESS);
  assert.deepEqual(run.result.final_state, { data: { a: 1 }, seen: true });
  assert.equal(run.result.final_dataclip_id, step.output_dataclip_id);
  assert.match(run.result.timestamp, /^\d{16}$/);

  const { versions } = peer.of(run.id, 'run:start')[0];
  assert.deepEqual(versions['@openfn/language-common'], ['3.3.4']);

  const join = peer.frames.find((frame) => frame.event === 'phx_join');
  assert.deepEqual(join.payload, { capacity: 5, queues: { 'manual>*': 5 } });
  const claim = peer.frames.find((frame) => frame.event === 'claim');
  assert.deepEqual(claim.payload, { demand: 1, worker_name: 'tester', queues: ['manual', '*'] });
  assert.equal(peer.queries[0].vsn, '2.0.0');
  assert.equal(peer.queries[0].api_version, '1.2');
});

test('operations of the adaptor, in order, with $', async (t) => {
  const { peer } = await bench(t);
  const body = `
    fn(state => ({ ...state, n: 1 }));
    each('$.data.list[*]', fn(state => { state.n += state.data; return state; }));
    fnIf($.n > 2, fn(state => ({ ...state, large: true })));
    fn(() => ({ n: $.n, large: $.large, day: dateFns.format(new Date(2020, 1, 1), 'yyyy') }));`;
  const run = await perform(peer, plan([body]), { input: { data: { list: [1, 2] } } });

  assert.deepEqual(reason(run.result), SUCCESS);
  assert.deepEqual(run.result.final_state, { n: 4, large: true, day: '2020' });
});

test('steps hand on their state and dataclip', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(() => ({ n: 1 }))', 'fn(s => ({ n: s.n + 1 }))']));

  assert.deepEqual(run.result.final_state, { n: 2 });
  assert.equal(run.started[1].input_dataclip_id, run.steps[0].output_dataclip_id);
  assert.equal(run.result.final_dataclip_id, run.steps[1].output_dataclip_id);
});

test('a job that fails', async (t) => {
  const { peer } = await bench(t);
  const job = plan(['fn(() => { throw new Error("boom") })', 'fn(s => s)']);
  const run = await perform(peer, job, { input: { data: { a: 1 } } });
  const expected = ['fail', 'JobError', 'boom'];

  assert.equal(run.started.length, 1);
  assert.deepEqual(reason(run.steps[0]), expected);
  assert.equal(stateOf(run.steps[0]).errors[job.jobs[0].id].message, 'boom');
  assert.deepEqual(reason(run.result), expected);
  assert.equal(run.result.final_dataclip_id, run.steps[0].output_dataclip_id);
  assert.ok(run.logs.some(({ message }) => message[0] === 'Run complete with status: fail'));
  assert.ok(run.logs.some(({ message }) => message[0] === 'JobError: boom'));
});

/* [body, reason of the step, reason of the run] */
const FAILURES = {
  'a type error': [
    'fn(() => null.x)',
    ['fail', 'RuntimeError', "TypeError: Cannot read properties of null (reading 'x')"],
  ],
  'an error in the adaptor': ['http.get("not an address")', ['fail', 'AdaptorError', /./]],
  'a name nobody knows': [
    'fn(() => x)',
    ['crash', 'ReferenceError', 'ReferenceError: x is not defined'],
    ['crash', 'RuntimeCrash', 'ReferenceError: x is not defined'],
  ],
  'eval': ['fn(() => eval("1"))', ['kill', 'SecurityError', 'Illegal eval statement detected']],
  'no operation': ['console.log(1)', ['crash', 'InvalidOperationError', /Invalid operation at statement 0/], ['crash', 'RuntimeCrash', /Invalid operation/]],
  'a module that is not allowed': ['import fs from "fs"; fn(s => s)', ['crash', 'ImportError', 'module blacklisted: fs']],
};

for (const [name, [body, step, run = step]] of Object.entries(FAILURES))
  test(`a job with ${name}`, async (t) => {
    const { peer } = await bench(t);
    const outcome = await perform(peer, plan([body]));

    assertReason(outcome.steps[0], step);
    assertReason(outcome.result, run);
    assert.equal('final_state' in outcome.result, step[0] === 'fail');
  });

test('an error outside of every operation', async (t) => {
  const { peer } = await bench(t);
  const body = 'fn(state => new Promise(() => setTimeout(() => { throw new Error("late") }, 10)))';
  const run = await perform(peer, plan([body]));

  assert.deepEqual(reason(run.steps[0]), ['crash', 'RuntimeCrash', 'Error: late']);
  assert.equal(run.steps[0].output_dataclip, '{}');
  assert.deepEqual(reason(run.result), ['crash', 'RuntimeCrash', 'Error: late']);
});

test('a job that does not compile', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(state => {']));

  assert.equal(run.started.length, 0);
  assert.deepEqual(reason(run.result), ['crash', 'CompileError', 'Job 1: Unexpected token (1:13)']);
});

test('errors lead to the line the user wrote', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => s);\n\nfn(s => {\n  return y;\n})']));

  assert.ok(run.logs.some(({ message }) => /^4: {3}return y;/.test(message[0])), JSON.stringify(run.logs.slice(-8)));
});

test('edges: success, failure, expression, disabled', async (t) => {
  const { peer } = await bench(t);
  const job = plan(['fn(s => ({ go: 7 }))', ...'bcdef'.split('').map((x) => `fn(s => ({ ${x}: 1 }))`)], {
    edges: [
      [0, 1, 'on_job_success'],
      [0, 2, 'on_job_failure'],
      [0, 3, '\n  state.go > 6 // large\n'],
      [0, 4, 'state.go > 7'],
      [0, 5, 'always', false],
    ],
  });
  const run = await perform(peer, job);
  const [, second, , fourth] = job.jobs.map(({ id }) => id);

  assert.deepEqual(run.started.slice(1).map((step) => step.job_id), [second, fourth]);
  assert.deepEqual(run.result.final_state, { [second]: { b: 1 }, [fourth]: { d: 1 } });
  assert.equal('final_dataclip_id' in run.result, false);
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('a failure that is handled is none', async (t) => {
  const { peer } = await bench(t);
  const edges = [
    [0, 1, 'on_job_success'],
    [0, 2, 'on_job_failure'],
  ];
  const job = plan(['fn(() => { throw new Error("x") })', 'fn(s => s)', 'fn(s => ({ handled: true }))'], { edges });
  const run = await perform(peer, job);

  assert.deepEqual(run.steps.map((step) => step.reason), ['fail', 'success']);
  assert.equal(run.started[1].job_id, job.jobs[2].id);
  assert.deepEqual(run.result.final_state, { handled: true });
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('one of two leaves fails', async (t) => {
  const { peer } = await bench(t);
  const edges = [
    [0, 1, 'always'],
    [0, 2, null],
  ];
  const run = await perform(peer, plan(['fn(s => s)', 'fn(() => { throw new Error("x") })', 'fn(s => s)'], { edges }));

  assert.equal(run.steps.length, 3);
  assert.deepEqual(reason(run.result), ['fail', 'JobError', 'x']);
});

test('an edge that throws', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => s)', 'fn(s => s)'], { edges: [[0, 1, 'state.a.b']] }));
  const expected = ['crash', 'EdgeConditionError', "Cannot read properties of undefined (reading 'b')"];

  assert.equal(run.started.length, 1);
  assert.deepEqual(reason(run.steps[0]), expected);
  assert.equal(run.steps[0].output_dataclip, '{}');
  assert.deepEqual(reason(run.result), expected);
});

test('an edge that does not compile', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => s)', 'fn(s => s)'], { edges: [[0, 1, 'state.']] }));

  assert.equal(run.started.length, 0);
  assert.equal(run.result.reason, 'crash');
  assert.equal(run.result.error_type, 'Error');
});

test('steps in a circle', async (t) => {
  const { peer } = await bench(t);
  const edges = [
    [0, 1, 'always'],
    [1, 0, 'always'],
  ];
  const run = await perform(peer, plan(['fn(s => s)', 'fn(s => s)'], { edges }));

  assertReason(run.result, ['crash', 'ValidationError', /Circular/]);
});

test('a diamond executes its last job twice, each with its own input', async (t) => {
  const { peer } = await bench(t);
  const edges = [
    [0, 1, 'always'],
    [0, 2, 'always'],
    [1, 3, 'always'],
    [2, 3, 'always'],
  ];
  const job = plan(['fn(s => s)', 'fn(s => ({ n: 1 }))', 'fn(s => ({ n: 2 }))', 'fn(s => s)'], { edges });
  const run = await perform(peer, job);
  const last = job.jobs[3].id;

  assert.deepEqual(
    run.started.slice(3).map((step) => step.input_dataclip_id),
    run.steps.slice(1, 3).map((step) => step.output_dataclip_id),
  );
  assert.deepEqual(run.result.final_state, { [last]: { data: {}, n: 1 }, [`${last}-1`]: { data: {}, n: 2 } });
});

test('an empty job passes the state on without a step', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => ({ n: 1 }))', '', 'fn(s => s)']));

  assert.equal(run.steps.length, 2);
  assert.equal(run.started[1].input_dataclip_id, run.steps[0].output_dataclip_id);
  assert.deepEqual(run.result.final_state, { data: {}, n: 1 });
});

test('nothing but an empty job', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['']), { input: { data: { a: 1 } } });

  assert.equal(run.steps.length, 0);
  assert.deepEqual(run.result.final_state, { data: { a: 1 } });
  assert.equal('final_dataclip_id' in run.result, false);
});

test('a run that starts at a job', async (t) => {
  const { peer } = await bench(t);
  const job = plan(['fn(s => ({ first: true }))', 'fn(s => ({ ...s, second: true }))']);
  job.starting_node_id = job.jobs[1].id;
  const run = await perform(peer, job, { input: { data: { a: 1 } } });

  assert.equal(run.started.length, 1);
  assert.equal(run.started[0].input_dataclip_id, job.dataclip_id);
  assert.deepEqual(run.result.final_state, { data: { a: 1 }, second: true });
});

for (const [name, given, changes] of [
  ['without an input', {}, { dataclip_id: null }],
  ['with a wiped input', { input: null }, {}],
])
  test(`a run ${name} starts from an empty state`, async (t) => {
    const { peer } = await bench(t);
    const run = await perform(peer, plan(['fn(s => s)'], changes), given);

    assert.deepEqual(run.result.final_state, { data: {} });
    assert.equal(run.events.includes('fetch:dataclip'), changes.dataclip_id === undefined);
    assert.equal('input_dataclip_id' in run.started[0], changes.dataclip_id === undefined);
  });

test('a job may return anything', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(() => 5)']));

  assert.equal(run.steps[0].output_dataclip, '5');
  assert.equal(run.result.final_state, 5);
});

test('a job that forgets to return the state', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(() => {})']));

  assert.equal(run.steps[0].output_dataclip, '{}');
  assert.deepEqual(run.result.final_state, {});
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('an answer for the webhook', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => ({ ...s, webhookResponse: { status: 202, body: { a: 1 } } }))']));

  assert.deepEqual(run.steps[0].webhook_response, { status: 202, body: { a: 1 } });
});

test('globals of the workflow', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan(['fn(s => ({ n: twice(2) }))'], { globals: 'export const twice = (n) => 2 * n;' }));

  assert.deepEqual(run.result.final_state, { n: 4 });
});

test('a credential reaches its job and nothing else', async (t) => {
  const { peer } = await bench(t);
  const [id, keychain] = [randomUUID(), randomUUID()];
  const body = 'fn(state => { console.log(state); return { user: state.configuration.user, configuration: state.configuration } })';
  const job = plan([
    { body, credential_id: id },
    { body, credential_id: keychain },
    { body, credential: { user: 'inline' } },
    body,
  ]);
  const run = await perform(peer, job, { credentials: { [id]: { user: 'joe', password: 'hunter2' } } });

  assert.deepEqual(peer.of(run.id, 'fetch:credential'), [{ id }, { id: keychain }]);
  assert.deepEqual(run.steps.map(stateOf), [{ user: 'joe' }, {}, { user: 'inline' }, {}]);
  const all = JSON.stringify(peer.frames.filter((frame) => frame.topic === `run:${run.id}`));
  assert.equal(all.includes('hunter2'), false);
});

test('what the job logs', async (t) => {
  const { peer } = await bench(t);
  const body = `fn(state => {
    const circle = {}; circle.self = circle;
    console.log('hi', { a: 1 }, 42, null); console.warn('w'); console.error(new Error('oops')); console.debug('d');
    console.log(10n, () => 1, undefined); console.log(circle); console.log();
    return state; })`;
  const run = await perform(peer, plan([body]));
  const lines = run.logs.filter(({ source }) => source === 'JOB');

  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [
      ['info', ['hi', { a: 1 }, 42, null]],
      ['warn', ['w']],
      ['error', [{ name: 'Error', message: 'oops' }]],
      ['debug', ['d']],
      ['info', ['10', lines[4].message[1], null]],
      ['info', [{ self: '[Circular]' }]],
    ],
  );
  assert.ok(lines.every((line) => line.step_id === run.started[0].step_id && /^\d{16}$/.test(line.timestamp)));
  assert.equal(run.logs.filter(({ source }) => source === 'VER').length, 1);
});

test('no logs of jobs when the workflow disables them', async (t) => {
  const { peer } = await bench(t);
  const body = 'fn(state => { console.log(1); console.error(2); return state; })';
  const run = await perform(peer, plan([body], { options: { job_log_level: 'none' } }));

  assert.equal(run.logs.filter(({ source }) => source === 'JOB').length, 0);
  assert.notEqual(run.logs.filter(({ source }) => source === 'R/T').length, 0);
});

test('logs in batches, sent before the event that follows', async (t) => {
  const { peer } = await bench(t, { args: ['--batch-logs', '--batch-limit', '3', '--batch-interval', '1000'] });
  const run = await perform(peer, plan(['fn(s => { for (let i = 0; i < 7; i++) console.log(i); return s; })']));
  const batches = peer.of(run.id, 'run:batch_logs');

  assert.equal(run.events.includes('run:log'), false);
  assert.ok(batches.every(({ logs, run_id }) => logs.length <= 3 && run_id === run.id));
  assert.deepEqual(run.logs.filter(({ source }) => source === 'JOB').map(({ message }) => message[0]), [0, 1, 2, 3, 4, 5, 6]);
  assert.deepEqual(run.events.slice(-3), ['run:batch_logs', 'run:complete', 'phx_leave']);
});

test('errors of the server do not stop a run', async (t) => {
  const { peer } = await bench(t);
  for (const event of ['run:start', 'step:start', 'step:complete', 'run:log'])
    peer.answer(event, () => ({ status: 'error', response: { errors: { state: ['no'] } } }));
  const run = await perform(peer, plan(['fn(s => ({ n: 1 }))']));

  assert.deepEqual(reason(run.result), SUCCESS);
});

test('collections', async (t) => {
  const args = ['--collections-url', 'http://server/collections', '--collections-version', '3.3.4'];
  const { peer } = await bench(t, { args });
  peer.offer(plan(['collections.get("x", "y")', 'fn(s => s)']));
  const started = await peer.seen((f) => f.event === 'run:complete');

  /* No such version exists: the attempt to install it is what shows that it is wanted. */
  assertReason(started.payload, ['exception', 'AutoinstallError', /@openfn\/language-collections@3\.3\.4/]);
});

/* [answer of the server, reason] */
const REFUSALS = {
  'fetch:plan': [{ status: 'error', response: { reason: 'no' } }, ['exception', 'ExecutionError', /\[fetch:plan\] \{"reason":"no"\}/]],
  'fetch:dataclip': [{ status: 'error', response: 'gone' }, ['exception', 'DataClipError', /^Failed to load dataclip [\w-]+: \[fetch:dataclip\] gone$/]],
  'fetch:credential': [
    { status: 'error', response: { errors: { id: ['Credential not found!'] } } },
    ['exception', 'CredentialLoadError', 'Failed to load credential c1: [fetch:credential] {"errors":{"id":["Credential not found!"]}}'],
  ],
};

for (const [event, [answer, expected]] of Object.entries(REFUSALS))
  test(`the server refuses ${event}`, async (t) => {
    const { peer } = await bench(t);
    peer.answer(event, () => answer);
    const jobs = [{ body: 'fn(s => s)', credential_id: 'c1' }, { body: 'fn(s => s)', credential_id: 'c1' }];
    const run = await perform(peer, plan(jobs));

    assertReason(run.result, expected);
    assert.equal(run.events.includes('run:start'), false);
    assert.equal('timestamp' in run.result, false);
  });

test('the server does not answer', async (t) => {
  const { peer } = await bench(t, { args: ['--message-timeout', '0.2'] });
  peer.answer('fetch:dataclip', () => undefined);
  const run = await perform(peer, plan(['fn(s => s)']));

  assertReason(run.result, ['exception', 'DataClipError', /\[fetch:dataclip\] timeout$/]);
});

test('the server refuses the join', async (t) => {
  const { peer } = await bench(t);
  const refused = plan(['fn(s => s)']);
  peer.answer('phx_join', (_, topic, topics) => {
    if (topic === `run:${refused.id}`)
      return { status: 'error', response: { reason: 'unauthorized' } };
    topics.set(topic, '');
    return { status: 'ok', response: {} };
  });

  peer.offer(refused);
  await peer.left(refused.id);
  const run = await perform(peer, plan(['fn(s => s)']));

  assert.deepEqual(peer.events(refused.id), ['phx_join', 'phx_leave']);
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('a package of somebody else is not installed', async (t) => {
  const { peer } = await bench(t);
  const run = await perform(peer, plan([{ body: 'import { x } from "left-pad"; fn(s => s)', adaptor: 'left-pad@1.0.0' }]));

  assertReason(run.result, ['crash', /Import|Runtime/, /left-pad/]);
});

function assertReason(payload, [name, type, message]) {
  const check = (actual, expected) =>
    expected instanceof RegExp ? assert.match(actual, expected) : assert.equal(actual, expected);

  check(payload.reason, name);
  check(payload.error_type, type);
  check(payload.error_message, message);
}
