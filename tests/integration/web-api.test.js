// SPDX-License-Identifier: Apache-2.0
//
// The REST API of fulgur-web: who may read what, and in which form. Each route that needs a token goes through the same
// matrix of members, strangers and ids; a new route fails here until the matrix knows where its ids come from.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listRoutes, makeApiUser, makeClient, personalToken, storeToken } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { runPublicKey, runToken } from './lib/keys.js';
import { runProgram } from './lib/program.js';

let db, web, api;
let mine, other, doomed, viewer, stranger;

/** A project with one of everything. */
async function makeFullProject(values) {
  const project = await makeProject(db, values);
  const workflow = await makeWorkflow(db, project, {
    name: `workflow of ${project.name}`,
    jobs: [{ body: 'fn(s => "\u0001\\é😀")' }, {}],
    trigger: { webhook_reply: 'after_completion', success_code: 202 },
  });
  const run = await makeRun(db, workflow);
  await addLines(run, project, ['one', 'two', 'three']);
  return { project, workflow, job: workflow.jobs[0], run, work_order: { id: run.work_order_id } };
}

async function addLines(run, project, messages, { level = 'info', at = Date.now(), step = null } = {}) {
  for (const [i, message] of messages.entries())
    await db.query(
      'INSERT INTO log_lines (run_id, id, project_id, step_id, "timestamp", level, source, message) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)',
      [run.id, uuid7(), project.id, step, new Date(at + i), level, 'JOB', message]);
}

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db, { URL_SCHEME: 'https', URL_HOST: 'flows.example.org', URL_PORT: '443' });
  api = makeClient(web);
  [mine, other, doomed] = [await makeFullProject(), await makeFullProject(), await makeFullProject()];
  viewer = await makeApiUser(db, [[mine.project, 'viewer'], [doomed.project, 'owner']]);
  stranger = await makeApiUser(db, [[other.project, 'owner']]);
  await db.query("UPDATE projects SET scheduled_deletion = now() + interval '7 days' WHERE id = $1", [doomed.project.id]);
});

after(async () => {
  await web.finish();
  await db.close();
});

// -- who ------------------------------------------------------------------------------------------------------

describe('a token', () => {
  const refused = async (headers) => {
    const reply = await web.request({ path: '/api/projects', headers });
    assert.deepEqual([reply.status, reply.body], [401, '{"error":"Unauthorized"}']);
  };
  const sign = (header, claims, signature) => {
    const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    return `${text}.${signature(text).toString('base64url')}`;
  };

  test('is needed, exactly once, in exactly this form', async () => {
    await refused({});
    await refused({ authorization: '' });
    await refused({ authorization: 'Bearer' });
    await refused({ authorization: 'Bearer ' });
    await refused({ authorization: viewer.token });
    await refused({ authorization: `bearer ${viewer.token}` });
    await refused({ authorization: `Bearer  ${viewer.token}` });
    await refused({ authorization: `Basic ${viewer.token}` });
    await refused({ authorization: `Token ${viewer.token}` });
    await refused({ 'x-api-key': viewer.token });
    await refused(['Host', 'x', 'Authorization', `Bearer ${viewer.token}`, 'Authorization', `Bearer ${viewer.token}`]);
    assert.equal((await web.request({ path: `/api/projects?token=${viewer.token}` })).status, 401);
    assert.equal((await api.get(viewer, '/api/projects')).status, 200);
  });

  test('must be signed by our key, whatever its header says', async () => {
    const claims = { jti: uuid7(), iss: 'Lightning', sub: `user:${viewer.id}`, iat: Math.floor(Date.now() / 1000) - 1 };
    const pem = runPublicKey.export({ type: 'spki', format: 'pem' });
    const stranger_key = crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const tokens = [
      sign({ alg: 'none' }, claims, () => Buffer.alloc(0)),
      sign({ alg: 'HS256', typ: 'JWT' }, claims, (text) => crypto.createHmac('sha256', pem).update(text).digest()),
      sign({ alg: 'RS256', typ: 'JWT' }, claims, (text) => crypto.sign('RSA-SHA256', Buffer.from(text), stranger_key)),
      viewer.token.slice(0, -4) + (viewer.token.endsWith('AAAA') ? 'BBBB' : 'AAAA'),
      viewer.token.replace(/\.[^.]+$/, '.'),
      'no.token.at-all', 'x', '....', '\u{a0}',
    ];
    for (const token of tokens) {
      // Found in the table or not: the signature comes first.
      await storeToken(db, viewer, token);
      await refused({ authorization: `Bearer ${token}` });
    }
  });

  test('must say that it is a personal one of ours', async () => {
    const wrong = [
      { iss: 'Thunder' }, { iss: undefined }, { sub: `run:${mine.run.id}` }, { sub: viewer.id }, { sub: undefined },
      { iat: Math.floor(Date.now() / 1000) + 3600 }, { iat: undefined },
    ];
    for (const claims of wrong) {
      const token = personalToken(viewer, claims);
      await storeToken(db, viewer, token);
      await refused({ authorization: `Bearer ${token}` });
    }
    await refused({ authorization: `Bearer ${runToken(mine.run.id)}` });
  });

  test('ends with its row, at once', async () => {
    const user = await makeApiUser(db, [[mine.project, 'viewer']]);
    assert.equal((await api.get(user, '/api/projects')).status, 200);
    assert.notEqual((await db.one('SELECT last_used_at FROM user_tokens WHERE user_id = $1', [user.id])).last_used_at, null);
    await db.query('DELETE FROM user_tokens WHERE user_id = $1', [user.id]);
    await refused({ authorization: `Bearer ${user.token}` });
  });

  test('of another kind is no personal one', async () => {
    const user = await makeApiUser(db);
    await db.query("UPDATE user_tokens SET context = 'session' WHERE user_id = $1", [user.id]);
    await refused({ authorization: `Bearer ${user.token}` });
  });

  test('does not help a user who is disabled or about to go', async () => {
    for (const change of ['disabled = true', 'scheduled_deletion = now()']) {
      const user = await makeApiUser(db, [[mine.project, 'owner']]);
      await db.query(`UPDATE users SET ${change} WHERE id = $1`, [user.id]);
      await refused({ authorization: `Bearer ${user.token}` });
    }
  });
});

