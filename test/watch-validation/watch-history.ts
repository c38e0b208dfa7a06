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
  /** Where the server says that it stood, with the end. */
  readonly endToken?: string | undefined;
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

/** Every token that a stream was given, in order. */
export function tokensOf({ messages, endToken }: RecordedStream): string[] {
  const tokens = messages.map(({ message }) => message.resumeToken);
  return endToken === undefined ? tokens : [...tokens, endToken];
}

/** The newest token of a client; undefined before its first. */
export function lastToken({ streams }: WatchHistory): string | undefined {
  return streams.flatMap(tokensOf).at(-1);
}
