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

/* Fresh daemons behind sockets that listen already; `measure` gets their ports. */
async function withFresh(instance, names, measure) {
  const { ports, processes } = instance;
  const children = [];

  instance.ports = { ...ports };
  instance.processes = { ...processes };
  for (const name of names) {
    instance.ports[name] = await freePort();
    children.push(instance.startDaemon(name, { behindWeb: false }));
  }
  while (!children.every((child) => isListening(child.pid)))
    await sleep(100);
  const result = await measure(names.map((name) => instance.ports[name]));
  for (const child of children) {
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
  }
  instance.ports = ports;
  instance.processes = processes;
  return result;
}

export async function activation(instance, report) {
  const daemons = ['web', 'webhooks', 'workers'];
  const alone = [], together = [];

  for (let n = 0; n < 5; n++) {
    for (const name of daemons)
      alone.push(await withFresh(instance, [name], ([port]) => firstByte(port)));
    together.push(await withFresh(instance, daemons, async (ports) => Math.max(...await Promise.all(ports.map(firstByte)))));
  }
  report.figure('activation to first byte, slowest of 15', Math.max(...alone), '≤', 100, 'ms');
  report.figure('all daemons activated at once and answering, slowest of 5', Math.max(...together), '≤', 1000, 'ms');
}

/* systemd-socket-activate waits in epoll once its sockets listen. */
function isListening(pid) {
  try {
    return readFileSync(`/proc/${pid}/wchan`, 'utf8').includes('poll');
  } catch {
    return false;
  }
}
