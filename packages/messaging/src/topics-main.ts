import { ensureTopic } from './ensure-topic.ts';
import { loadTopicsConfig } from './topics-config.ts';

// One-shot job: creates the topic when it is missing, says in one line how that went, and exits with 0 or 1.
try {
  const { brokers, waitMs, ...settings } = loadTopicsConfig();
  await ensureTopic({ brokers, clientId: 'order-topics' }, settings, AbortSignal.timeout(waitMs));
  process.stdout.write(`topic ${settings.topic} is ready: ${settings.partitions} partitions\n`);
} catch (error) {
  process.stderr.write(`topic not ready: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
