/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Plan: what the server says about a run, in the shape the runtime executes.
 *
 * The server lists triggers, jobs and edges side by side; the runtime wants steps that name the
 * ones after them.
 */

export class ValidationError extends Error {
  name = 'ValidationError';
  severity = 'crash';
}

const COLLECTIONS = '@openfn/language-collections';

export function readLimits(plan, settings) {
  const options = plan.options ?? {};

  return {
    timeoutMs: options.run_timeout_ms ?? settings.maxRunDurationSeconds * 1000,
    memoryMb: options.run_memory_limit_mb ?? settings.runMemory,
    payloadMb: options.payload_limit_mb ?? settings.payloadMemory,
    logPayloadMb: options.log_payload_limit_mb ?? settings.logPayloadMemory,
    outputDataclips: options.output_dataclips ?? true,
    jobLogLevel: options.job_log_level ?? 'debug',
  };
}

/* The adaptors a job needs: its own, and the collections' if it talks to them. */
export function jobAdaptors(job, settings) {
  const wanted = job.adaptor ? [job.adaptor] : [];
  if (usesCollections(job, settings))
    wanted.push(`${COLLECTIONS}@${settings.collectionsVersion}`);

  return wanted;
}

/* The id of what has to be fetched for the job, if anything. */
export function credentialId(job) {
  return typeof job.credential === 'string' ? job.credential : job.credential_id ?? undefined;
}

/*
 * installed: Map from specifier to { name, version, path }, credentials: Map from id to body.
 */
export function runtimePlan(plan, { installed, credentials, settings, token }) {
  const steps = [
    ...(plan.triggers ?? []).map(({ id }) => ({ id, next: nextOfTrigger(plan, id) })),
    ...(plan.jobs ?? []).map((job) => ({
      id: job.id,
      name: job.name,
      expression: job.body,
      state: job.state,
      configuration: configuration(job, plan, { credentials, settings, token }),
      adaptors: jobAdaptors(job, settings)
        .map((specifier) => installed.get(specifier))
        .filter(Boolean),
      next: nextOfJob(plan, job.id),
    })),
  ];

  return {
    id: plan.id,
    workflow: { name: plan.name, steps, globals: plan.globals },
    options: { start: plan.starting_node_id },
  };
}

/* The runtime looks for circles as well, but does not come back from those it enters half-way. */
export function refuseCircles({ workflow }) {
  const steps = new Map(workflow.steps.map((step) => [step.id, step]));
  const done = new Set();

  const visit = (id, above) => {
    if (above.includes(id))
      throw new ValidationError(`Circular dependency: ${above.at(-1)} <-> ${id}`);
    if (!done.has(id))
      Object.keys(steps.get(id)?.next ?? {}).forEach((next) => visit(next, [...above, id]));
    done.add(id);
  };
  steps.forEach((_, id) => visit(id, []));
}

/* A trigger's condition is handed on as it is: the runtime refuses a plan that has none here. */
function nextOfTrigger(plan, id) {
  return toObject(
    openEdges(plan)
      .filter((edge) => edge.source_trigger_id === id)
      .map((edge) => [edge.target_job_id, trim(edge.condition)]),
  );
}

function nextOfJob(plan, id) {
  return toObject(
    openEdges(plan)
      .filter((edge) => edge.source_job_id === id)
      .map((edge) => [edge.target_job_id, { condition: trim(edge.condition ?? 'always') }]),
  );
}

function openEdges(plan) {
  return (plan.edges ?? []).filter((edge) => edge.enabled !== false);
}

/* The runtime evaluates "return <expression>": a leading line break would end that statement. */
function trim(condition) {
  return typeof condition === 'string' ? condition.trim() : condition;
}

function configuration(job, plan, { credentials, settings, token }) {
  const inline = typeof job.credential === 'object' ? job.credential : undefined;
  const body = inline ?? credentials.get(credentialId(job)) ?? {};
  if (!usesCollections(job, settings))
    return body;

  return {
    ...body,
    collections_token: token,
    collections_endpoint: settings.collectionsUrl,
    project_id: plan.project_id,
  };
}

function usesCollections(job, settings) {
  return Boolean(settings.collectionsUrl) && /\bcollections\./.test(job.body ?? '');
}

function toObject(entries) {
  return entries.length ? Object.fromEntries(entries) : undefined;
}
