import type { TopicDescription } from '@order-events/messaging';
import { createBackoff, type Logger, type Part, sleep } from '@order-events/runtime';

export interface TopicGateOptions {
  /** Rejects while Kafka is away. */
  readonly describeTopic: (signal: AbortSignal) => Promise<TopicDescription>;
  /** Creates missing partition rows, and answers with the number of rows there are. */
  readonly ensurePartitions: (count: number) => Promise<number>;
  readonly createRelay: (partitionCount: number) => Part;
  readonly log: Logger;
}

export interface TopicGate extends Part {
  /** The topic's partition count is not the one that the stored cursors are for. */
  halted(): boolean;
}

/**
 * Starts the relay once the topic is known. Until then events stay in the outbox; the process is up and says so.
 *
 * With another partition count the same key would land in another partition, and its order would be lost: then nothing is published
 * until an operator decides.
 */
export function createTopicGate(options: TopicGateOptions): TopicGate {
  const { log } = options;
  const stopping = new AbortController();
  let relay: Part | undefined;
  let opening: Promise<void> | undefined;
  let halted = false;

  async function open(): Promise<void> {
    const { partitionCount: count } = await options.describeTopic(stopping.signal);
    const rows = await options.ensurePartitions(count);
    if (rows !== count) {
      halted = true;
      log.error(
        { topicPartitions: count, storedPartitions: rows },
        'halted: the topic has another number of partitions than the stored cursors; bring the topic back to the stored number, ' +
          'or drain the outbox first and then remove the rows of relay_partition',
      );
      return;
    }
    relay = options.createRelay(count);
    await relay.start(stopping.signal);
  }

  async function openWhenPossible(): Promise<void> {
    const backoff = createBackoff({ baseMs: 100, maxMs: 1000 });
    let failures = 0;
    while (!stopping.signal.aborted && !halted && !relay) {
      try {
        await open();
      } catch (error) {
        if (stopping.signal.aborted) return;
        failures += 1;
        // Expected while a server is away, and repeated: the reason without a stack.
        log.warn(
          { reason: String(error), failures },
          'Kafka, its topic or the database is not there yet; holding the events',
        );
        await sleep(backoff.nextDelayMs(), stopping.signal);
      }
    }
  }

  return {
    name: 'relay',
    halted: () => halted,
    async start() {
      opening = openWhenPossible();
    },
    async stop() {
      stopping.abort();
      await opening;
      await relay?.stop();
    },
  };
}
