// SPDX-License-Identifier: Apache-2.0
//
// Collections: the requests that the command line and language-collections make, who may, and what nobody should send.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { now, runToken } from './lib/keys.js';

let db, web, api, project, other, user, stranger;

const makeCollection = async (of, name) => {
  await db.query('INSERT INTO collections (id, project_id, name) VALUES ($1, $2, $3)', [uuid7(), of.id, name]);
  return name;
};

const ask = async (method, target, body, { token = user.token, headers = { 'content-type': 'application/json' } } = {}) => {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const reply = await api.request(`/collections/${target}`, {
    // Node sends no length with a DELETE by itself.
    method, token, headers: text === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(text) }, body: text,
  });
  return [reply.status, reply.json];
};
const items = (n, value = (i) => JSON.stringify({ i })) => ({ items: Array.from({ length: n }, (_, i) => ({ key: `k${i}`, value: value(i) })) });
const size = async (name) => (await db.one('SELECT byte_size_sum AS n FROM collections WHERE name = $1', [name])).n;
const realSize = async (name) =>
  (await db.one('SELECT coalesce(sum(octet_length(i.key) + octet_length(i.value)), 0)::bigint AS n FROM collection_items i JOIN collections c ON c.id = i.collection_id WHERE c.name = $1', [name])).n;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  [project, other] = [await makeProject(db), await makeProject(db)];
  user = await makeApiUser(db, [[project, 'viewer']]);
  stranger = await makeApiUser(db, [[other, 'owner']]);
});

after(async () => {
  assert.deepEqual(api.uncalled().filter((route) => route.includes(' /collections/')), []);
  await web.finish();
  await db.close();
});

test('an item is stored, read, replaced and deleted', async () => {
  const c = await makeCollection(project, 'single');
  assert.deepEqual(await ask('GET', `${c}/k`), [204, undefined]);
  assert.deepEqual(await ask('PUT', `${c}/k`, { value: '{"n":1}' }), [200, { upserted: 1, error: null }]);
  const [, first] = await ask('GET', `${c}/k`);
  assert.equal(first.value, '{"n":1}');
  assert.deepEqual(await ask('PUT', `${c}/k`, { value: '{"n":2}' }), [200, { upserted: 1, error: null }]);
  const [, second] = await ask('GET', `${c}/k`);
  assert.equal(second.value, '{"n":2}');
  assert.equal(second.created, first.created);
  assert.ok(second.updated > first.updated);
  assert.deepEqual(await ask('DELETE', `${c}/k`), [200, { key: 'k', deleted: 1, error: null }]);
  assert.deepEqual(await ask('DELETE', `${c}/k`), [200, { key: 'k', deleted: 0, error: 'Item Not Found' }]);
  assert.equal(await size(c), 0);
});

test('any key and any text comes back as it was', async () => {
  const c = await makeCollection(project, 'texts');
  for (const key of ['a*b', 'a%b_c\\d', 'ø/å', ' ', '..', 'k'.repeat(255), '"', 'a?b=c&d'])
    for (const value of ['x', '{"a":"\u00e9\ud83d\ude00"}', 'é'.repeat(1000), '\u2028', '%', '"\\"']) {
      const target = `${c}/${encodeURIComponent(key).replaceAll('.', '%2E')}`;
      assert.deepEqual(await ask('PUT', target, { value }), [200, { upserted: 1, error: null }], key);
      assert.equal((await ask('GET', target))[1].value, value);
      assert.equal((await ask('GET', target))[1].key, key);
    }
  assert.deepEqual(await ask('DELETE', `${c}/a%2Ab`), [200, { key: 'a*b', deleted: 1, error: null }]);
  assert.equal(await size(c), await realSize(c));
});

