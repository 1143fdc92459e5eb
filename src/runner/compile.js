/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Compile: job code the way users write it becomes the module the runtime executes.
 *
 *     fn(state => state);                     import { fn, get } from "@openfn/language-http";
 *     get($.data.url).then(s => s);    →      export default [
 *                                               fn(state => state),
 *                                               _defer(get(state => state.data.url), p => p.then(s => s)),
 *                                             ];
 *
 * Four rewrites, each a function below: `$` becomes a function of state, promise chains on
 * operations wait for the state, calls at the top level become the list of operations, and what
 * the code uses of its adaptors is imported. Everything is an edit of the original text, so that
 * the source map leads errors back to the line the user wrote.
 */

import { parse } from 'acorn';
import MagicString from 'magic-string';

import { ancestorsOf, declaredAtTop, declares, isFunction, rootName, walk } from './syntax.js';

/* Helpers of adaptors that take values, not functions of state. */
const PLAIN_HELPERS = new Set(['dateFns', 'util']);

const GLOBALS = new Set(Object.getOwnPropertyNames(globalThis));

export class CompileError extends Error {
  name = 'CompileError';
  severity = 'crash';
}

/*
 * adaptors: [{ name, exports: [string], broken }], the first one that exports a name provides it.
 * globals: names the workflow defines for all jobs; they hide an adaptor's.
 */
export function compileJob(name, text, adaptors = [], globals = []) {
  /* Operations are moved to the end, which has to be outside of the last one. */
  const code = text + '\n';
  const job = {
    code,
    program: parseJob(name, text),
    edits: new MagicString(code),
    adaptors,
    exported: new Set(adaptors.flatMap((adaptor) => adaptor.exports)),
    hidden: new Set(globals),
  };

  try {
    rewriteLazyState(job);
  } catch (error) {
    throw new CompileError(`${name}: ${error.message}`);
  }

  const operations = findOperations(job.program);
  operations.forEach((operation) => rewritePromises(job, operation));
  if (!hasDefaultExport(job.program))
    exportOperations(job, operations);
  importFromAdaptors(job);

  return {
    expression: job.edits.toString(),
    sourceMap: sourceMap(job, `${name}.js`, operations),
  };
}

export function exportedNames(code) {
  if (!code?.trim())
    return [];

  return parseJob('globals', code).body.flatMap((node) => {
    if (node.type !== 'ExportNamedDeclaration')
      return [];
    const declared = node.declaration ? [...declaredAtTop({ body: [node.declaration] })] : [];
    return [...declared, ...node.specifiers.map((specifier) => specifier.exported.name)];
  });
}

function parseJob(name, code) {
  try {
    return parse(code, {
      ecmaVersion: 'latest',
      sourceType: 'module',
      allowAwaitOutsideFunction: true,
      locations: true,
    });
  } catch (error) {
    throw new CompileError(`${name}: ${error.message}`);
  }
}

/*
 * `$` stands for the state at the moment the operation runs. Inside a function that has the state
 * already it is another name for it; elsewhere the argument it is part of becomes a function.
 */
function rewriteLazyState(job) {
  const wrapped = new Set();

  walk(job.program, (node, ancestors) => {
    if (!isReferenceTo('$', node, ancestors) || ancestors.some((scope) => declares(scope, '$')))
      return;

    const name = provideState(job, node, ancestors, wrapped);
    const shorthand = ancestors.at(-1).type === 'Property' && ancestors.at(-1).shorthand;
    job.edits.update(node.start, node.end, shorthand ? `$: ${name}` : name);
  });
}

function provideState(job, node, ancestors, wrapped) {
  for (const [parent, child] of ancestorsOf(node, ancestors)) {
    if (isFunction(parent) && parent.params.some((param) => param.name === 'state'))
      return 'state';

    if (parent.type === 'CallExpression' && parent.arguments.includes(child) && takesState(job, parent)) {
      if (isFunction(child))
        return firstParameter(job, child, wrapped);

      if (!wrapped.has(child)) {
        wrapped.add(child);
        job.edits.prependRight(child.start, 'state => (').appendLeft(child.end, ')');
      }
      return 'state';
    }
  }

  const { line, column } = node.loc.start;
  throw new Error(`$ must be part of an operation's argument (${line}:${column})`);
}

function firstParameter(job, node, wrapped) {
  if (node.params[0]?.type === 'Identifier')
    return node.params[0].name;

  if (node.params.length) {
    const { line, column } = node.loc.start;
    throw new Error(`$ cannot be used in a function with a destructured parameter (${line}:${column})`);
  }

  if (!wrapped.has(node)) {
    wrapped.add(node);
    const open = job.code.indexOf('(', node.id?.end ?? node.start);
    job.edits.appendLeft(open + 1, 'state');
  }
  return 'state';
}

