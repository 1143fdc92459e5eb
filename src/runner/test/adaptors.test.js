/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Adaptors: what is asked of npm, and what is not. A script stands in for npm.
 */

import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { Adaptors, AutoinstallError, ExecutionError, splitSpecifier } from '../adaptors.js';
import { quiet } from '../test-support/bench.js';

/* Writes down how it was called, and fails if two of it run in the folder at once. */
const NPM = `#!/usr/bin/env node
const fs = require('node:fs');
const [command, ...args] = process.argv.slice(2);
fs.appendFileSync(process.env.NPM_CALLS, JSON.stringify({ command, args, cwd: process.cwd(), env: Object.keys(process.env) }) + '\\n');
if (args.some((arg) => arg.includes('missing'))) {
  console.error('npm error code E404');
  process.exit(1);
}
if (command === 'view') {
  console.log('7.8.9');
  process.exit(0);
}
fs.mkdirSync('lock');
const alias = args.at(-1).split('@npm:')[0];
const manifest = JSON.parse(fs.readFileSync('package.json'));
setTimeout(() => {
  fs.mkdirSync('node_modules/' + alias, { recursive: true });
  manifest.dependencies[alias] = 'npm:' + args.at(-1).split('@npm:')[1];
  fs.writeFileSync('package.json', JSON.stringify(manifest));
  fs.rmdirSync('lock');
}, 100);
`;

function workshop(t, options = {}) {
  const directory = mkdtempSync(path.join(tmpdir(), 'runner-adaptors-'));
  const before = { PATH: process.env.PATH, WORKER_SECRET: process.env.WORKER_SECRET };
  const calls = path.join(directory, 'calls');
  const repoDir = path.join(directory, 'repo');

  mkdirSync(path.join(directory, 'bin'));
  writeFileSync(path.join(directory, 'bin/npm'), NPM);
  chmodSync(path.join(directory, 'bin/npm'), 0o755);
  Object.assign(process.env, {
    PATH: `${directory}/bin:${process.env.PATH}`,
    NPM_CALLS: calls,
    WORKER_SECRET: 'secret',
  });
  t.after(() => {
    process.env.PATH = before.PATH;
    if (before.WORKER_SECRET === undefined)
      delete process.env.WORKER_SECRET;
    rmSync(directory, { recursive: true });
  });

  return {
    directory,
    repoDir,
    adaptors: new Adaptors({ repoDir, ...options }, quiet),
    calls: () => (existsSync(calls) ? readFileSync(calls, 'utf8').trim().split('\n').map((line) => JSON.parse(line)) : []),
  };
}

test('installs once, then uses what is there', async (t) => {
  const { adaptors, repoDir, calls } = workshop(t);
  const expected = {
    name: '@openfn/language-x',
    version: '1.2.3',
    path: path.join(repoDir, 'node_modules/@openfn/language-x_1.2.3'),
  };

  assert.deepEqual(await adaptors.provide('@openfn/language-x@1.2.3'), expected);
  assert.deepEqual(await adaptors.provide('@openfn/language-x@1.2.3'), expected);
  assert.equal(calls().length, 1);

  const [{ command, args, cwd, env }] = calls();
  assert.equal(command, 'install');
  assert.equal(args.at(-1), '@openfn/language-x_1.2.3@npm:@openfn/language-x@1.2.3');
  assert.ok(['--no-audit', '--no-fund', '--no-package-lock'].every((flag) => args.includes(flag)));
  assert.equal(cwd, repoDir);
  assert.equal(env.includes('WORKER_SECRET'), false);
});

test('installs one after the other, and the same one once', async (t) => {
  const { adaptors, calls } = workshop(t);
  const wanted = ['a@1.0.0', 'b@1.0.0', 'a@1.0.0', 'a@2.0.0'].map((name) => `@openfn/language-${name}`);
  const found = await Promise.all(wanted.map((specifier) => adaptors.provide(specifier)));

  assert.deepEqual(found.map(({ name, version }) => `${name}@${version}`), wanted);
  assert.equal(calls().length, 3);
});

test('an installation that was interrupted is done again', async (t) => {
  const { adaptors, repoDir, calls } = workshop(t);
  mkdirSync(path.join(repoDir, 'node_modules/@openfn/language-x_1.0.0'), { recursive: true });

  await adaptors.provide('@openfn/language-x@1.0.0');
  assert.equal(calls().length, 1);
});

test('a failure says what npm said, and leaves the next one alone', async (t) => {
  const { adaptors } = workshop(t);

  await assert.rejects(adaptors.provide('@openfn/language-missing@1.0.0'), (error) => {
    assert.ok(error instanceof AutoinstallError);
    assert.match(error.message, /^Error installing @openfn\/language-missing@1\.0\.0: Command failed: npm install /);
    assert.match(error.message, /E404/);
    return true;
  });
  assert.equal((await adaptors.provide('@openfn/language-x@1.0.0')).version, '1.0.0');
});

for (const specifier of ['@openfn/language-x@latest', '@openfn/language-x@next', '@openfn/language-x'])
  test(`${specifier} is looked up`, async (t) => {
    const { adaptors, calls } = workshop(t);

    assert.equal((await adaptors.provide(specifier)).version, '7.8.9');
    assert.deepEqual(calls().map(({ command }) => command), ['view', 'install']);
  });

test('a look-up that fails', async (t) => {
  const { adaptors } = workshop(t);
  await assert.rejects(adaptors.provide('@openfn/language-missing@latest'), ExecutionError);
});

test('packages of others are left out', async (t) => {
  const { adaptors, calls } = workshop(t);

  assert.equal(await adaptors.provide('left-pad@1.0.0'), null);
  assert.deepEqual(calls(), []);
});

for (const specifier of ['@openfn/x@--global', '@openfn/../x@1.0.0', '@openfn/x;ls@1.0.0', '@openfn/x@../../y', '@openfn/x@npm:evil'])
  test(`refuses ${specifier}`, async (t) => {
    const { adaptors, calls } = workshop(t);

    await assert.rejects(adaptors.provide(specifier), AutoinstallError);
    assert.deepEqual(calls(), []);
  });

test('@local comes from a checkout', async (t) => {
  const { adaptors, directory, calls } = workshop(t, { monorepoDir: path.join(tmpdir(), 'nowhere') });
  await assert.rejects(adaptors.provide('@openfn/language-x@local'), AutoinstallError);

  const checkout = path.join(directory, 'packages/x');
  mkdirSync(checkout, { recursive: true });
  writeFileSync(path.join(checkout, 'package.json'), JSON.stringify({ version: '0.0.1' }));
  const local = new Adaptors({ repoDir: directory, monorepoDir: directory }, quiet);

  assert.deepEqual(await local.provide('@openfn/language-x@local'), { name: '@openfn/language-x', version: '0.0.1', path: checkout });
  assert.deepEqual(calls(), []);
});

test('specifiers', () => {
  assert.deepEqual(splitSpecifier('@openfn/x@1.0.0'), { name: '@openfn/x', version: '1.0.0' });
  assert.deepEqual(splitSpecifier('@openfn/x'), { name: '@openfn/x', version: 'latest' });
  assert.deepEqual(splitSpecifier('x@2'), { name: 'x', version: '2' });
});
