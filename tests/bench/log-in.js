/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What a crowd that logs in does to everybody else: each log-in costs a tenth of a second of a core and 64 MiB, on purpose.
 */

import { benchPassword, psql } from './lib/instance.js';

const CROWD = 20, SECONDS = 5;

const percentile = (values, p) => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * p))];

/** The bench's own password for everybody. */
function makePeople() {
  psql(`INSERT INTO users (id, email, first_name, last_name, hashed_password)
        SELECT gen_random_uuid(), 'person' || n || '@example.org', 'Person', 'No ' || n, u.hashed_password
          FROM users u, generate_series(1, ${CROWD}) n WHERE u.email = 'bench@example.org' ON CONFLICT DO NOTHING`);
}

/** One reader after the other's answer, as people click; milliseconds. */
async function readFor(instance, seconds) {
  const times = [], until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const start = performance.now();
    const reply = await fetch(instance.url('web', '/api/projects'), { headers: { authorization: `Bearer ${instance.manifest.api_token}` } });
    await reply.text();
    if (!reply.ok)
      throw new Error(`a reader was answered ${reply.status}`);
    times.push(performance.now() - start);
  }
  return times;
}

export async function logIns(instance, report) {
  let goes = true, n = 0;
  const logIn = async (email) => {
    while (goes) {
      const reply = await fetch(instance.url('web', '/users/log_in'), {
        method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ user: { email, password: benchPassword } }),
      });
      await reply.text();
      if (!reply.ok)
        throw new Error(`a log-in was answered ${reply.status}`);
      n++;
    }
  };

  makePeople();
  await readFor(instance, 1);
  const alone = percentile(await readFor(instance, SECONDS), 0.99);
  const crowd = Array.from({ length: CROWD }, (_, i) => logIn(`person${i + 1}@example.org`));
  const among = percentile(await readFor(instance, SECONDS), 0.99);
  goes = false;
  await Promise.all(crowd);

  report.figure(`p99 of a read while ${CROWD} people log in, again and again, to the p99 without them`, among / alone, '≤', 2, '×');
  report.note('the p99 of that read', `${alone.toFixed(1)} ms alone, ${among.toFixed(1)} ms among ${(n / SECONDS).toFixed(0)} log-ins a second`);
}
