// SPDX-License-Identifier: Apache-2.0
//
// fulgur-web as the public address: what it says by itself, and what it hands on to its siblings.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient, personalToken } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow } from './lib/fixtures.js';
import { workerToken } from './lib/keys.js';
import { connectRaw, connectWorker, until } from './lib/worker.js';

const MB = 1000000;

let db, web, api, webhooks, workers, project, workflow, user;

before(async () => {
  db = await newDatabase();
  webhooks = await startDaemon('webhooks', db, { MAX_DATACLIP_SIZE_MB: '1' });
  workers = await startDaemon('workers', db);
  web = await startDaemon('web', db, {
    FULGUR_WEBHOOKS_SOCKET: webhooks.socketPath, FULGUR_WORKERS_SOCKET: workers.socketPath, MAX_DATACLIP_SIZE_MB: '1',
  });
  api = makeClient(web);
  project = await makeProject(db);
  workflow = await makeWorkflow(db, project);
  user = await makeApiUser(db, [[project, 'viewer']]);
});

after(async () => {
  for (const daemon of [web, webhooks, workers]) await daemon.finish();
  await db.close();
});

/** What comes back for bytes no HTTP client would send. */
const raw = (daemon, bytes) =>
  new Promise((resolve, reject) => {
    const socket = net.connect(daemon.socketPath, () => socket.end(bytes));
    let text = '';
    socket.setEncoding('latin1').on('data', (data) => (text += data));
    socket.on('end', () => resolve({ status: Number(text.split(' ')[1]), text }));
    socket.on('error', reject);
  });

// -- by itself -------------------------------------------------------------------------------------------------

describe('without a database', () => {
  let alone, client;

  before(async () => {
    alone = await startDaemon('web', { url: 'postgresql://nobody@/nothing?host=/nonexistent' }, {
      CORS_ORIGIN: 'https://a.example, https://b.example', DATABASE_TIMEOUT: '300',
    });
    client = makeClient(alone);
  });
  after(() => alone.kill());

  test('it is in good health', async () => {
    const reply = await client.request('/health_check');
    assert.deepEqual([reply.status, reply.body, reply.headers['content-type']], [200, 'Hello you!', 'text/plain; charset=utf-8']);
    assert.equal((await client.request('/health_check/')).body, 'Hello you!');
    assert.equal((await client.request('/')).status, 200);
    assert.equal((await client.request('/no/such/page')).status, 404);
  });

  test('the API says so, and refuses who is nobody all the same', async () => {
    const reply = await client.request('/api/projects', { token: user.token });
    assert.deepEqual([reply.status, reply.json], [503, { error: 'Service Unavailable' }]);
    assert.ok(reply.headers['retry-after']);
    assert.equal((await client.request('/api/projects')).status, 401);
    assert.equal((await client.request('/api/projects', { token: personalToken(user, { iss: 'x' }) })).status, 401);
  });

  test('a preflight is answered, wherever it goes', async () => {
    for (const target of ['/', '/api/runs', '/i/anything', '/worker/websocket', '/no/such/page']) {
      const reply = await client.request(target, { method: 'OPTIONS', headers: { origin: 'https://a.example' } });
      assert.deepEqual([reply.status, reply.body], [204, '']);
      assert.match(reply.headers['access-control-allow-methods'], /PATCH/);
      assert.match(reply.headers['access-control-allow-headers'], /Authorization/);
      assert.equal(reply.headers['access-control-max-age'], '1728000');
      assert.equal(reply.headers['access-control-allow-origin'], 'https://a.example');
    }
  });

  test('a listed origin is echoed, another gets none', async () => {
    const allowed = async (origin) => {
      const { headers } = await client.request('/health_check', { headers: origin ? { origin } : {} });
      assert.equal(headers.vary, 'Origin');
      assert.equal(headers['access-control-allow-credentials'], 'true');
      return headers['access-control-allow-origin'];
    };
    assert.equal(await allowed('https://a.example'), 'https://a.example');
    assert.equal(await allowed('https://b.example'), 'https://b.example');
    for (const origin of ['https://c.example', 'https://a.example.evil', 'http://a.example', 'https://a', 'null', ''])
      assert.equal(await allowed(origin), undefined, origin);
  });
});

