/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Compile: each rewrite, checked by what the compiled operations do rather than how they look.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CompileError, compileJob, exportedNames } from '../compile.js';

const ADAPTOR = { name: '@openfn/language-x', exports: ['default', 'fn', 'each', 'get', 'http', 'execute', 'util'] };

/* What stands in for the adaptor: operations that resolve their arguments with the state. */
const PRELUDE = `
const value = (x, state) => (typeof x === 'function' ? x(state) : x);
const fn = (f) => (state) => f(state);
const get = (path, options) => (state) => ({ ...state, got: [value(path, state), value(options, state)] });
const each = (items, operation) => async (state) => {
  const results = [];
  for (const item of value(items, state)) results.push(await operation({ ...state, item }));
  return { ...state, results };
};
const http = { get };
const util = { double: (x) => 2 * x };
const _defer = (f, complete = (p) => p, fail = (e) => { throw e; }) => (state) =>
  complete(Promise.resolve(state).then(f).catch((e) => fail(e, state)));
`;

async function operationsOf(code) {
  const { expression } = compileJob('Job 1', code, [ADAPTOR]);
  const source = PRELUDE + expression.replace(/^(import|export) \{.*$/gm, '');
  const module = await import(`data:text/javascript,${encodeURIComponent(source)}`);

  return module.default;
}

async function result(code, state = {}) {
  for (const operation of await operationsOf(code))
    state = await operation(state);

  return state;
}

const RESULTS = [
  ['operations run in order', 'fn(s => ({ n: 1 }));\nfn(s => ({ n: s.n + 1 }))', {}, { n: 2 }],
  ['operations may use what is declared below', 'fn(s => add(s));\nconst add = (s) => ({ n: s.n + 1 });', { n: 1 }, { n: 2 }],
  ['a comment at the end hides nothing', 'fn(s => ({ ok: true })) // done', {}, { ok: true }],
  ['a member of the adaptor is an operation', 'http.get("/x")', {}, { got: ['/x', undefined] }],
  ['$ is the state', 'get($.url)', { url: 'u' }, { url: 'u', got: ['u', undefined] }],
  ['$ within an expression', 'get("/" + $.a + `/${$.b}`)', { a: 1, b: 2 }, { a: 1, b: 2, got: ['/1/2', undefined] }],
  ['$ within an object', 'get("x", { a: $.a, list: [$.a] })', { a: 1 }, { a: 1, got: ['x', { a: 1, list: [1] }] }],
  ['$ as a shorthand', 'get("x", { $ })', { a: 1 }, { a: 1, got: ['x', { $: { a: 1 } }] }],
  ['$ with a method', 'get($.list.map(x => x + $.n).join())', { list: [1, 2], n: 1 }, { list: [1, 2], n: 1, got: ['2,3', undefined] }],
  ['$ in a function of the language', 'get(JSON.stringify($.a))', { a: [1] }, { a: [1], got: ['[1]', undefined] }],
  ['$ in a plain helper of the adaptor', 'get(util.double($.n))', { n: 2 }, { n: 2, got: [4, undefined] }],
  ['$ in a function that has the state', 'fn(state => ({ n: $.n + state.n }))', { n: 1 }, { n: 2 }],
  ['$ in a function without parameters', 'fn(() => ({ n: $.n }))', { n: 1 }, { n: 1 }],
  ['$ in a function with another name for the state', 'fn(s => ({ n: $.n }))', { n: 1 }, { n: 1 }],
  ['$ in an inner operation', 'fn(state => get($.u)(state))', { u: 1 }, { u: 1, got: [1, undefined] }],
  ['$ of one’s own is left alone', 'fn(({ n: $ }) => ({ n: $ + 1 }))', { n: 1 }, { n: 2 }],
  ['$ in a text is left alone', 'fn(() => ({ a: "$.b", c: { $: 1 }.$ }))', {}, { a: '$.b', c: 1 }],
  ['then', 'get("x").then(s => ({ n: s.got[0] }))', {}, { n: 'x' }],
  ['catch gets the state', 'fn(() => { throw new Error("no") }).catch((e, s) => ({ ...s, e: e.message }))', { a: 1 }, { a: 1, e: 'no' }],
  ['then behind catch', 'fn(() => { throw 1 }).catch(() => ({ n: 1 })).then(s => ({ n: s.n + 1 }))', {}, { n: 2 }],
  ['then in an inner operation', 'each($.l, get("x").then(s => s.item)).then(s => s.results)', { l: [1, 2] }, [1, 2]],
];

for (const [name, code, state, expected] of RESULTS)
  test(name, async () => assert.deepEqual(await result(code, state), expected));

test('a job may export its operations itself', async () => {
  const operations = await operationsOf('export default [(s) => ({ own: true })]');
  assert.deepEqual(await operations[0]({}), { own: true });
});

test('what is used is imported, once, from the first adaptor that has it', () => {
  const other = { name: '@openfn/language-y', exports: ['fn', 'only', 'execute'] };
  const { expression } = compileJob('Job 1', 'fn(only); unknown()', [ADAPTOR, other]);

  assert.deepEqual(expression.match(/^(im|ex)port \{.*/gm), [
    'import { fn } from "@openfn/language-x";',
    'export { execute } from "@openfn/language-x";',
    'import { only } from "@openfn/language-y";',
  ]);
});

test('names the job or the workflow defines are not imported', () => {
  const { expression } = compileJob('Job 1', 'if (1) { var fn = 1 } const { get } = {}; each(http)', [ADAPTOR], ['http']);
  assert.match(expression, /^import \{ each \} from/m);
});

test('the names of a property are not imported', () => {
  const { expression } = compileJob('Job 1', 'fn({ get: 1 }.each)', [ADAPTOR]);
  assert.match(expression, /^import \{ fn \} from/m);
});

test('a broken adaptor is still imported, so that its job fails', () => {
  const { expression } = compileJob('Job 1', 'fn()', [{ name: 'x', exports: [], broken: true }]);
  assert.match(expression, /^import "x";/m);
});

const ERRORS = [
  ['fn(state => {', 'Job 1: Unexpected token (1:13)'],
  ['const a = $.b', "Job 1: $ must be part of an operation's argument (1:10)"],
  ['\nfn(({ a }) => $.b)', 'Job 1: $ cannot be used in a function with a destructured parameter (2:3)'],
];

for (const [code, message] of ERRORS)
  test(`refuses ${JSON.stringify(code)}`, () => {
    assert.throws(
      () => compileJob('Job 1', code, [ADAPTOR]),
      (error) => error instanceof CompileError && error.severity === 'crash' && error.message === message,
    );
  });

test('the source map knows operations by line and name', () => {
  const { sourceMap } = compileJob('Job 1', 'fn(s => s);\n\nhttp.get("x").then(s => s)', [ADAPTOR]);

  assert.deepEqual(sourceMap.operations, [{ line: 1, name: 'fn' }, { line: 3, name: 'http.get' }]);
  assert.deepEqual(sourceMap.sources, ['Job 1.js']);
});

test('names exported by globals', () => {
  assert.deepEqual(exportedNames('export const a = 1, b = 2; export function c() {} const d = 1; export { d as e };'), ['a', 'b', 'c', 'e']);
  assert.deepEqual(exportedNames(undefined), []);
});
