import type { LogEvent } from '../log/log-event.ts';

/** Tells a client about its stream rather than about an order. */
export type ConsumeSignal =
  | { readonly kind: 'started'; readonly watcherId: string; readonly heartbeatMs: number }
  | { readonly kind: 'heartbeat'; readonly backlogEvents: bigint }
  | { readonly kind: 'assignment changed'; readonly partitions: readonly number[] }
  | { readonly kind: 'acknowledged'; readonly ackToken: string }
  | { readonly kind: 'source state changed'; readonly available: boolean; readonly since: Date }
  | { readonly kind: 'gap'; readonly fromToken: string; readonly missedEvents: bigint }
  | { readonly kind: 'draining'; readonly reconnectDelayMs: number };

/** Events and at most one signal; the token acknowledges everything up to here. */
export interface ConsumeMessage {
  readonly events: readonly LogEvent[];
  readonly ackToken: string;
  readonly signal?: ConsumeSignal;
}
