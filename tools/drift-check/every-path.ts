import ts from 'typescript';
import { ancestors, descendants, enclosingFunction, isWithin } from './syntax.ts';

/** Whether, once the write is done, the append is awaited without a branch or a way out in between. */
export function isOnEveryPath(write: ts.Node, append: ts.Node): boolean {
  const block = [...ancestors(write)].find(ts.isBlock);
  const statements = block?.statements ?? [];
  const first = statements.findIndex((statement) => isWithin(write, statement));
  const last = statements.findIndex((statement) => isWithin(append, statement));
  const lastStatement = statements[last];
  if (lastStatement === undefined || !isAwaitedIn(append, lastStatement)) return false;
  const between = statements.slice(first, last);
  return !between.some((statement) =>
    [statement, ...descendants(statement)].some(
      (node) => leaves(node) && enclosingFunction(node) === enclosingFunction(append),
    ),
  );
}

function isAwaitedIn(append: ts.Node, statement: ts.Statement): boolean {
  let awaited = ts.isReturnStatement(statement);
  for (const at of ancestors(append)) {
    if (at === statement)
      return (
        awaited && (ts.isReturnStatement(at) || ts.isExpressionStatement(at) || ts.isVariableStatement(at))
      );
    if (ts.isAwaitExpression(at)) awaited = true;
    else if (
      !ts.isParenthesizedExpression(at) &&
      !ts.isVariableDeclaration(at) &&
      !ts.isVariableDeclarationList(at)
    )
      return false;
  }
  return false;
}

function leaves(node: ts.Node): boolean {
  return ts.isReturnStatement(node) || ts.isBreakOrContinueStatement(node);
}
