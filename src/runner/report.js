/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Report: what a run tells the server, one event at a time, in order.
 *
 * Each event waits for the answer to the one before, so the server never has to sort. An answer
 * that is an error goes to the journal and the run goes on: the work is being done either way.
 */

import { explain } from './topic.js';
import { timestamp } from './timestamps.js';

const REDACTED = '["[REDACTED: Message length exceeds payload limit]"]';

/* The first try did it: nobody else ends a run that is ours. */
const hasEnded = (response) => response?.errors?.state?.[0] === 'already in completed state';

export class Report {
  #runId;
  #topic;
  #settings;
  #journal;
  #queue = Promise.resolve();
  #batch = [];
  #batchTimer = null;
  #logLimit = Infinity;

  constructor(runId, topic, settings, journal) {
    this.#runId = runId;
    this.#topic = topic;
    this.#settings = settings;
    this.#journal = journal;
  }

  limitLogs(megabytes) {
    this.#logLimit = megabytes * 1024 * 1024;
  }

  say(source, message, { level = 'info', offsetMs = 0 } = {}) {
    this.log({ source, level, message: JSON.stringify([message]), timestamp: timestamp(offsetMs) });
  }

  /* message is the JSON text of the list of logged values. */
  log({ source, level, message, timestamp, stepId }) {
    const fits = Buffer.byteLength(message) <= this.#logLimit;

    this.#batch.push({
      message: JSON.parse(fits ? message : REDACTED),
      source,
      level,
      timestamp,
      ...(stepId && { step_id: stepId }),
    });
    if (!this.#settings.batchLogs || this.#batch.length >= this.#settings.batchLimit)
      this.#flush();
    else
      this.#batchTimer ??= setTimeout(() => this.#flush(), this.#settings.batchInterval);
  }

  /* Resolves when the server has answered, to whether it agreed. */
  send(event, payload) {
    this.#flush();

    return this.#enqueue(event, payload, { resend: true });
  }

  #flush() {
    clearTimeout(this.#batchTimer);
    this.#batchTimer = null;

    const logs = this.#batch.splice(0);
    if (!this.#settings.batchLogs)
      logs.forEach((line) => this.#enqueue('run:log', { run_id: this.#runId, ...line }, { resend: false }));
    else if (logs.length)
      this.#enqueue('run:batch_logs', { run_id: this.#runId, logs }, { resend: false });
  }

  /* A repeated log line would be a second line: those are not sent again. */
  #enqueue(event, payload, options) {
    this.#queue = this.#queue.then(() => this.#deliver(event, payload, options));

    return this.#queue;
  }

  async #deliver(event, payload, options) {
    try {
      const { status, response, again } = await this.#topic.request(event, payload, options);
      if (again && hasEnded(response))
        return true;
      if (status !== 'ok')
        this.#journal.warn(`run ${this.#runId}: ${event} failed: ${status === 'error' ? explain(response) : status}`);
      return status === 'ok';
    } catch (error) {
      this.#journal.warn(`run ${this.#runId}: ${event} not sent: ${error.message}`);
      return false;
    }
  }
}
