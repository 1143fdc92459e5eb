// SPDX-License-Identifier: Apache-2.0
//
// What became of webhooks when PostgreSQL or fulgur-webhooks itself goes away in mid-flight. One promise is held to: each webhook that was
// answered 200 is stored, once.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { after, before, describe, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeWorkflow } from './lib/fixtures.js';
import { nextRun, post } from './lib/webhooks.js';
import { until } from './lib/worker.js';

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const server = (action) => promisify(execFile)(process.env.FULGUR_TEST_WITH_POSTGRES, ['--server', action]);

let db, workflows;

before(async () => {
  db = await newDatabase();
  const project = await makeProject(db);
  workflows = [await makeWorkflow(db, project), await makeWorkflow(db, project), await makeWorkflow(db, project)];
});

after(() => db.close().catch(() => {}));

/** For use after the server was away: the connection of `db` is not. */
async function query(sql, values) {
  for (let i = 0; ; i++)
    try {
      const client = await db.connect();
      try {
        return (await client.query(sql, values)).rows;
      } finally {
        await client.end();
      }
    } catch (error) {
      if (i === 50) throw error;
      await sleep(100);
    }
}

/** Callers that send one webhook after the other, each with a number of its own, over connections that stay open. */
function load(daemon, n_callers) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: n_callers });
  const connect = agent.createConnection;
  // A write that fails behind the answer belongs to no request any more.
  agent.createConnection = (...args) => connect.apply(agent, args).on('error', () => {});
  const result = { answers: new Map(), statuses: {}, sent: new Set(), broken: 0 };
  let running = true;

  const send = (number) =>
    new Promise((resolve) => {
      const large = crypto.randomInt(50) === 0 ? 'x'.repeat(300000) : '';
      const body = JSON.stringify({ number, large });
      const workflow = workflows[crypto.randomInt(workflows.length)];
      const request = http.request({
        socketPath: daemon.socketPath, agent, method: 'POST', path: `/i/${workflow.trigger.id}`, headers: { 'content-type': 'application/json' },
      });
      request.on('response', (response) => {
        let text = '';
        response.on('data', (data) => (text += data));
        response.on('end', () => {
          result.statuses[response.statusCode] = (result.statuses[response.statusCode] ?? 0) + 1;
          if (response.statusCode === 200) result.answers.set(number, JSON.parse(text).work_order_id);
          resolve();
        });
        response.on('error', resolve);
      });
      request.on('error', () => {
        result.broken++;
        setTimeout(resolve, 20);
      });
      request.end(body);
    });

  const caller = async () => {
    while (running) {
      const number = crypto.randomUUID();
      result.sent.add(number);
      await send(number);
    }
  };
  const callers = Array.from({ length: n_callers }, caller);

  /** Once so many more have been answered, whatever the machine's speed. */
  result.more = (n = 50) => {
    const enough = result.answers.size + n;
    return until(() => result.answers.size >= enough);
  };
  result.stop = async () => {
    running = false;
    await Promise.all(callers);
    agent.destroy();
    return result;
  };
  return result;
}

/** Every answer has its work order with all that belongs to it, every number is stored at most once. */
async function check({ answers, sent }) {
  const rows = await query(`
    SELECT o.id, convert_from(b.body, 'UTF8')::json->>'number' AS number, r.id AS run, q.run_id AS place
      FROM work_orders o
      LEFT JOIN dataclip_bodies b ON b.dataclip_id = o.dataclip_id
      LEFT JOIN runs r ON r.work_order_id = o.id
      LEFT JOIN run_queue q ON q.run_id = r.id`);
  const orders = new Map();
  for (const row of rows) {
    if (!sent.has(row.number)) continue;
    assert.ok(!orders.has(row.number), `stored twice: ${row.number}`);
    assert.ok(row.run && row.place === row.run, `stored in part: ${JSON.stringify(row)}`);
    orders.set(row.number, row.id);
  }
  for (const [number, id] of answers) assert.equal(orders.get(number), id, `answered, but not stored: ${number}`);
  return orders.size;
}

const patient = { DATABASE_TIMEOUT: '4000' };

describe('PostgreSQL goes away under load', () => {
  for (const [name, action] of [
    ['restart', () => server('restart')],
    ['crash', async () => {
      await server('kill');
      await server('start');
    }],
    ['its connections are cut, again and again', async () => {
      for (let i = 0; i < 20; i++) {
        await query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fulgur-webhooks'");
        await sleep(50);
      }
    }],
  ])
    test(name, async () => {
      const daemon = await startDaemon('webhooks', db, patient);
      const callers = load(daemon, 32);
      await callers.more();
      await action();
      await callers.more();
      const result = await callers.stop();

      // Nobody was told to come again, nobody was lost: the outage was shorter than our patience.
      assert.deepEqual(Object.keys(result.statuses), ['200']);
      assert.equal(result.broken, 0);
      assert.equal(await check(result), result.answers.size);
      await daemon.stop();
    });
});