// -- who may what: every route ------------------------------------------------------------------------------------

// The segment before {id} says what it is the id of.
const kinds = { jobs: 'job', projects: 'project', runs: 'run', work_orders: 'work_order', workflows: 'workflow' };
const kindOf = (pattern) => kinds[pattern.match(/([a-z_]+)\/\{id\}$/)?.[1]];
const isItem = (pattern) => pattern.endsWith('{id}');
const isScoped = (pattern) => pattern.includes('{project_id}');
const isWorkflow = (pattern) => pattern.includes('/workflows');

/** The address with the ids of one project, or those given instead. */
function fill(pattern, from, { project = from?.project.id, id } = {}) {
  if (isItem(pattern) && id === undefined) {
    assert.ok(kindOf(pattern), `the matrix does not know whose id ${pattern} wants`);
    id = from[kindOf(pattern)].id;
  }
  return pattern.replace('{project_id}', project).replace('{id}', id);
}

const items = (reply) => reply.json.data ?? reply.json.workflows;
// Reading a project or its workflows is forbidden, the rest is unauthorized: the original's two policies.
const refusal = (pattern) => (isWorkflow(pattern) || pattern === '/api/projects/{id}' ? [403, { error: 'Forbidden' }] : [401, { error: 'Unauthorized' }]);
const unknown = (pattern, id) => (isWorkflow(pattern) ? [404, { id: isItem(pattern) ? id : null, errors: ['Not Found'] }] : [404, { error: 'Not Found' }]);

// Rights with rules of their own are tried where their routes are.
const isPlain = ({ method, pattern, auth, right }) => method === 'GET' && pattern.startsWith('/api/') && !pattern.endsWith('/credentials') && auth === 'session-or-token' && ['read-project', 'authenticated'].includes(right);

