// SPDX-License-Identifier: Apache-2.0
//
// What a check that failed has left running ends with its file: without this its daemons, sockets and clients that connect again would keep
// the process alive, and a failure would look like a timeout.

import { after } from 'node:test';

// The files' own hooks come after this one.
const GRACE_MS = 20000;
const children = new Set();

/** Returns the child, which will be killed if the file's tests are over and it is not. */
export function endsWithTheFile(child) {
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

after(() => {
  // In good order nothing holds the process by then, and this neither; the exit status is the harness's.
  setTimeout(() => {
    for (const child of children) child.kill('SIGKILL');
    process.exit();
  }, GRACE_MS).unref();
});
