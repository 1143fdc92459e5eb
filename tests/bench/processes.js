/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The daemons as processes: memory when idle, memory of idle worker sockets, time from activation to the first byte.
 */

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

import { freePort, memoryOf, sleep } from './lib/instance.js';
import { Worker } from './lib/worker.js';

/* Before anything else has used them. */
export async function idleMemory(instance, report) {
  for (const name of ['web', 'webhooks', 'workers'])
    report.figure(`resident memory of fulgur-${name}, idle`, memoryOf(instance.pid(name)) / 1024, '≤', 12, 'MiB');
}

export async function idleSockets(instance, report) {
  const n = 1000, workers = [];
  const before = memoryOf(instance.pid('workers'));

  for (let i = 0; i < n; i += 50)
    workers.push(...await Promise.all(Array.from({ length: 50 }, async () => {
      const worker = await Worker.connect(instance);
      await worker.joinQueue();
      return worker;
    })));
  await sleep(500);
  report.figure('resident memory per idle worker socket, of 1,000', (memoryOf(instance.pid('workers')) - before) / n, '≤', 32, 'KiB');
  for (const worker of workers)
    worker.close();
  await sleep(1000);
}

/* The kernel takes the connection; the daemon does not run yet. */
async function firstByte(port) {
  const start = performance.now();
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /health_check HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'));
    socket.once('data', () => {
      resolve(performance.now() - start);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

export async function activation(instance, report) {
  const times = [];
  const { ports, processes } = instance;

  for (let n = 0; n < 5; n++)
    for (const name of ['web', 'webhooks', 'workers']) {
      instance.ports = { ...ports, [name]: await freePort() };
      instance.processes = { ...processes };
      const child = instance.startDaemon(name);
      /* Until it listens nobody can connect. */
      for (let listening = false; !listening;) {
        await sleep(100);
        listening = readable(child.pid);
      }
      times.push(await firstByte(instance.ports[name]));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  instance.ports = ports;
  instance.processes = processes;
  report.figure('activation to first byte, slowest of 15', Math.max(...times), '≤', 100, 'ms');
}

/* systemd-socket-activate waits in epoll once its sockets listen. */
function readable(pid) {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8').includes('poll');
  } catch {
    return false;
  }
}