for (const { pattern, right } of listRoutes('web').filter(isPlain)) {
  describe(`GET ${pattern}`, () => {
    const said = async (user, address) => {
      const reply = await api.get(user, address);
      return [reply.status, reply.json];
    };
    const nowhere = uuid7();

    test('declares its right', () => {
      assert.equal(right, isItem(pattern) || isScoped(pattern) ? 'read-project' : 'authenticated');
    });

    test('wants a token', async () => {
      assert.equal((await web.request({ path: fill(pattern, mine) })).status, 401);
    });

    test('shows a viewer what is his, and nothing else', async () => {
      const reply = await api.get(viewer, fill(pattern, mine));
      assert.equal(reply.status, 200);
      for (const theirs of [other, doomed])
        for (const { id } of Object.values(theirs)) assert.ok(!reply.body.includes(id), `${id} is of another project`);
      if (isItem(pattern)) assert.equal((reply.json.data ?? reply.json.workflow).id, mine[kindOf(pattern)].id);
      else assert.notEqual(items(reply).length, 0);
    });

    test('is open to every role', async () => {
      for (const role of ['editor', 'admin', 'owner'])
        assert.equal((await api.get(await makeApiUser(db, [[mine.project, role]]), fill(pattern, mine))).status, 200);
    });

    test('is closed to strangers', async () => {
      if (isItem(pattern) || isScoped(pattern)) assert.deepEqual(await said(stranger, fill(pattern, mine)), refusal(pattern));
      else assert.ok(!(await api.get(stranger, pattern)).body.includes(mine.project.id));
    });

    test('is closed when the project is about to go', async () => {
      if (isItem(pattern) || isScoped(pattern)) assert.deepEqual(await said(viewer, fill(pattern, doomed)), refusal(pattern));
    });

    test('knows no superusers', async () => {
      const superuser = await makeApiUser(db);
      await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
      if (isItem(pattern) || isScoped(pattern)) assert.deepEqual(await said(superuser, fill(pattern, mine)), refusal(pattern));
      else assert.deepEqual(items(await api.get(superuser, pattern)), []);
    });

    test('knows what does not exist', async () => {
      if (isItem(pattern)) assert.deepEqual(await said(viewer, fill(pattern, mine, { id: nowhere })), unknown(pattern, nowhere));
      if (isScoped(pattern)) {
        const id = isItem(pattern) ? mine[kindOf(pattern)].id : undefined;
        assert.deepEqual(await said(viewer, fill(pattern, mine, { project: nowhere })), unknown(pattern, id));
      }
    });

    test('does not take the id of another project', async () => {
      if (!isItem(pattern) || !isScoped(pattern)) return;
      const id = other[kindOf(pattern)].id;
      assert.deepEqual(await said(viewer, fill(pattern, mine, { id })), unknown(pattern, id));

      // Who may see both is told that the address is wrong.
      const both = await makeApiUser(db, [[mine.project, 'viewer'], [other.project, 'viewer']]);
      const expected = isWorkflow(pattern) ? [400, { error: 'Bad Request' }] : unknown(pattern, id);
      assert.deepEqual(await said(both, fill(pattern, mine, { id })), expected);
    });

    test('does not take what is no id', async () => {
      for (const bad of ['x', '%20', mine.run.id.slice(1), `${mine.run.id}0`, `{${mine.run.id}}`, mine.run.id.replaceAll('-', ''), "'--", '0']) {
        const text = decodeURIComponent(bad);
        const expected = isWorkflow(pattern)
          ? [422, { id: null, errors: { workflow: [`Id ${text} should be a UUID.`] } }]
          : [400, { error: 'Bad Request' }];
        const address = bad.replace('{', '%7B').replace('}', '%7D');
        if (isItem(pattern)) assert.deepEqual(await said(viewer, fill(pattern, mine, { id: address })), expected);
        if (isScoped(pattern)) assert.deepEqual(await said(viewer, fill(pattern, mine, { project: address })), expected);
      }
    });

    test('takes ids in capitals', async () => {
      if (isItem(pattern)) {
        const id = mine[kindOf(pattern)].id.toUpperCase();
        assert.equal((await api.get(viewer, fill(pattern, mine, { id }))).status, 200);
      }
    });

    test('speaks JSON only', async () => {
      const address = fill(pattern, mine);
      const status = async (accept) => (await api.request(address, { token: viewer.token, headers: { accept } })).status;
      assert.deepEqual(
        await Promise.all(['text/html', 'image/*', 'application/json', '*/*', 'application/vnd.api+json', 'text/html, */*;q=0.1'].map(status)),
        [406, 406, 200, 200, 200, 200]);
      const reply = await api.request(address, { token: viewer.token });
      assert.equal(reply.headers['content-type'], 'application/json; charset=utf-8');
      assert.equal(reply.headers['x-content-type-options'], 'nosniff');
      assert.match(reply.headers['cache-control'], /private/);
    });

    test('answers HEAD without a body', async () => {
      const reply = await web.request({ method: 'HEAD', path: fill(pattern, mine), headers: { authorization: `Bearer ${viewer.token}` } });
      assert.equal(reply.status, 200);
      assert.equal(reply.body, '');
      assert.ok(Number(reply.headers['content-length']) > 0);
    });

    test('takes no other method than the table has', async () => {
      const known = listRoutes('web').filter((route) => route.pattern === pattern).map(({ method }) => method);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'].filter((name) => !known.includes(name)))
        assert.equal((await api.request(fill(pattern, mine), { method, token: viewer.token })).status, 404);
    });

    test('refuses a query that cannot be decoded', async () => {
      if (isItem(pattern) && !isWorkflow(pattern)) return;
      for (const query of ['%00', 'a=%ff', 'a=%', 'page=%zz', '%c3=1', 'a=%ed%a0%80'])
        assert.deepEqual(await said(viewer, `${fill(pattern, mine)}?${query}`), [400, { error: 'Bad Request' }]);
    });
  });
}

