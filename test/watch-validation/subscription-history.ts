import type { OrderEvent } from '@order-events/order-stream';
import type { OrderSelection } from './topic-log.ts';

/** Something that a consumer of a subscription saw or did, or was told to be stored. */
export interface SubscriptionStep {
  readonly kind: 'delivered' | 'acknowledged' | 'stored';
  readonly consumer: string;
  readonly event: OrderEvent;
}

/** What all consumers of a subscription saw and did, in one order: they are of one process. */
export interface SubscriptionHistory {
  readonly subscription: string;
  readonly filter: OrderSelection;
  readonly steps: readonly SubscriptionStep[];
}
