import { NOT_CRASH_SAFE, startEmbeddedKafka, startEmbeddedPostgres } from '../../tools/stack/index.ts';

let postgres: Promise<string> | undefined;
let kafka: Promise<string[]> | undefined;

/** Superuser URL of the run's PostgreSQL; for a test file that was started by hand, of one that ends with the file. */
export function testPostgresUrl(): Promise<string> {
  const given = process.env['TEST_POSTGRES_URL'];
  if (given) return Promise.resolve(given);
  return (postgres ??= startEmbeddedPostgres({ settings: NOT_CRASH_SAFE }).then((server) => server.url));
}

/** Brokers of the run's Kafka; for a test file that was started by hand, of one that ends with the file. */
export function testKafkaBrokers(): Promise<string[]> {
  const given = process.env['TEST_KAFKA_BROKERS'];
  if (given) return Promise.resolve(given.split(','));
  return (kafka ??= startEmbeddedKafka().then((server) => server.brokers));
}
