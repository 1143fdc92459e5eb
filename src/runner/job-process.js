/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Job process: executes one run, then is killed by the worker that started it.
 *
 * It gets { preload } while it waits in reserve, to load adaptors a run will probably use, then
 * { plan, input, options }. It answers with what happens in the order it happens: log, job-start,
 * job-complete, job-error and, at the end, done or failed. States and log messages travel as JSON
 * text, since they may hold anything that job code can produce.
 */

import { File } from 'node:buffer';
import { pathToFileURL } from 'node:url';

import createLogger from '@openfn/logger';
import run, { getModuleEntryPoint } from '@openfn/runtime';
import stringify from 'fast-safe-stringify';

import { compileJob, exportedNames } from './compile.js';
import { refuseCircles } from './plan.js';
import { fromNanoseconds, timestamp } from './timestamps.js';

const LEVELS = ['debug', 'info', 'log', 'warn', 'error', 'success', 'always'];

/* Adaptors expect this global, which Node.js 18 keeps in a module. */
globalThis.File ??= File;

process.on('message', (message) => (message.preload ? preload(message.preload) : execute(message)));
/* A worker that died cannot collect what we do. */
process.on('disconnect', () => process.exit(1));
/* Ctrl-C in a terminal reaches the whole group; stopping is the worker's decision. */
process.on('SIGINT', () => {});
process.send({ type: 'ready' });

/* Loading an adaptor takes most of the time of a small run. One that fails is met again there. */
async function preload(adaptors) {
  for (const adaptor of adaptors)
    await loadExports(adaptor);
}

async function execute({ plan, input, options }) {
  const logger = openLog('R/T', 'debug');
  const jobLogger = openLog('JOB', options.jobLogLevel);

  catchStrayErrors();
  captureConsole(openLog('ADA', options.jobLogLevel));

  try {
    refuseCircles(plan);
    await compileAll(plan, logger);
    const result = await run(plan, input, {
      logger,
      jobLogger,
      forceSandbox: true,
      linker: { whitelist: [/^@openfn\//] },
      statePropsToRemove: options.statePropsToRemove,
      stateLimitMb: options.stateLimitMb,
      callbacks: { notify },
    });
    tell('done', { state: JSON.stringify(result) });
  } catch (error) {
    tell('failed', { error: describe(error) });
  }
}

async function compileAll(plan, logger) {
  const started = Date.now();
  const globals = exportedNames(plan.workflow.globals);
  const steps = [];

  logger.info('Compiling all workflow steps...');
  for (const { adaptors, ...step } of plan.workflow.steps)
    steps.push(step.expression ? await compileStep(step, adaptors, globals, logger) : step);
  plan.workflow.steps = steps;
  logger.success(`Workflow compilation complete in ${seconds(started)}`);
}

async function compileStep(step, adaptors, globals, logger) {
  const started = Date.now();
  const name = step.name ?? step.id;
  const compiled = compileJob(name, step.expression, await Promise.all(adaptors.map(loadExports)), globals);
  const linker = Object.fromEntries(adaptors.map((adaptor) => [adaptor.name, { path: adaptor.path, version: adaptor.version }]));

  logger.info(`Compiled ${name} in ${seconds(started)}`);
  return { ...step, ...compiled, linker };
}

/* Compiled as a plain import, a broken adaptor becomes the failure of its job, not of the run. */
async function loadExports(adaptor) {
  try {
    const entry = await getModuleEntryPoint(adaptor.name, adaptor.path);
    return { name: adaptor.name, exports: namesOf(await import(pathToFileURL(entry.path))) };
  } catch {
    return { name: adaptor.name, exports: [], broken: true };
  }
}

/* The same names the runtime's linker finds: those of a CommonJS package are in its default. */
function namesOf(module) {
  if (module.__esModule && module.default?.default)
    return Object.keys(module.default.default);

  const names = Object.keys(module);
  return names.length === 1 && module.default && Object.keys(module.default).length
    ? Object.keys(module.default)
    : names;
}

function notify(event, { jobId, state, next, duration, mem, error }) {
  if (event === 'job-start')
    tell('job-start', { jobId });

  if (event === 'job-complete' || event === 'job-error')
    tell(event, {
      jobId,
      next,
      duration,
      mem,
      state: JSON.stringify(state),
      webhookResponse: JSON.stringify(state?.webhookResponse),
      error: error && describeStep(error),
      failure: state?.errors?.[jobId] && describe(state.errors[jobId]),
    });
}

/* A step shows the error itself; the run shows the class the runtime has put it in. */
function describeStep(error) {
  return { ...describe(error), type: error.subtype ?? error.type ?? error.name };
}

function describe(error) {
  return {
    severity: error?.severity ?? 'crash',
    type: error?.type ?? error?.name ?? 'Error',
    message: String(error?.message ?? error),
  };
}

/* Errors of forgotten promises and timers belong to no operation; they end the run. */
function catchStrayErrors() {
  process.on('uncaughtException', (error) => {
    const name = error?.constructor?.name ?? 'Error';
    tell('failed', {
      error: { severity: 'crash', type: 'RuntimeCrash', message: `${name}: ${error?.message ?? error}` },
    });
  });
}

function captureConsole(logger) {
  for (const level of ['debug', 'error', 'info', 'log', 'warn'])
    console[level] = logger[level];
}

/* "none" of the logger lets errors pass; a workflow that disabled its logs means all of them. */
function openLog(source, level) {
  const logger = Object.fromEntries(LEVELS.map((name) => [name, (line) => sendLog(source, line)]));

  return createLogger(source, { level: level === 'none' ? 'none-really' : level, json: true, logger });
}

function sendLog(source, { level, message, time }) {
  process.send({
    type: 'log',
    source,
    level,
    message: stringify(message, plainValues),
    timestamp: fromNanoseconds(time),
  });
}

function plainValues(key, value) {
  if (typeof value === 'bigint')
    return value.toString();
  if (typeof value === 'function')
    return `[function ${value.name}]`;

  return value;
}

function tell(type, content) {
  process.send({ type, pid: process.pid, timestamp: timestamp(), ...content });
}

function seconds(since) {
  return `${((Date.now() - since) / 1000).toPrecision(2)}s`;
}
