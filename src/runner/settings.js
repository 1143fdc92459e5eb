/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Settings: what the command line and the environment say, as one checked object.
 *
 * Names follow the official worker, so one environment file serves both. The command line wins
 * over the environment. A value that cannot be understood is refused: a worker that starts with
 * half of its settings is harder to find out about than one that does not start.
 */

import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';

export class SettingsError extends Error {}

const count = {
  hint: 'a whole number above zero',
  read: (text) => (/^[1-9]\d*$/.test(text) ? Number(text) : undefined),
};

const amount = {
  hint: 'a number above zero',
  read: (text) => (Number(text) > 0 ? Number(text) : undefined),
};

const text = {
  hint: 'a text',
  read: (value) => value,
};

const flag = {
  hint: 'true or false',
  read: (value) => ({ true: true, 1: true, false: false, 0: false, '': false })[value],
};

const words = {
  hint: 'a list of words',
  read: (value) => value.split(/[\s,]+/).filter(Boolean),
};

const level = {
  hint: 'debug, info, default or none',
  read: (value) => (['debug', 'info', 'default', 'none'].includes(value) ? value : undefined),
};

/* The address gets "/websocket" appended by the client; ws+unix has the form socket:path. */
const address = {
  hint: 'ws://host:port/path, wss://host:port/path or ws+unix:///path/to.sock:/path',
  read: (value) =>
    /^wss?:\/\/[^/]/.test(value) || /^ws\+unix:\/\/\/[^:]+:\/./.test(value)
      ? value.replace(/\/+$/, '')
      : undefined,
};

const backoff = {
  hint: 'minimum/maximum in seconds, such as 1/10',
  read: (value) => {
    const [min, max] = value.split('/').map((part) => Math.round(Number(part) * 1000));
    return min > 0 && max >= min ? { min, max } : undefined;
  },
};

/* "fast_lane:1 manual>*:4" is one slot for fast_lane only, four that prefer manual to the rest. */
const workloops = {
  hint: 'a list such as "fast_lane:1 manual>*:4"',
  read: (value) => {
    const loops = value.split(/\s+/).filter(Boolean).map(readWorkloop);
    return loops.length && loops.every(Boolean) ? loops : undefined;
  },
};

function readWorkloop(value) {
  const match = /^((?:[a-z_]+|\*)(?:>(?:[a-z_]+|\*))*):([1-9]\d*)$/.exec(value);
  return match && { chain: match[1], queues: match[1].split('>'), capacity: Number(match[2]) };
}

const OPTIONS = [
  { name: 'backoff', env: ['WORKER_BACKOFF'], kind: backoff, initial: '1/10', help: 'how long to wait between empty claims, min/max in seconds' },
  { name: 'batch-interval', env: ['WORKER_BATCH_INTERVAL'], kind: count, initial: '10', help: 'how long log lines are gathered, in milliseconds' },
  { name: 'batch-limit', env: ['WORKER_BATCH_LIMIT'], kind: count, initial: '50', help: 'how many log lines are sent in one message' },
  { name: 'batch-logs', env: ['WORKER_BATCH_LOGS'], kind: flag, initial: 'false', help: 'send log lines several at a time' },
  { name: 'capacity', env: ['WORKER_CAPACITY'], kind: count, help: 'how many runs at once (default 5)' },
  { name: 'claim-timeout', env: ['WORKER_CLAIM_TIMEOUT_SECONDS'], kind: amount, initial: '3600', help: 'how long to wait for the answer to a claim' },
  { name: 'collections-url', short: 'c', env: ['WORKER_COLLECTIONS_URL'], kind: text, help: 'address of the collections API; without it jobs have no collections' },
  { name: 'collections-version', env: ['WORKER_COLLECTIONS_VERSION'], kind: text, initial: 'latest', help: 'version of the collections adaptor' },
  { name: 'lightning', short: 'l', env: ['WORKER_LIGHTNING_SERVICE_URL'], kind: address, initial: 'ws://localhost:4000/worker', help: 'address of the server' },
  { name: 'lightning-public-key', env: ['WORKER_LIGHTNING_PUBLIC_KEY'], kind: text, help: "base64 of the server's public key; run tokens are checked with it" },
  { name: 'log', env: ['WORKER_LOG_LEVEL'], kind: level, initial: 'info', help: "the worker's own log: debug, info, default or none" },
  { name: 'log-payload-memory', env: ['WORKER_MAX_LOG_PAYLOAD_MB'], kind: amount, initial: '1', help: 'a larger log line is withheld, in MB' },
  { name: 'max-run-duration-seconds', short: 't', env: ['WORKER_MAX_RUN_DURATION_SECONDS'], kind: amount, initial: '300', help: 'time limit of runs whose plan sets none' },
  { name: 'message-timeout', env: ['WORKER_MESSAGE_TIMEOUT_SECONDS'], kind: amount, initial: '30', help: 'how long to wait for an answer of the server' },
  { name: 'monorepo-dir', short: 'm', env: ['ADAPTORS_PATH', 'OPENFN_ADAPTORS_REPO'], kind: text, help: 'checkout whose packages/<name> serve adaptors of version @local' },
  { name: 'payload-memory', env: ['WORKER_MAX_PAYLOAD_MB'], kind: amount, initial: '10', help: 'a larger output is withheld, in MB' },
  { name: 'repo-dir', short: 'd', env: ['WORKER_REPO_DIR'], kind: text, initial: path.join(homedir(), '.openfn/worker/repo'), help: 'where adaptors are installed' },
  { name: 'run-memory', env: ['WORKER_MAX_RUN_MEMORY_MB'], kind: count, initial: '500', help: 'memory limit of runs whose plan sets none, in MB' },
  { name: 'secret', short: 's', env: ['WORKER_SECRET'], kind: text, help: 'the secret shared with the server; better given in the environment' },
  { name: 'state-props-to-remove', env: ['WORKER_STATE_PROPS_TO_REMOVE'], kind: words, initial: 'configuration response', help: 'what is taken out of the state after each step' },
  { name: 'worker-name', env: ['WORKER_NAME', 'DEPLOYED_POD_NAME'], kind: text, help: 'the name the server shows for this worker' },
  { name: 'workloops', env: ['WORKER_WORKLOOPS'], kind: workloops, help: 'slots by queue, such as "fast_lane:1 manual>*:4"; instead of capacity' },
];

