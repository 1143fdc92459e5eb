// SPDX-License-Identifier: Apache-2.0
//
// Credentials on their way to workers, and out of the logs they send back.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { makeCredential, makeKeychain, makeProject, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { makeStage, stamp } from './lib/stage.js';
import { connectWorker } from './lib/worker.js';

let stage, db, daemon, project;

before(async () => {
  stage = await makeStage({ FULGUR_CLAIM_JOIN_SECONDS: '600' });
  ({ db, daemon } = stage);
  project = await makeProject(db);
});

after(() => stage.end());

const withCredentials = async (...credentials) =>
  makeWorkflow(db, project, { jobs: credentials.map((credential) => (credential.external_id === undefined ? { keychain: credential } : { credential })) });
const base64 = (text) => Buffer.from(text).toString('base64');
const unknown = { errors: { id: ['Credential not found!'] } };

describe('fetch:credential', () => {
  test('the body for the project’s environment, without what is empty', async () => {
    const credential = await makeCredential(db, project, {
      main: '{"username":"joe", "password":"hunter2","empty":"","port":5432,"ssl":true,"nested":{"empty":""},"big":12345678901234567890,"ø":"å"}',
      staging: { password: 'other' },
    });
    const run = await stage.claimOne(await withCredentials(credential));
    assert.deepEqual((await run.channel.ok('fetch:plan')).jobs[0].credential_id, credential.id);
    assert.deepEqual(await run.channel.ok('fetch:credential', { id: credential.id }), {
      username: 'joe', password: 'hunter2', port: 5432, ssl: true, nested: { empty: '' }, big: 12345678901234567890, ø: 'å',
    });
    assert.deepEqual((await stage.queued(run)).fetched_body_ids, [credential.bodies.main]);
    // Once per job: it is noted once.
    await run.channel.ok('fetch:credential', { id: credential.id });
    assert.deepEqual((await stage.queued(run)).fetched_body_ids, [credential.bodies.main]);
  });

  test('only those of the run’s jobs, and only while they are shared', async () => {
    const [own, other] = [await makeCredential(db, project, { main: { a: 'b' } }), await makeCredential(db, project, { main: { c: 'd' } })];
    const run = await stage.claimOne(await withCredentials(own));
    assert.deepEqual(await run.channel.error('fetch:credential', {}), { errors: { id: ["This field can't be blank."] } });
    assert.deepEqual(await run.channel.error('fetch:credential', { id: null }), { errors: { id: ["This field can't be blank."] } });
    for (const id of ['c1', uuid7(), other.id, 5, {}]) assert.deepEqual(await run.channel.error('fetch:credential', { id }), unknown, String(id));
    await db.query('DELETE FROM project_credentials WHERE credential_id = $1', [own.id]);
    assert.deepEqual(await run.channel.error('fetch:credential', { id: own.id }), unknown);
  });

  test('no body for the environment, no environment, an ended run: said in a sentence', async () => {
    const credential = await makeCredential(db, project, { staging: { a: 'b' } }, { name: 'My "API"' });
    let run = await stage.claimOne(await withCredentials(credential));
    assert.equal(await run.channel.error('fetch:credential', { id: credential.id }),
      `Credential environment mismatch. This project is using 'main' but credential 'My "API"' does not have a matching environment.`);
    await db.query("UPDATE projects SET env = 'staging' WHERE id = $1", [project.id]);
    assert.deepEqual(await run.channel.ok('fetch:credential', { id: credential.id }), { a: 'b' });
    await db.query('UPDATE projects SET env = NULL WHERE id = $1', [project.id]);
    assert.match(await run.channel.error('fetch:credential', { id: credential.id }), /no environment/);
    await db.query("UPDATE projects SET env = 'main' WHERE id = $1", [project.id]);
    const good = await makeCredential(db, project, { main: { a: 'b' } });
    run = await stage.claimOne(await withCredentials(good));
    await run.channel.ok('run:complete', { reason: 'kill' });
    assert.match(await run.channel.error('fetch:credential', { id: good.id }), /ended/);
  });

  test('a seal that was moved or damaged does not open', async () => {
    const [one, two] = [await makeCredential(db, project, { main: { a: 'b' } }), await makeCredential(db, project, { main: { c: 'd' } })];
    const run = await stage.claimOne(await withCredentials(one, two));
    await db.query('UPDATE credential_bodies SET body = (SELECT body FROM credential_bodies WHERE id = $2) WHERE id = $1', [one.bodies.main, two.bodies.main]);
    assert.match(await run.channel.error('fetch:credential', { id: one.id }), /could not be decrypted/);
    await db.query("UPDATE credential_bodies SET body = '\\x01' WHERE id = $1", [two.bodies.main]);
    assert.match(await run.channel.error('fetch:credential', { id: two.id }), /could not be decrypted/);
    daemon.log = daemon.log.replace(/^<3>A credential cannot be opened.*$/gm, '');
  });

  describe('keychains', () => {
    const fetch = async (keychain, body, type = 'http_request') => {
      const run = await stage.claimOne(await withCredentials(keychain), { dataclip: { type, body } });
      return run.channel.ok('fetch:credential', { id: keychain.id });
    };
    let alice, bob, foreign;
    before(async () => {
      alice = await makeCredential(db, project, { main: { key: 'alice-key' } }, { external_id: 'alice' });
      bob = await makeCredential(db, project, { main: { key: 'bob-key' } }, { external_id: '42' });
      foreign = await makeCredential(db, null, { main: { key: 'foreign-key' } }, { external_id: 'foreign' });
    });

    test('the input says which', async () => {
      const keychain = await makeKeychain(db, project, '$.user.id');
      assert.deepEqual(await fetch(keychain, { user: { id: 'alice' } }), { key: 'alice-key' });
      assert.deepEqual(await fetch(keychain, { user: { id: 42 } }), { key: 'bob-key' });
      assert.deepEqual(await fetch(keychain, '[{"user":{"id":"alice"}}]'), { key: 'alice-key' });
    });
    test('no match: the default, or nothing', async () => {
      const [bare, fallback] = [await makeKeychain(db, project, '$.user.id'), await makeKeychain(db, project, '$.user.id', bob)];
      for (const body of [{}, { user: { id: 'nobody' } }, { user: { id: null } }, { user: { id: 'foreign' } }, '{"\\u0000":1}', '[]', null]) {
        assert.equal(await fetch(bare, body), null, JSON.stringify(body));
        assert.deepEqual(await fetch(fallback, body), { key: 'bob-key' }, JSON.stringify(body));
      }
    });
    test('a default of another project does not count, nor does a path that is none', async () => {
      assert.equal(await fetch(await makeKeychain(db, project, '$.x', foreign), {}), null);
      assert.equal(await fetch(await makeKeychain(db, project, '$.user[', bob), { user: 'alice' }).then((body) => body.key), 'bob-key');
    });
  });
});

