// SPDX-License-Identifier: Apache-2.0
//
// Who means harm: to fulgur-web in front and to its siblings behind. Whatever it is, it is refused with a status and a reason,
// or served as it stands; nobody else waits for it; what was accepted before is there. After each test the daemons are still
// the same processes, serve the next good request, and have given back descriptors and memory.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import zlib from 'node:zlib';
import { after, afterEach, before, describe, test } from 'node:test';
import { exchange, frame, openMany, openSocket, readReplies } from './lib/bytes.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { startAll } from './lib/kept.js';
import { workerToken } from './lib/keys.js';
import { connectWorker, until } from './lib/worker.js';

const MIB = 1024 * 1024;
// What a daemon may keep above what it had before the first of this came, however much that was.
const KEPT_MEMORY = 48 * MIB;
// Web keeps connections to its siblings for a while: so many of each.
const KEPT_DESCRIPTORS = 64 + 8;
const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;

const trigger = uuid7();
const target = `/i/${trigger}`;
const names = ['web', 'webhooks', 'workers'];
let db, all, workflow, where;
const start = {};

const status = (name, key) => Number(new RegExp(`^${key}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${all[name].pid}/status`, 'utf8'))[1]);
const memory = (name) => status(name, 'VmRSS') * 1024;
const descriptors = (name) => fs.readdirSync(`/proc/${all[name].pid}/fd`).length;
const count = async () => (await db.one('SELECT count(*)::int AS n FROM work_orders')).n;

before(async () => {
  db = await newDatabase();
  workflow = await makeWorkflow(db, await makeProject(db), { trigger: { id: trigger } });
  all = await startAll(db, { MAX_DATACLIP_SIZE_MB: '1', DATABASE_POOL_SIZE: '4' });
  all.workerAddress = `ws://${all.host}:${all.port}/worker`;
  where = {
    web: { host: all.host, port: all.port }, webhooks: { path: all.webhooks.address }, workers: { path: all.workers.address },
  };

  await serveGood();
  for (const name of names)
    start[name] = {
      pid: all[name].pid, memory: memory(name), descriptors: descriptors(name),
      // A sanitizer keeps what is freed.
      isWatched: /libasan/.test(fs.readFileSync(`/proc/${all[name].pid}/maps`, 'utf8')),
    };
});
after(async () => {
  await all.finish();
  await db.close();
});

/** One good request to each, through the public port. */
async function serveGood() {
  const host = 'host: x\r\nconnection: close\r\n';
  const hello = await exchange(where.web, `GET /health_check HTTP/1.1\r\n${host}\r\n`);
  assert.equal(readReplies(hello)[0]?.status, 200, hello);
  const before = await count();
  const stored = await exchange(where.web, post('{}', host));
  assert.equal(readReplies(stored)[0]?.status, 200, stored);
  assert.equal(await count(), before + 1);
  const worker = await connectWorker(all);
  await (await worker.queue()).claim({ demand: 1, queues: ['none'] });
  await worker.close();
}

afterEach(async () => {
  await serveGood();
  for (const name of names) {
    assert.equal(all[name].pid, start[name].pid, `fulgur-${name} has ended:\n${all[name].log.slice(-2000)}`);
    await until(() => descriptors(name) <= start[name].descriptors + KEPT_DESCRIPTORS, 30000).catch(() =>
      assert.fail(`fulgur-${name} has ${descriptors(name)} descriptors, and had ${start[name].descriptors}`));
    if (!start[name].isWatched)
      await until(() => memory(name) <= start[name].memory + KEPT_MEMORY, 30000).catch(() =>
        assert.fail(`fulgur-${name} has ${memory(name)} bytes, and had ${start[name].memory}`));
  }
});

