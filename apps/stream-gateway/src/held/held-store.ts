import {
  createLogReader,
  createLogWriter,
  heldTopicName,
  type KafkaConnectionConfig,
} from '@order-events/messaging';
import type { LogEvent } from '../log/log-event.ts';
import { createHeldLog, readHeldLog } from './held-log.ts';
import type { HeldWrite } from './held-partition-api.ts';
import { encodeHeldRecord, heldKey } from './held-record.ts';
import type { HeldNews, HeldStored } from './held-request.ts';
import { REQUEST_HEADER, requestKey } from './held-request-record.ts';

/** What one stream of a subscription keeps of held orders in Kafka. All calls reject when Kafka is away, or `signal` aborts. */
export interface HeldWriter {
  /** From now on nobody else writes what the subscription holds in the partition. */
  claim(partition: number, signal: AbortSignal): Promise<void>;
  /** What is stored of the subscription in the partition. */
  load(partition: number, signal: AbortSignal): Promise<HeldStored<LogEvent>>;
  /** What operators have asked, and what somebody has written that cannot be read, since the partition was read last. */
  look(partition: number, signal: AbortSignal): Promise<HeldNews>;
  /** Those of the partitions in which somebody has written since they were read. */
  grown(partitions: readonly number[], signal: AbortSignal): Promise<readonly number[]>;
  /** Stores it in all in-sync replicas. Rejects with a HeldWriteError when it may be stored or not. */
  write(partition: number, writes: readonly HeldWrite<LogEvent>[], signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Opens what a stream needs once it holds something; connects with the first call. */
export type OpenHeldWriter = (subscription: string) => HeldWriter;

/** The writer has to begin anew: another one has the partition, or nobody knows what is stored. */
export class HeldWriteError extends Error {
  override readonly name = 'HeldWriteError';
}

export function heldWriters(config: KafkaConnectionConfig & { readonly topic: string }): OpenHeldWriter {
  const topic = heldTopicName(config.topic);
  return (subscription) => {
    const writer = createLogWriter({
      ...config,
      topic,
      transactionalIdPrefix: `${topic}:${subscription}`,
    });
    const reader = createLogReader({ ...config, topic, isolation: 'uncommitted' });
    /** Up to where each partition was read, or written by this one. */
    const readTo = new Map<number, bigint>();

    async function read(partition: number, from: bigint | undefined, signal: AbortSignal) {
      const log = createHeldLog(subscription);
      const begin = from === undefined ? undefined : new Map([[partition, from]]);
      const ends = await readHeldLog(reader, [partition], begin, log, signal);
      readTo.set(partition, ends.get(partition) ?? 0n);
      return log.stored();
    }

    return {
      claim: (partition, signal) => writer.claim(partition, signal),
      load: (partition, signal) => read(partition, undefined, signal),
      look: (partition, signal) => read(partition, readTo.get(partition), signal),
      async grown(partitions, signal) {
        const ends = await reader.offsets('latest', partitions, signal);
        return partitions.filter((partition) => (ends.get(partition) ?? 0n) > (readTo.get(partition) ?? 0n));
      },
      async write(partition, writes, signal) {
        const records = writes.map((write) => toRecord(subscription, write));
        const result = await writer.append(partition, records, signal);
        if (result.kind === 'appended') {
          if (readTo.get(partition) === result.baseOffset)
            readTo.set(partition, result.baseOffset + BigInt(records.length));
          return;
        }
        throw new HeldWriteError(
          `held events were not stored: ${'reason' in result ? result.reason : result.kind}`,
        );
      },
      close() {
        writer.close();
        reader.close();
      },
    };
  };
}

function toRecord(subscription: string, write: HeldWrite<LogEvent>) {
  if ('doneRequestId' in write)
    return { key: requestKey(subscription, write.doneRequestId), value: null, headers: {} };
  const headers: Record<string, string> =
    write.requestId === undefined ? {} : { [REQUEST_HEADER]: write.requestId };
  if ('unreadableKey' in write) return { key: write.unreadableKey, value: null, headers };
  const { eventId, record } = write;
  return {
    key: heldKey(subscription, eventId),
    value: record ? encodeHeldRecord(record) : null,
    headers,
  };
}
