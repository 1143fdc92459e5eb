// SPDX-License-Identifier: Apache-2.0
//
// fulgur-webhooks, as callers see it, and what is in the database afterwards.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import http from 'node:http';
import zlib from 'node:zlib';
import { after, before, describe, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { basic, call, endRun, makeAuthMethod, nextRun, post, stored } from './lib/webhooks.js';
import { connectWorker, until } from './lib/worker.js';

let db, daemon, project, workflow, path;

before(async () => {
  db = await newDatabase();
  daemon = await startDaemon('webhooks', db, { WEBHOOK_RESPONSE_TIMEOUT_MS: '20000' });
  project = await makeProject(db);
  workflow = await makeWorkflow(db, project);
  path = `/i/${workflow.trigger.id}`;
});

after(async () => {
  await daemon.finish();
  await db.close();
});

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const count = async (table = 'work_orders') => (await db.one(`SELECT count(*)::int AS n FROM ${table}`)).n;

/** Nothing is stored by what `action` does. */
async function storesNothing(action) {
  const before = await count();
  const result = await action();
  assert.equal(await count(), before);
  return result;
}

const notFound = { error: 'Webhook not found' };

describe('addresses', () => {
  test('a trigger by its id', async () => {
    const response = await post(daemon, path);
    assert.equal(response.status, 200);
    assert.deepEqual(response.json, { work_order_id: response.headers['x-meta-work-order-id'] });
    const { workOrder, run } = await stored(db, response);
    assert.equal(workOrder.trigger_id, workflow.trigger.id);
    assert.equal(run.id, response.headers['x-meta-run-id']);
  });

  test('upper case, extra segments, empty segments', async () => {
    for (const [suffix, expect] of [
      ['', []],
      ['/', []],
      ['/Patient', ['Patient']],
      ['/orders', ['orders']],
      ['//a///b/', ['a', 'b']],
      ['/a%20b/%E2%82%AC/c%2Fd', ['a b', '€', 'c/d']],
    ]) {
      const id = workflow.trigger.id.toUpperCase();
      const response = await post(daemon, `/i/${id}${suffix}`);
      assert.equal(response.status, 200, suffix);
      assert.deepEqual((await stored(db, response)).request.path, ['i', id, ...expect]);
    }
  });

  test('a custom path below its project, before anything else', async () => {
    const other = await makeWorkflow(db, project, { trigger: { custom_path: 'orders-1_x' } });
    for (const suffix of ['', '/more'])
      assert.equal((await stored(db, await post(daemon, `/i/${project.id}/orders-1_x${suffix}`))).workOrder.workflow_id, other.id);
    assert.equal((await stored(db, await post(daemon, `/i/${other.trigger.id}`))).workOrder.workflow_id, other.id);

    // A path of another project, no path, a path in upper case: not found.
    const stranger = await makeProject(db);
    for (const address of [`/i/${stranger.id}/orders-1_x`, `/i/${project.id}`, `/i/${project.id}/ORDERS-1_X`, '/i/orders-1_x'])
      assert.deepEqual((await storesNothing(() => post(daemon, address))).json, notFound, address);
  });

  test('a trigger whose id is also a project: its custom path comes first', async () => {
    const twin = await makeProject(db, { id: workflow.trigger.id });
    const other = await makeWorkflow(db, twin, { trigger: { custom_path: 'twin' } });
    assert.equal((await stored(db, await post(daemon, `${path}/twin`))).workOrder.workflow_id, other.id);
    assert.equal((await stored(db, await post(daemon, path))).workOrder.workflow_id, workflow.id);
    assert.equal((await stored(db, await post(daemon, `${path}/other`))).workOrder.workflow_id, workflow.id);
    await db.query('DELETE FROM projects WHERE id = $1', [twin.id]);
  });

  test('a bare path, only where it is grandfathered', async () => {
    const old = await makeWorkflow(db, project, { trigger: { custom_path: 'old-path' } });
    assert.equal((await post(daemon, '/i/old-path')).status, 404);
    await db.query('UPDATE triggers SET legacy_bare_path = true WHERE id = $1', [old.trigger.id]);
    await until(async () => (await post(daemon, '/i/old-path/x')).status === 200);
  });

  test('what is no webhook', async () => {
    const cron = await makeWorkflow(db, project, { trigger: { type: 'cron', cron_expression: '0 0 * * *' } });
    for (const address of ['/i', '/i/', `/i/${crypto.randomUUID()}`, `/i/${crypto.randomUUID()}/a/b`, '/i/sixteen-letters!', '/i/abcdefghijklmnop',
      `/i/${workflow.trigger.id.replaceAll('-', '')}`, `/i/${cron.trigger.id}`, `/i/${'x'.repeat(300)}`, '/i/a%2Fb']) {
      const response = await storesNothing(() => post(daemon, address));
      assert.equal(response.status, 404, address);
      assert.deepEqual(response.json, notFound, address);
    }
    assert.deepEqual((await call(daemon, 'POST', '/other', '{}', { accept: 'application/json' })).json, { error: 'Not Found' });
  });

  test('a path or query that cannot be read', async () => {
    for (const suffix of ['/%', '/%zz', '/%ff', '/a%00b', '?a=%', '?a=%ff', '?%zz']) {
      const response = await storesNothing(() => post(daemon, path + suffix, '{}', { accept: 'application/json' }));
      assert.equal(response.status, 400, suffix);
      assert.equal(response.json.error, 'Bad Request', suffix);
    }
  });
});

describe('methods', () => {
  test('GET and HEAD say hello', async () => {
    for (const enabled of [true, false]) {
      const other = await makeWorkflow(db, project, { trigger: { enabled } });
      const response = await storesNothing(() => call(daemon, 'GET', `/i/${other.trigger.id}/x?y=1`));
      assert.equal(response.status, 200);
      assert.deepEqual(response.json,
        { message: 'OpenFn webhook trigger found. Make a POST request to execute this workflow.' });

      const head = await call(daemon, 'HEAD', `/i/${other.trigger.id}`);
      assert.equal(head.status, 200);
      assert.equal(head.body, '');
    }
    assert.deepEqual((await call(daemon, 'GET', `/i/${crypto.randomUUID()}`)).json, notFound);
  });

  test('others are no route, but only for those who may call', async () => {
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      assert.deepEqual((await storesNothing(() => call(daemon, method, path))).json, { error: 'Not Found' });
      const response = await call(daemon, method, `/i/${crypto.randomUUID()}`);
      assert.equal(response.status, 404);
      assert.deepEqual(response.json, notFound);
    }
  });

  test('OPTIONS is answered whatever is behind it', async () => {
    for (const address of [path, `/i/${crypto.randomUUID()}`, '/i', '/i/%zz']) {
      const response = await call(daemon, 'OPTIONS', address, undefined, { origin: 'https://example.org' });
      assert.equal(response.status, 204, address);
      assert.equal(response.body, '');
      assert.equal(response.headers['access-control-allow-origin'], '*');
      assert.equal(response.headers['access-control-max-age'], '1728000');
      assert.match(response.headers['access-control-allow-methods'], /POST/);
    }
  });

  test('every reply has the request id and CORS', async () => {
    for (const [body, status] of [['{}', 200], ['{', 400]]) {
      const response = await post(daemon, path, body, { 'x-request-id': 'a-request-id-of-the-caller' });
      assert.equal(response.status, status);
      assert.equal(response.headers['x-request-id'], 'a-request-id-of-the-caller');
      assert.equal(response.headers['access-control-allow-origin'], '*');
    }
  });

  test('JSON only', async () => {
    for (const [accept, status] of [['application/json', 200], ['*/*', 200], ['text/html,*/*;q=0.1', 200],
      ['application/vnd.api+json', 200], ['text/html', 406]])
      assert.equal((await post(daemon, path, '{}', { accept })).status, status, accept);
  });
});

