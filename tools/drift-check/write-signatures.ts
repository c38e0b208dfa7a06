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
    const [tx, write] = append.parameters.map((parameter) => project.checker.getTypeAtLocation(parameter));
    if (isNamed(tx, 'Transaction') && isNamed(write, 'OrderWrite')) continue;
    findings.push(
      project.finding(
        RULE,
        append,
        'append does not take (tx: Transaction, write: OrderWrite): declare it so',
      ),
    );
  }
  for (const write of writes) {
    const tx = write.parameters[0] && project.checker.getTypeAtLocation(write.parameters[0]);
    if (isNamed(tx, 'Transaction') && isNamed(resultOf(project, write), 'OrderWrite')) continue;
    const message = 'does not take a Transaction and answer with an OrderWrite: declare it so';
    findings.push(project.finding(RULE, write, message));
  }
  return { rule: RULE, sites: Math.min(appends.length, writes.length), findings };
}

function resultOf(project: Project, node: ts.SignatureDeclaration): ts.Type | undefined {
  const signature = project.checker.getSignatureFromDeclaration(node);
  return signature && project.checker.getAwaitedType(signature.getReturnType());
}

/** Whether a type has a name, by itself or as a part of what it is made stricter with. */
function isNamed(type: ts.Type | undefined, name: string): boolean {
  if (type === undefined) return false;
  if (type.aliasSymbol?.name === name || type.symbol?.name === name) return true;
  return type.isIntersection() && type.types.some((part) => isNamed(part, name));
}
