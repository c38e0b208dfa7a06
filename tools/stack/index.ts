export { startAppProcess } from './app-process.ts';
export type { AppExit, AppName, AppProcess, LogLine } from './app-process.ts';
export { startEmbeddedKafka } from './embedded-kafka.ts';
export type { EmbeddedKafka, EmbeddedKafkaOptions } from './embedded-kafka.ts';
export { startEmbeddedPostgres } from './embedded-postgres.ts';
export type { EmbeddedPostgres, EmbeddedPostgresOptions } from './embedded-postgres.ts';
export { runKafkaTool } from './kafka-java.ts';
export type { KafkaToolResult } from './kafka-java.ts';
