// SPDX-License-Identifier: Apache-2.0
//
// The API's description of itself: valid OpenAPI, complete, and its schemas hold for real replies.

import Ajv from 'ajv/dist/2020.js';
import { Validator } from '@seriousme/openapi-schema-validator';
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { listRoutes, makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow } from './lib/fixtures.js';

let db, web, api, description;

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db, { URL_SCHEME: 'https', URL_HOST: 'flow.example.org', URL_PORT: '443' });
  api = makeClient(web);
  description = (await api.request('/api/openapi.json')).json;
});

after(async () => {
  await web.finish();
  await db.close();
});

test('is OpenAPI', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(description.servers[0].url, 'https://flow.example.org');
});

test('has every route once, with what it needs', () => {
  const operations = Object.entries(description.paths).flatMap(([pattern, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method.toUpperCase()} ${pattern}`, ...operation })));
  const routes = listRoutes('web').filter(({ pattern }) => !pattern.startsWith('/{'));
  assert.deepEqual(operations.map(({ name }) => name).sort(), routes.map(({ method, pattern }) => `${method} ${pattern}`).sort());
  assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  for (const operation of operations) {
    const route = routes.find(({ method, pattern }) => operation.name === `${method} ${pattern}`);
    assert.equal(operation['x-right'], route.right);
    assert.deepEqual(operation.security, { none: [], session: [{ session: [] }], 'session-or-token': [{ token: [] }, { session: [] }] }[route.auth] ?? [{ token: [] }]);
    assert.equal(operation.parameters.length, route.pattern.split('{').length - 1);
    assert.equal(operation.requestBody !== undefined, route.body > 0, operation.name);
  }
});

test('its schemas are whole, and say what replies are', async () => {
  const project = await makeProject(db), user = await makeApiUser(db, [[project, 'owner']]), run = await makeRun(db, await makeWorkflow(db, project));
  const ajv = new Ajv({ allowUnionTypes: true, strict: false });
  ajv.addSchema(description, 'api.json');
  for (const name of Object.keys(description.components.schemas)) ajv.compile({ $ref: `api.json#/components/schemas/${name}` });
  for (const [pattern, address] of [['/api/projects', '/api/projects'], ['/api/runs/{id}', `/api/runs/${run.id}`], ['/api/workflows', '/api/workflows'],
    ['/api/provision/{id}', `/api/provision/${project.id}`]]) {
    const { $ref } = description.paths[pattern].get.responses['2XX'].content['application/json'].schema;
    const validate = ajv.compile({ $ref: `api.json${$ref}` });
    const { json } = await api.get(user, address);
    assert.ok(validate(json), JSON.stringify(validate.errors));
    assert.ok(!validate({ ...json, more: 1 }), 'and nothing else');
  }
});
