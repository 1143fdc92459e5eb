/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Journal: the worker's own messages, one line each, for whoever runs it.
 *
 * Under systemd each line carries its priority, so `journalctl -p warning` works. Tokens, state
 * and log lines of jobs never come here.
 */

const PRIORITIES = { debug: 7, info: 6, warn: 4, error: 3 };
const SHOWN = { debug: 7, info: 6, default: 4, none: 0 };

export function openJournal(level, env = process.env, write = (line) => process.stdout.write(line)) {
  const journal = {};

  for (const [name, priority] of Object.entries(PRIORITIES))
    journal[name] = (message) => {
      if (priority <= SHOWN[level])
        write((env.JOURNAL_STREAM ? `<${priority}>` : `${name.padEnd(5)} `) + oneLine(message) + '\n');
    };

  return journal;
}

function oneLine(message) {
  return String(message).replace(/\s*\n\s*/g, ' | ');
}
