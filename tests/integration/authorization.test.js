// SPDX-License-Identifier: Apache-2.0
//
// Every route of the web server's table, with every kind of asker, on every kind of project: who gets in is what the table "rights"
// of the database says, and nothing else. A route that this test has no address or body for fails it.

import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { listRoutes, makeApiUser, makeClient } from './lib/api.js';
import { startDaemon } from './lib/daemon.js';
import { newDatabase } from './lib/database.js';
import { makeProject, makeRun, makeWorkflow, uuid7 } from './lib/fixtures.js';
import { runToken, workerToken } from './lib/keys.js';
import { makePerson } from './lib/people.js';

const routes = listRoutes('web');
const kinds = ['own', 'other', 'deleted', 'unknown'];
const roles = ['viewer', 'editor', 'admin', 'owner'];
const askers = ['none', ...roles, 'superuser', 'support', 'stranger', 'disabled', 'worker', 'run'];

let db, web, api, rights, email, editor, newcomer, person;
const tokens = {};
const memberships = {};                 // asker → kind → role
const projects = {};                    // kind → what it has

// -- projects and people -------------------------------------------------------------------------------------------

async function furnish(kind) {
  const project = await makeProject(db);
  const workflow = await makeWorkflow(db, project), run = await makeRun(db, workflow);
  const collection = `of-${kind}`, collections = uuid7();
  await db.query('INSERT INTO collections (id, project_id, name) VALUES ($1, $2, $3)', [collections, project.id, collection]);
  return { project: project.id, name: project.name, workflows: workflow.id, jobs: workflow.jobs[0].id, runs: run.id, work_orders: run.work_order_id,
    collection, collections, credentials: uuid7(), run, workflow, dataclips: run.dataclip.id };
}

const imaginary = () => {
  const ids = ['project', 'workflows', 'jobs', 'runs', 'work_orders', 'collections', 'credentials', 'dataclips', 'user'].map((key) => [key, crypto.randomUUID()]);
  return { ...Object.fromEntries(ids), name: 'imaginary', collection: 'of-nobody' };
};

async function invite() {
  const member = async (name, list) => {
    memberships[name] = Object.fromEntries(list);
    const user = await makeApiUser(db, list.map(([kind, role]) => [{ id: projects[kind].project }, role]));
    tokens[name] = user.token;
    return user;
  };
  for (const role of roles) {
    const user = await member(role, [['own', role], ['deleted', role]]);
    if (role === 'editor') editor = user;
  }
  await member('stranger', [['other', 'owner']]);
  const disabled = await member('disabled', [['own', 'owner']]);
  const [superuser, support] = [await member('superuser', []), await member('support', [])];
  email = (await db.one('SELECT email FROM users WHERE id = $1', [superuser.id])).email;
  await db.query('UPDATE users SET disabled = true WHERE id = $1', [disabled.id]);
  await db.query("UPDATE users SET role = 'superuser' WHERE id = $1", [superuser.id]);
  await db.query('UPDATE users SET support_user = true WHERE id = $1', [support.id]);
  await db.query('UPDATE projects SET allow_support_access = true WHERE id = ANY ($1)', [[projects.own.project, projects.deleted.project]]);

  const nonce = uuid7(), { run, project } = projects.own;
  await db.query("UPDATE run_queue SET state = 'started', claim_nonce = $2, worker_name = NULL WHERE run_id = $1", [run.id, nonce]);
  tokens.run = runToken(run.id, { claim: nonce, project_id: project });
  tokens.worker = workerToken();
}

before(async () => {
  db = await newDatabase();
  web = await startDaemon('web', db);
  api = makeClient(web);
  for (const kind of ['own', 'other', 'deleted']) projects[kind] = await furnish(kind);
  projects.unknown = imaginary();
  person = await makePerson(db);
  newcomer = (await makePerson(db)).email;
  await invite();
  await db.query('UPDATE projects SET scheduled_deletion = now() WHERE id = $1', [projects.deleted.project]);
  const rows = await db.query('SELECT name, role FROM rights');
  rights = (rows.rows ?? rows).map(({ name, role }) => `${name} ${role}`);
});