const json = 'host: x\r\ncontent-type: application/json\r\n';
const post = (body, headers = json) => `POST ${target} HTTP/1.1\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const chunked = (body, headers = '') => `POST ${target} HTTP/1.1\r\n${json}transfer-encoding: chunked\r\n${headers}\r\n${body}`;
const get = (path, headers = '', version = '1.1') => `GET ${path} HTTP/${version}\r\nhost: x\r\n${headers}\r\n`;
const last = 'GET /i/last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n';
const lines = (n) => 'a: b\r\n'.repeat(n);

// -- HTTP ------------------------------------------------------------------------------------------------------

describe('a request that could be two', () => {
  const two = (first, second, body) => `POST ${target} HTTP/1.1\r\n${json}${first}\r\n${second}\r\n\r\n${body}`;
  const hidden = `GET /api/projects HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
  const cases = {
    'two lengths': two('content-length: 2', `content-length: ${2 + hidden.length}`, `{}${hidden}`),
    'two lengths, the same': two('content-length: 2', 'content-length: 2', `{}${hidden}`),
    'two lengths in one': two('content-length: 2, 2', 'a: b', `{}${hidden}`),
    'a length and chunks': two('content-length: 6', 'transfer-encoding: chunked', `0\r\n\r\nX${hidden}`),
    'chunks and a length': two('transfer-encoding: chunked', 'content-length: 6', `0\r\n\r\nX${hidden}`),
    'chunks twice': two('transfer-encoding: chunked', 'transfer-encoding: chunked', `0\r\n\r\n${hidden}`),
    'chunks, and not': two('transfer-encoding: chunked', 'transfer-encoding: identity', `0\r\n\r\n${hidden}`),
    'another encoding': two('transfer-encoding: gzip, chunked', 'a: b', `0\r\n\r\n${hidden}`),
    'an unknown encoding': two('transfer-encoding: xchunked', 'a: b', `0\r\n\r\n${hidden}`),
    'a space before the colon': two('transfer-encoding : chunked', 'content-length: 5', `0\r\n\r\n${hidden}`),
    'a vertical tab': two('transfer-encoding: \x0bchunked', 'a: b', `0\r\n\r\n${hidden}`),
    'a folded encoding': two('transfer-encoding:\r\n chunked', 'content-length: 5', `0\r\n\r\n${hidden}`),
    'a folded length': two('content-length: 2\r\n 0', 'a: b', `{}${hidden}`),
    'a folded first line': `POST ${target} HTTP/1.1\r\n ${json}content-length: 2\r\n\r\n{}${hidden}`,
    'chunks in HTTP/1.0': `POST ${target} HTTP/1.0\r\n${json}transfer-encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
    'a bare carriage return': two('x: y\rtransfer-encoding: chunked', 'content-length: 2', `{}${hidden}`),
    'a zero byte': two('x: y\0', 'content-length: 2', `{}${hidden}`),
    'two hosts': `POST ${target} HTTP/1.1\r\n${json}host: y\r\ncontent-length: 2\r\n\r\n{}${hidden}`,
  };
  for (const length of ['-2', '+2', '0x2', '2.0', '2 2', '', '18446744073709551618', '9'.repeat(1000)])
    cases[`the length "${length.slice(0, 30)}"`] = two(`content-length: ${length}`, 'a: b', `{}${hidden}`);
  for (const size of ['-2', 'zz', '', '100000000000000000', '\0'])
    cases[`the chunk size "${size.slice(0, 30)}"`] = chunked(`${size}\r\n{}\r\n0\r\n\r\n${hidden}`);
  cases['a chunk longer than it says'] = chunked(`2\r\n{}xx\r\n0\r\n\r\n${hidden}`);

  test('is none', async () => {
    const before = await count();
    for (const [what, bytes] of Object.entries(cases))
      for (const name of names) {
        const replies = readReplies(await exchange(where[name], Buffer.from(bytes, 'latin1')));
        assert.deepEqual(replies.map((reply) => reply.status), [400], `${name}: ${what} ${JSON.stringify(replies)}`);
        assert.match(replies[0].body, /^Bad Request|"Bad Request"/, what);
      }
    assert.equal(await count(), before);
  });

  test('is one, where nobody can doubt it', async () => {
    const once = {
      'line feeds alone': post('{}').replaceAll('\r', ''),
      'a tab before the value': chunked(`2\r\n{}\r\n0\r\n\r\n`).replace('transfer-encoding: ', 'transfer-encoding:\t'),
      'a chunk extension and trailers': chunked(`2;a="b"\r\n{}\r\n0\r\n${lines(3)}\r\n`),
      'a long chunk extension': chunked(`2;${'x'.repeat(2 * MIB)}\r\n{}\r\n0\r\n\r\n`),
      'a line break before it': `\r\n${post('{}')}`,
    };
    for (const [what, bytes] of Object.entries(once))
      for (const name of ['web', 'webhooks']) {
        const before = await count();
        const replies = readReplies(await exchange(where[name], bytes + last));
        assert.deepEqual(replies.map((reply) => reply.status), [200, 404], `${name}: ${what}`);
        assert.equal(await count(), before + 1, what);
      }
  });
});

describe('a target or a head', () => {
  test('of another world', async () => {
    const cases = [
      ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', [400], [400]],
      ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', [400], [400]],
      ['HTTP/0.9', 'GET /\r\n\r\n', [400], [400]],
      ['HTTP/3.0', get(target, '', '3.0'), [400], [400]],
      ['an absolute target', get(`http://evil.example${target}`), [200, 404], [200, 404]],
      ['an absolute target without a path', get('http://evil.example'), [200, 404], [404, 404]],
      ['CONNECT', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: x\r\n\r\n', [400, 404], [400, 404]],
      ['TRACE', `TRACE ${target} HTTP/1.1\r\nhost: x\r\n\r\n`, [404, 404], [404, 404]],
      ['a method nobody knows', `${'M'.repeat(5000)} ${target} HTTP/1.1\r\nhost: x\r\n\r\n`, [404, 404], [404, 404]],
      ['a zero byte', get(`${target}%00`), [400, 404], [400, 404]],
      ['a broken escape', get('/i/%zz'), [400, 404], [400, 404]],
      ['bytes that are no text', get('/i/%ff%fe'), [400, 404], [400, 404]],
      ['up and out', get('/i/../api/projects'), [404, 404], [404, 404]],
      ['up and out, escaped', get('/i/..%2f..%2fapi%2fprojects'), [404, 404], [404, 404]],
      ['a control character', get('/i/\x01'), [400], [400]],
    ];
    for (const [what, bytes, ofWeb, ofWebhooks] of cases)
      for (const [name, expected] of [['web', ofWeb], ['webhooks', ofWebhooks]]) {
        const replies = readReplies(await exchange(where[name], Buffer.from(bytes + last, 'latin1')));
        assert.deepEqual(replies.map((reply) => reply.status), expected, `${name}: ${what}`);
        for (const reply of replies) assert.notEqual(reply.body, '', `${name}: ${what}`);
      }
    // The API is not reached through what is the webhooks'.
    const api = readReplies(await exchange(where.web, get('/i/..%2fapi/projects', 'connection: close\r\n')));
    assert.deepEqual(api.map((reply) => reply.status), [404]);
  });

  test('too large', async () => {
    for (const name of names) {
      assert.deepEqual(readReplies(await exchange(where[name], get('/i/x', lines(101)))).map((reply) => reply.status), [400]);
      // Whoever is still sending when he is refused may find the connection gone before he has read why.
      for (const bytes of [get('/i/x', lines(1e5)), get('/i/x', `a: ${'b'.repeat(MIB)}\r\n`), get(`/i/${'x'.repeat(MIB)}`), 'G'.repeat(MIB), '\r\n'.repeat(MIB)])
        for (const reply of readReplies(await exchange(where[name], bytes))) assert.equal(reply.status, 400);
    }
    // What fits goes through both.
    const large = get(target, `connection: close\r\na: ${'b'.repeat(300000)}\r\n`);
    assert.deepEqual(readReplies(await exchange(where.web, large)).map((reply) => reply.status), [200]);
  });
});

