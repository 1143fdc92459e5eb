// SPDX-License-Identifier: Apache-2.0
//
// People with passwords, and browsers in which they are logged in.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import sodium from 'libsodium-wrappers';
import { uuid7 } from './fixtures.js';
import { runProgram } from './program.js';

await sodium.ready;

export const password = 'correct horse battery';

const hashes = new Map();

/** A hash of the password above, made by the program that makes them. */
async function hashOf(db) {
  if (hashes.has(db)) return hashes.get(db);
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-people-')), 'people.yaml');
  fs.writeFileSync(file, JSON.stringify({ users: [{ email: 'first@example.org', first_name: 'First', last_name: 'Person', password }] }));
  const { code, stderr } = await runProgram('fulgurctl', ['kickstart', file], { env: { DATABASE_URL: db.url } });
  assert.equal(code, 0, stderr);
  fs.rmSync(path.dirname(file), { recursive: true });
  hashes.set(db, (await db.one("SELECT hashed_password AS hash FROM users WHERE email = 'first@example.org'")).hash);
  return hashes.get(db);
}

/** Columns of the user; the password is the one above unless `hashed_password` says otherwise. */
export async function makePerson(db, values = {}) {
  const id = uuid7();
  const person = { id, email: `${id}@example.org`, first_name: 'Test', last_name: 'Person', hashed_password: await hashOf(db), ...values };
  const columns = Object.keys(person);
  await db.query(`INSERT INTO users (${columns.join(', ')}) VALUES (${columns.map((_, i) => `$${i + 1}`).join(', ')})`, Object.values(person));
  return { ...person, password };
}

/** The cookies a reply sets: name → { value, and its attributes in lower case }. */
export function cookiesOf(reply) {
  return Object.fromEntries((reply.headers['set-cookie'] ?? []).map((header) => {
    const [pair, ...attributes] = header.split('; ');
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
    return [name, { value, ...Object.fromEntries(attributes.map((text) => [text.split('=')[0].toLowerCase(), text.split('=')[1] ?? true])) }];
  }));
}

export const sessionCookie = '_lightning_key';

/** A session that is simply there, as logging in would have made it. */
export async function openSession(db, person) {
  const secret = crypto.randomBytes(32);
  await db.query("INSERT INTO user_tokens (id, user_id, context, token_hash) VALUES ($1, $2, 'session', $3)",
    [uuid7(), person.id, crypto.createHash('sha256').update(secret).digest()]);
  const cookie = `${sessionCookie}=${secret.toString('base64url')}`;
  const csrf = { 'x-csrf-token': Buffer.from(sodium.crypto_generichash(32, 'csrf token', secret)).toString('base64url') };
  return { cookie, csrf, headers: { cookie, ...csrf }, secret: secret.toString('base64url') };
}

export const askLogIn = (client, user, { headers = {}, ...options } = {}) =>
  client.request('/users/log_in', {
    method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof user === 'string' ? user : JSON.stringify({ user }), ...options,
  });

/** Logs in; `headers` is what the browser sends from then on, `csrf` what a page of ours adds. */
export async function logIn(client, person, options) {
  const reply = await askLogIn(client, { email: person.email, password: person.password }, options);
  assert.equal(reply.status, 200, reply.body);
  const cookie = `${sessionCookie}=${cookiesOf(reply)[sessionCookie].value}`;
  const csrf = { 'x-csrf-token': reply.json.csrf_token };
  return { cookie, csrf, headers: { cookie, ...csrf }, secret: cookiesOf(reply)[sessionCookie].value, reply };
}
