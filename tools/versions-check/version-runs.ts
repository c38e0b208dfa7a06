import { DEFAULT_KAFKA, DEFAULT_POSTGRES, KAFKA_LINES, POSTGRES_LINES } from '../stack/index.ts';
import { oneOf, type ServerLines } from '../test-run/server-lines.ts';

/** The one that the product has to refuse. */
export const REFUSED_POSTGRES = '14';

/** What is checked: the suites against a pair of servers, or that a server is refused. */
export type VersionRun =
  | ({ readonly kind: 'suites' } & ServerLines)
  | { readonly kind: 'refusal'; readonly postgres: typeof REFUSED_POSTGRES };

const WITH_SQL = ['packages/database/', 'packages/outbox/'];
const WITH_WIRE_PROTOCOL = ['packages/messaging/'];
const WITH_BOTH = ['apps/relay/'];

const DEFAULTS = { postgres: DEFAULT_POSTGRES, kafka: DEFAULT_KAFKA } as const;

/**
 * Each PostgreSQL with the Kafka that everything is run with, and each Kafka with the PostgreSQL of that kind; the pair of both once.
 * `words` choose less: `postgres 15 kafka 3.9` are two runs.
 */
export function versionRuns(words: readonly string[]): VersionRun[] {
  if (words.length === 0) {
    const kafkas = KAFKA_LINES.filter((line) => line !== DEFAULT_KAFKA);
    return [...POSTGRES_LINES.map(postgresRun), ...kafkas.map(kafkaRun)];
  }
  if (words.length % 2 !== 0)
    throw new Error(`VERSIONS: pairs such as “postgres 15 kafka 3.9”, not “${words.join(' ')}”`);
  return Array.from({ length: words.length / 2 }, (_, index) => {
    const [server = '', line = ''] = words.slice(index * 2);
    return oneOf(['postgres', 'kafka'], server, 'VERSIONS') === 'postgres'
      ? postgresRun(oneOf(POSTGRES_LINES, line, 'VERSIONS: postgres'))
      : kafkaRun(oneOf(KAFKA_LINES, line, 'VERSIONS: kafka'));
  });
}

/** Where the tests are that a run has: of what speaks to the server that is not the default one, or of all. */
export function foldersFor({ postgres, kafka }: ServerLines): string[] {
  return [
    ...(kafka === DEFAULT_KAFKA ? WITH_SQL : []),
    ...(postgres === DEFAULT_POSTGRES ? WITH_WIRE_PROTOCOL : []),
    ...WITH_BOTH,
  ];
}

function postgresRun(postgres: ServerLines['postgres']): VersionRun {
  return postgres === REFUSED_POSTGRES
    ? { kind: 'refusal', postgres }
    : { kind: 'suites', ...DEFAULTS, postgres };
}

function kafkaRun(kafka: ServerLines['kafka']): VersionRun {
  return { kind: 'suites', ...DEFAULTS, kafka };
}
