import type { StartPosition, WatchOrdersResponse } from '@order-events/order-stream';
import type { OrderSelection } from './topic-log.ts';

/** One stream as its client saw it: every message in the order of arrival. Times are of the monotonic clock. */
export interface RecordedStream {
  /** What the client asked for; undefined for a stream that a library took up again on its own. */
  readonly start?: StartPosition['position'];
  readonly openedAtMs: number;
  readonly messages: readonly ReceivedMessage[];
  /** Undefined while it is open, or when the client left. */
  readonly endedAtMs?: number | undefined;
}

export interface ReceivedMessage {
  readonly atMs: number;
  readonly message: WatchOrdersResponse;
}

/** All that one client saw, stream after stream: each goes on where the one before stood. */
export interface WatchHistory {
  readonly client: string;
  readonly filter: OrderSelection;
  readonly allowGap?: boolean;
  readonly streams: readonly RecordedStream[];
}

/** The token of the newest message; undefined before the first. */
export function lastToken(history: WatchHistory): string | undefined {
  return history.streams.flatMap(({ messages }) => messages).at(-1)?.message.resumeToken;
}
