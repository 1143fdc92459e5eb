/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Adaptors: the npm packages jobs are written against, installed side by side in one folder.
 *
 * Each version has a place of its own, <repo>/node_modules/<name>_<version>, as the official
 * worker has it: a filled folder serves both, and what is there is used without any network.
 */

import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';

const NAME = /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/i;
const VERSION = /^[a-z0-9][\w.+-]*$/i;

const INSTALL = ['install', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts'];

/* What npm has to know of our environment; the worker's own secrets are no part of it. */
const HIDDEN = /^(WORKER_|CREDENTIALS_DIRECTORY$)/;

export class AutoinstallError extends Error {
  name = 'AutoinstallError';
}

export class ExecutionError extends Error {
  name = 'ExecutionError';
}

/*
 * Hands out installed adaptors. Two npm processes in one folder destroy each other's work, so
 * installations stand in a queue.
 */
export class Adaptors {
  #repoDir;
  #monorepoDir;
  #journal;
  #queue = Promise.resolve();

  constructor({ repoDir, monorepoDir }, journal) {
    this.#repoDir = repoDir;
    this.#monorepoDir = monorepoDir;
    this.#journal = journal;
  }

  /* "@openfn/language-http@6.5.1" → { name, version, path }; null for what we do not install. */
  async provide(specifier) {
    const { name, version } = splitSpecifier(specifier);

    if (version === 'local')
      return this.#local(name);
    if (!name.startsWith('@openfn/'))
      return null;
    if (!NAME.test(name) || !VERSION.test(version))
      throw new AutoinstallError(`Error installing ${specifier}: not the name of a package`);

    const exact = ['latest', 'next'].includes(version) ? await lookUp(name, version) : version;
    const directory = path.join(this.#repoDir, 'node_modules', `${name}_${exact}`);
    if (!(await this.#isInstalled(name, exact, directory)))
      await this.#inTurn(() => this.#install(name, exact, directory));

    return { name, version: exact, path: directory };
  }

  async #local(name) {
    const short = name.replace(/^@openfn\/(language-)?/, '');
    if (!this.#monorepoDir)
      throw new AutoinstallError(`Error installing ${name}@local: ADAPTORS_PATH is not set`);

    const directory = path.resolve(this.#monorepoDir, 'packages', short);
    const manifest = await readManifest(directory);
    if (!manifest)
      throw new AutoinstallError(`Error installing ${name}@local: no package in ${directory}`);

    return { name, version: manifest.version ?? 'local', path: directory };
  }

  /* npm writes its list last: a folder without its entry is a half-done installation. */
  async #isInstalled(name, version, directory) {
    const manifest = await readManifest(this.#repoDir);

    return Boolean(manifest?.dependencies?.[`${name}_${version}`]) && (await exists(directory));
  }

  #inTurn(task) {
    const turn = this.#queue.then(task);
    this.#queue = turn.catch(() => {});

    return turn;
  }

  async #install(name, version, directory) {
    if (await this.#isInstalled(name, version, directory))
      return;

    this.#journal.info(`installing ${name}@${version}`);
    try {
      await this.#prepareRepo();
      await npm([...INSTALL, `${name}_${version}@npm:${name}@${version}`], this.#repoDir);
    } catch (error) {
      throw new AutoinstallError(`Error installing ${name}@${version}: ${error.message}`);
    }
  }

  /* Without a manifest of its own npm would install into the next folder above that has one. */
  async #prepareRepo() {
    await mkdir(this.#repoDir, { recursive: true });
    if (!(await readManifest(this.#repoDir)))
      await writeFile(
        path.join(this.#repoDir, 'package.json'),
        JSON.stringify({ name: 'adaptors', version: '1.0.0', private: true, dependencies: {} }, null, 2),
      );
  }
}

export function splitSpecifier(specifier) {
  const at = specifier.lastIndexOf('@');

  return at > 0
    ? { name: specifier.slice(0, at), version: specifier.slice(at + 1) || 'latest' }
    : { name: specifier, version: 'latest' };
}

async function lookUp(name, tag) {
  try {
    return (await npm(['view', `${name}@${tag}`, 'version'])).trim();
  } catch (error) {
    throw new ExecutionError(error.message);
  }
}

function npm(args, cwd) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !HIDDEN.test(key)));

  return new Promise((resolve, reject) => {
    execFile('npm', args, { cwd, env, maxBuffer: 16 << 20 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout),
    );
  });
}

async function readManifest(directory) {
  try {
    return JSON.parse(await readFile(path.join(directory, 'package.json'), 'utf8'));
  } catch {
    return null;
  }
}

async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}