/* Calls such as JSON.stringify($.data) or $.items.concat($.more) want the value itself. */
function takesState(job, call) {
  const root = rootName(call.callee);
  if (root === undefined || root === '$' || PLAIN_HELPERS.has(root))
    return false;

  return job.exported.has(root) || !GLOBALS.has(root);
}

/* An operation is a function that runs later: what follows its promise has to wait with it. */
function rewritePromises(job, node) {
  const chain = promiseChain(node);

  if (chain.length)
    deferChain(job, node, chain);

  for (const argument of innermostCall(node).arguments)
    if (argument.type === 'CallExpression' && job.exported.has(rootName(argument.callee)))
      rewritePromises(job, argument);
}

/* The calls of `.then` and `.catch` around an operation, innermost first. */
function promiseChain(node) {
  const chain = [];

  while (node.type === 'CallExpression' && isPromiseMethod(node.callee)) {
    chain.unshift(node);
    node = node.callee.object;
  }
  return node.type === 'CallExpression' ? chain : [];
}

function innermostCall(node) {
  return promiseChain(node)[0]?.callee.object ?? node;
}

function isPromiseMethod(callee) {
  return (
    callee.type === 'MemberExpression' && !callee.computed && ['then', 'catch'].includes(callee.property.name)
  );
}

/* A `.catch` right behind the operation gets the state as its second argument. */
function deferChain(job, node, chain) {
  const { edits } = job;
  const operation = chain[0].callee.object;
  const [handler] = chain[0].callee.property.name === 'catch' ? chain[0].arguments : [];

  job.defers = true;
  if (!handler) {
    edits.prependRight(operation.start, '_defer(').appendLeft(operation.end, ', p => p').appendLeft(node.end, ')');
    return;
  }

  edits.update(operation.end, handler.start, ', undefined, ').update(handler.end, chain[0].end, ')');
  edits.prependRight(operation.start, '_defer(');
  if (chain.length > 1) {
    edits.prependRight(operation.start, '_defer(').appendLeft(chain[0].end, ', p => p').appendLeft(node.end, ')');
  }
}

function findOperations(program) {
  return program.body
    .filter((node) => node.type === 'ExpressionStatement' && node.expression.type === 'CallExpression')
    .map((node) => node.expression);
}

function hasDefaultExport(program) {
  return program.body.some((node) => node.type === 'ExportDefaultDeclaration');
}

/* The list comes last, behind every declaration an operation may use. */
function exportOperations({ edits, code }, operations) {
  for (const { start, end } of operations)
    edits.appendLeft(end, ',\n').move(start, end, code.length);

  if (operations.length)
    edits.prependRight(operations[0].start, '\nexport default [\n').append('];\n');
  else
    edits.append('\nexport default [];\n');
}

function importFromAdaptors(job) {
  const taken = new Set([...declaredAtTop(job.program), ...job.hidden]);
  const used = usedNames(job.program);
  const lines = [];

  for (const { name, exports, broken } of job.adaptors) {
    if (broken)
      lines.push(`import "${name}";`);

    const wanted = exports.filter((item) => item !== 'default' && used.has(item) && !taken.has(item));
    if (wanted.length)
      lines.push(`import { ${wanted.join(', ')} } from "${name}";`);

    /* The runtime lets the adaptor run the operations if it has a function for that. */
    if (exports.includes('execute') && !taken.has('execute'))
      lines.push(`export { execute } from "${name}";`);

    [...wanted, ...(exports.includes('execute') ? ['execute'] : [])].forEach((item) => taken.add(item));
  }

  if (job.defers)
    lines.push('import { defer as _defer } from "@openfn/runtime";');
  if (lines.length)
    job.edits.prepend(lines.join('\n') + '\n');
}

function usedNames(program) {
  const names = new Set();

  walk(program, (node, ancestors) => {
    if (isReferenceTo(node.name, node, ancestors))
      names.add(node.name);
  });
  return names;
}

function isReferenceTo(name, node, ancestors) {
  if (node.type !== 'Identifier' || node.name !== name)
    return false;

  const parent = ancestors.at(-1);
  if (parent.type === 'MemberExpression')
    return parent.object === node || parent.computed;
  if (parent.type === 'Property')
    return parent.value === node || parent.computed;

  return true;
}

/* The runtime reads the operations from the map to name the one an adaptor failed in. */
function sourceMap({ edits, code }, file, operations) {
  const map = edits.generateMap({ source: file, includeContent: true, hires: true });

  return {
    version: 3,
    sources: map.sources,
    sourcesContent: map.sourcesContent,
    names: map.names,
    mappings: map.mappings,
    operations: operations.map(innermostCall).map(({ loc, callee }) => ({
      line: loc.start.line,
      name: code.slice(callee.start, callee.end),
    })),
  };
}