describe('authentication', () => {
  const key = crypto.randomBytes(32).toString('hex');
  let address, guarded;

  before(async () => {
    guarded = await makeWorkflow(db, project);
    address = `/i/${guarded.trigger.id}`;
    await makeAuthMethod(db, guarded, { username: 'alice', password: 'first:password' });
    await makeAuthMethod(db, guarded, { username: 'bob', password: 'pässword' });
    await makeAuthMethod(db, guarded, { api_key: key });
  });

  test('who may call', async () => {
    for (const headers of [
      { authorization: basic('alice', 'first:password') },
      { authorization: basic('bob', 'pässword').replace('Basic', 'bASIC') },
      { 'x-api-key': key },
      { 'x-api-key': key, authorization: 'Bearer whatever' },
      { 'x-api-key': 'wrong', authorization: basic('alice', 'first:password') },
    ]) {
      assert.equal((await post(daemon, address, '{}', headers)).status, 200, JSON.stringify(headers));
      assert.equal((await call(daemon, 'GET', address, undefined, headers)).status, 200);
      assert.deepEqual((await call(daemon, 'PUT', address, undefined, headers)).json, { error: 'Not Found' });
    }
  });

  test('missing credentials are asked for, wrong ones hide the webhook', async () => {
    const cases = [
      [{}, 401], [{ cookie: 'x=1' }, 401],
      [{ authorization: basic('alice', 'first') }, 404], [{ authorization: basic('alice', 'pässword') }, 404],
      [{ authorization: basic('', '') }, 404], [{ authorization: 'Basic' }, 404], [{ authorization: 'Basic %%%' }, 404],
      [{ authorization: `Bearer ${key}` }, 404], [{ authorization: key }, 404],
      [{ 'x-api-key': '' }, 404], [{ 'x-api-key': key.slice(0, -1) }, 404], [{ 'x-api-key': key + '0' }, 404],
      [{ 'x-api-key': key.toUpperCase() }, 404], [{ 'x-api-key': [key, key] }, 404],
      [{ authorization: [basic('alice', 'first:password'), basic('alice', 'first:password')] }, 404],
    ];
    for (const [headers, status] of cases)
      for (const method of ['POST', 'GET', 'HEAD', 'PUT', 'DELETE']) {
        const response = await storesNothing(() =>
          call(daemon, method, address, method === 'POST' ? '{}' : undefined, { 'content-type': 'application/json', ...headers }));
        assert.equal(response.status, status, `${method} ${JSON.stringify(headers)}`);
        if (method !== 'HEAD') assert.deepEqual(response.json, status === 401 ? { error: 'Unauthorized' } : notFound);
      }
  });

  test('a method that does not open lets nobody in', async () => {
    const elsewhere = await makeWorkflow(db, project);
    const stranger = await startDaemon('webhooks', db, { PRIMARY_ENCRYPTION_KEY: crypto.randomBytes(32).toString('base64') });
    await makeAuthMethod(db, elsewhere, { api_key: key });
    const at = `/i/${elsewhere.trigger.id}`;

    assert.equal((await post(daemon, at, '{}', { 'x-api-key': key })).status, 200);
    assert.equal((await storesNothing(() => post(stranger, at, '{}', { 'x-api-key': key }))).status, 404);
    assert.equal((await storesNothing(() => post(stranger, at))).status, 401);
    await stranger.stop();
    assert.match(stranger.log, /<3>.*do not open/);
    assert.ok(!stranger.log.includes(key));

    // Sealed for another row, and one that is being deleted.
    for (const values of [{ api_key: Buffer.from('not sealed') }, { scheduled_deletion: '2001-01-01' }]) {
      const closed = await makeWorkflow(db, project);
      const other = await startDaemon('webhooks', db);
      await makeAuthMethod(db, closed, { api_key: key }, values);
      assert.equal((await storesNothing(() => post(other, `/i/${closed.trigger.id}`, '{}', { 'x-api-key': key }))).status, 404);
      await other.stop();
    }
  });

  test('a method that is added or removed counts at once', async () => {
    const other = await makeWorkflow(db, project);
    const at = `/i/${other.trigger.id}`;
    assert.equal((await post(daemon, at)).status, 200);
    await makeAuthMethod(db, other, { api_key: key });
    await until(async () => (await post(daemon, at)).status === 401);
    assert.equal((await post(daemon, at, '{}', { 'x-api-key': key })).status, 200);
    await db.query('DELETE FROM trigger_webhook_auth_methods WHERE trigger_id = $1', [other.trigger.id]);
    await until(async () => (await post(daemon, at)).status === 200);
  });

  test('secrets are taken out of what is stored', async () => {
    const token = basic('alice', 'first:password');
    const { request } = await stored(db, await post(daemon, address, '{}', {
      authorization: token, 'x-api-key': `${key} and more`, cookie: 'session=1', 'proxy-authorization': 'Basic eA==',
      'x-other': `${token} ${key}`, 'x-twice': ['first', 'last'],
    }));
    assert.equal(request.headers.authorization, 'Basic [REDACTED]');
    assert.equal(request.headers['x-api-key'], '[REDACTED] and more');
    assert.equal(request.headers.cookie, '[REDACTED]');
    assert.equal(request.headers['proxy-authorization'], '[REDACTED]');
    assert.equal(request.headers['x-other'], `${token} ${key}`);
    assert.match(request.headers['x-twice'], /last$/);
    assert.ok(!daemon.log.includes(key));
  });
});

