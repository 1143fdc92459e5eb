// SPDX-License-Identifier: Apache-2.0
//
// Where secrets do not go. Every kind of secret is planted once; then a whole story is told, with all that goes wrong in it,
// at LOG_LEVEL=debug; and what the programs have left behind is searched: logs, PostgreSQL's log, replies, arguments,
// environments, the database at rest.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { personalToken, storeToken } from './lib/api.js';
import { Canaries, makeCanary } from './lib/canary.js';
import { newDatabase } from './lib/database.js';
import { makeCredential, makeDataclip, makeKeychain, makeProject, makeRun, makeUser, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { startAll } from './lib/kept.js';
import { environment, primaryKey, runToken, workerSecret, workerToken } from './lib/keys.js';
import { runProgram, startProgram } from './lib/program.js';
import { stamp } from './lib/stage.js';
import { basic, makeAuthMethod } from './lib/webhooks.js';
import { connectRaw, connectWorker, until } from './lib/worker.js';

const server = (action) => promisify(execFile)(process.env.FULGUR_TEST_WITH_POSTGRES, ['--server', action]);
const canaries = new Canaries();
const plant = (name) => canaries.add(name, makeCanary(name.replaceAll(/\W/g, '')));
const signatureOf = (token) => token.split('.').at(-1);

let db, all, directory, envFile, url, user, project, workflow, guarded, keyed, credential, keychain;
const secret = {};

// What was said to whom, and which canaries he may read.
const replies = [];
const outputs = [];

before(async () => {
  canaries.add('primary key', primaryKey);
  canaries.add('primary key', environment.PRIMARY_ENCRYPTION_KEY);
  canaries.add('worker secret', workerSecret);
  canaries.add('session key', environment.SECRET_KEY_BASE);
  const pem = Buffer.from(environment.WORKER_RUNS_PRIVATE_KEY, 'base64').toString();
  for (const line of pem.split('\n').slice(1, -2)) canaries.add('run token key', line);
  const der = Buffer.from(pem.split('\n').slice(1, -2).join(''), 'base64');
  for (let at = 300; at + 24 <= 1100; at += 100) canaries.add('run token key', der.subarray(at, at + 24));

  for (const name of ['database password', 'credential value', 'staging value', 'keychain value', 'webhook user', 'webhook password', 'webhook api key',
    'wrong password', 'wrong api key', 'payload', 'broken payload', 'output', 'log line', 'other log line'])
    secret[name] = plant(name);

  db = await newDatabase();
  const parameters = new URL(db.url.replace('@/', '@localhost/'));
  url = `postgresql://${parameters.username}:${secret['database password']}@/${db.name}${parameters.search}`;

  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-secrets-'));
  envFile = path.join(directory, 'fulgur.env');
  fs.writeFileSync(envFile, 'LOG_LEVEL=debug\n');
  all = await startAll({ url }, {
    LOG_LEVEL: 'debug', FULGUR_ENV_FILE: envFile, DATABASE_TIMEOUT: '1000', WEBHOOK_RETRY_TIMEOUT_MS: '500', MAX_DATACLIP_SIZE_MB: '1',
    FULGUR_CLAIM_JOIN_SECONDS: '600', FULGUR_WORKER_LEASE_SECONDS: '600',
  });
  all.workerAddress = `ws://${all.host}:${all.port}/worker`;

  project = await makeProject(db);
  credential = await makeCredential(db, project, { main: { password: secret['credential value'] }, staging: { password: secret['staging value'] } });
  const behind = await makeCredential(db, project, { main: { key: secret['keychain value'] } }, { external_id: 'somebody' });
  keychain = await makeKeychain(db, project, '$.who');
  workflow = await makeWorkflow(db, project, { jobs: [{ credential }, { keychain }] });
  guarded = await makeWorkflow(db, project);
  await makeAuthMethod(db, guarded, { username: secret['webhook user'], password: secret['webhook password'] });
  keyed = await makeWorkflow(db, project);
  await makeAuthMethod(db, keyed, { api_key: secret['webhook api key'] });

  user = await makeUser(db);
  user.token = personalToken(user);
  canaries.add('API token', signatureOf(user.token));
  await storeToken(db, user, user.token);
  await db.query("INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, 'viewer')", [project.id, user.id]);
  assert.ok(behind.id);
});

after(async () => {
  await all.finish();
  await db.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

// -- asking ----------------------------------------------------------------------------------------------------

/** Bytes to the public port, and all that comes back. */
const raw = (bytes, allowed = []) =>
  new Promise((resolve) => {
    let text = '';
    const socket = net.connect(all.port, all.host, () => socket.write(bytes));
    socket.setEncoding('latin1').on('data', (data) => (text += data));
    socket.on('error', () => resolve(text));
    socket.on('close', () => resolve(text));
  }).then((text) => {
    replies.push({ of: bytes.toString('latin1').slice(0, 40), text, allowed });
    return { status: Number(text.split(' ')[1]), text };
  });

function ask(method, target, headers = {}, body = '', allowed = []) {
  const fields = Object.entries({ host: 'example.org', connection: 'close', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const length = method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  return raw(Buffer.from(`${method} ${target} HTTP/1.1\r\n${fields}${length}\r\n${body}`), allowed);
}
const post = (target, body, headers = {}) => ask('POST', target, { 'content-type': 'application/json', ...headers }, body);
const webhook = (which) => `/i/${which.trigger.id}`;

/** A worker whose replies are kept; `allowed` belongs to what it asks next. */
async function spy(worker, channel, topic) {
  return async (event, payload, allowed = []) => {
    const reply = await channel.push(event, payload);
    replies.push({ of: `${topic} ${event}`, text: JSON.stringify(reply), allowed });
    return reply;
  };
}

async function claimed(run) {
  const worker = await connectWorker(all);
  const queue = await worker.queue();
  let found;
  await until(async () => (found = (await queue.claim()).find(({ id }) => id === run.id)));
  canaries.add('run token', signatureOf(found.token));
  const channel = await worker.run(run.id, found.token);
  return { worker, token: found.token, push: await spy(worker, channel, 'run') };
}

// -- the story -------------------------------------------------------------------------------------------------

describe('a story with every secret in it', () => {
  test('callers of webhooks', async () => {
    const payload = JSON.stringify({ value: secret.payload, who: 'somebody' });
    const good = basic(secret['webhook user'], secret['webhook password']);
    assert.equal((await post(webhook(workflow), payload)).status, 200);
    assert.equal((await post(webhook(guarded), payload, { authorization: good })).status, 200);
    assert.equal((await post(webhook(keyed), payload, { 'x-api-key': secret['webhook api key'] })).status, 200);

    assert.equal((await post(webhook(guarded), payload)).status, 401);
    assert.equal((await post(webhook(guarded), payload, { authorization: basic(secret['webhook user'], secret['wrong password']) })).status, 404);
    assert.equal((await post(webhook(guarded), payload, { authorization: `Basic ${secret['wrong password']}` })).status >= 400, true);
    assert.equal((await post(webhook(keyed), payload, { 'x-api-key': secret['wrong api key'] })).status, 404);

    const broken = secret['broken payload'];
    for (const body of [`{"a":"${broken}`, `${broken}`, `{"a":"${broken}",}`, `["${broken}\\u0000"]x`, `{"${broken}":"\\ud800"`])
      assert.equal((await post(webhook(workflow), body)).status, 400, body);
    assert.equal((await post(webhook(workflow), broken, { 'content-type': 'application/x-own' })).status, 415);
    assert.equal((await post(webhook(workflow), broken, { 'content-encoding': 'gzip' })).status, 400);
    assert.equal((await post(webhook(workflow), `{"a":"${broken.repeat(40000)}"}`)).status, 413);
    assert.equal((await post(`/i/${broken}`, payload)).status, 404);
    await raw(Buffer.from(`POST ${webhook(workflow)} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${broken}\r\n\r\n`));
    await raw(Buffer.from(`POST ${webhook(workflow)} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx${broken}\r\n`));
    await raw(Buffer.from(`${broken}\r\n\r\n`));
  });

  test('users of the API', async () => {
    const authorization = `Bearer ${user.token}`;
    for (const target of ['/api/projects', '/api/runs', '/api/work_orders', '/api/workflows', '/api/jobs', '/api/log_lines', `/api/runs/${uuid7()}`])
      await ask('GET', target, { authorization });
    assert.equal((await ask('GET', '/api/projects', { authorization })).status, 200);

    const stolen = user.token.slice(0, -4) + 'AAAA';
    canaries.add('API token', signatureOf(stolen).slice(0, -4));
    const unknown = personalToken(user, { jti: uuid7() });
    canaries.add('API token', signatureOf(unknown));
    for (const token of [stolen, unknown, workerToken(), runToken(uuid7())])
      assert.equal((await ask('GET', '/api/projects', { authorization: `Bearer ${token}` })).status, 401);
    await ask('GET', `/api/projects?access_token=${user.token}`);
    // Links back to oneself say what was asked.
    await ask('GET', `/api/log_lines?search=${secret['log line']}&page=x`, { authorization }, '', ['log line']);
    await ask('GET', `/api/${secret['wrong password']}`, { authorization });
  });

  test('workers that are not let in', async () => {
    const forged = workerToken({}, 'another secret, not the one');
    for (const token of [forged, workerToken({ iss: 'somebody' }), workerToken({ nbf: 1e12 }), secret['wrong password'], '%zz'])
      await connectWorker(all, { token }).then(
        () => assert.fail('let in'),
        (refusal) => replies.push({ of: 'a refused worker', text: JSON.stringify(refusal), allowed: [] }));
    canaries.add('worker token', signatureOf(forged));
  });

  test('a worker and a run', async () => {
    const token = workerToken();
    canaries.add('worker token', signatureOf(token));
    const run = await makeRun(db, workflow, { dataclip: { body: { value: secret.payload, who: 'somebody' } } });
    const { worker, token: ticket, push } = await claimed(run);

    const { response: plan } = await push('fetch:plan', {});
    assert.equal(plan.jobs.length, 2);
    const mine = await push('fetch:credential', { id: credential.id }, ['credential value']);
    assert.deepEqual(mine.response, { password: secret['credential value'] });
    const other = await push('fetch:credential', { id: keychain.id }, ['keychain value']);
    assert.deepEqual(other.response, { key: secret['keychain value'] });
    await push('fetch:dataclip', {}, ['payload']);
    await push('run:start', { timestamp: stamp() });
    const step_id = crypto.randomUUID();
    await push('step:start', { step_id, job_id: plan.jobs[0].id, input_dataclip_id: run.dataclip.id });

    // Values of credentials do not reach the database; what else a job says is its own.
    for (const message of [secret['credential value'], { inside: Buffer.from(secret['credential value']).toString('base64') }, secret['keychain value'], secret['log line']])
      await push('run:log', { step_id, level: 'info', source: 'JOB', message: [message], timestamp: stamp() });

    // What is wrong, with something to tell in it.
    const loud = secret['other log line'];
    for (const [event, payload] of [
      ['run:log', { message: [loud], timestamp: 'never' }], ['run:log', { message: [loud], timestamp: stamp(), level: loud }],
      ['run:log', { message: [loud], timestamp: stamp(), step_id: loud }], ['run:log', { message: [loud], timestamp: stamp(), step_id: uuid7() }],
      ['run:batch_logs', { logs: loud }], ['step:start', { step_id: loud, job_id: loud }], ['step:complete', { step_id: uuid7(), reason: loud }],
      ['run:complete', { reason: loud }], ['fetch:credential', { id: loud }], [loud, {}],
    ])
      await Promise.race([push(event, payload, ['other log line']).catch(() => {}), new Promise((resolve) => setTimeout(resolve, 300))]);

    await push('step:complete', {
      step_id, reason: 'fail', error_type: 'JobError', error_message: `401 for ${secret['credential value']}`, output_dataclip_id: crypto.randomUUID(),
      output_dataclip: JSON.stringify({ value: secret.output }),
    });
    const stranger = await connectWorker(all);
    for (const [id, token] of [[run.id, ticket.slice(0, -4) + 'AAAA'], [uuid7(), ticket]]) {
      const refusal = await stranger.run(id, token).catch((error) => error);
      assert.deepEqual(refusal.response, { reason: 'unauthorized' });
    }
    await stranger.close();
    await push('run:complete', { reason: 'fail', error_type: 'JobError', error_message: `because of ${secret['keychain value']}` });
    await worker.close();
  });

  test('a worker without manners', async () => {
    const loud = secret['other log line'];
    for (const data of [loud, `["1","1","${loud}"]`, `["1","1","worker:queue","${loud}",{`, `["1","1","run:${loud}","phx_join",{"token":"${loud}"}]`,
      `["1","1","${loud}","phx_join",{}]`]) {
      const socket = await connectRaw({ socketPath: all.workers.address });
      socket.on('message', (message) => replies.push({ of: 'a raw frame', text: message.toString(), allowed: ['other log line'] }));
      socket.send(data);
      await Promise.race([socket.closed, socket.next()]);
      socket.terminate();
    }
  });

  test('a credential that cannot be opened, a body that is no JSON for PostgreSQL', async () => {
    const damaged = await makeCredential(db, project, { main: { password: secret['credential value'] } });
    await db.query('UPDATE credential_bodies SET name = name, body = substring(body for 60) WHERE credential_id = $1', [damaged.id]);
    const flow = await makeWorkflow(db, project, { jobs: [{ credential: damaged }, { keychain }] });
    const dataclip = await makeDataclip(db, project, { body: `{"who":"somebody","\\u0000":"${secret.payload}","x":"\\ud800${secret['broken payload']}"}` });
    const { worker, push } = await claimed(await makeRun(db, flow, { dataclip }));
    assert.equal((await push('fetch:credential', { id: damaged.id })).status, 'error');
    await push('fetch:credential', { id: keychain.id }, ['keychain value']);
    await worker.close();
  });

  test('SIGHUP, with a good and with a bad file', async () => {
    for (const text of ['LOG_LEVEL=debug\n', `LOG_LEVEL=${secret['wrong password']}\n`, `PRIMARY_ENCRYPTION_KEY=${secret['wrong password']}\n`,
      `${secret['wrong password']}\n`, `WORKER_SECRET="${secret['wrong password']}\n`, 'LOG_LEVEL=debug\n']) {
      fs.writeFileSync(envFile, text);
      for (const name of ['web', 'webhooks', 'workers']) {
        await post(webhook(workflow), '{}');
        all[name].kill('SIGHUP');
      }
      assert.equal((await ask('GET', '/health_check')).status, 200);
    }
  });

  test('the database goes away, and comes back', async () => {
    const { worker, push } = await claimed(await makeRun(db, workflow));
    await server('stop');
    const payload = JSON.stringify({ value: secret.payload });
    assert.equal((await post(webhook(workflow), payload)).status, 503);
    assert.equal((await ask('GET', '/api/runs', { authorization: `Bearer ${user.token}` })).status, 503);
    assert.equal((await push('fetch:credential', { id: credential.id })).status, 'error');
    for (const name of ['fulgur-cron', 'fulgur-janitor', 'fulgur-migrate'])
      outputs.push({ of: name, ...(await runProgram(name, [], { env: { DATABASE_URL: url, LOG_LEVEL: 'debug' } })) });
    outputs.push({ of: 'fulgurctl status', ...(await runProgram('fulgurctl', ['status'], { env: { DATABASE_URL: url } })) });
    await server('start');
    await until(async () => (await post(webhook(workflow), payload)).status === 200);
    await worker.close();
    // The test's own connection is gone as well.
    const name = db.name;
    const again = await db.connect();
    Object.assign(db, {
      name, query: async (sql, values) => (await again.query(sql, values)).rows, one: async (sql, values) => (await again.query(sql, values)).rows[0],
      close: () => again.end(),
    });
  });

  test('one-shots and fulgurctl, also when they complain', async () => {
    const env = { DATABASE_URL: url, LOG_LEVEL: 'debug' };
    const [{ id }] = await db.query('SELECT id FROM runs ORDER BY id LIMIT 1');
    for (const name of ['fulgur-cron', 'fulgur-janitor', 'fulgur-migrate']) outputs.push({ of: name, ...(await runProgram(name, [], { env })) });
    for (const args of [['config', 'show'], ['config', 'check'], ['status'], ['run', 'list'], ['run', 'show', id], ['worker', 'list'], ['--json', 'config', 'show'],
      ['--json', 'run', 'show', id]])
      outputs.push({ of: args.join(' '), ...(await runProgram('fulgurctl', args, { env })) });

    const wrong = secret['wrong password'];
    for (const more of [{ DATABASE_URL: `postgresql://u:${wrong}@[/x` }, { DATABASE_URL: `host=/nowhere password=${wrong}` }, { DATABASE_URL: `mysql://u:${wrong}@h/x` },
      { DATABASE_URL: `host=/nowhere password='${wrong}` }, { PRIMARY_ENCRYPTION_KEY: wrong }, { WORKER_RUNS_PRIVATE_KEY: wrong }, { SECRET_KEY_BASE: wrong },
      { WORKER_RUNS_PRIVATE_KEY: Buffer.from(wrong).toString('base64') }, { SMTP_PASSWORD: wrong, MAIL_PROVIDER: 'smtp' }, { SENTRY_DSN: `https://${wrong}@x/1` }])
      for (const [name, args] of [['fulgurctl', ['config', 'check']], ['fulgurctl', ['config', 'show']], ['fulgurctl', ['token', 'create', 'x@example.org']],
        ['fulgur-janitor', []]])
        outputs.push({ of: `${name} ${args.join(' ')} with ${Object.keys(more)}`, ...(await runProgram(name, args, { env: { ...env, ...more } })) });
  });
});

// -- what it left behind ---------------------------------------------------------------------------------------

const daemons = () => ['web', 'webhooks', 'workers'].map((name) => all[name]);

describe('nothing of it', () => {
  test('is in the logs of the daemons', () => {
    for (const { name, log } of daemons()) {
      assert.ok(log.length > 0, name);
      assert.deepEqual(canaries.found(log), [], `${name}:\n${log.split('\n').filter((line) => canaries.found(line).length > 0).slice(0, 5).join('\n')}`);
    }
    assert.match(all.webhooks.log, /Answered 200/);
  });

  test('is said by programs', () => {
    assert.ok(outputs.some(({ code }) => code === 0) && outputs.some(({ code }) => code !== 0));
    for (const { of, stdout, stderr } of outputs) assert.deepEqual(canaries.found(stdout + stderr), [], `${of}:\n${stdout}${stderr}`);
  });

  test('is in a reply, but to whom it belongs', () => {
    assert.ok(replies.length > 50);
    for (const { of, text, allowed } of replies) assert.deepEqual(canaries.found(text, allowed), [], `${of}:\n${text}`);
  });

  test('is in the log of PostgreSQL', () => {
    const log = fs.readFileSync(process.env.FULGUR_TEST_PGLOG, 'utf8');
    assert.deepEqual(canaries.found(log), [], log.split('\n').filter((line) => canaries.found(line).length > 0).slice(0, 5).join('\n'));
  });

  test('is among arguments or in environments', async () => {
    for (const daemon of daemons()) {
      await until(() => daemon.pid);
      for (const file of ['cmdline', 'environ']) {
        const text = fs.readFileSync(`/proc/${daemon.pid}/${file}`);
        assert.ok(text.length > 0);
        assert.deepEqual(canaries.found(text), [], `${daemon.name} ${file}`);
      }
    }
  });

  test('is at rest in clear, save what people send and jobs say', async () => {
    const { stdout } = await promisify(execFile)('pg_dump', ['--data-only', '--dbname', db.url], { maxBuffer: 1 << 28 });
    assert.ok(canaries.found(stdout).includes('payload'), 'the dump is one of our database');
    assert.deepEqual(canaries.found(stdout, ['payload', 'broken payload', 'output', 'log line', 'other log line']), []);
  });
});

describe('memory', () => {
  test('of a daemon leaves no core', () => {
    for (const daemon of daemons()) assert.match(fs.readFileSync(`/proc/${daemon.pid}/limits`, 'utf8'), /^Max core file size +0 +0 /m);
  });

  // The kernel gives what is not dumpable to root, whoever runs it.
  const owner = process.getuid() === 0 ? 65534 : process.getuid();
  async function withWorkers(env, check) {
    const place = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-closed-'));
    for (const [name, value] of Object.entries(env.credentials ?? {})) fs.writeFileSync(path.join(place, name), value);
    fs.chownSync(place, owner, -1);
    // A copy: the user may not look into the folder this was built in.
    const program = path.join(place, 'fulgur-workers');
    fs.copyFileSync(path.join(process.env.FULGUR_BUILD, 'src', 'workers', 'fulgur-workers'), program);
    fs.chmodSync(program, 0o755);
    const child = spawn(program, [`--listen=${place}/socket`],
      { uid: owner, env: { ...environment, DATABASE_URL: url, CREDENTIALS_DIRECTORY: place, ...env.settings }, stdio: 'ignore' });
    try {
      await until(() => fs.existsSync(`${place}/socket`));
      check(`/proc/${child.pid}/environ`);
    } finally {
      child.kill('SIGKILL');
      fs.rmSync(place, { recursive: true });
    }
  }

  test('is closed to others of the same user', (t) =>
    withWorkers({}, (environ) => {
      // A sanitizer has to look in.
      if (/libasan/.test(fs.readFileSync(path.join(path.dirname(environ), 'maps'), 'utf8'))) t.skip();
      else assert.equal(fs.statSync(environ).uid, 0);
    }));

  test('holds no variable that a credential has replaced, nor a password in another writing', async () => {
    const none = (environ) => assert.deepEqual(canaries.found(fs.readFileSync(environ)), []);
    await withWorkers({ credentials: { 'fulgur.worker-secret': 'another secret, long enough for all', 'fulgur.database-url': url } }, none);
    await withWorkers({ settings: { DATABASE_URL: `host=/nowhere password = ${secret['database password']}` } }, none);
  });

  test('of a one-shot: its environment is wiped while it works', async (t) => {
    const holder = await db.connect();
    await holder.query('BEGIN; LOCK TABLE runs, run_queue, triggers, workflows IN ACCESS EXCLUSIVE MODE');
    for (const name of ['fulgur-cron', 'fulgur-janitor']) {
      const child = startProgram(name, [], { env: { DATABASE_URL: url } });
      t.after(() => child.kill('SIGKILL'));
      await until(async () =>
        (await db.query("SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND wait_event_type = 'Lock'", [name])).length > 0);
      const text = fs.readFileSync(`/proc/${child.pid}/environ`);
      assert.deepEqual(canaries.found(text), [], name);
      child.kill('SIGKILL');
      await child.done;
    }
    await holder.query('ROLLBACK');
    await holder.end();
  });
});
