// SPDX-License-Identifier: Apache-2.0
//
// People log in: the cookie and what it is good for, who may ask what with which proof, what nobody learns by guessing, and what
// nobody should send.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import zlib from 'node:zlib';
import { listRoutes, makeApiUser, makeClient } from './lib/api.js';
import { Canaries, makeCanary } from './lib/canary.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, uuid7 } from './lib/fixtures.js';
import { askLogIn, cookiesOf, logIn, makePerson, openSession, password, sessionCookie } from './lib/people.js';

const routes = listRoutes('web');
const secrets = new Canaries();
secrets.add('password', password);

let db, web, api;
const daemons = [];

async function startWeb(env = {}) {
  const daemon = await startDaemon('web', db, { LOG_LEVEL: 'debug', ...env });
  daemons.push(daemon);
  return daemon;
}

before(async () => {
  db = await newDatabase();
  web = await startWeb();
  api = makeClient(web);
});

after(async () => {
  for (const daemon of daemons) await daemon.finish();
  await db.close();
  for (const daemon of daemons) assert.deepEqual(secrets.found(daemon.log), [], 'no secret is in the journal');
});

const said = (reply) => [reply.status, reply.json];
const as = (session, target, options = {}) => api.request(target, { ...options, headers: { ...session.headers, ...options.headers } });
const who = async (headers) => (await api.request('/users/session', { headers })).status;
const sessionsOf = (person) => db.query("SELECT id, token_hash FROM user_tokens WHERE user_id = $1 AND context = 'session'", [person.id]);
const unauthorized = [401, { error: 'Unauthorized' }];
const wrong = [401, { error: 'Invalid email or password' }];
/** A new address for each who should not be counted with the others. */
let address = 0;
const elsewhere = () => ({ 'x-forwarded-for': `192.0.2.${++address % 250}` });

// -- the session ---------------------------------------------------------------------------------------------------

