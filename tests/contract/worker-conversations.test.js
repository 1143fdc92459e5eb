// SPDX-License-Identifier: Apache-2.0
//
// Conversations of the real worker, recorded on the wire with a server that speaks as the original does (worker channel, appendix A;
// captures B to G), replayed against ours: each frame of the worker in its order, our reply held to the recorded one.
//
// Ids are the recorded ones, tokens are made anew, and what the recorded server was told to do wrong on purpose is listed below.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { startDaemon } from '../integration/lib/daemon.js';
import { newDatabase } from '../integration/lib/database.js';
import { makeCredential, makeKeychain } from '../integration/lib/fixtures.js';
import { connectRaw } from '../integration/lib/worker.js';

const frames = fs.readFileSync(path.join(new URL('.', import.meta.url).pathname, 'worker-frames.jsonl'), 'utf8').trim().split('\n').map(JSON.parse);

// Faults that the recording staged: the frames of these events are sent, our own answer is another one.
const staged = {
  'B 109 fetch:credential': 'an OAuth provider that is away',
  'B 114 fetch:dataclip': 'an input that cannot be read',
  'B 119 step:complete': 'every step is refused',
  'B 120 fetch:plan': 'a plan that cannot be made: ours never answers that with an error',
  'B 130 run:start': 'a start that is refused',
};
// Joins that were refused: ours refuses them for the same reason, a token that is not good.
const refusedJoins = new Set(['B 121', 'E 136', 'F 136']);
// The mock engine's times (capture D) are milliseconds divided by 1000: not times at all.
const isTime = (value) => value === undefined || (typeof value === 'string' && /^\d{13}$|^\d{16}$/.test(value)) || Number.isInteger(value);

const short = (id) => id.slice(-3);

/** The worker's frames with the server's answers to them. */
function conversation(capture) {
  const of = frames.filter((frame) => frame.capture === capture);
  const replies = new Map();
  for (const { conn, dir, text, base64 } of of)
    if (dir === '<') {
      const frame = base64 ? readBinary(Buffer.from(base64, 'base64')) : JSON.parse(text);
      if (frame[3] === 'phx_reply') replies.set(`${conn} ${frame[2]} ${frame[1]}`, frame);
    }
  return of
    .filter(({ dir }) => dir === '>')
    .map(({ conn, seq, text }) => {
      const frame = JSON.parse(text);
      return { conn, seq, frame, reply: replies.get(`${conn} ${frame[2]} ${frame[1]}`) };
    });
}

function readBinary(frame) {
  assert.equal(frame[0], 1);
  const parts = [];
  let at = 5;
  for (let i = 1; i < 5; i++) {
    parts.push(frame.subarray(at, at + frame[i]).toString());
    at += frame[i];
  }
  return [parts[0], parts[1], parts[2], 'phx_reply', { status: parts[3], binary: frame.subarray(at).toString() }];
}

/** What the recorded plans and inputs came from, as rows. */
class World {
  constructor(db, capture, talk) {
    Object.assign(this, { db, capture, talk, tokens: new Map(), joinRefs: new Map() });
    this.plans = new Map();
    this.inputs = new Map();
    for (const { frame, reply } of talk) {
      const [, , topic, event] = frame;
      if (reply?.[4].status !== 'ok') continue;
      if (event === 'fetch:plan') this.plans.set(topic.slice(4), reply[4].response);
      if (event === 'fetch:dataclip') this.inputs.set(topic.slice(4), reply[4].binary);
    }
  }

  async setUp() {
    const { db } = this;
    const [plan] = this.plans.values();
    this.project = { id: plan.project_id, name: 'recorded' };
    await db.query('INSERT INTO projects (id, name) VALUES ($1, $2)', [plan.project_id, 'recorded']);
    const body = this.talk.find(({ frame, reply }) => frame[3] === 'fetch:credential' && reply?.[4].status === 'ok' && reply[4].response)?.reply[4].response;
    // "c1" of the recording: known in some of its runs, unknown or without a match in others.
    this.known = await makeCredential(db, this.project, { main: body ?? { a: 'b' } });
    this.unknown = await makeCredential(db, null, { main: { a: 'b' } });
    this.matchless = await makeKeychain(db, this.project, '$.nothing');
  }

  credential(id) {
    return { 108: this.unknown, 111: this.matchless }[short(id)]?.id ?? this.known.id;
  }