describe('a body', () => {
  test('that ends too early is not stored', async () => {
    const before = await count();
    const whole = post(JSON.stringify({ a: 'x'.repeat(5000) }));
    const parts = chunked('1388\r\n' + 'x'.repeat(5000) + '\r\n0\r\n\r\n');
    await Promise.all(
      Array.from({ length: 150 }, (_, i) => [whole, parts].map((bytes) => exchange(where[i % 2 ? 'web' : 'webhooks'], bytes.slice(0, 20 + i * 30), { ends: true }))).flat());
    assert.equal(await count(), before);
  });

  const deep = 400000;
  const keys = (n) => `{${Array.from({ length: n }, (_, i) => `"${i}":1`).join(',')}}`;
  const gzip = (data) => [zlib.gzipSync(data), 'content-encoding: gzip\r\n'];
  const form = 'content-type: application/x-www-form-urlencoded\r\n';
  const parts = 'content-type: multipart/form-data; boundary=b\r\n';
  const type = 'content-type: application/json\r\n';
  const cases = [
    ['larger than is allowed', `"${'x'.repeat(1000000)}"`, type, 413],
    ['much larger', 'x'.repeat(20 * MIB), type, 413],
    ['deeply nested', '['.repeat(deep) + ']'.repeat(deep), type, 200],
    ['deeply nested, objects', '{"":'.repeat(deep / 4) + '1' + '}'.repeat(deep / 4), type, 200],
    ['deeply nested, and open', '['.repeat(999999), type, 400],
    ['with many keys', keys(90000), type, 200],
    ['with one key many times', `{${'"a":1,'.repeat(100000)}"a":2}`, type, 200],
    ['with a long number', `[${'9'.repeat(900000)}]`, type, 200],
    ['with broken text', Buffer.from('"\xff\xfe"', 'latin1'), type, 400],
    ['with an encoded surrogate', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), type, 400],
    ['with an overlong slash', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), type, 400],
    ['with a zero byte', Buffer.from('"a\0b"'), type, 400],
    ['a bomb', ...gzip(Buffer.alloc(200 * MIB)), 413],
    ['a bomb in a bomb', ...gzip(zlib.gzipSync(Buffer.alloc(200 * MIB))), 400],
    ['a broken bomb', zlib.gzipSync(Buffer.alloc(MIB / 2)).subarray(0, 200), 'content-encoding: gzip\r\n', 400],
    ['said to be compressed', '{}', 'content-encoding: gzip\r\n', 400],
    ['compressed beyond measure', '{}', `content-encoding: ${Array(500).fill('gzip').join(', ')}\r\n`, 415],
    ['a form of many fields', Array.from({ length: 90000 }, (_, i) => `${i}=1`).join('&'), form, [200, 400]],
    ['a form of one field many times', 'a[]=1&'.repeat(150000), form, [200, 400]],
    ['a form, deeply nested', `a${'[b]'.repeat(200000)}=1`, form, 400],
    ['a form with broken escapes', 'a=%zz&%00=%ff', form, 400],
    ['many parts', '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n'.repeat(15000) + '--b--', parts, [200, 400]],
    ['parts with long heads', `--b\r\n${lines(100000)}\r\nx\r\n--b--`, parts, [200, 400]],
    ['parts without an end', `--b\r\n\r\n${'-'.repeat(500000)}`, parts, 400],
    ['boundaries of its own', '--b'.repeat(250000), parts, [200, 400]],
  ];
  for (const [what, body, headers, expected] of cases)
    test(what, async () => {
      for (const name of ['web', 'webhooks']) {
        const before = await count();
        const head = `POST ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: application/json\r\n${/^content-type/m.test(headers) ? '' : type}${headers}`;
        const data = Buffer.from(body);
        const bytes = Buffer.concat([Buffer.from(`${head}content-length: ${data.length}\r\n\r\n`), data]);
        const [reply, ...more] = readReplies(await exchange(where[name], bytes));
        assert.ok([expected].flat().includes(reply?.status), `${name} says ${reply?.status} ${reply?.body.slice(0, 200)}`);
        assert.deepEqual(more, []);
        const answer = JSON.parse(reply.body);
        assert.equal(await count(), before + (reply.status === 200 ? 1 : 0));
        if (reply.status !== 200) {
          assert.ok(answer.error);
          continue;
        }
        const row = await db.one(
          `SELECT b.body FROM work_orders o JOIN dataclip_bodies b ON b.dataclip_id = o.dataclip_id WHERE o.id = $1`, [answer.work_order_id]);
        if (headers === type && body[0] === '{') assert.ok(row.body.equals(data), 'what was accepted is what was sent');
        // It would go through the other tests' hands.
        await db.query('DELETE FROM run_queue');
      }
    });
});

