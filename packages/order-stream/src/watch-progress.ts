import type { WatchOrdersResponse } from './gen/orders/v1/order_stream.ts';
import { parseWritePosition, type WritePosition } from './write-position.ts';

/** How far a watch has come, over all of its streams. */
export interface WatchProgress {
  /** Whoever iterates has handled the message: it asks for the next one. */
  handled(message: WatchOrdersResponse): void;
  /** The watch is over, and nothing more comes. */
  ended(): void;
  /** Every change that was committed before it has been handled; undefined while that is not known. It never goes back. */
  completeThroughTime(): Date | undefined;
  waitFor(position: string, signal?: AbortSignal): Promise<void>;
}

/** The newest versions of so many orders: a change may be waited for after it has come. */
const REMEMBERED_ORDERS = 10_000;

export function createWatchProgress(): WatchProgress {
  const versions = new Map<string, bigint>();
  const waiting = new Map<() => void, WritePosition>();
  let throughMs: number | undefined;
  let isOver = false;

  function remember(orderId: string, version: bigint): void {
    const known = versions.get(orderId);
    versions.delete(orderId);
    versions.set(orderId, known !== undefined && known > version ? known : version);
    const oldest = versions.keys().next().value;
    if (versions.size > REMEMBERED_ORDERS && oldest !== undefined) versions.delete(oldest);
  }

  function isHandled({ orderId, version, committedByMs }: WritePosition): boolean {
    return (
      (versions.get(orderId) ?? -1n) >= version || (throughMs !== undefined && throughMs >= committedByMs)
    );
  }

  function wakeHandled(): void {
    for (const [wake, position] of waiting) if (isHandled(position)) wake();
  }

  return {
    handled({ events, signal }) {
      for (const { orderId, orderVersion } of events) remember(orderId, orderVersion);
      const told =
        signal?.$case === 'heartbeat' || signal?.$case === 'caughtUp'
          ? signal.value.completeThroughTime?.getTime()
          : undefined;
      if (told !== undefined && told > (throughMs ?? Number.NEGATIVE_INFINITY)) throughMs = told;
      wakeHandled();
    },
    ended() {
      isOver = true;
      for (const wake of waiting.keys()) wake();
    },
    completeThroughTime: () => (throughMs === undefined ? undefined : new Date(throughMs)),
    async waitFor(text, signal) {
      const position = parseWritePosition(text);
      signal?.throwIfAborted();
      if (!isHandled(position) && !isOver) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const wake = () => resolve();
        waiting.set(wake, position);
        signal?.addEventListener('abort', wake, { once: true });
        await promise;
        waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
      }
      if (isHandled(position)) return;
      signal?.throwIfAborted();
      throw new Error('the watch has ended before it came to the write');
    },
  };
}