  /** The run waits in the queue, once more if it was claimed before; in one that the claim's preference names. */
  async queue(id, [queue]) {
    const { db } = this;
    const plan = this.plans.get(id) ?? { ...this.plans.values().next().value, id };
    const jobs = plan.jobs.map((job) => ({ ...job, credential_id: job.credential_id && this.credential(id) }));
    const edges = plan.edges.map(({ condition, ...edge }) => {
      const named = ['always', 'on_job_success', 'on_job_failure'].includes(condition ?? 'always');
      return { ...edge, condition_type: named ? condition ?? 'always' : 'js_expression', condition_expression: named ? null : condition };
    });
    const { work_order_id: workOrder, workflow_id: workflow } = plan.meta;
    const onTrigger = plan.triggers.some((trigger) => trigger.id === plan.starting_node_id);

    await db.query('INSERT INTO workflows (id, project_id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [workflow, plan.project_id, 'recorded']);
    await db.query(
      `INSERT INTO workflow_snapshots (id, project_id, workflow_id, lock_version, name, jobs, triggers, edges)
       SELECT $1, $2, $3, count(*), 'recorded', $4, $5, $6 FROM workflow_snapshots ON CONFLICT DO NOTHING`,
      [id, plan.project_id, workflow, JSON.stringify(jobs), JSON.stringify(plan.triggers), JSON.stringify(edges)]);
    await db.query('INSERT INTO work_orders (id, project_id, workflow_id, snapshot_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING',
      [workOrder, plan.project_id, workflow, id]);
    await db.query('DELETE FROM runs WHERE id = $1', [id]);
    await db.query('DELETE FROM run_queue WHERE run_id = $1', [id]);
    await db.query(
      `INSERT INTO runs (id, project_id, workflow_id, work_order_id, snapshot_id, starting_trigger_id, starting_job_id, dataclip_id, run_timeout_ms,
                         run_memory_limit_mb, save_dataclips, enable_job_logs)
       VALUES ($1, $2, $3, $4, $1, $5, $6, $7, $8, $9, $10, $11)`,
      [id, plan.project_id, workflow, workOrder, onTrigger ? plan.starting_node_id : null, onTrigger ? null : plan.starting_node_id, plan.dataclip_id,
       plan.options.run_timeout_ms, plan.options.run_memory_limit_mb ?? null, plan.options.output_dataclips, plan.options.job_log_level !== 'none']);
    await db.query(
      `INSERT INTO run_queue (run_id, project_id, workflow_id, work_order_id, lane_id, run_timeout_ms, queue) VALUES ($1, $2, $3, $4, $3, $5, $6)`,
      [id, plan.project_id, workflow, workOrder, plan.options.run_timeout_ms, queue]);
  }

  /** All runs of the recording start from one dataclip, which was not the same for all of them. */
  async input(run) {
    const { db, project } = this;
    const id = this.plans.get(run).dataclip_id;
    const body = this.inputs.get(run);
    const at = new Date();
    await db.query('DELETE FROM dataclips WHERE id = $1', [id]);
    await db.query('DELETE FROM dataclip_bodies WHERE dataclip_id = $1', [id]);
    await db.query("INSERT INTO dataclips (id, project_id, type, inserted_at) VALUES ($1, $2, 'step_result', $3)", [id, project.id, at]);
    if (body && body !== 'null')
      await db.query('INSERT INTO dataclip_bodies (dataclip_id, project_id, body, inserted_at) VALUES ($1, $2, $3, $4)', [id, project.id, Buffer.from(body), at]);
  }

  /** What the worker would send to us: our tokens and ids instead of the recorded ones. */
  translate([joinRef, ref, topic, event, payload], reply) {
    const id = topic.slice(4);
    if (event === 'phx_join' && payload.token)
      payload = { token: reply?.[4].status === 'error' ? 'not.good.any' : this.tokens.get(id) };
    if (event === 'fetch:credential') payload = { id: this.credential(id) };
    return [joinRef, ref, topic, event, payload];
  }

  /** What we are expected to answer; to an event, with the join_ref of the channel, as the original does: the recorded server echoed it. */
  expected([joinRef, ref, topic, event], reply) {
    const [, , , , { status, response, binary }] = reply;
    const id = topic.slice(4);
    const name = `${this.capture} ${short(topic)}`;
    if (event === 'phx_join') this.joinRefs.set(topic, joinRef);
    else if (event !== 'phx_leave') joinRef = this.joinRefs.get(topic) ?? joinRef;
    if (event === 'phx_join' && status === 'error') assert.ok(refusedJoins.has(name), `${name}: nobody expected its join to be refused`);
    if (event === 'fetch:plan') {
      const { payload_limit_mb: notSent, ...options } = response.options;
      const plan = {
        ...response, options,
        jobs: response.jobs.map((job) => ({ ...job, credential_id: job.credential_id && this.credential(id) })),
        // The recording tried what null does to a worker; a snapshot cannot hold it.
        edges: response.edges.map((edge) => ({ ...edge, condition: edge.condition ?? 'always' })),
      };
      return [joinRef, ref, topic, 'phx_reply', { status, response: plan }];
    }
    return [joinRef, ref, topic, 'phx_reply', binary === undefined ? { status, response } : { status, binary }];
  }
}

class Connections {
  constructor(daemon) {
    Object.assign(this, { daemon, sockets: new Map() });
  }

