import type { LogEvent } from '../log/log-event.ts';
import type { Complete, StreamSignal } from '../stream/stream-signal.ts';

/** Tells a client about its stream rather than about an order. */
export type WatchSignal =
  | StreamSignal
  | ({ readonly kind: 'caught up' } & Complete)
  | { readonly kind: 'fell behind'; readonly backlogEvents: bigint };

/** Events and at most one signal; the token stands after both. */
export interface WatchMessage {
  readonly events: readonly LogEvent[];
  readonly resumeToken: string;
  readonly signal?: WatchSignal;
}