test('many at once, listed by pattern, time, limit and cursor', async () => {
  const c = await makeCollection(project, 'many');
  // As the command line sends it.
  assert.deepEqual(await ask('POST', `${c}?key=k1&limit=1000`, items(2500)), [200, { upserted: 2500, error: null }]);
  assert.deepEqual(await ask('POST', c, items(10, () => 'new')), [200, { upserted: 10, error: null }]);
  assert.equal(await size(c), await realSize(c));

  const keys = [];
  let cursor = null;
  let pages = 0;
  do {
    const [status, page] = await ask('GET', `${c}?limit=1000${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    assert.equal(status, 200);
    keys.push(...page.items.map((item) => item.key));
    cursor = page.cursor;
    pages++;
  } while (cursor);
  assert.equal(pages, 3);
  assert.deepEqual(keys, items(2500).items.map((item) => item.key));

  const found = async (query) => (await ask('GET', `${c}?${query}`))[1].items.map((item) => item.key);
  assert.deepEqual(await found('key=k1&limit=1000'), ['k1']);
  assert.equal((await found('key=k1*&limit=5000')).length, 1111);
  assert.deepEqual(await found('key=*99*9'), ['k999', 'k1999', 'k1099', 'k1199', 'k1299', 'k1399', 'k1499', 'k1599', 'k1699', 'k1799', 'k1899'].filter((k) => /99.*9$/.test(k)));
  assert.deepEqual(await found('key=k_'), []);
  assert.deepEqual(await found('limit=0'), []);
  const [{ created, updated }] = (await ask('GET', `${c}?key=k1`))[1].items;
  assert.ok(updated > created);
  assert.equal((await found(`created_before=${created}`)).length, 0);
  assert.equal((await found(`created_after=${created}&limit=10000`)).length, 2500);
  assert.equal((await found(`updated_after=${updated}`)).length, 10);
  assert.equal((await found(`updated_before=${updated}&limit=10000`)).length, 2490);

  // As language-collections removes.
  assert.deepEqual(await ask('DELETE', `${c}?key=k1*`), [200, { key: 'k1*', deleted: 1111, error: null }]);
  assert.deepEqual(await ask('DELETE', c, { key: 'k2' }), [200, { key: 'k2', deleted: 1, error: null }]);
  assert.equal(await size(c), await realSize(c));
  assert.deepEqual(await ask('DELETE', `${c}?limit=7`), [200, { key: null, deleted: 1388, error: null }]);
  assert.equal(await size(c), 0);
});

test('a page is cut where it becomes large, and the cursor leads on', async () => {
  const c = await makeCollection(project, 'large');
  for (let i = 0; i < 12; i++) assert.deepEqual(await ask('PUT', `${c}/k${i}`, { value: 'x'.repeat(1000000) }), [200, { upserted: 1, error: null }]);
  const lengths = [];
  let cursor = '';
  do {
    const [, page] = await ask('GET', `${c}?cursor=${encodeURIComponent(cursor)}`);
    lengths.push(page.items.length);
    cursor = page.cursor;
  } while (cursor);
  assert.deepEqual(lengths, [8, 4]);
});

describe('who may', () => {
  test('members of the project, whatever their role; strangers and nobody get 401, what is not there 404', async () => {
    const c = await makeCollection(project, 'rights');
    for (const role of ['viewer', 'editor', 'admin', 'owner']) {
      const member = await makeApiUser(db, [[project, role]]);
      assert.equal((await ask('PUT', `${c}/k`, { value: 'x' }, { token: member.token }))[0], 200, role);
    }
    for (const token of [stranger.token, 'x', ''])
      for (const [method, target, body] of [['GET', c], ['GET', `${c}/k`], ['PUT', `${c}/k`, { value: 'y' }], ['POST', c, items(1)], ['DELETE', c], ['DELETE', `${c}/k`]])
        assert.deepEqual(await ask(method, target, body, { token }), [401, { error: 'Unauthorized' }], `${method} ${target}`);
    for (const target of ['nothing', 'nothing/k', `${c}?project_id=${uuid7()}`, `${c}?project_id=x`])
      assert.deepEqual(await ask('GET', target), [404, { error: 'Not Found' }], target);
    assert.equal((await ask('GET', `${c}/k`))[1].value, 'x');
  });

  test('of several with one name the project says which; what is not one\'s own does not count', async () => {
    const [name, third] = [await makeCollection(project, 'shared'), await makeProject(db)];
    await makeCollection(other, name);
    assert.equal((await ask('PUT', `${name}/k`, { value: 'mine' }))[0], 200);
    const both = await makeApiUser(db, [[project, 'owner'], [other, 'owner']]);
    const [status, said] = await ask('GET', name, undefined, { token: both.token });
    assert.equal(status, 409);
    assert.match(said.error, /project_id/);
    const [, page] = await ask('GET', `${name}?project_id=${project.id}`, undefined, { token: both.token });
    assert.deepEqual(page.items.map((item) => item.value), ['mine']);
    assert.deepEqual((await ask('GET', `${name}?project_id=${other.id}`, undefined, { token: both.token }))[1].items, []);
    assert.equal((await ask('GET', `${name}?project_id=${other.id}`))[0], 401);
    assert.equal((await ask('GET', `${name}?project_id=${third.id}`))[0], 404);
  });

  test('a run, in its own project, as long as its claim holds', async () => {
    const c = await makeCollection(project, 'of-runs');
    const theirs = await makeCollection(other, 'of-others');
    const run = await makeRun(db, await makeWorkflow(db, project));
    const [nonce, another] = [uuid7(), uuid7()];
    const claim = (claims) => runToken(run.id, { claim: nonce, project_id: project.id, ...claims });
    const state = (value, n = nonce) => db.query('UPDATE run_queue SET state = $2, claim_nonce = $3, worker_name = NULL WHERE run_id = $1', [run.id, value, n]);
    const can = async (token) => (await ask('PUT', `${c}/k`, { value: 'x' }, { token }))[0];

    assert.equal(await can(claim()), 401);
    for (const value of ['claimed', 'started']) {
      await state(value);
      assert.equal(await can(claim()), 200);
    }
    assert.equal((await ask('GET', `${theirs}/k`, undefined, { token: claim() }))[0], 401);
    assert.equal((await api.get({ token: claim() }, '/api/projects')).status, 401);
    for (const claims of [{ claim: another }, { project_id: other.id }, { exp: now() - 120 }, { nbf: now() + 3600 }, { iss: 'x' }, { sub: `user:${user.id}` }, { id: uuid7() }, { claim: undefined }])
      assert.equal(await can(claim(claims)), 401, JSON.stringify(claims));
    await state('started', another);
    assert.equal(await can(claim()), 401);
    await db.query('DELETE FROM run_queue WHERE run_id = $1', [run.id]);
    assert.equal(await can(claim({ claim: another })), 401);
  });
});

test('what nobody should send', async () => {
  const c = await makeCollection(project, 'hostile');
  for (const query of ['limit=x', 'limit=-1', 'limit=1.5', 'limit=99999999999999999999', 'cursor=x', 'cursor=LTE%3D', 'created_after=2024-01-01', 'updated_before=now', 'nonsense=1', 'key=%ff', 'key=%00'])
    assert.ok([400, 422].includes((await ask('GET', `${c}?${query}`))[0]), query);

  const missing = (field) => [422, { error: `Missing required field: ${field}` }];
  const format = [422, { upserted: 0, error: 'Format error' }];
  assert.deepEqual(await ask('PUT', `${c}/k`, {}), missing('value'));
  assert.deepEqual(await ask('PUT', `${c}/k`, '[1]'), missing('value'));
  assert.deepEqual(await ask('PUT', `${c}/k`, { value: 'x' }, { headers: {} }), missing('value'));
  assert.deepEqual(await ask('PUT', `${c}/k`, '{"value":'), [400, { error: 'Bad Request' }]);
  for (const value of [1, null, {}, [], true]) assert.equal((await ask('PUT', `${c}/k`, { value }))[0], 422, JSON.stringify(value));
  for (const value of ['', '  ', 'x'.repeat(1000001), 'a\0b']) assert.deepEqual(await ask('PUT', `${c}/k`, { value }), [200, { upserted: 0, error: 'Format error' }]);
  assert.equal((await ask('PUT', `${c}/${'k'.repeat(256)}`, { value: 'x' }))[1].error, 'Format error');

  assert.deepEqual(await ask('POST', c, {}), missing('items'));
  for (const list of [{}, 'x', [1], [{}], [{ key: 'k' }], [{ key: 1, value: 'x' }], [{ key: '', value: 'x' }], [{ key: 'a\0', value: 'x' }], [{ key: 'k', value: 'x' }, null]])
    assert.deepEqual(await ask('POST', c, { items: list }), format, JSON.stringify(list));
  assert.deepEqual(await ask('POST', c, { items: [{ key: 'k', value: 'x' }, { key: '\u006b', value: 'y' }] }), [422, { upserted: 0, error: 'Duplicate key found' }]);
  assert.deepEqual(await ask('POST', c, { items: [] }), [200, { upserted: 0, error: null }]);
  assert.equal((await ask('POST', c, items(1, () => 'x'.repeat(11_000_000))))[0], 413);
  assert.deepEqual((await ask('GET', c))[1].items, []);
  assert.equal(await size(c), 0);
});

test('writers of one collection at once: every item is there, and the size adds up', async () => {
  const c = await makeCollection(project, 'crowd');
  await Promise.all(Array.from({ length: 20 }, (_, w) =>
    ask('POST', c, { items: Array.from({ length: 50 }, (_, i) => ({ key: `k${(w * 25 + i) % 300}`, value: `${w}` })) })));
  assert.equal((await ask('GET', c))[1].items.length, 300);
  assert.equal(await size(c), await realSize(c));
});
