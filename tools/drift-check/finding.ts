/** A place in the code that breaks a constraint. */
export interface Finding {
  readonly rule: string;
  /** Relative to the project, with slashes. */
  readonly file: string;
  readonly line: number;
  /** What is wrong there, and what mends it. */
  readonly message: string;
}

/** The verdict of one rule: what it found, and how many places it had to look at. A rule that looked at none is blind. */
export interface RuleResult {
  readonly rule: string;
  readonly sites: number;
  readonly findings: readonly Finding[];
}

export function formatFinding(finding: Finding): string {
  return `${finding.file}:${finding.line}: ${finding.rule}: ${finding.message}`;
}
