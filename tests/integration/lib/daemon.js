// SPDX-License-Identifier: Apache-2.0
//
// A daemon as systemd starts it: by the first connection to its socket, which outlives it.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { environment } from './keys.js';
import { endsWithTheFile } from './leftovers.js';

const build = process.env.FULGUR_BUILD;

/** `name`: the last part of the program's, "workers". `env`: settings beside DATABASE_URL and the keys; null unsets. */
export async function startDaemon(name, database, env = {}) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), `fulgur-${name}-`));
  const socketPath = path.join(directory, 'socket');
  const program = path.join(build, 'src', name, `fulgur-${name}`);
  const settings = { ...environment, DATABASE_URL: database.url, LOG_LEVEL: 'info', ...env };
  const daemon = { name, socketPath, log: '', exit: null };

  const spawnOne = () =>
    new Promise((resolve, reject) => {
      const args = [`--fdname=${name}`, '-l', socketPath];
      for (const [key, value] of Object.entries(settings)) if (value !== null) args.push('-E', `${key}=${value}`);
      fs.rmSync(socketPath, { force: true });
      const child = spawn('systemd-socket-activate', [...args, program], { stdio: ['ignore', 'inherit', 'pipe'] });
      daemon.child = endsWithTheFile(child);
      daemon.exit = new Promise((exited) => child.on('exit', (code, signal) => exited({ code, signal })));
      child.on('error', reject);
      child.stderr.on('data', (data) => {
        daemon.log += data;
        if (process.env.FULGUR_TEST_VERBOSE) process.stderr.write(data);
      });
      // Not when the socket is there: it is bound before it listens.
      const started = daemon.log.length;
      const timer = setInterval(() => {
        if (!daemon.log.slice(started).includes('Listening on')) return;
        clearInterval(timer);
        resolve();
      }, 5);
    });

  daemon.start = spawnOne;
  daemon.signal = (signal) => daemon.child.kill(signal);
  daemon.stop = async () => {
    daemon.child.kill('SIGTERM');
    return daemon.exit;
  };
  daemon.kill = async () => {
    daemon.child.kill('SIGKILL');
    return daemon.exit;
  };
  /** Stops, and complains about what a daemon in good health does not write. */
  daemon.finish = async () => {
    const { code, signal } = await daemon.stop();
    fs.rmSync(directory, { recursive: true, force: true });
    if (code !== 0 && !(code === null && signal === 'SIGTERM'))
      throw new Error(`fulgur-${name} ended with ${code ?? signal}:\n${daemon.log}`);
    const bad = daemon.log.split('\n').filter((line) => /^<[0-3]>|Sanitizer|runtime error/.test(line));
    if (bad.length > 0) throw new Error(`fulgur-${name} wrote:\n${bad.join('\n')}`);
  };
  daemon.request = (options, body) =>
    new Promise((resolve, reject) => {
      const request = http.request({ socketPath, agent: false, ...options }, (response) => {
        const parts = [];
        response.on('data', (data) => parts.push(data));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString() }));
      });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve({ status: response.statusCode, headers: response.headers, body: '' });
      });
      request.on('error', reject);
      request.end(body);
    });

  await spawnOne();
  return daemon;
}
