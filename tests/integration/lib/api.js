// SPDX-License-Identifier: Apache-2.0
//
// The API as its users have it: people with tokens, and every reply held to the schema of its route.

import Ajv from 'ajv/dist/2020.js';
import crypto from 'node:crypto';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { makeUser, uuid7 } from './fixtures.js';
import { now, runToken } from './keys.js';

const schemas = path.resolve(new URL('.', import.meta.url).pathname, '../../../src/schema');

/** A personal access token's text; `claims` replaces some. */
export const personalToken = (user, claims = {}) =>
  runToken(undefined, { jti: uuid7(), sub: `user:${user.id}`, iat: now() - 1, id: undefined, nbf: undefined, exp: undefined, ...claims });

/** Puts the token where the server looks for it. */
export async function storeToken(db, user, token) {
  const hash = crypto.createHash('sha256').update(token).digest();
  await db.query("INSERT INTO user_tokens (id, user_id, context, token_hash) VALUES ($1, $2, 'api', $3)", [uuid7(), user.id, hash]);
}

/** A user with a token, and the roles given: [[project, role], …]. */
export async function makeApiUser(db, memberships = []) {
  const user = await makeUser(db);
  user.token = personalToken(user);
  await storeToken(db, user, user.token);
  for (const [project, role] of memberships)
    await db.query('INSERT INTO project_users (project_id, user_id, role) VALUES ($1, $2, $3)', [project.id, user.id, role]);
  return user;
}

/** The rows of --list-routes. */
export function listRoutes(name) {
  const program = path.join(process.env.FULGUR_BUILD, 'src', name, `fulgur-${name}`);
  const [, ...lines] = execFileSync(program, ['--list-routes'], { encoding: 'utf8' }).trim().split('\n');
  return lines.map((line) => {
    const [method, pattern, auth, right, body, schema] = line.trim().split(/\s+/);
    return { method, pattern, auth, right, body: Number(body), schema: schema === '-' ? null : schema, n_called: 0 };
  });
}

function matches(pattern, pathname) {
  const expression = pattern
    .replace(/\/\{[a-z_]+\.\.\.\}$/, '(/.*)?')
    .replace(/\{[a-z_]+\}/g, '[^/]+');
  // Empty segments do not count.
  return new RegExp(`^${expression}/?$`).test(pathname);
}

/** Asks a daemon, counts which routes answered, and holds what they say to their schemas. */
export function makeClient(daemon) {
  const routes = listRoutes(daemon.name).sort((a, b) => literals(b) - literals(a));
  const ajv = new Ajv({ allErrors: true, allowUnionTypes: true });
  for (const file of fs.readdirSync(schemas)) ajv.addSchema(JSON.parse(fs.readFileSync(path.join(schemas, file), 'utf8')), file);

  const client = { routes };
  client.request = async (target, { token, headers = {}, method = 'GET', body } = {}) => {
    const reply = await daemon.request({
      method, path: target, headers: { ...headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    }, body);
    const type = reply.headers['content-type'] ?? '';
    reply.json = type.startsWith('application/json') && reply.body !== '' ? JSON.parse(reply.body) : undefined;

    const route = routes.find((row) => row.method === method && matches(row.pattern, new URL(target, 'http://x').pathname));
    if (route && reply.status < 400) {
      route.n_called++;
      if (route.schema && ![204, 302].includes(reply.status) && !ajv.validate(route.schema, reply.json))
        throw new Error(`${method} ${target} is not what ${route.schema} says: ${ajv.errorsText()}\n${reply.body}`);
    }
    return reply;
  };
  client.get = (user, target) => client.request(target, { token: user.token });
  client.uncalled = () => routes.filter((row) => row.n_called === 0).map((row) => `${row.method} ${row.pattern}`);
  return client;
}

const literals = ({ pattern }) => pattern.split('/').filter((segment) => segment !== '' && !segment.startsWith('{')).length;