/**
 * Between a daemon and PostgreSQL. swallow(): from now on what the daemon says arrives, and the answers do not, until the connections are cut;
 * resolves when something has been committed without an answer.
 */
async function startProxy() {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-proxy-'));
  const proxy = { url: db.url.replace(/host=[^&]*/, `host=${encodeURIComponent(directory)}`), deaf: false };
  const pairs = new Set();
  const listener = net.createServer((daemon) => {
    const postgres = net.connect(path.join(process.env.PGHOST, '.s.PGSQL.5432'));
    const end = () => {
      pairs.delete(end);
      daemon.destroy();
      postgres.destroy();
    };
    pairs.add(end);
    daemon.on('data', (data) => postgres.write(data)).on('close', end).on('error', end);
    postgres.on('data', (data) => proxy.deaf || daemon.write(data)).on('close', end).on('error', end);
  });
  await new Promise((resolve) => listener.listen(path.join(directory, '.s.PGSQL.5432'), resolve));
  const count = async () => (await query('SELECT count(*) AS n FROM work_orders'))[0].n;
  const before = await count();
  /** What is stored and what has been heard of, once neither changes. */
  const standstill = async (callers) => {
    for (let last = []; ; await sleep(100)) {
      const now = [(await count()) - before, callers.answers.size];
      if (now.join() === last.join()) return now;
      last = now;
    }
  };
  proxy.swallow = async (callers) => {
    for (;;) {
      proxy.deaf = true;
      const [n_stored, n_heard] = await standstill(callers);
      if (n_stored > n_heard) return;
      // It was caught between two batches, before it had a connection for the next.
      proxy.cut();
      await callers.more();
    }
  };
  proxy.cut = () => {
    for (const end of [...pairs]) end();
    proxy.deaf = false;
  };
  proxy.close = () => {
    proxy.cut();
    listener.close();
    fs.rmSync(directory, { recursive: true, force: true });
  };
  return proxy;
}

describe('an answer of PostgreSQL is lost', () => {
  test('what was committed is found, and not stored again', async () => {
    const proxy = await startProxy();
    const daemon = await startDaemon('webhooks', { url: proxy.url }, patient);
    const callers = load(daemon, 32);
    for (let i = 0; i < 8; i++) {
      await callers.more();
      await proxy.swallow(callers);
      proxy.cut();
    }
    await callers.more();
    const result = await callers.stop();

    assert.deepEqual(Object.keys(result.statuses), ['200']);
    assert.equal(await check(result), result.answers.size);
    assert.match(daemon.log, /The answer to a commit was lost/);
    await daemon.stop();
    proxy.close();
  });

  test('and when it comes too late, the same', async () => {
    const proxy = await startProxy();
    const daemon = await startDaemon('webhooks', { url: proxy.url }, { DATABASE_TIMEOUT: '500' });
    const callers = load(daemon, 16);
    await callers.more();
    // Not cut: the daemon gives up on its own.
    await proxy.swallow(callers);
    await until(() => daemon.log.includes('was lost: no answer'));
    proxy.cut();
    await callers.more();
    const result = await callers.stop();

    assert.deepEqual(Object.keys(result.statuses), ['200']);
    assert.equal(await check(result), result.answers.size);
    assert.match(daemon.log, /The answer to a commit was lost/);
    await daemon.stop();
    proxy.close();
  });
});

describe('fulgur-webhooks goes away under load', () => {
  test('killed, and started again', async () => {
    const daemon = await startDaemon('webhooks', db, patient);
    const callers = load(daemon, 32);
    for (let i = 0; i < 4; i++) {
      await callers.more();
      await daemon.kill();
      await daemon.start();
    }
    await callers.more();
    const result = await callers.stop();

    assert.ok(result.broken > 0);
    assert.deepEqual(Object.keys(result.statuses), ['200']);
    // Those without an answer may have been stored.
    assert.ok((await check(result)) >= result.answers.size);
    await daemon.finish();
  });

  test('stopped: who was heard is answered', async () => {
    const daemon = await startDaemon('webhooks', db, patient);
    const callers = load(daemon, 32);
    await callers.more();
    await daemon.stop();
    const result = await callers.stop();
    assert.deepEqual(Object.keys(result.statuses), ['200']);
    assert.ok((await check(result)) >= result.answers.size);
  });
});

