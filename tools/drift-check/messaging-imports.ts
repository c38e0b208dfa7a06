import { isBuiltin } from 'node:module';
import type { Finding, RuleResult } from './finding.ts';
import { isOwnSource, moduleReferences, resolveModule } from './module-references.ts';
import type { Project } from './project.ts';

const RULE = 'messaging-imports-domain-only';

/** Constraint 3: from this repository, packages/messaging imports packages/domain and nothing else, types included. */
export function checkMessagingImports(project: Project): RuleResult {
  const findings: Finding[] = [];
  let imports = 0;
  for (const file of project.files) {
    if (!project.pathOf(file).startsWith('packages/messaging/')) continue;
    for (const { node, specifier } of moduleReferences(file)) {
      imports += 1;
      const problem = problemWith(specifier, specifier && resolveModule(project, file, specifier));
      if (problem !== undefined) findings.push(project.finding(RULE, node, problem));
    }
  }
  return { rule: RULE, sites: imports, findings };
}

function problemWith(specifier: string | undefined, resolved: string | undefined): string | undefined {
  if (specifier === undefined) return 'the module is computed: name it in an import declaration';
  if (isBuiltin(specifier)) return undefined;
  if (resolved === undefined) {
    return specifier.startsWith('.') || specifier.startsWith('@order-events/')
      ? `${specifier} cannot be found: correct the path`
      : undefined;
  }
  if (!isOwnSource(resolved) || /^packages\/(messaging|domain)\//.test(resolved)) return undefined;
  return `imports ${resolved}: take what is needed as an argument, or move it to packages/domain`;
}
