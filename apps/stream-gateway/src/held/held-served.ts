import type { LogReader, LogRecord, PartitionPositions } from '@order-events/messaging';
import { sleep } from '@order-events/runtime';
import { readHeldLog } from './held-log.ts';
import { heldEventIdOf } from './held-record.ts';
import { REQUEST_HEADER, requestIdOf } from './held-request-record.ts';

/** A stream looks once a second; with several requests, or a slow broker, it takes longer. */
const PATIENCE_MS = 5_000;
const INTERVAL_MS = 100;

/** Waits until a request is done, and answers the ids of the events that were stored anew for it, and of those that were deleted; undefined when nobody has done it in time. */
export async function whenServed(
  reader: Pick<LogReader, 'offsets' | 'read'>,
  subscription: string,
  requestId: string,
  at: { readonly partition: number; readonly offset: bigint },
  signal: AbortSignal,
): Promise<{ stored: ReadonlySet<string>; deleted: ReadonlySet<string> } | undefined> {
  const { partition } = at;
  const untilMs = performance.now() + PATIENCE_MS;
  const served = { stored: new Set<string>(), deleted: new Set<string>() };
  let isDone = false;

  function take({ key: bytes, value, headers }: Pick<LogRecord, 'key' | 'value' | 'headers'>): void {
    const key = bytes?.toString() ?? '';
    if (headers[REQUEST_HEADER]?.toString() === requestId) {
      const eventId = heldEventIdOf(subscription, key);
      if (eventId !== undefined) (value ? served.stored : served.deleted).add(eventId);
    } else if (value === null) isDone ||= requestIdOf(subscription, key) === requestId;
  }

  let from: PartitionPositions = new Map([[partition, at.offset]]);
  while (!isDone && performance.now() < untilMs) {
    await sleep(INTERVAL_MS, signal);
    signal.throwIfAborted();
    from = await readHeldLog(reader, [partition], from, { take, pass: () => {} }, signal);
  }
  return isDone ? served : undefined;
}
