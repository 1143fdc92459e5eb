/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Engine: a child process for every run, started ahead of time, killed at the end.
 *
 * Nothing a job does survives its run, and nothing it does (a loop without end, all memory, exit)
 * stops the worker. One warm child waits in reserve, because starting Node and loading the runtime
 * takes longer than most jobs. It has the adaptors of the last run loaded already.
 */

import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('job-process.js', import.meta.url));

/* What adaptors need of the environment: locale, time zone, temporary files and certificates; and the home folder, which
 * the runtime asks for while it is loaded and which users made by systemd have nowhere else. */
const PASSED_ON = ['HOME', 'LANG', 'LC_ALL', 'NODE_EXTRA_CA_CERTS', 'PATH', 'SSL_CERT_DIR', 'SSL_CERT_FILE', 'TMPDIR', 'TZ'];

const REFILL_DELAY_MS = 200;
const DRAIN_MS = 1000;
const STDERR_KEPT = 8192;

const OUT_OF_MEMORY = /heap out of memory|Allocation failed|invalid size error|ERR_OUT_OF_MEMORY/;

export class Engine {
  #usualMemoryMb;
  #journal;
  #reserve = null;
  #lastAdaptors = [];
  #running = new Set();
  #stopped = false;

  constructor(usualMemoryMb, journal) {
    this.#usualMemoryMb = usualMemoryMb;
    this.#journal = journal;
  }

  start() {
    if (!this.#stopped)
      this.#reserve ??= this.#spare();
  }

  stop() {
    this.#stopped = true;
    for (const child of [...this.#running, this.#reserve])
      if (child)
        kill(child);
  }

  /*
   * Resolves to { state } or { error: { severity, type, message } }; onEvent gets the messages
   * of the job process before that, in order. signal aborts the run.
   */
  async execute({ plan, input, options }, { memoryMb, timeoutMs }, onEvent, signal) {
    const child = this.#take(memoryMb);

    this.#lastAdaptors = adaptorsOf(plan);
    this.#running.add(child);
    try {
      return await supervise(child, { plan, input, options }, timeoutMs, onEvent, signal);
    } finally {
      this.#running.delete(child);
      kill(child);
    }
  }

  #take(memoryMb) {
    if (!this.#reserve || memoryMb !== this.#usualMemoryMb)
      return spawn(memoryMb);

    const child = this.#reserve;
    this.#reserve = null;
    /* Not at once: the run that just starts needs the processor more. */
    setTimeout(() => this.start(), REFILL_DELAY_MS).unref();

    return child;
  }

  #spare() {
    const child = spawn(this.#usualMemoryMb);

    child.send({ preload: this.#lastAdaptors });
    child.once('exit', (code, signal) => {
      if (this.#reserve !== child)
        return;
      this.#reserve = null;
      if (!this.#stopped)
        this.#journal.warn(`a waiting job process ended (${signal ?? code})`);
    });
    return child;
  }
}

function adaptorsOf(plan) {
  const adaptors = plan.workflow.steps.flatMap((step) => step.adaptors ?? []);

  return [...new Map(adaptors.map((adaptor) => [adaptor.path, adaptor])).values()];
}

function spawn(memoryMb) {
  const child = fork(PROGRAM, [], {
    /* A process group of its own: killing it takes along what an adaptor has started. */
    detached: true,
    env: Object.fromEntries(PASSED_ON.filter((key) => key in process.env).map((key) => [key, process.env[key]])),
    execArgv: ['--experimental-vm-modules', '--no-warnings', `--max-old-space-size=${memoryMb}`],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });

  child.complaints = '';
  child.stderr.on('data', (data) => {
    child.complaints = (child.complaints + data).slice(-STDERR_KEPT);
  });
  /* A child that is gone already says so by its exit. */
  child.on('error', () => {});

  return child;
}

function supervise(child, request, timeoutMs, onEvent, signal) {
  return new Promise((resolve) => {
    let verdict;

    const condemn = (error) => {
      verdict ??= { error };
      kill(child);
    };
    const timer = setTimeout(
      () => condemn(failure('kill', 'TimeoutError', `Workflow failed to return within ${timeoutMs}ms`)),
      timeoutMs,
    );
    const abort = () => condemn(failure('kill', 'ExitError', 'The worker gave up the run'));
    const finish = (outcome) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      resolve(outcome);
    };

    signal?.addEventListener('abort', abort);
    child.on('message', (message) => {
      if (message.type === 'done')
        finish(verdict ?? { state: message.state });
      else if (message.type === 'failed')
        finish(verdict ?? { error: message.error });
      else if (message.type !== 'ready')
        onEvent(message);
    });
    whenGone(child, (code, by) => finish(verdict ?? { error: explainDeath(child, code, by) }));

    child.send(request);
    if (signal?.aborted)
      abort();
  });
}

/* The last messages and the last words on stderr may arrive after the exit. */
function whenGone(child, report) {
  const ended = ({ exitCode, signalCode }) => {
    kill(child);
    const late = setTimeout(() => report(exitCode, signalCode), DRAIN_MS);
    child.once('close', () => {
      clearTimeout(late);
      report(exitCode, signalCode);
    });
  };

  if (child.exitCode !== null || child.signalCode !== null)
    ended(child);
  else
    child.once('exit', () => ended(child));
}

/*
 * SIGKILL that we did not send comes from the kernel when the machine or the unit is out of
 * memory: buffers count there, but not for V8's own limit.
 */
function explainDeath(child, code, signal) {
  if (signal === 'SIGKILL' || OUT_OF_MEMORY.test(child.complaints))
    return failure('kill', 'OOMError', 'Run exceeded maximum memory usage');

  return failure('crash', 'ExitError', `The job process ended before the run did (${signal ?? code})`);
}

function failure(severity, type, message) {
  return { severity, type, message };
}

/* The group may outlive its leader; a process that never started has neither. */
function kill(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}