describe('every reply', () => {
  test('names any origin unless some are listed', async () => {
    const { headers } = await api.get(user, '/api/projects');
    assert.deepEqual(
      [headers['access-control-allow-origin'], headers['access-control-expose-headers'], headers['access-control-allow-credentials']],
      ['*', '', 'true']);
  });

  test('carries a request id, the caller’s if it is a sensible one', async () => {
    const id = async (given, target = '/health_check') =>
      (await api.request(target, { headers: given === undefined ? {} : { 'x-request-id': given } })).headers['x-request-id'];
    for (const good of ['x'.repeat(20), 'y'.repeat(200), 'a-b_c.d:e/f=g+h@0123456789'])
      for (const target of ['/health_check', '/api/runs', '/no/such/page', '/i/nothing']) assert.equal(await id(good, target), good);
    for (const bad of [undefined, '', 'x'.repeat(19), 'y'.repeat(201), 'with blanks in the middle', 'quotes """"""""""""""""""', '\u00e9'.repeat(25)])
      assert.match(await id(bad), /^[0-9a-f-]{36}$/);
    assert.notEqual(await id(), await id());
  });

  test('for what does not exist is 404', async () => {
    for (const target of ['/api', '/api/', '/api/nothing', '/api/runs/x/y', '/robots.txt', '/api/projects/x/unknown', '/health_check/x', '/workerx']) {
      const reply = await api.request(target, { token: user.token, headers: { accept: 'application/json' } });
      assert.deepEqual([reply.status, reply.json], [404, { error: 'Not Found' }], target);
    }
    for (const method of ['POST', 'PUT', 'DELETE']) assert.equal((await api.request('/health_check', { method })).status, 404);
    const page = await api.request('/nothing', { headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' } });
    assert.deepEqual([page.status, page.headers['content-type']], [404, 'text/plain; charset=utf-8']);
  });
});

describe('hostile requests', () => {
  const head = (target) => `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer ${user.token}\r\n\r\n`;

  test('get an answer, and never more than they may have', async () => {
    const targets = [
      `/api/runs?${'a'.repeat(10000)}`, `/api/runs?${'page=1&'.repeat(1000)}`, '/api/runs?\xff\xfe', '/api/runs?a=\x01', '/api/runs?%',
      '/api/runs?a"b<c>', '/api/runs?=&=&&&=', '/api/runs???', `/api/runs/${'%41'.repeat(500)}`, '/api/runs/%00', '/api/%72uns',
      '/api/runs/..%2f..%2fetc%2fpasswd', '//api//runs//', '/api/runs/../projects', '/api/runs#x', `/${'/'.repeat(2000)}`,
      `/${'a/'.repeat(1000)}`, '/i/\xff', '/i/%ff', '/i/%00', '/worker/%', '/%',
    ];
    for (const target of targets) {
      const { status, text } = await raw(web, Buffer.from(head(target), 'latin1'));
      assert.ok([200, 400, 404].includes(status), `${status} for ${target.slice(0, 60)}`);
      // What goes back is a reply of ours with valid JSON or text in it.
      if (/content-type: application\/json/i.test(text)) JSON.parse(Buffer.from(text.split('\r\n\r\n')[1], 'latin1').toString());
    }
    assert.equal((await api.request('/health_check')).status, 200);
  });

  test('find their page by links that are addresses', async () => {
    const { text } = await raw(web, Buffer.from(head('/api/runs?a"b<c>\x80'), 'latin1'));
    // Bytes that are no UTF-8 are refused, the others are escaped.
    assert.match(text, /400/);
    const good = await raw(web, Buffer.from(head('/api/runs?a"b<c>|{}'), 'latin1'));
    assert.match(good.text, /runs\?a%22b%3Cc%3E%7C%7B%7D&page=1"/);
  });

  test('with a body they were not asked for are answered', async () => {
    const body = JSON.stringify({ a: 'x'.repeat(50000) });
    const reply = await web.request({ path: '/api/runs', method: 'GET', headers: { authorization: `Bearer ${user.token}`, 'content-length': body.length } }, body);
    assert.equal(reply.status, 200);
  });
});

// -- the siblings --------------------------------------------------------------------------------------------------

describe('webhooks', () => {
  const post = (target, body, headers = {}) => web.request({ method: 'POST', path: target, headers }, body);

  test('are received by their service', async () => {
    const reply = await post(`/i/${workflow.trigger.id}/and/more?x=1`, '{"a":12345678901234567890}', {
      'content-type': 'application/json', 'x-request-id': 'the-caller-said-this-is-it', 'x-forwarded-for': '192.0.2.7',
    });
    assert.equal(reply.status, 200);
    assert.equal(reply.headers['x-request-id'], 'the-caller-said-this-is-it');
    const { work_order_id } = JSON.parse(reply.body);
    const stored = await db.one(
      `SELECT convert_from(b.body, 'UTF8') AS body, convert_from(b.request, 'UTF8')::json AS request
         FROM work_orders o JOIN dataclip_bodies b ON b.dataclip_id = o.dataclip_id WHERE o.id = $1`, [work_order_id]);
    assert.equal(stored.body, '{"a":12345678901234567890}');
    assert.equal(stored.request.headers['x-forwarded-for'], '192.0.2.7');
    assert.equal((await api.get(user, `/api/work_orders/${work_order_id}`)).json.data.attributes.state, 'pending');
  });

  test('are refused by their service, in its words', async () => {
    assert.equal((await post('/i/nothing-of-this-name', '{}')).status, 404);
    assert.equal((await post(`/i/${workflow.trigger.id}`, '{', { 'content-type': 'application/json' })).status, 400);
    assert.equal((await web.request({ path: '/i' })).status, 404);

    // A little too large for the sibling, and much too large for anybody.
    for (const size of [MB + 10, 3 * MB]) {
      const reply = await post(`/i/${workflow.trigger.id}`, `"${'x'.repeat(size)}"`, { 'content-type': 'application/json', accept: 'application/json' });
      assert.deepEqual([reply.status, reply.body], [413, '{"error":"Request Entity Too Large"}']);
    }
    assert.equal((await post(`/i/${workflow.trigger.id}`, `"${'x'.repeat(MB - 10)}"`, { 'content-type': 'application/json' })).status, 200);
  });
});

describe('workers', () => {
  test('join, claim and log through the public address', async () => {
    const run = await makeRun(db, workflow);
    const worker = await connectWorker(web);
    const queue = await worker.queue();
    let claimed;
    await until(async () => (claimed = (await queue.claim()).find(({ id }) => id === run.id)));
    const channel = await worker.run(run.id, claimed.token);
    await channel.ok('run:start', {});
    await channel.ok('run:log', { run_id: run.id, message: ['through'], timestamp: '1795441428448938' });
    await worker.close();

    const { json } = await api.get(user, `/api/log_lines?run_id=${run.id}`);
    assert.deepEqual(json.data.map(({ attributes }) => attributes.message), ['through']);
    assert.equal((await api.get(user, `/api/runs/${run.id}`)).json.data.attributes.state, 'started');
  });

  test('are refused by their service', async () => {
    await assert.rejects(connectWorker(web, { token: workerToken({}, 'another secret, not the one') }), { status: 401 });
  });

  test('are sent away when their service stops, and can come back', async () => {
    const socket = await connectRaw(web);
    workers.signal('SIGTERM');
    assert.equal((await socket.closed).code, 1012);
    await workers.exit;
    await workers.start();
    const again = await connectRaw(web);
    again.close();
    await again.closed;
  });
});

test('a restart of the public address drops workers in a way that makes them come back', async () => {
  const front = await startDaemon('web', db, { FULGUR_WORKERS_SOCKET: workers.socketPath });
  const socket = await connectRaw(front);
  front.signal('SIGTERM');
  assert.notEqual((await socket.closed).code, 1000);
  assert.deepEqual(await front.exit, { code: 0, signal: null });

  await front.start();
  const again = await connectRaw(front);
  again.close();
  await again.closed;
  await front.finish();
});

describe('a sibling', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-sibling-'));
  const socketPath = path.join(directory, 'socket');
  let front, sibling, seen;

  before(async () => {
    front = await startDaemon('web', db, { FULGUR_WEBHOOKS_SOCKET: socketPath, FULGUR_WORKERS_SOCKET: socketPath });
  });
  after(async () => {
    await front.finish();
    fs.rmSync(directory, { recursive: true });
  });

  const listen = () => {
    sibling = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (data) => parts.push(data));
      request.on('end', () => {
        seen = { method: request.method, url: request.url, headers: request.headers, body: Buffer.concat(parts) };
        const body = 'said by the sibling';
        response.writeHead(418, { 'content-length': body.length, 'x-own': 'yes' }).end(body);
      });
    });
    return new Promise((resolve) => sibling.listen(socketPath, resolve));
  };
  const stop = () =>
    new Promise((resolve) => {
      sibling.close(resolve);
      sibling.closeAllConnections();
    });

  test('that is away means 502, until it is there', async () => {
    for (const target of ['/i/x', '/worker/websocket']) {
      const reply = await front.request({ path: target });
      assert.deepEqual([reply.status, JSON.parse(reply.body)], [502, { error: 'Bad Gateway' }]);
    }
    await listen();
    assert.equal((await front.request({ path: '/i/x' })).status, 418);
    await stop();
    assert.equal((await front.request({ path: '/i/x' })).status, 502);
    await listen();
    assert.equal((await front.request({ path: '/i/x' })).status, 418);
    await stop();
  });

  test('gets what came, as it came', async () => {
    await listen();
    const body = Buffer.from([0, 1, 2, 255, 254, 13, 10]);
    const cases = [
      ['POST', '/i/a%2Fb//c?x=%20&y=%ff&z', body],
      ['PUT', '/i/', Buffer.alloc(2 * MB, 'x')],
      ['GET', '/i', Buffer.alloc(0)],
      ['DELETE', '/worker', Buffer.alloc(0)],
      ['GET', '/%69/x', Buffer.alloc(0)],
      ['PATCH', '//i//x', body],
    ];
    for (const [method, target, data] of cases) {
      const reply = await front.request({ method, path: target, headers: { 'x-custom': 'kept', 'content-length': data.length, host: 'example.org' } }, data);
      assert.deepEqual([reply.status, reply.body, reply.headers['x-own']], [418, 'said by the sibling', 'yes'], target);
      assert.deepEqual([seen.method, seen.url, seen.headers['x-custom'], seen.headers.host], [method, target, 'kept', 'example.org']);
      assert.ok(seen.body.equals(data));
    }
    await stop();
  });

  test('does not get what is ours', async () => {
    await listen();
    seen = null;
    for (const target of ['/health_check', '/ix', '/workers', '/api/i/x', '/I/x', '/i%2Fx']) await front.request({ path: target });
    assert.equal(seen, null);
    await stop();
  });
});