after(async () => {
  await web.finish();
  await db.close();
  const unused = routes.filter(({ auth, pattern }) => auth !== 'session' && pattern !== '/users/two-factor').map(({ method, pattern }) => `${method} ${pattern}`);
  assert.deepEqual(api.uncalled().filter((route) => unused.includes(route)), ['GET /{rest...}'], 'all but what is unknown was used by somebody');
});

// -- what the table says ---------------------------------------------------------------------------------------------

const hasProject = ({ right }) => !['public', 'authenticated', 'superuser', 'own-credential'].includes(right);

/** May they? What is public or about the asker alone knows no projects. */
function isAllowed(route, asker, kind) {
  // What was begun with the password is its own proof: tests/integration/two-factor.test.js.
  if (route.pattern === '/users/two-factor') return false;
  if (route.auth === 'none') return true;
  if (['none', 'disabled', 'worker'].includes(asker)) return false;
  // Who is logged in, and how, is tests/integration/accounts.test.js.
  if (route.auth === 'session') return false;
  if (asker === 'run') return route.auth === 'token-or-run' && kind === 'own';
  if (route.right === 'superuser') return asker === 'superuser';
  if (route.right === 'own-credential') return asker === 'editor';
  if (!hasProject(route)) return true;
  // A project that is not there yet is its maker's.
  if (kind === 'unknown') return ['write-document', 'edit-project'].includes(route.right) && asker === 'superuser';
  if (kind === 'deleted') return false;
  const right = route.right.replaceAll('-', '_');
  const role = asker === 'support' ? (kind === 'own' ? 'support' : undefined) : memberships[asker][kind];
  return rights.includes(`${right} ${role}`);
}

// -- what is asked ---------------------------------------------------------------------------------------------------

/** The address of a thing of that project. Every placeholder is known, or the test fails. */
function address({ method, pattern }, has) {
  const known = {
    project_id: has.project, workflow_id: has.workflows, user_id: has.user, run_id: has.runs, job_id: has.jobs, name: has.collection, key: 'a key', 'rest...': 'nowhere',
    id: pattern.startsWith('/profile/') ? crypto.randomUUID() : pattern.match(/\/api\/(projects|provision)\/\{id\}$/) ? has.project : has[pattern.match(/([a-z_]+)\/\{id\}$/)?.[1]],
  };
  const path = pattern.replace(/\{([a-z_.]+)\}/g, (_, name) => {
    assert.ok(known[name], `${method} ${pattern}: whose {${name}} is it?`);
    return encodeURIComponent(known[name]);
  });
  return pattern === '/api/provision/yaml' ? `${path}?id=${has.project}` : path;
}

const newWorkflow = () => {
  const [trigger, job] = [crypto.randomUUID(), crypto.randomUUID()];
  return { name: `w ${trigger}`, triggers: [{ id: trigger }], jobs: [{ id: job, name: 'j', body: 'x' }],
    edges: [{ source_trigger_id: trigger, target_job_id: job, condition_type: 'always' }] };
};

