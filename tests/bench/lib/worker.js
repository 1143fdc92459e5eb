/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A worker as thin as can be: frames by hand over one WebSocket, so that the figures are the server's and not the client's.
 */

import { createHmac } from 'node:crypto';
import { createRequire } from 'node:module';

const WebSocket = createRequire(new URL('../../integration/', import.meta.url))('ws');

function workerToken(secret) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ alg: 'HS256' })}.${part({ worker_id: 'bench', iat: 1, iss: 'urn:openfn:worker' })}`;
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}

export class Worker {
  static async connect(instance) {
    const worker = new Worker();
    worker.waiting = new Map();
    worker.ref = 0;
    worker.onPush = () => {};
    const url = `ws://127.0.0.1:${instance.ports.workers}/worker/websocket?token=${
      workerToken(instance.settings.WORKER_SECRET)}&vsn=2.0.0&api_version=1.2&worker_version=1.25.0`;
    worker.socket = new WebSocket(url, { perMessageDeflate: false });
    worker.socket.on('message', (data, isBinary) => worker.receive(data, isBinary));
    await new Promise((resolve, reject) => worker.socket.once('open', resolve).once('error', reject));
    return worker;
  }

  receive(data, isBinary) {
    if (isBinary)
      return;
    const [, ref, topic, event, payload] = JSON.parse(data);
    const resolve = this.waiting.get(ref);
    if (event === 'phx_reply' && resolve) {
      this.waiting.delete(ref);
      resolve(payload);
    } else
      this.onPush(topic, event, payload);
  }

  push(joinRef, topic, event, payload) {
    const ref = String(++this.ref);
    return new Promise((resolve) => {
      this.waiting.set(ref, resolve);
      this.socket.send(JSON.stringify([joinRef ?? ref, ref, topic, event, payload]));
    });
  }

  async join(topic, payload) {
    const reply = await this.push(null, topic, 'phx_join', payload);
    if (reply.status !== 'ok')
      throw new Error(`${topic}: ${JSON.stringify(reply)}`);
    return String(this.ref);
  }

  async joinQueue() {
    this.queueRef = await this.join('worker:queue', { capacity: 1, queues: { 'manual>*': 1 } });
  }

  async claim(demand = 1) {
    const reply = await this.push(this.queueRef, 'worker:queue', 'claim',
      { demand, worker_name: 'bench', queues: ['manual', '*'] });
    if (reply.status !== 'ok')
      throw new Error(`claim: ${JSON.stringify(reply)}`);
    return reply.response.runs;
  }

  close() {
    this.socket.terminate();
  }
}
