// SPDX-License-Identifier: Apache-2.0
//
// Second factors: made, asked for, good once; backup codes; and what nobody gets by guessing or by having seen one.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { makeClient } from './lib/api.js';
import { Canaries } from './lib/canary.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { runProgram } from './lib/program.js';
import { askLogIn, cookiesOf, logIn, makePerson, password, sessionCookie } from './lib/people.js';

const halfCookie = '_lightning_two_factor';
const secrets = new Canaries();
secrets.add('password', password);

let db, web, api;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db, { LOG_LEVEL: 'debug', URL_HOST: 'flows.example.org' });
  api = makeClient(web);
});

after(async () => {
  const unused = ['/users/two-factor', '/profile/two-factor'].flatMap((path) => api.uncalled().filter((route) => route.includes(path)));
  await web.finish();
  await db.close();
  assert.deepEqual(unused, []);
  assert.deepEqual(secrets.found(web.log), [], 'no secret is in the journal');
});

// -- an app and its owner ------------------------------------------------------------------------------------------

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const fromBase32 = (text) => {
  const bits = [...text].map((c) => alphabet.indexOf(c).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
};

/** RFC 6238, of now or of some steps later. */
function codeOf(person, later = 0) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + later));
  const mac = crypto.createHmac('sha1', person.secret).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
}

/** Six digits that are not right now, and will not be. */
function wrongCode(person) {
  const right = [-2, -1, 0, 1, 2].map((later) => codeOf(person, later));
  for (let i = 0; ; i++) {
    const code = String(i).padStart(6, '0');
    if (!right.includes(code)) return code;
  }
}

const own = (session, method, body, target = '/profile/two-factor') => {
  const text = body && JSON.stringify(body);
  // Node sends no length with a DELETE by itself.
  const headers = text ? { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) } : {};
  return api.request(target, { method, headers: { ...session.headers, ...headers }, body: text });
};
const again = { current_password: password };
const state = async (session) => (await own(session, 'GET')).json;
/** As if no code had been used. */
const freshen = (person) => db.query('UPDATE user_totps SET last_step = 0 WHERE user_id = $1', [person.id]);

async function enrol(person, session) {
  const { json, status } = await own(session, 'POST', again);
  assert.equal(status, 201);
  person.secret = fromBase32(json.secret);
  secrets.add('secret', person.secret);
  secrets.add('secret', json.secret);
  const reply = await own(session, 'PUT', { code: codeOf(person) });
  assert.equal(reply.status, 200, reply.body);
  person.codes = reply.json.backup_codes;
  for (const code of person.codes) secrets.add('backup code', code);
  await freshen(person);
  return json;
}

/** Somebody with a second factor, and a session from before. */
async function makeCareful() {
  const person = await makePerson(db), session = await logIn(api, person);
  await enrol(person, session);
  return { ...person, session };
}

/** The password's half of a log-in: the cookie. */
async function begin(person, options) {
  const reply = await askLogIn(api, { email: person.email, password, ...options });
  assert.deepEqual([reply.status, reply.json], [200, { two_factor_required: true }]);
  assert.deepEqual(Object.keys(cookiesOf(reply)), [halfCookie]);
  const { value } = cookiesOf(reply)[halfCookie];
  secrets.add('beginning', Buffer.from(value, 'base64url'));
  return `${halfCookie}=${value}`;
}

const show = (cookie, code, { headers = {}, ...options } = {}) =>
  api.request('/users/two-factor', {
    method: 'POST', headers: { 'content-type': 'application/json', ...(cookie && { cookie }), ...headers }, body: JSON.stringify({ user: { code } }), ...options,
  });
const said = (reply) => [reply.status, reply.json];
const refused = [401, { error: 'Invalid code' }];
const nobody = [401, { error: 'Unauthorized' }];
const who = async (cookie) => (await api.request('/users/session', { headers: { cookie } })).status;

// -- making one ----------------------------------------------------------------------------------------------------

