/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Webhooks acknowledged after their commit, against what pgbench reaches with the same rows one commit at a time: three prepared
 * statements in a pipeline, and one statement with CTEs; the best of them counts. And what a webhook costs us in CPU, with
 * authentication, directly and through fulgur-web.
 */

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { cpuOf, memoryOf, psql, sleep } from './lib/instance.js';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 10);
const body = JSON.stringify({ patient: { name: 'Ada', visits: Array.from({ length: 40 }, (_, n) => ({ n, ok: true })) } })
  .padEnd(1024, ' ');

/* -- the ceiling ------------------------------------------------------------------------------------- */

const dataclip = `INSERT INTO dataclips (id, project_id, type, size) VALUES (md5(:id || 'd')::uuid, {project}, 'http_request', 1024)`;
const clipBody = `INSERT INTO dataclip_bodies (dataclip_id, project_id, body, request, inserted_at)
  VALUES (md5(:id || 'd')::uuid, {project}, {body}, {request}, now())`;
const workOrder = `INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id, trigger_id, dataclip_id)
  VALUES (md5(:id || 'w')::uuid, {project}, {workflow}, {snapshot}, {trigger}, md5(:id || 'd')::uuid)`;
const run = `INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, dataclip_id, run_timeout_ms)
  VALUES (md5(:id || 'r')::uuid, {project}, {workflow}, md5(:id || 'w')::uuid, {snapshot}, {trigger}, md5(:id || 'd')::uuid, 300000)`;
const place = `INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, run_timeout_ms)
  VALUES (md5(:id || 'r')::uuid, {project}, {workflow}, md5(:id || 'w')::uuid, {workflow}, 300000)`;

const scripts = {
  'three statements, pipelined': `\\set id random(1, 9000000000000000000)
\\startpipeline
WITH d AS (${dataclip}) ${clipBody};
${workOrder};
WITH r AS (${run}) ${place};
\\endpipeline
`,
  'one statement': `\\set id random(1, 9000000000000000000)
WITH d AS (${dataclip}), b AS (${clipBody}), w AS (${workOrder}), r AS (${run}) ${place};
`,
};

function percentile(values, p) {
  values.sort((a, b) => a - b);
  return values[Math.min(values.length - 1, Math.floor(values.length * p))];
}

