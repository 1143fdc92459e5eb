/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Bench: what the tests put a run together with.
 */

import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Adaptors } from '../adaptors.js';
import { openJournal } from '../journal.js';
import { readSettings } from '../settings.js';
import { Worker } from '../worker.js';
import { Peer } from './peer.js';

export const COMMON = '@openfn/language-common@3.3.4';

/* Kept between test runs, so that only the first one needs the network. */
export const REPO_DIR = process.env.RUNNER_TEST_REPO_DIR ?? path.join(tmpdir(), `fulgur-runner-test-${process.getuid()}`);

export const quiet = openJournal('none');

export async function installCommon() {
  await new Adaptors({ repoDir: REPO_DIR }, quiet).provide(COMMON);
}

export function settings(peer, args = [], env = {}) {
  const given = ['--lightning', peer.url, '--repo-dir', REPO_DIR, '--backoff', '0.2/1', ...args];

  return readSettings(given, { WORKER_SECRET: 'secret', PATH: process.env.PATH, ...env });
}

/* A peer with a worker connected to it, both closed at the end of the test. */
export async function bench(t, { args, env, patienceMs, journal = quiet } = {}) {
  const peer = await new Peer().listen();
  const worker = new Worker(settings(peer, args, env), journal, { patienceMs });

  worker.start();
  t.after(async () => {
    await worker.stop();
    await peer.close();
  });
  return { peer, worker };
}

/*
 * jobs: list of bodies or job objects; edges: [source, target, condition] by position, the first
 * job is behind the trigger. Without edges the jobs follow each other.
 */
export function plan(jobs, { edges, options, ...rest } = {}) {
  const trigger = randomUUID();
  const list = jobs.map((job, index) => ({
    id: randomUUID(),
    name: `Job ${index + 1}`,
    adaptor: COMMON,
    credential_id: null,
    ...(typeof job === 'string' ? { body: job } : job),
  }));
  const links = edges ?? list.slice(1).map((_, index) => [index, index + 1, 'on_job_success']);

  return {
    id: randomUUID(),
    project_id: randomUUID(),
    triggers: [{ id: trigger }],
    jobs: list,
    edges: [
      edge({ source_trigger_id: trigger, target_job_id: list[0].id, condition: 'always' }),
      ...links.map(([from, to, condition, enabled]) =>
        edge({ source_job_id: list[from].id, target_job_id: list[to].id, condition, enabled: enabled ?? true }),
      ),
    ],
    starting_node_id: trigger,
    dataclip_id: randomUUID(),
    options: { output_dataclips: true, run_timeout_ms: 30000, ...options },
    ...rest,
  };
}

/* Offers the run, waits until the worker has left it, and gives what it reported. */
export async function perform(peer, runPlan, given) {
  peer.offer(runPlan, given);
  await peer.left(runPlan.id);

  return {
    id: runPlan.id,
    events: peer.events(runPlan.id),
    logs: peer.logs(runPlan.id),
    started: peer.of(runPlan.id, 'step:start'),
    steps: peer.of(runPlan.id, 'step:complete'),
    result: peer.of(runPlan.id, 'run:complete')[0],
  };
}

export function stateOf(step) {
  return JSON.parse(step.output_dataclip);
}

export function reason({ reason, error_type, error_message }) {
  return [reason, error_type, error_message];
}

function edge(fields) {
  return { id: randomUUID(), source_trigger_id: null, source_job_id: null, enabled: true, ...fields };
}
