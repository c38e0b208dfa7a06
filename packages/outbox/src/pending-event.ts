import type { OrderEventType } from '@order-events/domain';

/** One row of the outbox that waits to be published. */
export interface PendingEvent {
  /** Follows commit order per order: it is drawn while the order's row lock is held. */
  readonly seq: bigint;
  readonly eventId: string;
  readonly eventType: OrderEventType;
  /** Order id. */
  readonly key: string;
  /** Partition of the topic that the key belongs to. */
  readonly partition: number;
  /** JSON exactly as the topic carries it. */
  readonly payload: string;
  /** What the row knows beyond its columns, for example `traceparent`. */
  readonly headers: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** The replay that publishes the event once more; absent when it is published for the first time. */
  readonly replayId?: string;
}