describe('a second factor', () => {
  test('begins with a secret for the app, which is sealed, and is asked for once its first code was shown', async () => {
    const person = await makePerson(db), session = await logIn(api, person);
    assert.deepEqual(await state(session), { enabled: false, backup_codes_left: 0 });
    const { json } = await own(session, 'POST', again);
    assert.equal(json.uri, `otpauth://totp/flows.example.org:${person.email.replace('@', '%40')}?secret=${json.secret}&issuer=flows.example.org`);
    const { secret } = await db.one('SELECT secret FROM user_totps WHERE user_id = $1', [person.id]);
    assert.ok(!secret.includes(fromBase32(json.secret)));
    assert.deepEqual(await state(session), { enabled: false, backup_codes_left: 0 });
    await logIn(api, person);

    // The last one counts.
    const { json: last } = await own(session, 'POST', again);
    assert.notEqual(last.secret, json.secret);
    assert.deepEqual(said(await own(session, 'PUT', { code: codeOf({ secret: fromBase32(json.secret) }) })), [422, { errors: { code: ['is not valid'] } }]);
    const { json: { backup_codes } } = await own(session, 'PUT', { code: codeOf({ secret: fromBase32(last.secret) }) });
    assert.equal(new Set(backup_codes).size, 10);
    assert.deepEqual(await state(session), { enabled: true, backup_codes_left: 10 });
    for (const method of ['POST', 'PUT'])
      assert.equal((await own(session, method, method === 'POST' ? again : { code: codeOf({ secret: fromBase32(last.secret) }) })).status, 409);
    await begin(person);
    assert.deepEqual((await db.query("SELECT event, actor_id, after FROM audit_events WHERE item_id = $1 AND event = 'updated'", [person.id])),
      [{ event: 'updated', actor_id: person.id, after: { mfa_enabled: true } }]);
  });

  test('is begun and ended, and codes are made anew, with the password only', async () => {
    const { session } = await makeCareful(), other = await logIn(api, await makePerson(db));
    for (const [who, method, target] of [[other, 'POST'], [session, 'DELETE'], [session, 'POST', '/profile/two-factor/backup_codes']]) {
      assert.equal((await own(who, method, { current_password: 'wrong' }, target)).status, 422);
      assert.equal((await own(who, method, {}, target)).status, 422);
      assert.equal((await own(who, method, undefined, target)).status, 400);
    }
    assert.deepEqual(await state(session), { enabled: true, backup_codes_left: 10 });
    assert.equal((await own(other, 'PUT', { code: '000000' })).status, 404);
    assert.equal((await own(other, 'POST', again, '/profile/two-factor/backup_codes')).status, 404);
  });

  test('is ended, and nothing of it stays', async () => {
    const person = await makeCareful();
    assert.equal((await own(person.session, 'DELETE', again)).status, 204);
    assert.deepEqual(await state(person.session), { enabled: false, backup_codes_left: 0 });
    assert.deepEqual(await db.query('SELECT id FROM user_totps WHERE user_id = $1', [person.id]), []);
    await logIn(api, person);
    await enrol(person, person.session);
    await begin(person);
  });
});

test('who has lost phone and codes is let in by an administrator', async () => {
  const person = await makeCareful();
  const drop = (email) => runProgram('fulgurctl', ['user', 'drop-second-factor', email], { db });
  assert.equal((await drop('nobody@example.org')).code, 66);
  const { code, stdout } = await drop(person.email.toUpperCase());
  assert.equal(code, 0);
  assert.match(stdout, /logs in with the password alone/);
  const session = await logIn(api, person);
  assert.deepEqual(await state(session), { enabled: false, backup_codes_left: 0 });
  await enrol(person, session);
});

// -- logging in ------------------------------------------------------------------------------------------------------

describe('a log-in in two steps', () => {
  let person;
  before(async () => {
    person = await makeCareful();
  });
  beforeEach(() => freshen(person));

  test('begins with the password, and becomes a session with the code', async () => {
    for (const remember_me of [false, true]) {
      await freshen(person);
      const cookie = await begin(person, { remember_me });
      const reply = await show(cookie, codeOf(person));
      assert.equal(reply.status, 200, reply.body);
      assert.equal(reply.json.user.id, person.id);
      const cookies = cookiesOf(reply);
      assert.equal(cookies[halfCookie]['max-age'], '0');
      const { value, 'max-age': age, httponly, samesite } = cookies[sessionCookie];
      assert.deepEqual([age, httponly, samesite], [remember_me ? String(60 * 24 * 3600) : undefined, true, 'Lax']);
      assert.deepEqual((await api.request('/users/session', { headers: { cookie: `${sessionCookie}=${value}` } })).json, reply.json);
      assert.deepEqual(said(await show(cookie, codeOf(person, 1))), nobody, 'it is over');
    }
  });

  test('in forms goes on by itself', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const first = await askLogIn(api, new URLSearchParams({ 'user[email]': person.email, 'user[password]': password }).toString(), { headers });
    assert.deepEqual([first.status, first.headers.location], [302, '/users/two-factor']);
    const half = cookiesOf(first)[halfCookie];
    assert.deepEqual({ ...half, value: '' }, { value: '', path: '/', httponly: true, samesite: 'Lax', 'max-age': '300' });
    const second = await show(`${halfCookie}=${half.value}`, '', { headers, body: new URLSearchParams({ 'user[code]': codeOf(person) }).toString() });
    assert.deepEqual([second.status, second.headers.location], [302, '/projects']);
    assert.equal(await who(`${sessionCookie}=${cookiesOf(second)[sessionCookie].value}`), 200);
  });

  test('is no session before, nor is a session a beginning', async () => {
    const cookie = await begin(person);
    assert.equal(await who(cookie), 401);
    assert.equal(await who(cookie.replace(halfCookie, sessionCookie)), 401);
    assert.deepEqual(said(await show(person.session.cookie.replace(sessionCookie, halfCookie), codeOf(person))), nobody);
    assert.deepEqual(said(await show(person.session.cookie, codeOf(person))), nobody);
    assert.deepEqual(said(await show(undefined, codeOf(person))), nobody);
    assert.deepEqual(said(await show(`${cookie}; ${cookie}`, codeOf(person))), nobody);
    assert.equal((await show(cookie, codeOf(person), { headers: { origin: 'https://elsewhere.example' } })).status, 403);
    assert.equal((await show(cookie, codeOf(person))).status, 200);
  });

  test('takes no code twice, not even at once', async () => {
    const cookies = await Promise.all([begin(person), begin(person), begin(person)]);
    const code = codeOf(person);
    const replies = await Promise.all(cookies.map((cookie) => show(cookie, code)));
    assert.deepEqual(replies.map(({ status }) => status).sort(), [200, 401, 401]);
    assert.deepEqual(said(await show(await begin(person), code)), refused);
    await db.query('DELETE FROM attempts');
  });

  test('ends with a change of password, with its user, and after five minutes', async () => {
    for (const change of ["UPDATE users SET hashed_password = 'x' WHERE id = $1", 'UPDATE users SET disabled = true WHERE id = $1',
      "UPDATE user_tokens SET inserted_at = now() - interval '5 minutes' WHERE user_id = $1", 'DELETE FROM users WHERE id = $1']) {
      const other = await makeCareful(), cookie = await begin(other);
      await db.query(change, [other.id]);
      assert.deepEqual(said(await show(cookie, codeOf(other))), nobody, change);
    }
  });

  test('with what is no code', async () => {
    const cookie = await begin(person);
    for (const [body, status] of [['{', 400], ['[]', 400], ['{}', 422], ['{"user":{}}', 422], ['{"user":{"code":123456}}', 422], ['{"user":{"code":""}}', 422],
      [JSON.stringify({ user: { code: 'x'.repeat(65) } }), 422], [JSON.stringify({ user: { code: 'x'.repeat(9000) } }), 413]])
      assert.equal((await show(cookie, '', { body })).status, status, body.slice(0, 30));
    assert.equal((await show(cookie, '123456', { headers: { 'content-type': 'text/plain' } })).status, 400);
    for (const code of ['12345', '1234567', 'x'.repeat(16), '\u0000', '-']) {
      await db.query('DELETE FROM attempts');
      assert.deepEqual(said(await show(cookie, code)), refused, code);
    }
    await db.query('DELETE FROM attempts');
  });
});

