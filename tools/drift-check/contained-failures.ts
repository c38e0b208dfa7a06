import ts from 'typescript';
import { handlingProblem } from './catch-clause.ts';
import type { Finding, RuleResult } from './finding.ts';
import type { Project } from './project.ts';
import { ancestors, calledName, descendants, referredName, tryAround } from './syntax.ts';

/** Calls whose failure must end where they are made. */
interface Guarded {
  readonly rule: string;
  readonly folder: string;
  readonly name: RegExp;
  readonly mend: string;
}

const GUARDED: readonly Guarded[] = [
  {
    rule: 'publish-failure-contained',
    folder: 'apps/',
    name: /^publish([A-Z]|$)/,
    mend: 'write `try { await publisher.publish(events); } catch (error) { log.warn({ err: error }, "..."); }`',
  },
  {
    rule: 'wake-up-failure-contained',
    folder: 'apps/api/',
    name: /^wake([A-Z]|$)/,
    mend: 'write `try { wakeRelay(); } catch (error) { log.warn({ err: error }, "..."); }`',
  },
];

/**
 * Constraint 2: each publish, and each wake-up of the relay by the API, is awaited in a `try` whose `catch` logs at `warn` and neither
 * throws nor returns the error. Checked where the call is written, so that a wrapper does not hide it.
 */
export function checkContainedFailures(project: Project): RuleResult[] {
  return GUARDED.map(({ rule, folder, name, mend }) => {
    const files = project.files.filter((file) => project.pathOf(file).startsWith(folder));
    const nodes = files.flatMap((file) => [...descendants(file)]);
    const calls = nodes.filter(ts.isCallExpression).filter((call) => name.test(calledName(call) ?? ''));
    const findings: Finding[] = [];
    for (const call of calls) {
      const problem = callProblem(project, call);
      if (problem !== undefined) findings.push(project.finding(rule, call, `${problem}: ${mend}`));
    }
    for (const node of nodes.filter((node) => losesName(project, node, name))) {
      findings.push(
        project.finding(rule, node, 'goes on under a name by which its calls are not found: keep its name'),
      );
    }
    return { rule, sites: calls.length, findings };
  });
}

function callProblem(project: Project, call: ts.CallExpression): string | undefined {
  const name = calledName(call) ?? 'the call';
  const guard = tryAround(call);
  if (guard === undefined) return `${name} is called outside a try of the same function`;
  if (!isAwaitedWithin(project, call, guard.tryBlock)) {
    return `${name} is not awaited in the try, so its failure escapes the catch`;
  }
  return handlingProblem(project, guard);
}

/** A call that answers with a promise must reach its await as it is; handlers attached on the way (.catch) would hide the failure. */
function isAwaitedWithin(project: Project, call: ts.CallExpression, block: ts.Block): boolean {
  const type = project.checker.getTypeAtLocation(call);
  const parts = type.isUnion() ? type.types : [type];
  const isPromise = parts.some((part) => part.flags & ts.TypeFlags.Any || part.getProperty('then'));
  if (!isPromise) return true;
  for (const at of ancestors(call)) {
    if (ts.isAwaitExpression(at)) return true;
    if (at === block || ts.isPropertyAccessExpression(at) || ts.isVoidExpression(at)) return false;
  }
  return false;
}

/** Whether a guarded function is given away under a name that the check does not look for. */
function losesName(project: Project, node: ts.Node, name: RegExp): boolean {
  if (ts.isBindingElement(node) || ts.isImportSpecifier(node)) {
    return (
      node.propertyName !== undefined &&
      name.test(referredName(node.propertyName) ?? '') &&
      !name.test(node.name.getText()) &&
      isCallable(project, node.name)
    );
  }
  if (!ts.isExpression(node) || !name.test(referredName(node) ?? '') || !isCallable(project, node))
    return false;
  const { parent } = node;
  if (ts.isCallExpression(parent) && parent.expression === node) return false;
  if (ts.isIdentifier(node) && isNameOf(node, parent)) return false;
  return !name.test(nameGivenBy(project, node, parent) ?? '');
}

function isCallable(project: Project, node: ts.Node): boolean {
  return project.checker.getTypeAtLocation(node).getNonNullableType().getCallSignatures().length > 0;
}

/** Whether an identifier is the name of its parent, or the last part of a longer reference, and not a use of its own. */
function isNameOf(node: ts.Identifier, parent: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isImportSpecifier(parent)) return true;
  if (ts.isExportSpecifier(parent)) return parent.propertyName === undefined;
  return 'name' in parent && parent.name === node;
}

/** The name under which a value goes on: that of the property, variable or parameter that it is given to. */
function nameGivenBy(project: Project, node: ts.Expression, parent: ts.Node): string | undefined {
  if (ts.isPropertyAssignment(parent) || ts.isVariableDeclaration(parent)) return parent.name.getText();
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.EqualsToken)
    return referredName(parent.left);
  if (ts.isExportSpecifier(parent)) return parent.name.text;
  if (ts.isCallExpression(parent)) {
    const index = parent.arguments.indexOf(node);
    return project.checker.getResolvedSignature(parent)?.parameters[index]?.name;
  }
  return undefined;
}
