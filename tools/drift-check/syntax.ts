import ts from 'typescript';

export function* descendants(node: ts.Node): Generator<ts.Node> {
  const children: ts.Node[] = [];
  ts.forEachChild(node, (child) => {
    children.push(child);
  });
  for (const child of children) {
    yield child;
    yield* descendants(child);
  }
}

export function callsIn(node: ts.Node): ts.CallExpression[] {
  return [...descendants(node)].filter(ts.isCallExpression);
}

/** The nodes around `node`, from its parent outwards. */
export function* ancestors(node: ts.Node): Generator<ts.Node> {
  for (let at = node.parent as ts.Node | undefined; at !== undefined; at = at.parent) yield at;
}

export function isWithin(node: ts.Node, outer: ts.Node): boolean {
  return node.pos >= outer.pos && node.end <= outer.end && node.getSourceFile() === outer.getSourceFile();
}

/** The function whose body `node` belongs to, without crossing into another function. */
export function enclosingFunction(node: ts.Node): ts.SignatureDeclaration | undefined {
  for (const at of ancestors(node)) if (ts.isFunctionLike(at)) return at;
  return undefined;
}

/** The nearest try with a catch that has the node in its block, in the same function. */
export function tryAround(node: ts.Node): ts.TryStatement | undefined {
  for (const at of ancestors(node)) {
    if (ts.isFunctionLike(at)) return undefined;
    if (ts.isTryStatement(at) && at.catchClause !== undefined && isWithin(node, at.tryBlock)) return at;
  }
  return undefined;
}

/** The name by which a function is called: its own, or that of the property or variable that it is given to. */
export function functionName(node: ts.SignatureDeclaration): string | undefined {
  const named =
    node.name ??
    (ts.isPropertyAssignment(node.parent) || ts.isVariableDeclaration(node.parent)
      ? node.parent.name
      : undefined);
  return named !== undefined && (ts.isIdentifier(named) || ts.isStringLiteralLike(named))
    ? named.text
    : undefined;
}

/** `f` of f(), `m` of o.m(), o?.m() and o['m'](). */
export function calledName(call: ts.CallExpression): string | undefined {
  return referredName(unwrap(call.expression));
}

/** Last name of `a`, `o.a` and `o['a']`. */
export function referredName(node: ts.Node): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isPropertyAccessExpression(node)) return node.name.text;
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return node.argumentExpression.text;
  }
  return undefined;
}

/** Without parentheses, `!`, `as` and `satisfies`. */
export function unwrap(node: ts.Expression): ts.Expression {
  const isWrapped =
    ts.isParenthesizedExpression(node) ||
    ts.isNonNullExpression(node) ||
    ts.isAsExpression(node) ||
    ts.isSatisfiesExpression(node);
  return isWrapped ? unwrap(node.expression) : node;
}

/** The symbol behind a name, through imports and re-exports. */
export function originalSymbol(checker: ts.TypeChecker, node: ts.Node): ts.Symbol | undefined {
  const symbol = checker.getSymbolAtLocation(node);
  if (symbol === undefined) return undefined;
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
}
