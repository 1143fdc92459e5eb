// SPDX-License-Identifier: Apache-2.0
//
// A worker's connection, through the client library that real workers use.

import { Socket } from 'phoenix';
import WebSocket from 'ws';
import { workerToken } from './keys.js';

/** Opens a socket, to the daemon's own or to its workerAddress; `params` go into the query. Rejects with what the server said instead of 101. */
export function connectWorker(daemon, { token = workerToken(), timeout = 30000, ...params } = {}) {
  const refusals = [];
  class Transport extends WebSocket {
    constructor(address) {
      super(address, { perMessageDeflate: false, maxPayload: 256 * 1024 * 1024 });
      this.on('unexpected-response', (request, response) => {
        let body = '';
        response.on('data', (data) => (body += data));
        response.on('end', () => {
          refusals.push({ status: response.statusCode, body });
          this.emit('error', new Error(`refused: ${response.statusCode}`));
          // Who listens to this event is the one to close: without it the client would not come again.
          this.emitClose();
        });
      });
    }
  }

  const socket = new Socket(daemon.workerAddress ?? `ws+unix://${daemon.socketPath}:/worker`, {
    params: { token, api_version: '1.2', worker_version: '1.25.0', ...params },
    transport: Transport,
    timeout,
    reconnectAfterMs: () => 50,
    rejoinAfterMs: () => 50,
  });
  const worker = { socket, closes: [] };

  socket.onClose((event) => worker.closes.push(event.code));
  worker.channel = (topic, payload) => wrap(socket.channel(topic, payload));
  worker.run = async (id, token) => {
    const channel = worker.channel(`run:${id}`, { token });
    await channel.join();
    return channel;
  };
  worker.queue = async (payload = { capacity: 5, queues: { 'manual>*': 5 } }) => {
    const channel = worker.channel('worker:queue', payload);
    await channel.join();
    channel.claim = async (claim = {}) =>
      (await channel.ok('claim', { demand: 1, worker_name: 'test', queues: ['manual', '*'], ...claim })).runs;
    return channel;
  };
  worker.close = () => new Promise((resolve) => socket.disconnect(resolve));
  /** The connection breaks without a word; the client comes back by itself. */
  worker.cut = () => socket.conn.terminate();

  return new Promise((resolve, reject) => {
    let wasOpen = false;
    socket.onOpen(() => {
      wasOpen = true;
      resolve(worker);
    });
    socket.onError(() => {
      if (wasOpen || refusals.length === 0) return;
      socket.disconnect();
      reject(Object.assign(new Error('refused'), refusals[0]));
    });
    socket.connect();
  });
}

export class Refused extends Error {
  constructor(response) {
    super(JSON.stringify(response));
    this.response = response;
  }
}

function wrap(channel) {
  const settle = (push) =>
    new Promise((resolve, reject) => {
      push
        .receive('ok', (response) => resolve({ status: 'ok', response }))
        .receive('error', (response) => resolve({ status: 'error', response }))
        .receive('timeout', () => reject(new Error('timeout')));
    });
  const wrapped = {
    channel,
    messages: [],
    join: async () => {
      const { status, response } = await settle(channel.join());
      if (status === 'error') {
        channel.leave();
        throw new Refused(response);
      }
      return response;
    },
    push: (event, payload) => settle(channel.push(event, payload)),
    /** The response, or an exception. */
    ok: async (event, payload = {}) => {
      const { status, response } = await wrapped.push(event, payload);
      if (status === 'error') throw new Refused(response);
      return response;
    },
    /** The response of what is expected to be refused. */
    error: async (event, payload = {}) => {
      const { status, response } = await wrapped.push(event, payload);
      if (status === 'ok') throw new Error(`${event} was accepted: ${JSON.stringify(response)}`);
      return response;
    },
    leave: () => new Promise((resolve) => channel.leave().receive('ok', resolve)),
  };
  channel.onMessage = (event, payload, ref) => {
    if (!event?.startsWith('chan_reply_')) wrapped.messages.push(event);
    return payload;
  };
  return wrapped;
}

/** A bare WebSocket, for what the client library would never send. */
export function connectRaw(daemon, { token = workerToken(), ...params } = {}, options = {}) {
  const query = new URLSearchParams({ token, api_version: '1.2', worker_version: '1.25.0', vsn: '2.0.0', ...params });
  const raw = new WebSocket(`ws+unix://${daemon.socketPath}:/worker/websocket?${query}`, { perMessageDeflate: false, ...options });
  const frames = [];
  const waiting = [];

  raw.on('message', (data, isBinary) => {
    const frame = isBinary ? data : JSON.parse(data);
    const taker = waiting.shift();
    if (taker) taker(frame);
    else frames.push(frame);
  });
  raw.next = () => (frames.length > 0 ? Promise.resolve(frames.shift()) : new Promise((resolve) => waiting.push(resolve)));
  raw.ask = (...frame) => {
    raw.send(JSON.stringify(frame));
    return raw.next();
  };
  raw.closed = new Promise((resolve) => raw.on('close', (code, reason) => resolve({ code, reason: reason.toString() })));
  raw.on('error', () => {});
  return new Promise((resolve, reject) => {
    raw.on('open', () => resolve(raw));
    raw.on('error', reject);
  });
}

/** Long enough for a machine under any load; only what never comes true waits for the end of it. */
export async function until(check, timeout = 60000) {
  const end = Date.now() + timeout;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`did not come true: ${check}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
