import { createLogReader, type LogReader } from '@order-events/messaging';
import { kafkaConnection } from '@order-events/runtime';
import type { OutboxctlConfig } from './config.ts';
import { CommandError } from './outcome.ts';

export interface Topic {
  readonly name: string;
  /** "none" is set for the brokers: the relays hold all events, and there is no topic to ask. */
  readonly configured: boolean;
  /** Everything stored in the topic, in whatever transaction. Throws a CommandError when no brokers are configured. */
  reader(): LogReader;
  close(): void;
}

/** A reader of the whole topic that leaves little for the garbage collector to be late with. */
const FETCH_LIMITS = { maxBytes: 2 * 1024 * 1024, partitionMaxBytes: 256 * 1024 };

/** The topic of the settings; connects with the first question to its reader. */
export function openTopic(config: OutboxctlConfig): Topic {
  const configured = config.KAFKA_BROKERS.length > 0;
  let reader: LogReader | undefined;
  return {
    name: config.KAFKA_TOPIC,
    configured,
    reader() {
      if (!configured) throw new CommandError('no Kafka brokers are configured: set KAFKA_BROKERS');
      reader ??= createLogReader({
        ...kafkaConnection(config),
        clientId: 'outboxctl',
        topic: config.KAFKA_TOPIC,
        isolation: 'uncommitted',
        ...FETCH_LIMITS,
      });
      return reader;
    },
    close: () => reader?.close(),
  };
}
