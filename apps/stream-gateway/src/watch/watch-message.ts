import type { LogEvent } from '../log/log-event.ts';

/** Tells a client about its stream rather than about an order. */
export type WatchSignal =
  | { readonly kind: 'started'; readonly watcherId: string; readonly heartbeatMs: number }
  | { readonly kind: 'heartbeat'; readonly backlogEvents: bigint }
  | { readonly kind: 'caught up' }
  | { readonly kind: 'fell behind'; readonly backlogEvents: bigint }
  | { readonly kind: 'source state changed'; readonly available: boolean; readonly since: Date }
  | { readonly kind: 'gap'; readonly fromToken: string; readonly missedEvents: bigint }
  | { readonly kind: 'draining'; readonly reconnectDelayMs: number };

/** Events and at most one signal; the token stands after both. */
export interface WatchMessage {
  readonly events: readonly LogEvent[];
  readonly resumeToken: string;
  readonly signal?: WatchSignal;
}
