// SPDX-License-Identifier: Apache-2.0
//
// A database, fulgur-workers, and a worker that is connected to it.

import { startDaemon } from './daemon.js';
import { newDatabase } from './database.js';
import { makeRun } from './fixtures.js';
import { connectWorker, until } from './worker.js';

export async function makeStage(env = {}) {
  const db = await newDatabase();
  const daemon = await startDaemon('workers', db, env);
  const worker = await connectWorker(daemon);
  const queue = await worker.queue();
  const stage = { db, daemon, worker, queue };

  /** Claims until that run comes; what other tests have left behind comes too. */
  stage.claim = async (run, by = queue) => {
    let claimed;
    await until(async () => (claimed = (await by.claim()).find(({ id }) => id === run.id)));
    run.token = claimed.token;
    return run;
  };
  /** A run of the workflow, claimed and joined. */
  stage.claimOne = async (workflow, values) => {
    const run = await stage.claim(await makeRun(db, workflow, values));
    run.channel = await worker.run(run.id, run.token);
    return run;
  };
  stage.row = (run) => db.one('SELECT * FROM runs WHERE id = $1', [run.id]);
  stage.queued = (run) => db.one('SELECT * FROM run_queue WHERE run_id = $1', [run.id]);
  stage.lines = async (run) =>
    (await db.query('SELECT message FROM log_lines WHERE run_id = $1 ORDER BY "timestamp", id', [run.id])).map(({ message }) => message);
  stage.end = async () => {
    await worker.close();
    await daemon.finish();
    await db.close();
  };
  return stage;
}

let count = 0;
/** A worker's time, 16 digits of microseconds, later each time. */
export const stamp = () => String(Date.now() * 1000 + (count++ % 1000));