describe('PostgreSQL stays away', () => {
  const settings = { DATABASE_TIMEOUT: '400', WEBHOOK_RETRY_TIMEOUT_MS: '2000', WEBHOOK_RETRY_MAX_ATTEMPTS: '3' };

  test('callers are told to come again', async () => {
    const daemon = await startDaemon('webhooks', db, settings);
    const path = `/i/${workflows[0].trigger.id}`;
    assert.equal((await post(daemon, path)).status, 200);
    await server('stop');
    try {
      // The bell is gone with the server: the look-up fails first.
      const lookup = await post(daemon, path);
      assert.equal(lookup.status, 503);
      assert.equal(lookup.headers['retry-after'], '2');
      assert.deepEqual(lookup.json, { error: 'service_unavailable',
        message: 'Temporary database issue during webhook lookup. Please retry in 2s.', retry_after: 2 });

      // Those who came together share the question and its end.
      const all = await Promise.all(Array.from({ length: 100 }, () => post(daemon, path)));
      assert.deepEqual(all.map(({ status }) => status), Array(100).fill(503));
      assert.match(daemon.log, /told to come again later/);
      assert.ok(daemon.log.match(/told to come again later/g).length <= 2, 'not one entry for each');
    } finally {
      await server('start');
    }
    for (let i = 0; (await post(daemon, path)).status !== 200; i++) assert.ok(i < 50, 'it does not come back');
    await daemon.stop();
  });

  test('a webhook that was found but cannot be stored', async () => {
    const daemon = await startDaemon('webhooks', db, settings);
    const path = `/i/${workflows[0].trigger.id}`;
    assert.equal((await post(daemon, path)).status, 200);

    const client = await db.connect().catch(async () => (await sleep(500), db.connect()));
    await client.query('BEGIN');
    await client.query('LOCK TABLE work_orders IN SHARE MODE');
    const response = await post(daemon, path);
    await client.query('COMMIT');
    await client.end();

    assert.equal(response.status, 503);
    assert.deepEqual(response.json, { error: 'service_unavailable',
      message: 'Unable to process request due to temporary database issues. Please try again in 2s.', retry_after: 2 });
    assert.equal((await post(daemon, path)).status, 200);
    await daemon.stop();
  });

  test('memory is bounded: beyond, callers hear at once', async () => {
    const daemon = await startDaemon('webhooks', db, { DATABASE_TIMEOUT: '5000', WEBHOOK_RETRY_TIMEOUT_MS: '60000' });
    const path = `/i/${workflows[0].trigger.id}`;
    assert.equal((await post(daemon, path)).status, 200);
    const body = `{"a":"${'x'.repeat(9_000_000)}"}`;
    // Node ends each request with an empty write, which fails on a UNIX socket whose other side has answered and closed by then, and the
    // answer is lost: so it is asked not to close.
    const agent = new http.Agent({ keepAlive: true });
    let n_refused = 0;
    let all;
    await server('stop');
    try {
      const send = async () => {
        const headers = { 'content-type': 'application/json' };
        const { status } = await daemon.request({ method: 'POST', path, headers, agent }, body);
        n_refused += status === 503;
        return status;
      };
      all = Promise.allSettled(Array.from({ length: 10 }, send));
      await until(() => n_refused === 3, 60000);
    } finally {
      await server('start');
    }

    const statuses = (await all).map(({ value, reason }) => value ?? reason).sort();
    agent.destroy();
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200, 200, 503, 503, 503]);
    await daemon.stop();
  });

  test('callers who wait for their run survive a restart', async () => {
    const project = (await query('SELECT id FROM projects LIMIT 1'))[0];
    const client = await db.connect();
    const own = { query: async (sql, values) => (await client.query(sql, values)).rows,
      one: async (sql, values) => (await client.query(sql, values)).rows[0] };
    const waiting = await makeWorkflow(own, project, { trigger: { webhook_reply: 'after_completion' } });
    const daemon = await startDaemon('webhooks', db, patient);
    const response = post(daemon, `/i/${waiting.trigger.id}`);
    const id = await nextRun(own, waiting);
    await client.end();

    await server('restart');
    // The run ends while nobody listens.
    await query(
      `WITH done AS (UPDATE runs SET state = 'success', finished_at = now() WHERE id = $1 RETURNING project_id)
       INSERT INTO webhook_replies (run_id, project_id, status, data) SELECT $1, project_id, 200, '{"ok":true}' FROM done`, [id]);
    const answer = await response;
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json.data, { ok: true });
    await daemon.stop();
  });
});
