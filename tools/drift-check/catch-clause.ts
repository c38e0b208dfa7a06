import ts from 'typescript';
import type { Project } from './project.ts';
import { calledName, descendants, unwrap } from './syntax.ts';

/** What is wrong with the way a try deals with a failure: it must log at `warn` and keep the error to itself. */
export function handlingProblem(project: Project, guard: ts.TryStatement): string | undefined {
  const { catchClause, finallyBlock } = guard;
  if (catchClause === undefined) return 'the failure is not caught';
  const nodes = [...descendants(catchClause.block)];
  if (!logsFirst(catchClause.block)) return 'the catch does not log at warn, whatever the failure is';
  if (nodes.some(ts.isThrowStatement) || throwsIn(finallyBlock)) return 'the catch throws';
  const errors = errorNames(project, catchClause);
  if (nodes.some((node) => letsOut(project, node, errors))) return 'the catch gives the error to the caller';
  return undefined;
}

/** A log.warn that no condition and no way out comes before. */
function logsFirst(block: ts.Block): boolean {
  const index = block.statements.findIndex(logsAtWarn);
  const before = block.statements.slice(0, index);
  return (
    index >= 0 &&
    !before.some((statement) => [statement, ...descendants(statement)].some(ts.isReturnStatement))
  );
}

function logsAtWarn(statement: ts.Statement): boolean {
  if (!ts.isExpressionStatement(statement)) return false;
  const call = unwrap(statement.expression);
  if (!ts.isCallExpression(call) || !ts.isPropertyAccessExpression(call.expression)) return false;
  return call.expression.name.text === 'warn' && call.expression.expression.getText() !== 'console';
}

function throwsIn(block: ts.Block | undefined): boolean {
  return block !== undefined && [...descendants(block)].some(ts.isThrowStatement);
}

/** The caught error and the variables of the catch that were made from it. */
function errorNames(project: Project, clause: ts.CatchClause): Set<ts.Symbol> {
  const errors = new Set<ts.Symbol>();
  const add = (name: ts.Node) => {
    for (const node of [name, ...descendants(name)]) {
      const symbol = ts.isIdentifier(node) ? project.checker.getSymbolAtLocation(node) : undefined;
      if (symbol !== undefined) errors.add(symbol);
    }
  };
  if (clause.variableDeclaration !== undefined) add(clause.variableDeclaration.name);
  for (const node of descendants(clause.block)) {
    if (!ts.isVariableDeclaration(node) || node.initializer === undefined) continue;
    if (mentions(project, node.initializer, errors)) add(node.name);
  }
  return errors;
}

function mentions(project: Project, node: ts.Node, errors: ReadonlySet<ts.Symbol>): boolean {
  return [node, ...descendants(node)].some((at) => {
    if (!ts.isIdentifier(at)) return false;
    const symbol = ts.isShorthandPropertyAssignment(at.parent)
      ? project.checker.getShorthandAssignmentValueSymbol(at.parent)
      : project.checker.getSymbolAtLocation(at);
    return symbol !== undefined && errors.has(symbol);
  });
}

/** Functions that hand their argument to whoever waits. */
const HANDS_OVER = /^(reject|resolve|next|callback|done|push|unshift|add|set|emit)$/;

function letsOut(project: Project, node: ts.Node, errors: ReadonlySet<ts.Symbol>): boolean {
  if (ts.isReturnStatement(node) && node.expression !== undefined) {
    const type = project.checker.getTypeAtLocation(node.expression);
    return mentions(project, node.expression, errors) || isError(project, type);
  }
  if (ts.isYieldExpression(node)) return mentions(project, node, errors);
  if (ts.isCallExpression(node) && HANDS_OVER.test(calledName(node) ?? '')) {
    return (
      calledName(node) === 'reject' || node.arguments.some((argument) => mentions(project, argument, errors))
    );
  }
  const assigned = ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.EqualsToken;
  return assigned && mentions(project, node.right, errors);
}

/** An error made in the catch tells the caller of the failure just as well as the caught one. */
function isError(project: Project, type: ts.Type): boolean {
  const parts = type.isUnion() ? type.types : [type];
  return parts.some((part) => {
    const awaited = project.checker.getAwaitedType(part) ?? part;
    if (awaited.symbol?.name === 'Error') return true;
    return (
      awaited.isClassOrInterface() &&
      project.checker.getBaseTypes(awaited).some((base) => isError(project, base))
    );
  });
}
