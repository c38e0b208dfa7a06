import type { RejectAnswer } from '../held/held-partition-api.ts';
import type { LogEvent } from '../log/log-event.ts';
import type { StreamSignal } from '../stream/stream-signal.ts';

/** Tells a client about its stream rather than about an order. */
export type ConsumeSignal =
  | StreamSignal
  | { readonly kind: 'assignment changed'; readonly partitions: readonly number[] }
  | { readonly kind: 'rejected'; readonly answer: RejectAnswer }
  | { readonly kind: 'acknowledged'; readonly ackToken: string };

/** Events and at most one signal; the token acknowledges everything up to here. */
export interface ConsumeMessage {
  readonly events: readonly LogEvent[];
  readonly ackToken: string;
  readonly signal?: ConsumeSignal;
}