// The routes ask whether the user may, and the statements ask again by themselves: a route that forgot would show nothing.
describe('the statements themselves', () => {
  const all = {};
  for (const file of ['history', 'job', 'project', 'workflow']) {
    const text = fs.readFileSync(path.resolve(new URL('.', import.meta.url).pathname, `../../src/domain/${file}.sql`), 'utf8');
    for (const part of text.split(/^-- name: /m).slice(1)) {
      const [name] = part.split('\n', 1);
      all[name] = { params: [...part.matchAll(/^-- params: (.*)$/gm)].flatMap(([, names]) => names.split(' ')), sql: part.slice(name.length) };
    }
  }
  const readers = Object.entries(all).filter(
    ([name, { params }]) => params.includes('user_id') && params.includes('project_id') && !['project_access', 'project_demand', 'project_get'].includes(name));

  test('are known', () => assert.ok(readers.length >= 12));

  for (const [name, { sql, params }] of readers)
    test(`${name} shows what is the user’s and nothing else`, async () => {
      const shown = async (user, from) => {
        const given = { user_id: user.id, project_id: from.project.id, row_offset: 0, row_limit: 100 };
        if (name.endsWith('_get'))
          Object.assign(given, { run_id: from.run.id, work_order_id: from.work_order.id, job_id: from.job.id });
        const rows = await db.query(sql, params.map((param) => given[param] ?? null));
        return name.endsWith('_count') ? rows[0].n : rows.length;
      };
      assert.ok((await shown(viewer, mine)) > 0);
      assert.equal(await shown(stranger, mine), 0);
      assert.equal(await shown(viewer, doomed), 0);
    });

  test('project_get, project_list and project_count too', async () => {
    const get = (user, from) => db.query(all.project_get.sql, [user.id, from.project.id]);
    assert.deepEqual([(await get(viewer, mine)).length, (await get(viewer, doomed)).length, (await get(stranger, mine)).length], [1, 0, 0]);
    assert.deepEqual((await db.query(all.project_list.sql, [viewer.id, 0, 10])).map(({ id }) => id), [mine.project.id]);
    assert.equal((await db.query(all.project_count.sql, [viewer.id]))[0].n, 1);
  });
});

// -- what is said --------------------------------------------------------------------------------------------------

describe('a run', () => {
  test('is what the database holds', async () => {
    const at = '2026-02-03 04:05:06.123456+00';
    const run = await makeRun(db, mine.workflow, { starting_job_id: mine.job.id });
    await db.query(
      `UPDATE runs SET state = 'failed', error_type = 'JobError', error_message = 'a "quoted" \u{1F600}', priority = 0,
              worker_name = 'w', claimed_at = $2, started_at = $2, finished_at = $2, inserted_at = $2, updated_at = $2,
              final_dataclip_id = $3 WHERE id = $1`, [run.id, at, run.dataclip.id]);
    const time = '2026-02-03T04:05:06.123456Z';
    const data = (type, id) => ({ data: { type, id } });
    assert.deepEqual((await api.get(viewer, `/api/runs/${run.id}`)).json, {
      data: {
        type: 'runs',
        id: run.id,
        attributes: {
          state: 'failed', error_type: 'JobError', error_message: 'a "quoted" \u{1F600}', priority: 'immediate', queue: 'default',
          worker_name: 'w', work_order_id: run.work_order_id, workflow_id: mine.workflow.id, starting_trigger_id: null,
          starting_job_id: mine.job.id, dataclip_id: run.dataclip.id, final_dataclip_id: run.dataclip.id, claimed_at: time,
          started_at: time, finished_at: time, inserted_at: time, updated_at: time,
        },
        relationships: {
          project: data('projects', mine.project.id), workflow: data('workflows', mine.workflow.id),
          work_order: data('work_orders', run.work_order_id),
        },
        links: { self: `https://flows.example.org/api/runs/${run.id}` },
      },
      included: [],
      links: { self: `https://flows.example.org/api/runs/${run.id}` },
    });
    await db.query('DELETE FROM runs WHERE id = $1', [run.id]);
    await db.query('DELETE FROM work_orders WHERE id = $1', [run.work_order_id]);
  });

  test('does not bring its data along', async () => {
    const secret = 'what went through it';
    await makeRun(db, mine.workflow, { dataclip: { body: { secret } } });
    for (const address of ['/api/runs', '/api/work_orders', `/api/projects/${mine.project.id}/runs`])
      assert.ok(!(await api.get(viewer, address)).body.includes(secret));
  });
});

