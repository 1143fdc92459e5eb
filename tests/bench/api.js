/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What people and their programs feel: reads of the API, a long history narrowed by its filters, collections, a project saved as a
 * document. The floors are PostgreSQL's own answers to psql, and the same rows stored by it directly.
 */

import { randomUUID } from 'node:crypto';

import { cpuOf, psql } from './lib/instance.js';
import { fillQueue } from './runs.js';

const ITEMS = 10_000, READS = 400;

const clientOf = (instance) => async (path, body, method = body === undefined ? 'GET' : 'POST') => {
  const reply = await fetch(instance.url('web', path), {
    method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { authorization: `Bearer ${instance.manifest.api_token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
  });
  const text = await reply.text();
  if (!reply.ok)
    throw new Error(`${method} ${path}: ${reply.status} ${text.slice(0, 200)}`);
  return text === '' ? null : text.startsWith('{') ? JSON.parse(text) : text;
};

const took = async (what) => {
  const start = performance.now();
  await what();
  return performance.now() - start;
};

/* -- reads -------------------------------------------------------------------------------------------------- */

async function reads(instance, report, ask) {
  const project = instance.manifest.projects[0].id, workflow = instance.manifest.workflows[0].workflow_id;
  const [run] = (await ask('/api/runs?page_size=1')).data;
  const paths = {
    'one run': `/api/runs/${run.id}`, 'ten runs of a project': `/api/projects/${project}/runs`, 'ten work orders': '/api/work_orders',
    'one workflow': `/api/workflows/${workflow}`, 'projects': '/api/projects',
  };
  let worst = 0;
  for (const [what, path] of Object.entries(paths)) {
    await ask(path);
    const before = cpuOf(instance.pid('web'));
    for (let n = 0; n < READS; n++)
      await ask(path);
    const cpu = (cpuOf(instance.pid('web')) - before) / READS / 1000;
    worst = Math.max(worst, cpu);
    report.note(`CPU of fulgur-web for ${what}`, `${cpu.toFixed(3)} ms`);
  }
  report.figure('CPU of fulgur-web for a read of the API, the dearest of five kinds', worst, '≤', 2, 'ms');
}

/* -- history -------------------------------------------------------------------------------------------------- */

async function history(instance, report, ask) {
  const count = Number(process.env.BENCH_HISTORY ?? 1_000_000), project = instance.manifest.projects[0].id;
  /* Of three weeks. */
  fillQueue(count, 3 * 7 * 86_400_000 / count);
  psql('TRUNCATE run_queue');
  psql("UPDATE runs SET state = 'success' WHERE id IN (SELECT id FROM runs ORDER BY id LIMIT 1000)");
  const at = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
  const from = at(7 * 24 * 60), to = at(60);
  const filters = ['', `inserted_after=${from}`, `inserted_before=${from}`, `inserted_after=${from}&inserted_before=${to}`, `updated_after=${from}`,
    `updated_before=${to}`, 'page=1000&page_size=100'];
  let worst = 0, what = '';
  for (const list of ['/api/work_orders', `/api/projects/${project}/work_orders`, `/api/projects/${project}/runs`])
    for (const filter of filters) {
      await ask(`${list}?${filter}`);
      const time = await took(() => ask(`${list}?${filter}`));
      if (time > worst)
        [worst, what] = [time, `${list.replace(project, '…')}?${filter}`];
    }
  report.figure(`a page of history, ${count.toLocaleString('en')} work orders, any filter of the API, the slowest of 21`, worst, '≤', 300, 'ms');
  report.note('the slowest page of history', what);
  const nothing = await took(() => ask(`/api/projects/${project}/runs?updated_after=${at(0)}`));
  report.note('runs that were changed after now, which is to look at a month of them', `${nothing.toFixed(0)} ms`);
}

/* -- collections ------------------------------------------------------------------------------------------------ */

async function collections(instance, report, ask) {
  const project = instance.manifest.projects[0].id, name = `bench-${Date.now()}`;
  psql(`INSERT INTO collections (id, project_id, name) VALUES (gen_random_uuid(), '${project}', '${name}')`);
  const items = Array.from({ length: ITEMS }, (_, n) => ({ key: `patient-${n}`, value: JSON.stringify({ n, name: `Patient ${n}`, visits: [n, n + 1] }) }));

  const stored = await took(async () => {
    for (let n = 0; n < ITEMS; n += 1000)
      await ask(`/collections/${name}`, { items: items.slice(n, n + 1000) });
  });
  const read = await took(async () => {
    let n = 0;
    for (let cursor = ''; cursor !== null;) {
      const page = await ask(`/collections/${name}?limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
      n += page.items.length;
      cursor = page.cursor;
    }
    if (n !== ITEMS)
      throw new Error(`${n} items came back`);
  });
  const floor = await took(async () => psql(`CREATE TEMP TABLE t (id bigserial PRIMARY KEY, c int, key text, value text, UNIQUE (c, key));
    INSERT INTO t (c, key, value) SELECT 1, 'patient-' || n, repeat('x', 50) FROM generate_series(1, ${ITEMS}) n; SELECT count(*) FROM (SELECT * FROM t ORDER BY id) s`));
  report.figure(`${ITEMS.toLocaleString('en')} items of a collection, set by thousands and read back`, (stored + read) / 1000, '≤', 2, 's');
  report.note('setting and reading the items', `${stored.toFixed(0)} ms and ${read.toFixed(0)} ms; psql alone stores as many rows in ${floor.toFixed(0)} ms`);
}

/* -- documents ---------------------------------------------------------------------------------------------------- */

/* A project of its own: the one of the other benches has a thousand workflows. */
async function documents(instance, report, ask) {
  const workflows = Array.from({ length: 20 }, (_, n) => {
    const trigger = randomUUID(), jobs = Array.from({ length: 5 }, () => randomUUID());
    return { id: randomUUID(), name: `w ${n}`, triggers: [{ id: trigger, type: 'webhook' }],
      jobs: jobs.map((id, i) => ({ id, name: `job ${i}`, body: 'fn(state => state);\n'.repeat(50) })),
      edges: [{ id: randomUUID(), source_trigger_id: trigger, target_job_id: jobs[0], condition_type: 'always' },
        ...jobs.slice(1).map((id, i) => ({ id: randomUUID(), source_job_id: jobs[i], target_job_id: id, condition_type: 'on_job_success' }))] };
  });
  const document = { id: randomUUID(), name: 'bench-document', workflows };
  const made = await took(() => ask('/api/provision', document)), same = await took(() => ask('/api/provision', document));
  report.note('a document of 20 workflows with 5 jobs each', `made in ${made.toFixed(0)} ms, said again in ${same.toFixed(0)} ms`);
}

export async function api(instance, report) {
  const ask = clientOf(instance);

  await collections(instance, report, ask);
  await documents(instance, report, ask);
  await history(instance, report, ask);
  await reads(instance, report, ask);
}
