// SPDX-License-Identifier: Apache-2.0
//
// Programs that start, do something and end: fulgurctl and the one-shots.

import { spawn } from 'node:child_process';
import path from 'node:path';
import { environment } from './keys.js';
import { endsWithTheFile } from './leftovers.js';

const folders = { fulgurctl: 'ctl' };

/** Where the build put it. */
export const programPath = (name) => path.join(process.env.FULGUR_BUILD, 'src', folders[name] ?? 'tasks', name);

/**
 * Starts a program with the test's keys and database. `env`: settings beside them, null unsets. The promise `done` gives
 * { code, signal, stdout, stderr }; output is text.
 */
export function startProgram(name, args, { db, env = {}, input = '' } = {}) {
  const settings = { PATH: process.env.PATH, ...environment, LOG_LEVEL: 'info', ...env };
  for (const name of ['ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'])
    if (process.env[name]) settings[name] = process.env[name];
  if (db && settings.DATABASE_URL === undefined) settings.DATABASE_URL = db.url;
  for (const [key, value] of Object.entries(settings)) if (value === null) delete settings[key];

  const child = endsWithTheFile(spawn(programPath(name), args, { env: settings, stdio: ['pipe', 'pipe', 'pipe'] }));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.done = new Promise((resolve, reject) => {
    const output = { stdout: [], stderr: [] };
    for (const stream of ['stdout', 'stderr']) child[stream].on('data', (data) => output[stream].push(data));
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() }));
  });
  return child;
}

export const runProgram = (...args) => startProgram(...args).done;