describe('many', () => {
  test('requests in one breath', async () => {
    const n = 1000;
    for (const name of ['web', 'webhooks']) {
      const before = await count();
      const bytes = Array.from({ length: n }, (_, i) => post(`{"n":${i}}`)).join('') + last;
      const replies = readReplies(await exchange(where[name], bytes));
      assert.deepEqual(replies.map((reply) => reply.status), [...Array(n).fill(200), 404]);
      assert.equal(await count(), before + n);
      const orders = replies.slice(0, n).map((reply) => JSON.parse(reply.body).work_order_id);
      const stored = await db.query(
        `SELECT convert_from(b.body, 'UTF8') AS body FROM unnest($1::uuid[]) WITH ORDINALITY AS x (id, at)
           JOIN work_orders o USING (id) JOIN dataclip_bodies b ON b.dataclip_id = o.dataclip_id ORDER BY at`, [orders]);
      assert.deepEqual(stored.map(({ body }) => JSON.parse(body).n), Array.from({ length: n }, (_, i) => i));
    }
    await db.query('DELETE FROM run_queue');
  });

  test('who take their time, and others are served', async () => {
    const slow = [
      // Half a head, half a body, and who asks for much and reads nothing.
      await openMany(where.web, 700, `POST ${target} HTTP/1.1\r\nhost: x\r\n`),
      await openMany(where.web, 700, `POST ${target} HTTP/1.1\r\n${json}content-length: 1000000\r\n\r\n{"a":"${'x'.repeat(1000)}`),
      await openMany(where.web, 600, get(target).repeat(20), { reads: false }),
      await openMany(where.webhooks, 300, `POST ${target} HTTP/1.1\r\n${json}content-length: 1000000\r\n\r\n{"a":"`),
      await openMany(where.workers, 300, 'GET /worker/websocket?vsn=2.0.0 HTTP/1.1\r\nhost: x\r\n'),
    ].flat();
    await until(() => descriptors('web') >= start.web.descriptors + 1900, 30000);
    await until(() => descriptors('workers') >= start.workers.descriptors + 300, 30000);

    for (let i = 0; i < 8; i++) {
      // One byte more from each keeps nobody else waiting.
      for (const socket of slow.slice(700 * (i % 2), 700 * (i % 2) + 700)) socket.write('x');
      await serveGood();
    }
    for (const socket of slow) socket.destroy();
    await db.query('DELETE FROM run_queue');
  });

  test('who send much and never end: all together they get a quarter of a gigabyte', async () => {
    const most = 256 * MIB, each = 950000, n = 450;
    const bytes = `POST ${target} HTTP/1.1\r\n${json}content-length: 990000\r\n\r\n{"a":"${'x'.repeat(each)}`;
    for (const name of ['web', 'webhooks']) {
      const answers = [];
      const sockets = Array.from({ length: n }, () => {
        const socket = net.connect(where[name], () => socket.write(bytes));
        return socket.on('error', () => {}).on('data', (data) => answers.push(data.toString()));
      });
      await until(() => answers.length >= n - Math.ceil(most / each) && sockets.every(({ writableLength }) => writableLength === 0));
      for (const answer of answers) {
        assert.match(answer, /^HTTP\/1.1 503 [^]*\r\nretry-after: 2\r\n/);
        JSON.parse(readReplies(answer)[0].body);
      }
      assert.ok(answers.length < n, 'some may go on');
      await serveGood();
      if (!start[name].isWatched) await until(() => memory(name) <= start[name].memory + most + KEPT_MEMORY);
      for (const socket of sockets) socket.destroy();
    }
    assert.match(all.web.log, /<4>Unfinished requests held too much memory/);
    await db.query('DELETE FROM run_queue');
  });
});