describe('what is stored', () => {
  test('every row of a webhook', async () => {
    const before = Date.now() - 1000;
    const response = await post(daemon, `${path}/Patient?extra=stuff&a[b][]=1&a[b][]=2`, '{"foo":"bar"}', { 'x-a': 'b' });
    const { workOrder, run, dataclip, place, bytes, request } = await stored(db, response);

    assert.equal(bytes.toString(), '{"foo":"bar"}');
    assert.deepEqual(Object.keys(request), ['method', 'path', 'query_params', 'headers']);
    assert.equal(request.method, 'POST');
    assert.deepEqual(request.path, ['i', workflow.trigger.id, 'Patient']);
    assert.deepEqual(request.query_params, { extra: 'stuff', a: { b: ['1', '2'] } });
    assert.deepEqual(request.headers,
      { host: 'localhost', 'content-type': 'application/json', 'content-length': '13', connection: 'close', 'x-a': 'b' });

    assert.equal(dataclip.type, 'http_request');
    assert.equal(dataclip.project_id, project.id);
    assert.equal(dataclip.body_state, 'stored');
    assert.equal(dataclip.size, 13);
    assert.equal(workOrder.state, 'pending');
    assert.equal(workOrder.project_id, project.id);
    assert.equal(workOrder.workflow_id, workflow.id);
    assert.equal(workOrder.snapshot_id, workflow.snapshot_id);
    assert.ok(Date.parse(workOrder.inserted_at) >= before);

    assert.equal(run.state, 'available');
    assert.equal(run.snapshot_id, workflow.snapshot_id);
    assert.equal(run.starting_trigger_id, workflow.trigger.id);
    assert.equal(run.starting_job_id, null);
    assert.equal(run.dataclip_id, dataclip.id);
    assert.equal(run.priority, 1);
    assert.equal(run.queue, 'default');
    assert.equal(run.save_dataclips, true);
    assert.equal(run.enable_job_logs, true);
    assert.equal(run.run_timeout_ms, 300000);
    assert.equal(run.run_memory_limit_mb, null);
    assert.equal(run.reply_after_completion, false);

    assert.equal(place.state, 'available');
    assert.equal(place.lane_id, workflow.id);
    assert.equal(place.lane_limit, null);
    assert.equal(place.run_timeout_ms, 300000);
    for (const id of [workOrder.id, run.id, dataclip.id]) assert.equal(id[14], '7');
  });

  test('what project, workflow, trigger and settings say is frozen with the run', async () => {
    const other = await startDaemon('webhooks', db, { WORKER_MAX_RUN_DURATION_SECONDS: '7', WORKER_MAX_RUN_MEMORY_MB: '99' });
    const cautious = await makeProject(db, { retention_policy: 'erase_all', concurrency: 3 });
    const silent = await makeWorkflow(db, cautious, { enable_job_logs: false, trigger: { success_code: 202, error_code: 500 } });
    const narrow = await makeWorkflow(db, cautious, { concurrency: 1 });

    let { run, place } = await stored(db, await post(other, `/i/${silent.trigger.id}`));
    assert.equal(run.save_dataclips, false);
    assert.equal(run.enable_job_logs, false);
    assert.equal(run.run_timeout_ms, 7000);
    assert.equal(run.run_memory_limit_mb, 99);
    assert.equal(run.reply_success_code, null);
    assert.deepEqual([place.lane_id, place.lane_limit], [cautious.id, 3]);

    ({ place } = await stored(db, await post(other, `/i/${narrow.trigger.id}`)));
    assert.deepEqual([place.lane_id, place.lane_limit], [narrow.id, 1]);
    await other.finish();
  });

  // Not a byte of what was sent may change: numbers, order, spaces, escapes, doubles.
  const nested = (n) => '{"a":'.repeat(n) + '1' + '}'.repeat(n);
  const exact = {
    'big integers': '{"a":18446744073709551616,"b":-170141183460469231731687303715884105728,"c":9007199254740993}',
    'numbers no double holds': '{"a":1e400,"b":-0,"c":1.10,"d":1E5,"e":0.1000000000000000055511151231257827,"f":-0.0}',
    'equal keys': '{"a":1,"a":2,"b":{"c":1,"c":[]}}',
    'order and spaces': ' {\n\t"z" : 1 ,\r\n "a":[ 1 , 2 ] } \n',
    'escapes': '{"\\u0000":"\\u0000","a":"\\ud800","b":"\\udc00\\ud800","c":"\\/\\u00e9\\"","":""}',
    'unicode': '{"ключ":"значение","🔑":"👩‍👩‍👧","a":"\u2028\u2029\ufeff","é":"e\u0301"}',
    'deep objects': nested(100000),
    'deep lists': '{"a":' + '['.repeat(100000) + ']'.repeat(100000) + '}',
    'what looks like SQL': `{"a":"'; DROP TABLE runs; --","b":"\\\\x00","c":"{1,2}","d":"$1"}`,
  };
  for (const [name, body] of Object.entries(exact))
    test(`byte for byte: ${name}`, async () => {
      const response = await post(daemon, path, body);
      assert.equal(response.status, 200, response.body);
      assert.ok((await stored(db, response)).bytes.equals(Buffer.from(body)));
    });

  test('byte for byte: ten megabytes, and not one byte more', async () => {
    const body = Buffer.alloc(10_000_000, 'x');
    body.write('{"a":"');
    body.write('"}', body.length - 2);
    const response = await post(daemon, path, body);
    assert.equal(response.status, 200);
    assert.ok((await stored(db, response)).bytes.equals(body));

    const larger = await storesNothing(() => post(daemon, path, Buffer.concat([body, Buffer.from(' ')]), { accept: 'application/json' }));
    assert.equal(larger.status, 413);
    assert.equal(larger.json.error, 'Request Entity Too Large');
  });

  test('JSON that is no object is wrapped', async () => {
    for (const body of ['[1, 2]', '"x"', ' 12345678901234567890 ', 'null', 'true', '[]'])
      assert.equal((await stored(db, await post(daemon, path, body))).bytes.toString(), `{"_json":${body}}`);
  });

  test('many at once, each its own', async () => {
    const bodies = Array.from({ length: 400 }, (_, i) => JSON.stringify({ i, pad: 'x'.repeat(i % 7 === 0 ? 100000 : i) }));
    const responses = await Promise.all(bodies.map((body) => post(daemon, path, body)));
    const ids = new Set();
    for (const [i, response] of responses.entries()) {
      assert.equal(response.status, 200);
      ids.add(response.json.work_order_id);
      assert.equal((await stored(db, response)).bytes.toString(), bodies[i]);
    }
    assert.equal(ids.size, bodies.length);
  });
});

