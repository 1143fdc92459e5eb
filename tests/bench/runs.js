/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What workers feel: from a webhook's 200 to the claim's reply, claims with little and with much in the queue, log lines.
 */

import { execFileSync } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { environment } from '../integration/lib/keys.js';
import { cpuOf, psql, sleep } from './lib/instance.js';
import { Worker } from './lib/worker.js';

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
const high = (values) => values.sort((a, b) => a - b)[Math.floor(values.length * 0.99)];

function emptyQueue() {
  psql('TRUNCATE run_queue');
}

/* -- latency -------------------------------------------------------------------------------------------- */

export async function latency(instance, report) {
  const n = 300, times = [];
  const path = instance.manifest.workflows[0].webhook_path;
  const worker = await Worker.connect(instance);
  let arrived;

  emptyQueue();
  /* As the real worker does: it claims when it is told that there is work. */
  worker.onPush = async (topic, event) => {
    if (event !== 'work-available')
      return;
    const runs = await worker.claim();
    for (const { id } of runs)
      arrived?.(id, performance.now());
  };
  await worker.joinQueue();
  await worker.claim();

  for (let i = 0; i < n; i++) {
    const claims = new Map();
    let wake;
    if (i % 40 === 0)
      emptyQueue();        /* nobody finishes these runs, and a workflow may hold 50 */
    arrived = (id, at) => (claims.set(id, at), wake?.());
    const reply = await fetch(instance.url('webhooks', path), { method: 'POST', body: '{"n":1}',
      headers: { 'content-type': 'application/json', 'x-api-key': instance.apiKey } });
    const answered = performance.now();
    const id = reply.headers.get('x-meta-run-id');
    await reply.text();
    for (let waited = 0; !claims.has(id); waited++) {
      if (waited > 10)
        throw new Error(`run ${id} was never claimed`);
      await new Promise((resolve) => { wake = resolve; setTimeout(resolve, 1000); });
    }
    times.push(Math.max(0, claims.get(id) - answered));
    await sleep(20);
  }
  worker.close();

  report.figure('webhook\'s 200 → claim reply at an idle worker, median', median(times), '≤', 15, 'ms');
  report.figure('the same, p99', high(times), '≤', 60, 'ms');
}

/* -- claims ----------------------------------------------------------------------------------------------- */

/** Runs that wait, over all workflows, and their work orders: as many as that, `spacing` ms apart, and no others. */
export function fillQueue(count, spacing = 1) {
  emptyQueue();
  psql('TRUNCATE runs, work_orders, claim_turns');
  psql(`INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, run_timeout_ms, inserted_at, updated_at)
    SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000 - (${count} - n) * ${spacing})::bigint), 12, '0') || '7000' || lpad(to_hex(n), 16, '8'))::uuid,
           w.project_id, w.id,
           (lpad(to_hex((extract(epoch FROM now()) * 1000 - (${count} - n) * ${spacing})::bigint), 12, '0') || '7001' || lpad(to_hex(n), 16, '8'))::uuid,
           w.current_snapshot_id, t.id, 300000, now() - (${count} - n) * ${spacing} * interval '1 ms', now() - (${count} - n) * ${spacing} * interval '1 ms'
      FROM generate_series(1, ${count}) n
      JOIN (SELECT *, row_number() OVER () - 1 AS place FROM workflows) w ON w.place = n % (SELECT count(*) FROM workflows)
      JOIN triggers t ON t.workflow_id = w.id`);
  psql(`INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, inserted_at, updated_at)
    SELECT work_order_id, project_id, workflow_id, snapshot_id, inserted_at, updated_at FROM runs`);
  psql(`INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, run_timeout_ms)
    SELECT id, project_id, workflow_id, work_order_id, workflow_id, run_timeout_ms FROM runs`);
  psql('VACUUM ANALYZE run_queue');
  psql('VACUUM ANALYZE runs');
  psql('VACUUM ANALYZE work_orders');
  psql('CHECKPOINT');
}

