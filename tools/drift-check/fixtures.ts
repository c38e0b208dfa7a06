import { readdirSync } from 'node:fs';
import path from 'node:path';
import { createFixtureProject } from '../fixture-project.ts';
import { checkDrift } from './drift-check.ts';
import { formatFinding } from './finding.ts';

const FOLDER = path.join(import.meta.dirname, 'fixtures');
/** A small project that keeps all constraints; each fixture is laid over it. */
const BASE = 'base';
/** Fixtures in here keep the constraints in an unusual way. */
const GOOD = 'good';

/** One way of breaking a rule, or of keeping all of them. */
export interface Fixture {
  /** The rule that must reject it; undefined when none may. */
  readonly rule: string | undefined;
  readonly name: string;
}

/** The fixtures: fixtures/<rule>/<evasion> and fixtures/good/<way>. */
export function listFixtures(): Fixture[] {
  const groups = readdirSync(FOLDER).filter((group) => group !== BASE);
  return groups.flatMap((group) =>
    readdirSync(path.join(FOLDER, group)).map((name) => ({
      rule: group === GOOD ? undefined : group,
      name: `${group}/${name}`,
    })),
  );
}

/** Checks one fixture. Answers with what is wrong about the verdict, undefined when it is right. */
export async function judgeFixture(fixture: Fixture): Promise<string | undefined> {
  const project = await createFixtureProject([path.join(FOLDER, BASE), path.join(FOLDER, fixture.name)]);
  try {
    const { findings } = checkDrift(project.root);
    const others = findings.filter((finding) => finding.rule !== fixture.rule);
    if (others.length > 0)
      return `${fixture.name}: found without reason: ${others.map(formatFinding).join('; ')}`;
    // That a rule is blind is no rejection of what is in the fixture.
    const rejected = findings.some((finding) => finding.line > 0);
    if (fixture.rule !== undefined && !rejected) return `${fixture.name}: not rejected`;
    return undefined;
  } finally {
    await project.remove();
  }
}
