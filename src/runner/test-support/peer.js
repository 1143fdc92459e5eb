/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Peer: a server for the runner's tests that speaks real Phoenix frames.
 *
 * It hands out the runs it was given, answers every push, keeps all frames, and lets a test
 * answer some pushes itself. It is no model of the real server beyond the frames.
 */

import { createServer } from 'node:http';

import { WebSocketServer } from 'ws';

export class Peer {
  frames = [];
  queries = [];
  #http = createServer((_, response) => response.writeHead(404).end());
  #sockets = new WebSocketServer({ noServer: true });
  #joined = new Map();
  #waiting = [];
  #plans = new Map();
  #answers = new Map();
  #watchers = new Set();

  /* where: a port (0 picks one) or the path of a unix socket. */
  async listen(where = 0) {
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
    await new Promise((resolve) => this.#http.listen(...(typeof where === 'number' ? [where, '127.0.0.1'] : [where]), resolve));
    this.port = this.#http.address().port;

    return this;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/worker`;
  }

  /* Makes a run available; the plan's id is the run's. `token` is what the claim hands out. */
  offer(plan, { token = `token of ${plan.id}`, input = { data: {} }, credentials = {} } = {}) {
    this.#plans.set(plan.id, { plan, input, credentials });
    this.#waiting.push({ id: plan.id, token });
    for (const [socket, topics] of this.#joined)
      if (topics.has('worker:queue'))
        socket.send(JSON.stringify([topics.get('worker:queue'), null, 'worker:queue', 'work-available', {}]));
  }

  /* answer(payload, topic) → { status, response }, or undefined for no answer at all. */
  answer(event, answer) {
    this.#answers.set(event, answer);
  }

  /* The payloads of an event of a run, so far. */
  of(runId, event) {
    return this.frames.filter((f) => f.topic === `run:${runId}` && f.event === event).map((f) => f.payload);
  }

  events(runId) {
    return this.frames.filter((f) => f.topic === `run:${runId}`).map((f) => f.event);
  }

  logs(runId) {
    return [...this.of(runId, 'run:log'), ...this.of(runId, 'run:batch_logs').flatMap(({ logs }) => logs)];
  }

  /* Resolves with the first frame, past or future, that the predicate accepts. */
  seen(predicate, limitMs = 60000) {
    const found = this.frames.find(predicate);
    if (found)
      return Promise.resolve(found);

    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(watch);
        reject(new Error(`not seen: ${predicate}\nlast frames: ${JSON.stringify(this.frames.slice(-5))}`));
      }, limitMs);
      const watch = (frame) => {
        if (!predicate(frame))
          return;
        clearTimeout(timer);
        this.#watchers.delete(watch);
        resolve(frame);
      };
      this.#watchers.add(watch);
    });
  }

  left(runId) {
    return this.seen((f) => f.topic === `run:${runId}` && f.event === 'phx_leave');
  }

  /* Breaks every connection as a network would, or closes it with a code. */
  cut(code) {
    for (const socket of this.#joined.keys())
      if (code)
        socket.close(code);
      else
        socket.terminate();
  }

  /* Ends the channel, as a server does that lost or restarted it. */
  endQueue(event) {
    for (const [socket, topics] of this.#joined) {
      const joinRef = topics.get('worker:queue');
      topics.delete('worker:queue');
      socket.send(JSON.stringify([joinRef, joinRef, 'worker:queue', event, {}]));
    }
  }

  async close() {
    if (!this.#http.listening)
      return;

    this.cut();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #upgrade(request, socket, head) {
    const url = new URL(request.url, 'http://peer');
    if (url.pathname !== '/worker/websocket') {
      socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
      return;
    }

    this.queries.push(Object.fromEntries(url.searchParams));
    this.#sockets.handleUpgrade(request, socket, head, (webSocket) => {
      this.#joined.set(webSocket, new Map());
      webSocket.on('message', (data) => this.#receive(webSocket, data));
      webSocket.on('close', () => this.#joined.delete(webSocket));
    });
  }

  #receive(socket, data) {
    const [joinRef, ref, topic, event, payload] = JSON.parse(data.toString());
    const frame = { joinRef, ref, topic, event, payload, bytes: data.length };
    const topics = this.#joined.get(socket);

    this.frames.push(frame);
    if (event === 'phx_join' && !this.#answers.has('phx_join'))
      topics.set(topic, joinRef);

    const answer = this.#reply(frame, topics);
    if (answer?.bytes)
      socket.send(binaryReply(frame, answer.bytes));
    else if (answer)
      socket.send(JSON.stringify([joinRef, ref, topic, 'phx_reply', answer]));

    if (event === 'phx_leave') {
      topics.delete(topic);
      socket.send(JSON.stringify([joinRef, joinRef, topic, 'phx_close', {}]));
    }
    for (const watch of [...this.#watchers])
      watch(frame);
  }

  #reply({ topic, event, payload }, topics) {
    const own = this.#answers.get(event);
    if (own)
      return own(payload, topic, topics);
    if (topic !== 'phoenix' && !['phx_join', 'phx_leave'].includes(event) && !topics.has(topic))
      return { status: 'error', response: { reason: 'unmatched topic' } };

    const run = this.#plans.get(topic.replace('run:', ''));
    switch (event) {
      case 'claim':
        return { status: 'ok', response: { runs: this.#waiting.splice(0, payload.demand) } };
      case 'fetch:plan':
        return { status: 'ok', response: run.plan };
      case 'fetch:dataclip':
        return { bytes: Buffer.from(JSON.stringify(run.input)) };
      case 'fetch:credential':
        return { status: 'ok', response: run.credentials[payload.id] ?? null };
      case 'run:start':
      case 'run:complete':
        return { status: 'ok', response: null };
      case 'step:start':
      case 'step:complete':
        return { status: 'ok', response: { step_id: payload.step_id } };
      default:
        return { status: 'ok', response: {} };
    }
  }
}

function binaryReply({ joinRef, ref, topic }, bytes) {
  const parts = [joinRef, ref, topic, 'ok'].map((part) => Buffer.from(part));

  return Buffer.concat([Buffer.from([1, ...parts.map((part) => part.length)]), ...parts, bytes]);
}