const bodies = {
  'PUT /projects/{project_id}/members': () => ({ email: newcomer, role: 'viewer' }),
  'POST /api/credentials': () => ({ name: `c ${uuid7()}`, body: {} }),
  'PUT /api/credentials/{id}': () => ({ name: `c ${uuid7()}`, credential_bodies: [{ name: 'main', body: {} }] }),
  'PUT /api/projects/{id}': (has) => ({ name: has.name, members: [{ email, role: 'owner' }] }),
  'PUT /api/projects/{project_id}/collections/{id}': (has) => ({ name: has.collection }),
  'POST /users/log_in': () => ({ user: person }),
  'POST /users/two-factor': () => ({ user: { code: '123456' } }),
  'POST /profile/password': () => ({}),
  'POST /profile/two-factor': () => ({}),
  'PUT /profile/two-factor': () => ({}),
  'POST /profile/two-factor/backup_codes': () => ({}),
  'POST /profile/tokens': () => ({}),
  'POST /api/provision': (has) => ({ id: has.project, name: has.name }),
  'POST /api/projects/{project_id}/workflows': newWorkflow,
  'PUT /api/projects/{project_id}/workflows/{id}': () => ({}),
  'PATCH /api/projects/{project_id}/workflows/{id}': () => ({}),
  'POST /projects/{project_id}/workflows/{workflow_id}/runs': (has) => ({ job_id: has.jobs }),
  'POST /projects/{project_id}/runs/{run_id}/retry': () => ({}),
  'POST /projects/{project_id}/runs/{run_id}/cancel': () => ({}),
  'PATCH /projects/{project_id}/dataclips/{id}': () => ({ name: 'named' }),
  'POST /projects/{project_id}/work_orders/retry': (has) => ({ work_order_ids: [has.work_orders] }),
  'POST /projects/{project_id}/work_orders/cancel': (has) => ({ work_order_ids: [] }),
  'POST /collections/{name}': () => ({ items: [{ key: 'a key', value: 'x' }] }),
  'PUT /collections/{name}/{key}': () => ({ value: 'x' }),
};

/** One that the editor owns. */
async function ownCredential() {
  const id = uuid7();
  await db.query('INSERT INTO credentials (id, user_id, name) VALUES ($1, $2, $3)', [id, editor.id, `own ${id}`]);
  return id;
}

// What a request uses up is made anew for each.
const fresh = {
  'DELETE /projects/{project_id}/members/{user_id}': async (has) => ({ ...has, user: (await makeApiUser(db, [[{ id: has.project }, 'viewer']])).id }),
  ...Object.fromEntries(['GET', 'PUT', 'DELETE'].map((method) => [`${method} /api/credentials/{id}`, async (has) => ({ ...has, credentials: await ownCredential() })])),
  'POST /projects/{project_id}/runs/{run_id}/cancel': async (has) => ({ ...has, runs: (await makeRun(db, has.workflow)).id }),
};

async function ask(route, asker, kind) {
  const renew = fresh[`${route.method} ${route.pattern}`];
  let has = kind === 'unknown' ? imaginary() : projects[kind];
  if (renew && kind !== 'unknown') has = await renew(has);
  const make = bodies[`${route.method} ${route.pattern}`];
  assert.ok(make || ['GET', 'DELETE'].includes(route.method), `${route.method} ${route.pattern}: what is its body?`);
  const body = make && JSON.stringify(make(has));
  const reply = await api.request(address(route, has), {
    method: route.method, token: tokens[asker], body, headers: body ? { 'content-type': 'application/json' } : {},
  });
  return reply;
}

for (const route of routes)
  describe(`${route.method} ${route.pattern}`, () => {
    for (const kind of hasProject(route) ? kinds : ['own'])
      test(`${kind}: ${route.right}`, async () => {
        for (const asker of askers) {
          const reply = await ask(route, asker, kind), isIn = reply.status < 400 || route.pattern === '/{rest...}';
          assert.equal(isIn, isAllowed(route, asker, kind), `${asker}: ${reply.status} ${reply.body}`);
          // An id that is taken is taken, whoever has it.
          const refusals = route.right === 'own-credential' ? [401, 403, 404, 409] : [401, 403, 404];
          if (!isIn) assert.ok(refusals.includes(reply.status), `${asker}: ${reply.status} ${reply.body}`);
          // Nor is a word said of what is elsewhere, but to those who may see all.
          for (const whose of route.right === 'superuser' ? [] : kinds.filter((other) => other !== kind && (other === 'deleted' || !memberships[asker]?.[other])))
            for (const id of [projects[whose].project, projects[whose].runs, projects[whose].workflows])
              assert.ok(!reply.body.includes(id), `${asker} hears of the ${whose} project`);
        }
      });
  });
