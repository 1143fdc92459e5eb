// SPDX-License-Identifier: Apache-2.0
//
// Posts webhooks from inside the machine until standard input ends, then prints what became of them.
//
//   node load.mjs URL CALLERS [PAUSE-MS]      {"refused":0,"statuses":{"200":1234},"orders":["…"],"runs":["…"]}
//
// Each request has a connection of its own, as callers from outside have.

import http from 'node:http';

const [url, callers, pause = 0] = process.argv.slice(2);
const result = { refused: 0, errors: {}, statuses: {}, orders: [], runs: [] };
let ended = false;

const post = () =>
  new Promise((done) => {
    const request = http.request(url, { method: 'POST', agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      result.statuses[response.statusCode] = (result.statuses[response.statusCode] ?? 0) + 1;
      if (response.statusCode === 200) {
        result.orders.push(response.headers['x-meta-work-order-id']);
        result.runs.push(response.headers['x-meta-run-id']);
      }
      response.resume().on('close', done);
    });
    request.on('error', (error) => {
      if (error.code === 'ECONNREFUSED') result.refused++;
      result.errors[error.code] = (result.errors[error.code] ?? 0) + 1;
      done();
    });
    request.end('{"load":true}');
  });

const caller = async () => {
  while (!ended) {
    await post();
    if (pause > 0) await new Promise((done) => setTimeout(done, Number(pause)));
  }
};

process.stdin.resume().on('end', () => (ended = true));
await Promise.all(Array.from({ length: Number(callers) }, caller));
console.log(JSON.stringify(result));
