import { randomUUID } from 'node:crypto';
import kafkajs, { type KafkaMessage } from 'kafkajs';
import { withKafkaAdmin } from '../harness/kafka-admin.ts';
import { offsetRange } from '../harness/topic-admin.ts';
import type { LoggedEvent, TopicLog } from './topic-log.ts';

const DEADLINE_MS = 60_000;

/**
 * Everything that the topic holds now, read with the consumer of kafkajs and decoded by hand: neither the reader nor the decoder of
 * this repository has a part in it, so that a fault of theirs shows.
 */
export async function readTopicLog(topic: {
  readonly brokers: readonly string[];
  readonly topic: string;
}): Promise<TopicLog> {
  const { earliest, latest } = await offsetRange(topic);
  const partitions: LoggedEvent[][] = latest.map(() => []);
  /** Of the partitions that hold something, the last offset that must be seen. */
  const missing = new Map<number, bigint>();
  for (const [partition, end] of latest.entries()) {
    if ((earliest[partition] ?? end) < end) missing.set(partition, end - 1n);
  }
  const seen = new Set<string>();
  const take = (partition: number, message: KafkaMessage) => {
    // What is appended meanwhile is not part of the answer.
    if (BigInt(message.offset) >= (latest[partition] ?? 0n)) return;
    const event = loggedEvent(partition, message, seen);
    if (event) partitions[partition]?.push(event);
  };
  if (missing.size > 0) await consume(topic, missing, take);
  return { partitions, ends: latest };
}

async function consume(
  { brokers, topic }: { readonly brokers: readonly string[]; readonly topic: string },
  missing: Map<number, bigint>,
  onMessage: (partition: number, message: KafkaMessage) => void,
): Promise<void> {
  const client = new kafkajs.Kafka({ brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING });
  const groupId = `topic-log-${randomUUID()}`;
  const consumer = client.consumer({ groupId, readUncommitted: true, maxWaitTimeInMs: 100 });
  const complete = Promise.withResolvers<void>();
  // Control records, of which nothing else is told, count as seen here.
  consumer.on('consumer.end_batch_process', ({ payload }) => {
    const last = missing.get(payload.partition);
    if (last !== undefined && BigInt(payload.lastOffset) >= last) missing.delete(payload.partition);
    if (missing.size === 0) complete.resolve();
  });
  consumer.on('consumer.crash', ({ payload }) => {
    // Otherwise it begins again by itself, for example while the broker loads its groups.
    if (!payload.restart) complete.reject(payload.error);
  });
  const late = () =>
    complete.reject(new Error(`partitions ${[...missing.keys()].join()} were not read in time`));
  const timer = setTimeout(late, DEADLINE_MS);
  try {
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) =>
        batch.messages.forEach((message) => onMessage(batch.partition, message)),
    });
    await complete.promise;
  } finally {
    clearTimeout(timer);
    await consumer.disconnect();
    await withKafkaAdmin({ brokers }, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  }
}

/** Undefined for a record that is no order event: a canary of the relay, or anything strange. */
function loggedEvent(
  partition: number,
  { offset, timestamp, value, headers }: KafkaMessage,
  seen: Set<string>,
): LoggedEvent | undefined {
  const json = parse(value);
  if (!json || !String(json['event_type']).startsWith('order.')) return undefined;
  const eventId = String(json['event_id']);
  // An operator's replay is one more event. Events of one order are in one partition.
  const ledgerId = `${partition}/${eventId}/${String(headers?.['replay_id'] ?? '')}`;
  const isRepeated = seen.has(ledgerId);
  seen.add(ledgerId);
  return {
    partition,
    offset: BigInt(offset),
    timestampMs: Number(timestamp),
    eventId,
    orderId: String(json['order_id']),
    orderVersion: BigInt(Number(json['order_version'])),
    customerId: String(json['customer_id']),
    status: contractName('ORDER_STATUS', String(json['status'])),
    previousStatus: contractName('ORDER_STATUS', previousWord(json['previous_status'])),
    eventType: contractName('ORDER_EVENT_TYPE', String(json['event_type']).slice('order.'.length)),
    isRepeated,
  };
}

/** Null when the order was created. */
function previousWord(word: unknown): string {
  return typeof word === 'string' ? word : 'unspecified';
}

function parse(value: Buffer | null): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(String(value));
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

/** ORDER_STATUS_PENDING for pending. */
function contractName(prefix: string, word: string): string {
  return `${prefix}_${word.toUpperCase()}`;
}