  /** A connection of the recording is one of ours; the one before it has gone by then. */
  async get(conn) {
    for (const [number, socket] of this.sockets)
      if (number < conn) {
        socket.terminate();
        this.sockets.delete(number);
      }
    if (!this.sockets.has(conn)) this.sockets.set(conn, await connectRaw(this.daemon));
    return this.sockets.get(conn);
  }

  async ask(conn, frame) {
    const socket = await this.get(conn);
    socket.send(JSON.stringify(frame));
    for (;;) {
      const received = await socket.next();
      const read = Buffer.isBuffer(received) ? readBinary(received) : received;
      if (read[3] === 'phx_reply' && read[1] === frame[1]) return read;
      // In between come phx_close of what was left, and nothing else.
      assert.equal(read[3], 'phx_close');
    }
  }

  close() {
    for (const socket of this.sockets.values()) socket.terminate();
  }
}

for (const capture of ['B', 'C', 'D', 'E', 'F', 'G'])
  test(`capture ${capture}`, async () => {
    const db = await newDatabase();
    const daemon = await startDaemon('workers', db, { FULGUR_CLAIM_JOIN_SECONDS: '3600', BROADCAST_WORK_AVAILABLE: 'false' });
    const talk = conversation(capture);
    const world = new World(db, capture, talk);
    const connections = new Connections(daemon);
    const ended = new Map();
    let n = 0;
    await world.setUp();

    for (const { conn, seq, frame, reply } of talk) {
      const [, , topic, event, payload] = frame;
      const where = `${capture} ${seq} ${event} of ${topic}`;
      const id = topic.slice(4);
      const claimed = event === 'claim' ? (reply?.[4].response.runs ?? []) : [];
      for (const run of claimed) {
        await world.queue(run.id, payload.queues);
        ended.delete(run.id);
      }
      if (event === 'phx_join' && topic.startsWith('run:') && !world.tokens.has(id)) continue;

      if (event === 'fetch:dataclip') await world.input(id);
      const got = await connections.ask(conn, world.translate(frame, reply));
      n++;
      if (claimed.length > 0) {
        assert.deepEqual(got[4].response.runs.map((run) => run.id), claimed.map((run) => run.id), where);
        for (const run of got[4].response.runs) world.tokens.set(run.id, run.token);
        continue;
      }
      if (event === 'run:complete' && got[4].status === 'ok') ended.set(id, payload);
      if (!reply || staged[`${capture} ${short(topic)} ${event}`]) continue;
      if (/^(run:log|run:batch_logs)$/.test(event) && !isTime(payload.timestamp)) {
        assert.deepEqual(got[4], { status: 'error', response: { errors: { timestamp: ['is invalid'] } } }, where);
        continue;
      }
      if (event === 'run:log') {
        assert.match(got[4].response.log_line_id, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, where);
        got[4].response.log_line_id = reply[4].response.log_line_id;
      }
      assert.deepEqual(got, world.expected(frame, reply), where);
    }
    connections.close();
    assert.ok(n > 20);

    const states = { success: 'success', fail: 'failed', crash: 'crashed', kill: 'killed', exception: 'exception' };
    for (const [id, { reason, error_type, error_message }] of ended) {
      const row = await db.one('SELECT state, error_type, error_message FROM runs WHERE id = $1', [id]);
      assert.deepEqual([row.state, row.error_type], [states[reason], error_type], id);
      if (capture !== 'D') assert.equal(row.error_message, error_message, id);
    }
    await daemon.finish();
    await db.close();
  });