describe('a workflow', () => {
  test('is whole', async () => {
    const { workflow } = mine;
    const { json } = await api.get(viewer, `/api/projects/${mine.project.id}/workflows/${workflow.id}`);
    assert.deepEqual(json.workflow.jobs.map((job) => job.body).sort(), workflow.jobs.map((job) => job.body).sort());
    assert.deepEqual(json.workflow.triggers, [{
      id: workflow.trigger.id, type: 'webhook', enabled: true, comment: null, custom_path: null, cron_expression: null,
      cron_cursor_job_id: null, webhook_reply: 'after_completion', webhook_response_config: { success_code: 202, error_code: null },
    }]);
    assert.deepEqual(json.workflow.edges.map(({ id }) => id).sort(), workflow.edges.map(({ id }) => id).sort());
    assert.deepEqual(json.errors, {});
  });

  test('is not there once it is deleted', async () => {
    const gone = await makeWorkflow(db, mine.project);
    await db.query('UPDATE workflows SET deleted_at = now() WHERE id = $1', [gone.id]);
    assert.equal((await api.get(viewer, `/api/workflows/${gone.id}`)).status, 404);
    assert.equal((await api.get(viewer, `/api/jobs/${gone.jobs[0].id}`)).status, 404);
    for (const address of ['/api/workflows', '/api/jobs?page_size=100'])
      assert.ok(!(await api.get(viewer, address)).body.includes(gone.id));
  });

  test('is looked for in a project', async () => {
    const both = await makeApiUser(db, [[mine.project, 'viewer'], [other.project, 'viewer']]);
    const ids = async (query) => (await api.get(both, `/api/workflows${query}`)).json.workflows.map(({ id }) => id);
    assert.deepEqual(await ids(`?project_id=${other.project.id}`), [other.workflow.id]);
    assert.equal((await ids('')).length, 2);

    for (const [query, status] of [[other.project.id, 403], [uuid7(), 404], ['x', 400], ['', 400]])
      assert.equal((await api.get(viewer, `/api/workflows?project_id=${query}`)).status, status);
    assert.equal((await api.get(both, `/api/workflows/${mine.workflow.id}?project_id=${other.project.id}`)).status, 400);
  });
});

// -- pages ---------------------------------------------------------------------------------------------------------

describe('pages', () => {
  const base = 'https://flows.example.org/api/jobs';
  let user, workflow;

  before(async () => {
    const project = await makeProject(db);
    workflow = await makeWorkflow(db, project, { jobs: Array.from({ length: 23 }, () => ({})) });
    user = await makeApiUser(db, [[project, 'viewer']]);
  });

  test('are ten long and linked', async () => {
    const { json } = await api.get(user, '/api/jobs');
    assert.equal(json.data.length, 10);
    assert.deepEqual(json.meta, { total_entries: 23, total_pages: 3, page_number: 1, page_size: 10 });
    assert.deepEqual(json.links, {
      self: `${base}?`, first: `${base}?page=1`, last: `${base}?page=3`, next: `${base}?page=2`, prev: null,
    });
  });

  test('lead from the first to the last and back', async () => {
    const seen = [];
    let link = `${base}?page_size=4`, last;
    for (; link; link = last.links.next) {
      last = (await api.get(user, link.slice('https://flows.example.org'.length))).json;
      seen.push(...last.data.map(({ id }) => id));
    }
    assert.deepEqual(seen.sort(), workflow.jobs.map(({ id }) => id).sort());
    assert.equal(last.links.self, last.links.last);
    assert.equal(last.links.prev, `${base}?page_size=4&page=5`);
    assert.equal(last.meta.page_number, 6);
  });

  test('keep the other parameters of their address', async () => {
    const { links } = (await api.get(user, '/api/jobs?a=1&page=2&page_size=10&b=%22%20x&pag%65=7&%C3%A9&&c')).json;
    assert.equal(links.next, `${base}?a=1&page_size=10&b=%22%20x&%C3%A9&c&page=3`);
    assert.equal(links.self, `${base}?a=1&page=2&page_size=10&b=%22%20x&pag%65=7&%C3%A9&c`);
  });

  test('stay within their bounds', async () => {
    const meta = async (query) => (await api.get(user, `/api/jobs?${query}`)).json.meta;
    const one = { total_entries: 23, total_pages: 3, page_number: 1, page_size: 10 };
    for (const page of ['', '0', '-1', 'x', '1.5', '1e1', ' 1', '%2B1', '0x1', '[]'])
      assert.deepEqual(await meta(`page=${page.replace(' ', '%20')}`), one, page);
    for (const size of ['', '0', '-5', 'x']) assert.deepEqual(await meta(`page_size=${size}`), one, size);
    for (const size of ['100', '101', '5000', '1' + '0'.repeat(30)]) assert.equal((await meta(`page_size=${size}`)).page_size, 100);
    assert.deepEqual(await meta('page=4'), { ...one, page_number: 4 });
  });

  test('end', async () => {
    const { json } = await api.get(user, '/api/jobs?page=50');
    assert.deepEqual(json.data, []);
    assert.deepEqual([json.links.next, json.links.prev], [null, `${base}?page=3`]);

    for (const page of ['1' + '0'.repeat(30), '18446744073709551615', '18446744073709551616', '100002']) {
      const reply = await api.get(user, `/api/jobs?page=${page}`);
      assert.equal(reply.status, 400);
      assert.match(reply.json.error, /^page is too far/);
    }
  });

  test('of nothing are one', async () => {
    const { json } = await api.get(await makeApiUser(db), '/api/projects');
    assert.deepEqual(json.data, []);
    assert.deepEqual(json.meta, { total_entries: 0, total_pages: 1, page_number: 1, page_size: 10 });
    assert.deepEqual([json.links.next, json.links.prev], [null, null]);
  });

  test('go on beyond what is counted', async () => {
    const project = await makeProject(db);
    const flow = await makeWorkflow(db, project);
    const reader = await makeApiUser(db, [[project, 'viewer']]);
    await db.query(
      `INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, trigger_id)
       SELECT overlay(uuid7_floor(now())::text PLACING lpad(to_hex(n), 12, '0') FROM 25)::uuid, $1, $2, $3, $4
         FROM generate_series(1, 100150) AS n`, [project.id, flow.id, flow.snapshot_id, flow.trigger.id]);

    const page = async (number) => (await api.get(reader, `/api/work_orders?page_size=100&page=${number}`)).json;
    let reply = await page(1);
    assert.equal(reply.meta.total_entries, 100000);
    assert.equal(reply.data.length, 100);
    reply = await page(1001);
    assert.deepEqual([reply.meta.total_entries, reply.meta.total_pages], [100101, 1002]);
    assert.match(reply.links.next, /page=1002$/);
    reply = await page(1002);
    assert.deepEqual([reply.data.length, reply.meta.total_entries, reply.links.next], [50, 100150, null]);
    reply = await page(1003);
    assert.deepEqual([reply.data.length, reply.links.next], [0, null]);
  });
});

