/* SPDX-License-Identifier: Apache-2.0 */

/*
 * An instance to measure: the built daemons under socket activation, over the database that with-postgres started. Each daemon
 * listens on a TCP port of its own, so that it can be measured without the one in front of it.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { environment } from '../../integration/lib/keys.js';

const root = new URL('../../..', import.meta.url).pathname;
const build = process.env.FULGUR_BUILD ?? join(root, 'build');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export function psql(sql) {
  return execFileSync('psql', ['-XqAt', '-v', 'ON_ERROR_STOP=1', '-c', sql], { encoding: 'utf8' }).trim();
}

/* A figure of /proc/PID/status, in KiB. */
export function memoryOf(pid, name = 'VmRSS') {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
}

/* CPU time of a process so far, in µs. */
export function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

export async function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export class Instance {
  static async start(kickstart) {
    const instance = new Instance();
    instance.folder = mkdtempSync(join(tmpdir(), 'fulgur-bench-'));
    instance.processes = {};
    instance.ports = { web: await freePort(), webhooks: await freePort(), workers: await freePort() };
    instance.writeSettings();
    instance.ctl('migrate');
    instance.apply(kickstart);
    for (const name of ['web', 'webhooks', 'workers'])
      instance.startDaemon(name);
    await instance.ready();
    return instance;
  }

  writeSettings() {
    this.settings = {
      ...environment,
      DATABASE_URL: process.env.FULGUR_TEST_DATABASE,
      FULGUR_WEBHOOKS_SOCKET: join(this.folder, 'webhooks.sock'),
      FULGUR_WORKERS_SOCKET: join(this.folder, 'workers.sock'),
      LOG_LEVEL: 'warning',
    };
    this.envFile = join(this.folder, 'fulgur.env');
    writeFileSync(this.envFile, Object.entries(this.settings).map(([name, value]) => `${name}='${value}'\n`).join(''),
      { mode: 0o600 });
  }

  ctl(...words) {
    return execFileSync(join(build, 'src/ctl/fulgurctl'), ['--env-file', this.envFile, ...words], { encoding: 'utf8' });
  }

  apply(kickstart) {
    const file = join(this.folder, 'kickstart.json');
    writeFileSync(file, JSON.stringify(kickstart));
    this.manifest = JSON.parse(this.ctl('kickstart', file));
  }

  /* `behindWeb`: also on the unix socket where fulgur-web looks for it. */
  startDaemon(name, { behindWeb = name !== 'web' } = {}) {
    const listen = ['-l', `127.0.0.1:${this.ports[name]}`];
    if (behindWeb)
      listen.push('-l', join(this.folder, `${name}.sock`));
    const names = behindWeb ? `${name}:${name}` : name;
    const pass = Object.keys(this.settings).flatMap((key) => ['-E', key]);
    const child = spawn('systemd-socket-activate',
      [`--fdname=${names}`, ...listen, ...pass, join(build, 'src', name, `fulgur-${name}`)],
      { env: { ...process.env, ...this.settings }, stdio: ['ignore', 'inherit', 'pipe'] });
    /* Warnings and worse belong beside the figures. */
    child.stderr.on('data', (data) => {
      for (const line of data.toString().split('\n').filter((text) => /^<[0-4]>/.test(text)))
        console.error(`fulgur-${name}: ${line}`);
    });
    this.processes[name] = child;
    return child;
  }

  url(name, path = '') {
    return `http://127.0.0.1:${this.ports[name]}${path}`;
  }

  /* The first connection starts each of them. */
  async ready() {
    for (const name of ['web', 'webhooks', 'workers'])
      for (let attempt = 0; ; attempt++) {
        try {
          await fetch(this.url(name, '/health_check'));
          break;
        } catch (error) {
          if (attempt > 100)
            throw error;
          await sleep(50);
        }
      }
    await sleep(500);
  }

  pid(name) {
    return this.processes[name].pid;
  }

  async stop() {
    const ended = Object.values(this.processes).map((child) =>
      child.exitCode === null ? new Promise((resolve) => child.once('exit', resolve)) : null);
    for (const child of Object.values(this.processes))
      child.kill('SIGTERM');
    await Promise.race([Promise.all(ended), sleep(5000)]);
    for (const child of Object.values(this.processes))
      child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/* A project with one workflow: a webhook, one job. */
export const benchPassword = 'correct horse battery';

export function simpleKickstart(nWorkflows = 1) {
  return {
    users: [{ email: 'bench@example.org', first_name: 'Bench', last_name: 'Mark', password: benchPassword, superuser: true, api_token: true }],
    projects: [{
      name: 'bench',
      members: [{ email: 'bench@example.org', role: 'owner' }],
      workflows: Array.from({ length: nWorkflows }, (_, n) => ({
        name: `Workflow ${n}`,
        trigger: { type: 'webhook' },
        jobs: [{ name: 'Job', adaptor: '@openfn/language-common@3.3.4', body: 'fn(state => state)' }],
        edges: [{ from: 'trigger', to: 'Job' }],
      })),
    }],
  };
}
