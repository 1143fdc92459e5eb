// SPDX-License-Identifier: Apache-2.0
//
// What the official command line (1.36) says to a server, recorded from it: deploy, pull, project pull and deploy, collections.
// Replayed in order; each reply has the status the command line went on with, the form of its schema, and every id it was sent.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { makeApiUser, makeClient } from '../integration/lib/api.js';
import { startDaemon } from '../integration/lib/daemon.js';
import { newDatabase } from '../integration/lib/database.js';

const lines = fs.readFileSync(new URL('cli-conversations.jsonl', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line));
let db, web, api, user;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  user = await makeApiUser(db);
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [user.id]);
});

after(async () => {
  await web.finish();
  await db.close();
});

const list = (value) => Object.values(value ?? {});
/** The ids of what a document has and does not delete. */
const ids = (document) => [document, ...list(document.collections), ...list(document.workflows).flatMap((workflow) =>
  [workflow, ...list(workflow.jobs), ...list(workflow.triggers), ...list(workflow.edges)])]
  .filter((part) => !part.delete).map(({ id }) => id).sort();

for (const [i, { step, method, path, headers, body, status }] of lines.entries())
  test(`${i + 1}. openfn ${step}: ${method} ${path.split('?')[0]} is ${status}`, async () => {
    const sent = body === '' ? undefined : body;
    const length = sent === undefined ? {} : { 'content-length': Buffer.byteLength(sent) };
    const reply = await api.request(path, { method, token: user.token, headers: { ...headers, ...length, 'accept-encoding': 'identity' }, body: sent });
    assert.equal(reply.status, status, reply.body);
    if (method === 'POST' && status === 201) assert.deepEqual(ids(reply.json.data), ids(JSON.parse(body)));
    if (path.includes('/yaml')) assert.match(reply.headers['content-type'], /^text\/yaml/);
  });

test('saying the same again made no version, a change made one each', async () => {
  const rows = await db.query(
    `SELECT w.name, w.lock_version::int AS version, (SELECT count(*)::int FROM workflow_snapshots s WHERE s.workflow_id = w.id) AS n
       FROM workflows w WHERE w.deleted_at IS NULL ORDER BY w.name`);
  assert.deepEqual(rows.rows ?? rows, [{ name: 'wf one', version: 3, n: 3 }, { name: 'wf two', version: 1, n: 1 }]);
});
