/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings: where a value comes from, and which values are refused.
 */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { helpText, readSettings, SettingsError } from '../settings.js';

const SECRET = { WORKER_SECRET: 's' };

test('defaults', () => {
  const settings = readSettings([], SECRET);

  assert.equal(settings.lightning, 'ws://localhost:4000/worker');
  assert.equal(settings.capacity, 5);
  assert.deepEqual(settings.workloops, [{ chain: 'manual>*', queues: ['manual', '*'], capacity: 5 }]);
  assert.deepEqual(settings.backoff, { min: 1000, max: 10000 });
  assert.deepEqual(settings.statePropsToRemove, ['configuration', 'response']);
  assert.equal(settings.batchLogs, false);
  assert.equal(settings.workerName, undefined);
});

test('the command line wins over the environment', () => {
  const env = { ...SECRET, WORKER_CAPACITY: '2', WORKER_LIGHTNING_SERVICE_URL: 'ws://env/worker' };
  const settings = readSettings(['--capacity', '3', '-l', 'wss://given:1/worker/'], env);

  assert.equal(settings.capacity, 3);
  assert.equal(settings.lightning, 'wss://given:1/worker');
});

test('an empty variable is as good as none', () => {
  assert.equal(readSettings([], { ...SECRET, WORKER_NAME: '', DEPLOYED_POD_NAME: 'pod' }).workerName, 'pod');
});

test('unix socket', () => {
  const url = 'ws+unix:///run/fulgur/workers.sock:/worker';
  assert.equal(readSettings(['-l', url], SECRET).lightning, url);
});

test('workloops add up to the capacity', () => {
  const settings = readSettings(['--workloops', 'fast_lane:1 manual>*:4'], SECRET);

  assert.equal(settings.capacity, 5);
  assert.deepEqual(settings.workloops[0], { chain: 'fast_lane', queues: ['fast_lane'], capacity: 1 });
});

test('the secret may be a systemd credential', (t) => {
  const directory = mkdtempSync(path.join(tmpdir(), 'runner-credential-'));
  t.after(() => rmSync(directory, { recursive: true }));

  assert.throws(() => readSettings([], { CREDENTIALS_DIRECTORY: directory }), SettingsError);
  writeFileSync(path.join(directory, 'fulgur.worker-secret'), 'from file\n');
  assert.equal(readSettings([], { CREDENTIALS_DIRECTORY: directory }).secret, 'from file');
  assert.equal(readSettings([], { CREDENTIALS_DIRECTORY: directory, ...SECRET }).secret, 's');
});

const REFUSED = [
  [[], {}, /WORKER_SECRET/],
  [['--nonsense'], SECRET, /Unknown option '--nonsense'/],
  [['word'], SECRET, /Unexpected argument 'word'/],
  [['--capacity', '0'], SECRET, /--capacity: expected a whole number above zero, got '0'/],
  [['--backoff', '5'], SECRET, /--backoff: expected minimum\/maximum/],
  [['--backoff', '5/1'], SECRET, /--backoff/],
  [['-l', 'http://host'], SECRET, /--lightning: expected ws:/],
  [['--workloops', 'a:0'], SECRET, /--workloops/],
  [['--workloops', 'a:1', '--capacity', '2'], SECRET, /exclude each other/],
  [[], { ...SECRET, WORKER_BATCH_LOGS: 'perhaps' }, /WORKER_BATCH_LOGS: expected true or false, got 'perhaps'/],
  [[], { ...SECRET, WORKER_LOG_LEVEL: 'loud' }, /WORKER_LOG_LEVEL/],
];

for (const [args, env, message] of REFUSED)
  test(`refuses ${[...args, ...Object.entries(env)].join(' ') || 'no secret'}`, () => {
    assert.throws(
      () => readSettings(args, env),
      (error) => error instanceof SettingsError && message.test(error.message),
    );
  });

test('help names every variable', () => {
  assert.deepEqual(readSettings(['--help'], {}), { help: true });
  for (const name of ['WORKER_SECRET', 'WORKER_REPO_DIR', 'WORKER_COLLECTIONS_URL', 'ADAPTORS_PATH'])
    assert.match(helpText(), new RegExp(`\\b${name}\\b`));
});