// -- filters -------------------------------------------------------------------------------------------------------

describe('filters by time', () => {
  const day = (n) => `2026-0${n}-15T12:00:00.000001Z`;
  const later = (n) => `2026-0${n}-25T12:00:00.000001Z`;
  let user, project, workflow;

  async function makeOld(month, updated, work_order_id = uuid7(Date.parse(day(month)))) {
    const run = await makeRun(db, workflow, { id: uuid7(Date.parse(day(month))), work_order_id });
    await db.query('UPDATE runs SET inserted_at = $2, updated_at = $3 WHERE id = $1', [run.id, day(month), later(month)]);
    await db.query(
      `INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, inserted_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6)
       ON CONFLICT (id, project_id) DO UPDATE SET updated_at = excluded.updated_at`,
      [run.work_order_id, project.id, workflow.id, workflow.snapshot_id, day(month), updated]);
    return run;
  }

  before(async () => {
    project = await makeProject(db);
    workflow = await makeWorkflow(db, project);
    user = await makeApiUser(db, [[project, 'viewer']]);
    for (const month of [1, 2, 3, 4, 5]) await makeOld(month, later(month));
  });

  const cases = [
    [{}, '54321'],
    [{ inserted_after: day(3) }, '543'],
    [{ inserted_before: day(3) }, '321'],
    [{ inserted_after: day(2), inserted_before: day(4) }, '432'],
    [{ inserted_after: '2026-03-15T12:00:00.000002Z' }, '54'],
    [{ inserted_before: '2026-03-15T12:00:00Z' }, '21'],
    [{ inserted_after: '2026-03-15T14:00:00.000001+02:00' }, '543'],
    [{ inserted_after: '2026-03-15' }, '543'],
    [{ updated_after: later(3) }, '543'],
    [{ updated_after: '2026-03-25T12:00:00.000002Z' }, '54'],
    [{ updated_before: later(3) }, '321'],
    [{ updated_after: later(2), updated_before: later(4), inserted_after: day(3) }, '43'],
    [{ inserted_after: '2030-01-01T00:00:00Z' }, ''],
    [{ inserted_before: '1970-01-01T00:00:00Z' }, ''],
    [{ inserted_after: '1970-01-01T00:00:00Z', inserted_before: '9999-12-31T23:59:59.999999Z' }, '54321'],
  ];
  for (const kind of ['runs', 'work_orders'])
    for (const [query, expected] of cases)
      test(`${kind} ${JSON.stringify(query)}`, async () => {
        for (const path of [`/api/${kind}`, `/api/projects/${project.id}/${kind}`]) {
          const { json } = await api.get(user, `${path}?${new URLSearchParams(query)}`);
          assert.equal(json.data.map((item) => Number(item.attributes.inserted_at.slice(5, 7))).join(''), expected);
          assert.equal(json.meta.total_entries, expected.length);
        }
      });

  test('find a work order that was retried long after it was made', async () => {
    const [first] = await db.query('SELECT id FROM work_orders WHERE project_id = $1 ORDER BY id LIMIT 1', [project.id]);
    const found = async (query) => {
      const { json } = await api.get(user, `/api/work_orders?${new URLSearchParams(query)}`);
      assert.equal(json.meta.total_entries, json.data.length);
      return json.data.map((item) => Number(item.attributes.inserted_at.slice(5, 7))).join('');
    };
    assert.equal(await found({ updated_after: '2026-05-20' }), '5');
    for (let i = 0; i < 2; i++) await makeOld(5, later(5), first.id);
    assert.equal(await found({ updated_after: '2026-05-20' }), '51');
    assert.equal(await found({ updated_after: '2026-05-20', inserted_before: day(3) }), '1');
    assert.equal(await found({ updated_after: '2026-05-20', inserted_after: day(3) }), '5');
    assert.equal(await found({ updated_after: '2026-05-26' }), '');
  });

  test('name the parameter that is no time', async () => {
    const names = ['inserted_after', 'inserted_before', 'updated_after', 'updated_before'];
    for (const kind of ['runs', 'work_orders'])
      for (const name of names)
        for (const bad of ['', 'yesterday', '2026-13-01T00:00:00Z', '2026-01-01T25:00:00Z', '1770000000', '2026-01-01T00:00:00Z; DROP'])
          assert.deepEqual((await api.get(user, `/api/${kind}?${new URLSearchParams({ [name]: bad })}`)).json,
            { error: `${name} is not a valid ISO 8601 datetime` });
    assert.equal((await api.get(user, '/api/runs?inserted_after=x')).status, 400);
  });
});

