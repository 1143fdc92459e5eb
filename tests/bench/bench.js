/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The benchmarks: each figure with its ceiling or goal, from one run on one machine. Nothing here passes or fails; docs/BENCHMARKS.md is
 * made of what it prints.
 *
 *   tools/bench [NAME …]        webhooks large latency claims logs memory sockets activation api log-in
 */

import { availableParallelism } from 'node:os';

import { api } from './api.js';
import { addApiKey } from './lib/auth.js';
import { Instance, psql, simpleKickstart } from './lib/instance.js';
import { logIns } from './log-in.js';
import { activation, idleMemory, idleSockets } from './processes.js';
import { claims, latency, logLines } from './runs.js';
import { largeWebhook, webhooks } from './webhooks.js';

const benches = {
  memory: idleMemory,
  activation,
  sockets: idleSockets,
  latency,
  webhooks,
  large: largeWebhook,
  logs: logLines,
  claims,
  api,
  'log-in': logIns,
};

class Report {
  rows = [];
  notes = [];

  figure(what, value, relation, goal, unit) {
    const reached = relation === '≥' ? value >= goal : value <= goal;
    this.rows.push({ what, value, relation, goal, unit, reached });
    console.log(`  ${what}: ${format(value)} ${unit} (goal ${relation} ${goal})${reached ? '' : '  ← not reached'}`);
  }

  note(what, text) {
    this.notes.push([what, text]);
    console.log(`  ${what}: ${text}`);
  }

  table() {
    const lines = ['| what | figure | goal |', '| --- | --- | --- |'];
    for (const { what, value, relation, goal, unit, reached } of this.rows)
      lines.push(`| ${what} | ${format(value)} ${unit} | ${relation} ${goal.toLocaleString('en')} ${unit}${reached ? '' : ' (not reached)'} |`);
    return lines.join('\n');
  }
}

const format = (value) => value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);

const wanted = process.argv.slice(2);
for (const name of wanted)
  if (!benches[name]) {
    console.error(`bench: there is no "${name}"; there are ${Object.keys(benches).join(', ')}`);
    process.exit(64);
  }

const report = new Report();
const instance = await Instance.start(simpleKickstart(1000));
instance.apiKey = addApiKey(instance);
try {
  for (const [name, bench] of Object.entries(benches))
    if (wanted.length === 0 || wanted.includes(name)) {
      console.log(`\n${name}`);
      await bench(instance, report);
    }
} finally {
  await instance.stop();
}

console.log(`\n${report.table()}\n`);
for (const [what, text] of report.notes)
  console.log(`- ${what}: ${text}`);
console.log(`\nPostgreSQL ${psql('SHOW server_version')}, fsync ${psql('SHOW fsync')}, ${availableParallelism()} cores`);
