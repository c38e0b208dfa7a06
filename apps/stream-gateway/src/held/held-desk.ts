import { randomUUID } from 'node:crypto';
import {
  createLogReader,
  createUnfencedAppender,
  type GroupOffsets,
  heldTopicName,
  type KafkaConnectionConfig,
  type LogReader,
  type LogRecord,
  type UnfencedAppender,
  type UnreadableBatchError,
} from '@order-events/messaging';
import type { LogEvent } from '../log/log-event.ts';
import type { OrderLogView } from '../log/order-log.ts';
import { createSlots } from '../stream/slots.ts';
import { StreamError } from '../stream/stream-error.ts';
import { lowestHeld } from '../subscription/open-place.ts';
import { sourceUnavailable, subscriptionError } from '../subscription/subscription-error.ts';
import { subscriptionGroupId } from '../subscription/subscription-name.ts';
import { createHeldLog, readHeldLog } from './held-log.ts';
import type { HeldRecord } from './held-order.ts';
import {
  afterRequests,
  type HeldRequest,
  type HeldStored,
  meantBy,
  notGivenUp,
  type OrderRequest,
} from './held-request.ts';
import { encodeRequest, requestKey } from './held-request-record.ts';
import { whenServed } from './held-served.ts';
import type { UnreadableHeld } from './held-unreadable.ts';

/**
 * What operators see of held orders and ask for, at any replica: it reads what is stored, and leaves a request beside it, which whoever
 * has the partition does. Nobody but the owner writes what is held. All calls throw a StreamError, or end when `signal` aborts.
 */
export interface HeldDesk {
  /** As if all that was asked was done; of one order with its events, else with nothing of them but what the states are of. */
  list(subscription: string, orderId: string | undefined, signal: AbortSignal): Promise<HeldList>;
  /** `undefined`: all that are set aside. Answers the first events of the orders. */
  requeue(subscription: string, orderId: string | undefined, signal: AbortSignal): Promise<Served>;
  /** Answers the events that are given up. */
  discard(
    subscription: string,
    orderId: string,
    eventId: string | undefined,
    signal: AbortSignal,
  ): Promise<Served>;
  /** Answers the id of the event that is given up, if it is one. */
  discardUnreadable(
    subscription: string,
    at: { readonly partition: number; readonly offset: bigint },
    signal: AbortSignal,
  ): Promise<{ readonly eventId: string | undefined; readonly isPending: boolean }>;
  close(): void;
}

export interface HeldList {
  readonly records: readonly HeldRecord<LogEvent>[];
  readonly unreadable: readonly UnreadableHeld[];
}

export interface Served {
  readonly events: readonly LogEvent[];
  /** Stored, and not done yet. */
  readonly isPending: boolean;
}

export interface HeldDeskOptions {
  readonly log: Pick<OrderLogView, 'topic' | 'source'>;
  readonly offsets: Pick<GroupOffsets, 'topic' | 'fetch' | 'describe'>;
  readonly reader: Pick<LogReader, 'offsets' | 'read' | 'close'>;
  readonly appender: Pick<UnfencedAppender, 'append' | 'close'>;
  /** Streams of the subscription at this replica need not wait until they look by themselves. */
  readonly onAsked: (subscription: string) => void;
  /** Told what a call fails with when Kafka is to blame. */
  readonly onFailure: (error: unknown) => void;
}

const DEADLINE_MS = 20_000;
/** Reading takes memory. */
const CALLS_AT_ONCE = 2;
/** Of one call; without their payloads, unless one order is asked for. */
const MAX_EVENTS = 200_000;
const NO_BYTES = new Uint8Array();

export function heldDeskSources(
  config: KafkaConnectionConfig & { readonly topic: string },
): Pick<HeldDeskOptions, 'reader' | 'appender'> {
  const topic = heldTopicName(config.topic);
  return {
    reader: createLogReader({ ...config, topic, isolation: 'uncommitted' }),
    appender: createUnfencedAppender(config, topic, 'a request'),
  };
}

