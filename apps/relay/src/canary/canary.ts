import { randomUUID } from 'node:crypto';
import { EVENT_ID_HEADER, type LogReader } from '@order-events/messaging';
import { keyHash } from '@order-events/messaging/key-hash';
import { createRunningPart, type Logger, type Part, sleep } from '@order-events/runtime';
import type { CanaryEvent } from './canary-writer.ts';

export interface CanaryOptions {
  /** Commits a canary to the outbox. */
  readonly insert: (canary: CanaryEvent) => Promise<void>;
  /** A reader of the topic; a new one after each failure. */
  readonly openReader: () => LogReader;
  /** A partition that an operator has paused is no way to try. */
  readonly isRunning: (partition: number) => boolean;
  readonly onArrived: (seconds: number) => void;
  readonly onLost: () => void;
  readonly log: Logger;
  readonly intervalMs: number;
  /** A canary that has not arrived by then is given up. */
  readonly lostAfterMs: number;
}

export interface CanaryReading {
  readonly lastSeconds: number | undefined;
  /** Since the first canary was sent that has no arrival after it; 0 when the last one has arrived. */
  readonly waitingSeconds: number;
}

export interface Canary extends Part {
  reading(): CanaryReading;
}

/**
 * Tries the whole way, one partition after the other: a canary is committed to the outbox like an order's event, and the topic is read
 * until its record is there. One is on its way at a time. Its time is measured by one clock and includes the commit.
 */
export function createCanary(options: CanaryOptions): Canary {
  const { log } = options;
  let reader: LogReader | undefined;
  let round = 0;
  let lastSeconds: number | undefined;
  let waitingSinceMs: number | undefined;

  async function probe(stopping: AbortSignal): Promise<void> {
    const deadline = AbortSignal.any([stopping, AbortSignal.timeout(options.lostAfterMs)]);
    reader ??= options.openReader();
    const { partitionCount } = await reader.describe(deadline);
    const partition = nextPartition(partitionCount);
    if (partition === undefined) return;
    const from = await reader.offsets('latest', [partition], deadline);
    const canary = { eventId: randomUUID(), key: keyOf(partition, partitionCount) };
    const reading = readUntilFound(reader, from, canary.eventId, deadline);
    // Awaited below; until then a failure of the insert comes first.
    reading.catch(() => {});
    const sentMs = performance.now();
    await options.insert(canary);
    if (!(await reading)) throw new Error(`a canary in partition ${partition} did not arrive`);
    lastSeconds = (performance.now() - sentMs) / 1000;
    waitingSinceMs = undefined;
    options.onArrived(lastSeconds);
  }

  function nextPartition(partitionCount: number): number | undefined {
    for (let tried = 0; tried < partitionCount; tried++) {
      const partition = round++ % partitionCount;
      if (options.isRunning(partition)) return partition;
    }
    return undefined;
  }

  async function probeOnce(stopping: AbortSignal): Promise<void> {
    waitingSinceMs ??= performance.now();
    try {
      await probe(stopping);
    } catch (error) {
      reader?.close();
      reader = undefined;
      if (stopping.aborted) return;
      options.onLost();
      log.warn({ reason: error }, 'a canary was lost');
    }
  }

  const part = createRunningPart(
    'canary',
    async (stopping) => {
      while (!stopping.aborted) {
        const next = sleep(options.intervalMs, stopping);
        await probeOnce(stopping);
        await next;
      }
    },
    async () => reader?.close(),
  );
  return {
    ...part,
    reading: () => ({
      lastSeconds,
      waitingSeconds: waitingSinceMs === undefined ? 0 : (performance.now() - waitingSinceMs) / 1000,
    }),
  };
}

/** Answers whether the event came before `signal` aborted. */
async function readUntilFound(
  reader: LogReader,
  from: ReadonlyMap<number, bigint>,
  eventId: string,
  signal: AbortSignal,
): Promise<boolean> {
  const found = new AbortController();
  await reader.follow(
    new Map(from),
    {
      onBatch({ records }) {
        if (records.some(({ headers }) => headers[EVENT_ID_HEADER]?.toString() === eventId)) found.abort();
      },
      onAvailable() {},
      onUnavailable() {},
      onOutOfRange: (_partition, _logStartOffset, highWatermark) => highWatermark,
    },
    AbortSignal.any([signal, found.signal]),
  );
  return found.signal.aborted;
}

/** A key that no order has, and that belongs to the partition. */
function keyOf(partition: number, partitionCount: number): string {
  for (let number = 0; ; number++) {
    const key = `relay-canary-${number}`;
    if (keyHash(key) % partitionCount === partition) return key;
  }
}
