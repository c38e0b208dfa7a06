import ts from 'typescript';
import type { Finding, RuleResult } from './finding.ts';
import { isKafkajs, isOwnSource, moduleReferences, resolveModule } from './module-references.ts';
import type { Project } from './project.ts';
import { descendants, originalSymbol } from './syntax.ts';

const RULE = 'api-without-publisher';
const MEND = 'the API hands events to the outbox: append there, the relay publishes';

/** Constraint 2, structure: apps/api imports neither kafkajs nor a publisher, by whatever detour. */
export function checkApiImports(project: Project): RuleResult {
  const files = project.files.filter((file) => project.pathOf(file).startsWith('apps/api/'));
  const findings = files.flatMap((file) => [
    ...reachedModules(project, file),
    ...publisherNames(project, file),
  ]);
  return { rule: RULE, sites: files.length, findings };
}

function reachedModules(project: Project, file: ts.SourceFile): Finding[] {
  const findings: Finding[] = [];
  for (const { node, specifier } of moduleReferences(file)) {
    if (specifier === undefined) {
      findings.push(project.finding(RULE, node, 'the module is computed: name it in an import declaration'));
      continue;
    }
    // A module of the API itself is looked at by itself: the finding belongs to the file where the way leaves the API.
    if (resolveModule(project, file, specifier)?.startsWith('apps/api/')) continue;
    const chain = chainToKafka(project, file, specifier, new Set([file.fileName]));
    if (chain !== undefined)
      findings.push(project.finding(RULE, node, `imports ${chain.join(' -> ')}: ${MEND}`));
  }
  return findings;
}

/** The modules from `specifier` on to kafkajs or to a publisher, if it leads there. */
function chainToKafka(
  project: Project,
  from: ts.SourceFile,
  specifier: string,
  seen: Set<string>,
): string[] | undefined {
  const resolved = resolveModule(project, from, specifier);
  if (isKafkajs(specifier, resolved)) return ['kafkajs'];
  if (!isOwnSource(resolved)) return undefined;
  if (/^packages\/messaging\/.*publisher[^/]*\.ts$/.test(resolved)) return [resolved];
  const source = project.program.getSourceFile(`${project.root}/${resolved}`);
  if (source === undefined || seen.has(source.fileName)) return undefined;
  seen.add(source.fileName);
  for (const reference of moduleReferences(source)) {
    const rest = reference.specifier && chainToKafka(project, source, reference.specifier, seen);
    if (rest) return [resolved, ...rest];
  }
  return undefined;
}

/** Anything declared by a publisher, whatever it was renamed to on its way here; each once. */
function publisherNames(project: Project, file: ts.SourceFile): Finding[] {
  const findings = new Map<ts.Symbol, Finding>();
  for (const node of descendants(file)) {
    if (!ts.isIdentifier(node)) continue;
    const symbol = originalSymbol(project.checker, node);
    const declaration = symbol?.declarations?.[0];
    if (symbol === undefined || declaration === undefined || findings.has(symbol)) continue;
    const origin = project.pathOf(declaration);
    if (!/^packages\/.*publisher[^/]*\.ts$/.test(origin)) continue;
    findings.set(symbol, project.finding(RULE, node, `${node.text} is declared in ${origin}: ${MEND}`));
  }
  return [...findings.values()];
}
