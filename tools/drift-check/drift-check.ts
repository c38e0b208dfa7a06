import { checkApiImports } from './api-imports.ts';
import { checkContainedFailures } from './contained-failures.ts';
import type { Finding, RuleResult } from './finding.ts';
import { checkMessagingImports } from './messaging-imports.ts';
import { openProject } from './project.ts';
import { checkSingleWriters } from './single-writers.ts';
import { checkWriteSignatures } from './write-signatures.ts';
import { checkWriteThenAppend } from './write-then-append.ts';

export interface DriftReport {
  readonly results: readonly RuleResult[];
  readonly findings: readonly Finding[];
}

/** Checks the three constraints on the project in `root`. A rule that found nothing to look at is a finding. */
export function checkDrift(root: string): DriftReport {
  const project = openProject(root);
  const results = [
    checkWriteThenAppend(project),
    checkWriteSignatures(project),
    ...checkSingleWriters(project),
    ...checkContainedFailures(project),
    checkApiImports(project),
    checkMessagingImports(project),
  ];
  return { results, findings: results.flatMap((result) => [...result.findings, ...blindness(result)]) };
}

function blindness({ rule, sites }: RuleResult): Finding[] {
  if (sites > 0) return [];
  const message = 'the rule matched nothing: the code it guards was moved or renamed, correct the rule';
  return [{ rule, file: 'tools/drift-check', line: 0, message }];
}
