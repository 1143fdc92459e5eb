// SPDX-License-Identifier: Apache-2.0
//
// Daemons that are started again whenever they die, with their sockets kept open (socket-keeper).

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { environment } from './keys.js';
import { endsWithTheFile } from './leftovers.js';

const keeper = path.join(new URL('.', import.meta.url).pathname, 'socket-keeper');
const shared = ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'];

/** `address`: a path or host:port. */
async function startKept(name, address, settings) {
  const program = path.join(process.env.FULGUR_BUILD, 'src', name, `fulgur-${name}`);
  const child = endsWithTheFile(spawn(keeper, [name, address, program], { env: settings, stdio: ['pipe', 'pipe', 'pipe'] }));
  const daemon = { name, pid: null, n_starts: 0, log: '' };
  const words = {
    listening: (where) => {
      daemon.address = where;
    },
    started: (pid) => {
      daemon.pid = Number(pid);
      daemon.n_starts++;
    },
    ended: () => {
      daemon.pid = null;
    },
  };

  let rest = '';
  child.stdout.on('data', (data) => {
    const lines = (rest + data).split('\n');
    rest = lines.pop();
    for (const line of lines) {
      const [word, value] = line.split(' ');
      words[word]?.(value);
    }
  });
  child.stderr.on('data', (data) => {
    daemon.log += data;
    if (process.env.FULGUR_TEST_VERBOSE) process.stderr.write(data);
  });
  const ended = new Promise((resolve) => child.on('close', resolve));

  /** False when it was not running. */
  daemon.kill = (signal = 'SIGKILL') => {
    if (!daemon.pid) return false;
    try {
      process.kill(daemon.pid, signal);
    } catch {
      return false;
    }
    return true;
  };
  daemon.finish = async () => {
    child.kill('SIGTERM');
    const code = await ended;
    if (code !== 0) throw new Error(`fulgur-${name} ended badly:\n${daemon.log.slice(-4000)}`);
    const bad = daemon.log.split('\n').filter((line) => /^<[0-2]>|Sanitizer|runtime error/.test(line));
    if (bad.length > 0) throw new Error(`fulgur-${name} wrote:\n${bad.join('\n')}`);
  };

  while (!daemon.address) await new Promise((resolve) => setTimeout(resolve, 5));
  return daemon;
}

/** Web in front of webhooks and workers, as an admin has them. */
export async function startAll(database, env = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fulgur-all-'));
  const settings = {
    ...Object.fromEntries(shared.filter((name) => process.env[name]).map((name) => [name, process.env[name]])),
    ...environment, DATABASE_URL: database.url, LOG_LEVEL: 'info', FULGUR_WEBHOOKS_SOCKET: path.join(directory, 'webhooks.sock'),
    FULGUR_WORKERS_SOCKET: path.join(directory, 'workers.sock'), ...env,
  };
  const all = {
    webhooks: await startKept('webhooks', settings.FULGUR_WEBHOOKS_SOCKET, settings),
    workers: await startKept('workers', settings.FULGUR_WORKERS_SOCKET, settings),
    web: await startKept('web', '127.0.0.1:0', settings),
  };
  const [host, port] = all.web.address.split(':');
  return {
    ...all, host, port: Number(port),
    finish: async () => {
      for (const name of ['web', 'webhooks', 'workers']) await all[name].finish();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}