function pgbench(instance, script, clients) {
  const folder = instance.folder;
  const file = join(folder, 'pgbench.sql');
  const [project, workflow, snapshot, trigger] = psql(`SELECT w.project_id || '|' || w.id || '|' || w.current_snapshot_id || '|' || t.id
    FROM workflows w JOIN triggers t ON t.workflow_id = w.id LIMIT 1`).split('|');
  const uuid = (text) => `'${text}'::uuid`;
  /* As bytes: pgbench takes a colon in a literal for a variable. */
  const bytes = (text) => `'\\x${Buffer.from(text).toString('hex')}'::bytea`;
  const request = JSON.stringify({ method: 'POST', path: ['i', trigger], query_params: {},
    headers: { 'content-type': 'application/json', host: '127.0.0.1' } });

  writeFileSync(file, script.replaceAll('\n  ', ' ').replaceAll('{project}', uuid(project)).replaceAll('{workflow}', uuid(workflow))
    .replaceAll('{snapshot}', uuid(snapshot)).replaceAll('{trigger}', uuid(trigger))
    .replaceAll('{body}', bytes(body)).replaceAll('{request}', bytes(request)));
  const output = execFileSync('pgbench', ['-n', '-M', 'prepared', '-f', file, '-c', clients, '-j', 1, '-T', Math.max(3, SECONDS / 2),
    '-l', '--log-prefix', join(folder, 'pgbench-log')].map(String), { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const latencies = [];
  for (const name of readdirSync(folder).filter((entry) => entry.startsWith('pgbench-log'))) {
    for (const line of readFileSync(join(folder, name), 'utf8').split('\n'))
      if (line)
        latencies.push(Number(line.split(' ')[2]) / 1000);
    rmSync(join(folder, name));
  }
  return { rate: Number(output.match(/tps = ([0-9.]+)/)[1]), p99: percentile(latencies, 0.99) };
}

function ceiling(instance, report) {
  let best = { rate: 0 }, p99At64 = Infinity;

  for (const [name, script] of Object.entries(scripts))
    for (const clients of [16, 64]) {
      const result = pgbench(instance, script, clients);
      report.note(`pgbench, ${name}, ${clients} clients`, `${result.rate.toFixed(0)}/s, p99 ${result.p99.toFixed(1)} ms`);
      if (result.rate > best.rate)
        best = result;
      if (clients === 64)
        p99At64 = Math.min(p99At64, result.p99);
    }
  return { rate: best.rate, p99: p99At64 };
}

/* -- ours ---------------------------------------------------------------------------------------------- */

const units = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function wrk(instance, url, headers) {
  const script = join(instance.folder, 'post.lua');
  writeFileSync(script, `wrk.method = "POST"\nwrk.body = [==[${body}]==]\n${
    Object.entries({ 'content-type': 'application/json', ...headers })
      .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`).join('\n')}\n`);
  const output = execFileSync('wrk', ['-t1', '-c64', `-d${SECONDS}s`, '--latency', '-s', script, url], { encoding: 'utf8' });
  if (/Non-2xx|Socket errors/.test(output))
    throw new Error(output);
  const [, p99, unit] = output.match(/99%\s+([0-9.]+)(us|ms|s|m)/);
  return { rate: Number(output.match(/Requests\/sec:\s+([0-9.]+)/)[1]), p99: Number(p99) * units[unit],
    count: Number(output.match(/(\d+) requests in/)[1]) };
}

async function measured(instance, daemons, work) {
  const before = daemons.map((name) => cpuOf(instance.pid(name)));
  const result = work();
  await sleep(200);
  result.cpu = daemons.reduce((sum, name, i) => sum + cpuOf(instance.pid(name)) - before[i], 0) / result.count;
  return result;
}

export async function webhooks(instance, report) {
  const path = instance.manifest.workflows[0].webhook_path;
  const headers = { 'x-api-key': instance.apiKey };
  const top = ceiling(instance, report);

  wrk(instance, instance.url('webhooks', path), headers);        /* warm: plans, caches, partitions */
  const stored = Number(psql('SELECT count(*) FROM work_orders'));
  const direct = await measured(instance, ['webhooks'], () => wrk(instance, instance.url('webhooks', path), headers));
  const added = Number(psql('SELECT count(*) FROM work_orders')) - stored;
  if (added < direct.count)
    throw new Error(`${direct.count} webhooks were acknowledged, ${added} are stored`);
  const forwarded = await measured(instance, ['web', 'webhooks'], () => wrk(instance, instance.url('web', path), headers));

  report.note('webhooks, direct', `${direct.rate.toFixed(0)}/s, p99 ${direct.p99.toFixed(1)} ms`);
  report.note('webhooks, through fulgur-web', `${forwarded.rate.toFixed(0)}/s, p99 ${forwarded.p99.toFixed(1)} ms`);
  report.figure('webhooks acked after commit ÷ best pgbench', direct.rate / top.rate, '≥', 1.5, '×');
  report.figure('their p99 ÷ pgbench p99 at 64 clients', direct.p99 / top.p99, '≤', 2, '×');
  report.figure('CPU of fulgur-webhooks per webhook, API key checked', direct.cpu, '≤', 45, 'µs');
  report.figure('CPU with fulgur-web in front', forwarded.cpu, '≤', 90, 'µs');
}

/* -- a large one ------------------------------------------------------------------------------------------ */

export async function largeWebhook(instance, report) {
  const path = instance.manifest.workflows[0].webhook_path;
  const large = `{"text":"${'x'.repeat(10_000_000 - 11)}"}`;
  const pid = instance.pid('webhooks');
  const before = memoryOf(pid);

  for (let n = 0; n < 3; n++) {
    const reply = await fetch(instance.url('webhooks', path), { method: 'POST', body: large,
      headers: { 'content-type': 'application/json', 'x-api-key': instance.apiKey } });
    if (reply.status !== 200)
      throw new Error(`a body of ${large.length} bytes: ${reply.status} ${await reply.text()}`);
  }
  await sleep(1000);
  report.note('fulgur-webhooks before and after 10 MB bodies', `${before} KiB, ${memoryOf(pid)} KiB`);
  report.figure('memory kept after 10 MB bodies', (memoryOf(pid) - before) / 1024, '≤', 2, 'MiB');
}
