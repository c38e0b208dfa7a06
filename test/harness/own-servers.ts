import type { TestContext } from 'node:test';
import {
  startEmbeddedKafka,
  startEmbeddedKafkaCluster,
  startEmbeddedPostgres,
  type EmbeddedKafka,
  type EmbeddedKafkaCluster,
  type EmbeddedKafkaClusterOptions,
  type EmbeddedKafkaOptions,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '../../tools/stack/index.ts';
import { chosenLines } from '../../tools/test-run/server-lines.ts';

/** A PostgreSQL that only this test uses and may restart or kill; ended after the test. Its databases are not migrated. */
export async function startPostgres(
  t: TestContext,
  options?: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({ line: chosenLines().postgres, ...options });
  t.after(() => server.stop());
  return server;
}

/** A Kafka that only this test uses and may stop, kill or freeze; ended after the test. */
export async function startKafka(t: TestContext, options?: EmbeddedKafkaOptions): Promise<EmbeddedKafka> {
  const server = await startEmbeddedKafka({ line: chosenLines().kafka, ...options });
  t.after(() => server.kill());
  return server;
}

/** Three brokers that only this test uses and may stop, kill or freeze; ended after the test. */
export async function startKafkaCluster(
  t: TestContext,
  options?: EmbeddedKafkaClusterOptions,
): Promise<EmbeddedKafkaCluster> {
  const cluster = await startEmbeddedKafkaCluster({ line: chosenLines().kafka, ...options });
  t.after(() => cluster.kill());
  return cluster;
}
