import { NOT_CRASH_SAFE, startEmbeddedKafka, startEmbeddedPostgres } from '../../tools/stack/index.ts';
import { chosenLines } from '../../tools/test-run/server-lines.ts';

let postgres: Promise<string> | undefined;
let kafka: Promise<string[]> | undefined;

/** Superuser URL of the run's PostgreSQL; for a test file that was started by hand, of one that ends with the file. */
export function testPostgresUrl(): Promise<string> {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given) return Promise.resolve(given);
  const { postgres: line } = chosenLines();
  return (postgres ??= startEmbeddedPostgres({ line, settings: NOT_CRASH_SAFE }).then(
    (server) => server.url,
  ));
}

/** How to reach a Kafka; what packages/messaging and kafkajs both take. */
export interface TestKafka {
  readonly brokers: string[];
  readonly ssl?: { readonly ca: string };
  readonly sasl?: {
    readonly mechanism: 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
}

/** In the environment of a test run: TestKafka as JSON, when brokers alone do not tell it. */
export const TEST_KAFKA = 'TEST_KAFKA';

/** The run's Kafka; for a test file that was started by hand, one that ends with the file. */
export async function testKafka(): Promise<TestKafka> {
  const { [TEST_KAFKA]: whole, TEST_KAFKA_BROKERS: given } = process.env;
  if (whole) return JSON.parse(whole) as TestKafka;
  if (given) return { brokers: given.split(',') };
  const { kafka: line } = chosenLines();
  return { brokers: await (kafka ??= startEmbeddedKafka({ line }).then((server) => server.brokers)) };
}
