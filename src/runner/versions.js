/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Versions: what executes a run, for its log and for run:start.
 */

import { readFileSync } from 'node:fs';

const { version, dependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'));

export const RUNNER_VERSION = version;

/* The version of the event vocabulary: 1.2 carries timestamps. */
export const API_VERSION = '1.2';

export function versions(adaptors) {
  const runner = { worker: version, node: process.versions.node, engine: version, compiler: version };

  for (const adaptor of adaptors)
    runner[adaptor.name] = [...new Set([...(runner[adaptor.name] ?? []), adaptor.version])];

  return { ...runner, runtime: dependencies['@openfn/runtime'] };
}

export function versionText(adaptors) {
  const { node, worker, engine, compiler, runtime, ...used } = versions(adaptors);
  const rows = Object.entries({ 'node.js': node, worker, ...used });
  const width = Math.max(...rows.map(([name]) => name.length)) + 4;

  return ['Versions:', ...rows.map(([name, value]) => `    ▸ ${name.padEnd(width)}${[].concat(value).join(', ')}`)].join('\n');
}