describe('bodies', () => {
  const cases = [
    ['no type', undefined, '{"a":1}', '{}'],
    ['an empty body', 'application/json', '', '{}'],
    ['parameters', 'application/json; charset=utf-8', '{"a":1}', '{"a":1}'],
    ['any case', 'APPLICATION/JSON', '{"a":1}', '{"a":1}'],
    ['a kind of JSON', 'application/fhir+json', '{"a":1.0}', '{"a":1.0}'],
    ['a form', 'application/x-www-form-urlencoded', 'a=1&b[c]=%C3%A9&b[d][]=+x&e', '{"a":"1","b":{"c":"é","d":[" x"]},"e":""}'],
    ['an empty form', 'application/x-www-form-urlencoded; charset=x', '', '{}'],
  ];
  for (const [name, type, body, expect] of cases)
    test(name, async () => {
      const response = await call(daemon, 'POST', path, body, type ? { 'content-type': type } : {});
      assert.equal(response.status, 200, response.body);
      assert.equal((await stored(db, response)).bytes.toString(), expect);
    });

  test('a multipart form with a file', async () => {
    const form = new FormData();
    form.append('a[b]', 'one');
    form.append('a[c][]', 'zwei\r\n--drei');
    form.append('file', new Blob(['x;y\n1;2\n'], { type: 'text/csv' }), 'tab"le.csv');
    form.append('raw', new Blob([Buffer.from([0, 255, 1])]), 'raw.bin');
    const encoded = new Request('http://localhost', { method: 'POST', body: form });
    const response = await call(daemon, 'POST', path, Buffer.from(await encoded.arrayBuffer()),
      { 'content-type': encoded.headers.get('content-type') });
    assert.equal(response.status, 200, response.body);
    assert.deepEqual(JSON.parse((await stored(db, response)).bytes), {
      a: { b: 'one', c: ['zwei\r\n--drei'] },
      file: { filename: 'tab%22le.csv', content_type: 'text/csv', encoding: 'utf8', content: 'x;y\n1;2\n' },
      raw: { filename: 'raw.bin', content_type: 'application/octet-stream', encoding: 'base64', content: 'AP8B' },
    });
  });

  test('gzip', async () => {
    const body = '{"a":' + '['.repeat(5000) + ']'.repeat(5000) + ', "b":1e400}';
    const response = await post(daemon, path, zlib.gzipSync(body), { 'content-encoding': 'gzip' });
    assert.equal((await stored(db, response)).bytes.toString(), body);
    const wrapped = await post(daemon, path, zlib.gzipSync('[1]'), { 'content-encoding': 'gzip' });
    assert.equal((await stored(db, wrapped)).bytes.toString(), '{"_json":[1]}');

    const broken = await storesNothing(() => post(daemon, path, zlib.gzipSync(body).subarray(0, 40), { 'content-encoding': 'gzip' }));
    assert.equal(broken.status, 400);
    // What would unpack to a hundred megabytes.
    const bomb = zlib.gzipSync(Buffer.concat([Buffer.from('"'), Buffer.alloc(100_000_000, 'x'), Buffer.from('"')]));
    const response2 = await storesNothing(() => post(daemon, path, bomb, { 'content-encoding': 'gzip' }));
    assert.equal(response2.status, 413);
  });

  test('what is not JSON says where', async () => {
    for (const [body, message] of [
      ['{"a": }', 'The body is not JSON: unexpected byte 0x7d at offset 6 (line 1, column 7).'],
      ['{\n  "a": 01}', 'The body is not JSON: unexpected byte 0x31 at offset 10 (line 2, column 9).'],
      ['{"a": 1', 'The body is not JSON: it ends too early, after 7 bytes.'],
      [' ', 'The body is not JSON: it ends too early, after 1 bytes.'],
      [Buffer.from([0x22, 0xff, 0x22]), 'The body is not JSON: unexpected byte 0xff at offset 1 (line 1, column 2).'],
    ]) {
      const response = await storesNothing(() => post(daemon, path, body));
      assert.equal(response.status, 400);
      assert.deepEqual(response.json, { error: 'Bad Request', message });
    }
    for (const [type, body] of [['application/x-www-form-urlencoded', 'a=%'], ['multipart/form-data; boundary=b', 'x'],
      ['multipart/form-data', '--b--']])
      assert.equal((await call(daemon, 'POST', path, body, { 'content-type': type })).status, 400);
  });

  test('the order of errors', async () => {
    const key = crypto.randomBytes(32).toString('hex');
    const closed = await makeWorkflow(db, project, { trigger: { enabled: false } });
    await makeAuthMethod(db, closed, { api_key: key });
    const at = `/i/${closed.trigger.id}`;
    const xml = { 'content-type': 'text/xml' };

    assert.equal((await post(daemon, `/i/${crypto.randomUUID()}`, '{')).status, 400);
    assert.equal((await post(daemon, at, '{')).status, 400);
    assert.equal((await post(daemon, at, '<a/>', xml)).status, 401);
    assert.equal((await post(daemon, at, '<a/>', { ...xml, 'x-api-key': 'wrong' })).status, 404);
    assert.deepEqual((await storesNothing(() => post(daemon, at, '<a/>', { ...xml, 'x-api-key': key }))).json,
      { error: 'Unsupported Media Type' });
    for (const encoding of ['br', 'deflate', 'gzip, gzip'])
      assert.equal((await post(daemon, at, '{}', { 'content-encoding': encoding, 'x-api-key': key })).status, 415);
    const disabled = await storesNothing(() => post(daemon, at, '{}', { 'x-api-key': key }));
    assert.equal(disabled.status, 403);
    assert.deepEqual(disabled.json, { error: 'trigger_disabled',
      message: 'Unable to process request, trigger is disabled. Enable it on OpenFn to allow requests to this endpoint.' });
  });

  test('the limit is a setting', async () => {
    const small = await startDaemon('webhooks', db, { MAX_DATACLIP_SIZE_MB: '1' });
    const body = (n) => `{"a":"${'x'.repeat(n - 8)}"}`;
    assert.equal((await post(small, path, body(1_000_000))).status, 200);
    for (const accept of ['application/json', '*/*']) {
      const response = await storesNothing(() => post(small, path, body(1_000_001), { accept }));
      assert.equal(response.status, 413);
      assert.equal(response.body, accept === '*/*' ? 'Request Entity Too Large' : '{"error":"Request Entity Too Large"}');
    }
    // A form that fits, but whose JSON does not.
    const form = 'a=' + '%01'.repeat(300_000);
    assert.equal((await storesNothing(() =>
      call(small, 'POST', path, form, { 'content-type': 'application/x-www-form-urlencoded' }))).status, 413);
    await small.finish();
  });
});