describe('logging in', () => {
  test('gives the browser a secret of which the database has the hash only', async () => {
    const person = await makePerson(db);
    const session = await logIn(api, person);
    const { id, email, first_name, last_name } = person;
    assert.deepEqual(session.reply.json.user, { id, email, first_name, last_name, role: 'user' });
    assert.equal(session.reply.headers['cache-control'], 'no-store');

    const secret = Buffer.from(session.secret, 'base64url');
    assert.equal(secret.length, 32);
    secrets.add('session', secret);
    assert.deepEqual((await sessionsOf(person)).map(({ token_hash }) => token_hash), [crypto.createHash('sha256').update(secret).digest()]);
    assert.deepEqual(said(await as(session, '/users/session')), [200, session.reply.json]);
    assert.equal((await logIn(api, person)).secret === session.secret, false);
  });

  test('sets a cookie that pages cannot read and others cannot send along', async () => {
    const person = await makePerson(db);
    const cookie = async (user, client = api) => cookiesOf(await askLogIn(client, { ...person, ...user }))[sessionCookie];
    const { value, ...attributes } = await cookie({});
    assert.deepEqual(attributes, { path: '/', httponly: true, samesite: 'Lax' });
    const { value: other, ...remembered } = await cookie({ remember_me: true });
    assert.deepEqual(remembered, { ...attributes, 'max-age': String(60 * 24 * 3600) });
    assert.notEqual(value, other);

    const secure = await startWeb({ URL_SCHEME: 'https', URL_HOST: 'flows.example.org', URL_PORT: '443' });
    assert.equal((await cookie({}, makeClient(secure))).secure, true);
  });

  test('takes the e-mail in any case, and a form, which goes on to the projects', async () => {
    const person = await makePerson(db, { email: `ada.${uuid7()}@example.org` });
    assert.equal((await askLogIn(api, { email: person.email.toUpperCase(), password })).status, 200);
    const form = new URLSearchParams({ 'user[email]': person.email, 'user[password]': password, 'user[remember_me]': 'true' }).toString();
    const reply = await askLogIn(api, form, { headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    assert.deepEqual([reply.status, reply.headers.location, reply.body], [302, '/projects', '']);
    const cookie = cookiesOf(reply)[sessionCookie];
    assert.equal(cookie['max-age'], String(60 * 24 * 3600));
    assert.equal(await who({ cookie: `${sessionCookie}=${cookie.value}` }), 200);
  });

  test('again in the same browser ends the session before', async () => {
    const person = await makePerson(db);
    const first = await logIn(api, person);
    const second = await logIn(api, person, { headers: { cookie: first.cookie } });
    assert.deepEqual([await who(first.headers), await who(second.headers), (await sessionsOf(person)).length], [401, 200, 1]);
  });

  test('takes passwords of the original, which then are kept as ours', async () => {
    const hashed_password = '$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e';
    const person = { ...await makePerson(db, { hashed_password }), password: 'correct horse' };
    const before = await logIn(api, person);
    assert.match((await db.one('SELECT hashed_password AS hash FROM users WHERE id = $1', [person.id])).hash, /^\$argon2id\$/);
    assert.equal(await who(before.headers), 200, 'nobody is logged out by that');
    await logIn(api, person);
    assert.deepEqual(await db.query("SELECT event FROM audit_events WHERE item_id = $1 AND event = 'updated'", [person.id]), []);
  });
});

describe('a wrong e-mail and a wrong password', () => {
  test('are answered the same', async () => {
    const person = await makePerson(db);
    const replies = [];
    for (const user of [{ ...person, password: 'wrong' }, { email: 'nobody@example.org', password }, { ...person, password: '' },
      { email: `x${person.email}`, password }, { email: (await makePerson(db, { hashed_password: null })).email, password: '' }])
      replies.push(await askLogIn(api, user));
    for (const reply of replies) {
      assert.deepEqual(said(reply), wrong);
      assert.deepEqual(Object.keys(reply.headers), Object.keys(replies[0].headers));
      assert.equal(reply.headers['set-cookie'], undefined);
    }
  });

  test('and only who has the password hears that an account is disabled', async () => {
    for (const column of [{ disabled: true }, { scheduled_deletion: new Date() }]) {
      const person = await makePerson(db, column);
      assert.deepEqual(said(await askLogIn(api, person)), [403, { error: 'This account is disabled' }]);
      assert.deepEqual(said(await askLogIn(api, { ...person, password: 'wrong' })), wrong);
      assert.deepEqual(await sessionsOf(person), []);
    }
  });
});

describe('a session ends at the next request', () => {
  const ended = async (change) => {
    const person = await makePerson(db);
    const sessions = [await logIn(api, person), await logIn(api, person)];
    for (const session of sessions) assert.equal(await who(session.headers), 200);
    await change(person);
    for (const session of sessions) assert.deepEqual(said(await as(session, '/users/session')), unauthorized);
    return { person, sessions };
  };

  test('when its row goes', () => ended((person) => db.query("DELETE FROM user_tokens WHERE user_id = $1", [person.id])));
  test('when it is 60 days old', () => ended((person) => db.query("UPDATE user_tokens SET inserted_at = now() - interval '60 days' WHERE user_id = $1", [person.id])));
  test('when its user goes', () => ended((person) => db.query('DELETE FROM users WHERE id = $1', [person.id])));
  test('when the password changes, whoever changes it', async () => {
    const { person } = await ended(({ id }) => db.query("UPDATE users SET hashed_password = 'another' WHERE id = $1", [id]));
    assert.deepEqual(await sessionsOf(person), []);
  });

  test('when its user is disabled or about to go, and does not come back with him', async () => {
    for (const [off, on] of [['disabled = true', 'disabled = false'], ['scheduled_deletion = now()', 'scheduled_deletion = NULL']]) {
      const { person, sessions } = await ended(({ id }) => db.query(`UPDATE users SET ${off} WHERE id = $1`, [id]));
      await db.query(`UPDATE users SET ${on} WHERE id = $1`, [person.id]);
      assert.equal(await who(sessions[0].headers), 401);
    }
  });

  test('and no other ends with it', async () => {
    const [person, other] = [await makePerson(db), await makePerson(db)];
    const session = await logIn(api, other);
    await db.query('UPDATE users SET disabled = true WHERE id = $1', [person.id]);
    await db.query("UPDATE users SET first_name = 'New' WHERE id = $1", [other.id]);
    assert.equal((await as(session, '/users/session')).json.user.first_name, 'New');
  });
});

describe('logging out', () => {
  test('ends this session and takes the cookie away', async () => {
    const person = await makePerson(db);
    for (const [method, status, location] of [['DELETE', 204, undefined], ['GET', 302, '/users/log_in']]) {
      const [session, other] = [await logIn(api, person), await logIn(api, person)];
      const reply = await as(session, '/users/log_out', { method });
      assert.deepEqual([reply.status, reply.headers.location], [status, location]);
      const { value, 'max-age': age, path } = cookiesOf(reply)[sessionCookie];
      assert.deepEqual([value, age, path], ['', '0', '/']);
      assert.deepEqual([await who(session.headers), await who(other.headers)], [401, 200]);
    }
  });

  test('of nobody', async () => {
    assert.deepEqual(said(await api.request('/users/log_out', { method: 'DELETE' })), unauthorized);
    const reply = await api.request('/users/log_out');
    assert.deepEqual([reply.status, reply.headers.location], [302, '/users/log_in']);
  });

  test('is not what a page of others does', async () => {
    const session = await logIn(api, await makePerson(db));
    assert.equal((await as(session, '/users/log_out', { headers: { 'sec-fetch-site': 'cross-site' } })).status, 403);
    assert.equal(await who(session.headers), 200);
  });
});

// -- one's own ---------------------------------------------------------------------------------------------------------

describe('personal tokens', () => {
  const make = async (session) => {
    const reply = await as(session, '/profile/tokens', { method: 'POST' });
    assert.equal(reply.status, 201, reply.body);
    assert.equal(reply.headers['cache-control'], 'no-store');
    secrets.add('token', reply.json.token.split('.')[2]);
    return reply.json;
  };
  const list = async (session) => (await as(session, '/profile/tokens')).json.tokens;
  const works = async ({ token }) => (await api.get({ token }, '/api/projects')).status === 200;

  test('are made, shown once, listed and deleted', async () => {
    const person = await makePerson(db), session = await logIn(api, person);
    assert.deepEqual(await list(session), []);
    const [first, second] = [await make(session), await make(session)];
    assert.deepEqual([await works(first), await works(second)], [true, true]);

    const tokens = await list(session);
    assert.deepEqual(new Set(tokens.map(({ id }) => id)), new Set([first.id, second.id]));
    assert.ok(tokens.every(({ last_used_at }) => last_used_at !== null));
    const { token_hash } = await db.one('SELECT token_hash FROM user_tokens WHERE id = $1', [first.id]);
    assert.deepEqual(token_hash, crypto.createHash('sha256').update(first.token).digest());

    assert.equal((await as(session, `/profile/tokens/${first.id}`, { method: 'DELETE' })).status, 204);
    assert.equal((await as(session, `/profile/tokens/${first.id}`, { method: 'DELETE' })).status, 404);
    assert.deepEqual([await works(first), await works(second)], [false, true]);
    assert.deepEqual((await list(session)).map(({ id }) => id), [second.id]);
    assert.deepEqual((await db.query("SELECT event, actor_id FROM audit_events WHERE item_id = $1 AND event LIKE 'token%' ORDER BY inserted_at", [person.id])),
      ['token_created', 'token_created', 'token_deleted'].map((event) => ({ event, actor_id: person.id })));
  });

  test('of others are not there, and sessions are none', async () => {
    const [mine, theirs] = [await logIn(api, await makePerson(db)), await logIn(api, await makePerson(db))];
    const token = await make(theirs);
    const [{ id }] = await db.query("SELECT id FROM user_tokens WHERE context = 'session' ORDER BY inserted_at DESC LIMIT 1");
    for (const [target, expected] of [[token.id, 404], [id, 404], [uuid7(), 404], ['x', 400], [`${token.id}0`, 400]])
      assert.equal((await as(mine, `/profile/tokens/${target}`, { method: 'DELETE' })).status, expected, target);
    assert.equal(await works(token), true);
    assert.deepEqual(await list(mine), []);
  });

  test('are a hundred at most', async () => {
    const person = await makePerson(db), session = await logIn(api, person);
    for (let i = 0; i < 99; i++)
      await db.query("INSERT INTO user_tokens (id, user_id, context, token_hash) VALUES ($1, $2, 'api', $3)", [uuid7(), person.id, crypto.randomBytes(32)]);
    await make(session);
    assert.equal((await as(session, '/profile/tokens', { method: 'POST' })).status, 422);
    assert.equal((await list(session)).length, 100);
  });
});

describe('one’s own password', () => {
  const next = secrets.add('new password', 'staple battery horse');
  const change = (session, body, options) => as(session, '/profile/password', {
    method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), headers: { 'content-type': 'application/json', ...options },
  });

  test('is changed, and all sessions end but the new one', async () => {
    const person = await makePerson(db);
    for (const remember_me of [false, true]) {
      const present = remember_me ? next : password, wanted = remember_me ? password : next;
      const logged = await askLogIn(api, { email: person.email, password: present, remember_me });
      const session = { headers: { cookie: `${sessionCookie}=${cookiesOf(logged)[sessionCookie].value}`, 'x-csrf-token': logged.json.csrf_token } };
      const other = await logIn(api, { ...person, password: present });
      const reply = await change(session, { current_password: present, password: wanted });
      assert.deepEqual([reply.status, reply.json.user], [200, logged.json.user]);
      const cookie = cookiesOf(reply)[sessionCookie];
      assert.equal(cookie['max-age'], remember_me ? String(60 * 24 * 3600) : undefined);
      assert.deepEqual([await who(session.headers), await who(other.headers), await who({ cookie: `${sessionCookie}=${cookie.value}` })], [401, 401, 200]);
      assert.notEqual(reply.json.csrf_token, logged.json.csrf_token);
      assert.deepEqual(said(await askLogIn(api, { email: person.email, password: present })), wrong);
      await logIn(api, { ...person, password: wanted });
    }
    const [event] = await db.query("SELECT actor_id, before, after FROM audit_events WHERE item_id = $1 AND event = 'updated' ORDER BY inserted_at", [person.id]);
    assert.equal(event.actor_id, person.id);
    assert.match(event.after.hashed_password, /^[0-9a-f]{12} \(hidden\)$/);
  });

  test('leaves personal tokens alone', async () => {
    const person = await makePerson(db), session = await logIn(api, person);
    const { token } = (await as(session, '/profile/tokens', { method: 'POST' })).json;
    assert.equal((await change(session, { current_password: password, password: next })).status, 200);
    assert.equal((await api.get({ token }, '/api/projects')).status, 200);
  });

  test('is not changed without the present one, and guesses are counted', async () => {
    const person = await makePerson(db), session = await logIn(api, person);
    for (const current_password of ['wrong', '', next])
      assert.deepEqual(said(await change(session, { current_password, password: next })), [422, { errors: { current_password: ['is not valid'] } }]);
    assert.equal(await who(session.headers), 200);
    await db.query("UPDATE attempts SET n = 20 WHERE subject = sha256(convert_to('password ' || $1, 'UTF8'))", [person.id]);
    const reply = await change(session, { current_password: password, password: next });
    assert.equal(reply.status, 429);
    assert.ok(Number(reply.headers['retry-after']) > 800);
    await logIn(api, person);
    const none = await makePerson(db), without = await logIn(api, none);
    await db.query("UPDATE users SET hashed_password = NULL WHERE id = $1", [none.id]);
    assert.equal((await change(without, { current_password: '', password: next })).status, 401);
  });

  test('has 12 characters and 72 bytes', async () => {
    const session = await logIn(api, await makePerson(db));
    const errors = async (wanted) => {
      const reply = await change(session, { current_password: 'wrong', password: wanted });
      return [reply.status, reply.json.errors.password?.[0]];
    };
    for (const [wanted, message] of [['x'.repeat(11), 'should be at least 12 character(s)'], ['\u{1F600}'.repeat(11), 'should be at least 12 character(s)'],
      ['x'.repeat(73), 'should be at most 72 byte(s)'], ['\u{1F600}'.repeat(19), 'should be at most 72 byte(s)'], [`${'x'.repeat(20)}\u0000`, 'is invalid'],
      ['', 'should be at least 12 character(s)'], [null, "This field can't be blank."], [123456789012, 'is invalid'], [undefined, "This field can't be blank."],
      // Good ones; the present one is wrong.
      ['x'.repeat(12), undefined], ['x'.repeat(72), undefined], ['\u{1F600}'.repeat(12), undefined], ['            ', undefined]])
      assert.deepEqual(await errors(wanted), [422, message], wanted);
    for (const body of ['', '{', '[]', 'x']) assert.equal((await change(session, body)).status, 400, body);
    assert.equal((await change(session, '{}', { 'content-type': 'text/plain' })).status, 400);
  });

  test('is stored once of two changes at once', async () => {
    const person = await makePerson(db);
    const [one, two] = [await logIn(api, person), await logIn(api, person)];
    const replies = await Promise.all([change(one, { current_password: password, password: next }), change(two, { current_password: password, password: `${next}!` })]);
    assert.equal(replies.filter(({ status }) => status === 200).length, 1);
    assert.ok(replies.some(({ status }) => [401, 503, 422].includes(status)), replies.map(({ status }) => status).join());
    assert.equal((await sessionsOf(person)).length, 1);
  });
});

// -- who may ask what with which proof -------------------------------------------------------------------------------

const bySession = routes.filter(({ auth }) => auth.startsWith('session'));
const fill = (pattern) => pattern.replace(/\{[a-z_]+\}/g, uuid7());
const send = ({ method, pattern }, headers, token) => {
  const body = method === 'GET' || method === 'DELETE' ? undefined : '{}';
  return api.request(fill(pattern), { method, token, body, headers: { ...(body && { 'content-type': 'application/json' }), ...headers } });
};

for (const route of bySession)
  describe(`${route.method} ${route.pattern}`, () => {
    const isChange = route.method !== 'GET';
    const nobody = async (headers, token) => assert.deepEqual(said(await send(route, headers, token)), unauthorized);
    /** Whatever comes of it: it is let in. */
    const somebody = async (headers, token) => assert.ok(![401, 403].includes((await send(route, headers, token)).status));
    // Rights in projects and of superusers are another test's.
    const isOpen = !route.pattern.includes('{') && route.right === 'authenticated';

    test('is for who is logged in', async () => {
      await nobody({});
      const session = await openSession(db, await makePerson(db));
      if (isOpen) await somebody(session.headers);
      else assert.notEqual((await send(route, session.headers)).status, 500);
    });

    test('is not for who was', async () => {
      for (const change of ["DELETE FROM user_tokens WHERE user_id = $1", 'UPDATE users SET disabled = true WHERE id = $1']) {
        const person = await makePerson(db), session = await openSession(db, person);
        await db.query(change, [person.id]);
        await nobody(session.headers);
      }
    });

    test('with a token', async () => {
      const user = await makeApiUser(db);
      if (route.auth === 'session') await nobody({}, user.token);
      else if (isOpen) await somebody({}, user.token);
      // The cookie is no way out for a token that is wrong.
      const session = await openSession(db, await makePerson(db));
      if (route.auth === 'session-or-token') await nobody(session.headers, 'x');
    });

    if (isChange)
      test('is not for pages of others', async () => {
        const [session, other] = [await openSession(db, await makePerson(db)), await openSession(db, await makePerson(db))];
        const [{ cookie }, csrf] = [session, session.csrf['x-csrf-token']];
        for (const headers of [{}, { 'x-csrf-token': '' }, { 'x-csrf-token': session.secret }, other.csrf, { 'x-csrf-token': `${csrf}x` },
          { 'x-csrf-token': [csrf, csrf] }, ...['https://elsewhere.example', 'null', 'http://localhost.example', 'file://', ''].map((origin) => ({ ...session.csrf, origin })),
          { ...session.csrf, 'sec-fetch-site': 'cross-site' }])
          assert.equal((await send(route, { cookie, ...headers })).status, 403, JSON.stringify(headers));
        assert.equal(await who({ cookie }), 200);
      });
  });

test('a page of ours is known by its address, by the request’s own or by being listed', async () => {
  const secure = await startWeb({ URL_SCHEME: 'https', URL_HOST: 'flows.example.org', URL_PORT: '443', ORIGINS: 'https://a.example, https://b.example' });
  const client = makeClient(secure), person = await makePerson(db);
  const status = async (headers) => (await askLogIn(client, person, { headers })).status;
  for (const origin of ['https://flows.example.org', 'https://a.example', 'https://b.example', 'http://127.0.0.1:4000'])
    assert.equal(await status({ origin, host: '127.0.0.1:4000' }), 200, origin);
  for (const origin of ['http://flows.example.org', 'https://flows.example.org:444', 'https://c.example', 'null', 'http://127.0.0.1:4001', 'http://127.0.0.1'])
    assert.equal(await status({ origin, host: '127.0.0.1:4000' }), 403, origin);
  for (const [site, expected] of [['same-origin', 200], ['none', 200], ['cross-site', 403]]) assert.equal(await status({ 'sec-fetch-site': site }), expected);
});

// -- what nobody should send ------------------------------------------------------------------------------------------

describe('cookies', () => {
  test('that are none of ours are nobody’s', async () => {
    const { secret } = await logIn(api, await makePerson(db));
    const garbage = ['', '=', ';', '%', '\u00e9', 'x'.repeat(4000), secret.slice(1), `${secret}AA`, `"${secret}"`, secret.toUpperCase(), Buffer.alloc(32).toString('base64url')];
    for (const value of garbage) assert.equal(await who({ cookie: `${sessionCookie}=${value}` }), 401, value);
    for (const cookie of [secret, `x=${secret}`, `${sessionCookie}`, `${sessionCookie}x=${secret}`, `x${sessionCookie}=${secret}`, `${sessionCookie.toUpperCase()}=${secret}`])
      assert.equal(await who({ cookie }), 401, cookie);
  });

  test('of others do not matter, a second of the name does', async () => {
    const { cookie } = await logIn(api, await makePerson(db));
    for (const text of [cookie, `a=b; ${cookie}`, `${cookie};c=d`, `a;${cookie} ; =`, `a=${sessionCookie}; ${cookie}`]) assert.equal(await who({ cookie: text }), 200, text);
    const whoRaw = async (...headers) => (await web.request({ path: '/users/session', headers: ['Host', 'x', ...headers] })).status;
    assert.equal(await whoRaw('Cookie', 'a=b', 'Cookie', cookie), 200);
    for (const text of [`${cookie}; ${cookie}`, `${sessionCookie}=; ${cookie}`, `${cookie}; ${sessionCookie}=x`]) assert.equal(await who({ cookie: text }), 401, text);
    assert.equal(await whoRaw('Cookie', cookie, 'Cookie', cookie), 401);
  });
});

describe('a log-in', () => {
  const status = async (body, headers = {}) => (await askLogIn(api, body, { headers: { ...elsewhere(), ...headers } })).status;
  const blank = "This field can't be blank.";

  test('that is none is told what is wrong with it', async () => {
    for (const body of ['', '{', '[]', '"x"', 'null', '{"user":{}}}', '\u0000']) assert.equal(await status(body), 400, body);
    const errors = async (value) => {
      const reply = await askLogIn(api, JSON.stringify(value), { headers: elsewhere() });
      return [reply.status, reply.json.errors];
    };
    assert.deepEqual(await errors({}), [422, { user: [blank] }]);
    assert.deepEqual(await errors({ user: 'x' }), [422, { user: ['is invalid'] }]);
    assert.deepEqual(await errors({ user: {} }), [422, { email: [blank] }]);
    assert.deepEqual(await errors({ user: { email: 'a@b' } }), [422, { password: [blank] }]);
    for (const value of [null, 1, {}, [], true]) {
      assert.equal((await errors({ user: { email: value, password } }))[0], 422, JSON.stringify(value));
      assert.equal((await errors({ user: { email: 'a@b', password: value } }))[0], 422, JSON.stringify(value));
    }
    assert.deepEqual(await errors({ user: { email: 'a@b', password, remember_me: 'perhaps' } }), [422, { remember_me: ['is invalid'] }]);
  });

  test('in another form is none', async () => {
    const body = JSON.stringify({ user: await makePerson(db) });
    for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/jsonx', ''])
      assert.equal(await status(body, { 'content-type': type }), 400, type);
    assert.equal(await status(body, { 'content-type': 'Application/JSON ; charset=utf-8' }), 200);
    for (const form of ['user[email]=%', 'user[email]=%ff&user[password]=x', `user${'[a]'.repeat(65)}=x`])
      assert.equal(await status(form, { 'content-type': 'application/x-www-form-urlencoded' }), 400, form);
    for (const form of ['', 'user=x', 'user[email]=a', 'user[email][]=a&user[password]=b', 'user[][email]=a'])
      assert.equal(await status(form, { 'content-type': 'application/x-www-form-urlencoded' }), 422, form);
  });

  test('of any length and with any character is answered', async () => {
    const person = await makePerson(db);
    for (const email of ['x'.repeat(7000), `${person.email}\u0000`, `${person.email} `, "' OR 1=1 --", '\ud800', '%', '\u{1F600}'])
      assert.equal(await status({ email, password }), 401, email.slice(0, 20));
    for (const secret of ['x'.repeat(7000), `${password}\u0000`, `\u0000${password}`, `${password}\ufffd`, '\ud800'])
      assert.equal(await status({ email: person.email, password: secret }), 401, secret.slice(0, 20));
    assert.equal(await status({ email: 'x'.repeat(9000), password }), 413);
  });

  test('may be packed', async () => {
    const packed = zlib.gzipSync(JSON.stringify({ user: await makePerson(db).then(({ email }) => ({ email, password })) }));
    const ask = async (body) => (await api.request('/users/log_in', { method: 'POST', headers: { ...elsewhere(), 'content-type': 'application/json', 'content-encoding': 'gzip' }, body })).status;
    assert.equal(await ask(packed), 200);
    assert.equal(await ask(zlib.gzipSync(Buffer.alloc(100000))), 413);
    assert.equal(await ask(packed.subarray(0, 20)), 400);
  });

  test('that says something twice means the last', async () => {
    const { email } = await makePerson(db);
    const body = (first, second) => `{"user":{"email":"nobody@example.org","email":"${email}","password":"${first}","password":"${second}"}}`;
    assert.equal(await status(body('wrong', password)), 200);
    assert.equal(await status(body(password, 'wrong')), 401);
  });
});

// -- guessing ------------------------------------------------------------------------------------------------------

describe('guesses', () => {
  const guess = (person, headers, secret = 'wrong') => askLogIn(api, { email: person.email, password: secret }, { headers });
  const tooMany = (reply) => {
    assert.equal(reply.status, 429);
    assert.match(reply.json.error, /^Too many attempts: try again in \d+ seconds$/);
    const seconds = Number(reply.headers['retry-after']);
    assert.ok(seconds > 800 && seconds <= 900, seconds);
  };

  test('at one e-mail are 20, wherever they come from, however they are written, and then not even the right one counts', async () => {
    for (const person of [await makePerson(db), { email: `nobody.${uuid7()}@example.org` }]) {
      const replies = await Promise.all(Array.from({ length: 26 }, (_, i) => guess({ email: i % 2 ? person.email : person.email.toUpperCase() }, elsewhere())));
      assert.deepEqual(replies.map(({ status }) => status).sort(), [...Array(20).fill(401), ...Array(6).fill(429)]);
      tooMany(await guess(person, elsewhere(), password));
    }
  });

  test('are over after a while', async () => {
    const person = await makePerson(db);
    for (let i = 0; i < 20; i++) await guess(person, elsewhere());
    tooMany(await guess(person, elsewhere()));
    await db.query('UPDATE attempts SET ends_at = now() WHERE n >= 20');
    await logIn(api, person);
  });

  test('are forgotten when the right one comes', async () => {
    const person = await makePerson(db), headers = elsewhere();
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 15; i++) assert.equal((await guess(person, headers)).status, 401);
      assert.equal((await guess(person, headers, password)).status, 200);
    }
  });

  test('from one address are 100; others go on, and who logs in is not counted', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' }, person = await makePerson(db);
    const count = async () => Number((await db.one("SELECT n FROM attempts WHERE subject = sha256('address 198.51.100.7')")).n);
    for (let i = 0; i < 3; i++) assert.equal((await guess(person, headers, password)).status, 200);
    assert.equal(await count(), 0);
    await db.query("UPDATE attempts SET n = 98, ends_at = now() + interval '899 seconds' WHERE subject = sha256('address 198.51.100.7')");
    assert.equal((await guess(person, headers)).status, 401);
    assert.equal((await guess(await makePerson(db), headers)).status, 401);
    tooMany(await guess(person, headers, password));
    assert.equal((await guess(person, elsewhere(), password)).status, 200);
    // What the sender writes in front changes nothing.
    tooMany(await guess(person, { 'x-forwarded-for': '203.0.113.9, 198.51.100.7' }, password));
  });

  test('from what is no address are from this machine', async () => {
    const count = async () => Number((await db.one("SELECT coalesce(max(n), 0) AS n FROM attempts WHERE subject = sha256('address this machine')")).n);
    const before = await count();
    for (const forwarded of ['x', '192.0.2.1:80', '256.0.0.1', '', '192.0.2.1, ', 'x'.repeat(4000)]) await guess(await makePerson(db), { 'x-forwarded-for': forwarded });
    assert.equal(await count(), before + 6);
  });

  test('from one network of IPv6 are from one address', async () => {
    await guess(await makePerson(db), { 'x-forwarded-for': '2001:db8:1:2:3:4:5:6' });
    await guess(await makePerson(db), { 'x-forwarded-for': '2001:db8:1:2::1' });
    assert.equal(Number((await db.one("SELECT n FROM attempts WHERE subject = sha256('address 2001:db8:1:2::')")).n), 2);
  });
});