// -- WebSockets ------------------------------------------------------------------------------------------------

const socketTarget = (token = workerToken()) => `/worker/websocket?token=${token}&api_version=1.2&worker_version=1.25.0&vsn=2.0.0`;
const open = (name = 'workers') => openSocket(where[name], socketTarget());
const message = (...elements) => frame(TEXT, JSON.stringify(elements));
const heartbeat = (ref) => message(null, ref, 'phoenix', 'heartbeat', {});
const texts = (socket) => socket.frames.filter(({ opcode }) => opcode === TEXT).map(({ data }) => JSON.parse(data));

describe('a handshake', () => {
  const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
  const upgrade = 'connection: upgrade\r\nupgrade: websocket\r\n';
  test('that is none', async () => {
    const good = socketTarget();
    const cases = [
      ['without a key', get(good, `${upgrade}sec-websocket-version: 13\r\n`), 400],
      ['with a short key', get(good, `${upgrade}sec-websocket-version: 13\r\nsec-websocket-key: YQ==\r\n`), 400],
      ['of another version', get(good, `${upgrade}sec-websocket-version: 8\r\n${key}`), 426],
      ['without an upgrade', get(good, `sec-websocket-version: 13\r\n${key}`), 426],
      ['in HTTP/1.0', get(good, `${upgrade}sec-websocket-version: 13\r\n${key}`, '1.0'), [400, 426]],
      ['without a token', get('/worker/websocket?vsn=2.0.0', `${upgrade}sec-websocket-version: 13\r\n${key}`), 401],
      ['with a long token', get(socketTarget('x'.repeat(200000)), `${upgrade}sec-websocket-version: 13\r\n${key}`), 401],
      ['with a token of nothing', get(socketTarget('..'), `${upgrade}sec-websocket-version: 13\r\n${key}`), 401],
      ['with an unsigned token', get(socketTarget(`${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`), `${upgrade}sec-websocket-version: 13\r\n${key}`), 401],
      ['with another serializer', get(good.replace('vsn=2.0.0', 'vsn=1.0.0'), `${upgrade}sec-websocket-version: 13\r\n${key}`), 403],
      ['from another page', get(good, `${upgrade}sec-websocket-version: 13\r\n${key}origin: https://evil.example\r\n`), 403],
    ];
    for (const [what, bytes, expected] of cases)
      for (const name of ['web', 'workers']) {
        const [reply] = readReplies(await exchange(where[name], bytes + last));
        assert.ok([expected].flat().includes(reply?.status), `${name}: ${what}: ${reply?.status}`);
        assert.notEqual(reply.body, '', what);
      }
  });

  test('with more than it should have', async () => {
    // Frames before the 101 are the first ones after it.
    for (const name of ['web', 'workers']) {
      const socket = net.connect(where[name]);
      const seen = new Promise((resolve) => socket.on('data', (data) => data.includes('phx_reply') && resolve()));
      socket.write(Buffer.concat([Buffer.from(get(socketTarget(), `${upgrade}sec-websocket-version: 13\r\n${key}`)), heartbeat('1')]));
      await seen;
      socket.destroy();
    }
  });

  test('does not agree to compression', async () => {
    for (const name of ['web', 'workers']) {
      const socket = await open(name);
      assert.doesNotMatch(socket.head, /extensions/i);
      socket.destroy();
    }
  });
});

