// SPDX-License-Identifier: Apache-2.0
//
// Callers of webhooks, and what they may be asked for.

import { seal } from './keys.js';
import { uuid7 } from './fixtures.js';

let count = 0;

/** Links a method to the workflow's trigger. `secrets`: { username, password } or { api_key }; `values` overrule columns. */
export async function makeAuthMethod(db, workflow, secrets, values = {}) {
  const id = uuid7();
  const project = workflow.project.id;
  const sealed = (column) =>
    secrets[column] === undefined ? null : seal('webhook_auth_methods', column, id, secrets[column], project);
  const row = {
    auth_type: secrets.api_key === undefined ? 'basic' : 'api', username: sealed('username'), password: sealed('password'),
    api_key: sealed('api_key'), scheduled_deletion: null, ...values,
  };
  await db.query(
    `INSERT INTO webhook_auth_methods (id, project_id, name, auth_type, username, password, api_key, scheduled_deletion)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [id, project, `method ${++count}`, row.auth_type, row.username, row.password, row.api_key, row.scheduled_deletion]);
  await db.query(
    'INSERT INTO trigger_webhook_auth_methods (project_id, trigger_id, webhook_auth_method_id) VALUES ($1, $2, $3)',
    [project, workflow.trigger.id, id]);
  return id;
}

export const basic = (username, password) => 'Basic ' + Buffer.from(`${username}:${password}`).toString('base64');

/** Sends; `body` is bytes or text, with a JSON type unless the headers say otherwise. The reply's JSON is in `json`. */
export async function call(daemon, method, path, body, headers = {}) {
  const response = await daemon.request({ method, path, headers }, body);
  try {
    response.json = JSON.parse(response.body);
  } catch {
    response.json = undefined;
  }
  return response;
}

export const post = (daemon, path, body = '{}', headers = {}) =>
  call(daemon, 'POST', path, body, { 'content-type': 'application/json', ...headers });

/** What has been stored for an answer: body and request as bytes and as values, work order, run, place in the queue. */
export async function stored(db, response) {
  const id = response.headers['x-meta-work-order-id'];
  const workOrder = await db.one('SELECT * FROM work_orders WHERE id = $1', [id]);
  const run = await db.one('SELECT * FROM runs WHERE work_order_id = $1', [id]);
  const dataclip = await db.one(
    'SELECT c.*, b.body, b.request FROM dataclips c JOIN dataclip_bodies b ON b.dataclip_id = c.id WHERE c.id = $1',
    [workOrder.dataclip_id]);
  const place = await db.one('SELECT * FROM run_queue WHERE run_id = $1', [run.id]);
  return { workOrder, run, dataclip, place, bytes: dataclip.body, request: JSON.parse(dataclip.request) };
}

/**
 * What a worker's end does to a run that somebody waits for. `reply`: { status, data } as stored, or null for a run that ended
 * without one; `ring` false: nobody is told.
 */
export async function endRun(db, id, { state = 'success', reply = null, ring = true, error_type = null } = {}) {
  const { project_id } = await db.one(
    `UPDATE runs SET state = $2, error_type = $3, claimed_at = inserted_at, started_at = inserted_at, finished_at = now()
      WHERE id = $1 RETURNING project_id`,
    [id, state, error_type]);
  await db.query('DELETE FROM run_queue WHERE run_id = $1', [id]);
  if (reply)
    await db.query('INSERT INTO webhook_replies (run_id, project_id, status, data) VALUES ($1, $2, $3, $4)',
      [id, project_id, reply.status, Buffer.from(reply.data)]);
  if (ring) await db.query("SELECT pg_notify('run_done', $1)", [id]);
}

/** The newest run of a workflow, once it is there. */
export async function nextRun(db, workflow, seen = new Set()) {
  for (let i = 0; i < 500; i++) {
    const rows = await db.query('SELECT id FROM runs WHERE workflow_id = $1 ORDER BY id', [workflow.id]);
    const row = rows.find(({ id }) => !seen.has(id));
    if (row) {
      seen.add(row.id);
      return row.id;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('no run appeared');
}
