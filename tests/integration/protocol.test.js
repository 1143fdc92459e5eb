// SPDX-License-Identifier: Apache-2.0
//
// docs/protocol: every line of it works as it is written.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makePerson } from './lib/people.js';
import { personalToken, storeToken } from './lib/api.js';

const text = fs.readFileSync(new URL('../../docs/protocol/rest-api.md', import.meta.url), 'utf8');
const blocks = [...text.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block);

let db, web, folder, user;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-protocol-'));
  user = await makePerson(db);
  const { id } = await db.one("UPDATE users SET role = 'superuser' WHERE email = $1 RETURNING id", [user.email]);
  user.id = id;
  user.token = personalToken(user);
  await storeToken(db, user, user.token);
});

after(async () => {
  fs.rmSync(folder, { recursive: true });
  await web.finish();
  await db.close();
});

test('its lines work, in their order', { timeout: 60_000 }, async () => {
  assert.ok(blocks.length >= 9);
  // The one thing that a reader does not write: how this daemon is reached.
  const curl = `curl() { command curl --unix-socket '${web.socketPath}' "$@"; }\n`;
  const env = { ...process.env, URL: 'http://localhost', TOKEN: user.token, EMAIL: user.email, PASSWORD: user.password };
  const { error, stdout, stderr } = await new Promise((resolve) =>
    execFile('bash', ['-euo', 'pipefail', '-c', curl + blocks.join('\n')], { cwd: folder, env }, (error, stdout, stderr) => resolve({ error, stdout, stderr })));
  assert.equal(error, null, `${stdout}${stderr}`);
  const { id } = await db.one("SELECT id FROM projects WHERE name = 'clinics' AND description = 'From curl'");
  const counts = await db.one(
    `SELECT (SELECT count(*)::int FROM workflows WHERE project_id = $1 AND name = 'Weekly report') AS workflows,
            (SELECT count(*)::int FROM runs WHERE project_id = $1) AS runs, (SELECT count(*)::int FROM collection_items) AS items,
            (SELECT count(*)::int FROM credentials) AS credentials, (SELECT count(*)::int FROM user_tokens WHERE context = 'session') AS sessions`, [id]);
  assert.deepEqual(counts, { workflows: 1, runs: 3, items: 1, credentials: 0, sessions: 0 });
});
