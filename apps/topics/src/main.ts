import { ensureTopic } from '@order-events/messaging';
import { ConfigError, kafkaConnection, reasonOf } from '@order-events/runtime';
import { topicsConfig } from './config.ts';

// One-shot job: creates the topic when it is missing and says in one line how that went. Ends with 0; 1 when it cannot; 78 when it
// is configured wrongly.
try {
  const config = topicsConfig();
  const settings = {
    topic: config.KAFKA_TOPIC,
    partitions: config.KAFKA_TOPIC_PARTITIONS,
    replicationFactor: config.KAFKA_TOPIC_REPLICATION_FACTOR,
  };
  const connection = { ...kafkaConnection(config), clientId: 'order-topics' };
  await ensureTopic(connection, settings, AbortSignal.timeout(config.KAFKA_TOPIC_WAIT_MS));
  process.stdout.write(`topic ${settings.topic} is ready: ${settings.partitions} partitions\n`);
} catch (error) {
  process.stderr.write(`topic not ready: ${reasonOf(error)}\n`);
  process.exitCode = error instanceof ConfigError ? 78 : 1;
}