describe('log lines', () => {
  const at = Date.parse('2026-06-01T00:00:00Z');
  let user, project, workflow, first, second, step;

  before(async () => {
    project = await makeProject(db);
    workflow = await makeWorkflow(db, project, { jobs: [{}, {}] });
    user = await makeApiUser(db, [[project, 'viewer']]);
    first = await makeRun(db, workflow, { id: uuid7(at) });
    second = await makeRun(db, workflow, { id: uuid7(at + 1000) });
    step = crypto.randomUUID();
    await db.query('INSERT INTO steps (run_id, id, project_id, job_id, snapshot_id) VALUES ($1, $2, $3, $4, $5)',
      [first.id, step, project.id, workflow.jobs[1].id, workflow.snapshot_id]);
    await addLines(first, project, ['a', 'b'], { at });
    await addLines(first, project, ['c'], { at: at + 5, step, level: 'error' });
    await addLines(second, project, ['d', 'e'], { at: at + 1000 });
  });

  const lines = async (query) => {
    const { json } = await api.get(user, `/api/log_lines?${new URLSearchParams(query)}`);
    assert.equal(json.meta.total_entries, json.data.length);
    return json.data.map(({ attributes }) => attributes.message).join('');
  };

  test('come by run, the newest first, each in the order of its time', async () => {
    assert.equal(await lines({}), 'deabc');
  });

  test('are found by what they belong to', async () => {
    const another = await makeWorkflow(db, project);
    const cases = [
      [{ project_id: project.id }, 'deabc'],
      [{ workflow_id: workflow.id }, 'deabc'],
      [{ workflow_id: another.id }, ''],
      [{ run_id: first.id }, 'abc'],
      [{ run_id: second.id, workflow_id: workflow.id }, 'de'],
      [{ work_order_id: first.work_order_id }, 'abc'],
      [{ work_order_id: first.work_order_id, run_id: second.id }, ''],
      [{ work_order_id: uuid7() }, ''],
      [{ job_id: workflow.jobs[1].id }, 'c'],
      [{ job_id: workflow.jobs[0].id }, ''],
      [{ level: 'error' }, 'c'],
      [{ level: 'debug' }, ''],
      [{ level: 'info', run_id: first.id }, 'ab'],
      [{ run_id: mine.run.id }, ''],
      [{ work_order_id: mine.work_order.id }, ''],
      [{ job_id: mine.job.id }, ''],
      [{ workflow_id: mine.workflow.id }, ''],
    ];
    for (const [query, expected] of cases) assert.equal(await lines(query), expected, JSON.stringify(query));
  });

  test('are found by their time', async () => {
    const time = (ms) => new Date(at + ms).toISOString();
    assert.equal(await lines({ timestamp_after: time(5) }), 'dec');
    assert.equal(await lines({ timestamp_before: time(5) }), 'abc');
    assert.equal(await lines({ timestamp_after: time(1), timestamp_before: time(1000) }), 'dbc');
    // A run that has ended says nothing more.
    await db.query('UPDATE runs SET finished_at = $2 WHERE id = $1', [first.id, time(10)]);
    assert.equal(await lines({ timestamp_after: time(5) }), 'dec');
    assert.equal(await lines({ timestamp_after: time(86400000) }), '');
  });

  test('are plain items', async () => {
    const { json } = await api.get(user, `/api/log_lines?run_id=${first.id}&page=3&page_size=1`);
    assert.deepEqual(json.data[0].attributes, {
      source: 'JOB', level: 'error', message: 'c', timestamp: '2026-06-01T00:00:00.005000Z', step_id: step, run_id: first.id,
    });
    assert.deepEqual(Object.keys(json.data[0]), ['type', 'id', 'attributes']);
    assert.deepEqual([json.meta.total_entries, json.links.next], [3, null]);
  });

  test('of a project that is not the user’s are refused', async () => {
    for (const [id, status, error] of [[mine.project.id, 401, 'Unauthorized'], [uuid7(), 404, 'Not Found']]) {
      const reply = await api.get(user, `/api/log_lines?project_id=${id}`);
      assert.deepEqual([reply.status, reply.json], [status, { error }]);
    }
  });

  test('name the parameter that is wrong', async () => {
    for (const name of ['project_id', 'workflow_id', 'job_id', 'work_order_id', 'run_id'])
      for (const bad of ['', 'x', `${first.id} `, "' OR 1=1"]) {
        const reply = await api.get(user, `/api/log_lines?${new URLSearchParams({ [name]: bad })}`);
        assert.deepEqual([reply.status, reply.json], [400, { error: `${name} is not a valid UUID` }]);
      }
    for (const name of ['timestamp_after', 'timestamp_before'])
      assert.deepEqual((await api.get(user, `/api/log_lines?${name}=now`)).json, { error: `${name} is not a valid ISO 8601 datetime` });
    assert.deepEqual((await api.get(user, '/api/log_lines?level=loud')).json,
      { error: 'level is not one of success, always, info, warn, error, debug' });
  });
});

