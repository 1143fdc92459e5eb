// SPDX-License-Identifier: Apache-2.0
//
// fulgurctl: every verb, for people and with --json, its exit codes, and files that mean harm.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { newEmptyDatabase } from './lib/database.js';
import { makeCredential, makeDataclip, makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { environment, runPublicKey } from './lib/keys.js';
import { runProgram, startProgram } from './lib/program.js';
import { until } from './lib/worker.js';

const OK = 0, FAILED = 1, USAGE = 64, DATA = 65, NOT_FOUND = 66, DATABASE = 69, CONFIG = 78;

// As an admin makes one: the other tests' databases do not know which migrations they have seen.
async function newMigratedDatabase() {
  const empty = await newEmptyDatabase();
  const { code, stderr } = await runProgram('fulgurctl', ['migrate'], { db: empty });
  assert.equal(code, 0, stderr);
  return empty;
}

let db, directory;
const ctl = (args, options) => runProgram('fulgurctl', args, { db, ...options });

async function expect(code, args, options) {
  const result = await ctl(args, options);
  assert.equal(result.code, code, `fulgurctl ${args.join(' ')}: ${result.signal ?? ''} ${result.stdout}${result.stderr}`);
  return result;
}
const json = async (args, options) => JSON.parse((await expect(OK, ['--json', ...args], options)).stdout);
const file = (name, content) => {
  const where = path.join(directory, name);
  fs.writeFileSync(where, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return where;
};

before(async () => {
  db = await newMigratedDatabase();
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-ctl-'));
});
after(async () => {
  fs.rmSync(directory, { recursive: true, force: true });
  await db.close();
});

describe('the command line', () => {
  test('help lists every verb of the manual', async () => {
    const { stdout } = await expect(OK, ['--help']);
    const manual = (await expect(OK, ['help', '--roff'])).stdout.replaceAll('\\-', '-').replace(/\\f[BIR]/g, '');
    const list = (await expect(OK, ['help', '--list'])).stdout;
    const verbs = [...stdout.matchAll(/^ {2}([a-z][a-z-]*(?: [a-z-]+)?)(?= |$)/gm)].map((match) => match[1]);
    assert.ok(verbs.length >= 14);
    for (const verb of verbs) {
      assert.ok(manual.includes(`.TP\n${verb}`), `the manual lacks "${verb}"`);
      assert.ok(list.includes(`verb\t${verb}\t`), `the list lacks "${verb}"`);
    }
    for (const word of ['help', '-h']) assert.equal((await expect(OK, [word])).stdout, stdout);
    assert.match((await expect(OK, ['--version'])).stdout, /^fulgurctl \d/);
  });

  for (const args of [[], ['fly'], ['run'], ['run', 'fly'], ['--fly'], ['status', 'x'], ['run', 'list', '--limit'],
    ['run', 'list', '--limit', '0'], ['run', 'list', '--limit', '-1'], ['run', 'list', '--state'], ['run', 'list', '--fly', 'x'],
    ['run', 'show'], ['run', 'show', 'x'], ['run', 'show', uuid7(), uuid7()], ['run', 'retry', 'x'], ['run', 'cancel', ''],
    ['run', 'tail'], ['key', 'generate'], ['key', 'generate', 'x'], ['kickstart'], ['kickstart', '--manifest', 'x'],
    ['kickstart', 'a', 'b'], ['token', 'create'], ['migrate', '--fly'], ['config', 'show', 'x'], ['config', 'check', 'x'],
    ['config', 'reference', 'x'], ['worker', 'list', 'x'], ['help', '--fly'], ['--env-file']])
    test(`"${args.join(' ')}" is wrong`, async () => {
      const { stdout, stderr } = await expect(USAGE, args);
      assert.equal(stdout, '');
      assert.match(stderr, /fulgurctl/);
    });
});

describe('settings', () => {
  test('are checked, shown and explained', async () => {
    assert.match((await expect(OK, ['config', 'check'])).stdout, /good/);
    assert.deepEqual(await json(['config', 'check']), { ok: true });
    await expect(OK, ['config', 'reference'], { env: { DATABASE_URL: null } });
    assert.match((await expect(OK, ['config', 'reference', '--roff'])).stdout, /^\.TP/m);

    const shown = await json(['config', 'show']);
    const names = shown.map(({ name }) => name);
    for (const name of Object.keys(environment)) assert.ok(names.includes(name), name);
    const { stdout } = await expect(OK, ['config', 'show']);
    for (const value of Object.values(environment)) {
      assert.ok(!stdout.includes(value));
      assert.ok(!JSON.stringify(shown).includes(value));
    }
  });

  test('that are wrong are named', async () => {
    assert.match((await expect(CONFIG, ['config', 'check'], { env: { MAX_RUN_DURATION_SECONDS: '', WORKER_MAX_RUN_DURATION_SECONDS: 'long' } })).stderr,
      /WORKER_MAX_RUN_DURATION_SECONDS/);
    const env = file('wrong.env', 'DATABASE_POOL_SIZE=many\n');
    assert.match((await expect(CONFIG, ['--env-file', env, 'status'])).stderr, /DATABASE_POOL_SIZE/);
    await expect(CONFIG, ['kickstart', '/dev/null'], { env: { PRIMARY_ENCRYPTION_KEY: null } });
    await expect(CONFIG, ['status'], { env: { DATABASE_URL: 'mysql://x' } });
  });

  test('come from a file as well', async () => {
    const env = file('good.env', `DATABASE_URL='${db.url}'\n`);
    await expect(OK, [`--env-file=${env}`, 'status'], { env: { DATABASE_URL: null } });
    await expect(OK, ['status'], { env: { DATABASE_URL: null, FULGUR_ENV_FILE: env } });
  });
});

describe('keys', () => {
  test('are new each time and good for what they are for', async () => {
    const encryption = await json(['key', 'generate', 'encryption'], { env: { DATABASE_URL: null } });
    assert.equal(Buffer.from(encryption.PRIMARY_ENCRYPTION_KEY, 'base64').length, 32);
    assert.notDeepEqual(encryption, await json(['key', 'generate', 'encryption']));
    assert.ok(Buffer.from((await json(['key', 'generate', 'session'])).SECRET_KEY_BASE, 'base64').length >= 48);

    const worker = await json(['key', 'generate', 'worker']);
    const pem = (text) => (text.startsWith('-----') ? text : Buffer.from(text, 'base64').toString());
    const signature = crypto.sign('RSA-SHA256', Buffer.from('x'), pem(worker.WORKER_RUNS_PRIVATE_KEY));
    assert.ok(crypto.verify('RSA-SHA256', Buffer.from('x'), pem(worker.WORKER_LIGHTNING_PUBLIC_KEY), signature));

    // The text form is a piece of fulgur.env.
    const env = file('keys.env', (await expect(OK, ['key', 'generate', 'worker'])).stdout);
    assert.match(fs.readFileSync(env, 'utf8'), /^WORKER_SECRET="/m);
    await expect(OK, ['--env-file', env, 'config', 'check'], { env: { WORKER_SECRET: null, WORKER_RUNS_PRIVATE_KEY: null } });
  });
});

describe('the database', () => {
  test('that is away', async () => {
    for (const args of [['status'], ['migrate'], ['run', 'list'], ['worker', 'list'], ['kickstart', '-']])
      assert.notEqual((await expect(DATABASE, args, { env: { DATABASE_URL: 'postgresql://nobody@/x?host=/nowhere' } })).stderr, '');
  });

  test('that is empty says what to do, and is migrated once', async (t) => {
    const empty = await newEmptyDatabase();
    t.after(() => empty.close());
    for (const args of [['status'], ['run', 'list'], ['worker', 'list'], ['run', 'show', uuid7()], ['token', 'create', 'a@b.c']])
      assert.match((await expect(FAILED, args, { db: empty })).stderr, /fulgurctl migrate/);
    assert.match((await expect(FAILED, ['migrate', '--check'], { db: empty })).stdout, /missing/);
    const { applied } = await json(['migrate'], { db: empty });
    assert.equal(applied, fs.readdirSync(path.resolve(new URL('.', import.meta.url).pathname, '../../migrations')).length);
    assert.deepEqual(await json(['migrate'], { db: empty }), { applied: 0 });
    assert.deepEqual(await json(['migrate', '--check'], { db: empty }), { missing: 0 });
    assert.match((await expect(OK, ['migrate', '--check'], { db: empty })).stdout, /up to date/);
  });
});

const user = { email: 'ada@example.org', first_name: 'Ada', last_name: 'Lovelace', password: 'an engine weaves patterns', superuser: true, api_token: true };
const secret = 'veryverysecretvalue';
const wholeFile = () => ({
  users: [user, { email: 'bob@example.org', first_name: 'Bob', last_name: 'B' }],
  projects: [
    {
      name: 'one', description: 'first', concurrency: 2, retention_policy: 'retain_all',
      members: [{ email: 'ada@example.org', role: 'owner' }, { email: 'bob@example.org', role: 'viewer' }],
      credentials: [{ name: 'target', owner: 'ada@example.org', body: { token: secret } }, { name: 'spare', owner: 'bob@example.org', body: {} }],
      collections: ['cache', 'seen'],
      workflows: [
        {
          name: 'Hello', trigger: { type: 'webhook', custom_path: 'hello' },
          jobs: [{ name: 'a', body: 'fn(a)', credential: 'target' }, { name: 'b', body: 'fn(b)' }],
          edges: [{ from: 'trigger', to: 'a' }, { from: 'a', to: 'b', condition: 'on_job_failure' }],
        },
        { name: 'Nightly', trigger: { type: 'cron', cron_expression: '5 3 * * *', cron_cursor_job: 'x' }, jobs: [{ name: 'x', body: 'y' }], edges: [{ from: 'trigger', to: 'x' }] },
      ],
    },
    { name: 'two', members: [{ email: 'ada@example.org', role: 'admin' }], workflows: [] },
  ],
});

describe('kickstart', () => {
  const apply = async (content, options) => JSON.parse((await expect(OK, ['kickstart', '-'], { input: JSON.stringify(content), ...options })).stdout);
  const versions = () => db.query("SELECT name, lock_version, (SELECT count(*) FROM workflow_snapshots s WHERE s.workflow_id = w.id) AS snapshots FROM workflows w WHERE deleted_at IS NULL ORDER BY name");
  /** Everything there is, but for when it was used last. */
  const everything = async () => {
    const tables = await db.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1");
    const rows = [];
    for (const { relname } of tables) rows.push(...(await db.query(`SELECT '${relname} ' || t::text AS row FROM "${relname}" t ORDER BY 1`)));
    return rows.map(({ row }) => row);
  };
  let manifest;

  test('fills an instance, and a second time changes nothing', async () => {
    manifest = await apply(wholeFile());
    assert.deepEqual(manifest.projects.map(({ name }) => name), ['one', 'two']);
    assert.deepEqual(manifest.users.map(({ email, api_token }) => [email, typeof api_token]), [['ada@example.org', 'string'], ['bob@example.org', 'object']]);
    assert.equal(manifest.api_token, manifest.users[0].api_token);
    const [hello, nightly] = manifest.workflows;
    assert.equal(hello.webhook_path, `/i/${hello.trigger_id}`);
    assert.equal(nightly.webhook_path, null);
    assert.deepEqual(hello.jobs.map(({ name }) => name), ['a', 'b']);
    assert.deepEqual(await versions(), [{ name: 'Hello', lock_version: 1, snapshots: 1 }, { name: 'Nightly', lock_version: 1, snapshots: 1 }]);

    const before = await everything();
    assert.deepEqual(await apply(wholeFile()), manifest);
    assert.deepEqual(await everything(), before);
  });

  test('keeps secrets sealed', async () => {
    const all = (await everything()).join('\n');
    for (const text of [secret, user.password, manifest.api_token]) {
      assert.ok(!all.includes(text));
      assert.ok(!all.includes(Buffer.from(text).toString('hex')));
    }
    const [header, claims, signature] = manifest.api_token.split('.');
    assert.ok(crypto.verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), runPublicKey, Buffer.from(signature, 'base64url')));
    const hash = crypto.createHash('sha256').update(manifest.api_token).digest();
    assert.equal((await db.query("SELECT FROM user_tokens WHERE token_hash = $1 AND context = 'api'", [hash])).length, 1);
  });

  test('a changed body makes the next version of its workflow only', async () => {
    const changed = wholeFile();
    changed.projects[0].workflows[0].jobs[0].body = 'fn(changed)';
    assert.deepEqual(await apply(changed), manifest);
    assert.deepEqual(await versions(), [{ name: 'Hello', lock_version: 2, snapshots: 2 }, { name: 'Nightly', lock_version: 1, snapshots: 1 }]);
    const { jobs } = await db.one('SELECT s.jobs FROM workflows w JOIN workflow_snapshots s ON s.id = w.current_snapshot_id WHERE w.name = $1', ['Hello']);
    assert.equal(jobs[0].body, 'fn(changed)');
    await apply(wholeFile());
    assert.equal((await versions())[0].lock_version, 3);
  });

  test('a changed secret is sealed anew, with an unchanged one left as it is', async () => {
    const body = async (name) => (await db.one('SELECT encode(b.body, $2) AS body FROM credential_bodies b JOIN credentials c ON c.id = b.credential_id WHERE c.name = $1', [name, 'hex'])).body;
    const [target, spare] = [await body('target'), await body('spare')];
    const changed = wholeFile();
    changed.projects[0].credentials[0].body = { token: secret + '2' };
    await apply(changed);
    assert.notEqual(await body('target'), target);
    assert.equal(await body('spare'), spare);
  });

  test('a password is only hashed again when it is another', async () => {
    const hash = async () => (await db.one('SELECT hashed_password FROM users WHERE email = $1', [user.email])).hashed_password;
    const before = await hash();
    assert.match(before, /^\$argon2id\$/);
    const changed = wholeFile();
    changed.users[0].password = 'another engine';
    await apply(changed);
    assert.notEqual(await hash(), before);
  });

  test('what is declared no longer goes', async () => {
    const less = wholeFile();
    const [project] = less.projects;
    project.members.pop();
    project.credentials.pop();
    project.collections = ['seen'];
    project.workflows.pop();
    project.workflows[0].jobs.pop();
    project.workflows[0].edges.pop();
    await apply(less);

    const count = async (sql) => (await db.one(`SELECT count(*) AS n FROM ${sql}`)).n;
    assert.equal(await count("project_users pu JOIN projects p ON p.id = pu.project_id WHERE p.name = 'one'"), 1);
    assert.equal(await count('project_credentials'), 1);
    assert.deepEqual((await db.query('SELECT name FROM collections')).map(({ name }) => name), ['seen']);
    assert.equal(await count('jobs'), 2, 'the removed workflow keeps its job');
    assert.equal(await count("workflow_edges e JOIN workflows w ON w.id = e.workflow_id WHERE w.name = 'Hello'"), 1);
    const nightly = await db.one("SELECT w.deleted_at, t.enabled FROM workflows w JOIN triggers t ON t.workflow_id = w.id WHERE w.name = 'Nightly'");
    assert.ok(nightly.deleted_at);
    assert.equal(nightly.enabled, false);

    // The name is free again; what is made under it is new.
    const again = await apply(wholeFile());
    assert.notEqual(again.workflows[1].workflow_id, manifest.workflows[1].workflow_id);
    assert.equal(again.workflows[0].workflow_id, manifest.workflows[0].workflow_id);
  });

  test('a webhook path may move to another workflow', async () => {
    const moved = wholeFile();
    delete moved.projects[0].workflows[0].trigger.custom_path;
    moved.projects[0].workflows.unshift({ name: 'Before', trigger: { type: 'webhook', custom_path: 'hello' }, jobs: [{ name: 'j', body: 'x' }], edges: [{ from: 'trigger', to: 'j' }] });
    await apply(moved);
    assert.equal((await db.one("SELECT w.name FROM triggers t JOIN workflows w ON w.id = t.workflow_id WHERE t.custom_path = 'hello'")).name, 'Before');
    await apply(wholeFile());
    assert.equal((await db.one("SELECT w.name FROM triggers t JOIN workflows w ON w.id = t.workflow_id WHERE t.custom_path = 'hello'")).name, 'Hello');
  });

  test('several at once make one instance', async (t) => {
    const fresh = await newMigratedDatabase();
    t.after(() => fresh.close());
    const all = await Promise.all([1, 2, 3, 4].map(() => apply(wholeFile(), { db: fresh })));
    for (const one of all) assert.deepEqual(one, all[0]);
    assert.equal((await fresh.one('SELECT count(*) AS n FROM projects')).n, 2);
  });

  test('the manifest is a file of its owner', async () => {
    const where = path.join(directory, 'manifest.json');
    const { stdout } = await expect(OK, ['kickstart', file('whole.json', wholeFile()), '--manifest', where]);
    assert.equal(stdout, '');
    assert.equal(fs.statSync(where).mode & 0o777, 0o600);
    assert.ok(JSON.parse(fs.readFileSync(where)).api_token);
    await expect(FAILED, ['kickstart', file('whole.json', wholeFile()), '--manifest', '/nowhere/manifest']);
  });

  test('another signing key means another token, and that one stays', async () => {
    const { WORKER_RUNS_PRIVATE_KEY } = await json(['key', 'generate', 'worker']);
    const first = await apply(wholeFile(), { env: { WORKER_RUNS_PRIVATE_KEY } });
    assert.notEqual(first.api_token, manifest.api_token);
    assert.equal((await apply(wholeFile(), { env: { WORKER_RUNS_PRIVATE_KEY } })).api_token, first.api_token);
    assert.equal((await apply(wholeFile())).api_token, manifest.api_token);
  });

  test('a wrong document is refused as a whole, every fault with its place', async () => {
    const wrong = wholeFile();
    wrong.projects[1].name = 'Two!';
    wrong.projects[0].workflows[0].edges[0].to = 'c';
    const before = await everything();
    const { stderr } = await expect(DATA, ['kickstart', '-'], { input: JSON.stringify(wrong) });
    assert.match(stderr, /projects\[1\]\.name may hold only/);
    assert.match(stderr, /projects\[0\]\.workflows\[0\]\.edges\[0\]\.target_job is no job/);
    assert.deepEqual(await everything(), before);
    await expect(DATA, ['kickstart', '-'], { input: JSON.stringify({ projects: [{ name: 'x', members: [{ email: 'no@body.org', role: 'owner' }] }] }) });
  });

  test('what nobody knows is left out, and said', async () => {
    const typed = structuredClone(wholeFile());
    typed.users[0].shoesize = 44;
    typed.projects[0].workflows[0].jobs[0].adapter = '@openfn/language-http@latest';
    typed.extra = {};
    const { stderr } = await expect(OK, ['kickstart', '-'], { input: JSON.stringify(typed) });
    for (const name of ['users[0].shoesize', 'projects[0].workflows[0].jobs[0].adapter', 'extra'])
      assert.ok(stderr.includes(`${name} is not known and is ignored`), stderr);
    assert.equal(stderr.match(/is not known/g).length, 3);
    assert.doesNotMatch((await expect(OK, ['kickstart', '-'], { input: JSON.stringify(wholeFile()) })).stderr, /is not known/);
  });

  const bomb = 'a: &a [x,x,x,x,x,x,x,x,x]\n' + [...'bcdefghi'].map((c, i) => `${c}: &${c} [${Array(9).fill('*' + 'abcdefgh'[i])}]\n`).join('');
  const hostile = {
    empty: ['', /empty/], comment: ['# nothing\n', /empty/], binary: [Buffer.from([0, 1, 2, 0xff, 0xfe]), /./], latin: [Buffer.from('users: [{email: "\xe9"}]', 'latin1'), /./],
    text: ['just words', /mapping/], list: ['- a\n- b\n', /mapping/], unclosed: ['users: [', /line \d/], tabs: ['users:\n\t- x', /line 2/],
    'many aliases': [bomb, /aliases/], itself: ['users: &a [*a]', /deeply/], deep: ['users: ' + '['.repeat(50000), /./],
    'deep and closed': ['users: ' + '['.repeat(500) + ']'.repeat(500), /deeply/], 'two documents': ['users: []\n---\nusers: []\n', /one document/],
    'odd keys': ['? [a]\n: b\n', /key/], 'too large': [Buffer.alloc(17 * 1024 * 1024, 'a'), /large/],
  };
  for (const [name, [content, message]] of Object.entries(hostile))
    test(`a file that is ${name}`, async () => {
      const { stderr } = await expect(DATA, ['kickstart', file('hostile.yaml', content)]);
      assert.match(stderr, message);
      assert.ok(stderr.length < 2000);
    });

  test('a file that is not there', async () => {
    await expect(NOT_FOUND, ['kickstart', '/nowhere/file.yaml']);
    await expect(NOT_FOUND, ['kickstart', directory]);
  });

  test('the example of this repository and of the manual', async (t) => {
    const fresh = await newMigratedDatabase();
    t.after(() => fresh.close());
    const root = path.resolve(new URL('.', import.meta.url).pathname, '../..');
    const example = await expect(OK, ['kickstart', path.join(root, 'docs/examples/first-workflow.yaml')], { db: fresh });
    assert.equal(JSON.parse(example.stdout).workflows.length, 1);
    const manual = fs.readFileSync(path.join(root, 'docs/man/fulgurctl.1.tail'), 'utf8').match(/\.nf\n(users:[^]*?)\.fi/)[1].replaceAll('\\-', '-');
    await expect(OK, ['kickstart', '-'], { db: fresh, input: manual });
  });
});

describe('tokens', () => {
  test('are made for users, by e-mail', async () => {
    const { api_token: token } = await json(['token', 'create', 'Ada@Example.org']);
    assert.equal(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).iss, 'Lightning');
    assert.match((await expect(OK, ['token', 'create', 'ada@example.org'])).stdout, /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    await expect(NOT_FOUND, ['token', 'create', 'nobody@example.org']);
    await expect(CONFIG, ['token', 'create', 'ada@example.org'], { env: { WORKER_RUNS_PRIVATE_KEY: null } });
  });
});

describe('runs', () => {
  let workflow;
  before(async () => {
    workflow = await makeWorkflow(db, await makeProject(db, { name: 'runs' }));
  });
  const states = async (run) => {
    const { state } = await db.one('SELECT state FROM runs WHERE id = $1', [run.id]);
    const order = await db.one('SELECT state FROM work_orders WHERE id = $1', [run.work_order_id]);
    const queued = (await db.query('SELECT FROM run_queue WHERE run_id = $1', [run.id])).length;
    return [state, order.state, queued];
  };

  test('are listed, newest first', async () => {
    const runs = [];
    for (let i = 0; i < 3; i++) runs.unshift(await makeRun(db, workflow));
    const listed = await json(['run', 'list', '--project', 'runs']);
    assert.deepEqual(listed.map(({ id }) => id), runs.map(({ id }) => id));
    assert.deepEqual((await json(['run', 'list', '--project', 'runs', '--limit', '1'])).map(({ id }) => id), [runs[0].id]);
    assert.deepEqual(await json(['run', 'list', '--state', 'success']), []);
    assert.deepEqual(await json(['run', 'list', '--project', "'; DROP TABLE runs"]), []);
    assert.match((await expect(OK, ['run', 'list'])).stdout, new RegExp(`^${runs[0].id} +available`, 'm'));
  });

  test('are shown', async () => {
    const run = await makeRun(db, workflow);
    const shown = await json(['run', 'show', run.id]);
    assert.equal(shown.run[0].id, run.id);
    assert.deepEqual(shown.steps, []);
    assert.match((await expect(OK, ['run', 'show', run.id])).stdout, /^state +available$/m);
    await expect(NOT_FOUND, ['run', 'show', uuid7()]);
  });

  test('are cancelled while they wait', async () => {
    const run = await makeRun(db, workflow);
    assert.deepEqual(await json(['run', 'cancel', run.id]), { run_id: run.id, state: 'cancelled' });
    assert.deepEqual(await states(run), ['cancelled', 'cancelled', 0]);
    assert.equal((await db.one("SELECT n FROM workflow_day_counts WHERE workflow_id = $1 AND state = 'cancelled'", [workflow.id])).n, 1);
    await expect(FAILED, ['run', 'cancel', run.id]);
    await expect(NOT_FOUND, ['run', 'cancel', uuid7()]);

    const claimed = await makeRun(db, workflow);
    await db.query("UPDATE run_queue SET state = 'claimed' WHERE run_id = $1", [claimed.id]);
    await expect(FAILED, ['run', 'cancel', claimed.id]);
  });

  test('a work order with another run that waits goes on waiting', async () => {
    const run = await makeRun(db, workflow);
    const other = await makeRun(db, workflow, { work_order_id: run.work_order_id });
    await expect(OK, ['run', 'cancel', run.id]);
    assert.deepEqual(await states(run), ['cancelled', 'pending', 0]);
    assert.deepEqual(await states(other), ['available', 'pending', 1]);
  });

  test('are retried with their input and the present workflow, before others', async () => {
    const run = await makeRun(db, workflow);
    await expect(OK, ['run', 'cancel', run.id]);
    const listener = await db.connect();
    let rings = 0;
    listener.on('notification', () => rings++);
    await listener.query('LISTEN runs');
    const { run_id: id } = await json(['run', 'retry', run.id]);
    await until(() => rings > 0);
    await listener.end();

    const retried = await db.one('SELECT * FROM runs WHERE id = $1', [id]);
    assert.equal(retried.work_order_id, run.work_order_id);
    assert.equal(retried.dataclip_id, run.dataclip.id);
    assert.equal(retried.snapshot_id, workflow.snapshot_id);
    assert.equal(retried.priority, 0);
    assert.equal(retried.queue, 'manual');
    assert.deepEqual(await states({ id, work_order_id: run.work_order_id }), ['available', 'pending', 1]);
    assert.match((await expect(OK, ['run', 'retry', id])).stdout, /^[0-9a-f-]{36}\n$/);
    await expect(NOT_FOUND, ['run', 'retry', uuid7()]);
  });

  test('with a wiped input are not retried', async () => {
    const run = await makeRun(db, workflow, { dataclip: await makeDataclip(db, workflow.project, { body: null }) });
    assert.match((await expect(FAILED, ['run', 'retry', run.id])).stderr, /wiped/);
  });

  test('are followed until they end', async (t) => {
    const run = await makeRun(db, workflow);
    const insert = (message) =>
      db.query(`INSERT INTO log_lines (run_id, id, project_id, "timestamp", level, source, message) VALUES ($1, $2, $3, now(), 'info', 'R/T', $4)`,
        [run.id, uuid7(), workflow.project.id, message]);
    await insert('first line');
    const tail = startProgram('fulgurctl', ['run', 'tail', run.id], { db });
    t.after(() => tail.kill('SIGKILL'));
    let seen = '';
    tail.stdout.on('data', (data) => (seen += data));
    await until(() => seen.includes('first line'));
    await insert('second \x1b[2J line');
    await until(() => seen.includes('second'));
    assert.ok(!seen.includes('\x1b'), 'what a workflow logs must not steer the terminal');
    await insert('last line');
    await db.query("SELECT run_end($1, $2, 'success', NULL, NULL, NULL, NULL)", [workflow.project.id, run.id]);
    assert.equal((await tail.done).code, OK);
    assert.equal(seen.match(/first line/g).length, 1);
    assert.match(seen, /first line[^]*second[^]*last line/);

    const lines = (await expect(OK, ['--json', 'run', 'tail', run.id])).stdout.trim().split('\n').map(JSON.parse);
    assert.deepEqual(lines.map(({ message }) => message), ['first line', 'second \x1b[2J line', 'last line']);
    await expect(NOT_FOUND, ['run', 'tail', uuid7()]);

    const failed = await makeRun(db, workflow);
    await db.query("SELECT run_end($1, $2, 'failed', NULL, NULL, NULL, NULL)", [workflow.project.id, failed.id]);
    await expect(FAILED, ['run', 'tail', failed.id]);
  });
});

describe('at a glance', () => {
  test('status', async () => {
    await db.query(`INSERT INTO service_instances (id, service, host, started_at, seen_at) VALUES ($1, 'fulgur-workers', 'here', now(), now())`, [uuid7()]);
    const status = await json(['status']);
    assert.equal(status.database.migrations_missing, 0);
    assert.ok(status.queue.some(({ state, n }) => state === 'available' && n > 0));
    assert.equal(status.services[0].host, 'here');
    const { stdout } = await expect(OK, ['status']);
    assert.match(stdout, /^database +PostgreSQL \d.*up to date$/m);
    assert.match(stdout, /^queue +\d+ available/m);
    assert.match(stdout, /^daemon +fulgur-workers on here/m);
  });

  test('workers', async () => {
    await db.query("UPDATE run_queue SET state = 'started', worker_name = 'w-1', claimed_at = now() WHERE run_id IN (SELECT run_id FROM run_queue WHERE state = 'available' LIMIT 1)");
    await db.query(`INSERT INTO service_instances (id, service, host, workers) VALUES ($1, 'fulgur-workers', 'here',
      '[{"worker_id":"three-word-name","name":null,"capacity":5,"version":"1.25.0","connected_at":"2026-11-23T01:02:03Z"}]')`, [uuid7()]);
    const workers = await json(['worker', 'list']);
    assert.ok(workers.some(({ worker, runs, connected }) => worker === 'w-1' && runs === 1 && !connected));
    assert.ok(workers.some(({ worker, runs, connected, capacity, version }) =>
      worker === 'three-word-name' && runs === 0 && connected && capacity === 5 && version === '1.25.0'));
    const { stdout } = await expect(OK, ['worker', 'list']);
    assert.match(stdout, /^w-1 .* 1 of 0 /m);
    assert.match(stdout, /^three-word-name +1\.25\.0 +2026-11-23T01:02:03Z +0 of 5/m);
  });

  test('what there is', async () => {
    const project = await makeProject(db, { name: 'listed' });
    const workflow = await makeWorkflow(db, project, { name: 'a \u001b[31mname' });
    const credential = await makeCredential(db, project, { main: { planted: 'planted-secret' }, staging: {} });
    const user = (await db.one('SELECT u.id, u.email FROM credentials c JOIN users u ON u.id = c.user_id WHERE c.id = $1', [credential.id]));
    await db.query("INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, 'owner')", [project.id, user.id]);
    const only = (list) => list.find(({ id }) => [project.id, workflow.id, credential.id, user.id].includes(id));
    assert.deepEqual([only(await json(['project', 'list'])).owner, only(await json(['project', 'list'])).workflows], [user.email, 1]);
    for (const args of [['user', 'list'], ['workflow', 'list'], ['credential', 'list']]) {
      const list = await json([...args, '--project', 'listed']);
      assert.equal(list.length, 1, args.join(' '));
      assert.ok(only(list), args.join(' '));
      assert.deepEqual(await json([...args, '--project', 'nobody']), []);
    }
    assert.equal(only(await json(['credential', 'list'])).environments, 'main,staging');
    const { stdout } = await expect(OK, ['workflow', 'list', '--project', 'listed']);
    assert.match(stdout, /a \\x1b\[31mname$/m, 'a name does not steer the terminal');
    assert.ok(!(await expect(OK, ['--json', 'credential', 'list'])).stdout.includes('planted-secret'));

    assert.match((await expect(OK, ['user', 'disable', user.email.toUpperCase()])).stdout, /is disabled/);
    assert.equal(only(await json(['user', 'list'])).disabled, true);
    await expect(OK, ['user', 'enable', user.email]);
    assert.equal(only(await json(['user', 'list'])).disabled, false);
    await expect(NOT_FOUND, ['user', 'disable', 'nobody@example.org']);

    const events = await json(['audit', 'list', '--limit', '2']);
    assert.deepEqual(events.map(({ actor, event, after }) => [actor, event, after]), [['fulgurctl', 'updated', { disabled: false }], ['fulgurctl', 'updated', { disabled: true }]]);
    assert.match((await expect(OK, ['audit', 'list', '--project', 'listed'])).stdout, /collaborator_added/);
    for (const args of [['audit', 'list', '--limit', '0'], ['user', 'list', 'x'], ['project', 'list', '--project', 'x'], ['user', 'disable']])
      await expect(USAGE, args);
  });

  test('nothing but its own command says a secret', async () => {
    for (const args of [['status'], ['worker', 'list'], ['run', 'list'], ['config', 'show'], ['migrate']]) {
      const { stdout, stderr } = await expect(OK, args);
      for (const value of Object.values(environment)) assert.ok(!(stdout + stderr).includes(value));
    }
  });
});
