export { startApp } from './app-process.ts';
export { eventually } from './eventually.ts';
export { startKafka, startKafkaCluster, startPostgres } from './own-servers.ts';
export { createTestDatabase } from './test-database.ts';
export { runTestFiles } from './run-test-files.ts';
export type { TestKafka } from './test-servers.ts';
export { createTestTopic } from './test-topic.ts';
export type { TestTopicOptions } from './test-topic.ts';
