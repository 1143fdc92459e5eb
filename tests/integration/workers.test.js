// SPDX-License-Identifier: Apache-2.0
//
// fulgur-workers as workers see it: through the client library of the real one, against a real PostgreSQL.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeDataclip, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { readToken, recordedWorkerToken, runToken, workerToken } from './lib/keys.js';
import { makeStage, stamp } from './lib/stage.js';
import { connectRaw, connectWorker, until } from './lib/worker.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let stage, db, daemon, worker, queue, project;

before(async () => {
  stage = await makeStage({ FULGUR_CLAIM_JOIN_SECONDS: '600' });
  ({ db, daemon, worker, queue } = stage);
  project = await makeProject(db);
});

after(() => stage.end());

const blank = ["This field can't be blank."];
const invalid = ['is invalid'];

describe('connecting', () => {
  const refused = (params) => connectWorker(daemon, params).then(() => assert.fail('it was let in'), (error) => error);

  test('a token that was recorded from a real worker is good', async () => {
    const other = await connectWorker(daemon, { token: recordedWorkerToken });
    assert.deepEqual(await other.channel('worker:queue', { capacity: 2 }).join(), {});
    await other.close();
  });

  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokens = {
    'no token': '',
    'not a token': 'abc.def.ghi',
    'another secret': workerToken({}, 'another secret'),
    'no signature': part({ alg: 'none' }) + '.' + part({ worker_id: 'x', iat: 1, iss: 'urn:openfn:worker' }) + '.',
    'a run token': runToken(uuid7()),
    'another issuer': workerToken({ iss: 'urn:openfn:other' }),
    'no worker id': workerToken({ worker_id: undefined }),
    'no time of issue': workerToken({ iat: undefined }),
    'not yet valid': workerToken({ nbf: Math.floor(Date.now() / 1000) + 60 }),
  };
  for (const [name, token] of Object.entries(tokens))
    test(`refused: ${name}`, async () => {
      const { status, body } = await refused({ token });
      assert.deepEqual([status, body], [401, 'Unauthorized']);
    });

  test('a token that is valid since a second ago is good', async () => {
    await (await connectWorker(daemon, { token: workerToken({ nbf: Math.floor(Date.now() / 1000) - 1 }) })).close();
  });

  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-key': 'BM12uDcSqU8HYG7C4ilXDw==' };
  const ask = async (path, headers = {}, method = 'GET') => (await daemon.request({ path, method, headers: { ...upgrade, ...headers } })).status;
  const path = (vsn) => `/worker/websocket?token=${workerToken()}${vsn === undefined ? '' : `&vsn=${vsn}`}`;

  test('only 2.0.x is spoken', async () => {
    for (const vsn of ['2.0.0', '2.0.7']) assert.equal(await ask(path(vsn)), 101, vsn);
    for (const vsn of [undefined, '', '1.0.0', '2', '2.0', '2.0.', '2.1.0', '2.0.x', '3.0.0']) assert.equal(await ask(path(vsn)), 403, vsn);
  });
  test('only one path, only GET', async () => {
    for (const other of ['/', '/worker', '/worker/websocket/', '/worker/longpoll?vsn=2.0.0', '/websocket'])
      assert.equal(await ask(other), 404, other);
    assert.equal(await ask(path('2.0.0'), {}, 'POST'), 400);
  });
  test('pages of others are kept out', async () => {
    assert.equal(await ask(path('2.0.0'), { origin: 'https://evil.example' }), 403);
    assert.equal(await ask(path('2.0.0'), { origin: 'null' }), 403);
    assert.equal(await ask(path('2.0.0'), { origin: 'http://localhost:4000' }), 101);
  });
  test('what is no handshake is told so', async () => {
    assert.equal((await daemon.request({ path: path('2.0.0') })).status, 426);
  });
});

