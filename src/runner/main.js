#!/usr/bin/env node
/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fulgur-runner: a small worker for trying and testing.
 *
 * Connects to a server, claims runs and executes them, each in a process of its own. For
 * production there is OpenFn's own worker; this one speaks the same protocol, reads the same
 * settings and shares its folder of adaptors.
 */

import { openJournal } from './journal.js';
import { helpText, readSettings, SettingsError } from './settings.js';
import { TokenError } from './tokens.js';
import { Worker } from './worker.js';

const EXIT_USAGE = 2;
const EXIT_DISTRUST = 1;

function main() {
  const settings = readSettings(process.argv.slice(2), process.env);
  if (settings.help) {
    console.log(helpText());
    return;
  }

  const worker = new Worker(settings, openJournal(settings.log));
  worker.onStopped = () => process.exit(EXIT_DISTRUST);
  stopOnSignals(worker);
  worker.start();
}

/* Who asks twice wants it now. */
function stopOnSignals(worker) {
  let asked = false;

  for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => {
      if (asked)
        process.exit(1);
      asked = true;
      worker.stop().then(() => process.exit(0));
    });
}

try {
  main();
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof TokenError))
    throw error;
  console.error(`fulgur-runner: ${error.message}`);
  process.exitCode = EXIT_USAGE;
}
