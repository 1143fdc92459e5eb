/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Worker: one connection to the server, the queue it listens on and the runs it executes.
 *
 * Stopping means: no further claims, let the runs that are here finish, leave the queue, close.
 * When the server is away meanwhile, the runs get a short time to find it again; there is nobody
 * to report to, and a stop that waits for ever ends in a kill anyway.
 */

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { Socket } from 'phoenix';
import WebSocket from 'ws';

import { Adaptors } from './adaptors.js';
import { Claims } from './claims.js';
import { Engine } from './engine.js';
import { Run } from './run.js';
import { checkRunToken, readPublicKey, workerToken } from './tokens.js';
import { Topic } from './topic.js';
import { API_VERSION, RUNNER_VERSION } from './versions.js';

const NORMAL_CLOSE = 1000;
const FAREWELL_MS = 5000;
const REJOIN_DELAY_MS = 1000;
const LOOK_AGAIN_MS = 250;

export class Worker {
  #settings;
  #journal;
  #publicKey;
  #adaptors;
  #engine;
  #socket;
  #queue;
  #claims;
  #rejoining = false;
  #runs = new Map();
  #stopping = null;
  #patienceMs;

  constructor(settings, journal, { patienceMs = 10000 } = {}) {
    this.#settings = settings;
    this.#journal = journal;
    this.#patienceMs = patienceMs;
    this.#publicKey = settings.lightningPublicKey && readPublicKey(settings.lightningPublicKey);
    this.#adaptors = new Adaptors(settings, journal);
    this.#engine = new Engine(settings.runMemory, journal);
    this.#socket = this.#openSocket();
    /* Called when the worker stops by itself, after it has. */
    this.onStopped = () => {};
  }

  start() {
    this.#engine.start();
    /* Joined before the first connection, the client would send its join twice. */
    this.#socket.onOpen(() => this.#queue ?? this.#joinQueue());
    this.#socket.connect();
  }

  stop() {
    this.#stopping ??= this.#stopOnce();

    return this.#stopping;
  }

  #openSocket() {
    const { lightning, secret, messageTimeout } = this.#settings;
    const workerId = `${hostname()}-${randomUUID()}`;

    const socket = new Socket(lightning, {
      params: {
        token: workerToken(secret, workerId),
        api_version: API_VERSION,
        worker_version: RUNNER_VERSION,
      },
      transport: WebSocket,
      timeout: messageTimeout * 1000,
      reconnectAfterMs: (tries) => Math.min(tries, 10) * 1000,
    });

    socket.onOpen(() => this.#journal.info(`connected to ${lightning}`));
    socket.onError((error) => this.#journal.warn(`connection failed: ${error.message || 'no reason given'}`));
    socket.onClose((event) => this.#onClose(socket, event));

    return socket;
  }

  /* The client takes 1000 as a farewell; from a server it is a mistake we can live with. */
  #onClose(socket, { code }) {
    if (this.#stopping)
      return;

    this.#journal.warn(`connection closed (${code}), trying again`);
    if (code === NORMAL_CLOSE)
      socket.reconnectTimer.scheduleTimeout();
  }

  #joinQueue() {
    const { workloops, capacity, claimTimeout } = this.#settings;
    const queues = Object.fromEntries(workloops.map((loop) => [loop.chain, loop.capacity]));

    this.#queue = new Topic(this.#socket, 'worker:queue', { capacity, queues }, {
      timeoutMs: claimTimeout * 1000,
      journal: this.#journal,
    });
    this.#claims = new Claims(this.#queue, this.#settings, this.#journal, (run) => this.#perform(run));
    this.#queue.on('work-available', () => this.#claims.wake());
    this.#queue.onJoined = () => this.#claims.wake();
    this.#queue.onClosed = () => this.#rejoinQueue();
    this.#queue.join().catch(() => this.#rejoinQueue());
  }

  /* Running runs keep their slots with the claims that started them: few, and soon over. */
  #rejoinQueue() {
    if (this.#stopping || this.#rejoining)
      return;

    this.#rejoining = true;
    this.#claims.stop();
    setTimeout(() => {
      this.#rejoining = false;
      if (!this.#stopping)
        this.#joinQueue();
    }, REJOIN_DELAY_MS).unref();
  }

  async #perform(claim) {
    if (this.#publicKey && !this.#isTrusted(claim))
      return;

    const run = new Run(claim, {
      socket: this.#socket,
      settings: this.#settings,
      journal: this.#journal,
      adaptors: this.#adaptors,
      engine: this.#engine,
    });
    this.#runs.set(claim.id, run);
    try {
      await run.perform();
    } finally {
      this.#runs.delete(claim.id);
    }
  }

  /* Runs of a server we do not know: nothing that is claimed here will be executed, so stop. */
  #isTrusted({ id, token }) {
    try {
      checkRunToken(token, this.#publicKey);
      return true;
    } catch (error) {
      this.#journal.error(`run ${id}: refused, its token is ${error.message}; stopping`);
      this.stop().then(() => this.onStopped());
      return false;
    }
  }

  async #stopOnce() {
    this.#journal.info(`stopping, ${this.#runs.size} runs to finish`);

    await withinMs(FAREWELL_MS, this.#claims?.stop());
    await this.#runsFinished();
    await withinMs(FAREWELL_MS, this.#queue?.leave());
    this.#engine.stop();
    await withinMs(FAREWELL_MS, new Promise((resolve) => this.#socket.disconnect(resolve)));
    this.#journal.info('stopped');
  }

  async #runsFinished() {
    let awayMs = 0;

    while (this.#runs.size) {
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
      awayMs = this.#socket.isConnected() ? 0 : awayMs + LOOK_AGAIN_MS;
      if (awayMs >= this.#patienceMs)
        this.#runs.forEach((run) => run.abort('the server is away and the worker stops'));
    }
  }
}

function withinMs(limit, promise) {
  return Promise.race([promise, new Promise((resolve) => setTimeout(resolve, limit).unref())]);
}
