import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type FollowHandlers,
  type LogReader,
  type PartitionBatch,
  type PartitionPositions,
  TopicRecreatedError,
} from '@order-events/messaging';
import { createBackoff, type Logger, type Part, sleep } from '@order-events/runtime';
import type { OrderLog } from './order-log.ts';

export interface LogTailOptions {
  readonly orderLog: OrderLog;
  /** A reader remembers the topic it saw first; each topic, and each attempt, gets a reader of its own. */
  readonly openReader: () => LogReader;
  readonly log: Logger;
  /** How often it is looked for new partitions. */
  readonly partitionCheckMs: number;
}

/** So many of the newest records of each partition are read at the start: clients that reconnect find them in memory. */
const WARM_UP_RECORDS = 1_000n;
/** Decoding a larger batch would hold up everything else: the event loop gets a turn after it. */
const LARGE_BATCH_RECORDS = 100;

/**
 * Reads all partitions of the topic into the log of this process, outside any consumer group, and goes on for ever: through brokers
 * that are away, at the start or later, a topic that is not there yet, one that is created again, and partitions that are added.
 */
export function createLogTail(options: LogTailOptions): Part {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  return {
    name: 'log tail',
    start() {
      // Not ended by the signal to stop but by `stop`, after the streams: they go on until they have drained.
      running ??= run(options, stopping.signal);
      return Promise.resolve();
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

async function run(
  { orderLog, openReader, log, partitionCheckMs }: LogTailOptions,
  signal: AbortSignal,
): Promise<void> {
  const backoff = createBackoff({ baseMs: 50, maxMs: 500 });
  const handlers = createHandlers(orderLog, log, () => backoff.reset());
  let told = false;
  while (!signal.aborted) {
    const reader = openReader();
    try {
      const positions = await locate(reader, orderLog, signal);
      told = false;
      await followUntilPartitionsAreAdded(reader, positions, handlers, partitionCheckMs, signal);
    } catch (error: unknown) {
      if (signal.aborted) break;
      orderLog.setAvailable(false);
      if (error instanceof TopicRecreatedError) log.error({ err: error }, 'the topic was created again');
      else if (!told) log.warn({ err: error }, 'Kafka cannot be reached, trying on');
      told = true;
    } finally {
      reader.close();
    }
    await sleep(backoff.nextDelayMs(), signal);
  }
}

/** Where to read from: on from the ring for the topic that is known, near the end of any other. */
async function locate(
  reader: LogReader,
  orderLog: OrderLog,
  signal: AbortSignal,
): Promise<PartitionPositions> {
  const { topicId } = await reader.describe(signal);
  const known = orderLog.topic();
  const earliest = await reader.offsets('earliest', undefined, signal);
  if (known?.id !== topicId) {
    const latest = await reader.offsets('latest', undefined, signal);
    orderLog.open(topicId, warmUpStart(earliest, latest), latest);
  } else if (earliest.size > known.partitionCount) {
    orderLog.addPartitions(new Map([...earliest].filter(([partition]) => partition >= known.partitionCount)));
  }
  return new Map([...earliest.keys()].map((partition) => [partition, orderLog.head(partition)]));
}

function warmUpStart(earliest: PartitionPositions, latest: PartitionPositions): PartitionPositions {
  return new Map(
    [...latest].map(([partition, end]) => {
      const first = earliest.get(partition) ?? end;
      const start = end - WARM_UP_RECORDS;
      return [partition, start > first ? start : first];
    }),
  );
}

async function followUntilPartitionsAreAdded(
  reader: LogReader,
  positions: PartitionPositions,
  handlers: FollowHandlers,
  checkMs: number,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController();
  const stop = AbortSignal.any([signal, ended.signal]);
  const check = async () => {
    while (!stop.aborted) {
      await sleep(checkMs, stop);
      // While the broker is away, `follow` says so.
      const topic = await reader.describe(stop).catch(() => undefined);
      if (topic && topic.partitionCount > positions.size) ended.abort();
    }
  };
  const checking = check();
  try {
    await reader.follow(positions, handlers, stop);
  } finally {
    ended.abort();
    await checking;
  }
}

function createHandlers(orderLog: OrderLog, log: Logger, onProgress: () => void): FollowHandlers {
  return {
    async onBatch(batch: PartitionBatch) {
      onProgress();
      orderLog.append(batch);
      if (batch.records.length > LARGE_BATCH_RECORDS) await nextTurn();
    },
    onAvailable() {
      log.info('reading from Kafka');
      orderLog.setAvailable(true);
    },
    onUnavailable(error) {
      log.warn({ err: error }, 'Kafka cannot be read, trying on');
      orderLog.setAvailable(false);
    },
    onOutOfRange(partition, logStartOffset, highWatermark) {
      const position = orderLog.head(partition);
      const next = position < logStartOffset ? logStartOffset : highWatermark;
      log.error(
        { partition, position, logStartOffset, highWatermark, next },
        position < logStartOffset
          ? 'the log has lost records before they were read'
          : 'the log ends before what was read: it was truncated',
      );
      orderLog.restart(partition, next);
      return next;
    },
  };
}
