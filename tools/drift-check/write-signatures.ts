import ts from 'typescript';
import type { Finding, RuleResult } from './finding.ts';
import { isAppendFunction, isWriteFunction } from './places.ts';
import type { Project } from './project.ts';
import { descendants } from './syntax.ts';

const RULE = 'write-signatures';

/**
 * Constraint 1, structure: create and update answer with an OrderWrite, and append takes it together with the transaction, so that
 * forgetting either does not compile.
 */
export function checkWriteSignatures(project: Project): RuleResult {
  const functions = project.files.flatMap((file) => [...descendants(file)]).filter(ts.isFunctionLike);
  const appends = functions.filter((node) => isAppendFunction(project, node));
  const writes = functions.filter((node) => isWriteFunction(project, node));
  const findings: Finding[] = [];
  for (const append of appends) {
    const [tx, write] = append.parameters.map((parameter) => typeName(project, parameter));
    if (tx === 'Transaction' && write === 'OrderWrite') continue;
    const message = `append takes (${tx}, ${write}): declare it as append(tx: Transaction, write: OrderWrite)`;
    findings.push(project.finding(RULE, append, message));
  }
  for (const write of writes) {
    const tx = write.parameters[0] && typeName(project, write.parameters[0]);
    const result = resultName(project, write);
    if (tx === 'Transaction' && result === 'OrderWrite') continue;
    const message = `takes (${tx}) and answers with ${result}: take a Transaction, answer with an OrderWrite`;
    findings.push(project.finding(RULE, write, message));
  }
  return { rule: RULE, sites: Math.min(appends.length, writes.length), findings };
}

function typeName(project: Project, parameter: ts.ParameterDeclaration): string {
  return nameOf(project, project.checker.getTypeAtLocation(parameter));
}

function resultName(project: Project, node: ts.SignatureDeclaration): string | undefined {
  const signature = project.checker.getSignatureFromDeclaration(node);
  const result = signature && project.checker.getAwaitedType(signature.getReturnType());
  return result && nameOf(project, result);
}

function nameOf(project: Project, type: ts.Type): string {
  return (type.aliasSymbol ?? type.symbol)?.name ?? project.checker.typeToString(type);
}
