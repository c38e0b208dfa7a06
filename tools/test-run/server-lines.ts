import {
  DEFAULT_KAFKA,
  DEFAULT_POSTGRES,
  KAFKA_LINES,
  type KafkaLine,
  POSTGRES_LINES,
  type PostgresLine,
} from '../stack/index.ts';

/** Which PostgreSQL and which Kafka a run is against. */
export interface ServerLines {
  readonly postgres: PostgresLine;
  readonly kafka: KafkaLine;
}

/** TEST_POSTGRES_LINE and TEST_KAFKA_LINE, for the servers of a run as well as for those that a test starts for itself. */
export function chosenLines(env: NodeJS.ProcessEnv = process.env): ServerLines {
  return {
    postgres: oneOf(POSTGRES_LINES, env['TEST_POSTGRES_LINE'] || DEFAULT_POSTGRES, 'TEST_POSTGRES_LINE'),
    kafka: oneOf(KAFKA_LINES, env['TEST_KAFKA_LINE'] || DEFAULT_KAFKA, 'TEST_KAFKA_LINE'),
  };
}

/** The one of `names` that `value` is; throws when it is none of them. */
export function oneOf<Name extends string>(names: readonly Name[], value: string, what: string): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) throw new Error(`${what}: ${value} is none of ${names.join(', ')}`);
  return found;
}