export function readSettings(args, env) {
  const given = readCommandLine(args);
  if (given.help)
    return { help: true };

  const settings = {};
  for (const option of OPTIONS)
    settings[camel(option.name)] = readOption(option, given, env);

  settings.secret ??= readCredential(env, 'fulgur.worker-secret');
  if (!settings.secret)
    throw new SettingsError('No secret: set WORKER_SECRET, or pass the systemd credential fulgur.worker-secret.');

  settings.workloops = settleWorkloops(settings);
  settings.capacity = settings.workloops.reduce((sum, loop) => sum + loop.capacity, 0);
  settings.repoDir = path.resolve(settings.repoDir);

  return settings;
}

export function helpText() {
  const lines = OPTIONS.map((option) => {
    const names = (option.short ? `-${option.short}, ` : '    ') + `--${option.name}`;
    const initial = option.initial ? ` (default ${option.initial})` : '';
    return `  ${names.padEnd(32)}${option.env.join(', ')}\n${' '.repeat(34)}${option.help}${initial}`;
  });

  return `Usage: fulgur-runner [OPTION]…

Claims runs from a server that speaks the Lightning worker protocol and executes them.

${lines.join('\n')}
  ${'-h, --help'.padEnd(32)}this text

The secret is also read from $CREDENTIALS_DIRECTORY/fulgur.worker-secret.
SIGTERM and SIGINT: no further claims, running runs are finished, then exit.`;
}

function readCommandLine(args) {
  const options = { help: { type: 'boolean', short: 'h' } };
  for (const { name, short, kind } of OPTIONS)
    options[name] = { type: kind === flag ? 'boolean' : 'string', ...(short && { short }) };

  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new SettingsError(`${error.message.split('. ')[0]}. See --help.`);
  }
}

function readOption(option, given, env) {
  let source = `--${option.name}`;
  let value = given[option.name];

  if (value === undefined) {
    source = option.env.find((name) => env[name]);
    value = source && env[source];
  }
  if (value === undefined) {
    source = 'the default';
    value = option.initial;
  }
  if (value === undefined)
    return undefined;

  const result = option.kind.read(String(value));
  if (result === undefined)
    throw new SettingsError(`${source}: expected ${option.kind.hint}, got '${value}'.`);

  return result;
}

/* Files written with a text editor end with a newline that is not part of the secret. */
function readCredential(env, name) {
  if (!env.CREDENTIALS_DIRECTORY)
    return undefined;

  try {
    return readFileSync(path.join(env.CREDENTIALS_DIRECTORY, name), 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    if (error.code === 'ENOENT')
      return undefined;
    throw new SettingsError(`Cannot read the credential ${name}: ${error.message}`);
  }
}

function settleWorkloops({ workloops: loops, capacity }) {
  if (loops && capacity)
    throw new SettingsError('Capacity and workloops exclude each other: set one of them.');

  return loops ?? [{ chain: 'manual>*', queues: ['manual', '*'], capacity: capacity ?? 5 }];
}

function camel(name) {
  return name.replace(/-(.)/g, (_, letter) => letter.toUpperCase());
}