describe('logs without secrets', () => {
  let credential, run;
  const password = 'hunter2 "quoted"';
  const forms = () => [
    password, base64(password), base64(`joe:${password}`), base64(`${password}:${password}`), base64(`${password}:t0k3n`), base64(`t0k3n:${password}`),
    JSON.stringify(password).slice(1, -1), 't0k3n', base64('t0k3n'), '98765', 'multi\nline',
  ];

  before(async () => {
    credential = await makeCredential(db, project, { main: { username: 'joe', password, deep: { list: ['t0k3n'] }, pin: 98765, pem: 'multi\nline', ok: true } });
    run = await stage.claimOne(await withCredentials(credential));
  });

  test('before it is fetched nothing is known', async () => {
    await run.channel.ok('run:log', { message: ['before', 't0k3n'], timestamp: stamp() });
    assert.deepEqual(await stage.lines(run), ['before t0k3n']);
    await run.channel.ok('fetch:credential', { id: credential.id });
  });

  const log = async (target, message) => {
    await target.channel.ok('run:log', { message, timestamp: stamp() });
    return (await stage.lines(target)).at(-1);
  };

  test('in every form, also inside objects', async () => {
    for (const form of forms()) assert.equal(await log(run, [`a ${form} b`]), 'a *** b', form);
    assert.equal(await log(run, [{ authorization: `Basic ${base64(`joe:${password}`)}`, password }]), '{"authorization":"Basic ***","password":"***"}');
    assert.equal(await log(run, ['joe', 98765, { pin: 98765 }]), 'joe *** {"pin":***}');
    assert.equal(await log(run, ['hunter', 't0k3', 'true']), 'hunter t0k3 true');
  });

  test('in error messages too', async () => {
    const step = crypto.randomUUID();
    await run.channel.ok('step:start', { step_id: step, job_id: (await run.channel.ok('fetch:plan')).jobs[0].id });
    await run.channel.ok('step:complete', {
      step_id: step, reason: 'fail', error_type: 'JobError', error_message: `401 for t0k3n`, output_dataclip_id: crypto.randomUUID(), output_dataclip: '{}',
    });
    assert.equal((await db.one('SELECT error_message FROM steps WHERE id = $1', [step])).error_message, '401 for ***');
  });

  test('over a second connection, when the first one is still there and when it has gone', async () => {
    const again = await connectWorker(daemon);
    const second = { ...run, channel: await again.run(run.id, run.token) };
    assert.equal(await log(second, ['t0k3n']), '***');
    await again.close();
    assert.equal(await log(run, ['t0k3n']), '***');
  });

  test('after the daemon was killed', async () => {
    await daemon.kill();
    await daemon.start();
    const again = await connectWorker(daemon);
    const second = { ...run, channel: await again.run(run.id, run.token) };
    for (const form of forms()) assert.equal(await log(second, [form]), '***', form);

    await second.channel.ok('run:complete', { reason: 'fail', error_message: 'because of t0k3n' });
    assert.equal((await stage.row(run)).error_message, 'because of ***');
    await again.close();
  });

  test('after the run has ended, when what was fetched is no longer noted', async () => {
    await daemon.kill();
    await daemon.start();
    const again = await connectWorker(daemon);
    const second = { ...run, channel: await again.run(run.id, run.token) };
    assert.equal(await log(second, ['late t0k3n']), 'late ***');
    await again.close();
  });
});
