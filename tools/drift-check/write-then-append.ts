import ts from 'typescript';
import { isOnEveryPath } from './every-path.ts';
import type { Finding, RuleResult } from './finding.ts';
import { isAppendFunction, isWriteFunction } from './places.ts';
import type { Project } from './project.ts';
import {
  ancestors,
  calledName,
  callsIn,
  enclosingFunction,
  originalSymbol,
  tryAround,
  unwrap,
} from './syntax.ts';

const RULE = 'write-then-append';
const MEND = 'write `const write = await orders.create(tx, ...); await outbox.append(tx, write);`';

/**
 * Constraint 1: in every service method the event is appended after the order was written, in the same transaction callback, with
 * the same transaction and the very value that the write returned; and no write goes without.
 */
export function checkWriteThenAppend(project: Project): RuleResult {
  const calls = project.files
    .filter((file) => project.pathOf(file).startsWith('apps/api/src/'))
    .flatMap((file) => callsIn(file));
  const writes = calls.filter((call) => isOrderWrite(project, call));
  const appends = calls.filter(
    (call) => isAppend(project, call) || (calledName(call) === 'append' && !isForeign(project, call)),
  );
  const findings: Finding[] = [];
  const report = (node: ts.Node, problem: string | undefined) => {
    if (problem !== undefined) findings.push(project.finding(RULE, node, `${problem}: ${MEND}`));
  };
  const told = new Set<ts.Node | undefined>();
  for (const append of appends) {
    const write = writeBehind(project, append, writes);
    told.add(write);
    report(append, problemWithAppend(project, append, write));
  }
  for (const write of writes) {
    if (!told.has(write)) report(write, 'the order is written, but the outbox is not told');
  }
  for (const call of calls.filter((call) => /^publish([A-Z]|$)/.test(calledName(call) ?? ''))) {
    report(call, problemWithPublish(call, writes));
  }
  const real = appends.filter((append) => isAppend(project, append));
  return { rule: RULE, sites: Math.min(real.length, writes.length), findings };
}

function problemWithPublish(
  publish: ts.CallExpression,
  writes: readonly ts.CallExpression[],
): string | undefined {
  const transaction = transactionOf(publish);
  const written = writes.some((write) => transactionOf(write) === transaction && write.end <= publish.pos);
  return transaction !== undefined && written ? undefined : 'published before, or without, writing the order';
}

/** A call of the outbox writer's append, whatever it is called here. */
function isAppend(project: Project, call: ts.CallExpression): boolean {
  const declaration = declarationOf(project, call);
  return declaration !== undefined && isAppendFunction(project, declaration);
}

/** A call of the order store's create or update, whatever it is called here. */
function isOrderWrite(project: Project, call: ts.CallExpression): boolean {
  const declaration = declarationOf(project, call);
  return declaration !== undefined && isWriteFunction(project, declaration);
}

function declarationOf(project: Project, call: ts.CallExpression): ts.SignatureDeclaration | undefined {
  const declaration = project.checker.getResolvedSignature(call)?.declaration;
  return declaration !== undefined && !ts.isJSDocSignature(declaration) ? declaration : undefined;
}

/** FormData, URLSearchParams and the like have an append as well. */
function isForeign(project: Project, call: ts.CallExpression): boolean {
  const declaration = declarationOf(project, call);
  return declaration !== undefined && !/^(apps|packages)\//.test(project.pathOf(declaration));
}

/** The call whose result is the second argument of an append, given directly or by a constant. */
function writeBehind(
  project: Project,
  append: ts.CallExpression,
  writes: readonly ts.CallExpression[],
): ts.CallExpression | undefined {
  const argument = append.arguments[1] && unwrap(append.arguments[1]);
  const declaration = argument && originalSymbol(project.checker, argument)?.valueDeclaration;
  const value =
    declaration !== undefined &&
    ts.isVariableDeclaration(declaration) &&
    ts.getCombinedNodeFlags(declaration) & ts.NodeFlags.Const
      ? declaration.initializer
      : argument;
  const call = value !== undefined && ts.isAwaitExpression(value) ? unwrap(value.expression) : undefined;
  return writes.find((write) => write === call);
}

function problemWithAppend(
  project: Project,
  append: ts.CallExpression,
  write: ts.CallExpression | undefined,
): string | undefined {
  if (!isAppend(project, append)) return 'this append is not the one of the outbox writer';
  const transaction = transactionOf(append);
  if (transaction === undefined) return 'appended outside a transaction callback';
  const usesTransaction = (call: ts.CallExpression) => isParameter(project, call.arguments[0], transaction);
  if (!usesTransaction(append)) return 'appended with another transaction than that of the callback';
  if (write === undefined) return 'what is appended is not the value that create or update returned';
  if (!usesTransaction(write))
    return 'the order is written with another transaction than that of the callback';
  if (enclosingFunction(write) !== enclosingFunction(append))
    return 'appended in another function than the write';
  if (append.end < write.end) return 'appended before the order is written';
  if (tryAround(append) !== undefined) {
    return 'a failure to append is caught, so that the order is committed without its event';
  }
  return isOnEveryPath(write, append) ? undefined : 'the event is not appended on every path after the write';
}

/** The parameter of the transaction callback around a node. */
function transactionOf(node: ts.Node): ts.ParameterDeclaration | undefined {
  for (const at of ancestors(node)) {
    if (!ts.isFunctionLike(at) || !ts.isCallExpression(at.parent)) continue;
    if (opensTransaction(at.parent)) return at.parameters[0];
  }
  return undefined;
}

/** inTransaction(..., callback) or db.transaction().execute(callback). */
function opensTransaction(call: ts.CallExpression): boolean {
  const name = calledName(call);
  if (name !== 'execute') return name === 'inTransaction';
  return (
    ts.isPropertyAccessExpression(call.expression) &&
    /\btransaction\(/.test(call.expression.expression.getText())
  );
}

function isParameter(
  project: Project,
  node: ts.Expression | undefined,
  parameter: ts.ParameterDeclaration,
): boolean {
  return node !== undefined && originalSymbol(project.checker, unwrap(node))?.valueDeclaration === parameter;
}
