import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type FollowHandlers,
  type LeaderEpochs,
  type LogReader,
  type PartitionBatch,
  type PartitionPositions,
  TopicRecreatedError,
  type UnreadableBatchError,
} from '@order-events/messaging';
import { createBackoff, createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import { createLayoutCheck, type LayoutCheck, LayoutUnreadError, type ReadLayout } from './layout-check.ts';
import { findLostEnds } from './lost-ends.ts';
import type { OrderLog } from './order-log.ts';
import type { BatchReceived } from './receive-spans.ts';
import { hasBegun, layoutOf, locateTail, maySeeAdded, unbegun } from './tail-start.ts';

export interface LogTailOptions {
  readonly orderLog: OrderLog;
  /** A reader remembers the topic it saw first; each topic, and each attempt, gets a reader of its own. */
  readonly openReader: () => LogReader;
  readonly readLayout: ReadLayout;
  readonly log: Logger;
  /** How often it is looked for new partitions and another topic, unless something tells of them before. */
  readonly partitionCheckMs: number;
  /** Told of each batch that cannot be read, and is passed. */
  readonly onUnreadable: (batch: UnreadableBatchError) => void;
  /** Undefined where nobody wants to know. */
  readonly onReceived?: BatchReceived | undefined;
}

/** How often it is asked whether partitions that were never read can be: streams wait for them. */
const BEGIN_CHECK_MS = 500;
/** Decoding a larger batch would hold up everything else: the event loop gets a turn after it. */
const LARGE_BATCH_RECORDS = 100;
const ADDED_WAIT =
  'partitions were added, and wait until it can be read where they have changed (the topic <topic>.layout)';

/**
 * Reads all partitions of the topic into the log of this process, outside any consumer group, and goes on for ever: through brokers
 * that are away, at the start or later, a topic that is not there yet, one that is created again, and partitions that are added.
 */
export function createLogTail(options: LogTailOptions): Part {
  return createRunningPart('log tail', (stopping) => run(options, stopping));
}

async function run(options: LogTailOptions, signal: AbortSignal): Promise<void> {
  const { orderLog, openReader, readLayout, log, partitionCheckMs } = options;
  const backoff = createBackoff({ baseMs: 50, maxMs: 500 });
  let reader: LogReader;
  const readFitted: ReadLayout = (topicId, stop) => layoutOf(topicId, reader, readLayout, stop);
  const layoutCheck = createLayoutCheck(orderLog, readFitted, partitionCheckMs);
  const handlers = createHandlers(options, (batch) => {
    backoff.reset();
    return layoutCheck.before(batch, signal);
  });
  let told: string | undefined;
  let epochs: LeaderEpochs = new Map();
  let epochsOf: string | undefined;
  while (!signal.aborted) {
    reader = openReader();
    try {
      const askedAtMs = performance.now();
      const { positions, waitsFor } = await locateTail(reader, options, signal);
      if (!waitsFor) layoutCheck.upToDate(askedAtMs);
      told = undefined;
      const topicId = orderLog.topic()?.id;
      if (epochsOf !== topicId) epochs = new Map();
      epochsOf = topicId;
      // Whoever cannot be read now is told anew.
      for (const partition of positions.keys()) {
        if (!orderLog.isReadable(partition)) orderLog.setReadable(partition, true);
      }
      await followUntilTopicChanges(reader, positions, { ...options, handlers, layoutCheck, epochs }, signal);
    } catch (error: unknown) {
      if (signal.aborted) break;
      orderLog.setAvailable(false);
      if (error instanceof TopicRecreatedError) log.error({ err: error }, 'the topic was created again');
      else if (told !== whatWaits(error)) log.warn({ reason: error }, whatWaits(error));
      told = whatWaits(error);
    } finally {
      reader.close();
    }
    await sleep(backoff.nextDelayMs(), signal);
  }
}

function whatWaits(error: unknown): string {
  return `${error instanceof LayoutUnreadError ? error.message : 'Kafka cannot be reached'}, trying on`;
}

async function followUntilTopicChanges(
  reader: LogReader,
  positions: PartitionPositions,
  {
    orderLog,
    handlers,
    layoutCheck,
    epochs,
    partitionCheckMs,
    readLayout,
    log,
  }: Pick<LogTailOptions, 'orderLog' | 'partitionCheckMs' | 'readLayout' | 'log'> & {
    readonly handlers: FollowHandlers;
    readonly layoutCheck: LayoutCheck;
    readonly epochs: LeaderEpochs;
  },
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const { id: topicId, partitionCount = 0 } = orderLog.topic() ?? {};
  /** So many partitions the topic has since somebody added some that wait. */
  let grownTo: number | undefined;
  let adding: Promise<void> | undefined;
  const add = async (added: { topicId: string; partitionCount: number }) => {
    const onUnread = (error: LayoutUnreadError) => {
      if (grownTo === undefined) log.warn({ reason: error }, ADDED_WAIT);
      grownTo ??= added.partitionCount;
    };
    if (await maySeeAdded({ orderLog, readLayout }, added, onUnread, stop)) ended.abort();
    adding = undefined;
  };
  const check = async () => {
    while (!stop.aborted) {
      const waiting = unbegun(orderLog);
      const intervalMs = waiting.length > 0 ? BEGIN_CHECK_MS : partitionCheckMs;
      // Whoever asks for partitions that have to wait changes nothing.
      await (grownTo === undefined ? orderLog.checkDue(intervalMs, stop) : sleep(intervalMs, stop));
      if (waiting.length > 0 && (await hasBegun(reader, waiting, stop))) return ended.abort();
      const askedAtMs = performance.now();
      // While the broker is away, `follow` says so.
      const topic = await reader.describe(stop).catch(() => undefined);
      if (!topic) continue;
      if (topic.topicId !== topicId) ended.abort();
      else if (topic.partitionCount > partitionCount) {
        adding ??= add(topic);
        // With a second change an event of the third mapping may be where its key belonged in the first.
        if (topic.partitionCount === grownTo) layoutCheck.upToDate(askedAtMs);
      } else {
        layoutCheck.upToDate(askedAtMs);
        await findLostEnds(reader, orderLog, stop);
      }
    }
  };
  const checking = check();
  try {
    await reader.follow(positions, handlers, stop, epochs);
  } finally {
    ended.abort();
    await checking;
    await adding;
  }
}

function createHandlers(
  { orderLog, log, onUnreadable, onReceived }: LogTailOptions,
  beforeBatch: (batch: PartitionBatch) => Promise<void>,
): FollowHandlers {
  return {
    async onBatch(batch: PartitionBatch) {
      await beforeBatch(batch);
      const startTimeMs = onReceived && Date.now();
      orderLog.append(batch);
      if (startTimeMs !== undefined) onReceived?.(batch, startTimeMs);
      if (batch.records.length > LARGE_BATCH_RECORDS) await nextTurn();
    },
    onAvailable() {
      log.info('reading from Kafka');
      orderLog.setAvailable(true);
    },
    onUnavailable(error) {
      log.warn({ reason: error }, 'Kafka cannot be read, trying on');
      orderLog.setAvailable(false);
    },
    onPartitionLost(partition, error) {
      log.warn({ reason: error, partition }, 'a partition cannot be read, trying on');
      orderLog.setReadable(partition, false);
    },
    onPartitionFound(partition) {
      log.info({ partition }, 'the partition is read again');
      orderLog.setReadable(partition, true);
    },
    onUnreadable(batch) {
      onUnreadable(batch);
      orderLog.appendGap(batch.partition, batch.nextOffset);
      return batch.nextOffset;
    },
    onOutOfRange(partition, logStartOffset, highWatermark) {
      const position = orderLog.head(partition);
      const next = position < logStartOffset ? logStartOffset : highWatermark;
      log.error(
        { partition, position, logStartOffset, highWatermark, next },
        position < logStartOffset
          ? 'the log has lost records before they were read'
          : 'the log was truncated before what was read',
      );
      orderLog.restart(partition, next);
      return next;
    },
  };
}
