import { RETRY } from '../cluster/retry-figures.ts';
import { createRetryPause } from '../cluster/retry-pause.ts';
import {
  createTopicCluster,
  isTransient,
  type KafkaConnectionConfig,
  type TopicCluster,
} from '../cluster/topic-cluster.ts';

/**
 * Does one step after another on a topic until one answers that it is ready. While brokers are away it tries again until `signal`
 * aborts, and rejects with the last failure; a failure that time does not mend rejects at once.
 */
export async function untilTopicReady(
  connection: KafkaConnectionConfig,
  topic: string,
  step: (cluster: TopicCluster) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const cluster = createTopicCluster(connection, topic);
  const retry = createRetryPause(RETRY.topic);
  let failure: unknown;
  try {
    while (!signal.aborted) {
      try {
        if (await step(cluster)) return;
      } catch (error) {
        if (signal.aborted) break;
        if (!isTransient(error)) throw error;
        failure = error;
      }
      await retry.wait(signal);
    }
    throw failure ?? signal.reason;
  } finally {
    cluster.close();
  }
}