describe('backup codes', () => {
  test('are good once each, however they are typed', async () => {
    const person = await makeCareful();
    const writings = [(code) => code, (code) => code.toUpperCase(), (code) => code.replaceAll('-', ''), (code) => ` ${code.replaceAll('-', ' ')} `];
    for (const [i, write] of writings.entries()) {
      assert.equal((await show(await begin(person), write(person.codes[i]))).status, 200, write(person.codes[i]));
      assert.deepEqual(said(await show(await begin(person), person.codes[i])), refused);
      await db.query('DELETE FROM attempts');
    }
    assert.deepEqual(await state(person.session), { enabled: true, backup_codes_left: 6 });
    const cookies = await Promise.all([begin(person), begin(person)]);
    assert.deepEqual((await Promise.all(cookies.map((cookie) => show(cookie, person.codes[9])))).map(({ status }) => status).sort(), [200, 401]);
  });

  test('are nobody else’s, and not in the database', async () => {
    const [person, other] = [await makeCareful(), await makeCareful()];
    assert.deepEqual(said(await show(await begin(person), other.codes[0])), refused);
    const rows = await db.query('SELECT code_hash FROM user_backup_codes WHERE user_id = $1', [person.id]);
    const hash = crypto.createHash('sha256').update(person.codes[0].replaceAll('-', '')).digest();
    assert.equal(rows.filter(({ code_hash }) => code_hash.equals(hash)).length, 1);
  });

  test('are made anew, and the others end', async () => {
    const person = await makeCareful();
    const { json, status } = await own(person.session, 'POST', again, '/profile/two-factor/backup_codes');
    assert.equal(status, 200);
    for (const code of json.backup_codes) secrets.add('backup code', code);
    assert.deepEqual(said(await show(await begin(person), person.codes[0])), refused);
    assert.equal((await show(await begin(person), json.backup_codes[0])).status, 200);
    assert.deepEqual(await state(person.session), { enabled: true, backup_codes_left: 9 });
  });
});

test('guesses at a code are five, over all log-ins, and forgotten when the right one comes', async () => {
  const person = await makeCareful();
  for (let round = 0; round < 2; round++) {
    for (let i = 0; i < 4; i++) assert.deepEqual(said(await show(await begin(person), i % 2 ? wrongCode(person) : 'abcd-efgh-ijkl-mnop')), refused);
    await freshen(person);
    assert.equal((await show(await begin(person), codeOf(person))).status, 200);
  }
  await freshen(person);
  const replies = await Promise.all(Array.from({ length: 8 }, async () => show(await begin(person), wrongCode(person))));
  assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(5).fill(401), ...Array(3).fill(429)]);
  for (const code of [codeOf(person), person.codes[0]]) {
    const reply = await show(await begin(person), code);
    assert.equal(reply.status, 429);
    assert.ok(Number(reply.headers['retry-after']) > 800);
  }
});
