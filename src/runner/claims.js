/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Claims: asks the server for work whenever there is room for it.
 *
 * Each workloop has its slots and its queues and asks by itself, one claim at a time: at once
 * after a join, after a claim that brought work, when a run has ended and when the server says that
 * there is work; later and later while there is none.
 */

const GROWTH = 1.15;

export class Claims {
  #topic;
  #settings;
  #journal;
  #onRun;
  #loops;
  #stopped = false;

  /* onRun({ id, token }) starts a run and resolves when its slot is free again. */
  constructor(topic, settings, journal, onRun) {
    this.#topic = topic;
    this.#settings = settings;
    this.#journal = journal;
    this.#onRun = onRun;
    this.#loops = settings.workloops.map(({ queues, capacity }) => ({
      queues,
      capacity,
      running: 0,
      asking: null,
      again: false,
      delay: settings.backoff.min,
      timer: null,
    }));
  }

  /* Ask now: the server has work, or is there again. */
  wake() {
    for (const loop of this.#loops) {
      loop.delay = this.#settings.backoff.min;
      this.#ask(loop);
    }
  }

  /* Resolves when no claim is under way, so that no run is handed to a worker that is gone. */
  async stop() {
    this.#stopped = true;
    this.#loops.forEach((loop) => clearTimeout(loop.timer));
    await Promise.all(this.#loops.map((loop) => loop.asking));
  }

  #ask(loop) {
    if (loop.asking) {
      loop.again = true;
      return;
    }
    if (this.#stopped || loop.running >= loop.capacity || !this.#topic.isJoined)
      return;

    clearTimeout(loop.timer);
    loop.asking = this.#claim(loop).finally(() => {
      loop.asking = null;
      this.#plan(loop);
    });
  }

  async #claim(loop) {
    const { status, response } = await this.#topic
      .request(
        'claim',
        { demand: 1, worker_name: this.#settings.workerName ?? null, queues: loop.queues },
        { resend: false, timeoutMs: this.#settings.claimTimeout * 1000 },
      )
      .catch(() => ({ status: 'lost' }));

    if (status === 'error')
      this.#journal.warn(`claim refused: ${JSON.stringify(response)}`);

    const runs = status === 'ok' ? (response.runs ?? []) : [];
    loop.again ||= runs.length > 0;
    loop.delay = runs.length
      ? this.#settings.backoff.min
      : Math.min(loop.delay * GROWTH, this.#settings.backoff.max);
    runs.forEach((run) => this.#start(loop, run));
  }

  async #start(loop, run) {
    loop.running += 1;
    try {
      await this.#onRun(run);
    } catch (error) {
      this.#journal.error(`run ${run.id}: ${error.stack}`);
    } finally {
      loop.running -= 1;
      this.#ask(loop);
    }
  }

  #plan(loop) {
    if (loop.again) {
      loop.again = false;
      this.#ask(loop);
      return;
    }
    if (!this.#stopped)
      loop.timer = setTimeout(() => this.#ask(loop), loop.delay);
  }
}