describe('a frame', () => {
  const PROTOCOL = 1002, KIND = 1003, NOT_TEXT = 1007, TOO_LARGE = 1009;
  const cases = [
    ['without a mask', frame(TEXT, '[]', { mask: false }), PROTOCOL],
    ['with reserved bits', frame(TEXT, '[]', { rsv: 2 }), PROTOCOL],
    ['compressed', frame(TEXT, zlib.deflateRawSync('[]'), { rsv: 4 }), PROTOCOL],
    ['of no kind', frame(3, '[]'), PROTOCOL],
    ['of no kind, control', frame(11, '[]'), PROTOCOL],
    ['a ping in pieces', frame(PING, 'a', { fin: false }), PROTOCOL],
    ['a long ping', frame(PING, 'x'.repeat(126)), PROTOCOL],
    ['a continuation of nothing', frame(0, 'x'), PROTOCOL],
    ['a beginning in the middle', Buffer.concat([frame(TEXT, '[', { fin: false }), frame(TEXT, ']')]), PROTOCOL],
    ['a close of one byte', frame(CLOSE, 'x'), [PROTOCOL, 1005]],
    ['a close with a code that is none', frame(CLOSE, Buffer.from([0x03, 0xed])), PROTOCOL],
    ['bytes that are no text', frame(TEXT, Buffer.from([0x22, 0xff, 0x22])), NOT_TEXT],
    ['a surrogate', frame(TEXT, Buffer.from([0xed, 0xa0, 0x80])), NOT_TEXT],
    ['binary', frame(BINARY, '[]'), KIND],
    ['a terabyte, it says', Buffer.concat([frame(TEXT, '', { length: 1n << 40n }), Buffer.alloc(1024)]), TOO_LARGE],
    ['a negative length', Buffer.concat([frame(TEXT, '', { length: 1n << 63n }), Buffer.alloc(1024)]), [PROTOCOL, TOO_LARGE]],
    ['no JSON', frame(TEXT, 'hello'), PROTOCOL],
    ['nothing', frame(TEXT, ''), PROTOCOL],
    ['an object', frame(TEXT, '{}'), PROTOCOL],
    ['too few elements', message('1', '1', 'phoenix', 'heartbeat'), PROTOCOL],
    ['elements of other kinds', message(1, {}, [], true, 'x'), PROTOCOL],
    ['a million elements', frame(TEXT, `[${'0,'.repeat(1e6)}0]`), PROTOCOL],
    ['a million levels', frame(TEXT, '['.repeat(1e6) + ']'.repeat(1e6)), PROTOCOL],
    ['a million open levels', frame(TEXT, '['.repeat(1e6)), PROTOCOL],
    ['a ref of a megabyte', heartbeat('r'.repeat(MIB)), PROTOCOL],
    ['a topic of a megabyte', message('1', '1', 't'.repeat(MIB), 'phx_join', {}), PROTOCOL],
    ['a topic of escapes', frame(TEXT, `["1","1","${'\\u0000'.repeat(1e5)}","phx_join",{}]`), PROTOCOL],
    ['a topic of a million names', message('1', '1', `run:${'x:'.repeat(1e6)}`, 'phx_join', {}), PROTOCOL],
    ['an event of a megabyte', message('1', '1', 'worker:queue', 'e'.repeat(MIB), {}), PROTOCOL],
  ];
  for (const name of ['web', 'workers'])
    test(`that is wrong, to ${name}`, async () => {
      for (const [what, bytes, expected] of cases) {
        const socket = await open(name);
        socket.write(bytes);
        const code = await socket.gone;
        assert.ok([expected].flat().includes(code), `${what}: ${code}`);
      }
    });

  test('larger than all', async () => {
    const socket = await open();
    const half = frame(TEXT, Buffer.alloc(40 * MIB, '['), { fin: false });
    socket.write(half);
    socket.write(frame(0, Buffer.alloc(40 * MIB, '[')));
    assert.equal(await socket.gone, TOO_LARGE);
  });

  test('whose payload is deep or wide is answered', async () => {
    const run = await makeRun(db, workflow);
    for (const payload of ['{"a":'.repeat(3e5) + '1' + '}'.repeat(3e5), `{"queues":${'['.repeat(5e5)}${']'.repeat(5e5)}}`,
      `{${Array.from({ length: 1e5 }, (_, i) => `"${i}":1`).join(',')}}`, `{"token":"${'x'.repeat(MIB)}"}`, `{"queues":{${'"manual>*":1,'.repeat(1e5)}"a":1}}`]) {
      for (const [topic, event] of [['worker:queue', 'phx_join'], [`run:${run.id}`, 'phx_join'], ['worker:queue', 'claim']]) {
        const socket = await open();
        if (event === 'claim') socket.write(message('0', '0', 'worker:queue', 'phx_join', {}));
        socket.write(frame(TEXT, `["1","1","${topic}","${event}",${payload}]`));
        await until(() => texts(socket).some(([, ref]) => ref === '1'), 30000).catch(() => assert.fail(`${topic} ${event} ${payload.slice(0, 30)}`));
        socket.destroy();
      }
    }
    await db.query('DELETE FROM run_queue');
  });
});