export function createHeldDesk(options: HeldDeskOptions): HeldDesk {
  const { log, offsets, reader, appender, onAsked, onFailure } = options;
  const slots = createSlots(CALLS_AT_ONCE);

  async function answer<T>(
    subscription: string,
    client: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    if (!log.topic() || !log.source().available) throw sourceUnavailable();
    const signal = AbortSignal.any([client, AbortSignal.timeout(DEADLINE_MS)]);
    try {
      return await work(signal);
    } catch (error: unknown) {
      if (client.aborted) throw error;
      throw subscriptionError(subscription, error, onFailure);
    }
  }

  /** As if all that was asked was done, by partition, of those where something may be held: elsewhere nothing is, whatever is stored. */
  async function held(subscription: string, orderId: string | undefined, signal: AbortSignal) {
    const committed = await offsets.fetch(subscriptionGroupId(offsets.topic, subscription), signal);
    const partitions = [...committed].flatMap(([partition, place]) =>
      lowestHeld(place) === undefined ? [] : partition,
    );
    if (partitions.length === 0) return new Map<number, HeldStored<LogEvent>>();
    const logs = new Map(
      partitions.map((partition) => [partition, createHeldLog(subscription, keeping(orderId))]),
    );
    let events = 0;
    const take = (record: LogRecord) => {
      const ofPartition = logs.get(record.partition);
      if (!ofPartition) return;
      events -= ofPartition.size();
      ofPartition.take(record);
      events += ofPartition.size();
      if (events > MAX_EVENTS) throw tooMuch();
    };
    const pass = (batch: UnreadableBatchError) => logs.get(batch.partition)?.pass(batch);
    await slots.run(() => readHeldLog(reader, partitions, undefined, { take, pass }, signal), signal);
    return new Map(
      Array.from(logs, ([partition, each]) => {
        const { requests, ...stored } = each.stored();
        const unreadable = notGivenUp(stored.unreadable, requests);
        return [partition, { requests, records: afterRequests({ ...stored, requests }), unreadable }];
      }),
    );
  }

  /** Leaves a request for whoever has the partition, and answers what was done; undefined while nobody has. */
  async function leave(subscription: string, partition: number, request: HeldRequest, signal: AbortSignal) {
    const record = {
      key: requestKey(subscription, request.id),
      value: encodeRequest(request),
      headers: {},
    };
    const offset = await appender.append(partition, [record], signal);
    onAsked(subscription);
    const group = await offsets.describe(subscriptionGroupId(offsets.topic, subscription), signal);
    if (!group || group.members === 0) return undefined;
    return whenServed(reader, subscription, request.id, { partition, offset }, signal);
  }

  async function ask(
    subscription: string,
    wanted: Omit<OrderRequest, 'id' | 'upToOffset'>,
    signal: AbortSignal,
  ): Promise<Served> {
    const asked: { partition: number; request: OrderRequest; meant: readonly HeldRecord<LogEvent>[] }[] = [];
    for (const [partition, { records }] of await held(subscription, wanted.orderId, signal)) {
      const upToOffset = records.at(-1)?.event.offset ?? -1n;
      const request = { ...wanted, id: randomUUID(), upToOffset };
      const meant = meantBy(request, records);
      if (meant.length > 0) asked.push({ partition, request, meant });
    }
    const served = await Promise.all(
      asked.map(async ({ partition, request, meant }) => {
        const events = meant.map(({ event }) => event);
        const done = await leave(subscription, partition, request, signal);
        if (!done) return { events, isPending: true };
        const of = request.kind === 'discard' ? done.deleted : done.stored;
        return { events: events.filter(({ eventId }) => of.has(eventId)), isPending: false };
      }),
    );
    return {
      events: served.flatMap(({ events }) => events),
      isPending: served.some(({ isPending }) => isPending),
    };
  }

  async function giveUp(
    subscription: string,
    at: { readonly partition: number; readonly offset: bigint },
    signal: AbortSignal,
  ) {
    const stored = (await held(subscription, undefined, signal)).get(at.partition);
    const record = stored?.unreadable.find(({ offset }) => offset === at.offset);
    if (!record) {
      throw new StreamError('HELD_RECORD_NOT_FOUND', 'no record at this place is one that cannot be read');
    }
    const { key: recordKey, offset: recordOffset, eventId } = record;
    const request = { id: randomUUID(), kind: 'discard unreadable', recordKey, recordOffset } as const;
    const done = await leave(subscription, at.partition, request, signal);
    const isMissed = !done || (eventId !== undefined && done.deleted.has(eventId));
    // Nothing is left to do about a batch: it is passed from now on.
    return { eventId: isMissed ? eventId : undefined, isPending: !done && recordKey !== undefined };
  }

  return {
    list: (subscription, orderId, client) =>
      answer(subscription, client, async (signal) => {
        const stored = [...(await held(subscription, orderId, signal)).values()];
        return {
          records: stored.flatMap(({ records }) => records),
          unreadable: stored.flatMap(({ unreadable }) => unreadable),
        };
      }),
    discardUnreadable: (subscription, at, client) =>
      answer(subscription, client, (signal) => giveUp(subscription, at, signal)),
    requeue: (subscription, orderId, client) =>
      answer(subscription, client, (signal) =>
        ask(subscription, { kind: 'requeue', orderId, eventId: undefined }, signal),
      ),
    discard: (subscription, orderId, eventId, client) =>
      answer(subscription, client, (signal) =>
        ask(subscription, { kind: 'discard', orderId, eventId }, signal),
      ),
    close() {
      reader.close();
      appender.close();
    },
  };
}

function keeping(orderId: string | undefined) {
  return (record: HeldRecord<LogEvent>): HeldRecord<LogEvent> | undefined => {
    if (orderId === undefined) return { ...record, event: { ...record.event, encoded: NO_BYTES } };
    return record.event.orderId === orderId ? record : undefined;
  };
}

function tooMuch(): StreamError {
  return new StreamError(
    'TOO_MUCH_HELD',
    `the subscription holds more than ${MAX_EVENTS} events: ask for one order`,
  );
}