describe('the wire', () => {
  test('heartbeats, unknown topics, leaving what was never joined', async () => {
    const raw = await connectRaw(daemon);
    assert.deepEqual(await raw.ask(null, '1', 'phoenix', 'heartbeat', {}), [null, '1', 'phoenix', 'phx_reply', { status: 'ok', response: {} }]);
    const unmatched = { status: 'error', response: { reason: 'unmatched topic' } };
    assert.deepEqual(await raw.ask('2', '2', 'nothing', 'phx_join', {}), [null, '2', 'nothing', 'phx_reply', unmatched]);
    assert.deepEqual(await raw.ask('3', '3', 'worker:queue', 'claim', {}), [null, '3', 'worker:queue', 'phx_reply', unmatched]);
    assert.deepEqual(await raw.ask('4', '4', 'worker:queue', 'phx_leave', {}), ['4', '4', 'worker:queue', 'phx_reply', { status: 'ok', response: {} }]);
    raw.close();
  });

  test('what a worker sends when it comes back: join, leave, join', async () => {
    const raw = await connectRaw(daemon);
    const ok = { status: 'ok', response: {} };
    raw.send('["316","316","worker:queue","phx_join",{"capacity":3,"queues":{"manual>*":3}}]');
    raw.send('["316","317","worker:queue","phx_leave",{}]');
    raw.send('["318","318","worker:queue","phx_join",{"capacity":3,"queues":{"manual>*":3}}]');
    const frames = [await raw.next(), await raw.next(), await raw.next(), await raw.next()];
    assert.deepEqual(frames, [
      ['316', '316', 'worker:queue', 'phx_reply', ok],
      ['316', '317', 'worker:queue', 'phx_reply', ok],
      ['316', '316', 'worker:queue', 'phx_close', {}],
      ['318', '318', 'worker:queue', 'phx_reply', ok],
    ]);
    // A second join without a leave: the old instance is closed.
    raw.send('["320","320","worker:queue","phx_join",{"capacity":3}]');
    const both = [await raw.next(), await raw.next()];
    assert.deepEqual(both.sort(), [['318', '318', 'worker:queue', 'phx_close', {}], ['320', '320', 'worker:queue', 'phx_reply', ok]].sort());
    raw.close();
  });

  test('an unknown event is an error, not the end of the channel', async () => {
    const raw = await connectRaw(daemon);
    await raw.ask('1', '1', 'worker:queue', 'phx_join', {});
    const [, , , event, { status }] = await raw.ask('1', '2', 'worker:queue', 'claims', {});
    assert.deepEqual([event, status], ['phx_reply', 'error']);
    assert.deepEqual((await raw.ask('1', '3', 'worker:queue', 'claim', { demand: 1, worker_name: null, queues: ['nothing'] }))[4], { status: 'ok', response: { runs: [] } });
    raw.close();
  });

  for (const [name, data, code] of [
    ['not JSON', 'hello', 1002],
    ['not an array', '{"a":1}', 1002],
    ['too short', '["1","1","worker:queue"]', 1002],
    ['numbers for refs', '[1,2,"worker:queue","phx_join",{}]', 1002],
    ['cut off', '["1","1","worker:queue","phx_join",{', 1002],
    ['binary', Buffer.from([0, 1, 2, 3]), 1003],
  ])
    test(`closed: ${name}`, async () => {
      const raw = await connectRaw(daemon);
      raw.send(data);
      assert.equal((await raw.closed).code, code);
    });

  test('a message of 20 MB is taken, one beyond the limit closes with 1009', async () => {
    const workflow = await makeWorkflow(db, project);
    const run = await stage.claimOne(workflow);
    await run.channel.ok('run:start');
    assert.equal(await run.channel.ok('run:complete', { reason: 'success', final_state: { data: 'x'.repeat(20e6) } }), null);
    const { final_dataclip_id: id } = await stage.row(run);
    assert.equal((await db.one('SELECT size FROM dataclips WHERE id = $1', [id])).size, 20e6 + 11);

    const raw = await connectRaw(daemon);
    raw.send(`["1","1","worker:queue","phx_join",{"x":"${'x'.repeat(64 * 1024 * 1024)}"}]`);
    assert.equal((await raw.closed).code, 1009);
  });
});

describe('worker:queue', () => {
  test('an empty claim', async () => {
    await until(async () => (await queue.claim()).length === 0);
    assert.deepEqual(await queue.ok('claim', { demand: 1, worker_name: null, queues: ['manual', '*'] }), { runs: [] });
  });

  test('what is not said has a default, what makes no sense an error', async () => {
    const workflow = await makeWorkflow(db, project);
    const run = await makeRun(db, workflow, { queue: 'manual' });
    assert.deepEqual(await queue.error('claim', { demand: 'many' }), { errors: { demand: invalid } });
    assert.deepEqual(await queue.error('claim', { demand: 1, worker_name: 5 }), { errors: { worker_name: invalid } });
    assert.deepEqual(await queue.error('claim', { demand: 1, worker_name: 'x'.repeat(256) }), { errors: { worker_name: ['should be at most 255 character(s)'] } });
    assert.deepEqual((await queue.ok('claim', { demand: 1, worker_name: '', queues: ['fast_lane'] })).runs, []);
    for (const queues of ['manual', [], [1], null, undefined, {}]) {
      await db.query("UPDATE run_queue SET state = 'available', claim_nonce = NULL WHERE run_id = $1", [run.id]);
      assert.deepEqual((await queue.ok('claim', { demand: -3, worker_name: '', queues })).runs.map(({ id }) => id), [run.id], JSON.stringify(queues));
    }
    assert.equal((await stage.row(run)).worker_name, null);
  });

  test('several at once', async () => {
    const workflow = await makeWorkflow(db, project);
    const runs = [];
    for (let i = 0; i < 5; i++) runs.push(await makeRun(db, workflow));
    const first = await queue.claim({ demand: 3 });
    const rest = await queue.claim({ demand: 1000 });
    assert.deepEqual([first.length, rest.length], [3, 2]);
    assert.deepEqual([...first, ...rest].map(({ id }) => id), runs.map(({ id }) => id));
  });

  test('many workers at the same moment: each run goes to one of them', async () => {
    const workflow = await makeWorkflow(db, project);
    for (let i = 0; i < 40; i++) await makeRun(db, workflow);
    const workers = await Promise.all(Array.from({ length: 20 }, () => connectWorker(daemon)));
    const queues = await Promise.all(workers.map((one) => one.queue()));
    const got = (await Promise.all(queues.flatMap((one, i) => [one.claim({ worker_name: `w${i}` }), one.claim({ worker_name: `w${i}` })]))).flat();
    assert.equal(got.length, 40);
    assert.equal(new Set(got.map(({ id }) => id)).size, 40);
    for (const { id, token } of got) assert.equal(readToken(token).id, id);
    await Promise.all(workers.map((one) => one.close()));
  });

  test('work-available: the first of a burst at once, then one in 15 ms however often it rings', async () => {
    const pushes = [];
    queue.channel.on('work-available', (payload) => pushes.push(payload));
    const began = performance.now();
    for (let i = 0; i < 300; i++) await db.query('NOTIFY runs');
    await until(() => pushes.length > 0);
    // What rang last is announced within one interval, and nothing after it.
    let seen;
    do {
      seen = pushes.length;
      await sleep(200);
    } while (pushes.length > seen);
    const most = 2 + Math.floor((performance.now() - 200 - began) / 15);
    assert.ok(pushes.length <= most, `${pushes.length} pushes, ${most} allowed`);

    await db.query('NOTIFY runs');
    await until(() => pushes.length > seen);
    assert.deepEqual(pushes.at(-1), {});
  });
});

