/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Topic: one channel of the socket, with promises.
 *
 * A request waits until the channel is joined, however long the server is away, and only then
 * starts its clock. One whose answer was lost with the connection is sent again after the
 * rejoin; the server takes a repeated event as the same one, but for the end of a run, which it refuses
 * to end twice.
 */

/* Join answers that no later attempt will change. */
const FINAL_REASONS = ['not_found', 'unauthorized'];

export class TopicClosed extends Error {}

export class Topic {
  #channel;
  #journal;
  #joinedOnce = false;
  #leaving = false;
  #closed = null;
  #waiting = [];

  constructor(socket, name, params, { timeoutMs, journal }) {
    this.name = name;
    this.#journal = journal;
    this.#channel = socket.channel(name, params);
    this.#channel.timeout = timeoutMs;
    /* Called when the channel is closed for good by the other side or by a refused rejoin. */
    this.onClosed = () => {};
    /* Called after every join, the first one included. */
    this.onJoined = () => {};
  }

  join() {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#channel.onClose(() => this.close(new TopicClosed(`${this.name} was closed by the server`)));
      this.#channel
        .join(this.#channel.timeout)
        .receive('ok', () => this.#joined())
        .receive('error', (response) => this.#refused(response))
        .receive('timeout', () => this.#refused({ reason: 'no answer' }));
    });
  }

  get isJoined() {
    return this.#channel.state === 'joined' && this.#channel.socket.isConnected();
  }

  on(event, callback) {
    this.#channel.on(event, callback);
  }

  /*
   * Resolves to { status: ok | error | timeout, response, again }; `again`: an earlier try may have
   * arrived. With `resend: false` also to { status: lost } when the connection went before the answer
   * came.
   */
  async request(event, payload, { resend = true, timeoutMs } = {}) {
    for (let again = false; ; again = true) {
      await this.#whenJoined();

      const answer = await this.#push(event, payload, timeoutMs);
      if (answer.status !== 'lost' || !resend)
        return { ...answer, again };
    }
  }

  async leave() {
    this.#leaving = true;
    if (this.isJoined)
      await new Promise((resolve) => {
        this.#channel.leave(this.#channel.timeout).receive('ok', resolve).receive('timeout', resolve);
        this.#channel.onError(resolve);
      });
    else
      this.#channel.leave();

    this.close(new TopicClosed(`${this.name} was left`));
  }

  close(reason) {
    if (this.#closed)
      return;

    this.#closed = reason;
    this.#waiting.splice(0).forEach(({ reject }) => reject(reason));
    if (!this.#leaving)
      this.onClosed(reason);
  }

  #joined() {
    this.#joinedOnce = true;
    this.#waiting.splice(0).forEach(({ resolve }) => resolve());
    this.onJoined();
  }

  #refused(response) {
    const reason = explain(response.reason ?? response);

    this.#journal.warn(`${this.name}: join refused: ${reason}`);
    /* Otherwise the channel keeps trying by itself. */
    if (this.#joinedOnce && !FINAL_REASONS.includes(response.reason))
      return;

    this.#leaving ||= !this.#joinedOnce;
    this.close(new TopicClosed(`${this.name}: join refused: ${reason}`));
    this.#channel.leave();
  }

  #whenJoined() {
    if (this.#closed)
      return Promise.reject(this.#closed);
    if (this.isJoined)
      return Promise.resolve();

    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #push(event, payload, timeoutMs = this.#channel.timeout) {
    return new Promise((resolve) => {
      const push = this.#channel.push(event, payload, timeoutMs);

      const settle = (answer) => {
        this.#channel.off('phx_error', onError);
        this.#channel.off('phx_close', onClose);
        resolve(answer);
      };
      const lost = () => {
        push.cancelTimeout();
        push.cancelRefEvent();
        settle({ status: 'lost' });
      };
      const onError = this.#channel.on('phx_error', lost);
      const onClose = this.#channel.on('phx_close', lost);

      for (const status of ['ok', 'error', 'timeout'])
        push.receive(status, (response) => settle({ status, response }));
    });
  }
}

/* How a refusal reads in a message: texts as they are, the rest as JSON. */
export function explain(response) {
  return typeof response === 'string' ? response : JSON.stringify(response);
}