describe('a trigger that changes', () => {
  /** Makes a change that nobody is told of: as if the bell were late. */
  const silently = async (sql, values) => {
    const client = await db.connect();
    await client.query('SET session_replication_role = replica');
    await client.query(sql, values);
    await client.end();
  };
  const cached = async (values) => {
    const other = await makeWorkflow(db, project, values);
    await until(async () => (await post(daemon, `/i/${other.trigger.id}`)).status === 200);
    return other;
  };

  for (const [name, tell] of [['the bell rings', (...args) => db.query(...args)], ['the bell is late', silently]]) {
    const changes = [
      ['disabled', 403, 'UPDATE triggers SET enabled = false WHERE id = $1', 'trigger'],
      ['made a cron trigger', 404, "UPDATE triggers SET type = 'cron', cron_expression = '* * * * *', webhook_reply = NULL WHERE id = $1", 'trigger'],
      ['deleted', 404, 'DELETE FROM triggers WHERE id = $1', 'trigger'],
      ['in a deleted workflow', 403, 'UPDATE workflows SET deleted_at = now() WHERE id = $1', 'workflow'],
      ['in a project to be deleted', 403, 'UPDATE projects SET scheduled_deletion = now() WHERE id = $1', 'project'],
    ];
    for (const [change, status, sql, what] of changes)
      test(`${change}, and ${name}`, async () => {
        const own = await makeProject(db);
        const other = await makeWorkflow(db, own);
        const at = `/i/${other.trigger.id}`;
        for (let i = 0; i < 3; i++) assert.equal((await post(daemon, at)).status, 200);
        await tell(sql, [{ trigger: other.trigger.id, workflow: other.id, project: own.id }[what]]);

        // A commit that was under way may still have known the trigger as it was, nothing that comes after it.
        const response = await storesNothing(() => post(daemon, at));
        assert.equal(response.status, status, response.body);
      });
  }

  test('comes back', async () => {
    const other = await cached();
    await db.query('UPDATE triggers SET enabled = false WHERE id = $1', [other.trigger.id]);
    await until(async () => (await post(daemon, `/i/${other.trigger.id}`)).status === 403);
    await db.query('UPDATE triggers SET enabled = true WHERE id = $1', [other.trigger.id]);
    await until(async () => (await post(daemon, `/i/${other.trigger.id}`)).status === 200);
  });

  test('is made after it was not found', async () => {
    const id = uuid7();
    assert.equal((await post(daemon, `/i/${id}`)).status, 404);
    await makeWorkflow(db, project, { trigger: { id } });
    await until(async () => (await post(daemon, `/i/${id}`)).status === 200);
  });

  test('without the bell each call looks it up', async () => {
    const other = await cached();
    const deaf = async () => {
      const { n } = await db.one(`WITH ended AS (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%') SELECT count(*)::int AS n FROM ended`);
      return n;
    };
    assert.ok((await deaf()) > 0);
    await silently('UPDATE triggers SET enabled = false WHERE id = $1', [other.trigger.id]);
    assert.equal((await post(daemon, `/i/${other.trigger.id}`)).status, 403);
    await silently('UPDATE triggers SET enabled = true WHERE id = $1', [other.trigger.id]);
    // The bell is back by now or soon, and what was kept before it is not believed.
    await until(async () => (await post(daemon, `/i/${other.trigger.id}`)).status === 200);
  });
});

