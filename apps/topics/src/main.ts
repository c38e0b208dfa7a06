import {
  completeTopicName,
  ensureCompleteTopic,
  ensureHeldTopic,
  ensureTopic,
  heldTopicName,
} from '@order-events/messaging';
import { ConfigError, kafkaConnection, reasonOf } from '@order-events/runtime';
import { topicsConfig } from './config.ts';

// One-shot job: creates the topic when it is missing, that of held events, and the one where it is told up to which time it is complete,
// and says in one line how that went. Ends with 0; 1 when it cannot; 78 when it
// is configured wrongly.
try {
  const config = topicsConfig();
  const settings = {
    topic: config.KAFKA_TOPIC,
    partitions: config.KAFKA_TOPIC_PARTITIONS,
    replicationFactor: config.KAFKA_TOPIC_REPLICATION_FACTOR,
  };
  const connection = { ...kafkaConnection(config), clientId: 'order-topics' };
  const signal = AbortSignal.timeout(config.KAFKA_TOPIC_WAIT_MS);
  await ensureTopic(connection, settings, signal);
  // Without these events flow all the same.
  for (const [name, ensure] of [
    [heldTopicName(settings.topic), () => ensureHeldTopic(connection, settings, signal)],
    [completeTopicName(settings.topic), () => ensureCompleteTopic(connection, settings.topic, signal)],
  ] as const) {
    await ensure().catch((error: unknown) => {
      process.stderr.write(`topic ${name} not ready: ${reasonOf(error)}\n`);
    });
  }
  process.stdout.write(`topic ${settings.topic} is ready: ${settings.partitions} partitions\n`);
} catch (error) {
  process.stderr.write(`topic not ready: ${reasonOf(error)}\n`);
  process.exitCode = error instanceof ConfigError ? 78 : 1;
}
