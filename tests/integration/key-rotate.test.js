// SPDX-License-Identifier: Apache-2.0
//
// fulgurctl key rotate below another root: everything is sealed anew, whatever interrupts it, and at no moment is there a secret whose
// key is in no file. What it does with services needs a booted systemd and is left out here.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { newDatabase } from './lib/database.js';
import { uuid7 } from './lib/fixtures.js';
import { seal } from './lib/keys.js';
import { runProgram } from './lib/program.js';
import { until } from './lib/worker.js';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-rotate-'));
const store = path.join(root, 'etc/credstore');
const primary = path.join(store, 'fulgur.primary-key');
const others = path.join(store, 'fulgur.primary-key.old');
const key = () => Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64');
const read = (file) => (fs.statSync(file, { throwIfNoEntry: false })?.isFile() ? fs.readFileSync(file, 'utf8') : null);
const write = (file, text) => (fs.rmSync(file, { force: true }), fs.writeFileSync(file, text, { mode: 0o400 }));

let db;
const env = () => ({ DATABASE_URL: db.url, PRIMARY_ENCRYPTION_KEY: null });

before(async () => {
  fs.mkdirSync(store, { recursive: true });
  write(primary, key());
  db = await newDatabase();
});
after(async () => {
  await db.close();
  fs.rmSync(root, { recursive: true, force: true });
});

async function rotate(...args) {
  const { code, stdout, stderr } = await runProgram('fulgurctl', ['--json', 'key', 'rotate', '--root', root, ...args], { env: env() });
  for (const file of [primary, others])
    for (const line of (read(file) ?? '').split('\n')) assert.ok(!line || !(stdout + stderr).includes(line), 'a key is shown');
  const report = stdout ? JSON.parse(stdout) : null;
  return { code, stderr, report, outcome: report && Object.fromEntries(report.steps.map((step) => [step.step, step.outcome])), note: report?.steps.at(-1).note };
}

/** Sealed by the program itself, with the keys of the files. */
async function kickstart(n, value = 'planted') {
  const credentials = Array.from({ length: n }, (_, i) => ({ name: `c${i}`, owner: 'ada@example.org', body: { password: `${value} ${i}` } }));
  const { code, stderr } = await runProgram('fulgurctl', ['kickstart', '-'], {
    env: { ...env(), PRIMARY_ENCRYPTION_KEY: read(primary) },
    input: JSON.stringify({ users: [{ email: 'ada@example.org', first_name: 'Ada', last_name: 'L', password: 'an engine weaves' }], projects: [{ name: 'p', credentials }] }),
  });
  assert.equal(code, 0, stderr);
}

async function plantSecondFactor() {
  const id = uuid7(), secret = seal('user_totps', 'secret', id, 'x'.repeat(20), undefined, Buffer.from(read(primary), 'base64'));
  await db.query("INSERT INTO user_totps (id, user_id, secret) SELECT $1, id, $2 FROM users WHERE email = 'ada@example.org'", [id, secret]);
  return secret;
}

const bodies = async () => Object.fromEntries((await db.query('SELECT id, body FROM credential_bodies')).map(({ id, body }) => [id, body.toString('hex')]));

test('everything is sealed with a new key, and the former one is gone', async () => {
  await kickstart(50);
  const [former, sealed, factor] = [read(primary), await bodies(), await plantSecondFactor()];
  const { code, report, outcome } = await rotate();
  assert.equal(code, 0, JSON.stringify(report));
  assert.deepEqual(outcome, { keys: 'already so', machines: 'already so', prepare: 'done', swap: 'done', reseal: 'done', finish: 'done' });
  assert.notEqual(read(primary), former);
  assert.equal(read(others), null);
  assert.equal(fs.statSync(primary).mode & 0o777, 0o400);

  const anew = await bodies();
  for (const id of Object.keys(sealed)) assert.notEqual(anew[id], sealed[id]);
  assert.notDeepEqual((await db.one('SELECT secret FROM user_totps')).secret, factor);
  assert.equal((await rotate('--check')).note, '51 values');

  write(primary, former);
  const lost = await rotate('--check');
  assert.equal(lost.code, 1);
  assert.match(lost.note, /sealed with a key that is not here/);
  assert.equal((await rotate()).code, 1);
});

test('what was interrupted anywhere is finished by the next one, and always opens', { timeout: 280000 }, async () => {
  write(primary, key());
  fs.rmSync(others, { force: true });
  await db.query('TRUNCATE credential_bodies, webhook_auth_methods, user_totps CASCADE');
  await db.query('DELETE FROM credentials');
  await kickstart(400);
  const begun = performance.now();
  assert.equal((await rotate()).code, 0);
  const whole = performance.now() - begun;
  let killed = 0;
  let finished = 0;
  for (let n = 0; killed < 30 || finished === 0; n++) {
    const child = spawn(path.join(process.env.FULGUR_BUILD, 'src/ctl/fulgurctl'), ['key', 'rotate', '--root', root], {
      env: { ...process.env, ...env(), PRIMARY_ENCRYPTION_KEY: undefined }, stdio: 'ignore' });
    const gone = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal ?? code)));
    // Anywhere in the time that a whole one takes, and somewhat behind its end.
    setTimeout(() => child.kill('SIGKILL'), (((n * 7) % 20) / 15) * whole);
    if ((await gone) === 'SIGKILL') killed++;
    else finished++;
    const { code, note } = await rotate('--check');
    assert.equal(code, 0, note);
    assert.equal(note, '400 values');
  }
  assert.equal((await rotate()).code, 0);
  assert.equal(read(others), null);
});