describe('one that the database does not take', () => {
  test('fails alone', async () => {
    await db.query(`
      CREATE FUNCTION refuse_poison() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF position('poison'::bytea IN NEW.body) > 0 THEN RAISE EXCEPTION 'poison'; END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER refuse_poison BEFORE INSERT ON dataclip_bodies FOR EACH ROW EXECUTE FUNCTION refuse_poison();`);
    const other = await startDaemon('webhooks', db);
    const bodies = Array.from({ length: 300 }, (_, i) => JSON.stringify({ i, a: i % 100 === 37 ? 'poison' : 'food' }));
    const before = await count();
    const responses = await Promise.all(bodies.map((body) => post(other, path, body)));

    for (const [i, response] of responses.entries()) assert.equal(response.status, i % 100 === 37 ? 500 : 200, bodies[i]);
    assert.equal(await count(), before + 297);
    const { n } = await db.one("SELECT count(*)::int AS n FROM dataclip_bodies WHERE position('poison'::bytea IN body) > 0");
    assert.equal(n, 0);
    for (const response of responses.filter(({ status }) => status === 200).slice(0, 20))
      assert.ok((await stored(db, response)).place);

    await other.stop();
    // Told once each.
    const errors = other.log.split('\n').filter((line) => line.startsWith('<3>'));
    assert.equal(errors.length, 3);
    for (const line of errors) assert.match(line, /does not take a webhook: poison/);
    await db.query('DROP TRIGGER refuse_poison ON dataclip_bodies');
  });
});

