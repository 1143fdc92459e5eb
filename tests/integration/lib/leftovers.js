// SPDX-License-Identifier: Apache-2.0
//
// What a check that failed has left running ends with its file: without this its daemons, sockets and clients that connect again would keep
// the process alive, and a failure would look like a timeout.

import { after } from 'node:test';

const GRACE_MS = 5000;
const children = new Set();

/** Returns the child, which will be killed when the file's tests are over. */
export function endsWithTheFile(child) {
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

after(() => {
  for (const child of children) child.kill('SIGKILL');
  // In good order nothing holds the process by now, and this neither; the exit status is the harness's.
  setTimeout(() => process.exit(), GRACE_MS).unref();
});