test('while many log in others are answered, and those beyond the queue are told to come again', async () => {
  const project = await makeProject(db), reader = await makeApiUser(db, [[project, 'viewer']]);
  const people = await Promise.all(Array.from({ length: 20 }, () => makePerson(db)));
  let n_done = 0, n_answered_meanwhile = 0;
  const logIns = people.map(async (person) => {
    const reply = await askLogIn(api, person, { headers: elsewhere() });
    n_done++;
    return reply.status;
  });
  while (n_done < people.length) {
    const reply = await api.get(reader, '/api/projects');
    assert.equal(reply.status, 200);
    if (n_done < people.length) n_answered_meanwhile++;
  }
  assert.deepEqual(await Promise.all(logIns), Array(20).fill(200));
  assert.ok(n_answered_meanwhile > people.length, `${n_answered_meanwhile} were answered meanwhile`);

  const crowd = await Promise.all(Array.from({ length: 100 }, (_, i) => askLogIn(api, { email: `nobody.${i}@example.org`, password }, { headers: elsewhere() })));
  const refused = crowd.filter(({ status }) => status === 503);
  assert.ok(refused.length > 0);
  for (const reply of refused) assert.ok(reply.headers['retry-after']);
  assert.equal((await api.get(reader, '/api/projects')).status, 200);
  await logIn(api, await makePerson(db));
});