describe('answers after completion', () => {
  let waiting, at;
  const seen = new Set();

  before(async () => {
    waiting = await makeWorkflow(db, project, { trigger: { webhook_reply: 'after_completion' } });
    at = `/i/${waiting.trigger.id}`;
  });

  test('the run is in the fast lane, its terms frozen', async () => {
    const coded = await makeWorkflow(db, project, { trigger: { webhook_reply: 'after_completion', success_code: 202, error_code: 418 } });
    const response = post(daemon, `/i/${coded.trigger.id}`);
    const id = await nextRun(db, coded);
    const run = await db.one('SELECT * FROM runs WHERE id = $1', [id]);
    assert.deepEqual([run.queue, run.reply_after_completion, run.reply_success_code, run.reply_error_code], ['fast_lane', true, 202, 418]);
    assert.equal((await db.one('SELECT queue FROM run_queue WHERE run_id = $1', [id])).queue, 'fast_lane');

    // A run that nobody finished: lost, or cancelled before its worker.
    await endRun(db, id, { state: 'lost', error_type: 'LostBeforeStart' });
    const answer = await response;
    assert.equal(answer.status, 418);
    assert.equal(answer.json.data.message,
      'Run completed with status: lost. As a security policy, OpenFn does not send state data when the run errors out to avoid leaking sensitive information');
    assert.equal(answer.json.meta.state, 'lost');
    assert.equal(answer.json.meta.error_type, 'LostBeforeStart');
  });

  test('what the run left is the answer, byte for byte', async () => {
    const response = post(daemon, at);
    const id = await nextRun(db, waiting, seen);
    await endRun(db, id, { reply: { status: 201, data: '{"patients": 1e400, "patients":2}' } });
    const answer = await response;

    assert.equal(answer.status, 201);
    assert.ok(answer.body.startsWith('{"data":{"patients": 1e400, "patients":2},"meta":{'), answer.body);
    const { run, workOrder } = { run: await db.one('SELECT * FROM runs WHERE id = $1', [id]), workOrder: answer.headers['x-meta-work-order-id'] };
    assert.equal(answer.headers['x-meta-run-id'], id);
    assert.equal(run.work_order_id, workOrder);
    assert.deepEqual(Object.keys(answer.json.meta),
      ['work_order_id', 'run_id', 'state', 'error_type', 'inserted_at', 'claimed_at', 'started_at', 'finished_at']);
    assert.equal(answer.json.meta.work_order_id, workOrder);
    assert.equal(answer.json.meta.run_id, id);
    assert.equal(answer.json.meta.state, 'success');
    assert.equal(answer.json.meta.error_type, null);
    assert.match(answer.json.meta.finished_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    // Fetched, so it is gone.
    await until(async () => !(await db.one('SELECT FROM webhook_replies WHERE run_id = $1', [id])));
  });

  test('other codes, and those without a body', async () => {
    for (const [status, expect, empty] of [[200, 200], [204, 204, true], [304, 304, true], [503, 503], [42, 201]]) {
      const response = post(daemon, at);
      await endRun(db, await nextRun(db, waiting, seen), { state: 'failed', reply: { status, data: '{}' } });
      const answer = await response;
      assert.equal(answer.status, expect);
      assert.equal(answer.body === '', !!empty);
    }
  });

  test('many that end together', async () => {
    const n = 150;
    const responses = Array.from({ length: n }, () => post(daemon, at));
    await until(async () => (await db.query("SELECT id FROM runs WHERE workflow_id = $1 AND state = 'available'", [waiting.id])).length === n);
    const runs = await db.query("SELECT id FROM runs WHERE workflow_id = $1 AND state = 'available'", [waiting.id]);
    await Promise.all(runs.map(({ id }) => {
      seen.add(id);
      return endRun(db, id, { reply: { status: 200, data: `{"id":"${id}"}` } });
    }));
    for (const response of responses) {
      const answer = await response;
      assert.equal(answer.status, 200);
      assert.equal(answer.json.data.id, answer.headers['x-meta-run-id']);
    }
  });

  test('a bell that was missed costs a moment only', async () => {
    const response = post(daemon, at);
    await endRun(db, await nextRun(db, waiting, seen), { reply: { status: 200, data: '{"late":true}' }, ring: false });
    assert.deepEqual((await response).json.data, { late: true });
  });

  test('a run that takes too long goes on without its caller', async () => {
    const impatient = await startDaemon('webhooks', db, { WEBHOOK_RESPONSE_TIMEOUT_MS: '300' });
    const response = await post(impatient, at);
    assert.equal(response.status, 504);
    assert.deepEqual(response.json, { error: 'timeout', message: 'Workflow did not complete within timeout period',
      work_order_id: response.headers['x-meta-work-order-id'] });
    const { run } = await stored(db, response);
    seen.add(run.id);
    assert.equal(run.state, 'available');
    await impatient.finish();
  });

  test('a caller that goes away is not waited for', async () => {
    const request = http.request({ socketPath: daemon.socketPath, method: 'POST', path: at, headers: { 'content-type': 'application/json' } });
    request.on('error', () => {});
    request.end('{"left":true}');
    const id = await nextRun(db, waiting, seen);
    request.destroy();
    await sleep(100);
    assert.equal((await db.one('SELECT state FROM runs WHERE id = $1', [id])).state, 'available');
    await endRun(db, id, { reply: { status: 200, data: '{}' } });
    // Whoever still waited would fetch it, and at the latest before the next one that ends.
    const next = post(daemon, at);
    await endRun(db, await nextRun(db, waiting, seen), { reply: { status: 200, data: '{}' } });
    assert.equal((await next).status, 200);
    assert.ok(await db.one('SELECT FROM webhook_replies WHERE run_id = $1', [id]));
  });

  test('a stop does not keep callers waiting', async () => {
    const other = await startDaemon('webhooks', db);
    const response = post(other, at);
    seen.add(await nextRun(db, waiting, seen));
    await sleep(100);
    await other.finish();
    assert.equal((await response).status, 504);
  });
});

describe('from the caller to the worker and back', () => {
  test('byte for byte in, the final state out', async () => {
    // Others have left runs behind.
    await db.query('DELETE FROM run_queue');
    const workers = await startDaemon('workers', db);
    const worker = await connectWorker(workers);
    const queue = await worker.queue();
    const waiting = await makeWorkflow(db, project, { trigger: { webhook_reply: 'after_completion', success_code: 299 } });
    const body = '{"n": 12345678901234567890, "n": 1e400, "s":"\\u0000\\ud800"}';
    const response = post(daemon, `/i/${waiting.trigger.id}/a%2Fb?c[]=1`, body, { 'x-a': 'b' });

    let claimed;
    await until(async () => ([claimed] = await queue.claim({ queues: ['fast_lane'] })) && claimed);
    const channel = await worker.run(claimed.id, claimed.token);
    const plan = await channel.ok('fetch:plan');
    const input = Buffer.from(await channel.ok('fetch:dataclip', { id: plan.dataclip_id })).toString();
    assert.ok(input.includes(body), input);
    const { request } = JSON.parse(input);
    assert.deepEqual(request.path, ['i', waiting.trigger.id, 'a/b']);
    assert.deepEqual(request.query_params, { c: ['1'] });
    assert.equal(request.headers['x-a'], 'b');

    await channel.ok('run:start', { timestamp: String(Date.now() * 1000) });
    await channel.ok('run:complete', { reason: 'success', final_state: { data: { patients: 3 } }, timestamp: String(Date.now() * 1000) });
    const answer = await response;
    assert.equal(answer.status, 299);
    assert.deepEqual(answer.json.data, { data: { patients: 3 } });
    assert.equal(answer.json.meta.run_id, claimed.id);
    assert.equal(answer.json.meta.state, 'success');
    for (const time of ['inserted_at', 'claimed_at', 'started_at', 'finished_at'])
      assert.match(answer.json.meta[time], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/, time);

    await worker.close();
    await workers.finish();
  });

  test('a webhook rings for workers', async () => {
    const listener = await db.connect();
    let rings = 0;
    listener.on('notification', () => rings++);
    await listener.query('LISTEN runs');
    assert.equal((await post(daemon, path)).status, 200);
    await until(() => rings > 0);
    await listener.end();
  });
});
