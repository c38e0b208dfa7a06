import { globSync } from 'node:fs';

/** How far a test reaches; the file's suffix tells. */
export const SUITES = ['unit', 'int', 'e2e', 'chaos'] as const;
export type Suite = (typeof SUITES)[number];

/** Suites whose tests need PostgreSQL and Kafka. */
export const SUITES_WITH_SERVERS: ReadonlySet<Suite> = new Set(['int', 'e2e', 'chaos']);

export interface TestFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly suite: Suite;
}

/** All test files under a directory, those of the suites that reach furthest, and take longest, first. */
export function findTestFiles(directory: string): TestFile[] {
  const paths = globSync('**/*.test.ts', { cwd: directory, exclude: ['**/node_modules', '**/fixture'] });
  const files = paths.sort().map((path) => ({ path, suite: suiteOf(path) }));
  return files.sort((one, other) => SUITES.indexOf(other.suite) - SUITES.indexOf(one.suite));
}

/** The files of some suites whose path contains one of the filters; all of them when there is no filter. */
export function selectTestFiles(
  files: readonly TestFile[],
  suites: readonly Suite[],
  filters: readonly string[],
): TestFile[] {
  return files.filter(
    ({ path, suite }) =>
      suites.includes(suite) &&
      (filters.length === 0 || filters.some((filter) => path.includes(filter.replace(/^\.\//, '')))),
  );
}

function suiteOf(path: string): Suite {
  return SUITES.find((suite) => path.endsWith(`.${suite}.test.ts`)) ?? 'unit';
}
