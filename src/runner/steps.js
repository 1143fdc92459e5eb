/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Steps: the bookkeeping of a run while its job process reports.
 *
 * Gives each execution of a job its step id, leads output dataclips to the steps they are the
 * input of, and knows in the end which outputs were the leaves and why the run ended as it did.
 */

import { randomUUID } from 'node:crypto';

export class Steps {
  #report;
  #limits;
  #dataclipId;
  #jobs;
  #active = null;
  #inputs = new Map();
  #leaves = [];
  #sawEmptyJob = false;

  constructor(plan, limits, report) {
    this.#report = report;
    this.#limits = limits;
    this.#dataclipId = plan.dataclip_id ?? undefined;
    this.#jobs = new Map((plan.jobs ?? []).map((job) => [job.id, { empty: !job.body, next: [] }]));
    for (const edge of plan.edges ?? [])
      this.#jobs.get(edge.source_job_id)?.next.push(edge.target_job_id);
    /* With an empty job around it is not known which step's output is the final one. */
    this.#sawEmptyJob = [...this.#jobs.values()].some((job) => job.empty);
  }

  get activeStepId() {
    return this.#active?.stepId;
  }

  started({ jobId, timestamp }) {
    const waiting = this.#inputs.get(jobId);
    const input = waiting?.length ? waiting.shift() : this.#dataclipId;

    this.#active = { stepId: randomUUID(), jobId };
    this.#report.send('step:start', {
      step_id: this.#active.stepId,
      job_id: jobId,
      timestamp,
      ...(input && { input_dataclip_id: input }),
    });
  }

  completed({ jobId, pid, timestamp, state, next, duration, mem, webhookResponse, error, failure }) {
    const reason = stepReason(error, failure);
    const output = this.#output(state);

    this.#report.send('step:complete', {
      step_id: this.#active.stepId,
      job_id: jobId,
      ...(mem && { mem }),
      duration,
      thread_id: pid,
      timestamp,
      ...(isTruthy(webhookResponse) && { webhook_response: JSON.parse(webhookResponse) }),
      ...output,
      ...reason,
    });

    this.#active = null;
    this.#lead(output.output_dataclip_id ?? null, next);
    if (!next.length)
      this.#leaves.push({ dataclipId: output.output_dataclip_id, reason });
  }

  /* What the job process could not say itself any more. */
  abandon(reason) {
    if (!this.#active)
      return;

    const { stepId, jobId } = this.#active;
    this.#active = null;
    this.#report.send('step:complete', { step_id: stepId, job_id: jobId, ...this.#output('{}'), ...reason });
  }

  /* The run is what its leaves are: a failure somebody handled is none. */
  get reason() {
    return this.#leaves.find(({ reason }) => reason.reason === 'fail')?.reason ?? SUCCESS;
  }

  get finalDataclipId() {
    return this.#leaves.length === 1 && !this.#sawEmptyJob ? this.#leaves[0].dataclipId : undefined;
  }

  #output(state = '{}') {
    if (Buffer.byteLength(state) > this.#limits.payloadMb * 1024 * 1024)
      return { output_dataclip_error: 'DATACLIP_TOO_LARGE' };

    return {
      output_dataclip_id: randomUUID(),
      ...(this.#limits.outputDataclips && { output_dataclip: state }),
    };
  }

  /* Empty jobs execute without events: what reaches them reaches those behind them. */
  #lead(dataclipId, next) {
    for (const jobId of next) {
      const job = this.#jobs.get(jobId);
      if (job?.empty)
        this.#lead(dataclipId, job.next);
      else
        this.#inputs.set(jobId, [...(this.#inputs.get(jobId) ?? []), dataclipId]);
    }
  }
}

export const SUCCESS = { reason: 'success', error_type: null, error_message: null };

export function reasonOf({ severity, type, message }) {
  return { reason: severity, error_type: type, error_message: message };
}

function stepReason(error, failure) {
  if (error?.severity === 'fail')
    return reasonOf(failure ?? error);

  return error ? reasonOf(error) : SUCCESS;
}

function isTruthy(json) {
  return json !== undefined && Boolean(JSON.parse(json));
}
