/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Syntax: questions about a parsed program, asked by the compiler.
 */

export function walk(node, visit, ancestors = []) {
  visit(node, ancestors);

  const below = [...ancestors, node];
  for (const child of children(node))
    walk(child, visit, below);
}

/* Pairs of [parent, child on the way down to node], innermost first. */
export function* ancestorsOf(node, ancestors) {
  let child = node;
  for (const parent of [...ancestors].reverse()) {
    yield [parent, child];
    child = parent;
  }
}

export function isFunction(node) {
  return ['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration'].includes(node.type);
}

/* Whether a function or a block gives a meaning of its own to a name. */
export function declares(scope, name) {
  if (isFunction(scope))
    return scope.params.some((param) => patternNames(param).includes(name));
  if (scope.type === 'CatchClause')
    return scope.param ? patternNames(scope.param).includes(name) : false;
  if (scope.type === 'Program')
    return declaredAtTop(scope).has(name);
  if (scope.type === 'BlockStatement')
    return scope.body.some((node) => statementNames(node).includes(name));

  return false;
}

/* The names of module scope, including every var that is hoisted there. */
export function declaredAtTop({ body }) {
  const names = new Set(body.flatMap(statementNames));

  const hoist = (node) => {
    if (isFunction(node))
      return;
    if (node.type === 'VariableDeclaration' && node.kind === 'var')
      statementNames(node).forEach((name) => names.add(name));
    for (const child of children(node))
      hoist(child);
  };
  body.forEach(hoist);

  return names;
}

/* The name a call or a chain of members starts from: http in http.get(url).body. */
export function rootName(node) {
  while (true) {
    if (node.type === 'MemberExpression')
      node = node.object;
    else if (node.type === 'CallExpression')
      node = node.callee;
    else if (node.type === 'ChainExpression')
      node = node.expression;
    else
      return node.type === 'Identifier' ? node.name : undefined;
  }
}

function children(node) {
  return Object.values(node)
    .flat()
    .filter((value) => typeof value?.type === 'string');
}

function statementNames(node) {
  switch (node.type) {
    case 'VariableDeclaration':
      return node.declarations.flatMap(({ id }) => patternNames(id));
    case 'FunctionDeclaration':
    case 'ClassDeclaration':
      return node.id ? [node.id.name] : [];
    case 'ImportDeclaration':
      return node.specifiers.map(({ local }) => local.name);
    case 'ExportNamedDeclaration':
    case 'ExportDefaultDeclaration':
      return node.declaration ? statementNames(node.declaration) : [];
    default:
      return [];
  }
}

function patternNames(node) {
  switch (node?.type) {
    case 'Identifier':
      return [node.name];
    case 'ObjectPattern':
      return node.properties.flatMap((item) => patternNames(item.value ?? item.argument));
    case 'ArrayPattern':
      return node.elements.flatMap(patternNames);
    case 'AssignmentPattern':
      return patternNames(node.left);
    case 'RestElement':
      return patternNames(node.argument);
    default:
      return [];
  }
}
