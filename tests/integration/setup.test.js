// SPDX-License-Identifier: Apache-2.0
//
// fulgurctl setup below another root: keys, local roles and database, migrations, rights, superuser. What it does with systemd needs a
// booted one and is left out here.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { connectTo } from './lib/database.js';
import { makeProject, makeWorkflow } from './lib/fixtures.js';
import { runProgram } from './lib/program.js';
import { post } from './lib/webhooks.js';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-setup-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

const password = 'correct horse battery';
const names = ['primary-key', 'run-token-key', 'session-key', 'worker-secret'];
const keyFile = (name) => path.join(root, 'etc/credstore', `fulgur.${name}`);
const readKeys = () => names.map((name) => fs.readFileSync(keyFile(name), 'utf8'));
const own = { PGHOST: process.env.PGHOST, DATABASE_URL: null, PRIMARY_ENCRYPTION_KEY: null, WORKER_SECRET: null, WORKER_RUNS_PRIVATE_KEY: null };

async function setup(args = [], { input = '', env = {} } = {}) {
  const { code, stdout, stderr } = await runProgram('fulgurctl', ['--json', 'setup', '--root', root, ...args], { env: { ...own, ...env }, input });
  const report = stdout ? JSON.parse(stdout) : null;
  return { code, stderr, report, outcomes: report && Object.fromEntries(report.steps.map(({ step, outcome }) => [step, outcome])) };
}

test('without a server it says what is missing, and has kept what it made', async () => {
  const { code, report, stderr } = await setup([], { env: { PGHOST: '/nowhere' } });
  assert.equal(code, 1);
  assert.equal(report.ok, false);
  assert.equal(report.steps.at(-1).step, 'database');
  assert.match(report.steps.at(-1).note, /apt install postgresql/);
  assert.ok(!stderr.includes(password));
});

test('the next one goes on from there', async () => {
  const keys = readKeys();
  const { code, outcomes, report } = await setup(['--superuser', 'Ada@Example.org'], { input: `${password}\n` });
  assert.equal(code, 0, JSON.stringify(report));
  assert.deepEqual(readKeys(), keys);
  assert.equal(outcomes['primary-key'], 'already so');
  for (const step of ['database', 'migrations', 'grants', 'superuser']) assert.equal(outcomes[step], 'done', step);
  assert.equal(outcomes.units, 'left out');
  for (const name of names) assert.equal(fs.statSync(keyFile(name)).mode & 0o777, 0o400, name);

  const db = await connectTo('fulgur');
  assert.deepEqual(await db.query('SELECT email, role FROM users'), [{ email: 'ada@example.org', role: 'superuser' }]);
  assert.equal((await db.one("SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = 'fulgur'")).owner, 'fulgur');
  await db.end();
});

test('once more changes nothing and says so', async () => {
  const keys = readKeys();
  const { code, report } = await setup(['--superuser', 'ada@example.org']);
  assert.equal(code, 0);
  assert.equal(report.changed, false);
  assert.deepEqual(report.steps.filter(({ outcome }) => !['already so', 'left out'].includes(outcome)), []);
  assert.deepEqual(readKeys(), keys);
});

test('a bad password or address is refused, and nobody is made', async () => {
  for (const [email, input] of [['grace@example.org', 'short\n'], ['grace@example.org', ''], ['grace@example.org', `${'x'.repeat(200)}\n`], ['nobody', `${password}\n`], [`${'x'.repeat(200)}@example.org`, `${password}\n`]]) {
    const { code, report } = await setup(['--superuser', email], { input });
    assert.equal(code, 1, email);
    assert.equal(report.steps.at(-1).step, 'superuser');
  }
  for (const args of [['--superuser'], ['--fly'], ['x']]) assert.equal((await setup(args)).code, 64);
  const db = await connectTo('fulgur');
  assert.equal((await db.one('SELECT count(*) AS n FROM users')).n, 1);
  await db.end();
});

test('values of the environment file count as there', async () => {
  const other = path.join(root, 'moved');
  fs.mkdirSync(path.join(other, 'etc/fulgur'), { recursive: true });
  fs.writeFileSync(path.join(other, 'etc/fulgur/fulgur.env'), `WORKER_SECRET=${Buffer.alloc(32, 'a').toString('base64')}\n`);
  const { stdout } = await runProgram('fulgurctl', ['--json', 'setup', '--root', other], { env: own });
  const step = JSON.parse(stdout).steps.find((one) => one.step === 'worker-secret');
  assert.equal(step.outcome, 'already so');
  assert.match(step.note, /fulgur\.env/);
  assert.ok(!fs.existsSync(path.join(other, 'etc/credstore/fulgur.worker-secret')));
});

test('the webhook receiver does its work with the rights of its own role, and no more', async () => {
  const db = await connectTo('fulgur');
  const workflow = await makeWorkflow(db, await makeProject(db));
  const url = `postgresql://fulgur-webhooks@/fulgur?host=${encodeURIComponent(process.env.PGHOST)}`;
  const daemon = await startDaemon('webhooks', { url });
  for (let i = 0; i < 3; i++) assert.equal((await post(daemon, `/i/${workflow.trigger.id}`, `{"n":${i}}`)).status, 200);
  await daemon.finish();
  assert.equal((await db.one('SELECT count(*) AS n FROM run_queue')).n, 3);
  await db.end();

  const role = await connectTo('fulgur', 'fulgur-webhooks');
  for (const table of ['users', 'user_tokens', 'credentials', 'log_lines'])
    await assert.rejects(role.query(`SELECT FROM ${table}`), /permission denied/, table);
  await role.end();
});

test('an address of its own is stored once; another one is not put in its place', async () => {
  const other = path.join(root, 'remote');
  const file = path.join(root, 'url');
  const stored = path.join(other, 'etc/credstore/fulgur.database-url');
  const url = (name) => `postgresql://${process.env.PGUSER ?? os.userInfo().username}:planted@/${name}?host=${encodeURIComponent(process.env.PGHOST)}`;
  const run = async () => {
    const { stdout, stderr } = await runProgram('fulgurctl', ['--json', 'setup', '--root', other, '--database-url-file', file], { env: own });
    assert.ok(!(stdout + stderr).includes('planted'));
    return JSON.parse(stdout).steps.find((one) => one.step === 'database-url');
  };

  fs.writeFileSync(file, `${url('fulgur')}\n`);
  assert.equal((await run()).outcome, 'done');
  assert.equal(fs.readFileSync(stored, 'utf8'), url('fulgur'));
  assert.equal((await run()).outcome, 'already so');

  fs.writeFileSync(file, url('elsewhere'));
  const refused = await run();
  assert.equal(refused.outcome, 'FAILED');
  assert.match(refused.note, /another one is stored already/);
  assert.equal(fs.readFileSync(stored, 'utf8'), url('fulgur'));
});