describe('joining a run', () => {
  let workflow, run;
  const join = (id, token, by = worker) => by.run(id, token).then(() => 'joined', (error) => error.response?.reason ?? error);

  before(async () => {
    workflow = await makeWorkflow(db, project);
    run = await stage.claim(await makeRun(db, workflow));
  });

  test('the token decides', async () => {
    const other = await makeRun(db, workflow);
    const nonce = readToken(run.token).claim;
    const own = (claims) => runToken(run.id, { claim: nonce, project_id: project.id, ...claims });
    const foreign = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const bad = {
      'no token': undefined, 'a number': 5, empty: '', nonsense: 'a.b.c', 'a worker token': workerToken(),
      'another key': runToken(run.id, { claim: nonce }, foreign),
      'another run’s': runToken(other.id), 'another issuer': own({ iss: 'Thunder' }), 'another subject': own({ sub: `run:${other.id}` }),
      expired: own({ exp: Math.floor(Date.now() / 1000) - 1 }), 'not yet valid': own({ nbf: Math.floor(Date.now() / 1000) + 60 }),
      'without exp': own({ exp: undefined }), 'without nbf': own({ nbf: undefined }), 'without sub': own({ sub: undefined }),
      'exp is no number': own({ exp: 'tomorrow' }), 'another claim’s': own({ claim: crypto.randomUUID() }), 'of no claim': own({ claim: undefined }),
    };
    for (const [name, token] of Object.entries(bad)) assert.equal(await join(run.id, token), 'unauthorized', name);
    assert.equal(await join('not-a-uuid', run.token), 'unauthorized');
    assert.equal(await join(run.id, own({ project_id: uuid7() })), 'not_found');
    assert.equal((await stage.queued(run)).joined_at, null);

    assert.equal(await join(run.id, own({})), 'joined');
    assert.notEqual((await stage.queued(run)).joined_at, null);
    await db.query("UPDATE run_queue SET queue = 'held' WHERE run_id = $1", [other.id]);
  });

  test('no such run', async () => {
    const id = uuid7();
    assert.equal(await join(id, runToken(id)), 'not_found');
  });

  test('a run without a claim of its own admits a token without one', async () => {
    const plain = await makeRun(db, workflow, { queue: 'held' });
    assert.equal(await join(plain.id, runToken(plain.id)), 'joined');
    // But not the token of a claim that was given back.
    const late = await connectWorker(daemon);
    assert.equal(await join(plain.id, runToken(plain.id, { claim: crypto.randomUUID() }), late), 'unauthorized');
    await late.close();
  });

  test('without a plan there is no join', async () => {
    for (const damage of ["jobs = '[{}]'", "triggers = 'null'", "edges = '{}'"]) {
      const broken = await makeWorkflow(db, project);
      await db.query(`UPDATE workflow_snapshots SET ${damage} WHERE id = $1`, [broken.snapshot_id]);
      const one = await stage.claim(await makeRun(db, broken));
      assert.match(await join(one.id, one.token), /snapshot/);
    }
    const gone = await makeWorkflow(db, project);
    const one = await stage.claim(await makeRun(db, gone));
    await db.query('DELETE FROM workflow_snapshots WHERE id = $1', [gone.snapshot_id]);
    assert.match(await join(one.id, one.token), /snapshot/);
    daemon.log = daemon.log.replace(/^<3>.*the run's snapshot makes no plan.*$/gm, '');
  });
});

describe('a run from claim to end', () => {
  test('everything is stored as it was reported', async () => {
    const workflow = await makeWorkflow(db, project, { jobs: [{}, { body: 'fn(s => ({...s, b: 2}))' }] });
    const run = await makeRun(db, workflow, { dataclip: { body: '{"greeting":"hello", "n": 12345678901234567890}', request: { method: 'POST' } } });
    let claimed;
    await until(async () => (claimed = (await queue.claim({ worker_name: 'worker-a' })).find(({ id }) => id === run.id)));
    const claims = readToken(claimed.token);
    assert.deepEqual({ iss: claims.iss, id: claims.id, sub: claims.sub }, { iss: 'Lightning', id: run.id, sub: `run:${run.id}` });
    assert.equal(claims.exp - claims.nbf, 310);
    assert.equal(claims.project_id, project.id);

    let row = await stage.row(run);
    assert.equal(row.state, 'claimed');
    assert.equal(row.worker_name, 'worker-a');
    assert.equal(row.claim_nonce, claims.claim);
    assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, 'running');

    const channel = await worker.run(run.id, claimed.token);
    assert.deepEqual(await channel.ok('fetch:plan'), {
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
    row = await stage.row(run);
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

    row = await stage.row(run);
    assert.deepEqual(
      [row.state, row.error_type, row.error_message, row.final_dataclip_id, row.finished_at],
      ['failed', 'JobError', 'boom', last, '2026-11-23 13:40:06.253997+00']);
    assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, 'failed');
    assert.equal(await stage.queued(run), undefined);
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

describe('the plan', () => {
  test('conditions, options, and a start in the middle', async () => {
    const workflow = await makeWorkflow(db, project, { jobs: [{ name: 'A' }, { name: 'B', body: '' }], enable_job_logs: false });
    await db.query(
      `UPDATE workflow_snapshots SET edges = $2 WHERE id = $1`,
      [workflow.snapshot_id, JSON.stringify([
        { ...workflow.edges[0], condition_type: 'js_expression', condition_expression: '!state.errors' },
        { ...workflow.edges[1], condition_type: 'on_job_failure', enabled: false },
      ])]);
    const run = await stage.claimOne(workflow, {
      starting_job_id: workflow.jobs[1].id, dataclip: null, run_timeout_ms: 60000, run_memory_limit_mb: 512, save_dataclips: false,
    });
    const plan = await run.channel.ok('fetch:plan');
    assert.deepEqual(plan.edges.map(({ condition, enabled }) => [condition, enabled]), [['!state.errors', true], ['on_job_failure', false]]);
    assert.equal(plan.starting_node_id, workflow.jobs[1].id);
    assert.equal(plan.dataclip_id, null);
    assert.equal(plan.jobs[1].body, '');
    assert.deepEqual(plan.options, { output_dataclips: false, run_timeout_ms: 60000, run_memory_limit_mb: 512, job_log_level: 'none' });
    assert.equal(readToken(run.token).exp - readToken(run.token).nbf, 70);
    // As often as it is asked for.
    assert.deepEqual(await run.channel.ok('fetch:plan'), plan);
  });

  test('it is the snapshot’s, whatever the workflow has become', async () => {
    const workflow = await makeWorkflow(db, project);
    const run = await makeRun(db, workflow);
    await db.query("UPDATE jobs SET body = 'changed' WHERE workflow_id = $1", [workflow.id]);
    await stage.claim(run);
    const channel = await worker.run(run.id, run.token);
    assert.equal((await channel.ok('fetch:plan')).jobs[0].body, 'fn(state => state)');
  });
});

describe('the input', () => {
  let workflow;
  before(async () => (workflow = await makeWorkflow(db, project)));
  const fetch = async (run) => Buffer.from(await run.channel.ok('fetch:dataclip', { id: run.dataclip?.id ?? 'any' })).toString();

  for (const [name, dataclip, state] of [
    ['http', { type: 'http_request', body: '{"a": 1e2}', request: '{"method":"POST","path":["i"]}' }, '{"data":{"a": 1e2},"request":{"method":"POST","path":["i"]}}'],
    ['a result', { type: 'step_result', body: '{"data":{"x":"é"}}' }, '{"data":{"x":"é"}}'],
    ['saved', { type: 'saved_input', body: '{ }' }, '{ }'],
    ['named', { type: 'global', body: '{"g":1}', name: 'start' }, '{"g":1}'],
    ['wiped http', { type: 'http_request', body: null }, '{"data":null,"request":null}'],
    ['a wiped result', { type: 'step_result', body: null }, 'null'],
    ['none', null, 'null'],
    ['large', { type: 'step_result', body: JSON.stringify({ x: 'y'.repeat(9e6) }) }, JSON.stringify({ x: 'y'.repeat(9e6) })],
  ])
    test(name, async () => assert.equal(await fetch(await stage.claimOne(workflow, { dataclip })), state));

  test('the run’s own, whichever is asked for', async () => {
    const foreign = await makeDataclip(db, project, { type: 'step_result', body: { secret: 1 } });
    const run = await stage.claimOne(workflow, { dataclip: { type: 'step_result', body: { mine: 1 } } });
    assert.equal(Buffer.from(await run.channel.ok('fetch:dataclip', { id: foreign.id })).toString(), '{"mine":1}');
  });

  test('a deleted one is said to be deleted', async () => {
    const run = await stage.claimOne(workflow);
    await db.query('DELETE FROM dataclips WHERE id = $1', [run.dataclip.id]);
    assert.match(await run.channel.error('fetch:dataclip', { id: run.dataclip.id }), /deleted/);
  });

  test('the frame is the recorded one', async () => {
    const raw = await connectRaw(daemon);
    const run = await stage.claim(await makeRun(db, workflow, { dataclip: { type: 'step_result', body: '{"data":{"greeting":"hello"}}' } }));
    await raw.ask('17', '17', `run:${run.id}`, 'phx_join', { token: run.token });
    const frame = await raw.ask('17', '19', `run:${run.id}`, 'fetch:dataclip', { id: run.dataclip.id });
    const recorded = Buffer.from('AQICKAIxNzE5cnVuOjBhMWIyYzNkLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDEwMW9reyJkYXRhIjp7ImdyZWV0aW5nIjoiaGVsbG8ifX0=', 'base64').toString();
    assert.equal(frame.toString(), recorded.replace('0a1b2c3d-0000-4000-8000-000000000101', run.id));
    raw.close();
  });
});

describe('erase_all', () => {
  let erasing, workflow;
  before(async () => {
    erasing = await makeProject(db, { retention_policy: 'erase_all' });
    workflow = await makeWorkflow(db, erasing);
  });
  const clip = (id) => db.one(
    'SELECT d.body_state, d.wiped_at IS NOT NULL AS wiped, b.body FROM dataclips d LEFT JOIN dataclip_bodies b ON b.dataclip_id = d.id WHERE d.id = $1', [id]);

  test('the input is wiped by being fetched, results are never stored', async () => {
    const run = await stage.claimOne(workflow);
    assert.equal((await run.channel.ok('fetch:plan')).options.output_dataclips, false);
    const first = Buffer.from(await run.channel.ok('fetch:dataclip', { id: run.dataclip.id })).toString();
    assert.equal(first, '{"data":{"a":1},"request":{"method":"POST"}}');
    assert.deepEqual(await clip(run.dataclip.id), { body_state: 'wiped', wiped: true, body: null });
    assert.equal(Buffer.from(await run.channel.ok('fetch:dataclip', { id: run.dataclip.id })).toString(), '{"data":null,"request":null}');

    await run.channel.ok('run:start');
    const [step, output] = [crypto.randomUUID(), crypto.randomUUID()];
    await run.channel.ok('step:start', { step_id: step, job_id: workflow.jobs[0].id, input_dataclip_id: run.dataclip.id });
    await run.channel.ok('step:complete', { step_id: step, job_id: workflow.jobs[0].id, reason: 'success', output_dataclip_id: output });
    assert.deepEqual(await clip(output), { body_state: 'never_stored', wiped: true, body: null });
    await run.channel.ok('run:complete', { reason: 'success', final_state: { secret: 1 } });
    const { final_dataclip_id: final } = await stage.row(run);
    assert.deepEqual(await clip(final), { body_state: 'never_stored', wiped: true, body: null });
  });

  test('what a worker sends all the same is not stored either', async () => {
    const run = await stage.claimOne(workflow);
    const [step, output] = [crypto.randomUUID(), crypto.randomUUID()];
    await run.channel.ok('step:start', { step_id: step, job_id: workflow.jobs[0].id });
    await run.channel.ok('step:complete', { step_id: step, reason: 'success', output_dataclip_id: output, output_dataclip: '{"secret":1}' });
    assert.deepEqual(await clip(output), { body_state: 'never_stored', wiped: true, body: null });
  });

  test('named inputs stay', async () => {
    const run = await stage.claimOne(workflow, { dataclip: { type: 'saved_input', name: 'kept', body: { k: 1 } } });
    await run.channel.ok('fetch:dataclip');
    assert.equal((await clip(run.dataclip.id)).body_state, 'stored');
  });
});

describe('states', () => {
  let workflow;
  before(async () => (workflow = await makeWorkflow(db, project)));
  const ended = { errors: { state: ['already in completed state'] } };

  test('started twice is once', async () => {
    const run = await stage.claimOne(workflow);
    await run.channel.ok('run:start', { timestamp: '1795441205011198' });
    await run.channel.ok('run:start', { timestamp: '1795441999000000' });
    assert.equal((await stage.row(run)).started_at, '2026-11-23 13:40:05.011198+00');
  });

  test('without a worker’s clock ours counts', async () => {
    const run = await stage.claimOne(workflow);
    await run.channel.ok('run:start', {});
    const step = crypto.randomUUID();
    await run.channel.ok('step:start', { step_id: step, job_id: workflow.jobs[0].id });
    await run.channel.ok('step:complete', { step_id: step, reason: 'crash', output_dataclip_id: crypto.randomUUID(), output_dataclip: '{}', error_type: 'ExitError' });
    await run.channel.ok('run:complete', { reason: 'crash', error_type: 'ExitError', error_message: 'gone' });
    const row = await db.one(
      `SELECT r.state, r.error_type, r.final_dataclip_id,
              abs(extract(epoch FROM r.started_at - now())) < 60 AND abs(extract(epoch FROM r.finished_at - now())) < 60
              AND abs(extract(epoch FROM s.started_at - now())) < 60 AND abs(extract(epoch FROM s.finished_at - now())) < 60 AS recent
         FROM runs r JOIN steps s ON s.run_id = r.id WHERE r.id = $1`, [run.id]);
    assert.deepEqual(row, { state: 'crashed', error_type: 'ExitError', final_dataclip_id: null, recent: true });
  });

  test('ended is ended, and late steps and logs are still taken', async () => {
    const run = await stage.claimOne(workflow);
    const step = crypto.randomUUID();
    await run.channel.ok('step:start', { step_id: step, job_id: workflow.jobs[0].id });
    // Without run:start: a worker that fails early ends it like this.
    await run.channel.ok('run:complete', { reason: 'exception', error_type: 'AutoinstallError', error_message: 'npm' });
    assert.deepEqual(await run.channel.error('run:complete', { reason: 'success' }), ended);
    assert.deepEqual(await run.channel.error('run:start'), ended);
    assert.equal((await stage.row(run)).state, 'exception');

    await run.channel.ok('run:log', { message: ['late'], timestamp: stamp(), step_id: step });
    await run.channel.ok('step:complete', { step_id: step, reason: 'success', output_dataclip_id: crypto.randomUUID(), output_dataclip: '{}' });
    assert.deepEqual(await stage.lines(run), ['late']);

    // Also after coming back.
    const again = await connectWorker(daemon);
    const channel = await again.run(run.id, run.token);
    assert.deepEqual(await channel.error('run:complete', { reason: 'success' }), ended);
    await channel.ok('run:log', { message: ['later'], timestamp: stamp() });
    assert.match(await channel.error('fetch:credential', { id: uuid7() }).then(JSON.stringify), /not found/);
    await again.close();
  });

  test('a run that waits in the queue cannot be started or ended', async () => {
    const run = await makeRun(db, workflow, { queue: 'held' });
    const channel = await worker.run(run.id, runToken(run.id));
    assert.deepEqual(await channel.error('run:start'), { errors: { state: ['cannot mark run started that has not been claimed by a worker'] } });
    assert.deepEqual(await channel.error('run:complete', { reason: 'fail' }), { errors: { state: ['cannot mark run failed that has not been claimed by a worker'] } });
    assert.equal((await stage.row(run)).state, 'available');
  });

  for (const [reason, state] of [['success', 'success'], ['ok', 'success'], ['fail', 'failed'], ['crash', 'crashed'], ['cancel', 'cancelled'],
    ['kill', 'killed'], ['exception', 'exception'], ['lost', 'lost']])
    test(`${reason} makes ${state}`, async () => {
      const run = await stage.claimOne(workflow);
      await run.channel.ok('run:complete', { reason });
      assert.equal((await stage.row(run)).state, state);
      assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id])).state, state);
    });

  test('bad reasons and times', async () => {
    const run = await stage.claimOne(workflow);
    assert.deepEqual(await run.channel.error('run:complete', {}), { errors: { reason: blank } });
    assert.deepEqual(await run.channel.error('run:complete', { reason: 'started' }), { errors: { state: invalid } });
    assert.deepEqual(await run.channel.error('run:complete', { reason: 'success', timestamp: 'now' }), { errors: { timestamp: invalid } });
    assert.deepEqual(await run.channel.error('run:start', { timestamp: '172742349' }), { errors: { timestamp: invalid } });
    assert.equal((await stage.row(run)).state, 'claimed');
  });

  test('of two runs of a work order the last one to change decides, a running one before all', async () => {
    const first = await stage.claimOne(workflow);
    const second = await stage.claim(await makeRun(db, workflow, { work_order_id: first.work_order_id }));
    second.channel = await worker.run(second.id, second.token);
    const state = async () => (await db.one('SELECT state FROM work_orders WHERE id = $1', [first.work_order_id])).state;
    await first.channel.ok('run:start');
    await first.channel.ok('run:complete', { reason: 'fail' });
    assert.equal(await state(), 'running');
    await second.channel.ok('run:start');
    assert.equal(await state(), 'running');
    await second.channel.ok('run:complete', { reason: 'success' });
    assert.equal(await state(), 'success');
  });

  test('two runs of a work order that end at the same moment leave it ended', async () => {
    for (let i = 0; i < 10; i++) {
      const first = await stage.claimOne(workflow);
      const second = await stage.claim(await makeRun(db, workflow, { work_order_id: first.work_order_id }));
      second.channel = await worker.run(second.id, second.token);
      await Promise.all([first.channel.ok('run:complete', { reason: 'fail' }), second.channel.ok('run:complete', { reason: 'fail' })]);
      assert.equal((await db.one('SELECT state FROM work_orders WHERE id = $1', [first.work_order_id])).state, 'failed');
    }
  });
});

describe('steps', () => {
  let workflow, run, channel;
  before(async () => {
    workflow = await makeWorkflow(db, project, { jobs: [{}, {}] });
    run = await stage.claimOne(workflow);
    channel = run.channel;
  });
  const job = () => workflow.jobs[0].id;
  const start = (step_id, more = {}) => channel.ok('step:start', { step_id, job_id: job(), ...more });
  const stored = (step_id) => db.one('SELECT * FROM steps WHERE id = $1 AND run_id = $2', [step_id, run.id]);

  test('what a start must have', async () => {
    const step_id = crypto.randomUUID();
    assert.deepEqual(await channel.error('step:start', { step_id }), { errors: { job_id: blank } });
    assert.deepEqual(await channel.error('step:start', { step_id, job_id: null }), { errors: { job_id: ['Job not found!'] } });
    assert.deepEqual(await channel.error('step:start', { step_id, job_id: uuid7() }), { errors: { job_id: ['does not exist'] } });
    assert.deepEqual(await channel.error('step:start', { job_id: job() }), { errors: { step_id: blank } });
    assert.deepEqual(await channel.error('step:start', { step_id: 'x', job_id: job() }), { errors: { step_id: invalid } });
    assert.deepEqual(await channel.error('step:start', { step_id, job_id: job(), timestamp: '1.5' }), { errors: { timestamp: invalid } });
    assert.equal(await stored(step_id), undefined);
  });

  test('a second start changes nothing', async () => {
    const step = crypto.randomUUID();
    await start(step, { timestamp: '1795441205011198' });
    assert.deepEqual(await start(step, { timestamp: '1795441205999999' }), { step_id: step });
    assert.equal((await stored(step)).started_at, '2026-11-23 13:40:05.011198+00');
  });

  test('an input nobody knows is left out', async () => {
    const [step, other] = [crypto.randomUUID(), crypto.randomUUID()];
    await start(step, { input_dataclip_id: crypto.randomUUID() });
    assert.equal((await stored(step)).input_dataclip_id, null);
    // So is one of somebody else's.
    const foreign = await makeDataclip(db, project);
    await start(other, { input_dataclip_id: foreign.id });
    assert.equal((await stored(other)).input_dataclip_id, null);
  });

  test('the step of another run is out of reach', async () => {
    const other = await stage.claimOne(workflow);
    const step = crypto.randomUUID();
    await other.channel.ok('step:start', { step_id: step, job_id: job() });
    assert.deepEqual(await channel.error('step:start', { step_id: step, job_id: job() }), { errors: { step_id: ['has already been taken'] } });
    assert.deepEqual(await channel.error('step:complete', { step_id: step, reason: 'success' }), { errors: { step_id: ['not found'] } });
    assert.deepEqual(await channel.error('run:log', { message: ['x'], timestamp: stamp(), step_id: step }), { errors: { step_id: ['must be associated with the run'] } });
    assert.equal((await db.one('SELECT exit_reason FROM steps WHERE id = $1', [step])).exit_reason, null);
    assert.deepEqual(await stage.lines(run), []);
  });

  test('what a completion must have', async () => {
    const step_id = crypto.randomUUID();
    const [id, output] = [crypto.randomUUID(), '{}'];
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success' }), { errors: { step_id: ['not found'] } });
    await start(step_id);
    assert.deepEqual(await channel.error('step:complete', { step_id }), { errors: { reason: blank } });
    assert.deepEqual(await channel.error('step:complete', { reason: 'success' }), { errors: { step_id: blank } });
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success', output_dataclip_id: id }), { errors: { output_dataclip: blank } });
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success', output_dataclip: output }), { errors: { output_dataclip_id: blank } });
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success', output_dataclip_id: id, output_dataclip: '{' }), { errors: { output_dataclip: invalid } });
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success', output_dataclip_id: 'x', output_dataclip: output }), { errors: { output_dataclip_id: invalid } });
    assert.deepEqual(await channel.error('step:complete', { step_id, reason: 'success', timestamp: {} }), { errors: { timestamp: invalid } });
    assert.equal((await stored(step_id)).exit_reason, null);
  });

  test('an output cannot take the id of another dataclip', async () => {
    const foreign = await makeDataclip(db, project, { type: 'step_result', body: { theirs: 1 } });
    const step_id = crypto.randomUUID();
    await start(step_id);
    for (const id of [foreign.id, run.dataclip.id])
      assert.deepEqual(
        await channel.error('step:complete', { step_id, reason: 'success', output_dataclip_id: id, output_dataclip: '{"mine":1}' }),
        { errors: { output_dataclip_id: ['has already been taken'] } });
    assert.equal((await db.query('SELECT FROM dataclips WHERE id = $1', [foreign.id])).length, 1);
  });

  test('too large to be sent', async () => {
    const step = crypto.randomUUID();
    await start(step);
    await channel.ok('step:complete', { step_id: step, reason: 'success', output_dataclip_error: 'DATACLIP_TOO_LARGE' });
    const { output_too_large, output_dataclip_id, exit_reason } = await stored(step);
    assert.deepEqual({ output_too_large, output_dataclip_id, exit_reason }, { output_too_large: true, output_dataclip_id: null, exit_reason: 'success' });
  });

  test('a second completion changes nothing, except that a worker knows better than the janitor', async () => {
    const step = crypto.randomUUID();
    const complete = (reason, id = crypto.randomUUID()) =>
      channel.ok('step:complete', { step_id: step, reason, output_dataclip_id: id, output_dataclip: '{}' });
    await start(step);
    await db.query("UPDATE steps SET exit_reason = 'lost', finished_at = now() WHERE id = $1", [step]);
    const output = crypto.randomUUID();
    await complete('success', output);
    assert.equal((await stored(step)).exit_reason, 'success');
    await complete('fail');
    const { exit_reason, output_dataclip_id } = await stored(step);
    assert.deepEqual([exit_reason, output_dataclip_id], ['success', output]);
  });

  test('an unknown final dataclip: the final state counts, or it is an error', async () => {
    const other = await stage.claimOne(workflow);
    const foreign = await makeDataclip(db, project);
    assert.deepEqual(await other.channel.error('run:complete', { reason: 'success', final_dataclip_id: foreign.id }), { errors: { final_dataclip_id: ['does not exist'] } });
    assert.equal((await stage.row(other)).state, 'claimed');
    await other.channel.ok('run:complete', { reason: 'success', final_dataclip_id: crypto.randomUUID(), final_state: [1] });
    const { final_dataclip_id: id } = await stage.row(other);
    assert.equal((await db.one('SELECT body FROM dataclip_bodies WHERE dataclip_id = $1', [id])).body.toString(), '{"value":[1]}');
  });

  test('nothing from another project', async () => {
    const elsewhere = await makeProject(db);
    const theirs = await makeWorkflow(db, elsewhere);
    assert.deepEqual(await channel.error('step:start', { step_id: crypto.randomUUID(), job_id: theirs.jobs[0].id }), { errors: { job_id: ['does not exist'] } });
  });
});

describe('logs', () => {
  let workflow, run, channel;
  before(async () => {
    workflow = await makeWorkflow(db, project);
    run = await stage.claimOne(workflow);
    channel = run.channel;
  });

  test('errors, and all or nothing', async () => {
    const good = { message: ['x'], timestamp: stamp() };
    for (const [line, error] of [
      [{ timestamp: stamp() }, { message: blank }],
      [{ message: null, timestamp: stamp() }, { message: blank }],
      [{ message: [], timestamp: stamp() }, { message: blank }],
      [{ message: ['x'] }, { timestamp: blank }],
      [{ message: ['x'], timestamp: 'then' }, { timestamp: invalid }],
      [{ ...good, level: 'loud' }, { level: invalid }],
      [{ ...good, source: 'too long!' }, { source: ['should be at most 8 character(s)'] }],
      [{ ...good, step_id: 'x' }, { step_id: invalid }],
      [{ ...good, step_id: uuid7() }, { step_id: ['must be associated with the run'] }],
    ]) {
      assert.deepEqual(await channel.error('run:log', line), { errors: error });
      assert.deepEqual(await channel.error('run:batch_logs', { logs: [good, line, good] }), { errors: error });
    }
    assert.deepEqual(await channel.error('run:batch_logs', {}), { errors: { logs: blank } });
    assert.deepEqual(await channel.error('run:batch_logs', { logs: {} }), { errors: { logs: invalid } });
    assert.deepEqual(await channel.error('run:batch_logs', { logs: [1] }), { errors: { logs: invalid } });
    assert.deepEqual(await channel.ok('run:batch_logs', { logs: [] }), {});
    assert.deepEqual(await stage.lines(run), []);
  });

  test('every kind of message', async () => {
    const cases = [
      [['hi', { a: 1 }, 42, null, true], 'hi {"a":1} 42 null true'], [[[1, 2], 3], '1 2 3'], ['plain', 'plain'], ['', ''], [[null], 'null'],
      [['a\u0000b\u0007c\u001b[1m\u007f'], 'a\ufffdb\ufffdc\ufffd[1m\ufffd'], [[{ 'k\u0000': '\u0000' }], '{"k\ufffd":"\ufffd"}'],
      [['two\nlines\tand a tab'], 'two\nlines\tand a tab'], [['\ud83d\ude00 é 漢'], '\ud83d\ude00 é 漢'],
      [["'; DROP TABLE runs; --", '$1', '{}', '\\'], "'; DROP TABLE runs; -- $1 {} \\"],
    ];
    const at = Date.now() * 1000;
    await channel.ok('run:batch_logs', { logs: cases.map(([message], i) => ({ message, timestamp: String(at + i) })) });
    assert.deepEqual(await stage.lines(run), cases.map(([, text]) => text));
  });

  test('a thousand lines in one go, in their order', async () => {
    const one = await stage.claimOne(workflow);
    const at = Date.now() * 1000;
    const logs = Array.from({ length: 1000 }, (_, i) => ({ message: [`line ${i}`], timestamp: String(at), level: 'debug', source: 'JOB' }));
    await one.channel.ok('run:batch_logs', { run_id: one.id, logs });
    assert.deepEqual(await stage.lines(one), logs.map(({ message }) => message[0]));
    const many = Array.from({ length: 10001 }, () => ({ message: ['x'], timestamp: String(at) }));
    assert.deepEqual(await one.channel.error('run:batch_logs', { logs: many }), { errors: { logs: ['should have at most 10000 item(s)'] } });
  });

  test('a step that was started elsewhere is the run’s all the same', async () => {
    const step = crypto.randomUUID();
    await db.query('INSERT INTO run_steps (run_id, step_id, step_run_id, project_id) VALUES ($1, $2, $3, $4)', [run.id, step, uuid7(), project.id]);
    await channel.ok('run:log', { message: ['shared'], timestamp: stamp(), step_id: step });
    await channel.ok('run:log', { message: ['again'], timestamp: stamp(), step_id: step });
    assert.equal((await db.query('SELECT FROM log_lines WHERE step_id = $1', [step])).length, 2);
  });

  test('a line for another run lands here', async () => {
    const other = await stage.claimOne(workflow);
    const before = (await stage.lines(run)).length;
    await channel.ok('run:log', { run_id: other.id, message: ['whose?'], timestamp: stamp() });
    assert.deepEqual(await stage.lines(other), []);
    assert.equal((await stage.lines(run)).length, before + 1);
  });
});

describe('answers for webhooks', () => {
  const reply = async (run) => {
    const row = await db.one('SELECT status, data FROM webhook_replies WHERE run_id = $1', [run.id]);
    return row && [row.status, JSON.parse(row.data)];
  };
  const waiting = (trigger = {}) => makeWorkflow(db, project, { jobs: [{}, {}], trigger: { webhook_reply: 'after_completion', ...trigger } });
  const step = async (run, workflow, i, webhook_response) => {
    const [step_id, output] = [crypto.randomUUID(), crypto.randomUUID()];
    await run.channel.ok('step:start', { step_id, job_id: workflow.jobs[i].id });
    await run.channel.ok('step:complete', { step_id, reason: 'success', output_dataclip_id: output, output_dataclip: `{"step":${i}}`, webhook_response });
    return output;
  };

  test('the final state, and whoever waits is told', async () => {
    const workflow = await waiting({ success_code: 299 });
    const run = await stage.claimOne(workflow);
    const rings = [];
    const listener = await db.connect();
    listener.on('notification', ({ payload }) => rings.push(payload));
    await listener.query('LISTEN run_done');
    await run.channel.ok('run:complete', { reason: 'success', final_state: { data: { patients: 3 } } });
    assert.deepEqual(await reply(run), [299, { data: { patients: 3 } }]);
    await until(() => rings.includes(run.id));
    await listener.end();
  });

  test('the body of the final dataclip when there is no final state', async () => {
    const workflow = await waiting();
    const run = await stage.claimOne(workflow);
    const output = await step(run, workflow, 0);
    await run.channel.ok('run:complete', { reason: 'success', final_dataclip_id: output });
    assert.deepEqual(await reply(run), [201, { step: 0 }]);
  });

  test('the latest response of a step wins, also over a reconnect', async () => {
    const workflow = await waiting();
    const run = await stage.claimOne(workflow);
    await step(run, workflow, 0, { status: 202, body: { first: 1 } });
    await step(run, workflow, 1, { status: 203, body: { second: 2 } });
    const again = await connectWorker(daemon);
    run.channel = await again.run(run.id, run.token);
    await step(run, workflow, 1, 'not an object');
    await run.channel.ok('run:complete', { reason: 'fail', final_state: {} });
    assert.deepEqual(await reply(run), [203, { second: 2 }]);
    await again.close();
  });

  test('malformed responses, failures, and a policy that keeps no data', async () => {
    const workflow = await waiting({ error_code: 503 });
    let run = await stage.claimOne(workflow);
    await step(run, workflow, 0, { status: 'great' });
    await run.channel.ok('run:complete', { reason: 'success', final_state: {} });
    assert.deepEqual(await reply(run), [201, { message: 'Run completed, but webhook_response was malformed: status needs to be an integer, got: "great"' }]);

    run = await stage.claimOne(workflow);
    await run.channel.ok('run:complete', { reason: 'crash', error_type: 'E', final_state: { secret: 1 } });
    const [status, data] = await reply(run);
    assert.equal(status, 503);
    assert.match(data.message, /^Run completed with status: crashed\. As a security policy/);

    run = await stage.claimOne(workflow, { save_dataclips: false });
    await run.channel.ok('run:complete', { reason: 'success', final_state: { kept: 'for the caller only' } });
    assert.deepEqual(await reply(run), [201, { kept: 'for the caller only' }]);
  });

  test('nobody waits: nothing is kept', async () => {
    const workflow = await makeWorkflow(db, project);
    const run = await stage.claimOne(workflow);
    await run.channel.ok('run:complete', { reason: 'success', final_state: {} });
    assert.equal(await reply(run), undefined);
  });
});

test('an event at a time for a run, many runs side by side', async () => {
  const workflow = await makeWorkflow(db, project);
  const runs = [];
  for (let i = 0; i < 10; i++) runs.push(await stage.claimOne(workflow));
  // All at once, without waiting for replies: they take effect in their order.
  await Promise.all(
    runs.flatMap(({ channel }) => {
      const [step_id, output] = [crypto.randomUUID(), crypto.randomUUID()];
      return [
        channel.ok('run:start', { timestamp: stamp() }),
        channel.ok('step:start', { step_id, job_id: workflow.jobs[0].id, timestamp: stamp() }),
        channel.ok('run:log', { message: ['x'], timestamp: stamp(), step_id }),
        channel.ok('step:complete', { step_id, reason: 'success', output_dataclip_id: output, output_dataclip: '{}', timestamp: stamp() }),
        channel.ok('run:complete', { reason: 'success', final_dataclip_id: output, final_state: {}, timestamp: stamp() }),
      ];
    }));
  for (const run of runs) assert.equal((await stage.row(run)).state, 'success');
  assert.deepEqual(await db.query('SELECT state, n FROM workflow_day_counts WHERE workflow_id = $1', [workflow.id]), [{ state: 'success', n: 10 }]);
});