test('a rotation that was begun takes the key it had made; lines by hand are former keys', async () => {
  const [p, next] = [read(primary), key()];
  write(others, `${next}\n${p}`);
  const begun = await rotate();
  assert.equal(begun.code, 0);
  assert.match(begun.report.steps[0].note, /has begun already/);
  assert.equal(read(primary), next);

  const [byHand] = [key()];
  const former = read(primary);
  write(primary, byHand);
  write(others, `${former}\n`);
  const { code, outcome } = await rotate();
  assert.equal(code, 0);
  assert.equal(outcome.prepare, 'already so');
  assert.equal(outcome.reseal, 'done');
  assert.equal(read(primary), byHand);
  assert.equal(read(others), null);
  assert.equal((await rotate('--check')).note, '400 values');
});

test('whoever stores meanwhile wins, and is sealed anew after that', async () => {
  const [row] = await db.query("SELECT b.id, b.body FROM credential_bodies b JOIN credentials c ON c.id = b.credential_id WHERE c.name = 'c7'");
  await kickstart(400, 'another');
  const writer = await db.connect();
  await writer.query('BEGIN');
  await writer.query('UPDATE credential_bodies SET body = $2 WHERE id = $1', [row.id, row.body]);
  const rotation = rotate();
  await until(async () => (await db.one("SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")).n > 0);
  const second = await rotate();
  assert.equal(second.code, 1);
  assert.match(second.note, /another "fulgurctl key rotate" runs/);
  await writer.query('COMMIT');
  await writer.end();
  const { code, report } = await rotation;
  assert.equal(code, 0, JSON.stringify(report));
  assert.equal(report.steps.find(({ step }) => step === 'reseal').note, '401 values');
  assert.equal((await rotate('--check')).note, '400 values');
});

test('of several at once none overwrites the key of another', { timeout: 280000 }, async () => {
  let done = 0;
  let refused = 0;
  for (let n = 0; n < 20; n++) {
    for (const { code, note } of await Promise.all([rotate(), rotate(), rotate()])) {
      if (code === 0) done++;
      else {
        assert.match(note, /another "fulgurctl key rotate" runs/);
        refused++;
      }
    }
    const { code, note } = await rotate('--check');
    assert.equal(code, 0, note);
    assert.equal(note, '400 values');
    assert.equal(read(others), null);
  }
  console.log(`# ${done} rotations, ${refused} refused`);
  assert.ok(done >= 20);
});

test('damaged and foreign values keep every key where it is', async () => {
  const [row] = await db.query("UPDATE credential_bodies SET body = set_byte(body, 40, (get_byte(body, 40) + 1) % 256) WHERE id = (SELECT id FROM credential_bodies LIMIT 1) RETURNING id");
  const { code, note } = await rotate();
  assert.equal(code, 1);
  assert.match(note, new RegExp(`credential_bodies.body of row ${row.id} is damaged`));
  assert.ok(read(others));
  await db.query('DELETE FROM credential_bodies WHERE id = $1', [row.id]);
  assert.equal((await rotate()).code, 0);
});

test('bad files and arguments are refused, and nothing is touched', async () => {
  const good = read(primary);
  for (const [file, text] of [[others, ''], [others, 'x'], [others, `${good}\n\n${good}`], [others, '\0'.repeat(44)], [primary, 'x'], [others, `${key()}\n${'A'.repeat(100000)}`]]) {
    const saved = read(file);
    write(file, text);
    const { code } = await rotate();
    assert.equal(code, 1, text.slice(0, 20));
    assert.equal(read(file), text);
    if (saved === null) fs.rmSync(file);
    else write(file, saved);
  }
  fs.mkdirSync(others);
  assert.match((await rotate()).note, /a key cannot be read/);
  fs.rmdirSync(others);

  const encrypted = path.join(root, 'etc/credstore.encrypted');
  fs.mkdirSync(encrypted);
  for (const name of ['fulgur.primary-key', 'fulgur.primary-key.old']) {
    write(path.join(encrypted, name), 'x');
    if (name.endsWith('.old')) write(others, key());
    const { code, note } = await rotate();
    assert.equal(code, 1);
    assert.match(note, /in \/etc\/credstore and in \/etc\/credstore.encrypted/);
    assert.equal(read(primary), good);
    fs.rmSync(path.join(encrypted, name));
    fs.rmSync(others, { force: true });
  }

  fs.rmSync(primary);
  const { code, note } = await rotate();
  assert.equal(code, 1);
  assert.match(note, /no credential yet/);
  write(primary, good);
  for (const args of [['--root'], ['--fly'], ['now']]) assert.equal((await runProgram('fulgurctl', ['key', 'rotate', ...args], { env: env() })).code, 64);
  assert.equal((await rotate('--check')).code, 0);
});

test('daemons on another machine stop it', async () => {
  await db.query("INSERT INTO service_instances (id, service, host, workers) VALUES (gen_random_uuid(), 'workers', 'elsewhere', '[]')");
  const { code, note } = await rotate();
  assert.equal(code, 1);
  assert.match(note, /elsewhere/);
  await db.query('DELETE FROM service_instances');
});
