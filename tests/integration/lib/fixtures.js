// SPDX-License-Identifier: Apache-2.0
//
// Rows to start from, by plain SQL: a project, a workflow with its snapshot, credentials, runs that wait.

import crypto from 'node:crypto';
import { seal } from './keys.js';

/** A version 7 id, as ours are; `at` in milliseconds. */
export function uuid7(at = Date.now()) {
  const bytes = crypto.randomBytes(16);
  bytes.writeUIntBE(at, 0, 6);
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

let count = 0;

export async function makeProject(db, values = {}) {
  const project = { id: uuid7(), name: `project-${++count}`, retention_policy: 'retain_all', env: 'main', concurrency: null, ...values };
  await db.query('INSERT INTO projects (id, name, retention_policy, env, concurrency) VALUES ($1, $2, $3, $4, $5)',
    [project.id, project.name, project.retention_policy, project.env, project.concurrency]);
  return project;
}

export async function makeUser(db) {
  const id = uuid7();
  await db.query("INSERT INTO users (id, email, first_name, last_name) VALUES ($1, $2, 'Test', 'User')", [id, `${id}@example.org`]);
  return { id };
}

/** `bodies`: { main: {…} }, an object per environment, or texts. Shared with the project unless it is null. */
export async function makeCredential(db, project, bodies, values = {}) {
  const user = await makeUser(db);
  const credential = { id: uuid7(), name: `credential ${++count}`, external_id: null, bodies: {}, ...values };
  await db.query('INSERT INTO credentials (id, user_id, name, external_id) VALUES ($1, $2, $3, $4)',
    [credential.id, user.id, credential.name, credential.external_id]);
  for (const [name, body] of Object.entries(bodies)) {
    const id = (credential.bodies[name] = uuid7());
    const plain = typeof body === 'string' ? body : JSON.stringify(body);
    await db.query('INSERT INTO credential_bodies (id, credential_id, name, body) VALUES ($1, $2, $3, $4)',
      [id, credential.id, name, seal('credential_bodies', 'body', id, plain)]);
  }
  if (project) {
    credential.project_credential_id = uuid7();
    await db.query('INSERT INTO project_credentials (id, project_id, credential_id) VALUES ($1, $2, $3)',
      [credential.project_credential_id, project.id, credential.id]);
  }
  return credential;
}

export async function makeKeychain(db, project, path, defaultCredential = null) {
  const keychain = { id: uuid7(), name: `keychain ${++count}` };
  await db.query('INSERT INTO keychain_credentials (id, project_id, name, path, default_credential_id) VALUES ($1, $2, $3, $4, $5)',
    [keychain.id, project.id, keychain.name, path, defaultCredential?.id ?? null]);
  return keychain;
}

/**
 * A workflow with a webhook trigger in front of its jobs, one after the other, and its snapshot.
 *
 * `jobs`: { name, body, adaptor, credential, keychain } each; `trigger`: columns of the trigger; `edges` false: none.
 */
export async function makeWorkflow(db, project, { jobs = [{}], trigger = {}, ...values } = {}) {
  const workflow = { id: uuid7(), name: `workflow ${++count}`, concurrency: null, enable_job_logs: true, ...values };
  await db.query('INSERT INTO workflows (id, project_id, name, concurrency, enable_job_logs) VALUES ($1, $2, $3, $4, $5)',
    [workflow.id, project.id, workflow.name, workflow.concurrency, workflow.enable_job_logs]);

  workflow.project = project;
  workflow.trigger = {
    id: uuid7(), type: 'webhook', enabled: true, custom_path: null, cron_expression: null, webhook_reply: 'before_start',
    success_code: null, error_code: null, ...trigger,
  };
  workflow.jobs = jobs.map((job, i) => ({
    id: uuid7(), name: `Job ${i + 1}`, body: 'fn(state => state)', adaptor: '@openfn/language-common@3.3.4', ...job,
  }));
  workflow.edges = workflow.jobs.map((job, i) => ({
    id: uuid7(), source_trigger_id: i === 0 ? workflow.trigger.id : null, source_job_id: i === 0 ? null : workflow.jobs[i - 1].id,
    target_job_id: job.id, condition_type: i === 0 ? 'always' : 'on_job_success', condition_expression: null, enabled: true,
  }));

  const t = workflow.trigger;
  await db.query(
    `INSERT INTO triggers (id, project_id, workflow_id, type, enabled, custom_path, cron_expression, webhook_reply, success_code, error_code)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [t.id, project.id, workflow.id, t.type, t.enabled, t.custom_path, t.cron_expression, t.type === 'cron' ? null : t.webhook_reply,
     t.success_code, t.error_code]);
  for (const job of workflow.jobs)
    await db.query(
      `INSERT INTO jobs (id, project_id, workflow_id, name, body, adaptor, project_credential_id, keychain_credential_id)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [job.id, project.id, workflow.id, job.name, job.body, job.adaptor, job.credential?.project_credential_id ?? null,
       job.keychain?.id ?? null]);
  for (const edge of workflow.edges)
    await db.query(
      `INSERT INTO workflow_edges (id, project_id, workflow_id, source_trigger_id, source_job_id, target_job_id, condition_type)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [edge.id, project.id, workflow.id, edge.source_trigger_id, edge.source_job_id, edge.target_job_id, edge.condition_type]);
  await makeSnapshot(db, workflow);
  return workflow;
}

/** The workflow as it is now becomes what new runs get. */
export async function makeSnapshot(db, workflow) {
  workflow.lock_version = (workflow.lock_version ?? 0) + 1;
  workflow.snapshot_id = uuid7();
  const jobs = workflow.jobs.map(({ credential, keychain, ...job }) => ({
    ...job, project_credential_id: credential?.project_credential_id ?? null, keychain_credential_id: keychain?.id ?? null,
    credential_id: credential?.id ?? keychain?.id ?? null,
  }));
  await db.query(
    `INSERT INTO workflow_snapshots (id, project_id, workflow_id, lock_version, name, jobs, triggers, edges)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [workflow.snapshot_id, workflow.project.id, workflow.id, workflow.lock_version, workflow.name, JSON.stringify(jobs),
     JSON.stringify([workflow.trigger]), JSON.stringify(workflow.edges)]);
  await db.query('UPDATE workflows SET current_snapshot_id = $2, lock_version = $3 WHERE id = $1',
    [workflow.id, workflow.snapshot_id, workflow.lock_version]);
}

export async function makeDataclip(db, project, values = {}) {
  const dataclip = { id: uuid7(), type: 'http_request', body: { a: 1 }, request: { method: 'POST' }, name: null, ...values };
  const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  const at = new Date();
  await db.query('INSERT INTO dataclips (id, project_id, type, name, body_state, inserted_at) VALUES ($1, $2, $3, $4, $5, $6)',
    [dataclip.id, project.id, dataclip.type, dataclip.name, dataclip.body === null ? 'wiped' : 'stored', at]);
  if (dataclip.body !== null)
    await db.query('INSERT INTO dataclip_bodies (dataclip_id, project_id, body, request, inserted_at) VALUES ($1, $2, $3, $4, $5)',
      [dataclip.id, project.id, Buffer.from(text(dataclip.body)),
       dataclip.type === 'http_request' ? Buffer.from(text(dataclip.request)) : null, at]);
  return dataclip;
}

/** A run that waits in the queue. `dataclip`: as for makeDataclip(), or null; `work_order_id`: another run of that one. */
export async function makeRun(db, workflow, values = {}) {
  const project = workflow.project;
  const run = {
    id: uuid7(), work_order_id: null, queue: 'default', priority: 1, run_timeout_ms: 300000, run_memory_limit_mb: null,
    save_dataclips: project.retention_policy !== 'erase_all', enable_job_logs: workflow.enable_job_logs,
    starting_job_id: null, dataclip: {}, reply_after_completion: workflow.trigger.webhook_reply === 'after_completion',
    ...values,
  };
  run.dataclip = run.dataclip && !run.dataclip.id ? await makeDataclip(db, project, run.dataclip) : run.dataclip;
  const trigger = run.starting_job_id ? null : workflow.trigger.id;
  if (!run.work_order_id) {
    run.work_order_id = uuid7();
    await db.query(
      'INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, trigger_id, dataclip_id) VALUES ($1, $2, $3, $4, $5, $6)',
      [run.work_order_id, project.id, workflow.id, workflow.snapshot_id, trigger, run.dataclip?.id ?? null]);
  }
  await db.query(
    `INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, starting_job_id, dataclip_id,
                       queue, priority, run_timeout_ms, run_memory_limit_mb, save_dataclips, enable_job_logs,
                       reply_after_completion, reply_success_code, reply_error_code)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
    [run.id, project.id, workflow.id, run.work_order_id, workflow.snapshot_id, trigger, run.starting_job_id, run.dataclip?.id ?? null,
     run.queue, run.priority, run.run_timeout_ms, run.run_memory_limit_mb, run.save_dataclips, run.enable_job_logs,
     run.reply_after_completion, run.reply_after_completion ? workflow.trigger.success_code : null,
     run.reply_after_completion ? workflow.trigger.error_code : null]);
  await db.query(
    `INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, lane_limit, queue, priority, run_timeout_ms)
     SELECT $1, p.id, w.id, $3, run_lane_id(w.id, w.concurrency, p.id, p.concurrency), coalesce(w.concurrency, p.concurrency),
            $4, $5, $6
       FROM workflows w JOIN projects p ON p.id = w.project_id WHERE w.id = $2`,
    [run.id, workflow.id, run.work_order_id, run.queue, run.priority, run.run_timeout_ms]);
  return run;
}
