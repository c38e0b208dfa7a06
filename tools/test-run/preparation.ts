import { findReflectingClient } from '../../test/harness/find-reflecting-client.ts';
import { installPythonPackages } from '../../test/harness/python-packages.ts';
import { findChromium } from '../stack/chromium-program.ts';
import { postgresPrograms, prepareKafka } from '../stack/index.ts';
import { findPgbouncer } from '../stack/pgbouncer-program.ts';
import { chosenLines } from './server-lines.ts';
import type { Suite } from './test-files.ts';

interface Step {
  readonly name: string;
  readonly suites: readonly Suite[];
  /** Answers what is there now, for people. */
  readonly prepare: () => Promise<string>;
}

const STEPS: readonly Step[] = [
  {
    name: 'Kafka',
    suites: ['int', 'e2e', 'chaos'],
    prepare: async () => {
      // Its tools are used with any broker.
      await prepareKafka();
      return `Kafka ${await prepareKafka(chosenLines().kafka)}`;
    },
  },
  {
    name: 'PostgreSQL',
    suites: ['int', 'e2e', 'chaos'],
    prepare: async () => {
      const { postgres } = chosenLines();
      await postgresPrograms(postgres);
      return `PostgreSQL ${postgres}`;
    },
  },
  {
    // Kafka's jars are fetched one version after the other anyway: see kafka-jars.ts.
    name: 'the oldest Kafka that is tested against',
    suites: ['chaos'],
    prepare: async () => `Kafka ${await prepareKafka('3.9')}`,
  },
  ...(['v1', 'v1alpha'] as const).map((version): Step => ({
    name: `grpcurl for reflection ${version}`,
    suites: ['int', 'e2e'],
    prepare: async () => (await findReflectingClient(version)).name,
  })),
  ...(['python', 'python-rest'] as const).map((target): Step => ({
    name: `packages of make ${target}`,
    suites: ['int', 'e2e'],
    prepare: async () => {
      await installPythonPackages(target);
      return `packages of make ${target}`;
    },
  })),
  { name: 'Chromium', suites: ['int', 'chaos'], prepare: async () => `Chromium at ${await findChromium()}` },
  { name: 'PgBouncer', suites: ['e2e'], prepare: async () => `PgBouncer at ${await findPgbouncer()}` },
];

/**
 * Fetches and builds, side by side, what the tests of these suites need beside servers, before the clock of any test runs. Kept
 * for later runs. What cannot be had is said here, and fails the tests that need it.
 */
export async function prepareTests(suites: ReadonlySet<Suite>, say: (line: string) => void): Promise<void> {
  const steps = STEPS.filter((step) => step.suites.some((suite) => suites.has(suite)));
  const startMs = performance.now();
  await Promise.all(
    steps.map(async ({ name, prepare }) => {
      const patience = setTimeout(() => say(`  ${name}: fetching (only the first time)`), 2_000);
      try {
        const there = await prepare();
        const ms = performance.now() - startMs;
        if (ms > 2_000) say(`  ${there}: there after ${Math.round(ms / 1000)} s`);
      } catch (error) {
        say(
          `  ${name}: not there, its tests will fail: ${error instanceof Error ? error.message : String(error)}`,
        );
      } finally {
        clearTimeout(patience);
      }
    }),
  );
}