test('what kickstart makes is there, with the token it prints', async () => {
  const file = path.resolve(new URL('.', import.meta.url).pathname, '../../docs/examples/first-workflow.yaml');
  const { code, stdout } = await runProgram('fulgurctl', ['kickstart', file], { db });
  assert.equal(code, 0);
  const made = JSON.parse(stdout);
  const user = { token: made.api_token };

  const names = async (address) => (await api.get(user, address)).json.data.map(({ attributes }) => attributes.name).sort();
  assert.deepEqual(await names('/api/projects'), ['demo']);
  assert.deepEqual(await names(`/api/projects/${made.projects[0].id}/jobs`), ['Greet each', 'Pick patients', 'Say what went wrong']);
  const { workflow } = (await api.get(user, `/api/workflows/${made.workflows[0].workflow_id}`)).json;
  assert.deepEqual([workflow.name, workflow.edges.length, workflow.triggers[0].id], ['Patient intake', 3, made.workflows[0].trigger_id]);
});

test('a list that takes too long says what helps', async () => {
  const hasty = await startDaemon('web', db, { DATABASE_TIMEOUT: '1000' });
  const client = makeClient(hasty);
  assert.equal((await client.get(viewer, '/api/runs')).status, 200);

  const blocker = await db.connect();
  await blocker.query('BEGIN');
  await blocker.query('LOCK TABLE runs IN ACCESS EXCLUSIVE MODE');
  const reply = await client.get(viewer, '/api/runs');
  assert.deepEqual([reply.status, reply.json], [504, { error: 'this took too long: narrow the list by time or project' }]);
  assert.equal((await client.get(viewer, '/api/projects')).status, 200);
  await blocker.query('ROLLBACK');
  await blocker.end();
  assert.equal((await client.get(viewer, '/api/runs')).status, 200);
  await hasty.finish();
});

test('every route was called', () => {
  const plain = listRoutes('web').filter(isPlain).map(({ method, pattern }) => `${method} ${pattern}`);
  assert.deepEqual(api.uncalled().filter((route) => plain.includes(route)), []);
});
