/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Connection: what happens when it breaks, and how the worker comes and goes.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { bench, perform, plan, quiet, reason, REPO_DIR, settings } from '../test-support/bench.js';
import { Peer } from '../test-support/peer.js';
import { Worker } from '../worker.js';

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const SUCCESS = ['success', null, null];

const slow = (ms) => ({
  body: `export default [s => new Promise(done => setTimeout(() => done({ slept: true }), ${ms}))]`,
  adaptor: null,
});
const quick = { body: 'export default [s => s]', adaptor: null };

test('a run goes on over a cut connection', async (t) => {
  const { peer } = await bench(t);
  const job = plan([slow(500), quick]);
  peer.offer(job);
  await peer.seen((f) => f.topic === `run:${job.id}` && f.event === 'step:start');
  peer.cut();
  await peer.left(job.id);

  const events = peer.events(job.id).filter((event) => event !== 'run:log');
  assert.equal(events.filter((event) => event === 'phx_join').length, 2);
  assert.equal(events.filter((event) => event === 'fetch:plan').length, 1);
  assert.equal(peer.of(job.id, 'step:complete').length, 2);
  assert.deepEqual(peer.of(job.id, 'phx_join')[0], peer.of(job.id, 'phx_join')[1]);
  assert.deepEqual(reason(peer.of(job.id, 'run:complete')[0]), SUCCESS);
  assert.equal(peer.frames.filter((f) => f.topic === 'worker:queue' && f.event === 'phx_join').length, 2);
  assert.equal(peer.queries[0].token, peer.queries[1].token);
});

