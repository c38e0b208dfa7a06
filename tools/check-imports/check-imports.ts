import { globSync } from 'node:fs';
import path from 'node:path';
import { cruise, type ICruiseResult, type IForbiddenRuleType, type IViolation } from 'dependency-cruiser';
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';

export interface ImportFinding {
  readonly rule: string;
  /** File that holds the import, relative to the project. */
  readonly file: string;
  readonly message: string;
}

export interface ImportReport {
  readonly findings: readonly ImportFinding[];
  readonly files: readonly string[];
  readonly rules: readonly string[];
}

export const RULES_FILE = path.resolve(import.meta.dirname, '../../.dependency-cruiser.mjs');

const FOLDERS = ['apps', 'examples', 'packages', 'test', 'tools'];
const NOT_SOURCES = ['**/node_modules/**', 'tools/check-imports/fixture/**', 'tools/drift-check/fixtures/**'];

/**
 * Applies the import rules to the project in `root`. A file that was not looked at, and a rule whose pattern matches nothing, are
 * findings too: either would be a check that passes because it does not look.
 */
export async function checkImports(root: string, rulesFile = RULES_FILE): Promise<ImportReport> {
  const files = globSync(`{${FOLDERS.join()}}/**/*.ts`, { cwd: root, exclude: NOT_SOURCES });
  const options = await extractOptions(rulesFile);
  const { output } = await cruise(FOLDERS, { ...options, baseDir: root });
  if (typeof output === 'string')
    throw new Error('dependency-cruiser answered with text instead of a result');
  const rules = options.ruleSet?.forbidden ?? [];
  const findings = [
    ...output.summary.violations.map((violation) => describe(violation, rules)),
    ...unseenFiles(output, files),
    ...deadPatterns(output, rules),
  ];
  return { findings, files, rules: rules.map(nameOf) };
}

function nameOf(rule: IForbiddenRuleType): string {
  return rule.name ?? 'unnamed';
}

function describe(violation: IViolation, rules: readonly IForbiddenRuleType[]): ImportFinding {
  const steps = violation.via ?? violation.cycle ?? [{ name: violation.to }];
  const chain = steps.map((step) => step.name).join(' -> ');
  const mend = rules.find((rule) => rule.name === violation.rule.name)?.comment ?? '';
  return { rule: violation.rule.name, file: violation.from, message: `imports ${chain}: ${mend}` };
}

function unseenFiles(result: ICruiseResult, files: readonly string[]): ImportFinding[] {
  const seen = new Set(result.modules.map((module) => module.source));
  return files
    .filter((file) => !seen.has(file))
    .map((file) => ({ rule: 'every-file-is-seen', file, message: 'no import rule looked at this file' }));
}

/** The folder or package that such a pattern names was moved or renamed, and the rule went blind. */
function deadPatterns(result: ICruiseResult, rules: readonly IForbiddenRuleType[]): ImportFinding[] {
  const modules = result.modules.map((module) => module.source);
  const findings: ImportFinding[] = [];
  for (const rule of rules) {
    for (const pattern of patternsOf(rule)) {
      if (modules.some((module) => new RegExp(pattern).test(module))) continue;
      const message = `${pattern} matches no file: mend the pattern or remove it`;
      findings.push({ rule: nameOf(rule), file: path.basename(RULES_FILE), message });
    }
  }
  return findings;
}

function patternsOf(rule: IForbiddenRuleType): string[] {
  const from = 'from' in rule ? rule.from.path : undefined;
  // Modules of Node itself are in the graph only while somebody imports them.
  const to = 'to' in rule && !('dependencyTypes' in rule.to) ? rule.to.path : undefined;
  return [from ?? [], to ?? []].flat();
}
