/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Run: one claimed run, from its join to its leave.
 *
 *     join, plan, input, adaptors, credentials, execute, result, leave
 *
 * Whatever fails before the execution ends the run as an exception, told to the server; only a
 * refused join ends it silently, since there is nobody to tell.
 */

import { AutoinstallError, ExecutionError } from './adaptors.js';
import { credentialId, jobAdaptors, readLimits, runtimePlan } from './plan.js';
import { Report } from './report.js';
import { reasonOf, Steps } from './steps.js';
import { timestamp } from './timestamps.js';
import { explain, Topic, TopicClosed } from './topic.js';
import { versions, versionText } from './versions.js';

/* These lines explain all others: dated back, they stand above them. */
const FIRST = { offsetMs: -10 };

class Refusal extends Error {
  constructor(type, message) {
    super(message);
    this.type = type;
  }
}

export class Run {
  #id;
  #token;
  #worker;
  #topic;
  #report;
  #aborted = new AbortController();

  /* worker: { socket, settings, journal, adaptors, engine } */
  constructor({ id, token }, worker) {
    this.#id = id;
    this.#token = token;
    this.#worker = worker;
    this.#topic = new Topic(worker.socket, `run:${id}`, { token }, {
      timeoutMs: worker.settings.messageTimeout * 1000,
      journal: worker.journal,
    });
    /* Nobody will hear of the result: stop the work too. */
    this.#topic.onClosed = () => this.#aborted.abort();
    this.#report = new Report(id, this.#topic, worker.settings, worker.journal);
  }

  abort(reason) {
    this.#topic.close(new TopicClosed(reason));
  }

  async perform() {
    const { journal } = this.#worker;

    try {
      await this.#topic.join();
    } catch (error) {
      journal.error(`run ${this.#id}: not started: ${error.message}`);
      return;
    }

    journal.info(`run ${this.#id}: started`);
    const reason = await this.#performJoined();
    journal.info(`run ${this.#id}: ${reason}`);
    await this.#topic.leave();
  }

  async #performJoined() {
    let prepared;

    try {
      prepared = await this.#prepare();
    } catch (error) {
      if (error instanceof TopicClosed)
        return `given up: ${error.message}`;
      if (!(error.type || error instanceof AutoinstallError || error instanceof ExecutionError))
        this.#worker.journal.error(`run ${this.#id}: ${error.stack}`);

      return this.#complete(reasonOf({ severity: 'exception', type: error.type ?? error.name, message: error.message }));
    }

    return this.#execute(prepared);
  }

  async #prepare() {
    const plan = await this.#fetch('fetch:plan', {}, 'ExecutionError', 'Failed to load the plan');
    const limits = readLimits(plan, this.#worker.settings);
    this.#report.limitLogs(limits.logPayloadMb);

    const input = await this.#fetchInput(plan);
    const installed = await this.#install(plan);
    const credentials = await this.#fetchCredentials(plan);

    return { plan, limits, input, installed, credentials };
  }

  async #fetch(event, payload, type, failure) {
    const { status, response } = await this.#topic.request(event, payload);

    if (status === 'error')
      throw new Refusal(type, `${failure}: [${event}] ${explain(response)}`);
    if (status === 'timeout')
      throw new Refusal(type, `${failure}: [${event}] timeout`);

    return response;
  }

  /* The answer is bytes, so that the server can hand on what it has stored. */
  async #fetchInput({ dataclip_id: id }) {
    if (!id)
      return {};

    const failure = `Failed to load dataclip ${id}`;
    const bytes = await this.#fetch('fetch:dataclip', { id }, 'DataClipError', failure);
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
    } catch (error) {
      throw new Refusal('DataClipError', `${failure}: ${error.message}`);
    }
  }

  async #install(plan) {
    const { adaptors, journal, settings } = this.#worker;
    const specifiers = new Set((plan.jobs ?? []).flatMap((job) => jobAdaptors(job, settings)));
    const installed = new Map();

    for (const specifier of specifiers) {
      const adaptor = await adaptors.provide(specifier);
      if (!adaptor)
        journal.warn(`run ${this.#id}: ${specifier} is not installed: only packages of @openfn are`);
      installed.set(specifier, adaptor);
    }
    return installed;
  }

  /* Once per job, as the official worker does, although jobs may share a credential. */
  async #fetchCredentials(plan) {
    const ids = (plan.jobs ?? []).map(credentialId).filter(Boolean);
    const failures = new Set();
    const credentials = new Map();

    await Promise.all(
      ids.map(async (id) => {
        try {
          const failure = `Failed to load credential ${id}`;
          credentials.set(id, await this.#fetch('fetch:credential', { id }, 'CredentialLoadError', failure));
        } catch (error) {
          if (error instanceof TopicClosed)
            throw error;
          failures.add(error.message);
        }
      }),
    );
    if (failures.size)
      throw new Refusal('CredentialLoadError', [...failures].join('\n'));

    return credentials;
  }

  async #execute({ plan, limits, input, installed, credentials }) {
    const { engine, settings } = this.#worker;
    const steps = new Steps(plan, limits, this.#report);
    const request = {
      plan: runtimePlan(plan, { installed, credentials, settings, token: this.#token }),
      input,
      options: {
        jobLogLevel: limits.jobLogLevel,
        statePropsToRemove: settings.statePropsToRemove,
        stateLimitMb: limits.memoryMb / 4,
      },
    };

    this.#announce(limits, [...installed.values()].filter(Boolean));
    const outcome = await engine.execute(request, limits, (event) => this.#relay(steps, event), this.#aborted.signal);

    if (outcome.error) {
      const reason = reasonOf(outcome.error);
      if (reason.error_type === 'CompileError')
        this.#report.say('RTE', 'Error occurred during compilation');
      steps.abandon(reason);
      return this.#complete(reason);
    }

    const dataclipId = steps.finalDataclipId;
    return this.#complete(steps.reason, {
      timestamp: timestamp(),
      final_state: JSON.parse(outcome.state ?? '{}'),
      ...(dataclipId && { final_dataclip_id: dataclipId }),
    });
  }

  #announce(limits, installed) {
    this.#report.say('RTE', `Memory limit: ${limits.memoryMb}mb`);
    this.#report.say('RTE', `Timeout: ${limits.timeoutMs / 1000}s`);
    this.#report.send('run:start', { versions: versions(installed), timestamp: timestamp() });
    this.#report.say('RTE', `Payload limit: ${limits.payloadMb}mb`, FIRST);
    this.#report.say('VER', versionText(installed), FIRST);
  }

  #relay(steps, event) {
    switch (event.type) {
      case 'log':
        return this.#report.log({ ...event, stepId: steps.activeStepId });
      case 'job-start':
        return steps.started(event);
      default:
        return steps.completed(event);
    }
  }

  async #complete(reason, result = {}) {
    this.#report.say('R/T', `Run complete with status: ${reason.reason}`);
    if (reason.error_type)
      this.#report.say('R/T', `${reason.error_type}: ${reason.error_message}`);

    const accepted = await this.#report.send('run:complete', { ...result, ...reason });
    if (!accepted)
      this.#worker.journal.error(`run ${this.#id}: the server did not take the result; it will count as lost`);

    return reason.reason;
  }
}