test('an event whose answer was lost is sent again', async (t) => {
  const { peer } = await bench(t);
  let cuts = 0;
  peer.answer('step:complete', ({ step_id }) => {
    if (cuts++ === 0) {
      peer.cut();
      return undefined;
    }
    return { status: 'ok', response: { step_id } };
  });
  const run = await perform(peer, plan([quick]));

  assert.equal(run.steps.length, 2);
  assert.deepEqual(run.steps[0], run.steps[1]);
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('an end that had arrived before the connection was lost is no failure', async (t) => {
  const said = [];
  const { peer } = await bench(t, { journal: { ...quiet, warn: (message) => said.push(message), error: (message) => said.push(message) } });
  const job = plan([quick]);
  let tries = 0;
  peer.answer('run:complete', (_, topic) => {
    if (topic !== `run:${job.id}`)
      return { status: 'ok', response: null };
    if (tries++ > 0)
      return { status: 'error', response: { errors: { state: ['already in completed state'] } } };
    peer.cut();
    return undefined;
  });
  peer.offer(job);
  await peer.left(job.id);
  const next = await perform(peer, plan([quick]));

  assert.equal(tries, 2);
  assert.deepEqual(reason(next.result), SUCCESS);
  assert.deepEqual(said.filter((message) => message.includes(job.id)), []);
});

test('a refused rejoin ends the run and frees its slot', async (t) => {
  const { peer } = await bench(t, { args: ['--capacity', '1'] });
  const lost = plan([slow(60000)], { options: { run_timeout_ms: 120000 } });
  peer.offer(lost);
  await peer.seen((f) => f.topic === `run:${lost.id}` && f.event === 'step:start');
  peer.answer('phx_join', (_, topic, topics) => {
    if (topic === `run:${lost.id}`)
      return { status: 'error', response: { reason: 'unauthorized' } };
    topics.set(topic, '');
    return { status: 'ok', response: {} };
  });
  peer.cut();

  const run = await perform(peer, plan([quick]));
  assert.deepEqual(reason(run.result), SUCCESS);
  assert.equal(peer.of(lost.id, 'run:complete').length, 0);
});

test('a worker that starts before the server', async (t) => {
  const probe = await new Peer().listen();
  const { port } = probe;
  await probe.close();

  const worker = new Worker(settings({ url: `ws://127.0.0.1:${port}/worker` }), quiet);
  worker.start();
  const peer = await new Peer().listen(port);
  t.after(async () => {
    await worker.stop();
    await peer.close();
  });

  const run = await perform(peer, plan([quick]));
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('a server that closes with 1000 is found again', async (t) => {
  const { peer } = await bench(t);
  await peer.seen((f) => f.event === 'claim');
  peer.cut(1000);
  const { frames } = peer;
  frames.length = 0;

  await peer.seen((f) => f.event === 'claim');
  assert.equal(frames[0].event, 'phx_join');
});

for (const event of ['phx_close', 'phx_error'])
  test(`a queue the server ends with ${event} is joined again`, async (t) => {
    const { peer } = await bench(t);
    await peer.seen((f) => f.event === 'claim');
    const count = () => peer.frames.filter((f) => f.event === 'phx_join' && f.topic === 'worker:queue').length;
    assert.equal(count(), 1);
    peer.endQueue(event);
    await peer.seen(() => count() === 2);

    const run = await perform(peer, plan([quick]));
    assert.deepEqual(reason(run.result), SUCCESS);
  });

test('over a unix socket', async (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'runner-socket-'));
  const file = path.join(directory, 'workers.sock');
  const peer = await new Peer().listen(file);
  const worker = new Worker(settings({ url: `ws+unix://${file}:/worker` }), quiet);
  worker.start();
  t.after(async () => {
    await worker.stop();
    await peer.close();
    rmSync(directory, { recursive: true });
  });

  const run = await perform(peer, plan([quick]));
  assert.deepEqual(reason(run.result), SUCCESS);
});

test('workloops claim from their own queues', async (t) => {
  const { peer } = await bench(t, { args: ['--workloops', 'fast_lane:1 manual>*:2'] });
  const join = await peer.seen((f) => f.event === 'phx_join');
  assert.deepEqual(join.payload, { capacity: 3, queues: { fast_lane: 1, 'manual>*': 2 } });

  for (const queues of [['fast_lane'], ['manual', '*']])
    await peer.seen((f) => f.event === 'claim' && JSON.stringify(f.payload.queues) === JSON.stringify(queues));
});

test('a run token of a stranger stops the worker', async (t) => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
  const { peer, worker } = await bench(t, { args: ['--lightning-public-key', key] });
  const stopped = new Promise((resolve) => (worker.onStopped = resolve));
  const job = plan([quick]);

  peer.offer(job);
  await stopped;
  assert.deepEqual(peer.events(job.id), []);
  assert.ok(peer.frames.some((f) => f.topic === 'worker:queue' && f.event === 'phx_leave'));
});

test('SIGTERM: the run is finished, nothing else is claimed, exit 0', async (t) => {
  const { peer, child } = await program(t);
  const [job, next] = [plan([slow(1000)]), plan([quick])];
  peer.offer(job);
  await peer.seen((f) => f.topic === `run:${job.id}` && f.event === 'step:start');

  child.kill('SIGTERM');
  await peer.seen((f) => f.topic === `run:${job.id}` && f.event === 'step:complete');
  peer.offer(next);
  const [code] = await once(child, 'exit');

  assert.equal(code, 0);
  assert.deepEqual(reason(peer.of(job.id, 'run:complete')[0]), SUCCESS);
  assert.deepEqual(peer.events(next.id), []);
  assert.ok(peer.frames.some((f) => f.topic === 'worker:queue' && f.event === 'phx_leave'));
});

for (const name of ['before the worker came', 'meanwhile'])
  test(`SIGTERM while the server is away: gone ${name}`, async (t) => {
    const { peer, child } = await program(t, { listening: name === 'meanwhile' });
    if (name === 'meanwhile') {
      await peer.seen((f) => f.event === 'claim');
      await peer.close();
    }
    await waitForText(child, /connection (failed|closed)/);
    child.kill('SIGTERM');

    assert.deepEqual(await once(child, 'exit'), [0, null]);
  });

test('a stop gives up runs when the server stays away', async (t) => {
  const { peer, worker } = await bench(t, { patienceMs: 500 });
  const job = plan([slow(60000)], { options: { run_timeout_ms: 120000 } });
  peer.offer(job);
  await peer.seen((f) => f.topic === `run:${job.id}` && f.event === 'step:start');
  await peer.close();

  await worker.stop();
  assert.equal(peer.of(job.id, 'run:complete').length, 0);
});

test('a wrong option: a message and exit 2', async () => {
  const child = spawn(process.execPath, [MAIN, '--nonsense'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let complaint = '';
  child.stderr.on('data', (data) => (complaint += data));
  const [code] = await once(child, 'close');

  assert.equal(code, 2);
  assert.match(complaint, /Unknown option '--nonsense'/);
});

async function program(t, { listening = true } = {}) {
  const peer = await new Peer().listen();
  if (!listening)
    await peer.close();

  const args = [MAIN, '--lightning', peer.url, '--repo-dir', REPO_DIR, '--backoff', '0.1/0.2', '--log', 'debug'];
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, WORKER_SECRET: 'secret' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.text = '';
  child.stdout.on('data', (data) => {
    child.text += data;
    child.emit('text');
  });
  t.after(async () => {
    child.kill('SIGKILL');
    await peer.close();
  });
  return { peer, child };
}

async function waitForText(child, pattern) {
  while (!pattern.test(child.text))
    await once(child, 'text');
}