describe('a flood', () => {
  /** Whoever else is connected does not notice. */
  async function besideOthers(flood) {
    const other = await connectWorker(all);
    const queue = await other.queue();
    let running = true;
    const claims = (async () => {
      while (running) await queue.claim({ queues: ['none'] });
    })();
    await flood();
    running = false;
    await claims;
    await other.close();
  }
  const gone = (sockets) => Promise.all(sockets.map((socket) => socket.gone));

  test('of fragments', () =>
    besideOthers(async () => {
      const socket = await open();
      socket.write(Buffer.concat([frame(TEXT, '[', { fin: false }), ...Array.from({ length: 1e5 }, () => frame(0, '', { fin: false }))]));
      await socket.gone;
    }));

  test('of pings, answered', () =>
    besideOthers(async () => {
      const socket = await open('web');
      const n = 20000;
      socket.write(Buffer.concat(Array.from({ length: n }, (_, i) => frame(PING, String(i)))));
      await until(() => socket.frames.length === n, 60000);
      assert.ok(socket.frames.every(({ opcode }) => opcode === PONG));
      socket.destroy();
    }));

  test('of questions, and nobody reads the answers', () =>
    besideOthers(async () => {
      for (const question of [frame(PING, 'x'.repeat(125)), heartbeat('r'.repeat(200))]) {
        const socket = await open();
        socket.pause();
        const many = Buffer.concat(Array(2000).fill(question));
        for (let i = 0; i < 100; i++) socket.write(many);
        await serveGood();
        socket.destroy();
      }
    }));

  test('of joins', () =>
    besideOthers(async () => {
      const socket = await open();
      const n = 1e5;
      // Half of them are topics nobody has, half are runs that are not theirs.
      const joins = Array.from({ length: n }, (_, i) => message(String(i), String(i), i % 2 ? `nothing:${i}` : `run:01a20a03-0000-7000-8000-${String(i).padStart(12, '0')}`, 'phx_join', { token: 'x' }));
      for (let i = 0; i < n; i += 1000) socket.write(Buffer.concat(joins.slice(i, i + 1000)));
      await until(() => socket.frames.length >= n, 120000);
      for (const [, , , event, payload] of texts(socket)) {
        assert.equal(event, 'phx_reply');
        assert.equal(payload.status, 'error');
      }
      assert.equal(socket.frames.length, n);
      socket.destroy();
    }));

  test('of claims', () =>
    besideOthers(async () => {
      const socket = await open();
      socket.write(message('0', 'join', 'worker:queue', 'phx_join', {}));
      await until(() => texts(socket).length === 1);
      const n = 20000;
      socket.write(Buffer.concat(Array.from({ length: n }, (_, i) => message('0', String(i), 'worker:queue', 'claim', { demand: 1, queues: ['none'] }))));
      // More than may wait, and it is told so.
      assert.equal(await socket.gone, 1013);
    }));

  test('of unfinished messages', () =>
    besideOthers(async () => {
      const sockets = [];
      for (let i = 0; i < 200; i++) {
        const socket = await open('web');
        socket.write(Buffer.concat([frame(TEXT, '', { length: 200000n }).subarray(0, 14), Buffer.alloc(100000)]));
        sockets.push(socket);
      }
      await serveGood();
      for (const socket of sockets) socket.destroy();
      await gone(sockets);
    }));

  test('of connections that end at once', () =>
    besideOthers(async () => {
      for (let i = 0; i < 20; i++)
        await Promise.all(Array.from({ length: 50 }, async (_, j) => {
          const socket = await open(j % 2 ? 'web' : 'workers');
          socket.write(Buffer.concat([message('1', '1', 'worker:queue', 'phx_join', {}), message('1', '2', 'worker:queue', 'claim', { demand: 1, queues: ['none'] })]));
          socket.destroy();
        }));
    }));
});