async function claimRate(instance, count) {
  const workers = await Promise.all(Array.from({ length: 32 }, () => Worker.connect(instance)));
  await Promise.all(workers.map((worker) => worker.joinQueue()));

  const ids = new Set();
  const start = performance.now();
  await Promise.all(workers.map(async (worker) => {
    while (ids.size < count) {
      const runs = await worker.claim(1);
      if (runs.length === 0)
        break;
      for (const { id } of runs) {
        if (ids.has(id))
          throw new Error(`run ${id} was claimed twice`);
        ids.add(id);
      }
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  for (const worker of workers)
    worker.close();
  return ids.size / seconds;
}

/* Each claimed run comes with a token that is signed for it alone. */
function signaturesPerSecond() {
  const key = createPrivateKey(Buffer.from(environment.WORKER_RUNS_PRIVATE_KEY, 'base64').toString());
  const text = Buffer.alloc(300, 'x');
  const start = performance.now();
  let n = 0;

  for (; performance.now() - start < 2000; n++)
    sign('RSA-SHA256', text, key);
  return n / 2;
}

/* The statement alone, without anybody to answer: one run a call, a few clients. */
function claimsBySql(instance) {
  const file = join(instance.folder, 'claim.sql');

  writeFileSync(file, `SELECT * FROM claim_runs('{1}', '{bench}', '{manual,*}', '00000000-0000-0000-0000-000000000000', 50, '30 s', 1000);\n`);
  const output = execFileSync('pgbench', ['-n', '-M', 'prepared', '-f', file, '-c4', '-j1', '-T5'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return Number(output.match(/tps = ([0-9.]+)/)[1]);
}

export async function claims(instance, report) {
  const many = Number(process.env.BENCH_QUEUED ?? 1_000_000);
  const rounds = [];
  const signatures = signaturesPerSecond();

  /* The small queue is drained several times, so that both are measured for as long. */
  for (let n = 0; n < 5; n++) {
    fillQueue(1000);
    rounds.push(await claimRate(instance, 1000));
  }
  const small = median(rounds);
  fillQueue(many);
  const before = cpuOf(instance.pid('workers'));
  const large = await claimRate(instance, 5000);
  const cpu = (cpuOf(instance.pid('workers')) - before) / 5000;
  const bySql = claimsBySql(instance);
  emptyQueue();

  report.note('claims, 1,000 queued', `${small.toFixed(0)}/s`);
  report.note('RSA-2048 signatures on one core, one per claim', `${signatures.toFixed(0)}/s, ${(1e6 / signatures).toFixed(0)} µs each`);
  report.note('CPU of fulgur-workers per claim, signature included', `${cpu.toFixed(0)} µs`);
  report.note('claim_runs() alone, no token, one run a call', `${bySql.toFixed(0)}/s`);
  report.note('claims ÷ what two cores could sign if they did nothing else', `${(large / (2 * signatures)).toFixed(2)} ×`);
  report.figure(`claims, one run each, ${many.toLocaleString('en')} queued over 1,000 workflows`, large, '≥', 2000, '/s');
  report.figure('against 1,000 queued', large / small, '≥', 0.8, '×');
}

/* -- log lines ----------------------------------------------------------------------------------------------- */

export async function logLines(instance, report) {
  const nRuns = 4, perRun = 250, lines = 50;
  fillQueue(nRuns);
  const worker = await Worker.connect(instance);
  await worker.joinQueue();
  const runs = [];
  while (runs.length < nRuns)
    runs.push(...await worker.claim(nRuns));
  const joined = await Promise.all(runs.map(async ({ id, token }) => {
    const topic = `run:${id}`;
    const reply = await worker.push(null, topic, 'phx_join', { token });
    if (reply.status !== 'ok')
      throw new Error(JSON.stringify(reply));
    return topic;
  }));

  const start = performance.now();
  await Promise.all(joined.map(async (topic) => {
    for (let n = 0; n < perRun; n++) {
      const now = BigInt(Date.now()) * 1000n;
      const logs = Array.from({ length: lines }, (_, i) => ({ message: [`line ${n * lines + i} of this run`, { ok: true }], source: 'JOB',
        level: 'info', timestamp: String(now + BigInt(i)) }));
      const reply = await worker.push('1', topic, 'run:batch_logs', { run_id: topic.slice(4), logs });
      if (reply.status !== 'ok')
        throw new Error(JSON.stringify(reply));
    }
  }));
  const seconds = (performance.now() - start) / 1000;
  worker.close();

  const stored = Number(psql(`SELECT count(*) FROM log_lines WHERE run_id IN (${runs.map(({ id }) => `'${id}'`).join()})`));
  if (stored !== nRuns * perRun * lines)
    throw new Error(`${nRuns * perRun * lines} lines were acknowledged, ${stored} are stored`);
  emptyQueue();
  report.figure('log lines through one socket, batches of 50, 4 runs', stored / seconds, '≥', 20000, '/s');
}
